"""A Draft becomes the parameters of a new status, and the server's answer a Receipt. Pure."""

from collections.abc import Sequence

import msgspec

from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import Draft, Receipt
from shareasm.domain.richtext import safe_url
from shareasm.networks.mastodon.entities import Status, Unfit
from shareasm.networks.mastodon.translate import is_usable_id, normal_uri


def status_params(draft: Draft, media_ids: Sequence[str], in_reply_to_id: str | None) -> dict[str, object]:
    """Return the body of `POST /api/v1/statuses` for `draft`; fields that say nothing are left out."""
    params: dict[str, object] = {"status": draft.text, "language": draft.language, "visibility": draft.visibility}
    if media_ids:
        params["media_ids"] = list(media_ids)
    if draft.content_warning:
        params["spoiler_text"] = draft.content_warning
    if in_reply_to_id:
        params["in_reply_to_id"] = in_reply_to_id
    return params


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
