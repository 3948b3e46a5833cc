"""The figures of the report: what each one is, and how it is counted over the rows of the evidence.

No figure is ever set by hand: `count` makes it from rows, here and for whoever reads the evidence file afterwards.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from babel import Locale

from shareasm.domain.campaigns import Campaign
from shareasm.domain.moderation import Reason

REACTIONS = ("replies", "reposts", "likes", "quotes")


class Measure(StrEnum):
    """How a figure is counted over the rows that count for it."""

    ROWS = "rows"
    DISTINCT = "different values of"
    SUM = "sum of"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the report."""

    id: str
    group: str
    label: str
    method: str  # in words, for a person
    measure: Measure = Measure.ROWS
    column: str = ""  # of which DISTINCT or SUM is taken
    value: int = 0

    @property
    def recipe(self) -> str:
        """How to count it again from the evidence."""
        counted = "rows" if self.measure is Measure.ROWS else f"{self.measure} {self.column}"
        return f"{counted} where counts_for has {self.id}"


def count(figure: Figure, rows: Iterable[Mapping[str, object]]) -> int:
    """Count a figure from the rows of an evidence file, as read from it: every value may be text."""
    counted = [row for row in rows if figure.id in str(row["counts_for"]).split()]
    match figure.measure:
        case Measure.ROWS:
            return len(counted)
        case Measure.DISTINCT:
            return len({value for row in counted for value in str(row[figure.column]).split()})
        case _:
            return sum(int(str(row[figure.column]) or 0) for row in counted)


# ---- which ones there are ----------------------------------------------------------------------------------------------

_NETWORK = {"bluesky": "Bluesky", "mastodon": "Mastodon and servers with its API", "web": "feeds"}


def figures(campaign: Campaign, met: AbstractSet[str]) -> Iterator[Figure]:
    """Yield the figures that the report tells, not counted yet; `met` are the names that the rows count for."""
    yield from _plan_figures(met)
    yield from _people_figures(met)
    yield from _language_figures(met)
    yield from _resource_figures(campaign)
    yield from _method_figures(met)


def _plan_figures(met: AbstractSet[str]) -> Iterator[Figure]:
    group = "Plan against actual"
    yield Figure("planned", group, "Posts planned", "each language, account and part of a thread is one post")
    for network in _networks(met, "planned."):
        yield Figure(f"planned.{network}", group, f"Planned on {_NETWORK[network]}", "the same, on this network")
    yield Figure("sent", group, "Posts sent", "the network gave a receipt; also what was taken back afterwards")
    for network in _networks(met, "planned."):
        yield Figure(f"sent.{network}", group, f"Sent on {_NETWORK[network]}", "the same, on this network")
    for name in _starting(met, "not-sent."):
        state = name.partition(".")[2]
        yield Figure(name, group, f"Not sent: {state}", "as the queue says at the end of the day")
    yield Figure("taken-back", group, "Taken back afterwards", "sent, and withdrawn by the team or being withdrawn")


def _people_figures(met: AbstractSet[str]) -> Iterator[Figure]:
    group = "What came back"
    once = "each once, however many networks or bridges carry a copy"
    yield Figure("posts", group, "Posts under the hashtag, and answers to them", once)
    yield Figure("posts.ours", group, "of these, our programme", once)
    if "posts.by-hand" in met:
        yield Figure("posts.by-hand", group, "of these, from our accounts, outside of the programme", once)
    yield Figure("posts.others", group, "of these, by others", once)
    for network in _networks(met, "posts."):
        yield Figure(f"posts.{network}", group, f"of these, first said on {_NETWORK[network]}", once)
    yield Figure(
        "answers", group, "Answers to our programme", "posts by others in a conversation that a post of ours began"
    )
    who = (
        "different authors of shown posts, ours left out. Accounts count as one where a bridge ties them together or the "
        "campaign declares them; nobody else is guessed to be the same, so it is the greatest number possible"
    )
    yield Figure("people", group, "People and organisations who acted", who, Measure.DISTINCT, "person")
    for network in _networks(met, "people."):
        label = f"of these, on {_NETWORK[network]}"
        yield Figure(f"people.{network}", group, label, "who is on both counts on both", Measure.DISTINCT, "person")
    yield Figure("people.answered", group, "of these, answered us", who, Measure.DISTINCT, "person")
    declared = "partners that the campaign declares, who posted or of whom a post of ours told"
    yield Figure("organisations", group, "Partner organisations heard", declared, Measure.DISTINCT, "partner")
    where = "countries of these partners, as the campaign declares them; nobody's country is guessed"
    yield Figure("countries", group, "Countries, as declared", where, Measure.DISTINCT, "country")
    for column in REACTIONS:
        how = "as the networks counted them when they were last asked; one person may stand behind several"
        yield Figure(column, group, f"Reactions: {column}", how, Measure.SUM, column)
    said = "hours of the campaign's zone in which a post was made"
    yield Figure("hours", group, "Hours with posts", said, Measure.DISTINCT, "hour")


def _language_figures(met: AbstractSet[str]) -> Iterator[Figure]:
    group = "Languages"
    how = "as authors declared them; a post in two languages counts for both"
    yield Figure("languages", group, "Languages", how, Measure.DISTINCT, "language")
    names = _starting(met, "language.")
    for name in names:
        yield Figure(name, group, f"Posts in {_language(name.partition('.')[2])}", how)


def _resource_figures(campaign: Campaign) -> Iterator[Figure]:
    group = "Resources"
    yield Figure(
        "resources-shared", group, "Resources shared by others", "linked in a post", Measure.DISTINCT, "resource"
    )
    yield Figure("shared", group, "Posts by others that link to a resource", "by the address of the link card")
    for resource in campaign.resources:
        title = resource.editions[0].title
        yield Figure(
            f"resource.{resource.id}.ours", group, f"{title}: posts of ours", "slots that name it; each copy once"
        )
        yield Figure(
            f"resource.{resource.id}.shared",
            group,
            f"{title}: people who shared it",
            "authors",
            Measure.DISTINCT,
            "person",
        )


def _method_figures(met: AbstractSet[str]) -> Iterator[Figure]:
    group = "How well we saw"
    yield Figure("sources", group, "Sources watched", "servers, searches, streams and feeds that were read")
    if "sources-not-read" in met:
        yield Figure("sources-not-read", group, "Sources that could not be read", "the reason stands in the row")
    yield Figure("gaps", group, "Gaps in watching", "times longer than three minutes in which a source was not read")
    yield Figure("gap-minutes", group, "Minutes of these gaps", "rounded; the sources added up", Measure.SUM, "minutes")
    how = "posts of these times that the same source showed later"
    yield Figure("found-later", group, "Posts of these times found later", how, Measure.SUM, "found_later")
    yield Figure(
        "not-shown", group, "Posts counted and not shown", "by wish of their authors, by rule, or deleted since"
    )
    for reason in Reason:
        if reason_id(reason) in met:
            yield Figure(reason_id(reason), group, f"of these, {reason.words}", "the same")


def _language(tag: str) -> str:
    return str(Locale("en").languages.get(tag, tag)) if tag != "undeclared" else "no declared language"


def reason_id(reason: Reason) -> str:
    """Return the figure that counts what is not shown for this reason."""
    return f"not-shown.{reason.name.lower().replace('_', '-')}"


def _starting(met: AbstractSet[str], prefix: str) -> list[str]:
    return sorted(name for name in met if name.startswith(prefix))


def _networks(met: AbstractSet[str], prefix: str) -> list[str]:
    return sorted({name.removeprefix(prefix) for name in _starting(met, prefix)} & _NETWORK.keys())
