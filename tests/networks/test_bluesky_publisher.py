"""Publishing exactly once on Bluesky, and the sign-in that it rests on."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from networks.bluesky_pds import DID, NOW, URL, FakePds, error
from shareasm.domain.posts import Network
from shareasm.domain.queue import Draft, DraftCard, DraftMedia
from shareasm.errors import NetworkError, Occupied, RateLimited, Rejected, Unauthorized, Unreachable
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.publisher import LIMITS, BlueskyPublisher
from shareasm.networks.bluesky.session import Session
from shareasm.networks.ports import Limits, PreparedImage, Repeat, Thread, Ties

KEY = "3n2u5hgbu2227"


@dataclass
class Bench:
    """A publisher on a fake PDS, with its stored session and a clock that can be set."""

    pds: FakePds = field(default_factory=FakePds)
    stored: str | None = None
    save_count: int = 0
    at: datetime = NOW

    def save(self, text: str) -> None:
        self.stored = text
        self.save_count += 1

    def session(self, handle: str = "iied.example", password: str = "app-password") -> Session:
        keep: Callable[[], str | None] = lambda: self.stored  # noqa: E731
        return Session(
            URL, handle, password, load=keep, save=self.save, now=lambda: self.at, transport=self.pds.transport
        )

    def publisher(self, **more: object) -> BlueskyPublisher:
        server = Server(URL, now=lambda: self.at, session=self.session(), transport=self.pds.transport)
        return BlueskyPublisher(server, prepare=prepare, **more)  # type: ignore[arg-type]

    def frozen(self, text: str = "Hello #shareASM") -> str:
        return freeze(self.publisher(), draft(text))


def freeze(publisher: BlueskyPublisher, wanted: Draft, thread: Thread | None = None) -> str:
    return publisher.freeze(wanted, KEY, publisher.prepare(wanted, Path("media")), Ties(thread), NOW)


def prepare(path: Path, limits: Limits) -> PreparedImage:
    return PreparedImage(f"picture {path.name}".encode(), "image/png", 640, 480)


def draft(text: str = "Hello #shareASM", **changes: object) -> Draft:
    return Draft(**{"network": Network.BLUESKY, "text": text, "language": "en", **changes})  # type: ignore[arg-type]


@pytest.fixture
def bench() -> Bench:
    return Bench()


# ---- once ------------------------------------------------------------------------------------------------------------


def test_a_post_goes_out_under_its_key_and_the_receipt_says_where_it_is(bench: Bench) -> None:
    receipt = bench.publisher().publish(bench.frozen(), KEY)
    assert receipt.ref.uri == f"at://{DID}/app.bsky.feed.post/{KEY}"
    assert receipt.url == f"https://bsky.app/profile/{DID}/post/{KEY}"
    assert (receipt.local_id, receipt.visibility) == (KEY, "public")
    assert receipt.version


def test_the_null_that_forbids_overwriting_is_sent(bench: Bench) -> None:
    bench.publisher().publish(bench.frozen(), KEY)
    body = json.loads(bench.pds.requests[-1].content)
    assert "swapRecord" in body
    assert body["swapRecord"] is None
    assert "createRecord" not in bench.pds.calls


def test_publishing_twice_makes_one_post_and_one_receipt(bench: Bench) -> None:
    payload = bench.frozen()
    assert bench.publisher().publish(payload, KEY) == bench.publisher().publish(payload, KEY)
    assert len(bench.pds.records) == 1


LOST_ANSWERS = [
    httpx.ReadTimeout("slow"),
    httpx.RemoteProtocolError("Server disconnected without sending a response."),
    error(500, "InternalServerError"),
    httpx.Response(502, text="<html>bad gateway</html>"),
    httpx.Response(200, text="<html>welcome</html>"),
    httpx.Response(200, json={"uri": "at://did:plc:other/app.bsky.feed.post/3k", "cid": "bafyreiaaaaa"}),
]


@pytest.mark.parametrize("lost", LOST_ANSWERS, ids=str)
def test_a_lost_answer_leaves_the_outcome_open_and_a_repeat_settles_it(bench: Bench, lost: object) -> None:
    payload = bench.frozen()
    bench.pds.plan = [("putRecord", lost)]  # type: ignore[list-item]
    bench.pds.after_acting = True
    with pytest.raises(Unreachable) as caught:
        bench.publisher().publish(payload, KEY)
    assert caught.value.is_outcome_unknown
    assert bench.publisher().find(payload, KEY, NOW) == bench.publisher().publish(payload, KEY)
    assert len(bench.pds.records) == 1


@pytest.mark.parametrize("failure", [httpx.ConnectError("no route"), httpx.ConnectTimeout("slow")], ids=str)
def test_a_request_that_was_never_sent_was_not_done(bench: Bench, failure: Exception) -> None:
    payload = bench.frozen()
    bench.pds.plan = [("putRecord", failure)]
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
    assert bench.pds.records[KEY] == json.loads(theirs)


def test_a_server_that_checks_the_swap_before_the_content_still_finds_our_post(bench: Bench) -> None:
    payload = bench.frozen()
    receipt = bench.publisher().publish(payload, KEY)
    bench.pds.plan = [("putRecord", error(400, "InvalidSwap"))]
    assert bench.publisher().publish(payload, KEY) == receipt


def test_what_is_not_there_is_not_found(bench: Bench) -> None:
    assert bench.publisher().find(bench.frozen(), KEY, NOW) is None


def test_limits_say_that_repeating_is_safe() -> None:
    assert (LIMITS.text_length, LIMITS.text_bytes, LIMITS.repeat) == (300, 3000, Repeat.SAFE)


# ---- editing and deleting --------------------------------------------------------------------------------------------


def test_an_edit_replaces_the_version_that_we_know(bench: Bench) -> None:
    receipt = bench.publisher().publish(bench.frozen(), KEY)
    edited = bench.publisher().edit(bench.frozen("Better"), receipt)
    assert bench.pds.records[KEY]["text"] == "Better"
    assert edited.version != receipt.version
    assert edited.ref == receipt.ref


def test_an_edit_whose_answer_was_lost_can_be_repeated(bench: Bench) -> None:
    receipt = bench.publisher().publish(bench.frozen(), KEY)
    better = bench.frozen("Better")
    assert bench.publisher().edit(better, receipt) == bench.publisher().edit(better, receipt)


def test_an_edit_of_a_version_that_is_gone_is_refused(bench: Bench) -> None:
    receipt = bench.publisher().publish(bench.frozen(), KEY)
    bench.publisher().edit(bench.frozen("Better"), receipt)
    with pytest.raises(Occupied):
        bench.publisher().edit(bench.frozen("Best"), receipt)


def test_deleting_what_is_gone_is_no_error(bench: Bench) -> None:
    receipt = bench.publisher().publish(bench.frozen(), KEY)
    bench.publisher().delete(receipt)
    bench.publisher().delete(receipt)
    assert bench.pds.records == {}


# ---- freezing --------------------------------------------------------------------------------------------------------


def test_freezing_uploads_pictures_and_shows_nothing(bench: Bench) -> None:
    with_pictures = draft(media=(DraftMedia("a.png", "A sieve"), DraftMedia("b.png", "A scale")))
    payload = json.loads(freeze(bench.publisher(), with_pictures))
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
        payload = json.loads(freeze(publisher, draft("@bakari.example @nobody.example")))
        assert [facet["features"][0]["did"] for facet in payload["facets"]] == ["did:plc:bbbbbbbbbbbbbbbbbbbbbbbb"]
    assert bench.pds.calls.count("resolveHandle") == 2


def test_a_server_that_cannot_resolve_now_does_not_cost_a_mention(bench: Bench) -> None:
    bench.pds.plan = [("resolveHandle", error(503, "Unavailable"))]
    with pytest.raises(Unreachable):
        freeze(bench.publisher(), draft("@bakari.example"))


def test_a_card_takes_the_picture_of_its_page(bench: Bench) -> None:
    publisher = bench.publisher(fetch_card_image=lambda url, limits: prepare(Path("card"), limits))
    payload = json.loads(freeze(publisher, draft(card=DraftCard("https://x.example/", "X"))))
    assert payload["embed"]["external"]["thumb"]["mimeType"] == "image/png"


def test_a_thread_hangs_together(bench: Bench) -> None:
    root = bench.publisher().publish(bench.frozen(), KEY)
    payload = json.loads(freeze(bench.publisher(), draft("more"), Thread(root, root)))
    assert payload["reply"]["root"] == {"uri": root.ref.uri, "cid": root.version}


@pytest.mark.parametrize("visibility", ["private", "direct"])
def test_what_is_not_for_the_public_is_not_sent_to_bluesky(bench: Bench, visibility: str) -> None:
    with pytest.raises(Rejected):
        freeze(bench.publisher(), draft(visibility=visibility))


# ---- the sign-in -----------------------------------------------------------------------------------------------------


def test_a_restart_does_not_sign_in_again(bench: Bench) -> None:
    for _ in range(3):
        bench.publisher().publish(bench.frozen(), KEY)
    assert bench.pds.calls.count("createSession") == 1


def test_an_expired_token_is_renewed_once_and_the_call_repeated(bench: Bench) -> None:
    payload = bench.frozen()
    bench.session().tokens()
    bench.pds.access = "access-9"  # ours has expired
    publisher = bench.publisher()
    publisher.publish(payload, KEY)
    publisher.find(payload, KEY, NOW)
    assert bench.pds.calls.count("refreshSession") == 1
    assert bench.pds.calls.count("createSession") == 1
    assert bench.save_count == 2


def test_a_revoked_session_signs_in_anew(bench: Bench) -> None:
    payload = bench.frozen()
    bench.session().tokens()
    bench.pds.access = bench.pds.refresh = "revoked-9"
    bench.publisher().publish(payload, KEY)
    assert bench.pds.calls.count("createSession") == 2


def test_a_token_that_is_refused_again_and_again_is_not_renewed_for_ever(bench: Bench) -> None:
    payload = bench.frozen()
    bench.pds.plan = [("putRecord", error(400, "ExpiredToken")), ("putRecord", error(400, "ExpiredToken"))]
    with pytest.raises(Unauthorized):
        bench.publisher().publish(payload, KEY)
    assert bench.pds.calls.count("refreshSession") == 1


def test_a_session_that_another_process_renewed_is_taken_over(bench: Bench) -> None:
    payload = bench.frozen()
    first, second = bench.publisher(), bench.publisher()
    first.find(payload, KEY, NOW)
    second.find(payload, KEY, NOW)
    bench.pds.access = "access-9"
    first.publish(payload, KEY)
    second.publish(payload, KEY)
    assert bench.pds.calls.count("refreshSession") == 1


def test_a_wrong_password_is_tried_once_an_hour(bench: Bench) -> None:
    session = bench.session(password="wrong")
    for _ in range(3):
        with pytest.raises(Unauthorized, match="Invalid identifier or password"):
            session.tokens()
    assert bench.pds.calls.count("createSession") == 1
    bench.at += timedelta(minutes=61)
    with pytest.raises(Unauthorized):
        session.tokens()
    assert bench.pds.calls.count("createSession") == 2


def test_too_many_sign_ins_are_waited_out(bench: Bench) -> None:
    until = NOW + timedelta(minutes=5)
    limited = error(429, "RateLimitExceeded", "Rate Limit Exceeded", **{"ratelimit-reset": str(int(until.timestamp()))})
    bench.pds.plan = [("createSession", limited)]
    session = bench.session()
    for _ in range(2):
        with pytest.raises(RateLimited) as caught:
            session.tokens()
        assert caught.value.until == until
    bench.at = until
    assert session.tokens().did == DID


def test_a_session_that_cannot_be_stored_holds_until_a_restart(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = bench.session()
    first = session.tokens()  # stored, and older than what follows

    def refuse(_: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(session, "_save", refuse)
    second = session.renew(first)
    assert [session.tokens() for _ in range(5)] == [second] * 5
    third = session.renew(second)
    assert third not in {first, second}
    assert bench.pds.calls == ["createSession", "refreshSession", "refreshSession"]
    assert "No space left on device" in caplog.text
    assert second.access not in caplog.text


def test_a_first_session_that_cannot_be_stored_is_signed_in_once(bench: Bench) -> None:
    def refuse(_: str) -> None:
        raise OSError(28, "No space left on device")

    session = Session(
        URL,
        "iied.example",
        "app-password",
        load=lambda: None,
        save=refuse,
        now=lambda: NOW,
        transport=bench.pds.transport,
    )
    assert len({session.tokens() for _ in range(5)}) == 1
    assert bench.pds.calls == ["createSession"]


@pytest.mark.parametrize("stored", ["", "not json", "{}", '{"server":1}'])
def test_a_stored_session_that_cannot_be_read_is_none(bench: Bench, stored: str) -> None:
    bench.stored = stored
    assert bench.session().tokens().did == DID


def test_a_stored_session_of_another_handle_is_not_used(bench: Bench) -> None:
    bench.session().tokens()
    bench.session(handle="other.example").tokens()
    assert bench.pds.calls.count("createSession") == 2


def test_no_token_and_no_password_is_ever_printed(bench: Bench) -> None:
    session = bench.session()
    shown = repr(session) + repr(session.tokens()) + str(session.tokens())
    assert "access-1" not in shown
    assert "app-password" not in shown
    bench.pds.plan = [("putRecord", httpx.ReadTimeout("slow"))]
    with pytest.raises(NetworkError) as caught:
        bench.publisher().publish("{}", KEY)
    assert "access-1" not in str(caught.value)
