"""From one block below `slots:` to a Slot. What is wrong in it has a stand-in, so that the rest of it is checked too."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from shareasm.campaign_files import words
from shareasm.campaign_files.campaign import Sketch
from shareasm.campaign_files.parts import PartsReader
from shareasm.campaign_files.places import KeyOf, Places, stand_in
from shareasm.campaign_files.reading import Field, Row, one_of, text
from shareasm.campaign_files.spoken import compare_with_texts
from shareasm.campaign_files.times import read_times
from shareasm.domain.campaigns import CampaignAccount
from shareasm.domain.schedules import Due, Kind, Label, Late, Part, Slot, WhoMayReply

SLOT_KEYS = (
    "id", "at", "zone", "kind", "theme", "partner", "resource", "link", "accounts", "text", "media", "video", "poll",
    "languages", "thread", "reply_to", "quote", "who_may_reply", "who_may_quote", "labels", "late", "visibility", "warning",
)  # fmt: skip
LATE = (Late.WITHIN, timedelta(minutes=30))
_POINTED_AT = (  # by later findings
    "text", "resource", "link", "reply_to", "quote", "who_may_reply", "labels", "visibility", "warning",
)  # fmt: skip
_EVERYONE, _NOBODY = "everyone", "nobody"

visibility = one_of(("public", "unlisted"), "visibility")


def late(field: Field) -> tuple[Late, timedelta] | None:
    """Return what happens to a slot whose time has passed unsent."""
    word = text(field)
    if word in (Late.ALWAYS, Late.NEVER):
        return Late(word), timedelta(0)
    span = words.late_span(field)
    return None if span is None else (Late.WITHIN, span)


def known(names: frozenset[str] | None, what: str) -> Callable[[Field], str | None]:
    """Return a parser of ids that campaign.yaml names under `what`s."""
    return text if names is None else one_of(sorted(names), f"{what} in campaign.yaml called")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for every slot that says nothing else."""

    accounts: tuple[str, ...] = ()
    has_accounts: bool = False  # named, right or wrong
    late: tuple[Late, timedelta] = LATE
    visibility: str = "public"
    zone: ZoneInfo | None = None


@dataclass(frozen=True, slots=True)
class SlotReader:
    """Reads slots; one for a whole schedule."""

    media: Path
    sketch: Sketch
    defaults: Defaults
    places: Places

    def slot(self, row: Row) -> Slot | None:
        """Return one slot; None where it has no words."""
        id_ = self._id(row)
        accounts = self._accounts(row)
        times = read_times(row, accounts, self.defaults.zone, self.sketch)
        if times.due is None:
            self.places.untimed.add(id_)
        due = times.due or Due(self.sketch.campaign.opens_at, self.sketch.campaign.zone.key)
        kind = row.need("kind", one_of(Kind, "kind of slot"), f"Write one of: {', '.join(Kind)}.")
        parts = PartsReader(id_, accounts, self.sketch, self.media, self.places).read(row)
        self._read_languages(row, id_, parts)
        resource = row.get("resource", known(self.sketch.resources, "resource"))
        link = row.get("link", words.url)
        self._check_link(row, id_, parts)
        late_, late_for = row.get("late", late) or self.defaults.late
        replies = row.get("who_may_reply", one_of(WhoMayReply, "rule for replies called"))
        quotes = row.get("who_may_quote", one_of((_EVERYONE, _NOBODY), "rule for quotes called"))
        slot = Slot(
            id=id_,
            due_at=due.at,
            zone=due.zone,
            kind=Kind(kind or Kind.NEWS),
            parts=parts,
            accounts=tuple(account.id for account in accounts),
            theme=row.get("theme", text),
            resource=resource if any(resource == one.id for one in self.sketch.campaign.resources) else None,
            link=link,
            partner=row.get("partner", known(self.sketch.partners, "partner")),
            visibility=row.get("visibility", visibility) or self.defaults.visibility,
            content_warning=row.get("warning", text),
            late=late_,
            late_for=late_for,
            own_dues=times.own_dues,
            reply_to=row.get("reply_to", text),
            quotes=row.get("quote", text),
            labels=tuple(map(Label, row.each("labels", one_of(Label, "label")))),
            who_may_reply=WhoMayReply(replies or WhoMayReply.EVERYONE),
            may_be_quoted=quotes != _NOBODY,
        )
        return slot if parts else None

    def _id(self, row: Row) -> str:
        """Return the slot's id, or a stand-in that nobody can write; note where the slot and what it says stands."""
        id_ = row.need("id", words.identifier, "Give each slot a short name that stays: id: welcome.")
        if id_ is None:
            id_ = stand_in(row.place)
        elif id_ in self.places.slots:
            first = self.places.slots[id_]
            row.findings.error(
                row.place_of("id"),
                f"The id “{id_}” is taken by the slot on line {first.line}.",
                "Give each slot its own id.",
            )
            id_ = stand_in(row.place)
        self.places.slots[id_] = row.place
        self.places.times[id_] = row.place_of("at")
        self.places.keys.update({KeyOf(id_, key): row.place_of(key) for key in _POINTED_AT})
        return id_

    def _accounts(self, row: Row) -> tuple[CampaignAccount, ...]:
        """Return where the slot goes out, in the campaign's order."""
        named = self.defaults.accounts
        if row.has("accounts"):
            named = row.each("accounts", known(self.sketch.accounts, "account"))
        elif not self.defaults.has_accounts:
            known_ones = ", ".join(account.id for account in self.sketch.campaign.accounts) or "…"
            cure = f"Write here, or once for all slots under “defaults”: accounts: [{known_ones}]."
            row.findings.error(row.place, "The slot has no account to go out from.", cure)
        return tuple(account for account in self.sketch.campaign.accounts if account.id in named)

    def _read_languages(self, row: Row, id_: str, parts: tuple[Part, ...]) -> None:
        if row.has("languages"):
            self.places.settled.add(id_)
            said = row.each("languages", words.language)
            if said and parts:
                compare_with_texts(row, said, parts[0])

    def _check_link(self, row: Row, id_: str, parts: tuple[Part, ...]) -> None:
        if row.has("resource") and row.has("link"):
            row.findings.warn(
                row.place_of("link"),
                "The slot has a link and a resource; the link is the one that is shown.",
                "Keep one of the two.",
            )
        if row.has("resource") or row.has("link"):
            return
        for number, part in enumerate(parts):
            for language, by_network in part.texts.items():
                for network in (network for network, said in by_network.items() if "{link}" in said):
                    row.findings.error(
                        self.places.text(id_, number, language, network),
                        "There is no address for {link}: the slot has neither a link nor a resource.",
                        "Write “link: https://…” or “resource: …” in the slot.",
                    )
