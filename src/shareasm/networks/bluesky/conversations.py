"""Reads what was said to a post on Bluesky: its thread, and who quotes it (ConversationReader).

`app.bsky.feed.getPostThread` nests the answers of a level in those of the level above, `app.bsky.feed.getQuotes` lists
(lexicons of the AppView, read November 2026). Both are open to anonymous readers. An answer that the thread's own author
hid (`app.bsky.feed.threadgate`, `hiddenReplies`) is left out, with all that hangs on it.
"""

import msgspec

from shareasm.domain.changes import Seen, Skipped
from shareasm.domain.posts import Post, PostRef
from shareasm.errors import Rejected
from shareasm.networks.bluesky.answers import failure, refusal
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.json_values import items_in, mapping_in
from shareasm.networks.bluesky.translate import MALFORMED, decode_search_page, take_item, translate_view
from shareasm.networks.ports import Conversation

DEPTH = 6
"""Levels of answers that are read: the lexicon's own default."""
NODES = 500
"""Answers of one thread that are looked at."""
NOT_IMPLEMENTED = 501  # an older AppView's word about a method that it does not have
QUOTES_PAGE = 100
"""The most that a page has; one is read."""

_NOTHING = msgspec.Raw(b"null")


class _Node(msgspec.Struct):
    post: msgspec.Raw = _NOTHING
    replies: list[msgspec.Raw] | None = None


class _Answer(msgspec.Struct):
    thread: msgspec.Raw


class BlueskyConversations:
    """ConversationReader of an AppView."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def read_conversation(self, post: Post, local_id: str) -> Conversation:  # noqa: ARG002  the address says all
        """Return what the AppView shows of it, down to DEPTH."""
        answers = self._answers(post) if post.counts.replies else ((), ())
        quotes = self._quotes(post) if post.counts.quotes else ((), ())
        return Conversation(answers[0], quotes[0], answers[1] + quotes[1])

    def _answers(self, post: Post) -> tuple[tuple[Seen, ...], tuple[Skipped, ...]]:
        params = [("uri", post.ref.uri), ("depth", str(DEPTH)), ("parentHeight", "0")]
        body = self._get("app.bsky.feed.getPostThread", params, post.ref)
        if body is None:
            return (), ()
        try:
            root = msgspec.json.decode(body, type=_Answer).thread
        except MALFORMED as error:
            if "truncated" not in str(error) and body.lstrip()[:1] == b"{":  # one answer in it cannot be read
                return (), (Skipped("a thread that cannot be read", b"", post.ref.uri),)
            raise self._unreadable(error) from error
        return self._below(root)

    def _below(self, root: msgspec.Raw) -> tuple[tuple[Seen, ...], tuple[Skipped, ...]]:
        """Return the answers level by level. An answer that cannot be taken takes those below it along."""
        node = _node(root)
        hidden = _hidden(node.post)
        level = list(node.replies or ())
        posts: list[Seen] = []
        skipped: list[Skipped] = []
        left = NODES
        for _ in range(DEPTH):
            nodes = [_node(one) for one in level[:left]]
            left -= len(nodes)
            level = []
            for node in nodes:
                if node.post == _NOTHING:
                    continue  # deleted, or blocked by somebody
                taken = take_item(bytes(node.post), lambda view, raw: translate_view(view, raw, self._server.now()))
                if isinstance(taken, Skipped):
                    skipped.append(taken)
                elif taken.post.ref.uri not in hidden:
                    posts.append(taken)
                    level += node.replies or ()
        return tuple(posts), tuple(skipped)

    def _quotes(self, post: Post) -> tuple[tuple[Seen, ...], tuple[Skipped, ...]]:
        params = [("uri", post.ref.uri), ("limit", str(QUOTES_PAGE))]
        body = self._get("app.bsky.feed.getQuotes", params, post.ref)
        if body is None:
            return (), ()
        try:
            page = decode_search_page(body, self._server.now())
        except MALFORMED as error:
            raise self._unreadable(error) from error
        return tuple(seen for seen in page.posts if seen.post.quote == post.ref), page.skipped

    def _get(self, nsid: str, params: list[tuple[str, str]], ref: PostRef) -> bytes | None:
        """Return an answer; None where the post is not there any more, or the server knows no such question."""
        reply = self._server.ask("GET", nsid, params=params, ref=ref.uri)
        if reply.is_success:
            return reply.body
        error = refusal(reply, self._server.base_url, self._server.now(), ref=ref.uri)
        if isinstance(error, Rejected) or reply.status == NOT_IMPLEMENTED:
            return None
        raise error

    def _unreadable(self, error: Exception) -> Exception:
        return failure(error, self._server.base_url, self._server.now())


def _node(raw: msgspec.Raw) -> _Node:
    try:
        return msgspec.json.decode(raw, type=_Node)
    except MALFORMED:
        return _Node()


def _hidden(view: msgspec.Raw) -> frozenset[str]:
    """Return the answers that the thread's author hid, as the gate in the root's view says."""
    try:
        gate = mapping_in(mapping_in(msgspec.json.decode(view)).get("threadgate"))
    except MALFORMED:
        return frozenset()
    hidden = items_in(mapping_in(gate.get("record")).get("hiddenReplies"))
    return frozenset(uri for uri in hidden if isinstance(uri, str))
