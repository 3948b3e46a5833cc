"""Looking posts up by address: are they still there, and what do they say now (PostChecker)."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from shareasm.domain.changes import Gone, Seen
from shareasm.domain.posts import Network, PostRef
from shareasm.errors import NetworkError
from shareasm.networks.bluesky.answers import failure
from shareasm.networks.bluesky.bios import Bios
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.syntax import read_post_address
from shareasm.networks.bluesky.translate import MALFORMED, decode_get_posts

POSTS_PER_LOOKUP = 25
"""`app.bsky.feed.getPosts` takes no more (lexicon)."""
AUTHORS_ASKED = 3


class _Profile(msgspec.Struct):
    did: str


class _FeedPost(msgspec.Struct):
    uri: str


class _FeedItem(msgspec.Struct):
    post: _FeedPost


class _Feed(msgspec.Struct):
    feed: list[_FeedItem]


def _feed_uris(body: bytes) -> list[str]:
    try:
        return [item.post.uri for item in msgspec.json.decode(body, type=_Feed).feed]
    except MALFORMED:
        return []


class BlueskyChecker:
    """Asks an AppView for posts by address (PostChecker). Needs no sign-in on an open one.

    An AppView whose index of posts is down answers like one whose posts are all deleted: 200 and an empty list. So an
    answer without any post counts only after a control: a post that is known to be there must still be answered.
    """

    def __init__(self, server: Server, bios: Bios | None = None) -> None:
        self._server = server
        self._bios = bios  # None: what authors say there is not asked for
        self._control: PostRef | None = None  # shown last

    def check(self, refs: Sequence[tuple[PostRef, str]]) -> Mapping[PostRef, Seen | Gone]:
        """Return the present state of each post. A missing one is gone: deleted, taken down, or its account is.

        Posts of answers that are not to be believed are left out: they were not asked. Where an error ends the
        asking, what was answered before it counts; it is raised only when that is nothing.
        """
        found: dict[PostRef, Seen | Gone] = {}
        try:
            self._check([ref for ref, _ in refs if read_post_address(ref.uri)], found)
        except NetworkError:
            if not found:
                raise
        return found

    def _check(self, asked: Sequence[PostRef], found: dict[PostRef, Seen | Gone]) -> None:
        """Fill `found` answer by answer."""
        doubtful: dict[PostRef, Seen | Gone] = {}
        for start in range(0, len(asked), POSTS_PER_LOOKUP):
            states = self._look_up(asked[start : start + POSTS_PER_LOOKUP])
            shown = [state.post.ref for state in states.values() if isinstance(state, Seen)]
            if shown:
                self._control = shown[-1]
                found |= self._bios.complete(states) if self._bios else states
            else:
                doubtful |= states
        if doubtful and self._is_well(list(doubtful)):  # asked last: one of the other answers may have shown a control
            found |= doubtful

    def _is_well(self, doubtful: Sequence[PostRef]) -> bool:
        """Return whether the server shows a post that is there: the last one that it showed us, else one of an author's.

        Where there is none to ask for, one single post is believed to be gone of a server that knows its author.
        """
        control = self._control or self._other_post(doubtful)
        if control is None:
            return len(doubtful) == 1 and self._knows_author(doubtful[0])
        if any(isinstance(state, Seen) for state in self._look_up([control]).values()):
            return True
        self._control = None  # it may be deleted itself; the next answer with a post gives another
        return False

    def _other_post(self, refs: Iterable[PostRef]) -> PostRef | None:
        """Return a post by one of the authors of `refs`, as their feeds show them; None where none of the first few has one."""
        dids = dict.fromkeys(address.did for ref in refs if (address := read_post_address(ref.uri)))
        for did in list(dids)[:AUTHORS_ASKED]:
            reply = self._server.ask("GET", "app.bsky.feed.getAuthorFeed", params=[("actor", did), ("limit", "10")])
            uris = _feed_uris(reply.body) if reply.is_success else []
            address = next((found for uri in uris if (found := read_post_address(uri))), None)
            if address:
                return PostRef(Network.BLUESKY, address.uri)
        return None

    def _knows_author(self, ref: PostRef) -> bool:
        address = read_post_address(ref.uri)
        did = address.did if address else ""
        reply = self._server.ask("GET", "app.bsky.actor.getProfile", params=[("actor", did)])
        try:
            return reply.is_success and msgspec.json.decode(reply.body, type=_Profile).did == did
        except MALFORMED:
            return False

    def _look_up(self, refs: Sequence[PostRef]) -> Mapping[PostRef, Seen | Gone]:
        body = self._server.query("app.bsky.feed.getPosts", [("uris", ref.uri) for ref in refs])
        try:
            answer = decode_get_posts(body, self._server.now())
        except MALFORMED as error:
            raise failure(error, self._server.base_url, self._server.now()) from error
        found: dict[PostRef, Seen | Gone] = {seen.post.ref: seen for seen in answer.posts if seen.post.ref in refs}
        if any(item.ref is None for item in answer.skipped):
            return found  # something came that we cannot read: nobody may be called gone for it
        unreadable = {item.ref for item in answer.skipped}
        for ref in refs:
            if ref not in found and ref.uri not in unreadable:
                found[ref] = Gone(ref, "deleted or hidden")
        return found
