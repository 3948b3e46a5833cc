"""StandInBluesky: the four servers together, and the handle by which a rehearsal's people post, edit and leave."""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from starlette.responses import JSONResponse, Response

from shareasm.clock import Clock
from shareasm.rehearsal.bluesky.appview import AppView
from shareasm.rehearsal.bluesky.lexicon import LIKE, POST, PROFILE, REPOST, Json, Record
from shareasm.rehearsal.bluesky.pds import Pds, sniffed
from shareasm.rehearsal.bluesky.repo import Repo, Repos, Status, StoredRecord, Write, network_time
from shareasm.rehearsal.bluesky.search import SearchKind
from shareasm.rehearsal.bluesky.sessions import RateLimits
from shareasm.rehearsal.bluesky.stream import Jetstream
from shareasm.rehearsal.bluesky.video import VideoService
from shareasm.rehearsal.bluesky.views import NO_DELAY, Index, Label, reply_ref
from shareasm.rehearsal.faults import Faults
from shareasm.rehearsal.serving import LoopbackServer

_TAG = r"(?:^|(?<=\s))[#＃](?P<tag>\S*[^\s\d.,;:!?()\[\]'\"…]\S*)"
_LINK = r"(?P<link>https?://[^\s]+)"
_MENTION = r"(?:^|(?<=[\s(]))@(?P<mention>[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+)"
_MARKED = re.compile(f"{_LINK}|{_TAG}|{_MENTION}")
_TRAILING = ".,;:!?)]}'\"…»”"
_FEATURE = "app.bsky.richtext.facet"


@dataclass(frozen=True, slots=True)
class Person:
    """An account. `password` is an app password, good for signing in over HTTP."""

    did: str
    handle: str
    password: str


@dataclass(frozen=True, slots=True)
class Picture:
    """An image to post."""

    content: bytes
    alt: str = ""  # the lexicon demands one, an empty one will do
    ratio: tuple[int, int] | None = None  # width, height


@dataclass(frozen=True, slots=True)
class Card:
    """A link with its preview, made by the poster's app."""

    url: str
    title: str
    description: str = ""
    thumb: bytes | None = None


class StandInBluesky:
    """A whole network on loopback, between `start` and `stop` or inside `with`. Everything may be used from any thread.

    `indexing_delay` is by `clock`: how long a post is on its PDS and in the stream before readers and search see it.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        search: SearchKind = SearchKind.FULL,
        is_search_open: bool = True,
        has_tag_search: bool = False,
        has_rate_limits: bool = True,
        indexing_delay: timedelta = NO_DELAY,
    ) -> None:
        self._clock = clock
        self._repos = Repos(clock)
        self._index = Index(self._repos, lambda: self.appview_url, indexing_delay)
        self.limits = RateLimits(clock, is_on=has_rate_limits)
        self.appview = AppView(self._index, search, is_search_open=is_search_open, has_tag_search=has_tag_search)
        self._pds = Pds(self._repos, lambda: self.pds_url, self.limits, self.appview.handler)
        self.jetstream = Jetstream(self._repos)
        self.video = VideoService(self._repos, self._pds.sessions, lambda: self.video_url, lambda: self.pds_url)
        self.pds_faults, self.appview_faults, self.jetstream_faults, self.video_faults = self._faults = tuple(
            Faults(clock, _refused) for _ in range(4)
        )
        self._servers = [
            LoopbackServer(faults.wrap(app), clock=clock)
            for faults, app in (
                (self.pds_faults, self._pds.app),
                (self.appview_faults, self.appview.app),
                (self.jetstream_faults, self.jetstream.app),
                (self.video_faults, self.video.app),
            )
        ]

    # ---- addresses ----

    @property
    def pds_url(self) -> str:
        """The server of all accounts."""
        return self._servers[0].url

    @property
    def appview_url(self) -> str:
        """What anybody may read, as public.api.bsky.app."""
        return self._servers[1].url

    @property
    def jetstream_url(self) -> str:
        """The stream's host, such as `ws://127.0.0.1:40123`; the SDK's `base_uri` is this and `/xrpc`."""
        return f"ws://{self._servers[2].host}"

    @property
    def video_url(self) -> str:
        """The video service, as video.bsky.app."""
        return self._servers[3].url

    def start(self) -> None:
        """Open the four servers."""
        for server in self._servers:
            server.start()

    def stop(self) -> None:
        """Stop all servers; what hangs is let go. What was said is still there after another `start`."""
        for faults in self._faults:
            faults.clear()
        self.jetstream.disconnect(cleanly=True)
        with ThreadPoolExecutor() as pool:  # each takes its time to notice; all at once it is a third
            list(pool.map(LoopbackServer.stop, self._servers))

    def wipe(self) -> None:
        """Forget everything that was said and done, and everybody; options stay."""
        for faults in self._faults:
            faults.clear()
        with self._repos.lock:
            self.jetstream.wipe()
            self._repos.wipe()
            self._index.labels.clear()
            self._index.taken_down.clear()
            self._pds.sessions.wipe()
            self.video.wipe()
            self.limits.wipe()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- people ----

    def account(
        self,
        handle: str,
        display_name: str = "",
        *,
        bio: str = "",
        labels: Sequence[str] = (),
        avatar: bytes | None = None,
        extra: Mapping[str, Json] | None = None,
    ) -> Person:
        """Make an account. `labels` are its self-labels, `extra` further properties of its profile."""
        with self._repos.lock:
            repo = self._repos.create(handle, f"master of {handle}", f"{handle.partition('.')[0]}@mail.example")
            repo.app_passwords.append(f"pass-{len(self._repos.by_did):04}-word-test")
            profile: Record = {"$type": PROFILE, "displayName": display_name, "description": bio, **(extra or {})}
            profile["createdAt"] = network_time(self._clock.now())
            profile |= {"labels": _self_labels(labels)} if labels else {}
            if avatar is not None:
                profile["avatar"] = self._blob(repo, avatar)
            self._write(repo, Write("create", PROFILE, "self", profile))
            return Person(repo.did, repo.handle, repo.app_passwords[0])

    def find(self, handle: str) -> Person | None:
        """Return the account with this handle or DID, however it was made."""
        repo = self._repos.find(handle)
        return Person(repo.did, repo.handle, next(iter(repo.app_passwords), repo.password)) if repo else None

    def rename(self, person: Person, handle: str) -> Person:
        """Give the account another handle; its DID stays."""
        self._repos.rename(self._repo(person), handle)
        return Person(person.did, handle, person.password)

    def set_status(self, person: Person, status: Status) -> None:
        """Deactivate, take down, suspend or delete an account, or ("") bring it back."""
        self._repos.set_status(self._repo(person), status)

    def expire_access(self, person: Person) -> None:
        """Make the account's access tokens expired now; refreshing works."""
        with self._repos.lock:
            self._pds.sessions.expire_access(self._repo(person))

    def revoke(self, person: Person) -> None:
        """Remove the account's app passwords and end all sign-ins."""
        with self._repos.lock:
            self._pds.sessions.revoke(self._repo(person))

    # ---- posts ----

    def say(
        self,
        person: Person,
        text: str,
        langs: Sequence[str] = ("en",),
        *,
        reply_to: str | None = None,
        quote: str | None = None,
        images: Sequence[Picture] = (),
        card: Card | None = None,
        tags: Sequence[str] = (),
        labels: Sequence[str] = (),
        extra: Mapping[str, Json] | None = None,
        created_at: datetime | None = None,
    ) -> str:
        """Post and return the URI. Tags, links and mentions in `text` get their facets; `tags` are those outside the text.

        `extra` are further properties of the record, such as a bridge's `bridgyOriginalUrl`.
        """
        with self._repos.lock:
            repo = self._repo(person)
            record: Record = {"$type": POST, "text": text, "createdAt": network_time(created_at or self._clock.now())}
            optional: Record = {
                "langs": list(langs),
                "facets": [*self._facets(text)],
                "tags": list(tags),
                "labels": _self_labels(labels) if labels else None,
                "reply": self._reply(reply_to) if reply_to else None,
                "embed": self._embed(repo, images, card, quote),
            }
            record |= {key: value for key, value in optional.items() if value}
            return self._write(repo, Write("create", POST, None, {**record, **(extra or {})}))

    def edit(self, uri: str, text: str) -> None:
        """Change what a post says, as apps with an edit button do."""
        with self._repos.lock:
            post = self._found(uri)
            value: Record = {**post.value, "text": text, "facets": [*self._facets(text)]}
            self._write(self._repos.by_did[post.did], Write("put", POST, post.rkey, value))

    def delete(self, uri: str) -> None:
        """Delete a post, like or repost."""
        with self._repos.lock:
            record = self._found(uri)
            self._write(self._repos.by_did[record.did], Write("delete", record.collection, record.rkey))

    def like(self, person: Person, uri: str) -> str:
        """Like a post and return the like's URI."""
        return self._point_to(person, LIKE, uri)

    def repost(self, person: Person, uri: str) -> str:
        """Repost a post and return the repost's URI."""
        return self._point_to(person, REPOST, uri)

    def posts(self, author: Person | None = None) -> list[StoredRecord]:
        """Return the posts that are there, by everybody or by `author`, in the order of their arrival."""
        with self._repos.lock:
            repos = [self._repo(author)] if author else list(self._repos.by_did.values())
            return sorted(
                (post for repo in repos for post in repo.of(POST)), key=lambda post: (post.arrived_at, post.rkey)
            )

    def posts_since(self, seq: int) -> tuple[list[StoredRecord], int]:
        """Return the posts that were made after event `seq` and are still there, and the seq to go on from."""
        with self._repos.lock:
            made = [event for event in self._repos.events[seq:] if event.body.get("operation") == "create"]
            uris = [
                f"at://{event.did}/{POST}/{event.body['rkey']}" for event in made if event.body["collection"] == POST
            ]
            return [post for uri in uris if (post := self._repos.record(uri))], len(self._repos.events)

    def shows(self, uri: str) -> bool:
        """Return whether readers may see the post at `uri`."""
        with self._repos.lock:
            return self._index.post(uri) is not None

    def record(self, uri: str) -> StoredRecord | None:
        """Return the record at `uri`, also one that readers may not see."""
        return self._repos.record(uri)

    @property
    def event_count(self) -> int:
        """How many events the stream has had; the seq of the last one."""
        return len(self._repos.events)

    # ---- moderation ----

    def label(self, subject: str, value: str) -> None:
        """Let the network's labeler put a label on a post (URI) or an account (DID)."""
        with self._repos.lock:
            self._index.labels.append(Label(subject, value, self._clock.now()))

    def unlabel(self, subject: str, value: str) -> None:
        """Take the labeler's label back."""
        with self._repos.lock:
            self._index.labels = [
                label for label in self._index.labels if (label.subject, label.value) != (subject, value)
            ]

    def take_down(self, uri: str) -> None:
        """Hide a post from all readers, as Ozone does: its PDS still has it, and the stream tells nothing."""
        with self._repos.lock:
            self._index.taken_down.add(uri)

    # ---- parts of records ----

    def _point_to(self, person: Person, collection: str, uri: str) -> str:
        with self._repos.lock:
            value: Record = {"subject": self._ref(uri), "createdAt": network_time(self._clock.now())}
            return self._write(self._repo(person), Write("create", collection, None, value))

    def _reply(self, parent: str) -> Record:
        root = reply_ref(self._found(parent).value, "root") or parent
        return {"root": self._ref(root) if self._repos.record(root) else self._ref(parent), "parent": self._ref(parent)}

    def _embed(self, repo: Repo, images: Sequence[Picture], card: Card | None, quote: str | None) -> Record | None:
        media: Record | None = None
        if images:
            media = {"$type": "app.bsky.embed.images", "images": [self._image(repo, image) for image in images]}
        elif card is not None:
            external: Record = {"uri": card.url, "title": card.title, "description": card.description}
            external |= {"thumb": self._blob(repo, card.thumb)} if card.thumb else {}
            media = {"$type": "app.bsky.embed.external", "external": external}
        if quote is None:
            return media
        quoted: Record = {"$type": "app.bsky.embed.record", "record": self._ref(quote)}
        return (
            quoted if media is None else {"$type": "app.bsky.embed.recordWithMedia", "record": quoted, "media": media}
        )

    def _image(self, repo: Repo, image: Picture) -> Record:
        view: Record = {"image": self._blob(repo, image.content), "alt": image.alt}
        return {**view, "aspectRatio": {"width": image.ratio[0], "height": image.ratio[1]}} if image.ratio else view

    def _blob(self, repo: Repo, content: bytes) -> Record:
        return self._repos.add_blob(repo, content, sniffed(content) or "application/octet-stream").ref()

    def _facets(self, text: str) -> Iterator[Record]:
        """Yield the facets that Bluesky's own app would make, their places in UTF-8 bytes."""
        for match in _MARKED.finditer(text):
            shown = match[0].rstrip(_TRAILING)
            feature = self._feature(match.lastgroup or "", (match[match.lastgroup or 0] or "").rstrip(_TRAILING))
            if feature is not None:
                start = len(text[: match.start()].encode())
                index: Record = {"byteStart": start, "byteEnd": start + len(shown.encode())}
                yield {"index": index, "features": [feature]}

    def _feature(self, kind: str, value: str) -> Record | None:
        if kind == "link":
            return {"$type": f"{_FEATURE}#link", "uri": value}
        if kind == "tag":
            return {"$type": f"{_FEATURE}#tag", "tag": value}
        mentioned = self._repos.find(value)
        return {"$type": f"{_FEATURE}#mention", "did": mentioned.did} if mentioned else None

    # ---- the repos ----

    def _write(self, repo: Repo, write: Write) -> str:
        (written,), _ = self._repos.write(repo, [write])
        return written.uri

    def _repo(self, person: Person) -> Repo:
        return self._repos.by_did[person.did]

    def _found(self, uri: str) -> StoredRecord:
        record = self._repos.record(uri)
        if record is None:
            raise KeyError(uri)
        return record

    def _ref(self, uri: str) -> Record:
        return {"uri": uri, "cid": self._found(uri).cid}


def _self_labels(values: Sequence[str]) -> Record:
    return {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": value} for value in values]}


_REFUSALS = {
    401: (400, "ExpiredToken", "Token has been revoked"),  # Bluesky says this with 400
    429: (429, "RateLimitExceeded", "Rate Limit Exceeded"),
    500: (500, "InternalServerError", "Internal Server Error"),
    503: (503, "ServiceUnavailable", "Service Unavailable"),
}


def _refused(status: int, reset_at: datetime | None) -> Response:
    """Return a fault's refusal in Bluesky's words."""
    shown_status, error, message = _REFUSALS[status]
    headers = {}
    if reset_at is not None:
        headers = {"ratelimit-limit": "3000", "ratelimit-remaining": "0", "ratelimit-policy": "3000;w=300"}
        headers["ratelimit-reset"] = str(int(reset_at.timestamp()))
    return JSONResponse({"error": error, "message": message}, status_code=shown_status, headers=headers)
