"""From `schedule.yaml` to slots, with the places of what people wrote, so that later findings can point at it."""

from pathlib import Path

from shareasm.campaign_files import words
from shareasm.campaign_files.campaign import Sketch
from shareasm.campaign_files.findings import Findings
from shareasm.campaign_files.places import Places
from shareasm.campaign_files.reading import Row, row_of
from shareasm.campaign_files.slots import LATE, SLOT_KEYS, Defaults, SlotReader, known, late, visibility
from shareasm.campaign_files.tree import Fields, Items
from shareasm.domain.schedules import Schedule

SLOTS_LIMIT = 2_000
"""Slots in one plan."""

_DEFAULT_KEYS = ("accounts", "late", "visibility", "zone")


def read_schedule(fields: Fields, folder: Path, sketch: Sketch, findings: Findings) -> tuple[Schedule, Places]:
    """Return the slots that `fields` describe, by due instant and then as in the file; whole where `findings` get no error."""
    top = Row(fields, "schedule.yaml", ("defaults", "slots"), findings)
    reader = SlotReader(folder / "media", sketch, _defaults(top, sketch), Places())
    slots = []
    for row in top.rows("slots", "a slot", SLOT_KEYS, most=SLOTS_LIMIT):
        slot = reader.slot(row)
        if slot is not None:
            slots.append(slot)
    if not top.has("slots") or (isinstance(node := top.field("slots").node, Items) and not node.nodes):
        findings.warn(
            top.place, "The plan has no slots: nothing will be sent.", "Write them below “slots:”, each with “- id: …”."
        )
    return Schedule(tuple(sorted(slots, key=lambda slot: slot.due_at))), reader.places


def _defaults(top: Row, sketch: Sketch) -> Defaults:
    row = row_of(top.field("defaults"), "the defaults", _DEFAULT_KEYS) if top.has("defaults") else None
    if row is None:
        return Defaults()
    return Defaults(
        accounts=row.each("accounts", known(sketch.accounts, "account")),
        has_accounts=row.has("accounts"),
        late=row.get("late", late) or LATE,
        visibility=row.get("visibility", visibility) or "public",
        zone=row.get("zone", words.zone),
    )
