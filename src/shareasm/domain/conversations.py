"""Answers without the hashtag: what may stand beside the post that it answers or quotes, and never by itself.

Whoever answers without the tag spoke to a person, not to the campaign. Such a post is read because a question and its answer
belong together, and shown only there: below posts that are shown themselves, up to one that was made for the day.
"""

import re
from collections.abc import Collection, Mapping

from shareasm.domain.posts import PostRef

BY_REPLY, BY_QUOTE = "reply", "quote"

WITHOUT_TAG = frozenset({BY_REPLY, BY_QUOTE})
"""The rules of belonging (`campaigns.belongs`) by which a post is here only for what it answers or quotes."""


_TIME_AND_DIGEST = re.compile(r"\d{10}([0-9a-f]{32})")


def lasting(local_id: str) -> str:
    """Return of a server's own id what an edit leaves as it is: snac's begin with the time when a file was changed last.

    >>> lasting("1795306311d41d8cd98f00b204e9800998ecf8427e"), lasting("113000")
    ('d41d8cd98f00b204e9800998ecf8427e', '113000')
    """
    found = _TIME_AND_DIGEST.fullmatch(local_id)
    return found[1] if found else local_id


def standing(without_tag: Mapping[PostRef, PostRef | None], shown: Collection[PostRef]) -> frozenset[PostRef]:
    """Return which of the posts `without_tag`, each with what it answers or quotes, may stand below one that is shown.

    `shown` are the posts that the rules let through, those without the tag among them.
    """
    anchored: dict[PostRef, bool] = {}

    def is_anchored(ref: PostRef) -> bool:
        path: list[PostRef] = []
        at: PostRef | None = ref
        while at is not None and at not in anchored and at in without_tag and at in shown:
            anchored[at] = False  # until it is known better; a circle ends here
            path.append(at)
            at = without_tag[at]
        is_held = at is not None and anchored.get(at, at in shown and at not in without_tag)
        anchored.update(dict.fromkeys(path, is_held))
        return is_held

    return frozenset(ref for ref in without_tag if is_anchored(ref))
