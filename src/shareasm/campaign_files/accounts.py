"""Who and where: the accounts, partners and sources of `campaign.yaml`."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit

from shareasm.campaign_files import words
from shareasm.campaign_files.reading import Field, Row, one_of, shorten, suggest, text
from shareasm.campaign_files.unfinished import finished
from shareasm.domain.campaigns import Blocked, CampaignAccount, Partner, Role, Source, SourceKind
from shareasm.domain.forgetting import twins
from shareasm.domain.posts import Network

NETWORKS = (Network.BLUESKY, Network.MASTODON)
"""Those that an account may be on. What else a Network names is only read."""

ACCOUNT_KEYS = (
    "network", "server", "handle", "languages", "appview", "limit", "partner", "zone", "automated",
)  # fmt: skip
_SOURCE_KEYS = ("mastodon", "bluesky", "jetstream", "feed", "account", "appview", "all", "language")
PARTNER_KEYS = ("name", "role", "country", "url", "zone", "accounts")

_BLUESKY_SERVER = "https://bsky.social"
_BLUESKY_APPVIEW = "https://public.api.bsky.app"
_BLUESKY_HANDLE = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_MASTODON_HANDLE = re.compile(
    r"[A-Za-z0-9_]+([A-Za-z0-9_.-]*[A-Za-z0-9_]+)?@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:\d{1,5})?"
)
_DID = re.compile(r"did:(plc|web):[a-z0-9.:_-]+")

T = TypeVar("T")


def named_by_id(
    row: Row, key: str, what: str, known: tuple[str, ...], read: Callable[[str, Row], T | None]
) -> dict[str, T | None]:
    """Return what stands under the ids of a block; a wrong one counts as named, so that nobody is told it is unknown."""
    return {
        id_.text: read(id_.text, one) if words.identifier(Field("id", id_, row.findings)) else None
        for id_, one in row.named_rows(key, what, known, most=500)
    }


def good_ones(named: Mapping[str, T | None]) -> tuple[T, ...]:
    """Return what could be read, in the file's order."""
    return tuple(value for value in named.values() if value is not None)


def read_account(
    id_: str, row: Row, languages: tuple[str, ...], partners: Mapping[str, Partner | None]
) -> CampaignAccount | None:
    """Return one account that the campaign posts from, or None where its network or handle is wrong."""
    network = row.need("network", one_of(NETWORKS, "network"), "Write “network: bluesky” or “network: mastodon”.")
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
    partner = row.get("partner", one_of(partners, "partner in campaign.yaml called"))
    zone, is_automated = row.get("zone", words.zone), row.get("automated", words.yes_or_no)
    if network is None:
        return None
    if network == Network.MASTODON and not row.has("server"):
        row.findings.error(row.place, "“server” is missing.", "Write its address: server: https://mastodon.social.")
    handle = row.need("handle", partial(_handle, network=Network(network)), _HANDLE_CURES[Network(network)])
    if handle is None:
        return None
    return CampaignAccount(
        id=id_,
        network=Network(network),
        server=server or _BLUESKY_SERVER,
        handle=handle,
        languages=own,
        appview=appview,
        limit=limit,
        partner=partner,
        zone=zone,
        is_automated=bool(is_automated),
    )


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
    meant = _handle_of_page(word, network)
    cure = f"Write “{meant}”." if meant else _HANDLE_CURES[network]
    field.fail(f"“{shorten(word)}” is not a handle on {network.title()}.", cure)
    return None


def _handle_of_page(word: str, network: Network) -> str | None:
    """Return the handle where somebody gave the address of the account's page."""
    if network is Network.BLUESKY:
        found = re.fullmatch(r"(?:https?://)?bsky\.app/profile/([\w.-]+)/?", word)
        return found and found[1]
    found = re.fullmatch(r"(?:https?://)?([\w.-]+)/@(\w+)/?", word)
    return found and f"{found[2]}@{found[1]}"


def read_partner(id_: str, row: Row) -> Partner | None:
    """Return one partner, or None where its name or role is wrong."""
    name = row.need("name", finished, "Write the partner's name as its people write it.")
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
            'Write it in quotes: "@iied.example", or "@iied@mastodon.social" on Mastodon.',
        )
        return None
    return f"@{handle}"


def read_blocked(row: Row, own: Iterable[str]) -> Blocked:
    """Return whom the team wants to see nothing of. `own`: servers that the campaign posts from or reads."""
    named = row.each("blocked", _blocked)
    names = [word.removeprefix("@") for word in named if word.startswith(("@", "did:"))]
    hosts = frozenset(word for word in named if not word.startswith(("@", "did:")))
    for host in sorted(hosts & {urlsplit(server).hostname for server in own}):
        row.findings.warn(
            row.place_of("blocked"),
            f"This campaign posts from {host} itself or reads there: everybody there is blocked.",
            'Write single accounts instead, in quotes: "@name@server.example", or "@name.example".',
        )
    beyond = {twin for name in names if not name.startswith("did:") for twin in twins(name)}
    return Blocked(frozenset(names) | beyond, hosts)


def _blocked(field: Field) -> str | None:
    word = (text(field) or "").lower()
    name = word.removeprefix("@")
    is_account = (word.startswith("@") and _BLUESKY_HANDLE.fullmatch(name)) or _MASTODON_HANDLE.fullmatch(name)
    if is_account:
        return f"@{name}"
    if _BLUESKY_HANDLE.fullmatch(word) or _DID.fullmatch(word):
        return word
    if word:
        field.fail(
            f"“{shorten(word)}” is neither an account nor a server.",
            'Write an account as "@name@server.example" or "@name.example", a whole server as server.example.',
        )
    return None


def read_sources(row: Row, accounts: Mapping[str, CampaignAccount | None]) -> tuple[Source, ...]:
    """Return the places below `collect` that are read for the campaign's tags."""
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


def _source(row: Row, accounts: Mapping[str, CampaignAccount | None]) -> Source | None:
    kinds = [kind for kind in SourceKind if row.has(kind)]
    if len(kinds) != 1:
        row.findings.error(
            row.place,
            "A source names one address: under “mastodon”, “bluesky”, “jetstream” or “feed”.",
            "Write each on a line of its own: - {mastodon: https://mastodon.social}",
        )
        return None
    kind = kinds[0]
    if kind is SourceKind.FEED:
        return _feed(row)
    for key in ("all", "language"):
        if row.has(key):
            row.findings.error(row.place_of(key), f"“{key}” is for feeds.", "Take it out.")
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


def _feed(row: Row) -> Source | None:
    for key in ("account", "appview"):
        if row.has(key):
            row.findings.error(row.place_of(key), f"A feed is read without “{key}”.", "Take it out.")
    address = row.get(SourceKind.FEED, words.url)
    takes_all, language = row.get("all", words.yes_or_no), row.get("language", words.language)
    if address is None:
        return None
    parts = urlsplit(address)
    return Source(
        id=f"{SourceKind.FEED}:{parts.netloc.lower()}{parts.path.rstrip('/')}",
        kind=SourceKind.FEED,
        server=address,
        takes_all=bool(takes_all),
        language=language,
    )
