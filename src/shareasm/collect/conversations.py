"""Answers to the campaign's posts and quotes of them, also without the tag, so that a question and its answer stand together.

Read only where the network counts more of them than last time, our own posts first, a few posts a pass, of each some.
A post in somebody else's thread is not followed: that conversation was not ours. What comes is judged by the same rules as
everything else, and shown only below what it answers (domain.conversations).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

from shareasm.collect.asking import Asked, note_checks, resting_checks
from shareasm.collect.storing import Desk, Tally, set_aside, sighting_by, store_posts
from shareasm.domain.campaigns import Source, SourceKind
from shareasm.domain.changes import Seen, home_host
from shareasm.domain.conversations import BY_QUOTE, BY_REPLY
from shareasm.domain.posts import Network, PostRef
from shareasm.errors import LeftAlone, NetworkError, RateLimited, Unauthorized
from shareasm.networks.ports import Conversation, ConversationReader
from shareasm.storage import conversations, posts, queue, sources
from shareasm.storage.conversations import Due
from shareasm.storage.engine import transaction

LOOKS = 20  # posts whose conversation one pass reads, one or two requests each; Mastodon gives 300 in 5 minutes
AMONG = 1_000  # conversations that grew: those that nobody can be asked about now keep no others waiting
MOST_FAILURES = 3  # of a source in one pass
ANSWERS_EACH = 100
QUOTES_EACH = 50
A_DAY = 5_000
"""Posts without the tag that a campaign keeps: a conversation that runs away is not the day's."""


def read_conversations(desk: Desk, readers: Mapping[str, ConversationReader], *, at_most: int = LOOKS) -> Asked:
    """Read the conversations that grew, of `at_most` so many posts; call again for the rest.

    A source that does not answer is left alone for a while, as are its checks.
    """
    if not desk.campaign.follows_replies:
        return Asked(Tally(), {})
    now = desk.clock.now()
    with transaction(desk.engine) as connection:
        sent = queue.of_campaign(connection, desk.campaign.slug)
        ours = frozenset(entry.receipt.ref for entry in sent if entry.receipt)
        is_full = conversations.count_without_tag(connection, desk.campaign.slug) >= A_DAY
        due = [] if is_full else conversations.due(connection, desk.campaign.slug, ours, max(AMONG, at_most))
        for item in due:
            if not _is_followed(item, ours):
                conversations.note_read(connection, desk.campaign.slug, item, is_followed=False)
        states = sources.check_states(connection, desk.campaign.slug)
    asking = _Asking(resting_checks(states, now))
    tally = Tally()
    for item in due:
        at = _whom_to_ask(desk, readers, item) if _is_followed(item, ours) else None
        if at is None or asking.leaves_alone(at[0].id) or asking.count >= at_most:
            continue
        source, local_id = at
        try:
            said = readers[source.id].read_conversation(item.post, local_id)
        except NetworkError as error:
            asking.failed(source.id, error)
        else:
            asking.went_well(source.id)
            tally += _store(desk, source, item, said, ours)
    silent = asking.silent()
    note_checks(desk, states, silent)
    return Asked(tally, silent)


class _Asking:
    """One pass: who was asked, and how that went. One conversation that cannot be read keeps nobody from the others."""

    def __init__(self, resting: AbstractSet[str]) -> None:
        self._resting = resting
        self._errors: dict[str, list[NetworkError]] = {}
        self._well: set[str] = set()
        self.count = 0

    def went_well(self, source: str) -> None:
        self.count += 1
        self._well.add(source)

    def failed(self, source: str, error: NetworkError) -> None:
        self.count += 1
        self._errors.setdefault(source, []).append(error)

    def leaves_alone(self, source: str) -> bool:
        """Return whether a source is not asked (any more): it asks for patience, or failed too often."""
        errors = self._errors.get(source, ())
        is_said = any(isinstance(error, RateLimited | LeftAlone | Unauthorized) for error in errors)
        return source in self._resting or is_said or len(errors) >= MOST_FAILURES

    def silent(self) -> dict[str, NetworkError]:
        """Return who did not answer at all, or was left alone in the end, and why."""
        return {
            source: errors[-1]
            for source, errors in self._errors.items()
            if source not in self._well or self.leaves_alone(source)
        }


def _is_followed(item: Due, ours: frozenset[PostRef]) -> bool:
    """Return whether a conversation is the day's: ours, or begun with its tag, or a branch of one of these."""
    return item.post.ref in ours or not item.post.is_reply or item.is_in_thread


def _whom_to_ask(desk: Desk, readers: Mapping[str, ConversationReader], item: Due) -> tuple[Source, str] | None:
    """Return the source that knows most of a conversation, and how it names the post: its own server where we read that."""
    able = [source for source in desk.campaign.sources if source.id in readers]
    if item.post.ref.network is Network.BLUESKY:
        open_first = sorted(able, key=lambda source: source.kind is not SourceKind.JETSTREAM)
        on_bluesky = (source for source in open_first if source.network is Network.BLUESKY)
        return next(((source, item.post.ref.uri) for source in on_bluesky), None)
    named = {at.source: at.local_id for at in item.sightings}
    asked = [(source, named[source.id]) for source in able if source.id in named]
    home = (at for at in asked if urlsplit(at[0].server).netloc.lower() == home_host(item.post.ref))
    return next(home, asked[0] if asked else None)


def _store(desk: Desk, source: Source, item: Due, said: Conversation, ours: frozenset[PostRef]) -> Tally:
    """Store what was said, and that it was read, in one transaction."""
    now, campaign = desk.clock.now(), desk.campaign
    answers, quotes = said.answers[:ANSWERS_EACH], said.quotes[:QUOTES_EACH]
    declared = {seen.post.ref: BY_QUOTE for seen in quotes} | {seen.post.ref: BY_REPLY for seen in answers}
    declared |= {ref: "ours" for ref in declared if ref in ours}
    by = sighting_by(source, query=f"answers to {item.post.ref.uri}")
    with transaction(desk.engine) as connection:
        # Whoever took the tag away again took the post back: it does not return as an answer. Another campaign's may come.
        taken_back = posts.find(connection, declared).keys() - posts.belonging(connection, None, declared)
        declared = {ref: rule for ref, rule in declared.items() if ref not in taken_back}
        tally = store_posts(connection, campaign, by, [*answers, *quotes], now, declared)
        set_aside(connection, campaign, source.id, said.skipped, now)
        conversations.note_read(connection, campaign.slug, item)
        conversations.note_thread(connection, campaign.slug, _answer_counts(answers, declared))
    return tally


def _answer_counts(answers: Sequence[Seen], kept: Mapping[PostRef, str]) -> dict[PostRef, int]:
    """Return how many answers came to each answer: networks count only direct ones, so that a thread grows at its ends."""
    by_id = {seen.local_id: seen.post.ref for seen in answers}
    parents = Counter(seen.post.reply_to or by_id.get(seen.parent_local_id or "") for seen in answers)
    return {seen.post.ref: parents[seen.post.ref] for seen in answers if seen.post.ref in kept}
