"""Whether a cursor holds is told by one question, whatever the ids look like."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareasm.clock import SystemClock
from shareasm.networks.mastodon.cursor import holds, just_below
from shareasm.networks.mastodon.reader import MastodonReader
from shareasm.networks.ports import Window
from shareasm.rehearsal.mastodon import Flavour, MastodonServer

ULIDS = ["01JD8Z0H0C", "01JD8Z0H0B", "01JD8Z0H0A"]
NUMBERS = ["113000", "112000", "9000"]


class Server:
    """Answers with the ids above a bound, newest first, one at most; how, its kind says."""

    def __init__(self, ids: list[str], kind: str) -> None:
        self.ids, self.kind = ids, kind

    def __call__(self, bound: str) -> list[str]:
        above = [one for one in self.ids if (len(one), one) > (len(bound), bound)]
        match self.kind:
            case "right above":
                return above[-1:]
            case "newest above":
                return above[:1]
            case "looks up":
                return [one for one in above[-1:] if bound in self.ids]
            case "knows no bound":
                return self.ids[:1]
            case _:
                return above  # knows no limit


@pytest.mark.parametrize("ids", [NUMBERS, ULIDS, NUMBERS[:2]])
@pytest.mark.parametrize("kind", ["right above", "newest above", "looks up", "knows no bound", "knows no limit"])
def test_a_cursor_holds_where_the_post_right_above_it_comes_first(ids: list[str], kind: str) -> None:
    assert holds(ids, Server(ids, kind)) is (kind == "right above")


@pytest.mark.parametrize("ids", [[], ["1"], ["0", "0"], ["1-?", "1-!"]])
def test_where_nothing_can_be_tried_nobody_is_asked(ids: list[str]) -> None:
    assert not holds(ids, Server(ids, "right above"))


def test_posts_that_come_after_the_page_do_not_disturb() -> None:
    assert holds(NUMBERS, Server(["114000", *NUMBERS], "right above"))


@given(st.text(st.sampled_from("0123456789abcdefghjkmnpqrstvwxyz"), min_size=1))
def test_what_stands_just_below_is_below_and_as_long(id_: str) -> None:
    below = just_below(id_)
    assert below is None or (below < id_ and len(below) == len(id_))


@pytest.mark.loopback
@pytest.mark.parametrize(("flavour", "keeps"), [(Flavour.UNHEARD_OF, False), (Flavour.PLEROMA, True)])
def test_a_burst_between_two_reads_is_found_on_a_program_that_nobody_has_named(
    flavour: Flavour, *, keeps: bool
) -> None:
    """Their first page is full, so that a cursor which gives the newest posts would lose the middle."""
    now = datetime.now(UTC)
    day = Window(now - timedelta(hours=1), now + timedelta(hours=1))
    with MastodonServer(SystemClock(), flavour=flavour) as server:
        amina = server.account("amina", "Amina", visibility="public")
        reader = MastodonReader(server.url, user_agent="shareasm-tests/1", now=SystemClock().now)
        told: set[str] = set()
        checkpoint: str | None = None
        for spelling in ("minería", "mineria"):  # two timelines there
            for number in range(100):
                server.say(amina, f"{spelling} {number} #{spelling}")
            for page in reader.read_tag("minería", day, checkpoint):
                checkpoint = page.checkpoint or checkpoint
                told.update(seen.post.text for seen in page.posts)
        assert len(told) == 200
        assert checkpoint
        assert ('"min_id":null' not in checkpoint) == keeps
