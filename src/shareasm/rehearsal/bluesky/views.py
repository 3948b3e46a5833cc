"""How the AppView shows what lies in the repos: posts, authors, embeds, labels, counts. Reads only."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from shareasm.rehearsal.bluesky.lexicon import LIKE, POST, POSTGATE, PROFILE, REPOST, THREADGATE, Json, Record
from shareasm.rehearsal.bluesky.repo import Repo, Repos, StoredRecord, network_time

NO_DELAY: Final = timedelta()
LABELER = "did:plc:labelerxxxxxxxxxxxxxxxxx"
_ACTIONS: Final = {"like": LIKE, "repost": REPOST}
_NO_TIME = "1970-01-01T00:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Label:
    """A labeler's word on a post (`subject` its URI) or an account (its DID)."""

    subject: str
    value: str
    at: datetime

    def view(self) -> Record:
        """Return it as views carry it."""
        return {"src": LABELER, "uri": self.subject, "val": self.value, "cts": network_time(self.at), "ver": 1}


@dataclass(slots=True)
class _Tally:
    """Who points to what, as of one state of the network."""

    state: tuple[object, ...]
    actions: defaultdict[tuple[str, str], list[StoredRecord]] = field(default_factory=lambda: defaultdict(list))
    replies: defaultdict[str | None, list[StoredRecord]] = field(default_factory=lambda: defaultdict(list))
    quotes: defaultdict[str, list[StoredRecord]] = field(default_factory=lambda: defaultdict(list))


@dataclass(slots=True)
class Index:
    """What the AppView knows beyond the repos."""

    repos: Repos
    images: Callable[[], str]  # base URL of the image service
    delay: timedelta = NO_DELAY  # by the rehearsal's clock, from arrival until a post is in views and search
    labels: list[Label] = field(default_factory=list)
    taken_down: set[str] = field(default_factory=set)  # URIs
    _counted: "_Tally | None" = None

    # ---- what is there ----

    def post(self, uri: str) -> StoredRecord | None:
        """Return the post at `uri` when readers may see it."""
        record = self.repos.record(uri)
        if record is None or record.collection != POST or not self._is_shown(record):
            return None
        return record

    def posts(self) -> Iterator[StoredRecord]:
        """Yield every post that readers may see."""
        for repo in self.repos.active():
            yield from (record for record in repo.of(POST) if self._is_shown(record))

    def actions(self, collection: str, subject: str) -> list[StoredRecord]:
        """Return the likes or reposts of a post, the oldest first."""
        return sorted(self._tally().actions.get((collection, subject), ()), key=lambda record: record.arrived_at)

    def replies(self, uri: str) -> list[StoredRecord]:
        """Return the direct replies to a post, the oldest first."""
        return sorted(self._tally().replies.get(uri, ()), key=self.sorted_at)

    def quotes(self, uri: str) -> list[StoredRecord]:
        """Return who quotes a post, the newest first."""
        return sorted(self._tally().quotes.get(uri, ()), key=self.sorted_at, reverse=True)

    def _tally(self) -> "_Tally":
        """Return who points to what, counted anew only when something has happened."""
        now = self.repos.clock.now() if self.delay else None
        state = (len(self.repos.events), len(self.taken_down), now)
        if self._counted is None or self._counted.state != state:
            self._counted = _Tally(state)
            for repo in self.repos.active():
                for record in repo.records.values():
                    if record.collection in _ACTIONS.values():
                        self._counted.actions[record.collection, str(_subject(record.value).get("uri"))].append(record)
            for post in self.posts():
                self._counted.replies[reply_ref(post.value, "parent")].append(post)
                self._counted.quotes[_quoted(post.value)].append(post)
        return self._counted

    def sorted_at(self, post: StoredRecord) -> datetime:
        """Return the earlier of when the post says it was written and when it arrived: `sortAt`, and `indexedAt` too."""
        return min(_instant(post.value.get("createdAt"), post.arrived_at), post.arrived_at)

    def _is_shown(self, record: StoredRecord) -> bool:
        repo = self.repos.by_did[record.did]
        is_indexed = record.arrived_at + self.delay <= self.repos.clock.now()
        return not repo.status and is_indexed and record.uri not in self.taken_down

    # ---- gates ----

    def _gate(self, post: StoredRecord, collection: str) -> StoredRecord | None:
        """Return the gate of a post. One that was there before its post is not noticed (seen on the real AppView)."""
        gate = self.repos.by_did[post.did].records.get((collection, post.rkey))
        return gate if gate is not None and gate.arrived_at >= post.arrived_at else None

    def _may_reply(self, did: str, root: StoredRecord) -> bool:
        """Return whether `did` may answer in the thread of `root`. Nobody follows anybody here."""
        gate = self._gate(root, THREADGATE)
        rules = gate.value.get("allow") if gate else None
        if did == root.did or not isinstance(rules, list):
            return True
        kinds = {rule.get("$type") for rule in rules if isinstance(rule, dict)}
        return f"{THREADGATE}#mentionRule" in kinds and did in _mentioned(root.value)

    def _may_quote(self, did: str, post: StoredRecord) -> bool:
        gate = self._gate(post, POSTGATE)
        return did == post.did or gate is None or not gate.value.get("embeddingRules")

    def _gate_view(self, post: StoredRecord) -> Record:
        gate = None if "reply" in post.value else self._gate(post, THREADGATE)
        return {"threadgate": {"uri": gate.uri, "cid": gate.cid, "record": gate.value, "lists": []}} if gate else {}

    # ---- views ----

    def post_view(self, post: StoredRecord, viewer: Repo | None = None) -> Record:
        """Return a post as lists, threads and search show it."""
        view: Record = {
            "uri": post.uri,
            "cid": post.cid,
            "author": self.author_view(self.repos.by_did[post.did], viewer),
        }
        view["record"] = post.value
        embed = self._embed_view(post.did, post.value.get("embed"))
        if embed is not None:
            view["embed"] = embed
        view |= {"bookmarkCount": 0, **self._counts(post), "indexedAt": network_time(self.sorted_at(post))}
        if viewer is not None:
            view["viewer"] = {
                **{name: uri for name, kind in _ACTIONS.items() if (uri := self._action_of(viewer, kind, post.uri))},
                **dict.fromkeys(("bookmarked", "threadMuted"), False),
                "embeddingDisabled": not self._may_quote(viewer.did, post),
                **({"replyDisabled": True} if not self._may_reply(viewer.did, self._root_of(post)) else {}),
            }
        labels = self._labels(post.uri, post.did, post.value, post.cid, str(post.value.get("createdAt", _NO_TIME)))
        return {**view, "labels": labels, **self._gate_view(post)}

    def author_view(self, repo: Repo, viewer: Repo | None = None) -> Record:
        """Return the short view of an account, as posts carry it."""
        profile = repo.records.get((PROFILE, "self"))
        view: Record = {"did": repo.did, "handle": repo.handle}
        if profile is not None:
            view |= {"displayName": profile.value["displayName"]} if "displayName" in profile.value else {}
            avatar = _link(profile.value.get("avatar"))
            view |= {"avatar": self._image("avatar", repo.did, avatar)} if avatar else {}
        view["associated"] = {"activitySubscription": {"allowSubscriptions": "followers"}}
        if viewer is not None:
            view["viewer"] = dict.fromkeys(("muted", "mutedOnlyReposts", "mutedOnlyQuoteposts", "blockedBy"), False)
        labels: list[Json] = [label.view() for label in self.labels if label.subject == repo.did]
        if profile is not None:
            created = str(profile.value.get("createdAt", _NO_TIME))
            labels += self._labels(profile.uri, repo.did, profile.value, profile.cid, created)
        return {**view, "labels": labels}

    def profile_view(self, repo: Repo, viewer: Repo | None = None) -> Record:
        """Return the long view of an account."""
        view = self.author_view(repo, viewer)
        profile = repo.records.get((PROFILE, "self"))
        if profile is not None:
            view |= {"description": profile.value["description"]} if "description" in profile.value else {}
            view["indexedAt"] = network_time(profile.arrived_at)
        posts_count = sum(self._is_shown(post) for post in repo.of(POST))
        view["associated"] = {
            **dict.fromkeys(("lists", "feedgens", "starterPacks"), 0),
            "labeler": False,
            "activitySubscription": {"allowSubscriptions": "followers"},
        }
        return {**view, "followersCount": 0, "followsCount": 0, "postsCount": posts_count}

    def thread_view(self, post: StoredRecord, depth: int, height: int, viewer: Repo | None) -> Record:
        """Return a post with up to `depth` levels of replies below and `height` parents above."""
        view: Record = {"$type": "app.bsky.feed.defs#threadViewPost", "post": self.post_view(post, viewer)}
        parent = reply_ref(post.value, "parent")
        if parent and height > 0:
            above = self.post(parent)
            view["parent"] = _gone(parent) if above is None else self.thread_view(above, 0, height - 1, viewer)
        if depth > 0:
            replies = [reply for reply in self.replies(post.uri) if self._may_reply(reply.did, self._root_of(post))]
            view["replies"] = [self.thread_view(reply, depth - 1, 0, viewer) for reply in replies]
        root = self.repos.record(reply_ref(post.value, "root") or post.uri)
        like = self._action_of(self.repos.by_did[root.did], LIKE, post.uri) if root else None
        return {**view, "threadContext": {"rootAuthorLike": like} if like else {}}

    def _root_of(self, post: StoredRecord) -> StoredRecord:
        return self.repos.record(reply_ref(post.value, "root") or post.uri) or post

    def reply_context(self, post: StoredRecord) -> Record | None:
        """Return the root and the parent of a reply, as a feed shows them beside it."""
        context: Record = {}
        for which in ("root", "parent"):
            if uri := reply_ref(post.value, which):
                there = self.post(uri)
                shown: Record = (
                    {"$type": "app.bsky.feed.defs#postView", **self.post_view(there)} if there else _gone(uri)
                )
                context[which] = shown
        return context or None

    def repost_reason(self, repost: StoredRecord) -> Record:
        """Return why a reposted post is in a feed."""
        return {
            "$type": "app.bsky.feed.defs#reasonRepost",
            "by": self.author_view(self.repos.by_did[repost.did]),
            "uri": repost.uri,
            "cid": repost.cid,
            "indexedAt": network_time(repost.arrived_at),
        }

    def _action_of(self, repo: Repo, collection: str, subject: str) -> str | None:
        return next((like.uri for like in self.actions(collection, subject) if like.did == repo.did), None)

    def _counts(self, post: StoredRecord) -> Record:
        tally = self._tally()
        return {
            "replyCount": len(tally.replies.get(post.uri, ())),
            "repostCount": len(tally.actions.get((REPOST, post.uri), ())),
            "likeCount": len(tally.actions.get((LIKE, post.uri), ())),
            "quoteCount": len(tally.quotes.get(post.uri, ())),
        }

    def _labels(self, uri: str, did: str, value: Record, cid: str, created: str) -> list[Json]:
        given = [label.view() for label in self.labels if label.subject == uri]
        own: Iterable[Record] = (
            {"src": did, "uri": uri, "cid": cid, "val": name, "cts": created} for name in _self_labels(value)
        )
        return [*given, *own]

    def _embed_view(self, did: str, embed: Json) -> Record | None:
        if not isinstance(embed, dict):
            return None
        match embed.get("$type"):
            case "app.bsky.embed.images":
                return {"$type": "app.bsky.embed.images#view", "images": self._image_views(did, embed.get("images"))}
            case "app.bsky.embed.video":
                return self._video_view(did, embed)
            case "app.bsky.embed.external":
                return {
                    "$type": "app.bsky.embed.external#view",
                    "external": self._card_view(did, embed.get("external")),
                }
            case "app.bsky.embed.record":
                return {
                    "$type": "app.bsky.embed.record#view",
                    "record": self._quote_view(did, _quoted({"embed": embed})),
                }
            case "app.bsky.embed.recordWithMedia":
                return {
                    "$type": "app.bsky.embed.recordWithMedia#view",
                    "record": {"record": self._quote_view(did, _quoted({"embed": embed}))},
                    "media": self._embed_view(did, embed.get("media")),
                }
        return None  # what this AppView does not know has no view; the record still carries it

    def _image_views(self, did: str, images: Json) -> list[Json]:
        views: list[Json] = []
        for image in images if isinstance(images, list) else []:
            if isinstance(image, dict) and (cid := _link(image.get("image"))):
                ratio: Record = {"aspectRatio": image["aspectRatio"]} if "aspectRatio" in image else {}
                sizes: Record = {
                    "thumb": self._image("feed_thumbnail", did, cid),
                    "fullsize": self._image("feed_fullsize", did, cid),
                }
                views.append({**sizes, "alt": image.get("alt", ""), **ratio})
        return views

    def _video_view(self, did: str, video: Record) -> Record:
        cid = _link(video.get("video")) or ""
        place = f"{self.images()}/watch/{did}/{cid}"
        view: Record = {"cid": cid, "playlist": f"{place}/playlist.m3u8", "thumbnail": f"{place}/thumbnail.jpg"}
        said: Record = {key: video[key] for key in ("alt", "aspectRatio") if key in video}
        return {"$type": "app.bsky.embed.video#view", **view, **said}

    def _card_view(self, did: str, card: Json) -> Record:
        card = card if isinstance(card, dict) else {}
        thumb = _link(card.get("thumb"))
        shown: Record = {key: card.get(key, "") for key in ("uri", "title", "description")}
        return {**shown, "thumb": self._image("feed_thumbnail", did, thumb)} if thumb else shown

    def _quote_view(self, quoting: str, uri: str) -> Record:
        post = self.post(uri)
        if post is None:
            return {"$type": "app.bsky.embed.record#viewNotFound", "uri": uri, "notFound": True}
        if not self._may_quote(quoting, post):
            return {"$type": "app.bsky.embed.record#viewDetached", "uri": uri, "detached": True}
        view = self.post_view(post)
        value, embeds = view.pop("record"), [view.pop("embed")] if "embed" in view else []
        del view["bookmarkCount"]
        view.pop("threadgate", None)
        return {"$type": "app.bsky.embed.record#viewRecord", **view, "value": value, "embeds": embeds}

    def _image(self, preset: str, did: str, cid: str) -> str:
        return f"{self.images()}/img/{preset}/plain/{did}/{cid}"


def reply_ref(value: Record, which: str) -> str | None:
    """Return the URI of the `root` or `parent` that a post answers."""
    reply = value.get("reply")
    ref = reply.get(which) if isinstance(reply, dict) else None
    return str(ref.get("uri")) if isinstance(ref, dict) else None


def _mentioned(value: Record) -> set[str]:
    """Return whom the facets of a post mention."""
    facets = value.get("facets")
    found: set[str] = set()
    for facet in facets if isinstance(facets, list) else []:
        features = facet.get("features") if isinstance(facet, dict) else None
        for feature in features if isinstance(features, list) else []:
            if isinstance(feature, dict) and feature.get("$type") == "app.bsky.richtext.facet#mention":
                found.add(str(feature.get("did")))
    return found


def _gone(uri: str) -> Record:
    return {"$type": "app.bsky.feed.defs#notFoundPost", "uri": uri, "notFound": True}


def _subject(value: Record) -> Record:
    subject = value.get("subject")
    return subject if isinstance(subject, dict) else {}


def _quoted(value: Record) -> str:
    """Return the URI that a post quotes, or ""."""
    embed = value.get("embed")
    while isinstance(embed, dict):  # recordWithMedia holds an embed.record, which holds the reference
        if "uri" in embed and "cid" in embed:
            return str(embed["uri"])
        embed = embed.get("record")
    return ""


def _link(blob: Json) -> str | None:
    ref = blob.get("ref") if isinstance(blob, dict) else None
    return str(ref.get("$link")) if isinstance(ref, dict) else None


def _self_labels(value: Record) -> Iterator[str]:
    labels = value.get("labels")
    values = labels.get("values") if isinstance(labels, dict) else None
    for label in values if isinstance(values, list) else []:
        if isinstance(label, dict):
            yield str(label.get("val"))


def _instant(text: Json, otherwise: datetime) -> datetime:
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError:
        return otherwise
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
