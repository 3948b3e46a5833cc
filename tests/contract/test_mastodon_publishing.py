"""What only servers of Mastodon's API have: keys that are remembered or not, files with ids, polls, quotes, tokens that change.

Each sentence of "once" on each flavour: looked for by words, files, parent, poll and quote.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from contract.bench import CLOCK, PICTURES, Call, Mishap, Ours
from contract.mastodon_bench import AGENT, MastodonBench
from contract.servers import SERVERS
from mp4 import mp4
from shareasm.domain.posts import Network
from shareasm.domain.queue import Draft, DraftMedia, DraftPoll, DraftVideo, Receipt
from shareasm.errors import ConfigError, RateLimited, Rejected, Stale, Unauthorized, Unreachable
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.publisher import MastodonPublisher
from shareasm.networks.ports import Thread, Ties
from shareasm.pictures import prepare

FLAVOURS = [name for name in SERVERS if name not in {"bluesky", "real-bluesky", "memory"}]
DOT = DraftMedia("dot.png", "Two fields beside a river")
POLL = DraftPoll(("gold", "tin & zinc", "« or »"), timedelta(hours=2))


def on(*names: str) -> pytest.MarkDecorator:
    """Run a test on these flavours."""
    return pytest.mark.parametrize("bench", names, indirect=True)


on_all = on(*FLAVOURS)
TAKES_POLLS = [name for name in FLAVOURS if name not in {"snac", "pixelfed"}]
KEEPS_MEDIA_IDS = ["mastodon", "mastodon-4.6.5", "mastodon-4.2", "gotosocial"]


def _draft(bench: MastodonBench, text: str, **more: Any) -> Draft:
    needs_picture = bench.server.instance.rules.needs_media and not more.get("media")
    return Draft(Network.MASTODON, text, "en", **({"media": (DOT,)} if needs_picture else {}), **more)


def _freeze(ours: Ours, draft: Draft, key: str, ties: Ties | None = None) -> str:
    prepared = ours.publisher.prepare(draft, Path(PICTURES))
    return ours.publisher.freeze(draft, key, prepared, ties or Ties(), CLOCK.now())


def _publish(ours: Ours, draft: Draft, ties: Ties | None = None, key: str = "") -> Receipt:
    key = key or f"shareasm:{draft.text}"
    return ours.publisher.publish(_freeze(ours, draft, key, ties), key)


def _shown(bench: MastodonBench, receipt: Receipt) -> dict[str, Any]:
    """Return the post as its server has it, with what was typed as `text`."""
    (found,) = (status for status in bench.server.statuses() if status["uri"] == receipt.ref.uri)
    return found


# ---- once, whatever it carries -----------------------------------------------------------------------------------------


def _words(bench: MastodonBench, ours: Ours) -> tuple[Draft, Ties]:
    return _draft(bench, "Words & https://iied.example/x"), Ties()


def _pictures(bench: MastodonBench, ours: Ours) -> tuple[Draft, Ties]:
    return _draft(bench, "Two pictures", media=(DOT, DOT)), Ties()


def _reply(bench: MastodonBench, ours: Ours) -> tuple[Draft, Ties]:
    root = _publish(ours, _draft(bench, "The source"))
    return _draft(bench, "A reply", reply_to="source"), Ties(Thread(root, root))


def _poll(bench: MastodonBench, ours: Ours) -> tuple[Draft, Ties]:
    return _draft(bench, "Which one?", poll=POLL), Ties()


def _quote(bench: MastodonBench, ours: Ours) -> tuple[Draft, Ties]:
    return _draft(bench, "As we said", quotes="quoted"), Ties(quoted=_publish(ours, _draft(bench, "Quoted")))


def _warned(bench: MastodonBench, ours: Ours) -> tuple[Draft, Ties]:
    return _draft(bench, "A picture", content_warning="An injury", labels=("graphic-media",)), Ties()


@on_all
@pytest.mark.parametrize("kind", [_words, _pictures, _reply, _poll, _quote, _warned])
@pytest.mark.parametrize("mishap", [Mishap.ANSWER_LOST, Mishap.CUT_SHORT])
def test_a_lost_post_is_found_whatever_it_carries(
    bench: MastodonBench, kind: Callable[[MastodonBench, Ours], tuple[Draft, Ties]], mishap: Mishap
) -> None:
    ours, began = bench.ours(), CLOCK.now()
    draft, ties = kind(bench, ours)
    payload = _freeze(ours, draft, "k", ties)
    before = len(bench.texts(ours))
    bench.let_fail(Call.PUBLISH, mishap)
    with pytest.raises(Unreachable) as caught:
        ours.publisher.publish(payload, "k")
    assert caught.value.is_outcome_unknown
    found = ours.publisher.find(payload, "k", began)
    assert found is not None
    assert _shown(bench, found)["id"] == found.local_id
    assert len(bench.texts(ours)) == before + 1


@on_all
@pytest.mark.parametrize("kind", [_words, _pictures, _reply, _poll, _quote, _warned])
def test_what_never_arrived_is_not_found_among_its_likes(
    bench: MastodonBench, kind: Callable[[MastodonBench, Ours], tuple[Draft, Ties]]
) -> None:
    """The same words with another frame stand there already."""
    ours, began = bench.ours(), CLOCK.now()
    draft, ties = kind(bench, ours)
    plain = _draft(bench, draft.text)
    _publish(ours, plain, key="plain")
    payload = _freeze(ours, draft, "k", ties)
    bench.let_fail(Call.PUBLISH, Mishap.LOST_ON_THE_WAY)
    with pytest.raises(Unreachable):
        ours.publisher.publish(payload, "k")
    found = ours.publisher.find(payload, "k", began)
    limits = ours.publisher.limits()
    is_alike = kind is _words or (kind is _poll and not limits.has_polls)
    assert (found is not None) is is_alike  # two posts that are the same in all: the queue knows whose it is


@on(*KEEPS_MEDIA_IDS)
def test_two_posts_of_the_same_words_and_pictures_are_told_apart_by_their_files(bench: MastodonBench) -> None:
    ours, began = bench.ours(), CLOCK.now()
    payloads = {key: _freeze(ours, _draft(bench, "Good morning", media=(DOT,)), key) for key in ("a", "b")}
    receipts = {key: ours.publisher.publish(payload, key) for key, payload in payloads.items()}
    assert {key: ours.publisher.find(payload, key, began) for key, payload in payloads.items()} == receipts


@on_all
def test_two_posts_of_the_same_words_are_told_apart_by_their_parents(bench: MastodonBench) -> None:
    ours, began = bench.ours(), CLOCK.now()
    roots = [_publish(ours, _draft(bench, f"Question {number}")) for number in (1, 2)]
    payloads = [
        _freeze(ours, _draft(bench, "Source below"), f"k{root.local_id}", Ties(Thread(root, root))) for root in roots
    ]
    receipts = [ours.publisher.publish(payload, f"k{number}") for number, payload in enumerate(payloads)]
    assert [ours.publisher.find(payload, "k", began) for payload in payloads] == receipts


@on("mastodon", "mastodon-4.6.5")
def test_a_503_on_a_repetition_means_that_the_post_may_be_there(bench: MastodonBench) -> None:
    """The first request is in work still, and holds the lock of its key."""
    ours, began = bench.ours(), CLOCK.now()
    payload = _freeze(ours, _draft(bench, "Once"), "k")
    hold = bench.server.hold_posts()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(ours.publisher.publish, payload, "k")
        assert hold.wait_for_one()
        with pytest.raises(Unreachable) as caught:
            ours.publisher.publish(payload, "k")
        assert caught.value.is_outcome_unknown
        assert ours.publisher.find(payload, "k", began) is None  # not yet: so it is looked for twice
        bench.server.release_posts()
    assert ours.publisher.find(payload, "k", began) == first.result()
    assert bench.texts(ours) == ["Once"]


@on("mastodon-4.6.5")
def test_a_500_on_a_repetition_means_that_the_post_may_be_there(bench: MastodonBench) -> None:
    ours, began = bench.ours(), CLOCK.now()
    payload = _freeze(ours, _draft(bench, "Once"), "k")
    first = ours.publisher.publish(payload, "k")
    with pytest.raises(Unreachable, match="500") as caught:
        ours.publisher.publish(payload, "k")
    assert caught.value.is_outcome_unknown
    assert ours.publisher.find(payload, "k", began) == first


@on("pixelfed")
def test_a_burnt_key_may_be_a_post_or_none(bench: MastodonBench) -> None:
    """A refused post burns its key: sent again it is neither known to be there nor posted."""
    ours, began = bench.ours(), CLOCK.now()
    draft = _draft(bench, "x" * 600)
    with pytest.raises(Rejected):
        _publish(ours, draft, key="k")
    payload = _freeze(ours, _draft(bench, "Shorter"), "k")
    with pytest.raises(Unreachable) as caught:
        ours.publisher.publish(payload, "k")
    assert caught.value.is_outcome_unknown
    assert ours.publisher.find(payload, "k", began) is None
    assert bench.texts(ours) == []


# ---- files -------------------------------------------------------------------------------------------------------------


@on(*FLAVOURS)
def test_uploads_that_died_are_made_anew(bench: MastodonBench) -> None:
    ours = bench.ours()
    draft = _draft(bench, "A picture", media=(DOT,))
    payload = _freeze(ours, draft, "k1")
    bench.server.instance.attachments.clear()  # as its vacuum does after a day
    with pytest.raises(Stale):
        ours.publisher.publish(payload, "k1")
    assert bench.texts(ours) == []
    receipt = _publish(ours, draft, key="k2")
    assert len(_shown(bench, receipt)["media_attachments"]) == 1


@on(*FLAVOURS)
def test_a_file_is_never_attached_twice(bench: MastodonBench) -> None:
    ours = bench.ours()
    payload = _freeze(ours, _draft(bench, "A picture", media=(DOT,)), "k1")
    ours.publisher.publish(payload, "k1")
    with pytest.raises(Stale):
        ours.publisher.publish(payload, "k2")
    assert bench.texts(ours) == ["A picture"]


@on_all
def test_a_focal_point_goes_with_its_picture(bench: MastodonBench) -> None:
    ours = bench.ours()
    dot = DraftMedia("dot.png", "Two fields", focus=(-0.5, 0.25))
    (picture,) = _shown(bench, _publish(ours, _draft(bench, "A picture", media=(dot,))))["media_attachments"]
    assert picture["description"] == "Two fields"
    assert not bench.server.instance.rules.has_media_meta or picture["meta"]["focus"] == {"x": -0.5, "y": 0.25}


def _film(tmp_path: Path) -> Path:
    (tmp_path / "pit.mp4").write_bytes(mp4())
    return tmp_path


@on(*[name for name in FLAVOURS if name != "takahe"])
def test_a_video_goes_out_alone_once_it_is_worked_through(bench: MastodonBench, tmp_path: Path) -> None:
    ours = bench.ours()
    draft = _draft(bench, "A pit", video=DraftVideo("pit.mp4", "Water runs", captions=(("en", "pit.vtt"),)))
    prepared = ours.publisher.prepare(draft, _film(tmp_path))
    receipt = ours.publisher.publish(ours.publisher.freeze(draft, "k", prepared, Ties(), CLOCK.now()), "k")
    (video,) = _shown(bench, receipt)["media_attachments"]
    assert video["description"] == "Water runs"


@on("takahe")
def test_where_a_server_takes_no_videos_we_are_told(bench: MastodonBench, tmp_path: Path) -> None:
    ours = bench.ours()
    assert ours.publisher.limits().video_bytes is None
    with pytest.raises(ConfigError, match="takes no videos"):
        ours.publisher.prepare(_draft(bench, "A pit", video=DraftVideo("pit.mp4", "Water runs")), _film(tmp_path))


@on("mastodon")
def test_a_video_that_takes_long_is_asked_for_later_and_sent_once(bench: MastodonBench, tmp_path: Path) -> None:
    ours, folder = bench.ours(), _film(tmp_path)
    draft = _draft(bench, "A pit", video=DraftVideo("pit.mp4", "Water runs"))
    bench.server.instance.slow_media_polls = 8
    held = len(bench.server.instance.attachments)
    try:
        with pytest.raises(RateLimited, match="still working"):
            ours.publisher.prepare(draft, folder)
        ours.publisher.prepare(draft, folder)
    finally:
        bench.server.instance.slow_media_polls = 1
    assert len(bench.server.instance.attachments) == held + 1


# ---- polls, quotes, labels ---------------------------------------------------------------------------------------------


@on_all
def test_a_poll_asks_where_a_server_has_polls(bench: MastodonBench) -> None:
    ours = bench.ours()
    shown = _shown(bench, _publish(ours, _draft(bench, "Which one?", poll=POLL)))
    titles = [option["title"] for option in shown["poll"]["options"]] if shown["poll"] else None
    assert titles == (list(POLL.options) if ours.publisher.limits().has_polls else None)


@on_all
def test_a_quote_is_a_quote_or_an_address(bench: MastodonBench) -> None:
    ours = bench.ours()
    draft, ties = _quote(bench, ours)
    shown = _shown(bench, _publish(ours, draft, ties))
    assert ties.quoted is not None
    if ours.publisher.limits().can_quote:
        assert shown["quote"]["quoted_status"]["uri"] == ties.quoted.ref.uri
        assert shown["text"] == "As we said"
    else:
        assert shown["quote"] is None
        assert shown["text"] == f"As we said\n\n{ties.quoted.url}"


@on("mastodon", "mastodon-4.6.5")
def test_a_post_that_may_not_be_quoted_is_quoted_by_us_alone(bench: MastodonBench) -> None:
    ours = bench.ours()
    quoted = _publish(ours, _draft(bench, "Ours", may_be_quoted=False))
    assert _shown(bench, quoted)["quote_approval"]["automatic"] == []
    _publish(ours, _draft(bench, "Again", quotes="ours"), Ties(quoted=quoted))
    with pytest.raises(Rejected):
        _publish(bench.ours(), _draft(bench, "Theirs", quotes="ours"), Ties(quoted=quoted))


@on_all
def test_a_label_hides_the_pictures(bench: MastodonBench) -> None:
    ours = bench.ours()
    shown = _shown(bench, _publish(ours, _draft(bench, "A picture", labels=("graphic-media",))))
    assert (shown["sensitive"], shown["spoiler_text"]) == (True, "")


@on_all
def test_a_post_of_a_limited_account_is_known_to_be_unlisted(bench: MastodonBench) -> None:
    ours = bench.ours()
    bench.server.change(bench.person(ours), is_silenced=True)
    receipt = _publish(ours, _draft(bench, "Quietly"))
    assert receipt.visibility == ("public" if bench.server.instance.rules.shows_unlisted_as_public else "unlisted")


# ---- how long ----------------------------------------------------------------------------------------------------------


@on(*[name for name in FLAVOURS if name != "snac"])
@pytest.mark.parametrize("warning", [None, "Blood & « or » 👩🏿‍🏭"])
def test_a_post_that_fits_as_it_is_counted_is_taken_and_one_more_is_not(
    bench: MastodonBench, warning: str | None
) -> None:
    ours = bench.ours()
    limits = ours.publisher.limits()
    words = "👩🏿‍🏭 ✓ @amina@a.example https://www.iied.org/" + "x" * 60 + " "
    filled = words + "ö" * (limits.text_length - limits.count(words, warning))
    assert limits.count(filled, warning) == limits.text_length
    _publish(ours, _draft(bench, filled, content_warning=warning))
    with pytest.raises(Rejected):
        _publish(ours, _draft(bench, filled + "ö", content_warning=warning), key="one more")
    assert bench.texts(ours) == [filled]


# ---- editing -----------------------------------------------------------------------------------------------------------


@on_all
def test_an_edit_keeps_pictures_and_warning_that_it_names_again(bench: MastodonBench) -> None:
    ours = bench.ours()
    draft = _draft(bench, "A mistkae", media=(DOT, DOT), content_warning="An injury")
    prepared = ours.publisher.prepare(draft, Path(PICTURES))
    receipt = ours.publisher.publish(ours.publisher.freeze(draft, "k", prepared, Ties(), CLOCK.now()), "k")
    mended = _draft(bench, "A mistake", media=(DOT, DOT), content_warning="An injury")
    payload = ours.publisher.freeze(mended, "k", prepared, Ties(), CLOCK.now())
    shown = _shown(bench, edited := ours.publisher.edit(payload, receipt))
    assert (shown["text"], shown["spoiler_text"]) == ("A mistake", "An injury")
    assert [picture["description"] for picture in shown["media_attachments"]] == [DOT.alt, DOT.alt]
    assert ours.publisher.edit(payload, edited).ref == receipt.ref  # twice is no error


@on_all
def test_an_edit_may_bring_other_pictures(bench: MastodonBench) -> None:
    ours = bench.ours()
    receipt = _publish(ours, _draft(bench, "A picture", media=(DOT,)))
    other = DraftMedia("dot.png", "A better description")
    payload = _freeze(ours, _draft(bench, "A picture", media=(other,)), "k2")
    (picture,) = _shown(bench, ours.publisher.edit(payload, receipt))["media_attachments"]
    assert picture["description"] == "A better description"


@on(*TAKES_POLLS)
def test_an_edit_keeps_the_votes_of_a_poll(bench: MastodonBench) -> None:
    ours = bench.ours()
    receipt = _publish(ours, _draft(bench, "Wich one?", poll=POLL))
    ends_at = _shown(bench, receipt)["poll"]["expires_at"]
    bench.server.vote(bench.amina, {"uri": receipt.ref.uri}, 1)
    edited = ours.publisher.edit(_freeze(ours, _draft(bench, "Which one?", poll=POLL), "k"), receipt)
    poll = _shown(bench, edited)["poll"]
    assert [option["votes_count"] for option in poll["options"]] == [0, 1, 0]
    assert poll["expires_at"][:15] == ends_at[:15]
    other = DraftPoll(("gold", "silver"), POLL.open_for)
    with pytest.raises(Rejected, match="votes would be lost"):
        ours.publisher.edit(_freeze(ours, _draft(bench, "Which one?", poll=other), "k"), receipt)


@on_all
def test_an_edit_whose_answer_was_lost_is_made_again(bench: MastodonBench) -> None:
    ours = bench.ours()
    receipt = _publish(ours, _draft(bench, "A mistkae"))
    payload = _freeze(ours, _draft(bench, "A mistake"), "k")
    bench.server.faults.add(bench.fault(Mishap.ANSWER_LOST), "PUT", "/api/v1/statuses/.*")
    with pytest.raises(Unreachable):
        ours.publisher.edit(payload, receipt)
    assert ours.publisher.edit(payload, receipt).ref == receipt.ref
    assert bench.texts(ours) == ["A mistake"]


@on(*[name for name in FLAVOURS if SERVERS[name].traits.can_delete])
def test_a_thread_is_taken_back_part_by_part_with_its_files(bench: MastodonBench) -> None:
    ours = bench.ours()
    root = _publish(ours, _draft(bench, "One", media=(DOT,)))
    second = _publish(ours, _draft(bench, "Two", media=(DOT,)), Ties(Thread(root, root)))
    held = len(bench.server.instance.attachments)
    for receipt in (second, root, root):
        ours.publisher.delete(receipt)
    assert bench.texts(ours) == []
    assert len(bench.server.instance.attachments) == held - 2


# ---- tokens ------------------------------------------------------------------------------------------------------------


@on_all
def test_a_mended_token_is_used_at_once_and_a_strangers_never(bench: MastodonBench) -> None:
    person = bench.person(bench.ours())
    tokens = [person.token]
    publisher = MastodonPublisher(
        bench.server.url, lambda: tokens[-1], handle=person.handle, user_agent=AGENT, now=CLOCK.now, prepare=prepare
    )
    ours = Ours(publisher, person.username)
    payload = _freeze(ours, _draft(bench, "Before"), "k1")
    bench.server.revoke(person.token)
    with pytest.raises(Unauthorized):
        publisher.publish(payload, "k1")
    tokens.append(bench.amina.token)
    with pytest.raises(Unauthorized, match="the token is of amina"):
        publisher.publish(payload, "k1")
    tokens.append(bench.server.token(person))
    publisher.publish(payload, "k1")
    assert bench.texts(ours) == ["Before"]


# ---- connections -------------------------------------------------------------------------------------------------------


@on("snac")
def test_what_is_read_on_a_connection_that_was_closed_meanwhile_is_read_again(bench: MastodonBench) -> None:
    api = Api(bench.server.url, user_agent=AGENT, now=CLOCK.now)
    for _ in range(50):
        assert api.get_object("/api/v1/instance")["title"]


@on_all
def test_what_is_written_is_written_once_however_it_ends(bench: MastodonBench) -> None:
    ours = bench.ours()
    for number, mishap in enumerate((Mishap.ANSWER_LOST, Mishap.CUT_SHORT, Mishap.WEB_PAGE, Mishap.LOST_ON_THE_WAY)):
        payload = _freeze(ours, _draft(bench, f"Number {number}"), f"k{number}")
        asked = len(bench.server.faults.log)
        bench.let_fail(Call.PUBLISH, mishap)
        with pytest.raises(Unreachable):
            ours.publisher.publish(payload, f"k{number}")
        assert [one.method for one in bench.server.faults.log[asked:]] == ["POST"]
