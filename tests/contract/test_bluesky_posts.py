"""What only Bluesky has, on the stand-in and on the real network: gates, quotes, labels, captions, the trace of a deletion."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.bench import CLOCK, PICTURES, Call, Mishap, Ours
from contract.bluesky_bench import RealBench, StandInBench
from contract.servers import SERVERS, columns
from contract.test_publishing import DOT, new_key
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import Draft, DraftCard, DraftVideo, Receipt, WhoMayReply
from shareasm.errors import Rejected, Unreachable
from shareasm.networks.bluesky.probe import BlueskyProbe
from shareasm.networks.bluesky.publisher import BlueskyPublisher
from shareasm.networks.bluesky.video import did_web
from shareasm.networks.bluesky.writing import Repository
from shareasm.networks.ports import Thread, Ties
from shareasm.videos import prepare_captions, prepare_video

Sky = StandInBench | RealBench
VIDEOS = Path(PICTURES).parent.parent / "data" / "videos"
CARD = DraftCard("https://iied.example/a-guide", "A guide", "guide · 2021")
NOBODY = {"who_may_reply": WhoMayReply.NOBODY, "may_be_quoted": False}

pytestmark = pytest.mark.parametrize(
    "bench", columns([name for name in SERVERS if name in {"bluesky", "real-bluesky"}]), indirect=True
)


def publish(ours: Ours, text: str = "Words", ties: Ties | None = None, **more: Any) -> Receipt:
    return ours.publisher.publish(*frozen(ours, text, ties, **more))


def frozen(ours: Ours, text: str, ties: Ties | None = None, **more: Any) -> tuple[str, str]:
    """Return the payload and its key."""
    draft = Draft(Network.BLUESKY, text, "en", **more)
    prepared = ours.publisher.prepare(draft, Path(PICTURES))
    made = new_key()
    return ours.publisher.freeze(draft, made, prepared, ties or Ties(), CLOCK.now()), made


def ask(bench: Sky, method: str, **params: str) -> Any:
    return httpx.get(f"{bench.appview}/xrpc/{method}", params=params).raise_for_status().json()


def view(bench: Sky, ref: PostRef) -> Any:
    """Return what readers are shown of a post."""
    bench.wait_for(ref)
    return ask(bench, "app.bsky.feed.getPosts", uris=ref.uri)["posts"][0]


def records(bench: Sky, ref: PostRef) -> dict[str, Any]:
    """Return what lies on our account under the key of a post, by collection."""
    _, _, did, _, made = ref.uri.split("/")
    found = {}
    for name in ("post", "threadgate", "postgate"):
        params = {"repo": did, "collection": f"app.bsky.feed.{name}", "rkey": made}
        answer = httpx.get(f"{bench.pds}/xrpc/com.atproto.repo.getRecord", params=params)
        if answer.is_success:
            found[name] = answer.json()["value"]
    return found


def test_a_record_that_is_published_is_the_one_that_was_frozen_and_nothing_else(bench: Sky) -> None:
    ours = bench.ours()
    payload, made = frozen(ours, "Words #shareASM", media=(DOT,), who_may_reply=WhoMayReply.NOBODY)
    wanted = json.loads(payload)
    odd = {"langs": [], "ourOwn": {"nothing": None, "snake_case": [], "list": [{}, None, 3]}, "alsoNothing": None}
    wanted["app.bsky.feed.post"] |= odd  # what the library's models would leave out, or turn into something else
    assert wanted["app.bsky.feed.post"]["facets"]
    found = records(bench, ours.publisher.publish(json.dumps(wanted), made).ref)
    assert found == {collection.rpartition(".")[2]: record for collection, record in wanted.items()}


# ---- gates ---------------------------------------------------------------------------------------------------------------


def test_a_gate_is_shown_with_its_post(bench: Sky) -> None:
    receipt = publish(bench.ours(), who_may_reply=WhoMayReply.MENTIONED)
    gate = view(bench, receipt.ref)["threadgate"]["record"]
    assert gate["allow"] == [{"$type": "app.bsky.feed.threadgate#mentionRule"}]
    assert gate["post"] == receipt.ref.uri


def test_a_gate_that_comes_before_its_post_is_not_shown(bench: Sky) -> None:
    """Why a post and its gates are one deed, and not one after the other with the gates first."""
    ours = bench.ours()
    server = bench.signed_in(ours)
    payload, made = frozen(ours, "Too late", who_may_reply=WhoMayReply.NOBODY)
    assert server.session
    did = server.session.tokens().did
    for collection, record in reversed(json.loads(payload).items()):
        Repository(server).put(collection, made, record, over=None, ref=made)
    assert "threadgate" not in view(bench, PostRef(Network.BLUESKY, f"at://{did}/app.bsky.feed.post/{made}"))


def test_a_post_that_everybody_may_answer_shows_no_gate(bench: Sky) -> None:
    assert "threadgate" not in view(bench, publish(bench.ours()).ref)


def test_where_nobody_may_reply_strangers_are_not_shown_and_our_own_thread_is(bench: Sky) -> None:
    ours = bench.ours()
    root = publish(ours, "One", **NOBODY)
    second = publish(ours, "Two", Ties(Thread(root, root)), **NOBODY)
    bench.wait_for(root.ref, second.ref)
    stranger = bench.say("And me", reply_to=root.ref)
    bench.wait_for(stranger)
    replies = ask(bench, "app.bsky.feed.getPostThread", uri=root.ref.uri)["thread"]["replies"]
    assert [reply["post"]["uri"] for reply in replies if "post" in reply] == [second.ref.uri]
    assert set(records(bench, second.ref)) == {"post", "postgate"}


@pytest.mark.parametrize(("may_be_quoted", "shown"), [(True, "viewRecord"), (False, "viewDetached")])
def test_a_quote_is_shown_where_the_post_may_be_quoted(bench: Sky, may_be_quoted: bool, shown: str) -> None:
    receipt = publish(bench.ours(), may_be_quoted=may_be_quoted)
    bench.wait_for(receipt.ref)
    quoted = view(bench, bench.quote(receipt.ref))["embed"]["record"]
    assert quoted["$type"] == f"app.bsky.embed.record#{shown}"


def test_taking_a_post_back_takes_its_gates(bench: Sky) -> None:
    ours = bench.ours()
    receipt = publish(ours, **NOBODY)
    assert set(records(bench, receipt.ref)) == {"post", "threadgate", "postgate"}
    ours.publisher.delete(receipt)
    assert records(bench, receipt.ref) == {}


# ---- once ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gates", [{}, NOBODY], ids=["open", "gated"])
def test_a_repeat_changes_nothing_and_says_the_same(bench: Sky, gates: dict[str, Any]) -> None:
    ours = bench.ours()
    payload, made = frozen(ours, "Once", media=(DOT,), **gates)
    first = ours.publisher.publish(payload, made)
    there = records(bench, first.ref)
    assert [ours.publisher.publish(payload, made) for _ in range(2)] == [first, first]
    assert records(bench, first.ref) == there == _by_name(payload)


def test_many_workers_at_once_make_one_post(bench: Sky) -> None:
    ours = bench.ours()
    payload, made = frozen(ours, "Once", **NOBODY)
    workers = [_more(bench, ours).publisher for _ in range(6)]
    with ThreadPoolExecutor(len(workers)) as pool:
        receipts = set(pool.map(lambda worker: worker.publish(payload, made), workers))
    assert len(receipts) == 1
    assert bench.texts(ours) == ["Once"]


def _by_name(payload: str) -> dict[str, Any]:
    return {name.removeprefix("app.bsky.feed."): record for name, record in json.loads(payload).items()}


@pytest.mark.parametrize("mishap", [Mishap.ANSWER_LOST, Mishap.CUT_SHORT])
def test_a_post_that_a_person_deleted_before_we_knew_of_it_is_not_made_again(bench: Sky, mishap: Mishap) -> None:
    ours = bench.ours()
    payload, made = frozen(ours, "Hasty", media=(DOT,))
    bench.let_fail(Call.PUBLISH, mishap)
    with pytest.raises(Unreachable):
        ours.publisher.publish(payload, made)
    found = ours.publisher.find(payload, made, CLOCK.now())
    assert found
    bench.delete_by_hand(ours, found.ref)
    with pytest.raises(Rejected, match="deleted on Bluesky since"):
        ours.publisher.publish(payload, made)
    with pytest.raises(Rejected, match="deleted on Bluesky since"):
        ours.publisher.find(payload, made, CLOCK.now())
    assert set(records(bench, found.ref)) == {"postgate"}


# ---- what a post carries -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "beside"),
    [({}, None), ({"media": (DOT,)}, "images"), ({"card": CARD}, "external")],
    ids=["words", "pictures", "card"],
)
def test_a_post_quotes_another_of_ours_beside_anything(bench: Sky, more: dict[str, Any], beside: str | None) -> None:
    ours = bench.ours()
    quoted = publish(ours, "The first", may_be_quoted=False)  # an author may always quote their own
    bench.wait_for(quoted.ref)
    embed = view(bench, publish(ours, "As we said", Ties(quoted=quoted), **more).ref)["embed"]
    shown = embed["record"]["record"] if beside else embed["record"]
    assert (shown["$type"], shown["uri"]) == ("app.bsky.embed.record#viewRecord", quoted.ref.uri)
    assert not beside or embed["media"]["$type"] == f"app.bsky.embed.{beside}#view"


def test_a_post_is_labelled_by_its_author(bench: Sky) -> None:
    receipt = publish(bench.ours(), media=(DOT,), content_warning="An injury")
    shown = view(bench, receipt.ref)
    assert [(label["val"], label["src"]) for label in shown["labels"]] == [("graphic-media", shown["author"]["did"])]


def test_a_card_shows_its_picture(bench: Sky, tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes((Path(PICTURES) / "dot.png").read_bytes())
    ours = _more(bench, bench.ours(), cards=tmp_path)
    card = DraftCard(CARD.url, CARD.title, thumb="dot.png")
    thumb = view(bench, publish(ours, card=card).ref)["embed"]["external"]["thumb"]
    assert httpx.get(thumb).headers["content-type"].startswith("image/")


def _more(bench: Sky, ours: Ours, **parts: Any) -> Ours:
    """Return the same account with a publisher that has more parts."""
    no_picture: Callable[..., Any] = lambda *_: None  # noqa: E731
    return Ours(BlueskyPublisher(bench.signed_in(ours), prepare=no_picture, **parts), ours.name)


class Uploads:
    """Takes the place of the video service, which the real network here has not: the file goes to the account's server."""

    def __init__(self, bench: Sky, ours: Ours) -> None:
        self._repository = Repository(bench.signed_in(ours))

    def upload(self, data: bytes, mime: str, *, ref: str) -> dict[str, object]:
        return self._repository.upload(data, mime, ref=ref)


def test_a_video_carries_alt_text_size_and_captions(bench: Sky, tmp_path: Path) -> None:
    (tmp_path / "upright.mp4").write_bytes((VIDEOS / "upright.mp4").read_bytes())
    (tmp_path / "en.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nTwo fields beside a river\n")
    ours = bench.ours()
    parts = {"prepare_video": prepare_video, "prepare_captions": prepare_captions}
    publisher = _more(bench, ours, **parts, video_service=Uploads(bench, ours)).publisher
    draft = Draft(Network.BLUESKY, "Look", "en", video=DraftVideo("upright.mp4", "A field", (("en", "en.vtt"),)))
    payload = publisher.freeze(draft, made := new_key(), publisher.prepare(draft, tmp_path), Ties(), CLOCK.now())
    receipt = publisher.publish(payload, made)
    record, shown = records(bench, receipt.ref)["post"]["embed"], view(bench, receipt.ref)["embed"]
    assert (record["captions"][0]["lang"], record["captions"][0]["file"]["mimeType"]) == ("en", "text/vtt")
    assert shown["$type"] == "app.bsky.embed.video#view"
    assert shown["alt"] == "A field"
    assert shown["aspectRatio"]["width"] < shown["aspectRatio"]["height"]


def test_our_server_makes_tokens_for_the_video_service(bench: Sky) -> None:
    server = bench.signed_in(bench.ours())
    for audience, method in (
        (did_web(server.session.tokens().pds), "com.atproto.repo.uploadBlob"),  # type: ignore[union-attr]
        ("did:web:video.bsky.app", "app.bsky.video.getUploadLimits"),
    ):
        expires = str(int(CLOCK.now().timestamp()) + 1800)
        params = [("aud", audience), ("lxm", method), ("exp", expires)]
        assert json.loads(server.query("com.atproto.server.getServiceAuth", params))["token"]


# ---- the account ---------------------------------------------------------------------------------------------------------


def test_an_account_says_of_itself_that_it_is_automated_and_readers_are_told(bench: Sky) -> None:
    ours = bench.ours()
    probe = BlueskyProbe(bench.signed_in(ours))
    assert probe.examine().is_marked_automated is False
    probe.mark_automated()
    assert probe.examine().is_marked_automated is True
    labels = view(bench, publish(ours).ref)["author"]["labels"]
    assert [label["val"] for label in labels] == ["bot"]
