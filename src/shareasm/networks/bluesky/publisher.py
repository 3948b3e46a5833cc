"""Sending our posts to Bluesky so that each goes out exactly once (Publisher).

The far end of the publishing line. The record key and every record are frozen before the first call, and one call creates
them all: `applyWrites`, which does everything or nothing. It never writes over what is there: a key that is taken fails the
whole call, so that repeating it does nothing but answer 500 (run against PDS 0.5.35, November 2026). What lies under our key
then tells the rest:

    our post                    it went out: the answer was lost, here is the receipt
    another post                never touched: Occupied
    no post, but its postgate   it went out, and a person deleted it: never made again
    nothing                     it has not gone out

For the third line every post has a postgate, which the apps leave behind when they delete a post, and which changes nothing
where it forbids nothing. The other way to write once, `putRecord` with `"swapRecord": null`, makes a deleted post anew, and
writes one record: a post would stand open until its gates come, or have gates that no AppView shows, having come before it.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from shareasm.domain.pictures import PreparedVideo
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import Draft, DraftCard, DraftVideo, Receipt
from shareasm.errors import ConfigError, NetworkError, Occupied, Rejected, Unreachable
from shareasm.networks.bluesky.answers import failure, refusal, reply_of
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.records import (
    POSTGATE_COLLECTION,
    THREADGATE_COLLECTION,
    Blob,
    Prepared,
    Uploaded,
    find_mentions,
    write_records,
)
from shareasm.networks.bluesky.syntax import POST_COLLECTION, PostAddress, is_cid, is_did, read_post_address
from shareasm.networks.bluesky.translate import MALFORMED
from shareasm.networks.bluesky.video import VideoService
from shareasm.networks.bluesky.writing import Repository, Written
from shareasm.networks.ports import Limits, PreparedImage, Repeat, Ties

LIMITS = Limits(
    text_length=300,  # graphemes, and …
    text_bytes=3000,  # … bytes: lexicon app.bsky.feed.post
    url_length=None,
    media_count=4,  # lexicon app.bsky.embed.images
    alt_length=2000,  # what the official app allows; the lexicon has no limit
    image_bytes=976_000,  # the lexicon allows 2,000,000 since 2026, older servers and the card's picture 1,000,000
    image_side=2000,
    repeat=Repeat.SAFE,
    can_edit=False,  # no app of theirs offers it, and quotes and reposts keep the old words
    can_quote=True,
    has_polls=False,
    video_bytes=100_000_000,  # what the video service takes in one piece; lexicon app.bsky.embed.video: 300,000,000
)
MOST_CAPTIONS = 20  # of one video: lexicon app.bsky.embed.video
THUMB_MIMES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}

Prepare = Callable[[Path, Limits], PreparedImage]


PrepareVideo = Callable[[Path, Limits], PreparedVideo]
PrepareCaptions = Callable[[Path], bytes]

T = TypeVar("T")


class _Stored(msgspec.Struct):
    """What getRecord answers."""

    uri: str
    cid: str
    value: object = None


class _Resolved(msgspec.Struct):
    did: str


class BlueskyPublisher:
    """Publishes from one account. The publish key is the record key, a TID made once when the post was planned."""

    def __init__(
        self,
        server: Server,
        *,
        prepare: Prepare,
        prepare_video: PrepareVideo | None = None,
        prepare_captions: PrepareCaptions = Path.read_bytes,
        cards: Path | None = None,
        video_service: VideoService | None = None,
    ) -> None:
        """`server` must have a session; the `prepare…` make files fit to publish, `cards` holds the pictures of link cards.

        Raises ValueError without a session.
        """
        self._server = server
        self._repository = Repository(server)
        self._prepare = prepare
        self._cards = cards
        self._prepare_video = prepare_video
        self._prepare_captions = prepare_captions
        self._video_service = video_service or VideoService(server)
        self._dids: dict[str, str | None] = {}

    def limits(self) -> Limits:
        """Return what fits into one post; the same on every server."""
        return LIMITS

    # -- ahead of time

    def load(self) -> None:
        """Load the official library, which takes a second."""
        self._repository.load()

    def prepare(self, draft: Draft, media: Path) -> str:
        """Upload pictures, video, captions and the card's picture, and resolve the mentions.

        The same bytes uploaded again are the same blob, and nobody sees a blob without its post; a server keeps such a one
        for an hour at least (atproto.com/specs/blob). A visibility other than public or unlisted is Rejected: Bluesky has
        none.
        """
        if draft.visibility not in {"public", "unlisted"}:
            reason = f"Bluesky posts are public, this one is to be {draft.visibility}"
            raise Rejected(reason, server=self._server.base_url)
        self.load()  # not when a post is due
        images = []
        for item in draft.media if draft.video is None else ():
            image = self._prepare(media / item.file, LIMITS)
            images.append(
                Uploaded(
                    self._repository.upload(image.data, image.mime, ref=item.file), item.alt, image.width, image.height
                )
            )
        prepared = Prepared(
            did=self._repository.did,
            dids={handle: did for handle in find_mentions(draft.text) if (did := self._resolve(handle))},
            images=images,
            video=self._upload_video(draft.video, media) if draft.video else None,
            captions=self._upload_captions(draft.video, media) if draft.video else [],
            thumb=self._upload_thumb(draft.card) if draft.card and not draft.media and not draft.video else None,
        )
        return msgspec.json.encode(prepared).decode()

    def _upload_video(self, video: DraftVideo, media: Path) -> Uploaded:
        if self._prepare_video is None:
            raise Rejected("videos are not sent here", server=self._server.base_url, ref=video.file)
        ready = self._prepare_video(media / video.file, LIMITS)
        blob = self._video_service.upload(ready.data, ready.mime, ref=video.file)
        return Uploaded(blob, video.alt, ready.width, ready.height)

    def _upload_captions(self, video: DraftVideo, media: Path) -> list[tuple[str, Blob]]:
        if len(video.captions) > MOST_CAPTIONS:
            count = len(video.captions)
            raise ConfigError(f"{video.file} has {count} captions; Bluesky takes {MOST_CAPTIONS}: leave some out")
        return [
            (language, self._repository.upload(self._prepare_captions(media / file), "text/vtt", ref=file))
            for language, file in video.captions
        ]

    def _upload_thumb(self, card: DraftCard) -> Blob | None:
        """Return the card's picture; None where there is none: a card without a picture is still one."""
        if self._cards is None or card.thumb is None:
            return None
        file = self._cards / card.thumb
        mime = THUMB_MIMES.get(file.suffix)
        if mime is None or file.parent != self._cards or not file.is_file():
            return None
        return self._repository.upload(file.read_bytes(), mime, ref=f"the picture of {card.url}")

    def _resolve(self, handle: str) -> str | None:
        handle = handle.lower()
        if handle not in self._dids:
            reply = self._server.ask("GET", "com.atproto.identity.resolveHandle", params=[("handle", handle)])
            if reply.is_success:
                did = self._decode(reply.body, _Resolved, ref=handle).did
                self._dids[handle] = did if is_did(did) else None
            elif reply.status in {400, 404}:
                self._dids[handle] = None  # nobody has this handle: the words stay, without a link
            else:
                raise refusal(reply, self._server.base_url, self._server.now(), ref=handle)
        return self._dids[handle]

    def freeze(self, draft: Draft, key: str, prepared: str, ties: Ties, now: datetime) -> str:
        """Return the records by collection, as JSON text."""
        try:
            records = write_records(draft, key, msgspec.json.decode(prepared, type=Prepared), ties, now)
        except ValueError as error:
            raise Rejected(str(error), server=self._server.base_url, ref=key) from error
        return msgspec.json.encode(records).decode()

    # -- the post itself

    def publish(self, payload: str, key: str) -> Receipt:
        """Create the post with its gates; do nothing where it is already there.

        Raises Occupied where another record is, and Rejected where somebody has deleted it since.
        """
        try:
            written = self._repository.create_all(_records(payload), key)
        except NetworkError as error:
            return self._settle(error, payload, key)
        made = next((record for record in written if POST_COLLECTION in record.uri), None)
        return self._receipt(made, key)

    def _settle(self, error: NetworkError, payload: str, key: str) -> Receipt:
        """Return the receipt where the call failed because it was done before. Raises `error` where it was not."""
        refused = reply_of(error.__cause__)
        if refused is None or (refused.status != 400 and refused.status < 500):
            raise error
        try:
            found = self._find(payload, key)
        except Rejected:
            raise
        except NetworkError:  # nobody can be asked now
            found = None
        if found is None:
            raise error
        return found

    def find(self, payload: str, key: str, since: datetime) -> Receipt | None:  # noqa: ARG002  the key alone finds it
        """Return the receipt of the post under `key`; None where nothing ever was. Its gates came with it.

        Raises Occupied where it says something else, and Rejected where somebody has deleted it.
        """
        return self._find(payload, key)

    def _find(self, payload: str, key: str) -> Receipt | None:
        stored = self._get(POST_COLLECTION, key)
        if stored is None:
            if self._get(POSTGATE_COLLECTION, key) is None:
                return None
            reason = "it went out and was deleted on Bluesky since: what a person deletes is not made again"
            raise Rejected(reason, server=self._server.base_url, ref=key)
        if stored.value != _records(payload)[POST_COLLECTION]:
            reason = "another post lies where ours should be, and is never written over: give the slot another id"
            raise Occupied(reason, server=self._server.base_url, ref=key)
        return self._receipt(stored, key)

    def edit(self, payload: str, receipt: Receipt) -> Receipt:  # noqa: ARG002
        """Raise Rejected: on Bluesky nobody sees that a post was changed, and some go on seeing the old words."""
        reason = "a post on Bluesky cannot be changed: withdraw it, and send another"
        raise Rejected(reason, server=self._server.base_url, ref=receipt.ref.uri)

    def delete(self, receipt: Receipt) -> None:
        """Delete the post, then its gates. What is not there is answered like what was."""
        address = read_post_address(receipt.ref.uri)
        if address is None or address.did != self._repository.did:
            raise Rejected("not a post of this account", server=self._server.base_url, ref=receipt.ref.uri)
        collections = (POST_COLLECTION, THREADGATE_COLLECTION, POSTGATE_COLLECTION)
        self._repository.delete_all(collections, address.rkey, ref=receipt.ref.uri)

    # -- the records under one key

    def _get(self, collection: str, key: str) -> _Stored | None:
        params = [("repo", self._repository.did), ("collection", collection), ("rkey", key)]
        reply = self._server.ask("GET", "com.atproto.repo.getRecord", params=params, ref=key)
        if reply.error == "RecordNotFound":  # with 400, not 404
            return None
        if not reply.is_success:
            raise refusal(reply, self._server.base_url, self._server.now(), ref=key)
        return self._decode(reply.body, _Stored, ref=key)

    def _receipt(self, stored: _Stored | Written | None, key: str) -> Receipt:
        address = PostAddress(self._repository.did, key)
        if stored is None or stored.uri != address.uri or not is_cid(stored.cid):
            reason = "the answer is about another post"
            raise Unreachable(reason, server=self._server.base_url, ref=key, is_outcome_unknown=True)
        return Receipt(PostRef(Network.BLUESKY, address.uri), address.url, key, version=stored.cid, visibility="public")

    def _decode(self, body: bytes, kind: type[T], *, ref: str) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except MALFORMED as error:
            raise failure(error, self._server.base_url, self._server.now(), ref=ref) from error


def _records(payload: str) -> dict[str, object]:
    """Return the frozen records by collection. At first the post alone was frozen, and such a row may wait for its answer."""
    found = msgspec.json.decode(payload, type=dict[str, object])
    return {POST_COLLECTION: found} if "$type" in found else found
