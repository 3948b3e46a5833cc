"""Asking the networks again about what is stored; and about our own posts, which belong to the day also without its tag."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from shareasm.collect.storing import Desk, Tally, sighting_by, store_posts
from shareasm.domain.campaigns import Source, SourceKind
from shareasm.domain.changes import Gone, Seen, home_host, with_wishes
from shareasm.domain.moderation import why_not_stored
from shareasm.domain.patience import next_read_at, next_round_at
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import QueueEntry, State, time_of_tid
from shareasm.errors import NetworkError
from shareasm.networks.ports import Paced, PostChecker
from shareasm.storage import checks, conversations, posts, queue, sources
from shareasm.storage.engine import reading, transaction
from shareasm.storage.locks import lock

CHECK_PAGE = 200  # posts asked about in one go
QUESTIONS_AT_ONCE = 100  # of them, to one checker: what it answered before it fails is kept
INDEXED_WITHIN = timedelta(minutes=5)  # an AppView lags behind the stream, by seconds or in bursts by minutes
ASK_AGAIN_AFTER = timedelta(minutes=5)  # about a post that nobody answered about; others have their turn before
FREELY = (
    5000.0  # posts a minute, of checkers whose servers hardly limit them: 25 a request and 3,000 requests in 5 minutes
)
ANSWERS_ASKED = 100  # at most, of the last hour, how often they were answered themselves
OURS_ASKED_FOR = timedelta(hours=1)  # after it was sent; what a person deleted meanwhile is not asked for for ever

# ---- asking again ------------------------------------------------------------------------------------------------------


class Asked(NamedTuple):
    """What asking again brought, and which sources did not answer, each with the reason."""

    tally: Tally
    silent: Mapping[str, NetworkError]


def verify(desk: Desk, checkers: Mapping[str, PostChecker], before: datetime) -> Asked:
    """Ask the networks about posts that were last confirmed before `before`: edited, deleted, hidden, made private?

    A post that no source can be asked about stays as it is, unconfirmed. One pass, bounded; call again for the rest. A
    source whose checks fail is left alone for a while; its reading goes on.
    """
    now = desk.clock.now()
    with reading(desk.engine) as connection:
        states = sources.check_states(connection, desk.campaign.slug)
    resting = resting_checks(states, now)
    if checkers and resting >= checkers.keys():
        return Asked(Tally(), {})  # there is nobody to ask, so nobody's turn is used up
    with transaction(desk.engine) as connection:
        due = checks.to_check(connection, desk.campaign.slug, before, CHECK_PAGE, not_asked_since=now - ASK_AGAIN_AFTER)
        checks.mark_asked(connection, [item.id for item in due], now)
    asking = _Asking(desk, checkers, resting)
    tally = asking.ask(due) + _ask_for_ours(desk, asking, since=now - OURS_ASKED_FOR)
    note_checks(desk, states, asking.silent, asking.well)
    return Asked(tally, asking.silent)


def ask_about_ours(desk: Desk, checkers: Mapping[str, PostChecker]) -> Asked:
    """Ask about our own posts of the last hour, and the answers in conversations of the day: how often they were answered by
    now. A stream tells no counts.
    """
    now = desk.clock.now()
    with transaction(desk.engine) as connection:
        entries = queue.of_campaign(connection, desk.campaign.slug)
        sent = [entry.receipt.ref for entry in entries if entry.receipt and _is_out(entry, now - OURS_ASKED_FOR)]
        there = [stored.id for stored in posts.find(connection, sent).values() if not stored.is_gone]
        said = conversations.in_threads(connection, desk.campaign.slug, now - OURS_ASKED_FOR, ANSWERS_ASKED)
        due = checks.questions(connection, list(dict.fromkeys([*there, *said])))
        states = sources.check_states(connection, desk.campaign.slug)
    asking = _Asking(desk, checkers, resting_checks(states, now))
    tally = asking.ask(due)
    note_checks(desk, states, asking.silent, asking.well)
    return Asked(tally, asking.silent)


def confirm(
    desk: Desk,
    checkers: Mapping[str, PostChecker],
    wait_until: Callable[[datetime], bool],
    is_stopping: Callable[[], bool] = lambda: False,
    since: datetime | None = None,
) -> Asked:
    """Ask about everything that is stored, before it is shown, in as many rounds as it takes.

    With `since`, what was confirmed from then on is not asked about again.
    What is gone comes last, for it may have returned: who left for an hour is back, who was hidden by mistake is shown.
    Nobody rests: whom a rate limit holds back is waited for by `wait_until`, which says whether to go on. A round that brings
    no answer is the last one, but for a few tries where a server was only out of reach.
    """
    start = since or desk.clock.now()
    silent, tries = dict[str, NetworkError](), 0
    tally = _ask_for_ours(desk, _Asking(desk, checkers))
    left = _unconfirmed(desk, start, with_gone=True)
    while left and not is_stopping():
        asking = _Asking(desk, checkers)
        for first in range(0, len(left), CHECK_PAGE):
            with reading(desk.engine) as connection:
                due = checks.questions(connection, left[first : first + CHECK_PAGE])
            tally += asking.ask(due)
            if is_stopping():
                break
        before, left, silent = left, _unconfirmed(desk, start, with_gone=True), asking.silent
        tries = 0 if set(before) - set(left) else tries + 1
        go_on_at = next_round_at(silent.values(), desk.clock.now(), tries)
        if not left or go_on_at is None or not wait_until(go_on_at):
            break
    return Asked(tally, silent)


def time_to_confirm(desk: Desk, checkers: Mapping[str, PostChecker]) -> timedelta:
    """Return about how long it takes to ask about everything that is stored, within what each server allows."""
    with reading(desk.engine) as connection:
        counts = checks.count_by_source(connection, desk.campaign.slug)
    minutes = [counts.get(name, 0) / _posts_a_minute(checker) for name, checker in checkers.items()]
    return timedelta(minutes=max(minutes, default=0.0))


def _posts_a_minute(checker: PostChecker) -> float:
    return max(checker.posts_a_minute(), 1.0) if isinstance(checker, Paced) else FREELY


def _ask_for_ours(desk: Desk, asking: "_Asking", since: datetime | None = None) -> Tally:
    """Ask for posts of ours, sent since `since`, that no source has brought: a thread's parts without the tag."""
    homes = {account.id: urlsplit(account.server).netloc.lower() for account in desk.campaign.accounts}
    with reading(desk.engine) as connection:
        sent = {
            entry.receipt.ref: entry
            for entry in queue.of_campaign(connection, desk.campaign.slug)
            if entry.receipt and _is_out(entry, since)
        }
        known = posts.belonging(connection, desk.campaign.slug, sent)
    missing = [_question_about(desk, entry, homes) for ref, entry in sent.items() if ref not in known]
    return asking.ask(missing, ours=True)


def _is_out(entry: QueueEntry, since: datetime | None) -> bool:
    is_recent = since is None or (entry.published_at is not None and entry.published_at >= since)
    return entry.state is State.PUBLISHED and is_recent


def _question_about(desk: Desk, entry: QueueEntry, homes: Mapping[str, str]) -> checks.ToCheck:
    """Return how to ask about a post of ours: its id is its account's server's own."""
    assert entry.receipt
    home = homes.get(entry.key.account)
    able = [source for source in desk.campaign.sources if sighting_by(source).host == home]
    return checks.ToCheck(0, entry.receipt.ref, tuple((source.id, entry.receipt.local_id) for source in able))


def count_unconfirmed(desk: Desk, before: datetime) -> int:
    """Return how many posts that are not gone were not confirmed by their network since `before`."""
    return len(_unconfirmed(desk, before))


def _unconfirmed(desk: Desk, before: datetime, *, with_gone: bool = False) -> list[int]:
    with reading(desk.engine) as connection:
        return checks.unconfirmed(connection, desk.campaign.slug, before, with_gone=with_gone)


Question = tuple[PostRef, str]  # a post, and how the source that is asked names it


class _Asking:
    """One walk over stored posts. A source that fails is left out for the rest of it: `silent` says why."""

    def __init__(
        self, desk: Desk, checkers: Mapping[str, PostChecker], resting: AbstractSet[str] = frozenset()
    ) -> None:
        self._desk = desk
        self._checkers = checkers
        self._resting = resting
        self._sources = {source.id: source for source in desk.campaign.sources if source.id in checkers}
        self._answers: dict[PostRef, list[tuple[Source, Seen | Gone]]] = {}
        self.silent: dict[str, NetworkError] = {}
        self.well: set[str] = set()

    def ask(self, due: Sequence[checks.ToCheck], *, ours: bool = False) -> Tally:
        """Ask about each post and store the answers. `ours`: they belong to the day whatever they say."""
        asked_at = self._desk.clock.now()
        self._answers = {}
        for name, questions in self._whom_to_ask(
            item for item in due if item.ref.network is not Network.BLUESKY
        ).items():
            self._put(name, questions)
        self._ask_bluesky([(item.ref, item.ref.uri) for item in due if item.ref.network is Network.BLUESKY])
        self._leave_open(due, asked_at)
        return _settle(self._desk, self._answers, asked_at, {item.ref: "ours" for item in due} if ours else {})

    def _leave_open(self, due: Iterable[checks.ToCheck], asked_at: datetime) -> None:
        """Take no answer about what the stream has just told, and no index knows or only as it was: it is asked about again."""
        for item in due:
            answers = [answer for _, answer in self._answers.get(item.ref, ())]
            is_known = any(isinstance(answer, Seen) and answer.post.version == item.version for answer in answers)
            is_as_it_was = _is_edited_lately(item, asked_at) and any(isinstance(answer, Seen) for answer in answers)
            if not is_known and (is_as_it_was or self._is_fresh(item, asked_at)):
                self._answers.pop(item.ref, None)

    def _is_fresh(self, item: checks.ToCheck, asked_at: datetime) -> bool:
        """Whether only a stream has told of it, a moment ago."""
        streams = {source.id for source in self._desk.campaign.sources if source.kind is SourceKind.JETSTREAM}
        is_new = item.bare_since is not None and asked_at - item.bare_since < INDEXED_WITHIN
        return is_new and streams.issuperset(name for name, _ in item.sightings)

    def _whom_to_ask(self, due: Iterable[checks.ToCheck]) -> dict[str, list[Question]]:
        """Return what to ask whom: the post's own server where we read that one, else each that showed it."""
        questions: dict[str, list[Question]] = {}
        for item in due:
            able = [(name, local_id) for name, local_id in item.sightings if name in self._sources]
            home = [at for at in able if sighting_by(self._sources[at[0]]).host == home_host(item.ref)]
            for name, local_id in home or able:
                questions.setdefault(name, []).append((item.ref, local_id))
        return questions

    def _ask_bluesky(self, questions: list[Question]) -> None:
        """Ask one checker after the other until all is answered: one network, one truth, also about a bare record.

        The stream's AppView comes first: it is open, so no lost sign-in stands in the way.
        """
        able = [source for source in self._sources.values() if source.network is Network.BLUESKY]
        for source in sorted(able, key=lambda source: source.kind is not SourceKind.JETSTREAM):
            self._put(source.id, [question for question in questions if question[0] not in self._answers])

    def _put(self, name: str, questions: Sequence[Question]) -> None:
        for first in range(0, len(questions), QUESTIONS_AT_ONCE):
            if name in self.silent or name in self._resting:
                return
            try:
                answers = self._checkers[name].check(questions[first : first + QUESTIONS_AT_ONCE])
            except NetworkError as error:
                self.silent[name] = error
                return
            self.well.add(name)
            for ref, answer in answers.items():
                self._answers.setdefault(ref, []).append((self._sources[name], answer))


def _is_edited_lately(item: checks.ToCheck, asked_at: datetime) -> bool:
    told_at = time_of_tid(item.revision) if item.revision else None
    return told_at is not None and abs(asked_at - told_at) < INDEXED_WITHIN


def _settle(
    desk: Desk,
    answers: Mapping[PostRef, list[tuple[Source, Seen | Gone]]],
    asked_at: datetime,
    declared: Mapping[PostRef, str],
) -> Tally:
    """Store the answers: a post is gone when every source that was asked about it says so, else its newest version counts,
    and every wish of its author that any of them knows of.
    """
    there: dict[Source, list[Seen]] = {}
    gone: list[Gone] = []
    for given in answers.values():
        shown = [(source, answer) for source, answer in given if isinstance(answer, Seen)]
        if shown:
            source, seen = max(shown, key=lambda answer: answer[1].post.said_at)
            there.setdefault(source, []).append(with_wishes(seen, (other for _, other in shown)))
        else:
            gone += [answer for _, answer in given[:1] if isinstance(answer, Gone)]
    if not answers:
        return Tally()
    now = desk.clock.now()
    with transaction(desk.engine) as connection:
        lock(connection, answers)
        tally = Tally(gone=posts.mark_gone(connection, gone, now))
        for source, seens in there.items():
            tally += store_posts(connection, desk.campaign, sighting_by(source, is_check=True), seens, now, declared)
            authors = [item.post.author.ref for item in seens if item.is_complete and not item.post.author.is_suspended]
            posts.show_authors(connection, source.network, authors, asked_at)
        shown_now = [item.post for seens in there.values() for item in seens]
        hidden = [post.ref for post in shown_now if why_not_stored(post, desk.campaign)]
        checks.mark_checked(connection, [item.ref for item in gone] + hidden, now)
    return tally


def resting_checks(states: Mapping[str, sources.SourceState], now: datetime) -> set[str]:
    """Return the sources that are left alone for now."""
    return {name for name, state in states.items() if state.next_read_at and state.next_read_at > now}


def note_checks(
    desk: Desk,
    states: Mapping[str, sources.SourceState],
    silent: Mapping[str, NetworkError],
    well: AbstractSet[str] = frozenset(),
) -> None:
    """Note which sources did not answer about what is stored, and which are well again."""
    now, campaign = desk.clock.now(), desk.campaign.slug
    failed = {name for name, state in states.items() if state.failed_at}
    if not silent and not failed & well:
        return
    with transaction(desk.engine) as connection:
        for name in failed & well - silent.keys():
            sources.note_ok(connection, campaign, sources.check_name(name), now)
        for name, error in silent.items():
            state = states.get(name, sources.SourceState(sources.check_name(name)))
            until = next_read_at(error, state.failure_count, now, desk.chance())
            sources.note_failure(connection, campaign, state, until, str(error), now)
