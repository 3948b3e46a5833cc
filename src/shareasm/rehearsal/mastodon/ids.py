"""Local ids, as each server program makes them, and the order that they say.

Ids mean something on one server only; that is why nobody may compare them across servers, or as numbers everywhere.
"""

import hashlib
import random
import re
from datetime import UTC, datetime, timedelta
from typing import Protocol

from shareasm.rehearsal.mastodon.model import ApiError, Place

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TAKAHE_EPOCH = datetime(2022, 12, 1, tzinfo=UTC)  # makes the 18-digit numbers that were seen


class Ids(Protocol):
    """Makes the ids of one instance. `is_shuffled`: statuses of one instant get an order of chance."""

    def make(self, at: datetime, uri: str, *, is_shuffled: bool = False) -> str:
        """Return a new id for what carries `uri` and came at `at`."""
        ...

    def place(self, id_: str) -> Place:
        """Return where `id_` stands, also when nothing has it (any more)."""
        ...


class Snowflakes:
    """Mastodon: `(unix_ms << 16) | sequence`. Source: Mastodon 4.6 `lib/mastodon/snowflake.rb`."""

    def __init__(self, seed: int, epoch: datetime = _UNIX_EPOCH, bits: int = 16) -> None:
        self._epoch = epoch
        self._bits = bits
        self._random = random.Random(seed)  # noqa: S311  a rehearsal should repeat
        self._sequence = self._random.getrandbits(bits)
        self._given: set[int] = set()

    def make(self, at: datetime, uri: str, *, is_shuffled: bool = False) -> str:  # noqa: ARG002  others need the uri
        """Return a new id."""
        self._sequence += 1
        tail = self._random.getrandbits(self._bits) if is_shuffled else self._sequence % (1 << self._bits)
        made = (_milliseconds(at, self._epoch) << self._bits) | tail
        while made in self._given:
            made += 1
        self._given.add(made)
        return str(made)

    def place(self, id_: str) -> Place:
        """Return the number that `id_` begins with, 0 without one, as Rails reads it."""
        digits = re.match(r"\d+", id_)
        return int(digits.group()) if digits else 0


class TakaheNumbers(Snowflakes):
    """Takahē 0.11.0: 18-digit numbers; what is no number is a server error."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, _TAKAHE_EPOCH, bits=21)

    def place(self, id_: str) -> Place:
        """Return where `id_` stands."""
        if not id_.isdecimal():
            raise ApiError(500, text="Server Error (500)")
        return int(id_)


class Ulids:
    """GoToSocial: ULIDs, 26 characters that sort as text; within a millisecond by chance."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  a rehearsal should repeat

    def make(self, at: datetime, uri: str, *, is_shuffled: bool = False) -> str:  # noqa: ARG002  always shuffled
        """Return a new id."""
        number = (_milliseconds(at, _UNIX_EPOCH) << 80) | self._random.getrandbits(80)
        return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))

    def place(self, id_: str) -> Place:
        """Return where `id_` stands."""
        return id_


class SnacIds:
    """snac 2.75: ten digits of the file's time and the md5 of the uri. They do not sort, and an edit changes them."""

    def make(self, at: datetime, uri: str, *, is_shuffled: bool = False) -> str:  # noqa: ARG002  nothing to shuffle
        """Return a new id."""
        return f"{int(at.timestamp()):010d}{hashlib.md5(uri.encode()).hexdigest()}"  # noqa: S324  snac's choice

    def place(self, id_: str) -> Place:
        """Return where `id_` stands."""
        return id_[10:]  # the part that an edit leaves alone


def _milliseconds(at: datetime, epoch: datetime) -> int:
    return (at - epoch) // timedelta(milliseconds=1)
