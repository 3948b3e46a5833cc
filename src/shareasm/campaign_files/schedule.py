"""From `schedule.yaml` to slots, with the places of what people wrote, so that later findings can point at it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shareasm.campaign_files import words
from shareasm.campaign_files.campaign import Sketch
from shareasm.campaign_files.findings import Findings, Place
from shareasm.campaign_files.media import picture_below
from shareasm.campaign_files.reading import Field, Row, items_of, one_of, row_of, text
from shareasm.campaign_files.tree import Fields, Items, Scalar
from shareasm.domain.posts import Network
from shareasm.domain.schedules import Kind, Late, Part, Picture, Schedule, Slot

SLOTS_LIMIT = 2_000
"""Slots in one plan."""

PARTS_LIMIT = 25
"""Further parts of one thread."""

PICTURES_LIMIT = 4
"""Pictures in one post, on both networks (platform facts 2.3, 6.3)."""

_DEFAULT_KEYS = ("accounts", "late", "visibility", "zone")
_PART_KEYS = ("text", "media")
_SLOT_KEYS = (
    "id", "at", "zone", "kind", "theme", "partner", "resource", "link", "accounts", "text", "media", "thread",
    "late", "visibility", "warning",
)  # fmt: skip
_PICTURE_KEYS = ("file", "alt", "credit", "licence", "focus")
_LATE = (Late.WITHIN, timedelta(minutes=30))
_ALT_LIMITS = {Network.MASTODON: 1500, Network.BLUESKY: 2000}


class TextKey(NamedTuple):
    """Which words: of this part of this slot, in this language, for this network ("" for every one)."""

    slot: str
    part: int
    language: str
    network: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parts of a plan stand."""

    slots: dict[str, Place] = field(default_factory=dict)
    times: dict[str, Place] = field(default_factory=dict)
    texts: dict[TextKey, Place] = field(default_factory=dict)
    untimed: set[str] = field(default_factory=set)  # slots whose time is wrong

    def text(self, slot: str, part: int, language: str, network: str) -> Place:
        """Return where the words that go to `network` stand."""
        own = TextKey(slot, part, language, network)
        return self.texts.get(own) or self.texts[own._replace(network="")]


@dataclass(frozen=True, slots=True)
class _Defaults:
    accounts: tuple[str, ...] = ()
    has_accounts: bool = False  # named, right or wrong
    late: tuple[Late, timedelta] = _LATE
    visibility: str = "public"
    zone: ZoneInfo | None = None


def read_schedule(fields: Fields, folder: Path, sketch: Sketch, findings: Findings) -> tuple[Schedule, Places]:
    """Return the slots that `fields` describe, by due instant and then as in the file; whole where `findings` get no error."""
    top = Row(fields, "schedule.yaml", ("defaults", "slots"), findings)
    reader = _Reader(folder / "media", sketch, _defaults(top, sketch), Places())
    slots = []
    for row in top.rows("slots", "a slot", _SLOT_KEYS, most=SLOTS_LIMIT):
        slot = reader.slot(row)
        if slot is not None:
            slots.append(slot)
    if not top.has("slots") or (isinstance(node := top.field("slots").node, Items) and not node.nodes):
        findings.warn(
            top.place, "The plan has no slots: nothing will be sent.", "Write them below “slots:”, each with “- id: …”."
        )
    return Schedule(tuple(sorted(slots, key=lambda slot: slot.due_at))), reader.places


def _defaults(top: Row, sketch: Sketch) -> _Defaults:
    row = row_of(top.field("defaults"), "the defaults", _DEFAULT_KEYS) if top.has("defaults") else None
    if row is None:
        return _Defaults()
    return _Defaults(
        accounts=row.each("accounts", _known(sketch.accounts, "account")),
        has_accounts=row.has("accounts"),
        late=row.get("late", _late) or _LATE,
        visibility=row.get("visibility", _visibility) or "public",
        zone=row.get("zone", words.zone),
    )


def _known(names: frozenset[str] | None, what: str) -> Callable[[Field], str | None]:
    """Return a parser of ids that campaign.yaml names under `what`s."""
    return text if names is None else one_of(sorted(names), f"{what} in campaign.yaml called")


_visibility = one_of(("public", "unlisted"), "visibility")


def _late(field: Field) -> tuple[Late, timedelta] | None:
    word = text(field)
    if word in (Late.ALWAYS, Late.NEVER):
        return Late(word), timedelta(0)
    span = words.span(field)
    return None if span is None else (Late.WITHIN, span)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads slots; one for a whole schedule."""

    media: Path
    sketch: Sketch
    defaults: _Defaults
    places: Places

    def slot(self, row: Row) -> Slot | None:
        """Return one slot; what is wrong in it and reported has a stand-in, so that the rest of it is checked too."""
        id_ = row.need("id", words.identifier, "Give each slot a short name that stays: id: welcome.")
        if id_ is None:
            id_ = f"?{row.place.line}"  # no id of a person's has a question mark
        elif id_ in self.places.slots:
            first = self.places.slots[id_]
            row.findings.error(
                row.place_of("id"),
                f"The id “{id_}” is taken by the slot on line {first.line}.",
                "Give each slot its own id.",
            )
            id_ = f"?{row.place.line}"
        self.places.slots[id_] = row.place
        self.places.times[id_] = row.place_of("at")
        zone = row.get("zone", words.zone) or self.defaults.zone or self.sketch.campaign.zone
        due_at = self._due_at(row, zone)
        if due_at is None:
            self.places.untimed.add(id_)
        kind = row.need("kind", one_of(Kind, "kind of slot"), f"Write one of: {', '.join(Kind)}.")
        accounts = self._accounts(row)
        parts = self._parts(row, id_, accounts)
        if parts and row.has("accounts"):
            self._check_reach(row, parts[0], accounts)
        resource = row.get("resource", _known(self.sketch.resources, "resource"))
        link = row.get("link", words.url)
        if resource and link:
            row.findings.warn(
                row.place_of("link"),
                "The slot has a link and a resource; the link is the one that is shown.",
                "Keep one of the two.",
            )
        late, late_for = row.get("late", _late) or self.defaults.late
        slot = Slot(
            id=id_,
            due_at=due_at or self.sketch.campaign.opens_at,
            zone=zone.key,
            kind=Kind(kind or Kind.NEWS),
            parts=parts,
            accounts=tuple(account.id for account in self.sketch.campaign.accounts if account.id in accounts),
            theme=row.get("theme", text),
            resource=resource if any(resource == one.id for one in self.sketch.campaign.resources) else None,
            link=link,
            partner=row.get("partner", _known(self.sketch.partners, "partner")),
            visibility=row.get("visibility", _visibility) or self.defaults.visibility,
            content_warning=row.get("warning", text),
            late=late,
            late_for=late_for,
        )
        return slot if parts else None

    def _due_at(self, row: Row, zone: ZoneInfo) -> datetime | None:
        cure = "Write when it goes out: at: “09:00”."
        due_at = row.need("at", partial(words.moment, on=self.sketch.on, in_zone=zone), cure)
        campaign = self.sketch.campaign
        if due_at and self.sketch.is_window_known and not campaign.opens_at <= due_at < campaign.closes_at:
            opens, closes = (
                f"{at.astimezone(campaign.zone):%Y-%m-%d %H:%M}" for at in (campaign.opens_at, campaign.closes_at)
            )
            row.findings.warn(
                row.place_of("at"),
                f"The slot is outside of the campaign's window ({opens} to {closes} in {campaign.zone.key}).",
                "It is sent all the same, but it does not belong to the day's page.",
            )
        return due_at

    def _accounts(self, row: Row) -> tuple[str, ...]:
        if row.has("accounts"):
            return row.each("accounts", _known(self.sketch.accounts, "account"))
        if not self.defaults.has_accounts:
            row.findings.error(
                row.place, "The slot has no account to go out from.", "Write “accounts: […]” here or under “defaults”."
            )
        return self.defaults.accounts

    def _check_reach(self, row: Row, root: Part, accounts: tuple[str, ...]) -> None:
        for account in self.sketch.campaign.accounts:
            if account.id in accounts and not set(account.languages) & root.texts.keys():
                row.findings.warn(
                    row.place_of("accounts"),
                    f"Nothing of this slot goes out on {account.id}, which speaks {', '.join(account.languages)}.",
                    "Add a text in its language, or take it out of the slot's accounts.",
                )

    # ---- words ---------------------------------------------------------------------------------------------------------

    def _parts(self, row: Row, slot: str, accounts: tuple[str, ...]) -> tuple[Part, ...]:
        texts = self._texts(row, slot, 0, accounts)
        if not texts:
            return ()
        parts = [Part(texts, self._pictures(row, texts, accounts))]
        for part in row.rows("thread", "a part of the thread", _PART_KEYS, most=PARTS_LIMIT):
            further = self._texts(part, slot, len(parts), accounts)
            self._compare_languages(part, texts, further)
            if further.keys() >= texts.keys():
                parts.append(Part({key: further[key] for key in texts}, self._pictures(part, texts, accounts)))
        return tuple(parts)

    def _compare_languages(
        self, part: Row, root: dict[str, dict[str, str]], further: dict[str, dict[str, str]]
    ) -> None:
        if further and (missing := [language for language in root if language not in further]):
            part.findings.error(
                part.place_of("text"),
                f"This part of the thread is not there in {', '.join(missing)}, but its first post is.",
                "Write it in every language of the first post.",
            )
        if extra := [language for language in further if language not in root]:
            part.findings.error(
                part.place_of("text"),
                f"This part of the thread is in {', '.join(extra)}, but its first post is not.",
                "Write the first post in that language too.",
            )

    def _texts(self, row: Row, slot: str, part: int, accounts: tuple[str, ...]) -> dict[str, dict[str, str]]:
        """Return language → network or "" → words."""
        if not row.has("text") or (isinstance(node := row.field("text").node, Fields) and not node.pairs):
            row.findings.error(
                row.place_of("text"),
                f"“text” is missing in {row.what}, or empty.",
                "Write: text: {en: “…  #shareASM”}.",
            )
            return {}
        field = row.field("text")
        campaign = self.sketch.campaign
        if isinstance(field.node, Scalar):
            return self._only_text(field, slot, part)
        if isinstance(field.node, Items):
            text(field)
            return {}
        texts: dict[str, dict[str, str]] = {}
        spoken = {language for account in campaign.accounts if account.id in accounts for language in account.languages}
        for key, node in field.node.pairs:
            language = words.language(Field("text", key, row.findings))
            by_network = self._by_network(Field(key.text, node, row.findings), slot, part, language or "", accounts)
            if language is None or not by_network:
                continue
            if spoken and language not in spoken:
                row.findings.error(
                    key.place,
                    f"None of the slot's accounts speaks “{language}”: this text would go out nowhere.",
                    f"They speak {', '.join(sorted(spoken))}. Add the language to one of them, or take the text out.",
                )
            texts[language] = by_network
        return texts

    def _only_text(self, field: Field, slot: str, part: int) -> dict[str, dict[str, str]]:
        """Return a text that names no language: right where the campaign has only one."""
        only = text(field)
        languages = self.sketch.campaign.languages
        if only is None:
            return {}
        if len(languages) > 1:
            field.fail(
                f"Which language is this? The campaign speaks {', '.join(languages)}.",
                f"Write it below its language: text: {{{languages[0]}: “…”}}.",
            )
        language = languages[0] if languages else "en"
        self.places.texts[TextKey(slot, part, language, "")] = field.place
        return {language: {"": only}}

    def _by_network(
        self, field: Field, slot: str, part: int, language: str, accounts: tuple[str, ...]
    ) -> dict[str, str]:
        """Return network or "" → words of one language."""
        if not isinstance(field.node, Fields):
            whole = text(field)
            self.places.texts[TextKey(slot, part, language, "")] = field.place
            return {"": whole} if whole else {}
        row = Row(field.node, f"the text in “{field.name}”", list(Network), field.findings)
        by_network = {}
        for network in Network:
            if row.has(network) and (one := row.get(network, text)):
                by_network[str(network)] = one
                self.places.texts[TextKey(slot, part, language, network)] = row.place_of(network)
        needed = {
            account.network
            for account in self.sketch.campaign.accounts
            if account.id in accounts and language in account.languages
        }
        for network in sorted(needed):
            if not row.has(network):
                row.findings.error(
                    row.place, f"The text for {network.title()} is missing here.", f"Add “{network}: …”."
                )
        return by_network if needed <= by_network.keys() else {}

    # ---- pictures ------------------------------------------------------------------------------------------------------

    def _pictures(self, row: Row, texts: dict[str, dict[str, str]], accounts: tuple[str, ...]) -> tuple[Picture, ...]:
        rows = list(row.rows("media", "a picture", _PICTURE_KEYS, most=PICTURES_LIMIT))
        pictures = (self._picture(one, tuple(texts), accounts) for one in rows)
        return tuple(picture for picture in pictures if picture is not None)

    def _picture(self, row: Row, languages: tuple[str, ...], accounts: tuple[str, ...]) -> Picture | None:
        file = row.need(
            "file", partial(picture_below, folder=self.media), "Name the file in “media”: file: dialogue.jpg."
        )
        alt = self._alt(row, languages, accounts)
        credit = row.need("credit", text, "Say who made it: credit: Amina Said.")
        licence = row.need("licence", text, "Say under which terms it may be shown: licence: CC BY 4.0.")
        focus = row.get("focus", _focus)
        return Picture(file, alt, credit, licence, focus) if file and alt and credit and licence else None

    def _alt(self, row: Row, languages: tuple[str, ...], accounts: tuple[str, ...]) -> dict[str, str]:
        cure = "Say in a sentence or two what it shows, for those who cannot see it: alt: “…”."
        if not row.has("alt"):
            row.findings.error(row.place_of("alt"), "The picture has no alt text.", cure)
            return {}
        field = row.field("alt")
        if not isinstance(field.node, Fields):
            alt = {"": text(field) or ""}
        else:
            alt = {
                language: said
                for key, node in field.node.pairs
                if (language := words.language(Field("alt", key, field.findings)))
                if (said := text(Field(key.text, node, field.findings)))
            }
            if missing := [language for language in languages if language not in alt]:
                field.warn(
                    f"The alt text is missing in {', '.join(missing)}.", "Write it in every language of the slot."
                )
        networks = {account.network for account in self.sketch.campaign.accounts if account.id in accounts}
        most = min((_ALT_LIMITS[network] for network in networks), default=2000)
        for said in alt.values():
            if len(said) > most:
                field.fail(f"The alt text has {len(said)} characters; {most} is the most.", "Say it shorter.")
        return {language: said for language, said in alt.items() if said}


def _focus(field: Field) -> tuple[float, float] | None:
    """Return the point of a picture that stays in view when it is cut: two numbers from -1 to 1, across and up."""
    try:
        x, y = (float(text(item) or "") for item in items_of(field))
    except ValueError:
        x = y = 2.0
    if not (-1 <= x <= 1 and -1 <= y <= 1):
        field.fail(
            "“focus” is not a point in the picture.",
            "Write two numbers from -1 to 1: [0, 0.2] is a little above the middle.",
        )
        return None
    return x, y
