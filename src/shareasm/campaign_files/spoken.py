"""Languages that a slot's accounts speak and that it has no text in: forgotten, or meant so.

Each account sends of a slot what is there in its own languages, so a translation that was forgotten is missed by nobody but
its readers. A slot that is meant for fewer of them says so under `languages`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from shareasm.campaign_files.findings import Findings
from shareasm.campaign_files.places import Places
from shareasm.campaign_files.reading import Row
from shareasm.domain.campaigns import Campaign
from shareasm.domain.schedules import Part, Schedule

NAMED = 8
"""Slots that a warning names; the others are counted."""


class _Gap(NamedTuple):
    slot: str
    languages: tuple[str, ...]  # that it has
    accounts: tuple[str, ...]  # that speak the missing one


def check_spoken(campaign: Campaign, schedule: Schedule, places: Places, findings: Findings) -> None:
    """Add a warning for languages in which slots have no text though accounts of theirs speak them."""
    missing: dict[tuple[_Gap, ...], list[str]] = {}
    for language in campaign.languages:  # one that an account alone names is told already
        missing.setdefault(tuple(_gaps(campaign, schedule, places, language)), []).append(language)
    for gaps, lacking in missing.items():
        if gaps:
            _warn(lacking, gaps, places, findings)


def _gaps(campaign: Campaign, schedule: Schedule, places: Places, language: str) -> Iterator[_Gap]:
    speakers = [account.id for account in campaign.accounts if language in account.languages]
    for slot in schedule.slots:
        accounts = tuple(account for account in speakers if account in slot.accounts)
        if accounts and language not in slot.languages and slot.id not in places.settled:
            yield _Gap(slot.id, slot.languages, accounts)


def _warn(languages: Sequence[str], gaps: Sequence[_Gap], places: Places, findings: Findings) -> None:
    named = [f"“{gap.slot}”" for gap in gaps[:NAMED]]
    more = [f"{len(gaps) - NAMED} more"] if len(gaps) > NAMED else []
    accounts = list(dict.fromkeys(account for gap in gaps for account in gap.accounts))
    have, them = ("has", "it") if len(gaps) == 1 else ("have", "them")
    first = gaps[0]
    findings.warn(
        places.key(first.slot, "text"),
        f"{_listed([*named, *more])} {have} no text in {_listed([f'“{language}”' for language in languages])}, which "
        f"{_listed(accounts)} {'speaks' if len(accounts) == 1 else 'speak'}: nothing of {them} goes out there in "
        f"{'it' if len(languages) == 1 else 'them'}.",
        f"Write it where it was forgotten; where it is meant so, say in the slot: languages: [{', '.join(first.languages)}].",
    )


def _listed(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def compare_with_texts(row: Row, said: tuple[str, ...], root: Part) -> None:
    """Add what is wrong where a slot says itself in which languages it goes out: they are those of its texts, no others."""
    if missing := [language for language in said if language not in root.texts]:
        row.findings.error(
            row.place_of("languages"),
            f"“languages” names {_listed(missing)}, and there is no text in it.",
            "Write the text, or take the language out.",
        )
    if extra := [language for language in root.texts if language not in said]:
        row.findings.error(
            row.place_of("languages"),
            f"There is a text in {_listed(extra)}, and “languages” does not name it.",
            "Add the language, or take the text out.",
        )
