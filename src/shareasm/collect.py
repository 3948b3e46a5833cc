"""Collecting: one source read once, from its checkpoint to the store; and asking again about what is stored.

    checkpoint → pages of a reader → changes.decide → posts rows, sightings, skips, next checkpoint    (one transaction a page)

Reading is repeated and overlaps on purpose: no network's search is complete, and identity makes re-reading harmless. A source
that fails says so in its state, is left alone for a while, and never stops the others.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from sqlalchemy.engine import Connection, Engine

from shareasm.clock import Clock
from shareasm.domain.campaigns import Campaign, Source, SourceKind, belongs
from shareasm.domain.changes import Changed, Gone, New, Same, Seen, Sighting, Skipped, decide, home_host
from shareasm.domain.patience import next_read_at, next_round_at
from shareasm.domain.posts import Network, PostRef, Visibility
from shareasm.domain.richtext import fold_hashtag
from shareasm.errors import NetworkError
from shareasm.networks.ports import Page, PostChecker, TagReader, TagStream, Window
from shareasm.storage import posts, sources
from shareasm.storage.engine import reading, transaction

STREAM_TAG = ""  # a stream carries all tags under one checkpoint
CHECK_PAGE = 200  # posts asked about in one go
QUESTIONS_AT_ONCE = 100  # of them, to one checker: what it answered before it fails is kept
ASK_AGAIN_AFTER = timedelta(minutes=5)  # about a post that nobody answered about; others have their turn before


@dataclass(frozen=True, slots=True)
class Tally:
    """What one read brought."""

    new: int = 0
    changed: int = 0
    same: int = 0
    gone: int = 0
    skipped: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.new + other.new,
            self.changed + other.changed,
            self.same + other.same,
            self.gone + other.gone,
            self.skipped + other.skipped,
        )


class Outcome(NamedTuple):
    """One read of one source: what it brought, and why it ended early if it did."""

    tally: Tally
    error: NetworkError | None = None
    was_resting: bool = False  # not read at all: it failed a while ago


@dataclass(frozen=True, slots=True)
class Desk:
    """What every read needs: where to store, for which campaign, by which clock."""

    engine: Engine
    campaign: Campaign
    clock: Clock


# ---- reading a source --------------------------------------------------------------------------------------------------


def read(desk: Desk, source: Source, reader: TagReader, *, is_last: bool = False) -> Outcome:
    """Read what is new of every tag since the checkpoint. The last look is also made where a failure asks for rest."""
    if not is_last and _is_resting(desk, source):
        return Outcome(Tally(), was_resting=True)
    tally = Tally()
    try:
        for tag in desk.campaign.hashtags:
            for stored in _read_tag(desk, source, reader, tag):
                tally += stored
    except NetworkError as error:
        _note_failure(desk, source, error)
        return Outcome(tally, error)
    _note_ok(desk, source)
    return Outcome(tally)


def sweep(desk: Desk, source: Source, reader: TagReader, since: datetime, *, is_last: bool = False) -> Outcome:
    """Read everything since `since` again, for what arrived late or below the cursor (platform rules of Mastodon's ids)."""
    if not is_last and _is_resting(desk, source):
        return Outcome(Tally(), was_resting=True)
    tally = Tally()
    window = replace(_window(desk), opens_at=max(since, desk.campaign.opens_at))
    try:
        for tag in desk.campaign.hashtags:
            for page in reader.sweep_tag(tag, window):
                tally += store(desk, source, replace(page, checkpoint=None), tag)
    except NetworkError as error:
        _note_failure(desk, source, error)
        return Outcome(tally, error)
    return Outcome(tally)


def follow(desk: Desk, source: Source, stream: TagStream, tell: Callable[[Tally], None]) -> None:
    """Store a stream's batches until the connection ends; `tell` what each brought. The caller reconnects, also after an
    error.
    """
    tags = desk.campaign.hashtags
    with reading(desk.engine) as connection:
        checkpoint = sources.checkpoint(connection, desk.campaign.slug, source.id, STREAM_TAG)
    for page in stream.read(tags, checkpoint, desk.campaign.opens_at):
        with desk.clock.held():
            tally = store(desk, source, page, STREAM_TAG)
        tell(tally)


def forget_checkpoint(desk: Desk, source: Source) -> None:
    """Let a stream begin live again; the hole is filled by sweeping the other sources."""
    with transaction(desk.engine) as connection:
        sources.delete_checkpoint(connection, desk.campaign.slug, source.id)


def note_failure(desk: Desk, source: Source, error: NetworkError) -> None:
    """Write down that a source failed and leave it alone for a while."""
    _note_failure(desk, source, error)


def _read_tag(desk: Desk, source: Source, reader: TagReader, tag: str) -> Iterator[Tally]:
    folded = fold_hashtag(tag)
    with reading(desk.engine) as connection:
        checkpoint = sources.checkpoint(connection, desk.campaign.slug, source.id, folded)
    for page in reader.read_tag(tag, _window(desk), checkpoint):
        yield store(desk, source, page, folded)


def _window(desk: Desk) -> Window:
    return Window(desk.campaign.opens_at, min(desk.campaign.closes_at, desk.clock.now() + timedelta(minutes=5)))


# ---- storing a page ----------------------------------------------------------------------------------------------------


def store(desk: Desk, source: Source, page: Page, tag: str) -> Tally:
    """Store one page and the checkpoint behind it in one transaction."""
    now = desk.clock.now()
    with transaction(desk.engine) as connection:
        tally = _store_posts(connection, desk.campaign, _sighting(source), page.posts, now)
        tally += Tally(gone=posts.mark_gone(connection, page.gone, now), skipped=len(page.skipped))
        posts.mark_authors(connection, source.network, page.authors, now)
        sources.add_skips(connection, desk.campaign.slug, source.id, page.skipped, now)
        if page.checkpoint is not None:
            sources.set_checkpoint(connection, desk.campaign.slug, source.id, tag, page.checkpoint, now)
        if tag == STREAM_TAG:  # a stream that delivers is well; a read is well when all its pages are through
            sources.note_ok(connection, desk.campaign.slug, source.id, now)
    return tally


def _store_posts(
    connection: Connection, campaign: Campaign, by: Sighting, seen: Sequence[Seen], now: datetime
) -> Tally:
    public, hidden = _part_by_visibility(seen)
    stored = posts.find(connection, [item.post.ref for item in seen])
    intents = [decide(stored.get(ref), item, by) for ref, item in public.items()]
    # What does not belong is not stored at all; what was stored and belongs no more (a tag edited away) stays, unshown.
    new = [item for item in intents if isinstance(item, New) and belongs(campaign, item.seen.post)]
    changed = [item for item in intents if isinstance(item, Changed)]
    same = [item for item in intents if isinstance(item, Same)]
    ids = posts.insert(connection, new, by.source, now)
    posts.update(connection, changed, by.source, now)
    posts.touch(connection, same, by.source, now, is_check=by.is_check)
    posts.note_revisions(connection, same)
    rules: dict[int, str | None] = {ids[item.seen.post.ref]: "tag" for item in new if item.seen.post.ref in ids}
    rules |= {item.stored.id: belongs(campaign, item.seen.post) for item in changed}
    posts.set_belonging(connection, campaign.slug, rules)
    posts.add_belonging(connection, campaign.slug, [i.stored.id for i in same if belongs(campaign, i.seen.post)])
    gone = posts.mark_gone(connection, [Gone(ref, "not public") for ref in hidden if ref in stored], now)
    sources.add_skips(connection, campaign.slug, by.source, [_not_public(ref) for ref in hidden], now)
    return Tally(new=len(ids), changed=len(changed), same=len(same), gone=gone)


def _part_by_visibility(seen: Sequence[Seen]) -> tuple[dict[PostRef, Seen], list[PostRef]]:
    """Return the public posts, each once (the last one of a page wins), and the refs of those that are not public."""
    return {item.post.ref: item for item in seen if _is_public(item)}, [i.post.ref for i in seen if not _is_public(i)]


def _is_public(seen: Seen) -> bool:
    return seen.post.visibility is Visibility.PUBLIC


def _not_public(ref: PostRef) -> Skipped:
    # Only a digest of the address is kept (sources.add_skips): it is counted once, and nothing of it is stored.
    return Skipped("not public: counted, not stored", raw=b"", ref=None, secret=ref.uri)


def _sighting(source: Source, *, is_check: bool = False) -> Sighting:
    return Sighting(source.id, (urlsplit(source.server).netloc or "").lower(), is_check)


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
    with transaction(desk.engine) as connection:
        due = posts.to_check(connection, desk.campaign.slug, before, CHECK_PAGE, not_asked_since=now - ASK_AGAIN_AFTER)
        posts.mark_asked(connection, [item.id for item in due], now)
        states = sources.check_states(connection, desk.campaign.slug)
    resting = {name for name, state in states.items() if state.next_read_at and state.next_read_at > now}
    asking = _Asking(desk, checkers, resting)
    tally = asking.ask(due)
    _note_checks(desk, states, asking)
    return Asked(tally, asking.silent)


def confirm(
    desk: Desk,
    checkers: Mapping[str, PostChecker],
    wait_until: Callable[[datetime], bool],
    is_stopping: Callable[[], bool] = lambda: False,
) -> Asked:
    """Ask about everything that is stored and not gone, before it is shown, in as many rounds as it takes.

    Nobody rests: whom a rate limit holds back is waited for by `wait_until`, which says whether to go on. A round that brings
    no answer is the last one, but for a few tries where a server was only out of reach.
    """
    start = desk.clock.now()
    tally, silent, tries = Tally(), dict[str, NetworkError](), 0
    left = _unconfirmed(desk, start)
    while left and not is_stopping():
        asking = _Asking(desk, checkers)
        for first in range(0, len(left), CHECK_PAGE):
            with reading(desk.engine) as connection:
                due = posts.questions(connection, left[first : first + CHECK_PAGE])
            tally += asking.ask(due)
            if is_stopping():
                break
        before, left, silent = left, _unconfirmed(desk, start), asking.silent
        tries = 0 if set(before) - set(left) else tries + 1
        go_on_at = next_round_at(silent.values(), desk.clock.now(), tries)
        if not left or go_on_at is None or not wait_until(go_on_at):
            break
    return Asked(tally, silent)


def count_unconfirmed(desk: Desk, before: datetime) -> int:
    """Return how many posts that are not gone were not confirmed by their network since `before`."""
    return len(_unconfirmed(desk, before))


def _unconfirmed(desk: Desk, before: datetime) -> list[int]:
    with reading(desk.engine) as connection:
        return posts.unconfirmed(connection, desk.campaign.slug, before)


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

    def ask(self, due: Sequence[posts.ToCheck]) -> Tally:
        """Ask about each post and store the answers."""
        asked_at = self._desk.clock.now()
        self._answers = {}
        for name, questions in self._whom_to_ask(
            item for item in due if item.ref.network is not Network.BLUESKY
        ).items():
            self._put(name, questions)
        self._ask_bluesky([(item.ref, item.ref.uri) for item in due if item.ref.network is Network.BLUESKY])
        return _settle(self._desk, self._answers, asked_at)

    def _whom_to_ask(self, due: Iterable[posts.ToCheck]) -> dict[str, list[Question]]:
        """Return what to ask whom: the post's own server where we read that one, else each that showed it."""
        questions: dict[str, list[Question]] = {}
        for item in due:
            able = [(name, local_id) for name, local_id in item.sightings if name in self._sources]
            home = [at for at in able if _sighting(self._sources[at[0]]).host == home_host(item.ref)]
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


def _settle(desk: Desk, answers: Mapping[PostRef, list[tuple[Source, Seen | Gone]]], asked_at: datetime) -> Tally:
    """Store the answers: a post is gone when every source that was asked about it says so."""
    there: dict[Source, list[Seen]] = {}
    gone: list[Gone] = []
    for given in answers.values():
        shown = [(source, answer) for source, answer in given if isinstance(answer, Seen)]
        for source, seen in shown[:1]:
            there.setdefault(source, []).append(seen)
        if not shown:
            gone += [answer for _, answer in given[:1] if isinstance(answer, Gone)]
    if not answers:
        return Tally()
    now = desk.clock.now()
    with transaction(desk.engine) as connection:
        tally = Tally(gone=posts.mark_gone(connection, gone, now))
        for source, seens in there.items():
            tally += _store_posts(connection, desk.campaign, _sighting(source, is_check=True), seens, now)
            authors = [item.post.author.ref for item in seens if item.is_complete and not item.post.author.is_suspended]
            posts.show_authors(connection, source.network, authors, asked_at)
        hidden = [item.post.ref for seens in there.values() for item in seens if not _is_public(item)]
        posts.mark_checked(connection, [item.ref for item in gone] + hidden, now)
    return tally


def _note_checks(desk: Desk, states: Mapping[str, sources.SourceState], asking: _Asking) -> None:
    now, campaign = desk.clock.now(), desk.campaign.slug
    failed = {name for name, state in states.items() if state.failed_at}
    if not asking.silent and not failed & asking.well:
        return
    with transaction(desk.engine) as connection:
        for name in failed & asking.well - asking.silent.keys():
            sources.note_ok(connection, campaign, sources.check_name(name), now)
        for name, error in asking.silent.items():
            state = states.get(name, sources.SourceState(sources.check_name(name)))
            until = next_read_at(error, state.failure_count, now)
            sources.note_failure(connection, campaign, state, until, str(error), now)


# ---- how a source fares ------------------------------------------------------------------------------------------------


def _is_resting(desk: Desk, source: Source) -> bool:
    with reading(desk.engine) as connection:
        state = sources.states(connection, desk.campaign.slug).get(source.id)
    return bool(state and state.next_read_at and state.next_read_at > desk.clock.now())


def _note_ok(desk: Desk, source: Source) -> None:
    with transaction(desk.engine) as connection:
        sources.note_ok(connection, desk.campaign.slug, source.id, desk.clock.now())


def _note_failure(desk: Desk, source: Source, error: NetworkError) -> None:
    now = desk.clock.now()
    with transaction(desk.engine) as connection:
        states = sources.states(connection, desk.campaign.slug)
        state = states.get(source.id, sources.SourceState(source.id))
        until = next_read_at(error, state.failure_count, now)
        sources.note_failure(connection, desk.campaign.slug, state, until, str(error), now)
