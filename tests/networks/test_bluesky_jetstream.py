"""The live stream: what it lets through, where it goes on, how it ends."""

import json
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from networks.bluesky_pds import NOW
from shareasm.clock import SystemClock
from shareasm.domain.changes import AuthorChange
from shareasm.domain.richtext import fold_hashtag
from shareasm.errors import NetworkError, Unreachable
from shareasm.networks.bluesky import jetstream, line
from shareasm.networks.bluesky.filtering import Filter
from shareasm.networks.bluesky.jetstream import JetstreamStream
from shareasm.networks.bluesky.line import Block
from shareasm.networks.ports import CheckpointTooOld, Page
from shareasm.rehearsal.bluesky import StandInBluesky

DID = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
EVENT = "network.bsky.jetstream.subscribeEvents"
TAGS = ["shareASM", "ASMDay"]


def frame(kind: str, seq: int, **fields: object) -> str:
    payload = {"$type": f"{EVENT}#{kind}", "seq": seq, "did": DID, "time": "2027-02-03T09:30:00.123456Z", **fields}
    return json.dumps({"$type": "message", "payload": payload}, ensure_ascii=False, separators=(",", ":"))


def commit(seq: int, text: str = "hi #shareASM", operation: str = "create", **more: object) -> str:
    record = {"$type": "app.bsky.feed.post", "createdAt": "2027-02-03T09:30:00Z", "text": text, **more}
    fields: dict[str, object] = {"record": record, "cid": "bafyreiaaaa"} if operation != "delete" else {}
    return frame(
        "commit",
        seq,
        rev=f"3kaaaaaaaa{seq % 1000:03d}".translate(str.maketrans("0189", "zyxw")),
        operation=operation,
        collection="app.bsky.feed.post",
        rkey=f"3k{seq}",
        **fields,
    )


class Station:
    """A Jetstream on loopback: what it sends is `script`; it remembers how it was asked."""

    def __init__(self) -> None:
        self.script: Callable[[ServerConnection], None] = lambda _: None
        self.refusal: tuple[int, bytes] | None = None
        self.asked: list[dict[str, list[str]]] = []
        self.url = ""

    def handle(self, line: ServerConnection) -> None:
        assert line.request is not None
        self.asked.append(parse_qs(urlsplit(line.request.path).query))
        self.script(line)

    def refuse(self, line: ServerConnection, request: Request) -> Response | None:
        if self.refusal is None:
            return None
        status, body = self.refusal
        response = line.respond(HTTPStatus(status), "")
        response.body = body
        del response.headers["Content-Length"]
        response.headers["Content-Length"] = str(len(body))
        return response

    def sends(self, *frames: str | bytes) -> None:
        """Send these and close cleanly."""

        def script(line: ServerConnection) -> None:
            for item in frames:
                line.send(item)

        self.script = script

    def stream(self, **more: object) -> JetstreamStream:
        return JetstreamStream(self.url, now=lambda: NOW, batch_s=0.05, **more)  # type: ignore[arg-type]

    def read(self, checkpoint: str | None = None, since: datetime = NOW) -> list[Page]:
        return list(self.stream().read(TAGS, checkpoint, since))


@contextmanager
def running(station: Station) -> Iterator[Server]:
    with serve(
        station.handle,
        "127.0.0.1",
        0,
        subprotocols=["xrpc.v1.json"],  # type: ignore[list-item]
        process_request=station.refuse,
        compression=None,
    ) as server:
        station.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def station(socket_enabled: None) -> Iterator[Station]:
    made = Station()
    with running(made):
        yield made


def texts(pages: list[Page]) -> list[str]:
    return [seen.post.text for page in pages for seen in page.posts]


def last_checkpoint(pages: list[Page]) -> dict[str, object]:
    checkpoint = pages[-1].checkpoint
    assert checkpoint is not None
    made: dict[str, object] = json.loads(checkpoint)
    return made


# ---- what comes through ----------------------------------------------------------------------------------------------


def test_posts_under_the_tags_come_as_incomplete_posts_with_their_revision(station: Station) -> None:
    station.sends(commit(1), commit(2, "nothing here"), commit(3, "later on #ASMDay"))
    pages = station.read()
    assert texts(pages) == ["hi #shareASM", "later on #ASMDay"]
    first = next(seen for page in pages for seen in page.posts)
    assert not first.is_complete
    assert first.post.revision
    assert first.post.ref.uri == f"at://{DID}/app.bsky.feed.post/3k1"


def test_the_server_is_asked_for_posts_and_accounts_only(station: Station) -> None:
    station.read()
    assert station.asked[0]["kinds"] == ["commit", "account"]
    assert station.asked[0]["collections"] == ["app.bsky.feed.post"]
    assert "cursor" not in station.asked[0]


def test_every_update_deletion_and_account_event_comes_whatever_it_says(station: Station) -> None:
    station.sends(
        commit(1, "the tag is gone", "update"),
        commit(2, operation="delete"),
        frame("account", 3, account={"active": False, "did": DID, "status": "deactivated", "seq": 1}),
        frame("account", 4, account={"active": True, "did": DID, "seq": 2}),
    )
    pages = station.read()
    assert texts(pages) == ["the tag is gone"]
    gone = [item for page in pages for item in page.gone]
    assert [(item.ref.uri, item.reason) for item in gone] == [(f"at://{DID}/app.bsky.feed.post/3k2", "deleted")]
    assert gone[0].revision
    authors = [item for page in pages for item in page.authors]
    assert authors == [
        AuthorChange(DID, is_active=False, reason="account deactivated"),
        AuthorChange(DID, is_active=True, reason="account active"),
    ]


def test_an_update_that_calls_itself_a_creation_still_comes(station: Station) -> None:
    station.sends(commit(1, "no tag", "update").replace('"text"', '"operation":"create","text"'))
    assert texts(station.read()) == ["no tag"]


def test_nonsense_is_set_aside_and_the_stream_goes_on(station: Station) -> None:
    station.sends(
        "not json",
        b"\x28\xb5\x2f\xfd\x00",
        "[]",
        frame("sparkle", 1),
        frame("commit", 2, operation="merge", collection="app.bsky.feed.post", rkey="3k"),
        frame("commit", 3, operation="create", collection="app.bsky.feed.like", rkey="3k", record={"tag": "shareasm"}),
        frame("commit", 4, operation="delete", collection="app.bsky.feed.post", rkey="../x"),
        frame("account", 5, account=None),
        commit(6, createdAt="never", text=7),  # type: ignore[arg-type]
        commit(7),
    )
    pages = station.read()
    assert texts(pages) == ["hi #shareASM"]
    assert sum(len(page.skipped) for page in pages) == 5
    assert last_checkpoint(pages)["seq"] == 7


def test_a_strangers_odd_post_is_no_finding_but_an_odd_one_under_the_tag_is(station: Station) -> None:
    odd = '"text":7,"é":'
    station.sends(
        commit(1).replace('"text":', odd + '"').replace("shareASM", "other"),
        commit(2).replace('"text":"hi #shareASM"', '"text":["#shareASM"]'),
    )
    skipped = [item for page in station.read() for item in page.skipped]
    assert [item.ref for item in skipped if item.ref] == [f"at://{DID}/app.bsky.feed.post/3k2"]


# ---- where it goes on ------------------------------------------------------------------------------------------------


def test_a_reader_goes_on_at_the_last_event_which_comes_again(station: Station) -> None:
    station.sends(commit(41), commit(42, "no tag"))
    checkpoint = station.read()[-1].checkpoint
    station.sends(commit(42, "no tag"), commit(43))
    assert texts(station.read(checkpoint)) == ["hi #shareASM"]
    assert station.asked[1]["cursor"] == ["42"]


def test_another_host_is_asked_by_time_five_minutes_earlier_in_microseconds(station: Station) -> None:
    station.sends(commit(42))
    stored = json.loads(station.read()[-1].checkpoint or "")
    station.read(json.dumps({**stored, "host": "elsewhere.example"}))
    five_minutes = 300_000_000
    assert station.asked[1]["cursor"] == [str(stored["time_us"] - five_minutes)]
    assert stored["time_us"] == int(datetime(2027, 2, 3, 9, 30, 0, 123456, tzinfo=UTC).timestamp() * 1_000_000)


def test_the_checkpoint_never_moves_back(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jetstream, "BATCH_HITS", 1)
    monkeypatch.setattr(line, "CHUNK", 400)  # an event at a time
    station.sends(*(commit(seq) for seq in (5, 4, 5, 3)))
    pages = [page for page in station.read() if page.posts]
    assert [json.loads(page.checkpoint or "")["seq"] for page in pages] == [5, 5, 5, 5]


def test_the_checkpoint_moves_also_while_nobody_uses_the_tag(station: Station) -> None:
    station.sends(*(commit(number, "weather") for number in range(1, 2000)))
    pages = station.read()
    assert texts(pages) == []
    assert last_checkpoint(pages)["seq"] == 1999


def test_many_hits_come_in_batches(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "CHUNK", 4000)  # a batch ends with what came together
    station.sends(*(commit(number) for number in range(1, 1201)))
    pages = station.read()
    assert max(len(page.posts) for page in pages) <= 520
    assert len(texts(pages)) == 1200


def test_many_deletions_come_in_batches(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jetstream, "BATCH_NEWS", 10)
    monkeypatch.setattr(line, "CHUNK", 1000)
    station.sends(*(commit(number, operation="delete") for number in range(1, 101)))
    pages = station.read()
    assert max(len(page.gone) for page in pages) <= 20
    assert [item.ref.uri.rpartition("/")[2] for page in pages for item in page.gone] == [
        f"3k{n}" for n in range(1, 101)
    ]


@pytest.mark.parametrize("checkpoint", ["", "no json", "{}", '{"seq":"x"}'])
def test_a_checkpoint_that_cannot_be_read_means_from_now_on(station: Station, checkpoint: str) -> None:
    station.read(checkpoint)
    assert "cursor" not in station.asked[0]


OPENS = datetime(2027, 2, 3, 6, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("checkpoint", [None, "", "no json"])
def test_a_first_read_begins_when_the_campaign_opened(station: Station, checkpoint: str | None) -> None:
    station.read(checkpoint, OPENS)
    assert station.asked[0]["cursor"] == [str(int(OPENS.timestamp()) * 1_000_000 + 1)]


def test_a_campaign_that_opens_later_is_read_from_now_on(station: Station) -> None:
    station.read(None, NOW + timedelta(minutes=5))
    assert "cursor" not in station.asked[0]


def test_a_checkpoint_goes_before_the_opening(station: Station) -> None:
    station.read(stored_at(station, 7), OPENS)
    assert station.asked[0]["cursor"] == ["7"]


def test_a_first_read_of_what_is_no_longer_kept_begins_with_the_oldest(socket_enabled: None) -> None:
    clock = SystemClock()
    with StandInBluesky(clock) as standin:
        amina = standin.account("amina.test", "Amina")
        for number in range(3):
            standin.say(amina, f"{number} #shareASM", ["en"])
        standin.jetstream.forget_before(standin._repos.events[-1].seq)
        stream = JetstreamStream(standin.jetstream_url, now=clock.now, batch_s=0.05)
        pages = stream.read(TAGS, None, clock.now() - timedelta(days=3))
        heard = next(page for page in pages if page.posts)
        stream.stop()
        list(pages)
    assert texts([heard]) == ["2 #shareASM"]


# ---- how it ends -----------------------------------------------------------------------------------------------------


def stored_at(station: Station, seq: int) -> str:
    return json.dumps({"seq": seq, "time_us": 1, "host": station.url.removeprefix("ws://")})


def test_a_checkpoint_that_the_server_no_longer_keeps_is_told(station: Station) -> None:
    station.refusal = (400, b'{"error":"CursorTooOld","message":"oldest is 9"}')
    with pytest.raises(CheckpointTooOld):
        station.read(stored_at(station, 1))


def test_a_hole_that_the_server_only_hints_at_is_told(station: Station) -> None:
    station.sends(json.dumps({"$type": "message", "payload": {"$type": f"{EVENT}#info", "name": "OutdatedCursor"}}))
    with pytest.raises(CheckpointTooOld):
        station.read(stored_at(station, 1))


def test_a_server_that_counts_anew_is_a_hole(station: Station) -> None:
    station.sends(commit(3))
    with pytest.raises(CheckpointTooOld):
        station.read(stored_at(station, 9000))


@pytest.mark.parametrize(
    ("status", "body"), [(503, b"not ready"), (429, b"slow down"), (401, b""), (404, b"<html>"), (400, b"bad cursor")]
)
def test_a_refused_line_is_one_of_our_errors(station: Station, status: int, body: bytes) -> None:
    station.refusal = (status, body)
    with pytest.raises(NetworkError):
        station.read()


def test_nobody_there_is_unreachable(socket_enabled: None) -> None:
    with pytest.raises(Unreachable):
        list(JetstreamStream("ws://127.0.0.1:1", now=lambda: NOW).read(TAGS, None, NOW))


def test_a_broken_line_gives_what_came_before_it_broke(station: Station) -> None:
    def script(line: ServerConnection) -> None:
        line.send(commit(1))
        line.socket.close()

    station.script = script
    collected: list[Page] = []
    with pytest.raises(Unreachable):
        for page in station.stream().read(TAGS, None, NOW):
            collected.append(page)  # noqa: PERF402  what came before the error counts
    assert texts(collected) == ["hi #shareASM"]


def test_a_reader_that_is_too_slow_is_told_so(station: Station) -> None:
    station.sends(json.dumps({"$type": "error", "error": "ConsumerTooSlow", "message": "bye"}))
    with pytest.raises(Unreachable, match="ConsumerTooSlow"):
        station.read()


def test_a_frame_without_end_does_not_fill_the_memory(station: Station) -> None:
    station.sends(commit(1), "x" * 5_000_000)
    with pytest.raises(Unreachable):
        station.read()


def test_stop_ends_a_quiet_stream_soon(station: Station) -> None:
    held = threading.Event()
    station.script = lambda _: held.wait(10) and None  # type: ignore[func-returns-value]
    stream = station.stream()
    pages = stream.read(TAGS, None, NOW)
    assert next(pages) == Page()
    began = time.monotonic()
    threading.Thread(target=stream.stop).start()
    list(pages)
    held.set()
    assert time.monotonic() - began < 3


# ---- the filter before decoding --------------------------------------------------------------------------------------


def let_through(frames: Sequence[str], tags: Sequence[str] = TAGS) -> list[str]:
    """Return which of the frames pass, where they come in one block."""
    bounds, data = [], b""
    for one in frames:
        start = len(data) + 4
        data += b"\x81\x7e??" + one.encode()
        bounds.append((start, len(data)))
    return [event.decode() for event in Filter(tags).events(Block(data, bounds))]


def passes(frame: str, tags: Sequence[str] = TAGS) -> bool:
    return let_through([frame], tags) == [frame]


@pytest.mark.parametrize("escape", [False, True])
@pytest.mark.parametrize(
    "text", ["#shareASM", "#SHAREasm", "#sháreASM", "＃ｓｈａｒｅＡＳＭ", "#sha\u0301reASM", "#𝐬𝐡areASM", "#ſhareASM"]
)
def test_no_spelling_of_a_tag_is_missed(text: str, escape: bool) -> None:
    assert passes(json.dumps(json.loads(commit(1, text)), ensure_ascii=escape, separators=(",", ":")))


def test_a_tag_in_escapes_facets_or_the_hidden_list_is_not_missed() -> None:
    assert passes(commit(1, "x").replace('"x"', '"\\u0023\\u0073hare\\u0041SM"'))
    assert passes(commit(1, "x", tags=["ShareASM"]))
    assert passes(commit(1, "x", tags=["ShareASM"]).replace('"tags"', '"t\\u0061gs"'))
    facets = [{"features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "shareasm"}]}]
    assert passes(commit(1, "x", facets=facets))


@pytest.mark.parametrize(
    "text",
    [
        "good morning",
        "“quoted” – and… 😀",
        "日本語の投稿",
        "Доброе утро #1",
        "صباح الخير",
        "a & b < c",
        "café",
        "#rain",
    ],
)
def test_most_posts_of_the_world_are_let_go_undecoded(text: str) -> None:
    assert not passes(commit(1, text))
    assert not passes(commit(1, text).replace("&", "\\u0026").replace("<", "\\u003c"))


def test_a_tag_without_ascii_letters_lets_every_hashtag_through() -> None:
    assert passes(commit(1, "good morning #day"), ["採掘"])
    assert passes(commit(1, "good morning #day"), ["é1"])
    assert not passes(commit(1, "good morning"), ["é1"])


def test_a_server_that_writes_its_json_with_spaces_gets_everything_decoded() -> None:
    assert passes(json.dumps(json.loads(commit(1, "weather"))))


def test_a_server_that_writes_the_record_first_cannot_be_led_astray_by_it() -> None:
    event = json.loads(commit(1, "weather", "update"))
    record = {**event["payload"].pop("record"), "operation": "create"}
    event["payload"] = {"record": record, **event["payload"]}
    assert passes(json.dumps(event, separators=(",", ":")))


def test_no_character_of_unicode_hides_an_ascii_letter_from_the_filter() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    missed = []
    for code in [*range(0x80, 0xD800), *range(0xE000, 0x110000)]:
        char = chr(code)
        folds = any(other.isascii() and (other.isalnum() or other == "_") for other in fold_hashtag(char))
        if not folds and unicodedata.combining(char):
            folds = any(fold_hashtag(letter + char).isascii() for letter in letters)
        if folds and not passes(commit(1, f"#{char}")):
            missed.append(char)
    assert missed == []


spellings = st.text(st.sampled_from("shareASMｓＨáŠſ𝐬\u0301\u0323\u200b#＃ x."), max_size=14)
posts = st.tuples(st.lists(spellings | st.just("#shareASM"), max_size=3), st.booleans(), st.booleans(), st.booleans())


@given(st.lists(posts, max_size=6))
def test_the_filter_lets_through_whatever_the_slow_way_finds(
    written: list[tuple[list[str], bool, bool, bool]],
) -> None:
    from shareasm.networks.bluesky.translate import read_hashtags

    frames, wanted = [], []
    for seq, (words, escape, is_listed, is_deletion) in enumerate(written):
        text, listed = " ".join(words), {"tags": words} if is_listed else {}
        event = json.loads(commit(seq, text, "delete" if is_deletion else "create", **listed))
        made = json.dumps(event, ensure_ascii=escape, separators=(",", ":"))
        frames.append(made)
        found = {tag.name for tag in read_hashtags(text, [], listed.get("tags", []))}
        if is_deletion or found & {"shareasm", "asmday"}:
            wanted.append(made)
    passed = let_through(frames)
    assert [frame for frame in passed if frame in wanted] == wanted
    assert passed == [frame for frame in frames if passes(frame)]  # and what stands beside it makes no difference


@pytest.mark.shared
def test_the_filter_agrees_with_decoding_on_every_real_record(shared: Path) -> None:
    from networks.test_bluesky_corpus import lines
    from shareasm.networks.bluesky.translate import read_hashtags

    wanted = ["asm", "bluesky", "rstats", "art", "日本"]
    checked = 0
    for found in lines(shared / "corpus/real/bluesky", "*.jsonl"):
        payload = found.get("payload")
        if found["shape"] == "bsky.record" and isinstance(payload, dict) and isinstance(payload.get("text"), str):
            names = {tag.name for tag in read_hashtags(payload["text"], payload.get("facets") or [], [])}
            for tag in wanted:
                if fold_hashtag(tag) in names:
                    assert passes(commit(1, payload["text"], facets=payload.get("facets")), [tag])
            checked += 1
    assert checked > 100
