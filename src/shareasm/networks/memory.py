"""A whole network in memory: it reads, publishes and checks like a real one. For use-case tests and for trying a plan dry.

It keeps to the ports and nothing else. What can go wrong on a network is asked for beforehand: `fail_next` lets the next call
of a kind fail, before or after it acted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from shareasm.domain.changes import Gone, Seen
from shareasm.domain.posts import Account, Hashtag, Network, Post, PostRef, Visibility, encode_post
from shareasm.domain.queue import Draft, Receipt
from shareasm.domain.richtext import find_hashtags, fold_hashtag, linked_html
from shareasm.errors import NetworkError, Rejected
from shareasm.networks.ports import Conversation, FoundPost, Limits, Page, Repeat, Ties, Window

Act = Literal["read", "check", "converse", "prepare", "publish", "find", "edit", "delete"]


class Payload(msgspec.Struct, frozen=True):
    """What `freeze` hands to `publish`."""

    draft: Draft
    root: str | None
    parent: str | None
    quoted: str | None
    at: datetime


@dataclass
class MemoryNetwork:
    """A network with one account of ours. `posts` is what everybody can see, in order of arrival."""

    network: Network = Network.MASTODON
    host: str = "memory.example"
    repeat: Repeat = Repeat.AN_HOUR
    page_size: int = 40
    posts: dict[PostRef, Post] = field(default_factory=dict)
    calls: list[Act] = field(default_factory=list)
    _keys: dict[str, PostRef] = field(default_factory=dict)
    _faults: list[tuple[Act, NetworkError, bool]] = field(default_factory=list)
    _number: int = 0

    # ---- what others do ------------------------------------------------------------------------------------------------

    def say(self, text: str, *, author: str = "amina", at: datetime | None = None, **changes: object) -> Post:
        """Let somebody post; return the post."""
        post = self._make(text, author, at or datetime.now(UTC))
        post = replace(post, **changes)  # type: ignore[arg-type]  # fields of Post, by name
        self.posts[post.ref] = post
        return post

    def fail_next(self, act: Act, error: NetworkError, *, after_acting: bool = False) -> None:
        """Let the next call of `act` raise `error`; with `after_acting`, only after it did what it was asked."""
        self._faults.append((act, error, after_acting))

    # ---- TagReader and PostChecker -------------------------------------------------------------------------------------

    def read_tag(self, tag: str, window: Window, checkpoint: str | None) -> Iterator[Page]:
        """Yield what arrived after the checkpoint (a number of posts) and carries `tag`."""
        start = int(checkpoint or "0")
        everything = list(self.posts.values())
        for first in range(start, len(everything), self.page_size):
            with self._acting("read"):
                batch = everything[first : first + self.page_size]
            yield Page(posts=self._tagged(batch, tag), checkpoint=str(first + len(batch)))

    def sweep_tag(self, tag: str, window: Window) -> Iterator[Page]:
        """Yield everything of the window that carries `tag`."""
        yield Page(posts=self._tagged(list(self.posts.values()), tag))

    def check(self, refs: Sequence[tuple[PostRef, str]]) -> Mapping[PostRef, Seen | Gone]:
        """Return each post as it is now, or that it is gone."""
        with self._acting("check"):
            return {ref: _seen(self.posts[ref]) if ref in self.posts else Gone(ref, "deleted") for ref, _ in refs}

    # ---- ConversationReader ------------------------------------------------------------------------------------------

    def read_conversation(self, post: Post, local_id: str) -> Conversation:
        """Return the replies to a post, the replies to those, and who quotes it."""
        with self._acting("converse"):
            answers = [other for other in self.posts.values() if other.reply_to == post.ref]
            for answer in answers:  # grows meanwhile
                answers += [other for other in self.posts.values() if other.reply_to == answer.ref]
            quotes = [other for other in self.posts.values() if other.quote == post.ref]
            return Conversation(tuple(map(_seen, answers)), tuple(map(_seen, quotes)))

    # ---- Publisher -----------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Nothing is slow to load."""

    def limits(self) -> Limits:
        """Return limits like Mastodon's, with the `repeat` that this network was made with."""
        return Limits(text_length=500, url_length=23, repeat=self.repeat)

    def prepare(self, draft: Draft, media: Path) -> str:
        """Look that the pictures are there."""
        with self._acting("prepare"):
            for item in draft.media:
                (media / item.file).read_bytes()
            return ""

    def freeze(self, draft: Draft, key: str, prepared: str, ties: Ties, now: datetime) -> str:
        """Return the content to send."""
        root, parent = (ties.thread.root.ref.uri, ties.thread.parent.ref.uri) if ties.thread else (None, None)
        quoted = ties.quoted.ref.uri if ties.quoted else None
        return msgspec.json.encode(Payload(draft, root, parent, quoted, now)).decode()

    def publish(self, payload: str, key: str) -> Receipt:
        """Make the post, or return the one made under `key` before, as far as this network remembers keys."""
        with self._acting("publish"):
            if self.repeat is not Repeat.NEVER and (made := self._keys.get(key)):
                if made in self.posts:
                    return self._receipt(made)
                if self.repeat is Repeat.AN_HOUR:  # as Mastodon does; Bluesky makes it again
                    raise Rejected("Record not found", server=f"https://{self.host}")
            content = msgspec.json.decode(payload, type=Payload)
            post = self._make(content.draft.text, "us", content.at, key)
            parent = PostRef(self.network, content.parent) if content.parent else None
            quoted = PostRef(self.network, content.quoted) if content.quoted else None
            post = replace(post, reply_to=parent, is_reply=parent is not None, quote=quoted)
            post = replace(post, languages=(content.draft.language,))
            self.posts[post.ref] = post
            self._keys[key] = post.ref
            return self._receipt(post.ref)

    def find(self, payload: str, key: str, since: datetime) -> Receipt | None:
        """Look for a post of ours with the same words."""
        with self._acting("find"):
            text = msgspec.json.decode(payload, type=Payload).draft.text
            found = [
                post.ref for post in self.posts.values() if post.text == text and post.author.handle.startswith("us@")
            ]
            return self._receipt(found[-1]) if found else None

    def find_at(self, url: str) -> FoundPost:
        """Return a post of ours (Finder)."""
        found = next((post for post in self.posts.values() if post.url == url), None)
        if found is None or not found.author.handle.startswith("us@"):
            raise Rejected("there is no such post of ours", server=f"https://{self.host}", ref=url)
        return FoundPost(self._receipt(found.ref), found.text)

    def edit(self, payload: str, receipt: Receipt) -> Receipt:
        """Replace the words of a post of ours."""
        with self._acting("edit"):
            content = msgspec.json.decode(payload, type=Payload)
            self.posts[receipt.ref] = replace(self.posts[receipt.ref], text=content.draft.text, edited_at=content.at)
            return receipt

    def delete(self, receipt: Receipt) -> None:
        """Take a post of ours back."""
        with self._acting("delete"):
            self.posts.pop(receipt.ref, None)

    # ---- inside --------------------------------------------------------------------------------------------------------

    def _acting(self, act: Act) -> "_Acting":
        self.calls.append(act)
        fault = next((fault for fault in self._faults if fault[0] == act), None)
        if fault:
            self._faults.remove(fault)
        return _Acting(fault[1] if fault else None, is_after=bool(fault and fault[2]))

    def _make(self, text: str, author: str, at: datetime, key: str | None = None) -> Post:
        self._number += 1
        uri = f"https://{self.host}/users/{author}/statuses/{self._number}"
        at_uri = f"at://did:plc:{author}/app.bsky.feed.post/{key or self._number}"
        ref = PostRef(self.network, uri if self.network is Network.MASTODON else at_uri)
        tags = tuple(Hashtag(tag.name, tag.label) for tag in find_hashtags(text))
        account = Account(
            self.network, f"https://{self.host}/users/{author}", f"{author}@{self.host}", author.title(), ""
        )
        return Post(ref, uri, account, at, text, linked_html(text, ()), hashtags=tags, visibility=Visibility.PUBLIC)

    def _tagged(self, posts: Sequence[Post], tag: str) -> tuple[Seen, ...]:
        name = fold_hashtag(tag)
        return tuple(_seen(post) for post in posts if any(found.name == name for found in post.hashtags))

    def _receipt(self, ref: PostRef) -> Receipt:
        post = self.posts.get(ref)
        return Receipt(ref, post.url if post else ref.uri, ref.uri.rsplit("/", 1)[-1])


def _seen(post: Post) -> Seen:
    return Seen(post, encode_post(post), post.ref.uri.rsplit("/", 1)[-1])


@dataclass
class _Acting:
    """Raises a fault before or after the body of a call."""

    error: NetworkError | None
    is_after: bool

    def __enter__(self) -> None:
        if self.error and not self.is_after:
            raise self.error

    def __exit__(self, *failure: object) -> None:
        if self.error and self.is_after:
            raise self.error
