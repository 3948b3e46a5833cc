"""Sending our posts to Bluesky so that each goes out exactly once (Publisher).

The far end of the publishing line. The record key and the whole record are frozen before the first call; `putRecord`
with the explicit `"swapRecord": null` then means "only if nothing is there", and repeating it does nothing (run against
PDS 0.4.217 and 0.5.35, November 2026). `createRecord` is never used: repeated, it posts twice or answers a bare 500.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import Draft, DraftMedia, Receipt
from shareasm.errors import Rejected, Unreachable
from shareasm.networks.bluesky.answers import Reply, failure, refusal
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.records import Uploaded, find_mentions, write_record
from shareasm.networks.bluesky.syntax import POST_COLLECTION, PostAddress, is_cid, is_did, read_post_address
from shareasm.networks.bluesky.translate import MALFORMED
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
)

Prepare = Callable[[Path, Limits], PreparedImage]
FetchCardImage = Callable[[str, Limits], PreparedImage | None]
"""Returns the preview picture of an address, None where there is none to be had."""

T = TypeVar("T")


class _Stored(msgspec.Struct):
    """What putRecord and getRecord answer."""

    uri: str
    cid: str
    value: object = None


class _Blob(msgspec.Struct):
    blob: dict[str, object]


class _Resolved(msgspec.Struct):
    did: str


class Prepared(msgspec.Struct, frozen=True):
    """What `prepare` hands to `freeze`."""

    images: list[Uploaded]
    card_image: Uploaded | None
    dids: dict[str, str]  # handle → account


class BlueskyPublisher:
    """Publishes from one account. The publish key is the record key, a TID made once when the post was planned."""

    def __init__(self, server: Server, *, prepare: Prepare, fetch_card_image: FetchCardImage | None = None) -> None:
        """`server` must have a session; `prepare` makes a file fit to publish. Raises ValueError without a session."""
        if server.session is None:
            raise ValueError("publishing needs a session")
        self._server = server
        self._session = server.session
        self._prepare = prepare
        self._fetch_card_image = fetch_card_image
        self._dids: dict[str, str | None] = {}

    def limits(self) -> Limits:
        """Return what fits into one post; the same on every server."""
        return LIMITS

    def prepare(self, draft: Draft, media: Path) -> str:
        """Upload the pictures and resolve the mentions.

        The same bytes uploaded again are the same blob, and nobody sees a blob without its post. A visibility other
        than public or unlisted is Rejected: Bluesky has none. A content warning has no place on Bluesky either and is
        left to the text.
        """
        if draft.visibility not in {"public", "unlisted"}:
            reason = f"Bluesky posts are public, this one is to be {draft.visibility}"
            raise Rejected(reason, server=self._server.base_url)
        images = [self._upload(self._prepare(media / item.file, LIMITS), item) for item in draft.media]
        card_image = None
        if draft.card and not images and self._fetch_card_image:
            picture = self._fetch_card_image(draft.card.url, LIMITS)
            card_image = self._upload(picture, None) if picture else None
        dids = {handle: did for handle in find_mentions(draft.text) if (did := self._resolve(handle))}
        return msgspec.json.encode(Prepared(images, card_image, dids)).decode()

    def freeze(self, draft: Draft, key: str, prepared: str, ties: Ties, now: datetime) -> str:
        """Return the record as JSON text."""
        ready = msgspec.json.decode(prepared, type=Prepared)
        try:
            record = write_record(
                draft, now, ready.dids.get, images=ready.images, card_image=ready.card_image, thread=ties.thread
            )
        except ValueError as error:
            raise Rejected(str(error), server=self._server.base_url, ref=key) from error
        return msgspec.json.encode(record).decode()

    def _upload(self, image: PreparedImage, item: DraftMedia | None) -> Uploaded:
        file = item.file if item else "the card's picture"
        body = self._server.procedure("com.atproto.repo.uploadBlob", image.data, content_type=image.mime, ref=file)
        answer = self._decode(body, _Blob, ref=file)
        return Uploaded(answer.blob, item.alt if item else "", image.width, image.height)

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

    def publish(self, payload: str, key: str) -> Receipt:
        """Create the record under `key`; do nothing where it is already there. Raises Occupied where another one is."""
        reply = self._put(payload, key, swap=None)
        if reply.error == "InvalidSwap":
            return self._same_or_refuse(payload, key, reply)
        return self._receipt(self._accept(reply, key), key)

    def find(self, payload: str, key: str, since: datetime) -> Receipt | None:  # noqa: ARG002  the key alone finds it
        """Return the receipt of the record under `key`, None where there is none. Raises Occupied where it says
        something else.
        """
        stored = self._get(key)
        if stored is None:
            return None
        return self._same_or_refuse(payload, key, None, stored)

    def edit(self, payload: str, receipt: Receipt) -> Receipt:
        """Replace the record if it is still the one in `receipt`. Others' quotes and reposts keep pointing to the old
        words.
        """
        key = self._key_of(receipt)
        if receipt.version is None:
            raise Rejected("the version to replace is not known", server=self._server.base_url, ref=receipt.ref.uri)
        reply = self._put(payload, key, swap=receipt.version)
        if reply.error == "InvalidSwap":
            return self._same_or_refuse(payload, key, reply)
        return self._receipt(self._accept(reply, key), key)

    def delete(self, receipt: Receipt) -> None:
        """Delete the record. One that is not there is answered like one that was."""
        body = {"repo": self._did, "collection": POST_COLLECTION, "rkey": self._key_of(receipt)}
        self._server.procedure("com.atproto.repo.deleteRecord", msgspec.json.encode(body), ref=receipt.ref.uri)

    # -- the record under one key

    @property
    def _did(self) -> str:
        return self._session.tokens().did

    def _key_of(self, receipt: Receipt) -> str:
        address = read_post_address(receipt.ref.uri)
        if address is None or address.did != self._did:
            raise Rejected("not a post of this account", server=self._server.base_url, ref=receipt.ref.uri)
        return address.rkey

    def _put(self, payload: str, key: str, *, swap: str | None) -> Reply:
        """Write the record if its present version is `swap`, None meaning that there is none. Sent with the null in it."""
        body = msgspec.json.encode(
            {
                "repo": self._did,
                "collection": POST_COLLECTION,
                "rkey": key,
                "record": msgspec.Raw(payload.encode()),
                "swapRecord": swap,
            }
        )
        return self._server.ask("POST", "com.atproto.repo.putRecord", body=body, ref=key)

    def _get(self, key: str) -> _Stored | None:
        params = [("repo", self._did), ("collection", POST_COLLECTION), ("rkey", key)]
        reply = self._server.ask("GET", "com.atproto.repo.getRecord", params=params, ref=key)
        if reply.error == "RecordNotFound":  # with 400, not 404
            return None
        if not reply.is_success:
            raise refusal(reply, self._server.base_url, self._server.now(), ref=key)
        return self._decode(reply.body, _Stored, ref=key)

    def _same_or_refuse(self, payload: str, key: str, refused: Reply | None, stored: _Stored | None = None) -> Receipt:
        """Return the receipt when the record under `key` says what `payload` says; raise Occupied otherwise."""
        stored = stored or self._get(key)
        if stored is not None and stored.value == msgspec.json.decode(payload):
            return self._receipt(stored, key)
        reply = refused or Reply(400, {}, b'{"error":"InvalidSwap","message":"it says something else"}')
        raise refusal(reply, self._server.base_url, self._server.now(), ref=key, is_write=True)

    def _accept(self, reply: Reply, key: str) -> _Stored:
        if not reply.is_success:
            raise refusal(reply, self._server.base_url, self._server.now(), ref=key, is_write=True)
        return self._decode(reply.body, _Stored, ref=key, is_write=True)

    def _receipt(self, stored: _Stored, key: str) -> Receipt:
        address = PostAddress(self._did, key)
        if stored.uri != address.uri or not is_cid(stored.cid):
            reason = "the answer is about another post"
            raise Unreachable(reason, server=self._server.base_url, ref=key, is_outcome_unknown=True)
        return Receipt(PostRef(Network.BLUESKY, address.uri), address.url, key, version=stored.cid, visibility="public")

    def _decode(self, body: bytes, kind: type[T], *, ref: str, is_write: bool = False) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except MALFORMED as error:
            raise failure(error, self._server.base_url, self._server.now(), ref=ref, is_write=is_write) from error
