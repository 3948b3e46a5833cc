"""robots.txt: what a server asks programs not to ask for (RFC 9309).

Python's own `urllib.robotparser` takes the first rule that fits where the longest one counts, and knows no `*` in a path, so
the rules are read here. What is our business and what not, and why: docs/notes/how-polite-we-are.md.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

PRODUCT = "shareasm"
MOST_BYTES = 512 * 1024
"""Of a robots.txt; RFC 9309, 2.5, asks for 500 KiB at least. What stands behind is not read."""
GOOD_FOR = timedelta(days=1)

_LINE_END = re.compile(r"\r\n|\r|\n")
_NAME = re.compile(r"[A-Za-z_-]+")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ASCII = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class _Rule:
    path: str
    is_allowing: bool


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of one robots.txt that are meant for us."""

    rules: tuple[_Rule, ...] = ()

    def allows(self, url: str) -> bool:
        """Return whether `url` may be asked for: the longest rule that fits its path decides, of two equal ones the kinder."""
        parts = urlsplit(url)
        path = _normal((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        if path == "/robots.txt":
            return True
        fitting = ((len(rule.path), rule.is_allowing) for rule in self.rules if _fits(rule.path, path))
        return max(fitting, default=(0, True))[1]


OPEN = Robots()


def read_robots(data: bytes, product: str = PRODUCT) -> Robots:
    """Return what a robots.txt asks of `product`: its own groups, all of them together; where it has none, those for all."""
    ours: list[_Rule] = []
    everybody: list[_Rule] = []
    is_named = False
    targets: list[list[_Rule]] = []
    is_group_open = False  # further user-agent lines still belong to it
    for field_name, value in _fields(data[:MOST_BYTES]):
        if field_name == "user-agent":
            if not is_group_open:
                targets, is_group_open = [], True
            name = _NAME.match(value)
            if value.startswith("*"):
                targets.append(everybody)
            elif name and name[0].lower() == product.lower():
                is_named = True
                targets.append(ours)
        elif field_name in {"allow", "disallow"}:
            is_group_open = False
            if value:  # an empty Disallow forbids nothing
                for rules in targets:
                    rules.append(_Rule(_normal(value), field_name == "allow"))
    return Robots(tuple(ours if is_named else everybody))


def _fields(data: bytes) -> Iterator[tuple[str, str]]:
    for line in _LINE_END.split(data.decode("utf-8-sig", "replace")):
        name, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield name.strip().lower(), value.strip()


def _normal(path: str) -> str:
    """Return a path in one spelling: escapes of harmless letters undone, all others in capitals, what is not ASCII escaped."""

    def undo(escape: re.Match[str]) -> str:
        letter = chr(int(escape[1], 16))
        return letter if letter in _UNRESERVED else escape[0].upper()

    return _ESCAPE.sub(undo, quote(path, safe=_ASCII, errors="replace"))


def _fits(pattern: str, path: str) -> bool:
    """Return whether `path` begins as `pattern` says: `*` is anything, `$` at its end the end. In one pass, whatever it is."""
    first, *others = pattern.removesuffix("$").split("*")
    is_whole = pattern.endswith("$")
    if not path.startswith(first):
        return False
    if not others:
        return not is_whole or path == first
    at = len(first)
    for part in others[:-1]:
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    last = others[-1]
    return path.endswith(last) and len(path) - len(last) >= at if is_whole else path.find(last, at) >= 0


# ---- remembering -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    robots: Robots
    until: datetime


@dataclass(slots=True)
class Notices:
    """The robots.txt of servers, each asked for once a day. May be used by several threads: at worst one is asked for twice."""

    now: Callable[[], datetime]
    _known: dict[str, _Known] = field(default_factory=dict)

    def of(self, url: str, ask: Callable[[str], tuple[int, bytes] | None]) -> Robots | None:
        """Return what the server of `url` asks of us. `ask` takes an address; it returns status and bytes, None for silence.

        A server without one (4xx, 501, or somewhere else) has no wishes. One that has trouble keeps the wishes that it had;
        None where we never heard them.
        """
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}".lower()
        known = self._known.get(site)
        if known and self.now() < known.until:
            return known.robots
        answer = ask(f"{site}/robots.txt")
        if answer is None or answer[0] == 429 or (answer[0] >= 500 and answer[0] != 501):
            return known.robots if known else None
        robots = read_robots(answer[1]) if 200 <= answer[0] < 300 else OPEN
        self._known[site] = _Known(robots, self.now() + GOOD_FOR)
        return robots
