"""Where the statuses of one instance stand: by tag, by author, and under what they answer, boost or quote.

Each shelf is in the order of the instance, so that a page costs what it shows, however many thousands there are. Nothing
leaves a shelf: whoever reads looks at the status itself, which may be deleted, or have lost its tag by an edit.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from shareasm.rehearsal.mastodon.model import Account, Place, Status

Shelf = list[Status]


class Shelves:
    """The shelves of one instance; its lock guards them."""

    def __init__(self) -> None:
        self._shelves: defaultdict[tuple[str, str], Shelf] = defaultdict(list)  # kind, and whose
        self._counts: Counter[str] = Counter()  # account id → its living statuses
        self._latest: dict[str, datetime] = {}  # account id → when it said its latest one
        self._tails: dict[str, Status] = {}

    def wipe(self) -> None:
        """Forget everything."""
        for rows in (self._shelves, self._counts, self._latest, self._tails):
            rows.clear()

    def put(self, status: Status) -> None:
        """Put a new or changed status where it belongs."""
        author = status.account.id
        if _put(self._shelves["author", author], status):
            self._counts[author] += 1
            self._latest[author] = max(status.created_at, self._latest.get(author, status.created_at))
        for key in _other_keys(status):
            _put(self._shelves[key], status)
        self._tails.setdefault(status.id[10:], status)

    def note_deleted(self, status: Status) -> None:
        """Note that a status, marked as deleted already, counts no more."""
        author = status.account.id
        self._counts[author] -= 1
        if status.created_at == self._latest[author]:
            left = [other.created_at for other in self.of_author(status.account) if not other.is_deleted]
            self._latest[author] = max(left, default=status.created_at)

    # ---- looking -----------------------------------------------------------------------------------------------------

    def tagged(self, names: Iterable[str]) -> Shelf:
        """Return what has, or had, one of these tags."""
        found = [shelf for name in names if (shelf := self._shelves.get(("tag", name)))]
        if len(found) == 1:
            return found[0]
        return sorted({id(status): status for shelf in found for status in shelf}.values(), key=_place)

    def of_author(self, account: Account) -> Shelf:
        """Return what somebody says and boosts."""
        return self._shelves.get(("author", account.id), [])

    def answers(self, status: Status) -> Shelf:
        """Return the direct replies."""
        return self._shelves.get(("answers", status.uri), [])

    def boosts(self, status: Status) -> Shelf:
        """Return the boosts."""
        return self._shelves.get(("boosts", status.uri), [])

    def quotes(self, status: Status) -> Shelf:
        """Return the quotes."""
        return self._shelves.get(("quotes", status.uri), [])

    def count(self, account: Account) -> int:
        """Return how many living statuses an account has."""
        return self._counts[account.id]

    def latest(self, account: Account) -> datetime | None:
        """Return when an account said the latest of its living statuses."""
        return self._latest.get(account.id) if self._counts[account.id] else None

    def by_tail(self, id_: str) -> Status | None:
        """Return the status whose id ends as `id_` does: on snac the part that an edit leaves alone."""
        return self._tails.get(id_[10:]) if id_[10:] else None


def between(shelf: Shelf, above: Place | None, below: Place | None, *, is_upwards: bool) -> Iterator[Status]:
    """Yield what stands between two places, from the newest one down, or upwards from the oldest."""
    first = 0 if above is None else bisect_right(shelf, above, key=_place)
    end = len(shelf) if below is None else bisect_left(shelf, below, key=_place)
    numbers = range(first, end)
    return (shelf[number] for number in (numbers if is_upwards else reversed(numbers)))


def _put(shelf: Shelf, status: Status) -> bool:
    """Put a status in its place; return whether it is new there."""
    at = bisect_right(shelf, status.place, key=_place)
    if at and shelf[at - 1] is status:  # no two have the same place
        return False
    shelf.insert(at, status)
    return True


def _other_keys(status: Status) -> Iterator[tuple[str, str]]:
    for name in status.tags:
        yield "tag", name
    for kind, other in (("answers", status.in_reply_to), ("boosts", status.reblog_of), ("quotes", status.quote_of)):
        if other is not None:
            yield kind, other.uri


def _place(status: Status) -> Any:  # numbers or texts, on one instance always the same
    return status.place
