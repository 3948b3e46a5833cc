"""Does a server's cursor hold? Known of some programs by their names; every other one is asked, and doubted.

A cursor is an id: the next read asks with `min_id` for what lies right above it. That finds everything only where ids rise,
where they are compared and not looked up (a post that was a cursor may be gone tomorrow, snac's change with an edit), and
where the posts right above come first (Pixelfed gives the newest, and the middle is lost). One question tells all of that:
whether a bound that is no post's id, just below a known post, brings this very post and none of the newer ones.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

KEEPS = frozenset({"mastodon", "hometown", "gotosocial", "takahe"})
"""Mastodon by its source (`paginable.rb`), the others as seen running."""

KEEPS_NONE = frozenset({"snac", "pixelfed"})
"""snac's ids change with an edit, so that a cursor vanishes; Pixelfed's `min_id` gives the newest page and skips the middle."""

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # of ULIDs, whose letters leave some out
_BEFORE = {
    here: before
    for digits in (_DIGITS, _DIGITS.lower())
    for before, here in pairwise(digits)
}  # fmt: skip


def holds(ids: Sequence[str], ask: Callable[[str], Sequence[str]]) -> bool | None:
    """Return whether a cursor holds on a server whose newest page has `ids`; None where they are too few to tell.

    `ask` returns the ids of a page of one post with a `min_id`.
    """
    if sorted(ids, key=_place, reverse=True) != list(ids):
        return False
    for newer, known, older in zip(ids, ids[1:], [*ids[2:], ""], strict=False):
        bound = just_below(known)
        if newer != known and bound and _place(bound) > _place(older):
            return list(ask(bound)) == [known]
    return None


def just_below(id_: str) -> str | None:
    """Return what would stand right before `id_` if all ids were taken; None where nobody can say.

    >>> just_below("113000"), just_below("01JD8Z0H0A"), just_below("1795306311d0")
    ('112999', '01JD8Z0H09', '1795306311c0')
    """
    if id_.isascii() and id_.isdigit():
        return str(int(id_) - 1).zfill(len(id_)) if int(id_) else None
    for place in range(len(id_) - 1, -1, -1):
        if before := _BEFORE.get(id_[place]):
            return id_[:place] + before + id_[place + 1 :]
        if id_[place] != "0":
            return None
    return None


def _place(id_: str) -> tuple[int, str]:
    """Return where an id stands: numbers have no zeros before them, and all others the same length."""
    return len(id_), id_
