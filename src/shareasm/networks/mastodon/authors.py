"""An account of a Mastodon-API server becomes an Account: whose post it is, and what that person asks for. Pure."""

import re
from functools import lru_cache
from html import unescape
from urllib.parse import urlsplit

from shareasm.domain.posts import Account, Network
from shareasm.domain.richtext import clean_line, fold_hashtag, is_blank, safe_url
from shareasm.networks.mastodon.entities import Author, Unfit, decode_author

NAME_LIMIT = 300
NOTE_LIMIT = 5_000  # characters of a bio that are looked through

_ACCT = re.compile(r"([^\s@\x00-\x1f\x7f-\x9f]+)(?:@([^\s@/\x00-\x1f\x7f-\x9f]+))?")


def user_at_host(account: Author, server: str, domain: str | None = None) -> str:
    """Return user@host. A local account's `acct` has no host: it is `domain`, by which the server says that its people go.

    Where it says none, it is the host of the account's own address, else of the server asked.
    """
    match = _ACCT.fullmatch(account.acct)
    if (
        match is None or clean_line(account.acct, NAME_LIMIT) != account.acct
    ):  # too long, or with marks that turn text round
        raise Unfit("its author's handle is none")  # reasons quote nothing: the item may not be public
    host = match[2] or domain or urlsplit(safe_url(account.uri) or safe_url(account.url) or server).netloc
    return f"{match[1]}@{host.lower()}"


def author_of(account: bytes, server: str, domain: str | None) -> Account:
    """Return the author of a post. Raises Unfit where there is no handle to show. `server` is the base URL that was asked."""
    return (_known if len(account) <= _REMEMBERED else _account)(account, server, domain)


_REMEMBERED = 8_000  # bytes of JSON


def _account(raw: bytes, server: str, domain: str | None) -> Account:
    account = decode_author(raw)
    handle = user_at_host(account, server, domain)
    url = safe_url(account.url) or ""
    name = clean_line(account.display_name or "", NAME_LIMIT)
    return Account(
        network=Network.MASTODON,
        ref=safe_url(account.uri) or url or f"acct:{handle}",
        handle=handle,
        name="" if is_blank(name) else name,
        url=url,
        avatar_url=safe_url(account.avatar),
        is_bot=bool(account.bot),
        is_locked=bool(account.locked),
        is_noindex=bool(account.noindex),
        is_indexable=account.indexable,
        is_discoverable=account.discoverable,
        is_suspended=bool(account.suspended or account.limited),
        bio_tags=_bio_tags(account),
    )


_known = lru_cache(maxsize=1024)(_account)  # a timeline shows the same people all day


def _bio_tags(account: Author) -> frozenset[str]:
    """Return the hashtags of bio, profile fields and display name: where people say #nobot (platform facts 1.10)."""
    texts = [account.note or "", account.display_name or ""]
    for row in account.fields or ():
        texts += [row.get("name") or "", row.get("value") or ""]
    return frozenset().union(*(_tags_anywhere(text[:NOTE_LIMIT]) for text in texts if "#" in text or "＃" in text))


@lru_cache(maxsize=2048)
def _tags_anywhere(html: str) -> frozenset[str]:
    """Return every #word of `html`, also where no network would link it: a wish is read generously."""
    text = unescape(re.sub(r"<[^>]*>", "", re.sub(r"<(?:br|/?p)\b[^>]*>", " ", html)))
    return frozenset(fold_hashtag(tag) for tag in re.findall(r"[#＃](\w+)", text))
