"""Evidence: what the report's figures rest on, one row for each fact, and the figures counted from these rows alone.

    Facts → rows → figures

A row names the figures that it counts for, so whoever has the evidence can count every figure again (`count`). What is not
shown stands as a bare row: the reason, and nothing that tells who it was. Pure; the same Facts give the same rows in order.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum

from shareasm.domain.campaigns import Campaign, Edition, Partner, Resource
from shareasm.domain.figures import REACTIONS, Figure, count, figures, reason_id
from shareasm.domain.items import Item, hour_of, make_items
from shareasm.domain.joins import fold_handle, join
from shareasm.domain.queue import TAKEN_BACK, State
from shareasm.domain.recaps import Facts, SourceState
from shareasm.domain.richtext import truncate
from shareasm.domain.sections import may_be_named, unlisted

WORDS_QUOTED = 120
"""Graphemes of a post that stand in its row, so that a reader knows which one it is."""


class Kind(StrEnum):
    """What a row is about."""

    PLANNED = "planned"  # a post that the plan asked for, and what became of it
    POST = "post"  # a post of the day, each once however many copies
    WITHHELD = "not shown"  # a post that is counted and not shown
    SHARED = "shared"  # somebody else's post that links to one of our resources
    WATCHED = "watched"  # a source that was read
    GAP = "gap"  # a time in which a source was not watched


@dataclass(frozen=True, slots=True)
class Row:
    """One fact. Every field is a column of the evidence; "" where it says nothing."""

    row: str  # R00001 …
    kind: Kind
    counts_for: tuple[str, ...]  # ids of figures
    slot: str = ""
    part: int | str = ""
    language: str = ""  # as planned, or as the author declared; several with spaces between
    network: str = ""
    account: str = ""  # of ours: its id; else the author's handle
    person: str = ""  # P0001 …; accounts that are known to be one have the same
    known_as_one_by: str = ""
    partner: str = ""
    role: str = ""
    country: str = ""
    due_at: str = ""  # this and every other instant: ISO 8601, UTC
    sent_at: str = ""
    state: str = ""
    said_at: str = ""
    hour: str = ""  # in the campaign's zone
    answers: str = ""  # the slot of ours that began the conversation
    resource: str = ""
    edition: str = ""  # language of the resource that was linked
    source: str = ""
    from_at: str = ""
    to_at: str = ""
    minutes: int | str = ""
    found_later: int | str = ""
    reason: str = ""
    replies: int | str = ""
    reposts: int | str = ""
    likes: int | str = ""
    quotes: int | str = ""
    url: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The rows, and the figures counted from them, both in the order in which a reader meets them."""

    rows: tuple[Row, ...]
    figures: tuple[Figure, ...]

    def figure(self, id_: str) -> Figure:
        """Return a figure by its id."""
        return next(figure for figure in self.figures if figure.id == id_)


def gather(facts: Facts) -> Evidence:
    """Return the evidence of a day."""
    items = make_items(facts.campaign, facts.schedule, facts.entries, facts.posts)
    found = [
        *_planned(facts),
        *_posts(facts, items),
        *_shared(facts.campaign, items, _people(facts, items)),
        *_withheld(facts),
        *_watched(facts.sources),
    ]
    met = {name for row in found for name in row.counts_for}
    rows = tuple(replace(row, row=f"R{number:05}") for number, row in enumerate(found, start=1))
    return Evidence(rows, tuple(_counted(figure, rows) for figure in figures(facts.campaign, met)))


@dataclass(frozen=True, slots=True)
class SlotLine:
    """One slot on one network: what was planned, what went out, what came back."""

    slot: str
    network: str
    due_at: str
    sent_at: str  # of the last of its posts
    planned_count: int
    sent_count: int
    states: str  # of what was not sent, in words
    answers_count: int  # of the conversations that it began, on every network


def by_slot(rows: Sequence[Row]) -> list[SlotLine]:
    """Return the plan slot by slot and network by network, in order of time."""
    answers = Counter(row.answers for row in rows if row.kind is Kind.POST and row.answers)
    planned: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.kind is Kind.PLANNED:
            planned.setdefault((row.slot, row.network), []).append(row)
    return [
        SlotLine(
            slot,
            network,
            due_at=min(row.due_at for row in group),
            sent_at=max(row.sent_at for row in group),
            planned_count=len(group),
            sent_count=sum("sent" in row.counts_for for row in group),
            states=", ".join(sorted({row.state for row in group if row.state != State.PUBLISHED})),
            answers_count=answers[slot],
        )
        for (slot, network), group in planned.items()
    ]


def by_hour(rows: Iterable[Row]) -> list[tuple[str, int, int]]:
    """Return each hour in which something was said, with the number of our posts, also by hand, and of others'."""
    ours, others = Counter[str](), Counter[str]()
    for row in rows:
        if row.kind is Kind.POST:
            (others if "posts.others" in row.counts_for else ours)[row.hour] += 1
    return [(hour, ours[hour], others[hour]) for hour in sorted(ours | others)]


def as_values(row: Row) -> dict[str, str | int]:
    """Return a row as its columns, ready to be written down."""
    values = {field.name: getattr(row, field.name) for field in fields(Row)}
    return values | {"kind": row.kind.value, "counts_for": " ".join(row.counts_for)}


COLUMNS = tuple(field.name for field in fields(Row))


def _counted(figure: Figure, rows: Iterable[Row]) -> Figure:
    return replace(figure, value=count(figure, map(as_values, rows)))


# ---- what we planned ---------------------------------------------------------------------------------------------------

_SENT = frozenset({State.PUBLISHED, *TAKEN_BACK})


def _planned(facts: Facts) -> Iterator[Row]:
    slots = {slot.id: slot for slot in facts.schedule.slots}
    partners = {partner.id: partner for partner in facts.campaign.partners}
    for entry in sorted(facts.entries, key=lambda one: (one.due_at, one.key)):
        if entry.state is State.CANCELLED:
            continue
        slot = slots.get(entry.key.slot)
        partner = partners.get(slot.partner) if slot and slot.partner else None
        became = "sent" if entry.state in _SENT else f"not-sent.{entry.state.value}"
        counts_for = ["planned", f"planned.{entry.network}", became]
        counts_for += [f"sent.{entry.network}"] if entry.state in _SENT else []
        counts_for += ["taken-back"] if entry.state in TAKEN_BACK else []
        yield Row(
            "",
            Kind.PLANNED,
            tuple(counts_for),
            slot=entry.key.slot,
            part=entry.key.part + 1,
            language=entry.key.language,
            network=entry.network.value,
            account=entry.key.account,
            **_of_partner(partner),
            due_at=_iso(entry.due_at),
            sent_at=_iso(entry.published_at),
            state=entry.state.value,
            resource=(slot.resource or "") if slot else "",
            reason=entry.note or "" if entry.state is not State.PUBLISHED else "",
            url=entry.receipt.url if entry.receipt else "",
            words=_quoted(entry.draft.text),
        )


def _of_partner(partner: Partner | None) -> dict[str, str]:
    if partner is None:
        return {}
    return {"partner": partner.id, "role": partner.role.value, "country": partner.country or ""}


# ---- what came back ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Person:
    number: str
    known_by: str


def _posts(facts: Facts, items: Sequence[Item]) -> Iterator[Row]:
    people = _people(facts, items)
    slots = {entry.receipt.ref: entry.key.slot for entry in facts.entries if entry.receipt}
    for item in items:
        post, counts = item.post, item.counts
        person = people.get(post.author.identity)
        language = " ".join(dict.fromkeys(tag.split("-")[0].lower() for tag in post.languages))
        yield Row(
            "",
            Kind.POST,
            tuple(_counts_for(item, language)),
            slot=item.highlight.slot.id if item.highlight else "",
            part=item.highlight.part + 1 if item.highlight else "",
            language=language,
            network=item.ref.network.value,
            account=post.author.handle,
            person=person.number if person else "",
            known_as_one_by=person.known_by if person else "",
            **_of_partner(item.partner or (item.highlight.partner if item.highlight else None)),
            said_at=_iso(post.created_at),
            hour=f"{hour_of(post.created_at, facts.campaign.zone).astimezone(facts.campaign.zone):%Y-%m-%dT%H:%M}",
            answers=slots.get(item.root, "") if item.root and not item.is_by_us else "",
            resource=item.highlight.resource.id if item.highlight and item.highlight.resource else "",
            replies=counts.replies,
            reposts=counts.reposts,
            likes=counts.likes,
            quotes=counts.quotes,
            url=post.url,
            words=_words_of(item),
        )


def _counts_for(item: Item, language: str) -> Iterator[str]:
    yield "posts"
    yield "hours"
    yield f"posts.{item.ref.network}"
    partner = item.partner or (item.highlight.partner if item.highlight else None)
    if partner:
        yield "organisations"
        if partner.country:
            yield "countries"
    if item.is_ours:
        yield "posts.ours"
        if item.highlight and item.highlight.resource:
            yield f"resource.{item.highlight.resource.id}.ours"
    elif item.is_by_us:
        yield "posts.by-hand"
    else:
        yield "posts.others"
        yield "people"
        yield f"people.{item.ref.network}"
        if item.root:
            yield "answers"
            yield "people.answered"
    for tag in language.split() or ["undeclared"]:
        yield "languages" if language else "languages-undeclared"
        yield f"language.{tag}"
    yield from REACTIONS


def _people(facts: Facts, items: Iterable[Item]) -> dict[str, _Person]:
    """Return who is who among the authors that are not us: accounts are one where a bridge or the campaign says so.

    Nobody else is guessed to be one person, so the number of people is the greatest that it can be.
    """
    posts = {shown.post.ref: shown.post for shown in facts.posts}
    ours = {entry.receipt.ref for entry in facts.entries if entry.receipt}
    our_authors = {posts[ref].author.identity for ref in ours if ref in posts}
    joined = join(facts.campaign, facts.entries, posts.values())
    same: dict[str, set[str]] = {}
    reasons: dict[str, str] = {}
    for copy, lead in sorted(joined.leads.items()):
        pair = {posts[copy].author.identity, posts[lead].author.identity}
        if len(pair) == 2 and not pair & our_authors:
            merged = set().union(*(same.get(one, {one}) for one in pair))
            same |= dict.fromkeys(merged, merged)
            by = "the campaign's partners" if _is_declared(facts.campaign, posts[copy].author.handle) else "a bridge"
            reasons |= dict.fromkeys(merged, by)
    numbers: dict[str, str] = {}
    number = 0
    for item in items:
        author = item.post.author.identity
        if not item.is_by_us and author not in numbers:
            number += 1
            numbers |= dict.fromkeys(same.get(author, {author}), f"P{number:04}")
    return {author: _Person(number, reasons.get(author, "")) for author, number in numbers.items()}


def _is_declared(campaign: Campaign, handle: str) -> bool:
    declared = (name for partner in campaign.partners for name in partner.accounts)
    return fold_handle(handle) in map(fold_handle, declared)


def _shared(campaign: Campaign, items: Sequence[Item], people: Mapping[str, _Person]) -> Iterator[Row]:
    """Yield a row for each link of somebody else's post to one of the campaign's resources."""
    editions = {_address(edition.url): (one, edition) for one in campaign.resources for edition in one.editions}
    shy = unlisted(items)
    for item in items:
        linked = editions.get(_address(item.post.card.url)) if item.post.card and not item.is_by_us else None
        if linked:
            is_named = may_be_named(item, shy)
            yield _sharing(item, *linked, people[item.post.author.identity], is_named=is_named)


def _sharing(item: Item, resource: Resource, edition: Edition, person: _Person, *, is_named: bool) -> Row:
    """Return the row of one who shared. It is a list of people: who may stand in none is a number there."""
    return Row(
        "",
        Kind.SHARED,
        ("shared", "resources-shared", f"resource.{resource.id}.shared"),
        network=item.ref.network.value,
        account=item.post.author.handle if is_named else "",
        person=person.number,
        known_as_one_by=person.known_by,
        **_of_partner(item.partner),
        said_at=_iso(item.post.created_at),
        resource=resource.id,
        edition=edition.language,
        url=item.post.url if is_named else "",
        words=_words_of(item),
    )


def _address(url: str) -> str:
    return url.rstrip("/")


def _withheld(facts: Facts) -> Iterator[Row]:
    for reason, number in sorted(facts.not_shown.items()):
        for _ in range(number):
            yield Row("", Kind.WITHHELD, ("not-shown", reason_id(reason)), reason=reason.value)


def _watched(sources: Iterable[SourceState]) -> Iterator[Row]:
    for state in sources:
        name, network = state.source.id, state.source.network.value
        was_read = state.last_read_at is not None
        yield Row(
            "",
            Kind.WATCHED,
            ("sources",) if was_read else ("sources-not-read",),
            network=network,
            source=name,
            to_at=_iso(state.last_read_at),
            reason=state.problem or "",
        )
        for gap in state.gaps:
            length_s = (gap.closes_at - gap.opens_at).total_seconds() if gap.closes_at else 0
            yield Row(
                "",
                Kind.GAP,
                ("gaps", "gap-minutes", "found-later"),
                network=network,
                source=name,
                from_at=_iso(gap.opens_at),
                to_at=_iso(gap.closes_at),
                minutes=round(length_s / 60),
                found_later=gap.found_later,
                reason=gap.reason,
            )


# ---- words -------------------------------------------------------------------------------------------------------------


def _iso(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


def _words_of(item: Item) -> str:
    """Return the first words of a post; of a covered one those that its author put before it."""
    return _quoted(item.post.content_warning if item.shown.is_covered else item.post.text)


def _quoted(text: str) -> str:
    return truncate(" ".join(text.split()), WORDS_QUOTED)
