"""A server's answer as posts. What is needed beside it, the host in its handles and sometimes whom a post is for, the server
is asked for itself.
"""

import re

import msgspec

from shareasm.errors import Unreachable
from shareasm.networks.mastodon.audience import with_audience
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.translate import Decoded, decode_page

_LOCAL_ACCOUNT = re.compile(rb'"acct":\s*"[^"@]+"')


def decode_answer(api: Api, body: bytes) -> Decoded:
    """Return the posts of a JSON list. Raises Unreachable where it is none."""
    try:
        return decode_list(api, body)
    except ValueError as error:
        raise Unreachable(_what_it_is(body), server=api.server) from error


def decode_list(api: Api, body: bytes) -> Decoded:
    """Return the posts of a JSON list. Raises ValueError where it is none."""
    domain = api.domain() if _LOCAL_ACCOUNT.search(body) else None
    return with_audience(api, decode_page(body, api.server, domain))


def _what_it_is(body: bytes) -> str:
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return "its answer is not readable as JSON"
    said = found.get("error") if isinstance(found, dict) else None
    return f"its answer is no list of posts{f': {said[:200]}' if isinstance(said, str) else ''}"
