"""From `campaign.yaml` to a Campaign, also from a wrong one: the rest of the plan is checked against what could be read."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from shareasm.campaign_files import words
from shareasm.campaign_files.findings import Findings
from shareasm.campaign_files.markdown import markdown
from shareasm.campaign_files.media import picture_below
from shareasm.campaign_files.reading import Field, Row, one_of, row_of, shorten, suggest, text
from shareasm.campaign_files.tree import Fields, Scalar
from shareasm.campaign_files.words import FIRST_YEAR
from shareasm.domain.campaigns import (
    Campaign,
    CampaignAccount,
    EarlierEdition,
    Edition,
    Look,
    Moderation,
    Partner,
    Resource,
    Role,
    Source,
    SourceKind,
)
from shareasm.domain.colours import READABLE, contrast, palette
from shareasm.domain.posts import Network
from shareasm.domain.schedules import day_bounds, day_everywhere

_KEYS = (
    "name", "hashtags", "on", "zone", "window", "languages", "host", "contact", "policy", "about", "moderation",
    "accounts", "collect", "partners", "resources", "look", "earlier",
)  # fmt: skip
_ACCOUNT_KEYS = ("network", "server", "handle", "languages", "appview", "limit")
_SOURCE_KEYS = ("mastodon", "bluesky", "jetstream", "account", "appview")
_PARTNER_KEYS = ("name", "role", "country", "url", "zone", "accounts")
_RESOURCE_KEYS = ("authors", "organisation", "year", "type", "countries", "area", "editions")

_BLUESKY_SERVER = "https://bsky.social"
_BLUESKY_APPVIEW = "https://public.api.bsky.app"
_BOTH_NETWORKS = re.compile(r"[A-Za-z][A-Za-z0-9_]*")  # what both networks take for the same tag (platform facts 5.4)
_BLUESKY_HANDLE = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_MASTODON_HANDLE = re.compile(
    r"[A-Za-z0-9_]+([A-Za-z0-9_.-]*[A-Za-z0-9_]+)?@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:\d{1,5})?"
)

_WHITE = "#ffffff"
_LONGEST_WINDOW = timedelta(days=7)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sketch:
    """A campaign as far as it could be read, and what it names, right or wrong."""

    campaign: Campaign  # where findings have errors, some of it is made up: for checking only
    on: date | None = None  # None: not known, so no time can be told
    is_window_known: bool = False
    accounts: frozenset[str] | None = None  # None: not known, so nothing is held against a name
    partners: frozenset[str] | None = None
    resources: frozenset[str] | None = None


def no_campaign(folder: Path) -> Sketch:
    """Return the sketch where there is no readable `campaign.yaml`."""
    on = date(FIRST_YEAR, 1, 1)
    utc = ZoneInfo("UTC")
    opens_at, closes_at = day_bounds(on, utc)
    return Sketch(Campaign(folder.resolve().name, "", (), on, utc, opens_at, closes_at, (), "", "", (), ()))


def read_campaign(fields: Fields, folder: Path, findings: Findings) -> Sketch:
    """Return the campaign that `fields` describe. It is a whole one where `findings` get no error."""
    row = Row(fields, "campaign.yaml", _KEYS, findings)
    name = row.need("name", text, "Write the day's name: name: “#shareASM 2027”.")
    hashtags = row.need_each("hashtags", _hashtag, "Write it without #: hashtags: [shareASM].")
    on = row.need("on", words.day, "Write the day: on: “2027-02-03”.")
    zone = row.need("zone", words.zone, "Write the zone of the plan's times: zone: Europe/London.") or ZoneInfo("UTC")
    window = _window(row, on, zone) if on else None
    languages = row.need_each("languages", words.language, "Write, for example: languages: [en, fr].")
    host = row.need("host", text, "Write the organisation that runs the day: host: IIED.")
    contact = row.need("contact", words.contact, "Write where people ask to be removed: contact: asm@iied.example.")
    accounts = _named(row, "accounts", "account", _ACCOUNT_KEYS, lambda id_, one: _account(id_, one, languages))
    partners = _named(row, "partners", "partner", _PARTNER_KEYS, _partner)
    resources = _named(row, "resources", "resource", _RESOURCE_KEYS, _resource)
    moderation = row.get("moderation", one_of(Moderation, "way of moderating"))
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
        accounts=_good(accounts),
        sources=_sources(row, accounts),
        policy=row.get("policy", words.url),
        about=row.get("about", markdown) or "",
        moderation=Moderation(moderation or Moderation.OPEN),
        partners=_good(partners),
        resources=_good(resources),
        look=_look(row, folder),
        earlier=_earlier(row),
    )
    return Sketch(campaign, on, window is not None, frozenset(accounts), frozenset(partners), frozenset(resources))


def _good(named: dict[str, T | None]) -> tuple[T, ...]:
    return tuple(value for value in named.values() if value is not None)


def _named(
    row: Row, key: str, what: str, known: tuple[str, ...], read: Callable[[str, Row], T | None]
) -> dict[str, T | None]:
    """Return what stands under the ids of a block; a wrong one counts as named, so that nobody is told it is unknown."""
    return {
        id_.text: read(id_.text, one) if words.identifier(Field("id", id_, row.findings)) else None
        for id_, one in row.named_rows(key, what, known, most=500)
    }


# ---- the day -----------------------------------------------------------------------------------------------------------


def _hashtag(field: Field) -> str | None:
    label = text(field)
    if label is None:
        return None
    if label[0] in "#＃":
        field.fail("A hashtag is written without # in the plan.", f"Write “{shorten(label[1:])}”.")
        return None
    if re.search(r"[\s#,.!?]", label):
        field.fail(
            f"“{shorten(label)}” is not one hashtag.", "A hashtag is one word; write several as a list: [one, two]."
        )
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
        word = one_of(("everywhere",), "window")(field)
        return day_everywhere(on) if word else None
    window = row_of(field, "the window", ("opens", "closes"))
    if window is None:
        return None
    moment = partial(words.moment, on=on, in_zone=zone)
    opens_at = window.need("opens", moment, "Write when the day opens: opens: “06:00”.")
    closes_at = window.need("closes", moment, "Write when the day closes: closes: “22:00”.")
    if opens_at is None or closes_at is None:
        return None
    if closes_at <= opens_at:
        window.findings.error(
            window.place_of("closes"),
            "The day closes before it opens.",
            f"If it closes after midnight, write the date: “{on + timedelta(days=1)} 02:00”.",
        )
        return None
    if closes_at - opens_at > _LONGEST_WINDOW:
        window.findings.error(window.place_of("closes"), "The window is longer than a week.", "Check the dates.")
        return None
    return opens_at, closes_at


# ---- who and where -----------------------------------------------------------------------------------------------------


def _account(id_: str, row: Row, languages: tuple[str, ...]) -> CampaignAccount | None:
    network = row.need("network", one_of(Network, "network"), "Write “network: bluesky” or “network: mastodon”.")
    own = row.each("languages", words.language) if row.has("languages") else languages
    for language in own:
        if languages and language not in languages:
            row.findings.warn(
                row.place_of("languages"),
                f"The account speaks “{language}”, which is not among the campaign's languages.",
                f"Add it to “languages” of the campaign ({', '.join(languages)}), or take it away here.",
            )
    server, appview = row.get("server", words.server), row.get("appview", words.server)
    limit = row.get("limit", words.whole_number(100, 100_000))
    if network is None:
        return None
    if network == Network.MASTODON and not row.has("server"):
        row.findings.error(row.place, "“server” is missing.", "Write its address: server: https://mastodon.social.")
    handle = row.need("handle", partial(_handle, network=Network(network)), _HANDLE_CURES[Network(network)])
    if handle is None:
        return None
    return CampaignAccount(id_, Network(network), server or _BLUESKY_SERVER, handle, own, appview, limit)


_HANDLE_CURES = {
    Network.BLUESKY: "Write a Bluesky handle such as “shareasm.iied.example”.",
    Network.MASTODON: "Write a Mastodon handle with its server, such as “shareasm@mastodon.social”.",
}


def _handle(field: Field, network: Network) -> str | None:
    word = text(field)
    if word is None:
        return None
    handle = word.removeprefix("@")
    if network is Network.BLUESKY and _BLUESKY_HANDLE.fullmatch(handle.lower()):
        return handle.lower()
    if network is Network.MASTODON and _MASTODON_HANDLE.fullmatch(handle):
        return handle
    field.fail(f"“{shorten(word)}” is not a handle on {network.title()}.", _HANDLE_CURES[network])
    return None


def _partner(id_: str, row: Row) -> Partner | None:
    name = row.need("name", text, "Write the partner's name as its people write it.")
    role = row.need("role", one_of(Role, "role"), f"Write one of: {', '.join(Role)}.")
    country, url, zone = row.get("country", words.country), row.get("url", words.url), row.get("zone", words.zone)
    accounts = row.each("accounts", _partner_handle)
    return Partner(id_, name, Role(role), country, url, zone, accounts) if name and role else None


def _partner_handle(field: Field) -> str | None:
    word = text(field)
    if word is None:
        return None
    handle = word.removeprefix("@")
    if not (_BLUESKY_HANDLE.fullmatch(handle.lower()) or _MASTODON_HANDLE.fullmatch(handle)):
        field.fail(
            f"“{shorten(word)}” is not a handle.",
            "Write it in quotes: “@iied.example”, or “@iied@mastodon.social” on Mastodon.",
        )
        return None
    return f"@{handle}"


def _sources(row: Row, accounts: dict[str, CampaignAccount | None]) -> tuple[Source, ...]:
    sources: dict[str, Source] = {}
    for one in row.rows("collect", "a source", _SOURCE_KEYS, most=50):
        source = _source(one, accounts)
        if source is not None and source.id in sources:
            one.findings.error(one.place, f"“{source.id}” is listed twice.", "Keep one of the two.")
        elif source is not None:
            sources[source.id] = source
    if not row.has("collect"):
        row.findings.warn(
            row.place,
            "“collect” is missing: nothing that people say is read.",
            "Write: collect: [{mastodon: https://mastodon.social}].",
        )
    return tuple(sources.values())


def _source(row: Row, accounts: dict[str, CampaignAccount | None]) -> Source | None:
    kinds = [kind for kind in SourceKind if row.has(kind)]
    if len(kinds) != 1:
        row.findings.error(
            row.place,
            "A source names one server: under “mastodon”, “bluesky” or “jetstream”.",
            "Write each on a line of its own: - {mastodon: https://mastodon.social}",
        )
        return None
    kind = kinds[0]
    is_stream = kind is SourceKind.JETSTREAM
    server = row.get(kind, words.stream_url if is_stream else words.server)
    account, appview = row.get("account", text), row.get("appview", words.server)
    if account is not None:
        network = Network.MASTODON if kind is SourceKind.TAG_TIMELINE else Network.BLUESKY
        of_network = [id_ for id_, one in accounts.items() if one is None or one.network is network]
        if account not in of_network:
            row.findings.error(
                row.place_of("account"),
                f"There is no account “{shorten(account)}” on {network.title()} in this campaign.",
                suggest(account, of_network),
            )
    if server is None:
        return None
    server = server.rstrip("/")
    return Source(
        id=f"{kind}:{urlsplit(server).netloc.lower()}",
        kind=kind,
        server=server,
        account=account,
        appview=appview or (_BLUESKY_APPVIEW if is_stream else None),
    )


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
            f"“{shorten(colour)}” is not a colour.", "Write # and six digits of 0–9 and a–f in quotes: “#8a4b08”."
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
        url = one.get("url", words.url)
        if title and year:
            editions.append(EarlierEdition(title, year, url))
    return tuple(editions)
