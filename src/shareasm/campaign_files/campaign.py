"""From `campaign.yaml` to a Campaign, also from a wrong one: the rest of the plan is checked against what could be read."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from shareasm.campaign_files import words
from shareasm.campaign_files.accounts import (
    ACCOUNT_KEYS,
    PARTNER_KEYS,
    good_ones,
    named_by_id,
    read_account,
    read_blocked,
    read_partner,
    read_sources,
)
from shareasm.campaign_files.findings import Findings, Place
from shareasm.campaign_files.keeping import read_keep
from shareasm.campaign_files.markdown import markdown
from shareasm.campaign_files.media import picture_below
from shareasm.campaign_files.publication import read_publication
from shareasm.campaign_files.reading import Field, Row, one_of, row_of, shorten, text
from shareasm.campaign_files.rules import read_rules
from shareasm.campaign_files.tree import Fields, Scalar
from shareasm.campaign_files.unfinished import finished, warn_unfinished
from shareasm.campaign_files.words import FIRST_YEAR
from shareasm.domain.campaigns import Campaign, CampaignAccount, EarlierEdition, Edition, Look, Moderation, Resource
from shareasm.domain.colours import READABLE, contrast, palette
from shareasm.domain.schedules import day_bounds, day_everywhere

_KEYS = (
    "name", "hashtags", "on", "zone", "window", "languages", "host", "contact", "policy", "about", "moderation", "rules",
    "blocked", "replies", "accounts", "collect", "partners", "resources", "look", "recap", "keep", "earlier",
)  # fmt: skip
_RESOURCE_KEYS = ("authors", "organisation", "year", "type", "countries", "area", "editions")

_BOTH_NETWORKS = re.compile(r"[A-Za-z][A-Za-z0-9_]*")  # what both networks take for the same tag (platform facts 5.4)
_WHITE = "#ffffff"
_LONGEST_WINDOW = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Sketch:
    """A campaign as far as it could be read, and what it names, right or wrong."""

    campaign: Campaign  # where findings have errors, some of it is made up: for checking only
    on: date | None = None  # None: not known, so no time can be told
    is_window_known: bool = False
    accounts: frozenset[str] | None = None  # None: not known, so nothing is held against a name
    partners: frozenset[str] | None = None
    resources: frozenset[str] | None = None
    on_place: Place | None = None  # where the date stands, and …
    server_places: dict[str, Place] = field(default_factory=dict)  # … each account's server, by id


def no_campaign(folder: Path) -> Sketch:
    """Return the sketch where there is no readable `campaign.yaml`."""
    on = date(FIRST_YEAR, 1, 1)
    utc = ZoneInfo("UTC")
    opens_at, closes_at = day_bounds(on, utc)
    return Sketch(Campaign(folder.resolve().name, "", (), on, utc, opens_at, closes_at, (), "", "", (), ()))


def read_campaign(fields: Fields, folder: Path, findings: Findings) -> Sketch:
    """Return the campaign that `fields` describe. It is a whole one where `findings` get no error."""
    row = Row(fields, "campaign.yaml", _KEYS, findings)
    name = row.need("name", finished, 'Write the day\'s name: name: "#shareASM 2027".')
    hashtags = row.need_each("hashtags", _hashtag, "Write it without #: hashtags: [shareASM].")
    on = row.need("on", words.day, 'Write the day: on: "2027-02-03".')
    zone = row.need("zone", words.zone, "Write the zone of the plan's times: zone: Europe/London.") or ZoneInfo("UTC")
    window = _window(row, on, zone) if on else None
    languages = row.need_each("languages", words.language, "Write, for example: languages: [en, fr].")
    host = row.need("host", finished, "Write the organisation that runs the day: host: IIED.")
    contact = row.need("contact", _contact, words.CONTACT_CURE)
    partners = named_by_id(row, "partners", "partner", PARTNER_KEYS, read_partner)
    server_places: dict[str, Place] = {}

    def account(id_: str, one: Row) -> CampaignAccount | None:
        server_places[id_] = one.place_of("server", "handle")
        return read_account(id_, one, languages, partners)

    accounts = named_by_id(row, "accounts", "account", ACCOUNT_KEYS, account)
    resources = named_by_id(row, "resources", "resource", _RESOURCE_KEYS, _resource)
    moderation = row.get("moderation", one_of(Moderation, "way of moderating"))
    sources = read_sources(row, accounts)
    opens_at, closes_at = window or day_bounds(on or date(FIRST_YEAR, 1, 1), zone)
    campaign = Campaign(
        slug=folder.resolve().name,
        name=name or "",
        hashtags=hashtags,
        on=on or date(FIRST_YEAR, 1, 1),
        zone=zone,
        opens_at=opens_at,
        closes_at=closes_at,
        languages=languages,
        host=host or "",
        contact=contact or "",
        accounts=good_ones(accounts),
        sources=sources,
        policy=row.get("policy", words.url),
        about=row.get("about", markdown) or "",
        moderation=Moderation(moderation or Moderation.OPEN),
        rules=read_rules(row),
        blocked=read_blocked(row, [*(one.server for one in good_ones(accounts)), *(one.server for one in sources)]),
        follows_replies=row.get("replies", words.yes_or_no) is not False,
        partners=good_ones(partners),
        resources=good_ones(resources),
        look=_look(row, folder),
        publication=read_publication(row),
        keep=read_keep(row),
        earlier=_earlier(row),
    )
    return Sketch(
        campaign,
        on,
        window is not None,
        frozenset(accounts),
        frozenset(partners),
        frozenset(resources),
        row.place_of("on"),
        server_places,
    )


def _contact(field: Field) -> str | None:
    address = words.contact(field)
    warn_unfinished(field, address or "")
    return address


# ---- the day -----------------------------------------------------------------------------------------------------------


def _hashtag(field: Field) -> str | None:
    label = text(field)
    if label is None:
        return None
    if label[0] in "#＃":
        field.fail("A hashtag is written without # in the plan.", f"Write “{shorten(label[1:])}”.")
        return None
    if re.search(r"[\s#,.!?]", label):
        first, *others = re.findall(r"[0-9A-Za-z_]+", label) or ["myDay"]
        joined = "".join((first, *(word[0].upper() + word[1:] for word in others)))
        cure = f"A hashtag is one word of letters, digits and _, such as {joined}; several are a list: [one, two]."
        field.fail(f"“{shorten(label)}” is not one hashtag.", cure)
        return None
    if not _BOTH_NETWORKS.fullmatch(label):
        field.warn(
            f"The networks do not agree on where “#{shorten(label)}” ends or how it is spelled.",
            "Choose a tag of the letters A–Z, digits and _ that begins with a letter.",
        )
    return label


def _window(row: Row, on: date, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Return when the day opens and closes: the whole date where nothing is said."""
    if not row.has("window"):
        return day_bounds(on, zone)
    field = row.field("window")
    if isinstance(field.node, Scalar):
        word = text(field)
        if word == "everywhere":
            return day_everywhere(on)
        if word:
            cure = 'Write: window: {opens: "06:00", closes: "22:00"}, or window: everywhere.'
            field.fail(f"“{shorten(word)}” is no window.", cure)
        return None
    window = row_of(field, "the window", ("opens", "closes"))
    if window is None:
        return None
    moment = partial(words.moment, on=on, in_zone=zone)
    opens_at = window.need("opens", moment, 'Write when the day opens: opens: "06:00".')
    closes_at = window.need("closes", moment, 'Write when the day closes: closes: "22:00".')
    if opens_at is None or closes_at is None:
        return None
    if closes_at <= opens_at:
        window.findings.error(
            window.place_of("closes"),
            "The day closes before it opens.",
            f'If it closes after midnight, write the date: closes: "{on + timedelta(days=1)} 02:00".',
        )
        return None
    if closes_at - opens_at > _LONGEST_WINDOW:
        window.findings.error(
            window.place_of("closes"), "The window is longer than a week.", "Check the dates of “opens” and “closes”."
        )
        return None
    return opens_at, closes_at


# ---- what is shown -----------------------------------------------------------------------------------------------------


def _resource(id_: str, row: Row) -> Resource | None:
    editions = [
        Edition(language, title, url)
        for key, one in row.named_rows("editions", "edition", ("title", "url"), most=50)
        if (language := words.language(Field("language", key, row.findings)))
        if (title := one.need("title", text, "Write its title in this language."))
        if (url := one.need("url", words.url, "Write where it can be read."))
    ]
    authors, countries = row.each("authors", text), row.each("countries", words.country)
    organisation, type_, area = row.get("organisation", text), row.get("type", text), row.get("area", text)
    year = row.get("year", words.whole_number(1800, words.LAST_YEAR))
    if not row.has("editions"):
        row.findings.error(
            row.place,
            f"“editions” is missing in {row.what}.",
            "Write a title and an address: editions: {en: {title: …, url: …}}.",
        )
    return Resource(id_, tuple(editions), authors, organisation, year, type_, countries, area) if editions else None


def _look(row: Row, folder: Path) -> Look:
    if not row.has("look"):
        return Look()
    look = row_of(row.field("look"), "the look", ("accent", "logo", "logo_alt"))
    if look is None:
        return Look()
    logo = look.get("logo", partial(picture_below, folder=folder))
    if look.has("logo") and not look.has("logo_alt"):
        look.findings.error(
            look.place_of("logo"), "The logo has no words for those who cannot see it.", "Add “logo_alt: …”."
        )
    return Look(look.get("accent", _accent), logo, look.get("logo_alt", text) or "")


def _accent(field: Field) -> str | None:
    colour = text(field)
    if colour is None:
        return None
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        field.fail(
            f"“{shorten(colour)}” is not a colour.", 'Write # and six digits of 0–9 and a–f in quotes: "#8a4b08".'
        )
        return None
    if (ratio := contrast(colour, _WHITE)) < READABLE:
        field.warn(
            f"Text in {colour} is hard to read on a light page: its contrast is {ratio:.1f}:1, and {READABLE}:1 is needed.",
            f"Choose a darker shade, or live with “{palette(colour).on_paper}”, which the page will use instead.",
        )
    return colour.lower()


def _earlier(row: Row) -> tuple[EarlierEdition, ...]:
    editions = []
    for one in row.rows("earlier", "an earlier edition", ("title", "year", "url"), most=100):
        title = one.need("title", text, "Write its title.")
        year = one.need("year", words.whole_number(1990, words.LAST_YEAR), "Write its year.")
        url = one.get("url", words.page)
        if title and year:
            editions.append(EarlierEdition(title, year, url))
    return tuple(editions)
