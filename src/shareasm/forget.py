"""Forgetting: an account or a post is taken out of store, raw copies, pictures and published pages, and does not come back.

What is kept is a digest that recognises it, nothing that says who it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Engine

from shareasm.domain.forgetting import Kind, kind_by_words, names_by_words, names_with_twins
from shareasm.domain.items import picture_addresses
from shareasm.domain.joins import is_the_bridges, own_names
from shareasm.domain.posts import Post
from shareasm.errors import ConfigError
from shareasm.pictures import remove
from shareasm.storage import forgetting
from shareasm.storage import pictures as pictures_table
from shareasm.storage.engine import alone_with, reading, transaction
from shareasm.storage.forgetting import Found
from shareasm.storage.tables import forgotten


@dataclass(frozen=True, slots=True)
class Target:
    """What a request names, before anything is done."""

    words: str
    kind: Kind
    found: tuple[Found, ...]

    @property
    def copy_count(self) -> int:
        """How many of them a bridge made."""
        return sum(item.post.bridged_from is not None for item in self.found)


@dataclass(frozen=True, slots=True)
class Done:
    """What was done about it."""

    kind: Kind
    post_count: int
    raw_count: int
    picture_count: int
    campaigns: tuple[str, ...]


def find(engine: Engine, words: str) -> Target:
    """Return what `words` (an address or a handle) name. Raises ConfigError where they name nothing that can be told."""
    with reading(engine) as connection:
        found = forgetting.find(connection, words)
    kinds = {item.kind for item in found}
    kind = Kind.ACCOUNT if Kind.ACCOUNT in kinds else Kind.POST if kinds else kind_by_words(words)
    if kind is None:
        raise ConfigError(
            f"nothing that is stored has the address {words}, and it does not say whether it is a post or an account: "
            "give the account's handle (@name@server or @name.example), or the address under the post's time"
        )
    return Target(words, kind, tuple(found))


def forget(engine: Engine, target: Target, pictures: Path, now: Callable[[], datetime]) -> Done:
    """Take `target` out of the store and its pictures out of `pictures`. Published pages are the caller's to write again."""
    found = _shut_out(engine, target, now())
    names = _names(target, found)
    with reading(engine) as connection:
        quoted_by = forgetting.quoting(connection, names, found)
    addresses = {address for item in found for address in picture_addresses(item.post)}
    addresses |= {post.card.image_url for post in quoted_by.values() if post.card and post.card.image_url}
    with transaction(engine) as connection:
        removed = forgetting.remove(connection, found, quoted_by.keys())
        unread_count = forgetting.remove_skips_that_name(connection, names)
        # Before the store forgets their names: whoever is stopped here begins again.
        count = remove(pictures_table.take(connection, addresses), pictures)
    return Done(target.kind, removed.post_count, removed.raw_count + unread_count, count, removed.campaigns)


def _shut_out(engine: Engine, target: Target, now: datetime) -> list[Found]:
    """Let nothing of `target` come in any more; return what had come by then, also after it was looked for first.

    A page that is being stored in this moment is waited for: it did not know yet, and is found afterwards.
    """
    found = list(target.found)
    while True:
        with transaction(engine) as connection:
            alone_with(connection, forgotten)
            forgetting.remember(connection, _names(target, found), target.kind, now)
        with reading(engine) as connection:
            there = forgetting.find(connection, target.words)
        if {item.id for item in there} <= {item.id for item in found}:
            return found
        found = there


def _names(target: Target, found: Sequence[Found]) -> set[str]:
    """Return every name by which what is forgotten would come again."""
    names: set[str] = set()
    for item in found:
        names.update(names_with_twins(item.post) if item.kind is Kind.ACCOUNT else _names_of_post(item.post))
    return names or set(names_by_words(target.words))


def _names_of_post(post: Post) -> tuple[str, ...]:
    original = (post.bridged_from,) if post.bridged_from and is_the_bridges(post) else ()
    return (*own_names(post), *original)
