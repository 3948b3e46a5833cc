"""Articles: what a post looks like on a page is made once, and said in each language.

Of an article a few words are ours (“Original on Bluesky”, “3 likes”); all else is the same in every edition, and a recap has
several. So the macro `article` of post.html runs once a post, with a voice that leaves a mark in place of each word of ours;
an edition puts its own words where the marks are.
"""

import re
import secrets
import threading
import weakref
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from shareasm.domain.items import Item
from shareasm.domain.posts import Network
from shareasm.domain.recaps import Recap
from shareasm.render.speech import NAMES, Speech

KEPT_ARTICLES = 210  # more than a page has: its next edition comes right behind
KEPT_WORDS = 1_000


class Phrase(NamedTuple):
    """What each language says in its own way: a method of Speech, "place" or "under", and what that is given."""

    name: str
    values: tuple[Any, ...] = ()
    named: tuple[tuple[str, Any], ...] = ()


Text: TypeAlias = tuple[str | Phrase, ...]
"""Words that are the same in every language, and in turn with them what is still to be said."""

Macro: TypeAlias = Callable[..., str]

_NONCE = secrets.token_hex(8)  # or a stranger could write what looks like a mark
_MARK = re.compile(f"\x02{_NONCE}(\\d+)\x03")


class Unsaid(threading.local):
    """Speaks as `Speech` does, and leaves a mark for each phrase."""

    def __init__(self) -> None:
        self._phrases: list[Phrase] = []  # each with its number as its mark
        self._marks: dict[Phrase, Markup] = {}

    def __getattr__(self, name: str) -> Callable[..., Markup]:
        if callable(getattr(Speech, name, None)):
            return partial(self._leave, name)
        raise AttributeError(f"an article is said in several languages, and has no {name} of one")

    def instant(self, at: datetime, zone: ZoneInfo) -> Markup:
        """Leave a mark for an instant to the minute: many posts have the same."""
        return self._leave("instant", at.replace(second=0, microsecond=0), zone)

    def short_day(self, at: datetime, zone: ZoneInfo) -> Markup:
        """Leave a mark for a day."""
        return self._leave("short_day", at.astimezone(zone).date())

    def network(self, network: Network) -> str:
        """Return the network's name, where it is the same in every language."""
        return NAMES.get(network) or self._leave("network", network)

    def place(self, item: Item) -> Markup:
        """Leave a mark for where a post stands for ever."""
        return self._leave("place", item.page, item.anchor)

    def make(self, macro: Macro, item: Item, recap: Recap, kind: str, *, is_alone: bool, has_under: bool) -> Text:
        """Return the article of a post; `has_under`: something stands under it, which its page says."""
        if len(self._phrases) >= KEPT_WORDS:
            self._phrases, self._marks = [], {}
        under = {"caller": partial(self._leave, "under")} if has_under else {}
        return self._opened(macro(item, recap, kind, is_alone, **under))

    def _leave(self, name: str, /, *values: Any, **named: Any) -> Markup:
        phrase = Phrase(name, values, tuple(named.items()) if named else ())
        if phrase not in self._marks:
            held = tuple((key, self._held(value)) for key, value in phrase.named)
            self._phrases.append(phrase._replace(named=held))
            self._marks[phrase] = Markup(f"\x02{_NONCE}{len(self._phrases) - 1}\x03")  # noqa: S704  nothing but a mark
        return self._marks[phrase]

    def _held(self, value: Any) -> Any:
        """Return a value that a sentence is filled in with; it may have marks of its own."""
        return self._opened(value) if isinstance(value, Markup) and "\x02" in value else value

    def _opened(self, text: str) -> Text:
        parts: list[str | Phrase] = list(_MARK.split(str(text)))
        parts[1::2] = [self._phrases[int(str(number))] for number in parts[1::2]]
        return tuple(parts)


UNSAID = Unsaid()


class _Kept(threading.local):
    """The articles that were made last, of one recap."""

    def __init__(self) -> None:
        self._recap: Callable[[], Recap | None] = lambda: None
        self._texts: dict[tuple[int, str, bool, bool], tuple[Item, Text]] = {}

    def text(self, macro: Macro, item: Item, recap: Recap, kind: str, *, is_alone: bool, has_under: bool) -> Text:
        """Return the article of a post as `Unsaid.make` does."""
        if self._recap() is not recap:
            self._recap, self._texts = weakref.ref(recap), {}
        key = (id(item), kind, is_alone, has_under)  # the item is held with its article: nobody else has its id
        if key not in self._texts:
            if len(self._texts) >= KEPT_ARTICLES:
                del self._texts[next(iter(self._texts))]
            self._texts[key] = item, UNSAID.make(macro, item, recap, kind, is_alone=is_alone, has_under=has_under)
        return self._texts[key][1]


_KEPT = _Kept()


class Articles:
    """`article` for the templates of one edition; they call it as they would the macro."""

    def __init__(self, macro: Callable[[], Macro], speech: Speech, place: Callable[[str, str], str]) -> None:
        self._macro = macro
        self._speech = speech
        self._place = place  # of a post: its page and its anchor
        self._words: dict[Phrase, str] = {}

    def __call__(
        self, item: Item, recap: Recap, kind: str = "", *, is_alone: bool = False, caller: Macro | None = None
    ) -> Markup:
        """Return a post as an article of its own."""
        text = _KEPT.text(self._macro(), item, recap, kind, is_alone=is_alone, has_under=caller is not None)
        return self._told(text, caller)

    def _told(self, text: Text, caller: Macro | None = None) -> Markup:
        words = self._words
        said = (part if isinstance(part, str) else words.get(part) or self._say(part, caller) for part in text)
        return Markup("".join(said))  # noqa: S704  a macro made it, and escaped what came from elsewhere

    def _say(self, phrase: Phrase, caller: Macro | None) -> str:
        if phrase.name == "under":
            return str(escape(caller())) if caller else ""
        if phrase.name == "place":
            return str(escape(self._place(*phrase.values)))
        named = {key: self._told(value) if isinstance(value, tuple) else value for key, value in phrase.named}
        said = str(escape(getattr(self._speech, phrase.name)(*phrase.values, **named)))
        if len(self._words) >= KEPT_WORDS:
            self._words.clear()
        self._words[phrase] = said
        return said
