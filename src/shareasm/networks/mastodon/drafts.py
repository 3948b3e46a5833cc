"""A Draft becomes the parameters of a new status, and the server's answer a Receipt. Pure."""

import msgspec

from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import Draft, DraftPoll, Receipt
from shareasm.domain.richtext import safe_url
from shareasm.networks.mastodon.entities import Status, Unfit
from shareasm.networks.mastodon.translate import is_usable_id, normal_uri
from shareasm.networks.ports import Limits, Ties

# ---- what is frozen ----------------------------------------------------------------------------------------------------


class Prepared(msgspec.Struct, frozen=True):
    """What `prepare` hands to `freeze`: uploads, and the limits where they decide about the content."""

    media_ids: list[str]
    limits: Limits | None = None


class Poll(msgspec.Struct, frozen=True):
    """A poll as it is sent."""

    options: list[str]
    expires_in: int  # seconds
    multiple: bool = False


class Payload(msgspec.Struct, frozen=True, omit_defaults=True):
    """The parameters of `POST /api/v1/statuses`, under their own names; what says nothing is left out."""

    status: str
    language: str | None = None
    visibility: str | None = None
    spoiler_text: str | None = None
    sensitive: bool = False
    media_ids: list[str] = []
    in_reply_to_id: str | None = None
    quoted_status_id: str | None = None
    quote_approval_policy: str | None = None
    poll: Poll | None = None


def make_payload(draft: Draft, prepared: Prepared, ties: Ties) -> Payload:
    """Return what is sent for `draft`. Raises ValueError where it cannot be said on this server.

    Where the server knows no quotes, the quoted post's address follows the words; where it knows no polls, the words go
    alone. Labels, and a warning, hide the pictures behind a click (`sensitive`).
    """
    status, quoted_status_id = draft.text, None
    limits = prepared.limits
    if ties.quoted and limits and limits.can_quote:
        quoted_status_id = ties.quoted.local_id
    elif ties.quoted:
        status = f"{draft.text.rstrip()}\n\n{ties.quoted.url}"
    if limits and (length := limits.count(status, draft.content_warning)) > limits.text_length:
        raise ValueError(f"it has {length} characters, with all that belongs to it, and {limits.text_length} fit")
    return Payload(
        status=status,
        language=draft.language,
        visibility=draft.visibility,
        spoiler_text=draft.content_warning or None,
        sensitive=bool(draft.content_warning or draft.labels),
        media_ids=prepared.media_ids,
        in_reply_to_id=ties.thread.parent.local_id if ties.thread else None,
        quoted_status_id=quoted_status_id,
        quote_approval_policy=None if draft.may_be_quoted else "nobody",
        poll=_poll(draft.poll) if draft.poll and limits and limits.has_polls else None,
    )


def _poll(poll: DraftPoll) -> Poll:
    return Poll(list(poll.options), int(poll.open_for.total_seconds()), poll.is_multiple)


def read_payload(text: str) -> Payload:
    """Return what was frozen."""
    return msgspec.json.decode(text, type=Payload)


# ---- what came of it ---------------------------------------------------------------------------------------------------


class Sent(msgspec.Struct):
    """What a server answers to a post of ours, as far as a receipt needs it."""

    id: str | int
    uri: str
    url: str | None = None
    visibility: str | None = None


def receipt_from(body: bytes) -> Receipt:
    """Return where our post is now. Raises ValueError where `body` is not a status."""
    return receipt_of(msgspec.json.decode(body, type=Sent))


def receipt_of(status: Sent | Status) -> Receipt:
    """Return where a status of ours is. Raises ValueError where its uri or its id is none."""
    if not is_usable_id(status.id):
        raise ValueError("it has no usable id")
    try:
        uri = normal_uri(status.uri, status.url)
    except Unfit as unfit:
        raise ValueError(str(unfit)) from unfit
    ref = PostRef(Network.MASTODON, uri)
    return Receipt(ref, safe_url(status.url) or safe_url(uri) or "", str(status.id), visibility=status.visibility)
