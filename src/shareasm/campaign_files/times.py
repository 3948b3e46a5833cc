"""When a slot is due: at one instant, or on each account's own clock. Local times that do not exist are told per zone."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from shareasm.campaign_files import words
from shareasm.campaign_files.campaign import Sketch
from shareasm.campaign_files.reading import Field, Row
from shareasm.campaign_files.tree import Scalar
from shareasm.domain.campaigns import CampaignAccount
from shareasm.domain.schedules import Due

_EACH_ZONE = re.compile(r"each partner['’]s")
_IN_EACH_ZONE = re.compile(r"(.*\S)\s*in each partner['’]s zone", re.DOTALL)
_ENDS_IN_OFFSET = re.compile(r".*:\d{2}\s*(Z|z|[+-]\d{2}:?\d{2})", re.DOTALL)
_CURE = 'Write when it goes out: at: "09:00".'


@dataclass(frozen=True, slots=True)
class Times:
    """When a slot is due: the earliest instant, and each account's where they have their own."""

    due: Due | None  # None: wrong, and reported
    own_dues: dict[str, Due]


def read_times(row: Row, accounts: tuple[CampaignAccount, ...], default: ZoneInfo | None, sketch: Sketch) -> Times:
    """Return when the slot in `row` goes out on `accounts`; `default` is the zone where it names none."""
    in_zone = default or sketch.campaign.zone
    if row.has("at") and (wish := _each_zone(row)):
        return _own_times(row, wish, accounts, in_zone, sketch)
    own = row.get("zone", words.zone)
    due = row.need("at", lambda field: _due(field, own or in_zone, sketch), _CURE)
    if due:
        _check_window(row, {due.at}, sketch)
    return Times(due, {})


def _each_zone(row: Row) -> Field | None:
    """Return the field with the bare time where it holds in each partner's zone: so said behind the time, or under `zone`."""
    at = row.field("at")
    is_in_zone = bool(
        row.has("zone")
        and isinstance(node := row.field("zone").node, Scalar)
        and _EACH_ZONE.fullmatch(node.text.strip())
    )
    if isinstance(at.node, Scalar) and (found := _IN_EACH_ZONE.fullmatch(at.node.text.strip())):
        if row.has("zone") and not is_in_zone:
            row.findings.error(
                row.place_of("zone"),
                "“at” says “in each partner's zone”, and “zone” says another.",
                "Take “zone” away, or the words behind the time.",
            )
        return replace(at, node=replace(at.node, text=found[1]))
    return at if is_in_zone else None


def _own_times(
    row: Row, wish: Field, accounts: tuple[CampaignAccount, ...], in_zone: ZoneInfo, sketch: Sketch
) -> Times:
    if isinstance(wish.node, Scalar) and _ENDS_IN_OFFSET.fullmatch(wish.node.text):
        wish.fail(
            "A time with its distance from UTC is the same instant in each zone.",
            'Write the time alone: at: "09:00 in each partner\'s zone".',
        )
        return Times(None, {})
    zones = {account.id: sketch.campaign.zone_of(account) for account in accounts}
    if accounts and not any(zones.values()):
        wish.warn(
            f"No account of this slot has a zone of its own: it goes out on the clock of {in_zone.key} everywhere.",
            "Write “partner: id” or “zone: …” at the accounts in campaign.yaml.",
        )
    dues = {account: _due(wish, zone or in_zone, sketch, is_one_of_many=True) for account, zone in zones.items()}
    own = {account: due for account, due in dues.items() if due}
    _check_window(row, {due.at for due in own.values()}, sketch)
    if not accounts:
        return Times(_due(wish, in_zone, sketch), {})
    return Times(min(own.values()) if len(own) == len(dues) else None, own)


def _due(field: Field, zone: ZoneInfo, sketch: Sketch, *, is_one_of_many: bool = False) -> Due | None:
    at = words.moment(field, sketch.on, zone, is_one_of_many=is_one_of_many)
    return Due(at, zone.key) if at else None


def _check_window(row: Row, instants: set[datetime], sketch: Sketch) -> None:
    campaign = sketch.campaign
    outside = sorted(at for at in instants if not campaign.opens_at <= at < campaign.closes_at)
    if not outside or not sketch.is_window_known:
        return
    opens, closes = (f"{at.astimezone(campaign.zone):%Y-%m-%d %H:%M}" for at in (campaign.opens_at, campaign.closes_at))
    which = "" if len(instants) == 1 else f" at {', '.join(f'{at.astimezone(campaign.zone):%H:%M}' for at in outside)}"
    row.findings.warn(
        row.place_of("at"),
        f"The slot is outside of the campaign's window{which} ({opens} to {closes} in {campaign.zone.key}).",
        "Move it, or widen “window” in campaign.yaml; as it is, it goes out and does not stand on the day's page.",
    )
