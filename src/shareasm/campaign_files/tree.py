"""From YAML text to a tree of words with places. No type is guessed: a time stays what a person typed.

YAML 1.2's block and flow notation, quotes and comments are read; tags, anchors, aliases and merge keys are refused, so
nothing can run, grow or stand for something else. `no`, `0123` and `10:30` are just those letters (platform facts 12).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from shareasm.campaign_files.findings import Findings, Place
from shareasm.campaign_files.secrets import has_secret, is_secret_key
from shareasm.campaign_files.source import at_end_of, read_text, report_escaped
from shareasm.campaign_files.syntax import EXAMPLE, explain_syntax

DEPTH_LIMIT = 20
"""Levels of nesting. A plan needs eight."""

NODE_LIMIT = 30_000
"""Words, lists and blocks in one file: far more than `source.FILE_LIMIT` bytes of a real plan hold."""

_EMPTY = {"", "~", "null", "Null", "NULL"}
_TOO_LARGE = re.compile(r"\\U(?!0010|000[0-9A-Fa-f])")
_SWALLOWED = re.compile(r"\s*(#\w.*)")  # a comment that begins like a tag or a colour
_SWALLOWED_IN_LIST = re.compile(r"(?:^|[\[{,])\s*(#\w.*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Scalar:
    """One word or text."""

    place: Place
    text: str
    is_plain: bool = True  # False: it stood in quotes or in a block of text
    swallowed: str = ""  # a comment right behind it that looks as if it was meant to be text: "#shareASM starts here"
    is_broken: bool = False  # a finding about it is made already

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands here, or YAML's word for nothing."""
        return self.is_plain and self.text in _EMPTY and not self.swallowed


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    place: Place
    nodes: tuple["Node", ...]
    swallowed: str = ""


@dataclass(frozen=True, slots=True)
class Fields:
    """A block of keys with values. Every key is there once."""

    place: Place
    pairs: tuple[tuple[Scalar, "Node"], ...]


Node = Scalar | Items | Fields


def read_tree(folder: Path, name: str, findings: Findings) -> Fields | None:
    """Return the keys and values of the plan file `name`, or None after saying why there are none."""
    text = read_text(folder, name, findings)
    return None if text is None else parse_tree(text, str(folder / name), findings)


def parse_tree(text: str, file: str, findings: Findings) -> Fields | None:
    """Return the keys and values of a plan file's text, or None after saying why there are none."""
    place = Place(file)
    builder = _Builder(text, place.file, findings)
    try:
        node = builder.document()
    except MarkedYAMLError as error:
        explain_syntax(error, text, place, findings)
        return None
    except (ValueError, OverflowError):  # chr() refuses what an escape such as "\\UFFFFFFFF" asks for
        before = text[: match.start()] if (match := _TOO_LARGE.search(text)) else ""
        findings.error(
            at_end_of(before, place), "This code with a backslash names no character.", "Write the character itself."
        )
        return None
    if isinstance(node, Fields):
        return node
    if not findings.has_errors_in(place.file):
        findings.error(
            node.place if node else place,
            "The file is empty." if node is None else "The file must hold keys with values, such as “name: …”.",
            f"Compare it with {EXAMPLE}, or with a new campaign: `shareasm init my-day` makes one.",
        )
    return None


class _Stop(Exception):
    """There is no sense in reading on."""


class _Builder:
    """Builds the tree from the parser's events. Recursion is bounded by DEPTH_LIMIT."""

    def __init__(self, text: str, file: str, findings: Findings):
        self._events: Iterator[Event] = iter(YAML(typ="safe", pure=True).parse(text))
        self._text = text
        self._lines = text.split("\n")
        self._file = file
        self._findings = findings
        self._count = 0

    def document(self) -> Node | None:
        node: Node | None = None
        try:
            for event in self._events:
                if isinstance(event, DocumentStartEvent) and node is not None:
                    self._refuse(
                        event,
                        "A second document begins here (“---”).",
                        "One file holds one document: take the line “---” out.",
                    )
                elif isinstance(event, NodeEvent) and node is None:
                    node = self._node(event, depth=1)
        except _Stop:
            return None
        return node

    def _node(self, event: Event, depth: int) -> Node:
        self._count += 1
        place = self._place(event)
        if depth > DEPTH_LIMIT:
            self._refuse(
                event,
                f"The file is nested more than {DEPTH_LIMIT} deep here.",
                "Look for a bracket that is opened and never closed.",
            )
        if self._count > NODE_LIMIT:
            self._refuse(
                event,
                f"The file holds more than {NODE_LIMIT:,} values.",
                "A plan is far smaller: is this the right file, or was something pasted into it?",
            )
        if isinstance(event, AliasEvent):
            self._findings.error(
                place,
                f"“*{event.anchor}” is an alias in YAML, and aliases are not read here.",
                "If it is text, put it in quotes; if it is meant to repeat something, write it out or use “defaults”.",
            )
            return Scalar(place, f"*{event.anchor}", is_broken=True)
        is_broken = self._has_anchor_or_tag(event, place)
        if isinstance(event, SequenceStartEvent):
            return self._items(event, place, depth)
        if isinstance(event, MappingStartEvent):
            return self._fields(place, depth)
        assert isinstance(event, ScalarEvent)
        return self._scalar(event, place, is_broken=is_broken)

    def _has_anchor_or_tag(self, event: Event, place: Place) -> bool:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor:
            self._findings.error(
                place,
                f"“&{anchor}” is an anchor in YAML, and anchors are not read here.",
                "If it is text, put it in quotes; otherwise take it away and use “defaults”.",
            )
        if tag:
            self._findings.error(
                place,
                f"“{_short_tag(str(tag))}” is a tag in YAML, and tags are not read here: a plan cannot run anything.",
                "If it is text, put the whole text in quotes; otherwise take it away.",
            )
        return bool(anchor or tag)

    def _items(self, event: SequenceStartEvent, place: Place, depth: int) -> Items:
        nodes = []
        while not isinstance(inner := next(self._events), CollectionEndEvent):
            nodes.append(self._node(inner, depth + 1))
        swallowed = ""
        if event.flow_style and event.start_mark.line != inner.end_mark.line:
            between = self._lines[event.start_mark.line : inner.end_mark.line + 1]
            match = _SWALLOWED_IN_LIST.search("\n".join(between)[event.start_mark.column :])
            swallowed = match[1] if match else ""
        return Items(place, tuple(nodes), swallowed)

    def _fields(self, place: Place, depth: int) -> Fields:
        pairs: list[tuple[Scalar, Node]] = []
        seen: dict[str, Scalar] = {}
        while not isinstance(event := next(self._events), CollectionEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Scalar):
                self._findings.error(
                    key.place,
                    "A key must be one word, but here begins a list or a block.",
                    "Put text with { or [ in quotes.",
                )
            elif key.text == "<<" and key.is_plain:
                self._findings.error(
                    key.place,
                    "“<<” would merge another block into this one; that is not read here.",
                    "Write the keys out.",
                )
            elif (first := seen.get(key.text)) is not None:
                self._findings.error(
                    key.place,
                    f"The key “{key.text}” stands here a second time; the first is on line {first.place.line}.",
                    "Keep one of the two; if a new item of a list begins here, write “- ” before its first key.",
                )
            else:
                seen[key.text] = key
                pairs.append((key, self._beside(key, value)))
        return Fields(place, tuple(pairs))

    def _beside(self, key: Scalar, value: Node) -> Node:
        """Return `value` as it is under this key: an empty one stands at its key, one under `password` is never kept."""
        if is_secret_key(key.text) and not (isinstance(value, Scalar) and value.is_broken):
            self._report_secret(key.place, f"The key “{key.text}” looks like a place for a secret.")
            return Scalar(key.place, "", is_broken=True)
        if isinstance(value, Scalar) and value.is_plain and not value.text:
            behind = self._lines[key.place.line - 1][key.place.column - 1 + len(key.text) :]
            match = _SWALLOWED.match(behind.lstrip("\"': "))
            return Scalar(key.place, "", swallowed=match[1] if match else "", is_broken=value.is_broken)
        return value

    def _scalar(self, event: ScalarEvent, place: Place, *, is_broken: bool) -> Scalar:
        text, is_plain = str(event.value), event.style is None
        if has_secret(text):
            self._report_secret(place, "This looks like a password or an access token.")
            return Scalar(place, "", is_broken=True)
        if event.style == '"' and "\\" in (source := self._source(event)):
            report_escaped("".join(letter for letter in text if letter not in source), place, self._findings)
        swallowed = ""
        if is_plain and text:
            behind = self._lines[event.end_mark.line][event.end_mark.column :]
            match = _SWALLOWED.match(behind)
            swallowed = match[1] if match else ""
        return Scalar(place, text, is_plain, swallowed, is_broken)

    def _source(self, event: Event) -> str:
        return "\n".join(self._lines[event.start_mark.line : event.end_mark.line + 1])

    def _report_secret(self, place: Place, message: str) -> None:
        self._findings.error(
            place,
            message,
            "Secrets never stand in a plan: take it out, and make a new one, since this one has been seen. `shareasm connect` "
            "keeps it, or the environment as SHAREASM_TOKEN_<ACCOUNT>.",
        )

    def _refuse(self, event: Event, message: str, cure: str) -> None:
        self._findings.error(self._place(event), message, cure)
        raise _Stop

    def _place(self, event: Event) -> Place:
        return Place(self._file, event.start_mark.line + 1, event.start_mark.column + 1)


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
