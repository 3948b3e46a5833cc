"""Is this status what became of our post? Decides how a lost answer is settled; pure.

A status has the words, the warning, the files, the parent, the poll and the quote that were sent. The words are compared by
their source where the server tells it, else by what people see.
"""

import re
from datetime import datetime

from shareasm.domain.richtext import to_text
from shareasm.networks.mastodon.drafts import Payload
from shareasm.networks.mastodon.entities import Status
from shareasm.networks.mastodon.translate import parse_time

KEEPS_MEDIA_IDS = frozenset({"mastodon", "hometown", "gotosocial"})
"""A file has the same id as upload and in its post, and hangs on one post only: two posts of the same words are told apart.

snac names files anew in the post (`STATUS_NUMBER`); of the other programs it is not known.
"""


def has_frame(status: Status, wanted: Payload, software: str) -> bool:
    """Return whether all but the words is as it was sent."""
    replied_to = str(status.in_reply_to_id) if status.in_reply_to_id else None
    return (
        _fold(status.spoiler_text or "") == _fold(wanted.spoiler_text or "")
        and replied_to == wanted.in_reply_to_id
        and _has_media(status, wanted.media_ids, software)
        and _options(status) == [_fold(option) for option in (wanted.poll.options if wanted.poll else ())]
        and _has_quote(status, wanted.quoted_status_id)
    )


def _has_media(status: Status, wanted: list[str], software: str) -> bool:
    ids = [str(attachment.id) for attachment in status.media_attachments or ()]
    return sorted(ids) == sorted(wanted) if software in KEEPS_MEDIA_IDS else len(ids) == len(wanted)


def _options(status: Status) -> list[str]:
    return [_fold(option.title) for option in status.poll.options] if status.poll else []


def _has_quote(status: Status, wanted: str | None) -> bool:
    """A server may make a quote of a mere address, so only a quote that was sent must be there."""
    if wanted is None:
        return True
    quoted = status.quote.quoted_status if status.quote else None
    return status.quote is not None and (quoted is None or quoted.id is None or str(quoted.id) == wanted)


def pick(matches: list[Status], since: datetime) -> Status | None:
    """Return the one of several equal posts (newest first) that was sent at `since`: the first one from then on.

    Else, since a server's clock may lag behind ours, the last one before.
    """
    later = [status for status in matches if is_since(status, since)]
    return later[-1] if later else next(iter(matches), None)


def is_since(status: Status, since: datetime) -> bool:
    """Return whether a status is of `since` or later by its server's clock, which may tell whole seconds only."""
    when = parse_time(status.created_at)
    return when is not None and when >= since.replace(microsecond=0)


_ADDRESS = re.compile(r"\S*\w\.\w\S*")
_MENTION = re.compile(r"(@\w+)@[\w.-]+")


def shows(content: str, words: str) -> bool:
    """Return whether a server's HTML is what became of `words`: the same letters, and every address of theirs in it."""
    shown = to_text(content)
    addresses = re.findall(r"https?://[^\s)]+", words)
    return _fold(shown) == _fold(words) and all(address.rstrip("/.,") in shown for address in addresses)


def _fold(text: str) -> str:
    """Return the letters and digits of `text`: servers differ in marks, in mentions' hosts and in bare addresses."""
    return "".join(char for char in _ADDRESS.sub("", _MENTION.sub(r"\1", text)).casefold() if char.isalnum())
