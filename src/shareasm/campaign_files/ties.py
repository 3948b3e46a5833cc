"""Slots that hang on other slots: what one answers or quotes must go out on each of its accounts, and before it.

So a plan that passes can always be sent, and no chain of slots ever waits for itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from shareasm.campaign_files.findings import Findings
from shareasm.campaign_files.places import Places, is_stand_in
from shareasm.campaign_files.reading import shorten, suggest
from shareasm.domain.queue import PlannedEntry
from shareasm.domain.schedules import Schedule, Slot

First = Mapping[str, Mapping[str, int]]
"""Slot → account → the number of its first post in the order in which everything goes out."""


class _Tie(NamedTuple):
    slot: Slot
    key: str  # under which it stands
    target: str
    verb: str  # what the slot does to its target


def check_ties(schedule: Schedule, entries: Sequence[PlannedEntry], places: Places, findings: Findings) -> None:
    """Add what is wrong with the slots that another one names under `reply_to` and `quote`."""
    first: dict[str, dict[str, int]] = {}
    for number, entry in enumerate(entries):  # in the order of sending
        first.setdefault(entry.key.slot, {}).setdefault(entry.key.account, number)
    for tie in _ties(schedule):
        place = places.key(tie.slot.id, tie.key)
        if tie.target not in places.slots:
            others = [slot for slot in places.slots if slot != tie.slot.id and not is_stand_in(slot)]
            findings.error(place, f"There is no slot “{shorten(tie.target)}”.", suggest(tie.target, others))
        elif tie.target == tie.slot.id:
            findings.error(place, f"A slot cannot {tie.verb} itself.", "Write the id of another slot.")
        elif tie.target in first and tie.slot.id in first:
            _check_accounts(tie, first, places, findings)
            if not {tie.slot.id, tie.target} & places.untimed:
                _check_order(tie, first, places, findings)


def _ties(schedule: Schedule) -> Iterator[_Tie]:
    for slot in schedule.slots:
        if slot.reply_to:
            yield _Tie(slot, "reply_to", slot.reply_to, "answer")
        if slot.quotes:
            yield _Tie(slot, "quote", slot.quotes, "quote")


def _check_accounts(tie: _Tie, first: First, places: Places, findings: Findings) -> None:
    without = [account for account in first[tie.slot.id] if account not in first[tie.target]]
    if without:
        findings.error(
            places.key(tie.slot.id, tie.key),
            f"This slot cannot {tie.verb} “{tie.target}” on {', '.join(without)}: “{tie.target}” does not go out there.",
            f"Write “accounts: […]” in it without them, or let “{tie.target}” go out there too.",
        )


def _check_order(tie: _Tie, first: First, places: Places, findings: Findings) -> None:
    target = first[tie.target]
    early = [account for account, own in first[tie.slot.id].items() if account in target and target[account] > own]
    if early:
        findings.error(
            places.key(tie.slot.id, tie.key),
            f"This slot goes out before “{tie.target}” on {', '.join(early)}, so it cannot {tie.verb} it.",
            f"Give it a later time than “{tie.target}”, or the same and a place below it.",
        )
