"""What authors say in their bios, where some ask to be left alone. Posts come without them, so profiles are asked for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Lock

import msgspec

from shareasm.domain.changes import Gone, Seen
from shareasm.domain.moderation import OPT_OUT_TAGS
from shareasm.domain.posts import Post, PostRef
from shareasm.domain.richtext import clean_text, find_hashtags
from shareasm.errors import NetworkError
from shareasm.networks.bluesky.answers import failure, refusal
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.json_values import items_in, mapping_in, text_in
from shareasm.networks.bluesky.translate import MALFORMED
from shareasm.networks.ports import Conversation, ConversationReader, Page, TagReader, Window

PROFILES_PER_QUESTION = 25
"""`app.bsky.actor.getProfiles` takes no more (lexicon)."""

KNOWN_FOR = timedelta(minutes=5)
"""What is shown was confirmed within the last hour; what its author asks for is hardly older. One question tells of 25."""

BIO_LIMIT = 2_560  # characters; the lexicon allows as many bytes
_DOES_NOT_KNOW = frozenset({404, 501})  # statuses of an AppView without that method


class Bios:
    """Adds what their authors ask for in their bios to posts."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._tags: dict[str, tuple[datetime, frozenset[str]]] = {}  # by DID, with when they were asked for
        self._asking = Lock()  # one source is read and swept at once

    def complete(self, states: Mapping[PostRef, Seen | Gone]) -> dict[PostRef, Seen | Gone]:
        """Return `states` with what the posts' authors say in their bios. Raises NetworkError where the server does not answer.

        A post whose author it leaves out of its answer is left out too: nobody knows what they ask for.
        """
        with self._asking:
            self._ask({state.post.author.ref for state in states.values() if isinstance(state, Seen)})
            completed = [
                (ref, self._with_bio(state) if isinstance(state, Seen) else state) for ref, state in states.items()
            ]
        return {ref: state for ref, state in completed if state}

    def complete_list(self, posts: Sequence[Seen]) -> tuple[Seen, ...]:
        """Return all `posts` of a list. Where an author's bio is not known a post is no whole one: a check asks about it."""
        try:
            completed = self.complete({seen.post.ref: seen for seen in posts})
        except NetworkError:
            completed = {}
        found = ((seen, completed.get(seen.post.ref)) for seen in posts)
        return tuple(state if isinstance(state, Seen) else replace(seen, is_complete=False) for seen, state in found)

    def _with_bio(self, seen: Seen) -> Seen | None:
        author = seen.post.author
        if author.ref not in self._tags:
            return None
        _, tags = self._tags[author.ref]
        return replace(seen, post=replace(seen.post, author=replace(author, bio_tags=author.bio_tags | tags)))

    def _ask(self, dids: Iterable[str]) -> None:
        now = self._server.now()
        self._tags = {did: known for did, known in self._tags.items() if now - known[0] < KNOWN_FOR}
        unknown = sorted(set(dids) - self._tags.keys())
        for start in range(0, len(unknown), PROFILES_PER_QUESTION):
            said = self._look_up(unknown[start : start + PROFILES_PER_QUESTION])
            self._tags |= {did: (now, tags) for did, tags in said.items()}

    def _look_up(self, dids: Sequence[str]) -> dict[str, frozenset[str]]:
        reply = self._server.ask("GET", "app.bsky.actor.getProfiles", params=[("actors", did) for did in dids])
        if reply.status in _DOES_NOT_KNOW:
            return dict.fromkeys(dids, frozenset())
        if not reply.is_success:
            raise refusal(reply, self._server.base_url, self._server.now())
        try:
            answer = msgspec.json.decode(reply.body)
        except MALFORMED as error:
            raise failure(error, self._server.base_url, self._server.now()) from error
        return tags_of_bios(answer)


def tags_of_bios(answer: object) -> dict[str, frozenset[str]]:
    """Return what each bio in an answer of getProfiles asks for, as folded hashtags, by DID."""
    profiles = map(mapping_in, items_in(mapping_in(answer).get("profiles")))
    return {text_in(one.get("did")): _tags_in(text_in(one.get("description"))) for one in profiles}


def _tags_in(bio: str) -> frozenset[str]:
    """Return the wishes alone: with every tag, posts that searches show without a bio would always look changed."""
    return OPT_OUT_TAGS & {tag.name for tag in find_hashtags(clean_text(bio, BIO_LIMIT))}


# ---- lists with bios ---------------------------------------------------------------------------------------------------


class SearchWithBios:
    """TagReader: what a search finds is as whole as what a check shows, so it may be shown as soon as it is stored."""

    def __init__(self, search: TagReader, bios: Bios) -> None:
        self._search = search
        self._bios = bios

    def read_tag(self, tag: str, window: Window, checkpoint: str | None) -> Iterator[Page]:
        return map(self._completed, self._search.read_tag(tag, window, checkpoint))

    def sweep_tag(self, tag: str, window: Window) -> Iterator[Page]:
        return map(self._completed, self._search.sweep_tag(tag, window))

    def _completed(self, page: Page) -> Page:
        return replace(page, posts=self._bios.complete_list(page.posts)) if page.posts else page


class ConversationsWithBios:
    """ConversationReader: the same of answers and quotes; the last ones are read after the last check."""

    def __init__(self, conversations: ConversationReader, bios: Bios) -> None:
        self._conversations = conversations
        self._bios = bios

    def read_conversation(self, post: Post, local_id: str) -> Conversation:
        said = self._conversations.read_conversation(post, local_id)
        answers, quotes = self._bios.complete_list(said.answers), self._bios.complete_list(said.quotes)
        return replace(said, answers=answers, quotes=quotes)
