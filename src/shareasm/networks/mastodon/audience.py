"""Whom a post is addressed to, where the API does not say it.

snac calls public whatever everybody may open, unlisted posts too (snac 2.75 as seen running; `mastoapi.c`). The post itself
says it, to whoever asks its server: a public one names the public in `to`, an unlisted one in `cc` (as Mastodon reads them,
`activitypub/parser/status_parser.rb`). Posts of other servers are not asked for from here: no timeline of a hashtag of snac's
was seen to have any, and their own server, or any other that is watched, tells it better.
"""

import re
from dataclasses import replace
from urllib.parse import urlsplit

import msgspec

from shareasm.domain.changes import Seen, Skipped
from shareasm.domain.posts import Visibility
from shareasm.errors import Rejected, Unauthorized
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.translate import Decoded

UNTOLD = "this server does not say whether it is public or unlisted"

_SNACS = re.compile(r"\d{10}[0-9a-f]{32}")
"""An id of snac's: the time of a file and the MD5 of the post's identity. It changes with an edit."""

_ACTIVITY = "application/activity+json"
_PUBLIC = frozenset({"https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"})


class _Addressed(msgspec.Struct):
    """A post as its server tells it to other servers. One name may stand for a list of one."""

    to: list[str] | str = []
    cc: list[str] | str = []


def with_audience(api: Api, decoded: Decoded) -> Decoded:
    """Return a page with what its posts' own server says of who they are for; those of which nobody says it are set aside."""
    if not any(_is_doubtful(seen) for seen in decoded.posts):
        return decoded
    posts, skipped = [], list(decoded.skipped)
    for seen in decoded.posts:
        visibility = _visibility(api, seen) if _is_doubtful(seen) else seen.post.visibility
        if visibility is None:
            skipped.append(Skipped(UNTOLD, b"", secret=seen.post.ref.uri))
        else:
            posts.append(
                seen
                if visibility is seen.post.visibility
                else replace(seen, post=replace(seen.post, visibility=visibility))
            )
    return Decoded(posts, skipped, decoded.ids)


def _is_doubtful(seen: Seen) -> bool:
    return seen.post.visibility is Visibility.PUBLIC and _SNACS.fullmatch(seen.local_id) is not None


def _visibility(api: Api, seen: Seen) -> Visibility | None:
    """Return what the post's own server says; None where it cannot be asked here, or does not say it. Asked once an id."""
    if seen.local_id not in api.audiences:
        there, here = urlsplit(seen.post.ref.uri), urlsplit(api.server)
        if there.netloc != here.netloc.lower():
            return None
        try:
            api.audiences[seen.local_id] = _read(api.get(there.path, accept=_ACTIVITY, ref=seen.post.ref.uri))
        except (Rejected, Unauthorized, ValueError):
            return None
    return api.audiences[seen.local_id]


def _read(body: bytes) -> Visibility:
    addressed = msgspec.json.decode(body, type=_Addressed)
    if _PUBLIC.intersection(_names(addressed.to)):
        return Visibility.PUBLIC
    return Visibility.UNLISTED if _PUBLIC.intersection(_names(addressed.cc)) else Visibility.PRIVATE


def _names(said: list[str] | str) -> list[str]:
    return [said] if isinstance(said, str) else said
