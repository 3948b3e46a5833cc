"""Reading the whole network's posts as they are written, and keeping those that may carry a tag (TagStream).

Jetstream's second wire (bluesky-social/jetstream 9a30def, August 2026; SDK 0.0.73). No server filters by text, so every
post passes here: some 60 a second, and in catching up after an outage as fast as they come. So an event is decoded only
when its bytes say that it can matter (`filtering`). Events carry no signature and no author: the collector looks each post
up before anyone sees it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from time import monotonic
from urllib.parse import urlencode, urlsplit

import msgspec
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, WebSocketException

from shareasm.domain.changes import AuthorChange, Gone, Seen, Skipped
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.richtext import clean_line
from shareasm.errors import Unreachable
from shareasm.networks.bluesky.answers import failure, reply_of
from shareasm.networks.bluesky.filtering import Filter
from shareasm.networks.bluesky.json_values import items_in, mapping_in
from shareasm.networks.bluesky.line import Line
from shareasm.networks.bluesky.session import PROGRAM, Now
from shareasm.networks.bluesky.syntax import POST_COLLECTION, PostAddress, is_did, is_record_key, is_tid, read_datetime
from shareasm.networks.bluesky.translate import (
    MALFORMED,
    RAW_KEPT_OF_SKIPPED,
    read_hashtags,
    take_item,
    translate_record,
)
from shareasm.networks.ports import CheckpointTooOld, Page

METHOD = "network.bsky.jetstream.subscribeEvents"
BATCH_S = 1.0
BATCH_HITS = 500
BATCH_NEWS = 5_000
"""A batch ends at the first block of the line (a quarter of a megabyte) that makes it this full."""
FRAME_LIMIT = 4_000_000
"""Bytes of one frame; the server is asked to leave out events of more than a quarter of it (a record may have 1 MB)."""
OTHER_HOST_REWIND = timedelta(minutes=5)
"""Sequence numbers are each host's own. On another one we go by time, and its clock and ours may differ."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# ---- frames ----------------------------------------------------------------------------------------------------------


class _Payload(msgspec.Struct):
    """One event. Fields that this kind of event lacks keep their defaults."""

    kind: str = msgspec.field(name="$type", default="")
    seq: int = 0
    time: str = ""
    did: str = ""
    rev: str = ""
    operation: str = ""
    collection: str = ""
    rkey: str = ""
    cid: str = ""
    name: str = ""  # of an #info
    record: msgspec.Raw = msgspec.Raw(b"null")
    account: msgspec.Raw = msgspec.Raw(b"null")


class _Frame(msgspec.Struct):
    kind: str = msgspec.field(name="$type", default="")
    payload: _Payload = msgspec.field(default_factory=_Payload)
    error: str = ""
    message: str = ""


class _AccountState(msgspec.Struct):
    active: bool
    status: str = ""


class _Where(msgspec.Struct):
    """Only what the checkpoint needs of a frame."""

    payload: "_Position"


class _Position(msgspec.Struct):
    seq: int
    time: str = ""


class _Checkpoint(msgspec.Struct):
    seq: int
    time_us: int
    host: str


_frames = msgspec.json.Decoder(_Frame)
_positions = msgspec.json.Decoder(_Where)
_accounts = msgspec.json.Decoder(_AccountState)


@dataclass(slots=True)
class _Batch:
    """What has come since the last page."""

    posts: list[Seen] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    authors: list[AuthorChange] = field(default_factory=list)
    last_frame: bytes = b""

    @property
    def is_full(self) -> bool:
        """A post may be much. That one is gone, or an author back, is a short line, and mostly no concern of ours."""
        return len(self.posts) + len(self.skipped) >= BATCH_HITS or len(self.gone) + len(self.authors) >= BATCH_NEWS


# ---- the stream ------------------------------------------------------------------------------------------------------


class JetstreamStream:
    """One Jetstream server. An object is read once at a time; `stop` may be called from any thread and is final."""

    def __init__(self, url: str, *, now: Now, user_agent: str = PROGRAM, batch_s: float = BATCH_S) -> None:
        """`url` is wss://host or ws://host:port, with or without /xrpc."""
        self._base_url = url.rstrip("/").removesuffix("/xrpc")
        self._host = urlsplit(self._base_url).netloc
        self._now = now
        self._user_agent = user_agent
        self._batch_s = batch_s
        self._stop = Event()
        self._position: _Checkpoint | None = None  # of the last event that is behind us
        self._expected_seq = 0  # of the first event to come, where it is known
        self._is_going_on = False

    def stop(self) -> None:
        """Let `read` end within about a second."""
        self._stop.set()

    def read(self, tags: Sequence[str], checkpoint: str | None, since: datetime) -> Iterator[Page]:
        """Yield what happens under `tags`, from `checkpoint` on, without one from `since` or the server's oldest event.

        Creations come when they carry a tag; every update, deletion and account event comes, since only the store knows
        whom it has. The event at the checkpoint comes again. Raises CheckpointTooOld, and Unreachable when the line breaks.
        """
        stored = _read_checkpoint(checkpoint)
        self._position = stored
        self._expected_seq = stored.seq if stored and stored.host == self._host else 0
        self._is_going_on = stored is not None
        try:
            with self._open(self._cursor(stored, since)) as line:
                yield from self._pages(line, Filter(tags))
        except (WebSocketException, OSError) as error:
            reply = reply_of(error)
            if reply is not None and reply.error == "CursorTooOld":
                raise CheckpointTooOld(reply.words) from error
            raise failure(error, self._base_url, self._now()) from error

    def _open(self, cursor: int | None) -> Line:
        query = [
            ("kinds", "commit"),
            ("kinds", "account"),
            ("collections", POST_COLLECTION),
            ("maxMessageSizeBytes", str(FRAME_LIMIT // 4)),
        ]
        if cursor is not None:
            query.append(("cursor", str(cursor)))
        url = (
            f"{self._base_url}/xrpc/{METHOD}?{urlencode(query)}"  # uncompressed: unpacking costs more than all the rest
        )
        return Line(url, user_agent=self._user_agent, subprotocols=["xrpc.v1.json"], limit=FRAME_LIMIT)

    def _cursor(self, stored: _Checkpoint | None, since: datetime) -> int | None:
        """Return a sequence number, or microseconds (1e15 and more) on another host than the one that gave the number.

        A server that no longer has a number refuses it; a time only makes it begin at its oldest event and say so.
        """
        if stored is None:
            return _microseconds(since) if since < self._now() else None
        if stored.host == self._host:
            return stored.seq
        return stored.time_us - OTHER_HOST_REWIND // timedelta(microseconds=1)

    def _pages(self, line: Line, wanted: Filter) -> Iterator[Page]:
        closed: ConnectionClosed | None = None
        while closed is None and not self._stop.is_set():
            batch = _Batch()
            closed = self._fill(batch, line, wanted)
            yield self._page(batch)
        if closed is not None and not isinstance(closed, ConnectionClosedOK):
            raise closed

    def _fill(self, batch: _Batch, line: Line, wanted: Filter) -> ConnectionClosed | None:
        """Collect events for about a second, or until there are many. Returns how the line was closed, if it was."""
        try:
            for block in line.blocks(until=monotonic() + self._batch_s):
                if self._expected_seq:
                    self._refuse_a_hole(block.message(0))
                for event in wanted.events(block):
                    self._take(event, wanted, batch)
                batch.last_frame = block.message(-1)
                if batch.is_full or self._stop.is_set():
                    break
        except ConnectionClosed as closed:
            return closed
        return None

    def _refuse_a_hole(self, frame: bytes) -> None:
        """Raise CheckpointTooOld if the first event lies before the one we asked for: the host has begun to count anew."""
        expected, self._expected_seq = self._expected_seq, 0
        try:
            seq = _positions.decode(frame).payload.seq
        except MALFORMED:
            return
        if seq < expected:
            raise CheckpointTooOld(f"{self._host} counts anew: {seq} after {expected}")

    def _page(self, batch: _Batch) -> Page:
        self._advance(batch.last_frame)
        return Page(
            posts=tuple(batch.posts),
            skipped=tuple(batch.skipped),
            gone=tuple(batch.gone),
            authors=tuple(batch.authors),
            checkpoint=msgspec.json.encode(self._position).decode() if self._position else None,
        )

    def _advance(self, frame: bytes) -> None:
        """Move the position to `frame`, never backwards. A frame that does not say where it is leaves it: older is
        safe.
        """
        try:
            position = _positions.decode(frame).payload if frame else None
        except MALFORMED:
            return
        if position is None or position.seq <= 0:
            return
        if self._position is None or self._position.host != self._host or position.seq > self._position.seq:
            at = read_datetime(position.time) or self._now()
            self._position = _Checkpoint(position.seq, _microseconds(at), self._host)

    def _take(self, frame: bytes, wanted: Filter, batch: _Batch) -> None:
        try:
            decoded = _frames.decode(frame)
        except MALFORMED as error:
            batch.skipped.append(Skipped(clean_line(f"not an event: {error}", 300), frame[:RAW_KEPT_OF_SKIPPED]))
            return
        if decoded.kind == "error":
            words = clean_line(f"{decoded.error}: {decoded.message}", 200)
            raise Unreachable(f"the stream ends ({words})", server=self._base_url)
        event = decoded.payload
        match event.kind.rpartition("#")[2]:
            case "commit" if event.collection == POST_COLLECTION:
                self._take_commit(event, frame, wanted, batch)
            case "account":
                self._take_account(event, frame, batch)
            case "info" if (
                event.name == "OutdatedCursor" and self._is_going_on
            ):  # at a first read no hole, but all there is
                raise CheckpointTooOld("the stream goes back less far")

    def _take_commit(self, event: _Payload, frame: bytes, wanted: Filter, batch: _Batch) -> None:
        if not is_did(event.did) or not is_record_key(event.rkey):
            batch.skipped.append(Skipped("an event without an address", frame[:RAW_KEPT_OF_SKIPPED]))
            return
        address = PostAddress(event.did, event.rkey)
        revision = event.rev if is_tid(event.rev) else None
        if event.operation == "delete":
            batch.gone.append(Gone(PostRef(Network.BLUESKY, address.uri), "deleted", revision))
        elif event.operation == "update" or (event.operation == "create" and _may_carry(event.record, wanted)):
            seen_at = read_datetime(event.time)
            taken = take_item(
                bytes(event.record),
                lambda record, raw: translate_record(address, event.cid, record, raw, seen_at, revision),
            )
            if isinstance(taken, Skipped):
                if event.operation == "create" and not wanted.names_a_tag(frame):
                    return  # somebody's odd post, but not one of this campaign
                batch.skipped.append(Skipped(taken.reason, taken.raw, address.uri))
            elif event.operation == "update" or _carries(taken, wanted):
                batch.posts.append(taken)

    def _take_account(self, event: _Payload, frame: bytes, batch: _Batch) -> None:
        try:
            state = _accounts.decode(event.account)
        except MALFORMED as error:
            batch.skipped.append(
                Skipped(clean_line(f"not an account event: {error}", 300), frame[:RAW_KEPT_OF_SKIPPED])
            )
            return
        if is_did(event.did):
            reason = "account active" if state.active else f"account {clean_line(state.status, 40) or 'not active'}"
            batch.authors.append(AuthorChange(event.did, state.active, reason))


def _may_carry(record: msgspec.Raw, wanted: Filter) -> bool:
    """False only where the words and lists of a record have none of the tags: most of what has some other tag, or an accent."""
    try:
        fields = mapping_in(msgspec.json.decode(record))
    except MALFORMED:
        return True
    text = fields.get("text")
    if not isinstance(text, str):
        return True
    tags = read_hashtags(text, items_in(fields.get("facets")), items_in(fields.get("tags")))
    return any(tag.name in wanted.names for tag in tags)


def _carries(seen: Seen, wanted: Filter) -> bool:
    return any(tag.name in wanted.names for tag in seen.post.hashtags)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _read_checkpoint(checkpoint: str | None) -> _Checkpoint | None:
    try:
        return msgspec.json.decode(checkpoint, type=_Checkpoint) if checkpoint else None
    except MALFORMED:
        return None
