"""Publishing exactly once on Bluesky: what one call makes, and what is made of its answer."""

import json
from pathlib import Path

import httpx
import pytest

from networks.bluesky_pds import DID, NOW, error
from networks.bluesky_publishing import KEY, Bench, draft, freeze
from shareasm.domain.queue import DraftCard, DraftMedia, WhoMayReply
from shareasm.errors import Occupied, Rejected, Stale, Unreachable
from shareasm.networks.bluesky.publisher import LIMITS
from shareasm.networks.ports import Repeat, Thread, Ties

POST, POSTGATE, THREADGATE = (f"app.bsky.feed.{name}" for name in ("post", "postgate", "threadgate"))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def fields(payload: str) -> dict[str, object]:
    """Return the post's record in a frozen payload."""
    record = json.loads(payload)[POST]
    assert isinstance(record, dict)
    return record


# ---- once ------------------------------------------------------------------------------------------------------------


def test_a_post_goes_out_under_its_key_and_the_receipt_says_where_it_is(bench: Bench) -> None:
    receipt = bench.publisher().publish(bench.frozen(), KEY)
    assert receipt.ref.uri == f"at://{DID}/app.bsky.feed.post/{KEY}"
    assert receipt.url == f"https://bsky.app/profile/{DID}/post/{KEY}"
    assert (receipt.local_id, receipt.visibility) == (KEY, "public")
    assert receipt.version


def test_a_post_and_its_gates_are_one_deed(bench: Bench) -> None:
    gated = draft(who_may_reply=WhoMayReply.NOBODY, may_be_quoted=False)
    bench.publisher().publish(freeze(bench.publisher(), gated), KEY)
    assert [call for call in bench.pds.calls if call != "createSession"] == ["applyWrites"]
    assert list(bench.pds.records) == [(POST, KEY), (THREADGATE, KEY), (POSTGATE, KEY)]  # the post first: see FACTS.md


def test_nothing_that_is_there_can_be_written_over(bench: Bench) -> None:
    bench.publisher().publish(bench.frozen(), KEY)
    writes = json.loads(bench.pds.requests[-1].content)["writes"]
    assert {write["$type"] for write in writes} == {"com.atproto.repo.applyWrites#create"}


def test_publishing_twice_makes_one_post_and_one_receipt(bench: Bench) -> None:
    payload = bench.frozen()
    assert bench.publisher().publish(payload, KEY) == bench.publisher().publish(payload, KEY)
    assert len(bench.pds.posts) == 1


LOST_ANSWERS = [
    httpx.ReadTimeout("slow"),
    httpx.RemoteProtocolError("Server disconnected without sending a response."),
    error(500, "InternalServerError"),
    httpx.Response(502, text="<html>bad gateway</html>"),
    httpx.Response(200, text="<html>welcome</html>"),
    httpx.Response(200, json={"results": [{"uri": "at://did:plc:other/app.bsky.feed.post/3k", "cid": "bafyreiaaaaa"}]}),
    httpx.Response(200, json={"results": []}),
]


@pytest.mark.parametrize("lost", LOST_ANSWERS, ids=str)
def test_a_lost_answer_leaves_the_outcome_open_and_a_repeat_settles_it(bench: Bench, lost: object) -> None:
    payload = bench.frozen()
    bench.pds.plan = [("applyWrites", lost), ("getRecord", httpx.ReadTimeout("slow"))]  # type: ignore[list-item]
    bench.pds.after_acting = True
    with pytest.raises(Unreachable) as caught:
        bench.publisher().publish(payload, KEY)
    assert caught.value.is_outcome_unknown
    bench.pds.plan.clear()
    assert bench.publisher().find(payload, KEY, NOW) == bench.publisher().publish(payload, KEY)
    assert len(bench.pds.posts) == 1


@pytest.mark.parametrize("failure", [httpx.ConnectError("no route"), httpx.ConnectTimeout("slow")], ids=str)
def test_a_request_that_was_never_sent_was_not_done(bench: Bench, failure: Exception) -> None:
    payload = bench.frozen()
    bench.pds.plan = [("applyWrites", failure)]
    with pytest.raises(Unreachable) as caught:
        bench.publisher().publish(payload, KEY)
    assert not caught.value.is_outcome_unknown


def test_somebody_elses_words_under_our_key_are_never_overwritten(bench: Bench) -> None:
    ours, theirs = bench.frozen(), bench.frozen("Something else")
    bench.publisher().publish(theirs, KEY)
    with pytest.raises(Occupied):
        bench.publisher().publish(ours, KEY)
    with pytest.raises(Occupied):
        bench.publisher().find(ours, KEY, NOW)
    assert bench.pds.records[POST, KEY] == fields(theirs)


def test_a_row_that_was_frozen_as_the_post_alone_is_sent_and_found(bench: Bench) -> None:
    frozen = json.dumps(fields(bench.frozen()))
    receipt = bench.publisher().publish(frozen, KEY)
    assert bench.publisher().find(frozen, KEY, NOW) == bench.publisher().publish(frozen, KEY) == receipt
    assert list(bench.pds.records) == [(POST, KEY)]


def test_an_error_that_means_already_there_is_looked_into_at_once(bench: Bench) -> None:
    payload = bench.frozen()
    receipt = bench.publisher().publish(payload, KEY)
    for answer in (error(500, "InternalServerError"), error(400, "RecordAlreadyExists")):  # today's, and atproto#4728's
        bench.pds.plan = [("applyWrites", answer)]
        assert bench.publisher().publish(payload, KEY) == receipt


@pytest.mark.parametrize("changes", [{}, {"who_may_reply": WhoMayReply.NOBODY, "may_be_quoted": False}])
def test_a_post_that_a_person_deleted_is_not_made_again(bench: Bench, changes: dict[str, object]) -> None:
    payload = freeze(bench.publisher(), draft(**changes))
    bench.pds.plan = [("applyWrites", httpx.ReadTimeout("slow"))]
    bench.pds.after_acting = True
    with pytest.raises(Unreachable):
        bench.publisher().publish(payload, KEY)
    del bench.pds.records[POST, KEY]  # as the apps do: the gates stay
    for ask in (bench.publisher().publish, lambda *frozen: bench.publisher().find(*frozen, NOW)):
        with pytest.raises(Rejected, match="deleted on Bluesky since"):
            ask(payload, KEY)
    assert bench.pds.posts == {}


def test_pictures_that_the_server_threw_away_are_asked_for_again(bench: Bench) -> None:
    payload = bench.frozen()
    bench.pds.plan = [("applyWrites", error(400, "BlobNotFound", "Could not find blob: bafkreiaaaa"))]
    with pytest.raises(Stale, match="uploaded again"):
        bench.publisher().publish(payload, KEY)


def test_what_the_server_cannot_take_is_rejected_in_its_words(bench: Bench) -> None:
    payload = bench.frozen()
    bench.pds.plan = [("applyWrites", error(400, "InvalidRequest", "grapheme too big (maximum 300, got 301)"))]
    with pytest.raises(Rejected, match="grapheme too big"):
        bench.publisher().publish(payload, KEY)


def test_what_is_not_there_is_not_found(bench: Bench) -> None:
    assert bench.publisher().find(bench.frozen(), KEY, NOW) is None


def test_limits_say_that_repeating_is_safe() -> None:
    assert (LIMITS.text_length, LIMITS.text_bytes, LIMITS.repeat) == (300, 3000, Repeat.SAFE)
    assert (LIMITS.can_quote, LIMITS.can_edit, LIMITS.has_polls) == (True, False, False)


# ---- afterwards --------------------------------------------------------------------------------------------------------


def test_a_post_cannot_be_changed_and_we_are_told_what_to_do(bench: Bench) -> None:
    receipt = bench.publisher().publish(bench.frozen(), KEY)
    with pytest.raises(Rejected, match="withdraw it, and send another"):
        bench.publisher().edit(bench.frozen("Better"), receipt)
    assert bench.pds.records[POST, KEY]["text"] == "Hello #shareASM"


def test_a_post_is_taken_back_with_its_gates(bench: Bench) -> None:
    gated = draft(who_may_reply=WhoMayReply.NOBODY, may_be_quoted=False)
    receipt = bench.publisher().publish(freeze(bench.publisher(), gated), KEY)
    bench.publisher().delete(receipt)
    assert bench.pds.records == {}


def test_taking_back_begins_with_the_post(bench: Bench) -> None:
    """What breaks off in between leaves gates without a post, never a post without gates."""
    receipt = bench.publisher().publish(bench.frozen(), KEY)
    bench.pds.plan = [("deleteRecord", httpx.ReadTimeout("slow"))]
    bench.pds.after_acting = True
    with pytest.raises(Unreachable):
        bench.publisher().delete(receipt)
    assert list(bench.pds.records) == [(POSTGATE, KEY)]
    bench.publisher().delete(receipt)
    assert bench.pds.records == {}


def test_deleting_what_is_gone_is_no_error(bench: Bench) -> None:
    receipt = bench.publisher().publish(bench.frozen(), KEY)
    bench.publisher().delete(receipt)
    bench.publisher().delete(receipt)
    assert bench.pds.records == {}


# ---- preparing and freezing ----------------------------------------------------------------------------------------


def test_freezing_uploads_pictures_and_shows_nothing(bench: Bench) -> None:
    with_pictures = draft(media=(DraftMedia("a.png", "A sieve"), DraftMedia("b.png", "A scale")))
    payload = fields(freeze(bench.publisher(), with_pictures))
    assert [image["alt"] for image in payload["embed"]["images"]] == ["A sieve", "A scale"]
    assert payload["embed"]["images"][0]["aspectRatio"] == {"width": 640, "height": 480}
    assert bench.pds.records == {}


def test_freezing_twice_gives_the_same_record(bench: Bench) -> None:
    with_picture = draft("Hi @bakari.example", media=(DraftMedia("a.png", "A sieve"),))
    first, second = (freeze(bench.publisher(), with_picture) for _ in range(2))
    assert first == second


def test_a_mention_is_resolved_once_and_a_wrong_one_stays_text(bench: Bench) -> None:
    publisher = bench.publisher()
    for _ in range(2):
        payload = fields(freeze(publisher, draft("@bakari.example @nobody.example")))
        assert [facet["features"][0]["did"] for facet in payload["facets"]] == ["did:plc:bbbbbbbbbbbbbbbbbbbbbbbb"]
    assert bench.pds.calls.count("resolveHandle") == 2


def test_a_server_that_cannot_resolve_now_does_not_cost_a_mention(bench: Bench) -> None:
    bench.pds.plan = [("resolveHandle", error(503, "Unavailable"))]
    with pytest.raises(Unreachable):
        freeze(bench.publisher(), draft("@bakari.example"))


def test_a_card_takes_its_picture_from_the_folder_of_cards(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "abc.jpg").write_bytes(b"a picture")
    card = DraftCard("https://x.example/", "X", thumb="abc.jpg")
    record = fields(freeze(bench.publisher(cards=tmp_path), draft(card=card)))
    assert record["embed"]["external"]["thumb"]["mimeType"] == "image/jpeg"


@pytest.mark.parametrize("thumb", [None, "gone.jpg", "../abc.jpg", "abc.svg", ""])
def test_a_card_without_a_usable_picture_is_still_a_card(bench: Bench, tmp_path: Path, thumb: str | None) -> None:
    (tmp_path / "abc.jpg").write_bytes(b"a picture")
    (tmp_path / "abc.svg").write_bytes(b"a drawing")
    cards = tmp_path / "cards"
    cards.mkdir()
    for folder in (cards, None):
        card = DraftCard("https://x.example/", "X", thumb=thumb)
        record = fields(freeze(bench.publisher(cards=folder), draft(card=card)))
        assert record["embed"]["external"] == {"uri": "https://x.example/", "title": "X", "description": ""}


def test_a_thread_hangs_together(bench: Bench) -> None:
    root = bench.publisher().publish(bench.frozen(), KEY)
    payload = fields(freeze(bench.publisher(), draft("more"), Ties(Thread(root, root))))
    assert payload["reply"]["root"] == {"uri": root.ref.uri, "cid": root.version}


@pytest.mark.parametrize("visibility", ["private", "direct"])
def test_what_is_not_for_the_public_is_not_sent_to_bluesky(bench: Bench, visibility: str) -> None:
    with pytest.raises(Rejected):
        freeze(bench.publisher(), draft(visibility=visibility))


def test_freezing_asks_nobody(bench: Bench) -> None:
    publisher, wanted = bench.publisher(), draft("Hi @bakari.example", media=(DraftMedia("a.png", "A sieve"),))
    prepared = publisher.prepare(wanted, Path("media"))
    bench.pds.calls.clear()
    publisher.freeze(wanted, KEY, prepared, Ties(), NOW)
    assert bench.pds.calls == []
