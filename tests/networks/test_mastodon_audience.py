"""snac calls unlisted posts public; whom a post is for is asked of the post itself. Servers on loopback, and scripted ones."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from networks.mastodon_fakes import NOW, SERVER, Script, status
from shareasm.clock import SystemClock
from shareasm.domain.posts import Visibility
from shareasm.networks.mastodon.audience import UNTOLD
from shareasm.networks.mastodon.conversations import MastodonConversations
from shareasm.networks.mastodon.reader import MastodonReader
from shareasm.networks.ports import Page, Window
from shareasm.rehearsal.mastodon import Flavour, MastodonServer, federate

TAG = "/api/v1/timelines/tag/shareASM"
NOTE = "/amina/p/1795306311.762621"
EVERYBODY, FOLLOWERS = "https://www.w3.org/ns/activitystreams#Public", f"{SERVER}/amina/followers"
AGENT = "shareasm-tests/1"


def around(now: datetime) -> Window:
    return Window(now - timedelta(days=1), now + timedelta(days=1))


def of_snac(**changes: Any) -> dict[str, Any]:
    account = {"id": "1", "acct": "amina@mastodon.example", "url": f"{SERVER}/amina"}
    return status(
        1, id=f"1795306311{'0a' * 16}", uri=f"{SERVER}{NOTE}", url=f"{SERVER}{NOTE}", account=account, **changes
    )


def read(script: Script) -> tuple[list[Visibility], list[str]]:
    """Return how far the posts of a timeline reach, and why others were set aside."""
    reader = MastodonReader(SERVER, user_agent=AGENT, now=lambda: NOW, transport=script.transport)
    pages = [*reader.read_tag("shareASM", around(NOW), None), *reader.sweep_tag("shareASM", around(NOW))]
    seen = [seen.post.visibility for page in pages for seen in page.posts]
    return seen, [skipped.reason for page in pages for skipped in page.skipped]


@pytest.mark.parametrize(
    ("note", "visibility"),
    [
        ({"to": [EVERYBODY], "cc": [FOLLOWERS]}, Visibility.PUBLIC),
        ({"to": "as:Public"}, Visibility.PUBLIC),
        ({"to": [FOLLOWERS], "cc": [EVERYBODY]}, Visibility.UNLISTED),
        ({"to": [FOLLOWERS], "cc": "Public"}, Visibility.UNLISTED),
    ],
)
def test_a_post_is_for_whom_its_own_server_tells_others_that_it_is(note: object, visibility: Visibility) -> None:
    script = Script("snac").on(TAG, [of_snac()]).on(NOTE, note)
    assert read(script) == ([visibility] * 2, [])
    [asked] = [request for request in script.asked if request.url.path == NOTE]  # once, however often it is read
    assert asked.headers["accept"] == "application/activity+json"


@pytest.mark.parametrize(
    "answer", [httpx.Response(404), httpx.Response(403), httpx.Response(410), {"to": 5}, {"to": ["x", 5]}, [], "x"]
)
def test_a_post_of_which_its_server_does_not_say_it_is_counted_and_not_taken(answer: object) -> None:
    script = Script("snac").on(TAG, [of_snac()]).on(NOTE, answer)
    assert read(script) == ([], [UNTOLD] * 2)


def test_a_post_that_is_for_nobody_in_the_public_is_not_taken_either() -> None:
    assert read(Script("snac").on(TAG, [of_snac()]).on(NOTE, {"to": [FOLLOWERS]})) == ([], ["not public"] * 2)


def test_a_server_that_tells_itself_whom_its_posts_are_for_is_not_asked_again() -> None:
    script = Script().on(TAG, [status(1), status(2, visibility="unlisted")])
    read(script)
    assert [path for path in script.paths() if "/statuses/" in path or "/p/" in path] == []


@pytest.mark.loopback
def test_on_snac_unlisted_posts_and_unlisted_answers_are_known_as_such() -> None:
    clock = SystemClock()
    with MastodonServer(clock, flavour=Flavour.SNAC) as snac, MastodonServer(clock) as away:
        amina, bela = snac.account("amina", "Amina"), away.account("bela", "Bela")
        federate(away, snac)
        question = snac.say(amina, "Who is there? #shareASM")
        snac.say(amina, "Quietly #shareASM", visibility="unlisted")
        snac.say(amina, "I am", reply_to=question)
        snac.say(amina, "Me too", reply_to=question, visibility="unlisted")
        away.say(bela, "From elsewhere #shareASM")
        who: dict[str, Any] = {"user_agent": AGENT, "now": clock.now, "token": amina.token}
        pages = list(MastodonReader(snac.url, **who).read_tag("shareASM", around(datetime.now(UTC)), None))
        assert _told(pages) == {
            "Who is there? #shareASM": Visibility.PUBLIC,
            "Quietly #shareASM": Visibility.UNLISTED,
        }
        assert [skipped.reason for page in pages for skipped in page.skipped] == [UNTOLD]
        [asked] = [seen for page in pages for seen in page.posts if "Who" in seen.post.text]
        said = MastodonConversations(snac.url, **who).read_conversation(asked.post, asked.local_id)
        assert _told([Page(posts=said.answers)]) == {"I am": Visibility.PUBLIC, "Me too": Visibility.UNLISTED}


def _told(pages: list[Page]) -> dict[str, Visibility]:
    return {seen.post.text: seen.post.visibility for page in pages for seen in page.posts}
