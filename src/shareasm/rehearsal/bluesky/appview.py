"""The stand-in's AppView: the `app.bsky.*` reads and the image service. Open to all, but for search where it is closed.

It shows authors who ask for `!no-unauthenticated` to anonymous readers too, as the real one does: heeding it is the
reader's task.
"""

import io
from collections.abc import Callable, Iterator
from datetime import datetime

from PIL import Image, UnidentifiedImageError

from shareasm.rehearsal.bluesky.lexicon import LIKE, REPOST, Json, Record, is_at_uri, is_did, is_handle
from shareasm.rehearsal.bluesky.repo import Repo, StoredRecord, microseconds, network_time
from shareasm.rehearsal.bluesky.search import Found, SearchKind, search, search_by_tag
from shareasm.rehearsal.bluesky.views import LABELER, Index
from shareasm.rehearsal.bluesky.xrpc import (
    Answer,
    Call,
    Handler,
    Method,
    Refusal,
    Xrpc,
    bad_request,
    internal_error,
    no_such_method,
)

_SIDES = {"avatar": 1000, "banner": 3000, "feed_thumbnail": 2000, "feed_fullsize": 2000}  # pixels, the longer one
# What production's public host answers to an anonymous search: a page for people (atproto#3583).
_FORBIDDEN = (
    "<html><head><title>403 Forbidden</title></head><body><center><h1>403 Forbidden</h1></center></body></html>"
)


class AppView:
    """One AppView of the network. `app` is its ASGI app; the PDS calls `handler` for who is signed in."""

    def __init__(self, index: Index, search_kind: SearchKind, *, is_search_open: bool, has_tag_search: bool) -> None:
        self._index = index
        self._repos = index.repos
        self.search_kind = search_kind
        self.is_search_open = is_search_open
        self.has_tag_search = has_tag_search
        self._queries: dict[str, Callable[[Call, Repo | None], Answer]] = {
            "app.bsky.feed.getPosts": self._get_posts,
            "app.bsky.feed.getPostThread": self._get_post_thread,
            "app.bsky.feed.getQuotes": self._get_quotes,
            "app.bsky.feed.getAuthorFeed": self._get_author_feed,
            "app.bsky.feed.searchPosts": self._search_posts,
            "app.bsky.feed.searchPostsV2": self._search_by_tag,
            "app.bsky.feed.getLikes": self._get_likes,
            "app.bsky.feed.getRepostedBy": self._get_reposted_by,
            "app.bsky.actor.getProfile": self._get_profile,
            "app.bsky.actor.getProfiles": self._get_profiles,
        }
        self.app = Xrpc(
            self._repos.lock, self._find, self._page, lambda _: {"atproto-content-labelers": f"{LABELER};redact"}
        )

    def handler(self, nsid: str, viewer: Repo | None) -> Handler:
        """Return what answers the query `nsid`. Raises the 501 of an unknown one."""
        if nsid not in self._queries:
            raise no_such_method()
        return lambda call: self._queries[nsid](call, viewer)

    def _find(self, call: Call) -> Method:
        return Method(self.handler(call.nsid, None))

    # ---- posts ----

    def _get_posts(self, call: Call, viewer: Repo | None) -> Answer:
        uris = call.texts("uris", 25, is_at_uri, "at-uri")
        found = [post for uri in uris if (post := self._index.post(uri))]
        return Answer({"posts": self._views(found, viewer)})

    def _get_post_thread(self, call: Call, viewer: Repo | None) -> Answer:
        uri = call.text("uri", is_at_uri, "at-uri")
        depth, height = call.whole("depth", 6, 0, 1000), call.whole("parentHeight", 80, 0, 1000)
        post = self._index.post(uri)
        if post is None:
            raise bad_request(f"Post not found: {uri}", "NotFound")
        return Answer({"thread": self._index.thread_view(post, depth, height, viewer)})

    def _get_quotes(self, call: Call, viewer: Repo | None) -> Answer:
        """Answer with one page, the newest first; nobody here is quoted more often than that."""
        uri, limit = call.text("uri", is_at_uri, "at-uri"), call.whole("limit", 50, 1, 100)
        return Answer({"uri": uri, "posts": self._views(self._index.quotes(uri)[:limit], viewer)})

    def _search_posts(self, call: Call, viewer: Repo | None) -> Answer:
        found, cursor = search(call, self._findable(viewer), self.search_kind, self._did_of)
        views = self._views([hit.record for hit in found], viewer)
        return Answer({"posts": views, **({"cursor": cursor} if cursor else {})})

    def _search_by_tag(self, call: Call, viewer: Repo | None) -> Answer:
        if not self.has_tag_search:
            raise bad_request("Search v2 is not enabled")
        found, cursor, count = search_by_tag(call, self._findable(viewer), self._repos.clock.now())
        views = self._views([hit.record for hit in found], viewer)
        return Answer({"posts": views, "hitsTotal": count, **({"cursor": cursor} if cursor else {})})

    def _findable(self, viewer: Repo | None) -> Iterator[Found]:
        """Return what a search may find; nothing where it is for signed-in readers only."""
        if viewer is None and not self.is_search_open:
            raise Refusal(403, "Forbidden", "Forbidden", page=_FORBIDDEN)
        return (
            Found(post, self._index.sorted_at(post), len(self._index.actions(LIKE, post.uri)), post.arrived_at)
            for post in self._index.posts()
        )

    def _get_author_feed(self, call: Call, viewer: Repo | None) -> Answer:
        actor, limit = call.text("actor", _is_actor, "AT identifier"), call.whole("limit", 50, 1, 100)
        repo = self._repos.find(actor)
        if repo is None or repo.status:
            raise bad_request("Profile not found")
        items: list[tuple[datetime, StoredRecord, StoredRecord | None]]
        items = [(self._index.sorted_at(post), post, None) for post in self._index.posts() if post.did == repo.did]
        items += [
            (repost.arrived_at, post, repost)
            for repost in repo.of(REPOST)
            if (post := self._index.post(_subject_uri(repost)))
        ]
        if call.query.get("filter") in ("posts_no_replies", "posts_and_author_threads"):
            items = [item for item in items if item[2] or "reply" not in item[1].value]
        keyed = sorted(
            ((_feed_cursor(at, repost or post), post, repost) for at, post, repost in items), key=lambda item: item[0]
        )
        keyed.reverse()
        if cursor := call.query.get("cursor"):
            if "__" not in cursor:
                raise internal_error()
            keyed = [item for item in keyed if item[0] < cursor]
        feed: list[Json] = [self._feed_view(post, repost, viewer) for _, post, repost in keyed[:limit]]
        return Answer({"feed": feed, **({"cursor": keyed[limit - 1][0]} if len(keyed) > limit else {})})

    def _feed_view(self, post: StoredRecord, repost: StoredRecord | None, viewer: Repo | None) -> Record:
        view: Record = {"post": self._index.post_view(post, viewer)}
        if repost is not None:
            return {**view, "reason": self._index.repost_reason(repost)}
        context = self._index.reply_context(post)
        return view if context is None else {**view, "reply": context}

    def _views(self, posts: list[StoredRecord], viewer: Repo | None) -> list[Json]:
        return [self._index.post_view(post, viewer) for post in posts]

    # ---- people ----

    def _get_profile(self, call: Call, viewer: Repo | None) -> Answer:
        repo = self._repos.find(call.text("actor", _is_actor, "AT identifier"))
        if repo is None:
            raise bad_request("Profile not found")
        if repo.status == "deactivated":
            raise bad_request("Account is deactivated", "AccountDeactivated")
        if repo.status:
            raise bad_request("Account has been suspended", "AccountTakedown")
        return Answer(self._index.profile_view(repo, viewer))

    def _get_profiles(self, call: Call, viewer: Repo | None) -> Answer:
        repos = [self._repos.find(actor) for actor in call.texts("actors", 25, _is_actor, "AT identifier")]
        views: list[Json] = [self._index.profile_view(repo, viewer) for repo in repos if repo and not repo.status]
        return Answer({"profiles": views})

    def _get_likes(self, call: Call, viewer: Repo | None) -> Answer:
        likes = self._actions(call, LIKE)
        views: list[Json] = [
            {
                "actor": self._index.author_view(self._repos.by_did[like.did], viewer),
                "createdAt": like.value.get("createdAt"),
                "indexedAt": network_time(like.arrived_at),
            }
            for like in likes
        ]
        return Answer({"uri": call.text("uri"), "likes": views})

    def _get_reposted_by(self, call: Call, viewer: Repo | None) -> Answer:
        reposts = self._actions(call, REPOST)
        views: list[Json] = [self._index.author_view(self._repos.by_did[repost.did], viewer) for repost in reposts]
        return Answer({"uri": call.text("uri"), "repostedBy": views})

    def _actions(self, call: Call, collection: str) -> list[StoredRecord]:
        uri, limit = call.text("uri", is_at_uri, "at-uri"), call.whole("limit", 50, 1, 100)
        return self._index.actions(collection, uri)[:limit]

    def _did_of(self, actor: str) -> str | None:
        repo = self._repos.find(actor)
        return repo.did if repo else None

    # ---- images ----

    def _page(self, path: str) -> Answer:
        """Serve `/img/<preset>/plain/<did>/<cid>[@format]`, re-encoded as the image service does, and what stands for a
        video: an empty playlist, and a grey picture.
        """
        parts = path.strip("/").split("/")
        if parts[0] == "watch" and parts[-1] == "playlist.m3u8":
            return Answer(b"#EXTM3U\n", "application/vnd.apple.mpegurl")
        if parts[0] == "watch" and parts[-1] == "thumbnail.jpg":
            return Answer(_grey(), "image/jpeg")
        if len(parts) == 5 and parts[0] == "img" and parts[1] in _SIDES:
            cid, _, form = parts[4].partition("@")
            repo = self._repos.find(parts[3])
            if repo is not None and not repo.status and cid in repo.blobs:
                return _picture(repo.blobs[cid].content, _SIDES[parts[1]], form or "webp")
        raise Refusal(404, "NotFoundError", "Image not found")


def _grey() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 360), "#8a8a8a").save(out, "JPEG")
    return out.getvalue()


def _picture(content: bytes, side: int, form: str) -> Answer:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            picture.thumbnail((side, side))
            out = io.BytesIO()
            picture.convert("RGB").save(out, "JPEG" if form == "jpeg" else form.upper())
    except (UnidentifiedImageError, OSError, KeyError, ValueError, Image.DecompressionBombError):
        raise internal_error() from None
    return Answer(out.getvalue(), f"image/{form}")


def _feed_cursor(at: datetime, record: StoredRecord) -> str:
    return f"{microseconds(at) // 1000}__{record.cid}"  # thirteen digits until the year 2286: strings sort as times do


def _subject_uri(record: StoredRecord) -> str:
    subject = record.value.get("subject")
    return str(subject.get("uri")) if isinstance(subject, dict) else ""


def _is_actor(text: str) -> bool:
    return is_did(text) or is_handle(text)
