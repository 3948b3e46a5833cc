"""The AT Protocol's identifiers, dates and language tags: what is one and what only looks like one.

Everything that a server calls a DID, a handle or an address passes here before it becomes part of a link or a key.
Rules: atproto.com/specs (did, handle, at-uri-scheme, record-key, tid, lexicon), read November 2026; checked against the
protocol's own lists of good and bad strings.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

POST_COLLECTION = "app.bsky.feed.post"

FIRST_YEAR, LAST_YEAR = 1970, 2100
"""Dates outside are a client's mistake or a joke; they count as not given."""

_DID = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]*[A-Za-z0-9._-]", re.ASCII)
_HANDLE = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII
)
_RECORD_KEY = re.compile(r"[A-Za-z0-9_~.:-]{1,512}", re.ASCII)
_TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}", re.ASCII)
_CID = re.compile(r"[A-Za-z0-9+=]{8,256}", re.ASCII)
_DATETIME = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,20}))?(Z|[+-]\d\d:\d\d)",
    re.ASCII,
)
_LANGUAGE = re.compile(  # RFC 5646: language, script, region, variants, extensions, private use
    r"i-[a-z]{1,20}|sgn-[a-z]{2}-[a-z]{2}|[a-z]{2,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3})){0,4}"
    r"(?:-[a-wyz0-9](?:-[a-z0-9]{2,8}){1,8}){0,4}(?:-x(?:-[a-z0-9]{1,8}){1,4})?",
    re.ASCII | re.IGNORECASE,
)


class PostAddress(NamedTuple):
    """The parts of a post's `at://` address."""

    did: str
    rkey: str

    @property
    def uri(self) -> str:
        """The post's identity."""
        return f"at://{self.did}/{POST_COLLECTION}/{self.rkey}"

    @property
    def url(self) -> str:
        """The page for people. With the DID, since handles change hands."""
        return f"{profile_url(self.did)}/post/{self.rkey}"


def profile_url(did: str) -> str:
    """Return the page of an account, for people."""
    return f"https://bsky.app/profile/{did}"


def is_did(text: str) -> bool:
    """Say whether `text` is a DID: an account's identity, such as `did:plc:…`."""
    return len(text) <= 2048 and _DID.fullmatch(text) is not None


def is_handle(text: str) -> bool:
    """Say whether `text` is a handle: a domain name with at least one dot."""
    return len(text) <= 253 and _HANDLE.fullmatch(text) is not None


def is_record_key(text: str) -> bool:
    """Say whether `text` can be the last part of a record's address."""
    return _RECORD_KEY.fullmatch(text) is not None and text not in {".", ".."}


def is_tid(text: str) -> bool:
    """Say whether `text` is a TID: the key of a post, the `rev` of a commit."""
    return _TID.fullmatch(text) is not None


def is_cid(text: str) -> bool:
    """Say whether `text` looks like a content identifier. It is compared, never taken apart."""
    return _CID.fullmatch(text) is not None


def is_language(text: str) -> bool:
    """Say whether `text` is a well-formed BCP 47 language tag."""
    return _LANGUAGE.fullmatch(text) is not None


def read_post_address(uri: str) -> PostAddress | None:
    """Return the parts of a post's address; None for any other address, and for one with a handle instead of the DID."""
    did, rkey = read_record_address(uri, POST_COLLECTION) or (None, None)
    return PostAddress(did, rkey) if did and rkey else None


def read_record_address(uri: str, collection: str) -> tuple[str, str] | None:
    """Return DID and record key of an `at://` address in `collection`; None for anything else."""
    match uri.split("/"):
        case ["at:", "", did, kind, rkey] if kind == collection and is_did(did) and is_record_key(rkey):
            return did, rkey
    return None


def read_datetime(text: str) -> datetime | None:
    """Return an aware UTC instant, cut to microseconds; None for what the protocol does not allow or lies outside our
    years.
    """
    match = _DATETIME.fullmatch(text)
    if match is None or match[3] == "-00:00":
        return None
    try:
        read = datetime.fromisoformat(f"{match[1]}.{(match[2] or '0')[:6]:0<6}{match[3]}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return read if FIRST_YEAR <= read.year <= LAST_YEAR else None


def write_datetime(at: datetime) -> str:
    """Return `at` as the network's own apps write it: UTC, milliseconds, Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
