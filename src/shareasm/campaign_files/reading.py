"""Typed fields out of the tree: every reader returns a value, or None after a finding that says what to write instead.

A `Row` is one block of keys. It knows which keys it may have, so an unknown one is named with the nearest known one. A
parser is a function of a `Field`; the modules `words`, `campaign`, `schedule` and `story` are made of them.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

from shareasm.campaign_files.findings import Findings, Place
from shareasm.campaign_files.secrets import is_secret_key
from shareasm.campaign_files.tree import Fields, Items, Node, Scalar

T = TypeVar("T")

_CURLY = re.compile("[“”„][^“”„]*[“”]", re.DOTALL)  # what word processors make of quotes


@dataclass(frozen=True, slots=True)
class Field:
    """One value under one key."""

    name: str
    node: Node
    findings: Findings

    @property
    def place(self) -> Place:
        """Where the value stands."""
        return self.node.place

    def fail(self, message: str, cure: str) -> None:
        """Note an error at this value."""
        self.findings.error(self.place, message, cure)

    def warn(self, message: str, cure: str) -> None:
        """Note a warning at this value."""
        self.findings.warn(self.place, message, cure)


Parser = Callable[[Field], T | None]


def text(field: Field) -> str | None:
    """Return the words of a value, without blanks around them."""
    node = field.node
    if is_swallowed(field):
        return None
    if not isinstance(node, Scalar):
        kind = "a list" if isinstance(node, Items) else "a block of keys"
        field.fail(
            f"“{field.name}” must be text, but {kind} stands here.",
            'If it is one text with special characters in it, put it in double quotes: "…".',
        )
        return None
    if node.is_broken:
        return None
    words = node.text.strip()
    if node.is_plain and _CURLY.fullmatch(words):
        field.fail(
            f"{shorten(words)} stands in curly quotes, which are letters of the text here.",
            f'Write straight ones: "{shorten(words[1:-1])}".',
        )
        return None
    if not words or node.is_empty:
        field.fail(f"“{field.name}” is empty.", "Write its text behind the colon, or take the key away.")
        return None
    return words


def is_swallowed(field: Field) -> bool:
    """Say so where YAML takes for a comment what looks like text: `text: Good morning #shareASM` would lose its tag."""
    swallowed = "" if isinstance(field.node, Fields) else field.node.swallowed
    if swallowed:
        shown = swallowed if len(swallowed) <= 40 else swallowed[:40] + "…"
        cure = "Put the whole value in double quotes. If it really is a comment, put a space behind the #."
        if isinstance(field.node, Items) or field.name == "hashtags":
            cure = "Put the value in double quotes, or for a hashtag leave the # away."
        field.fail(f"“{shown}” is not read: # begins a comment in YAML.", cure)
    return bool(swallowed)


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the known word that `word` is most like, if any is: 1.0 asks for the same word, 0.0 takes anything."""
    folded = {choice.casefold(): choice for choice in known}
    close = get_close_matches(word.casefold(), folded, n=1, cutoff=likeness)
    return folded[close[0]] if close else None


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a cure for an unknown word: the nearest known one, else all of them."""
    choices = list(known)
    near = nearest(word, choices)
    if near is not None:
        return f"Did you mean “{near}”?"
    if not choices:
        return "None is named yet: add it there first, or take this out."
    listed = ", ".join(choices[:30]) + (", …" if len(choices) > 30 else "")
    return f"Known are: {listed}."


def one_of(known: Iterable[str], what: str) -> Parser[str]:
    """Return a parser that takes only the `known` words; `what` names what such a word is, with its article."""
    choices = list(known)

    def parse(field: Field) -> str | None:
        word = text(field)
        if word is not None and word not in choices:
            several = re.split(r"[\s,;]+", word)
            is_list = len(several) > 1 and set(several) <= set(choices)
            cure = f"Write several as a list: [{', '.join(several)}]." if is_list else suggest(word, choices)
            field.fail(f"There is no {what} “{shorten(word)}”.", cure)
            return None
        return word

    return parse


def shorten(words: str, most: int = 60) -> str:
    """Return `words` on one line, cut for a message."""
    line = " ".join(words.split())
    return line if len(line) <= most else line[: most - 1] + "…"


class Row:
    """One block of keys, such as a slot. Unknown keys are reported as soon as it is made."""

    def __init__(self, fields: Fields, what: str, known: Iterable[str], findings: Findings):
        self.fields = fields
        self.what = what
        self.findings = findings
        self._nodes = {key.text: node for key, node in fields.pairs}
        known = list(known)
        for key, _ in fields.pairs:
            if key.text not in known and not is_secret_key(key.text):  # that one is told already
                findings.error(
                    key.place, f"The key “{shorten(key.text)}” is not known in {what}.", suggest(key.text, known)
                )

    @property
    def place(self) -> Place:
        """Where the block begins."""
        return self.fields.place

    def place_of(self, *keys: str) -> Place:
        """Return where the value of the first of `keys` that is there stands, else where the block begins."""
        return next((self._nodes[key].place for key in keys if key in self._nodes), self.place)

    def has(self, key: str) -> bool:
        """Return whether the key is there with a value, right or wrong."""
        node = self._nodes.get(key)
        return node is not None and not (isinstance(node, Scalar) and node.is_empty)

    def field(self, key: str) -> Field:
        """Return the value under a key that is there."""
        return Field(key, self._nodes[key], self.findings)

    def get(self, key: str, parse: Parser[T]) -> T | None:
        """Return the value of an optional key; None when it is not there, or wrong and reported."""
        if key not in self._nodes:
            return None
        return parse(self.field(key))

    def need(self, key: str, parse: Parser[T], cure: str) -> T | None:
        """Return the value of a key that must be there; `cure` shows how it is written."""
        if key not in self._nodes:
            self.findings.error(self.place, f"“{key}” is missing in {self.what}.", cure)
            return None
        if isinstance(node := self._nodes[key], Scalar) and node.is_empty and not node.is_broken:
            self.findings.error(node.place, f"“{key}” is empty.", cure)
            return None
        return parse(self.field(key))

    def each(self, key: str, parse: Parser[T]) -> tuple[T, ...]:
        """Return the good values of an optional list; a single value counts as a list of one."""
        if not self.has(key):
            return ()
        values: dict[T, None] = {}
        for field in items_of(self.field(key)):
            value = parse(field)
            if value in values:
                field.fail(f"“{value}” stands twice in “{key}”.", "Keep one of the two.")
            elif value is not None:
                values[value] = None
        return tuple(values)

    def need_each(self, key: str, parse: Parser[T], cure: str) -> tuple[T, ...]:
        """Return the good values of a list that must be there and hold something."""
        if not self.has(key) or (isinstance(node := self._nodes[key], Items) and not node.nodes and not node.swallowed):
            self.findings.error(self.place_of(key), f"“{key}” is missing in {self.what}, or empty.", cure)
            return ()
        return self.each(key, parse)

    def rows(self, key: str, what: str, known: Iterable[str], most: int) -> Iterator["Row"]:
        """Yield the blocks of an optional list of blocks, `most` of them at most."""
        if not self.has(key):
            return
        field = self.field(key)
        if not isinstance(field.node, Items):
            if not _is_broken(field.node):
                field.fail(
                    f"“{key}” must be a list.",
                    "Begin each item on a line of its own with “- ”, indented below the key.",
                )
            return
        is_swallowed(field)
        if len(field.node.nodes) > most:
            field.fail(f"“{key}” has {len(field.node.nodes)} items; {most} is the most.", "Split it up.")
        for node in field.node.nodes[:most]:
            if (row := row_of(Field(key, node, self.findings), what, known)) is not None:
                yield row

    def named_rows(self, key: str, what: str, known: Iterable[str], most: int) -> Iterator[tuple[Scalar, "Row"]]:
        """Yield (key, block) of an optional block of blocks, such as `accounts`."""
        if not self.has(key):
            return
        field = self.field(key)
        if not isinstance(field.node, Fields):
            if not _is_broken(field.node):
                field.fail(
                    f"“{key}” must be a block of {what}s, each under its own id.", "Write “id: {…}” on lines below it."
                )
            return
        if len(field.node.pairs) > most:
            field.fail(f"“{key}” has {len(field.node.pairs)} entries; {most} is the most.", "Split it up.")
        for name, node in field.node.pairs[:most]:
            if (row := row_of(Field(name.text, node, self.findings), f"{what} “{name.text}”", known)) is not None:
                yield name, row


def items_of(field: Field) -> list[Field]:
    """Return the items of a list, or the value itself as the only one."""
    if isinstance(field.node, Items):
        is_swallowed(field)
        return [Field(field.name, node, field.findings) for node in field.node.nodes]
    return [field]


def row_of(field: Field, what: str, known: Iterable[str]) -> Row | None:
    """Return a value as a block of keys, or None after saying that it is none."""
    if isinstance(field.node, Fields):
        return Row(field.node, what, known, field.findings)
    if not _is_broken(field.node):
        field.fail(
            f"Here must stand {what} with its keys ({', '.join(known)}).", "Write “key: value” on lines of their own."
        )
    return None


def _is_broken(node: Node) -> bool:
    return isinstance(node, Scalar) and node.is_broken
