"""Additions to a YAML file that leave every other letter of it as it is: comments, order, blank lines, ways of quoting.

The file is parsed for the places of its parts alone; what is added is put between them as text. A story has few shapes, but
people write them in many ways: block and flow, quoted and not. What does not fit a way that is known here is refused by
whoever compares the result (`merging`), so that nothing is ever half right.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from shareasm.domain.stories import Rule
from shareasm.story.drafting import DraftChapter, Line

_COMMENTS = re.compile(r"(?:\n[ \t]*)*\n([ \t]*)#[^\n]*")
_BARE = re.compile(r"(?!null$)[a-z][a-z0-9-]*")


@dataclass(slots=True)
class Splice:
    """A YAML text with places for additions. Additions are made at the end, so places stay what they are."""

    text: str
    root: MappingNode = field(init=False)
    _edits: list[tuple[int, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        root = YAML(typ="safe", pure=True).compose(self.text)
        assert isinstance(root, MappingNode)  # the reader of plans takes nothing else
        self.root = root

    def result(self) -> str:
        """Return the text with everything that was asked for; what was asked for the same place stands in that order."""
        text = self.text
        for _, (start, end, words) in sorted(enumerate(self._edits), key=lambda one: (one[1][0], one[0]), reverse=True):
            text = text[:start] + words + text[end:]
        return text

    def chapters(self) -> list[MappingNode]:
        """Return the chapters, in order."""
        node = value_of(self.root, "chapters")
        return [one for one in node.value if isinstance(one, MappingNode)] if isinstance(node, SequenceNode) else []

    def replace_words(self, block: MappingNode, key: str, words: str) -> None:
        """Put other words under a key that has words, in the way in which they stand there."""
        node = value_of(block, key)
        assert isinstance(node, ScalarNode)
        start, end = node.start_mark.index, self._end(node)
        if node.style in {"|", ">"}:
            start = self._line_end(start) + 1
            indent = re.match(" *", self.text[start:])
            self._edits.append((start, end, (indent[0] if indent else "") + words))
        else:
            self._edits.append((start, end, quoted(words)))

    def add_lines(self, chapter: MappingNode, lines: tuple[Line, ...]) -> None:
        """Add posts at the end of a chapter's `show`."""
        node = value_of(chapter, "show")
        if isinstance(node, SequenceNode) and node.flow_style:
            self._into_flow(node, ", ".join(_rule(line.rule) for line in lines))
        elif isinstance(node, SequenceNode):
            self._below(node, _lines(lines, node.start_mark.column), node.start_mark.column)
        elif node is not None:  # the key stands there, with nothing behind it
            self._below(node, _lines(lines, chapter.start_mark.column + 2), chapter.start_mark.column + 1)
        elif chapter.flow_style:
            self._into_flow(chapter, f"show: [{', '.join(_rule(line.rule) for line in lines)}]")
        else:
            column = chapter.start_mark.column
            self._below(chapter, f"{' ' * column}show:\n{_lines(lines, column + 2)}", column)

    def add_chapters(self, chapters: list[DraftChapter], after: int | None) -> None:
        """Add chapters behind the one of this place; before all others for None."""
        node, flow = value_of(self.root, "chapters"), ", ".join(map(flow_chapter, chapters))
        if isinstance(node, SequenceNode) and node.flow_style:
            self._into_flow(node, flow, node.value[after] if after is not None else None)
        elif isinstance(node, SequenceNode):
            words = _chapters(chapters, node.start_mark.column)
            if after is None:
                start = self._line_start(node.start_mark.index)
                self._edits.append((start, start, words + "\n\n"))
            else:
                self._below(node.value[after], "\n" + words, node.start_mark.column + 1)
        elif node is not None:
            self._below(node, "\n" + _chapters(chapters, 2), 1)
        elif self.root.flow_style:
            self._into_flow(self.root, f"chapters: [{flow}]")
        else:
            edge = " " * self.root.start_mark.column
            self._below(self.root, f"\n{edge}chapters:\n\n{_chapters(chapters, len(edge) + 2)}", 1)

    def _below(self, node: Node, words: str, column: int) -> None:
        """Put whole lines below the last line of a node, and below the comments there that stand in `column` or deeper: what a
        hand took out by a hash belongs to what stands above it.
        """
        place = self._line_end(self._end(node))
        for match in _COMMENTS.finditer(self.text, place):
            if match.start() != place or len(match[1]) < column:
                break
            place = match.end()
        self._edits.append((place, place, "\n" + words))

    def _into_flow(self, node: MappingNode | SequenceNode, words: str, after: Node | None = None) -> None:
        """Put words behind an item of a list or block in brackets, the last one for None; or into empty brackets."""
        items = [pair[1] for pair in node.value] if isinstance(node, MappingNode) else node.value
        behind = after or (items[-1] if items else None)
        place = self._end(behind) if behind is not None else node.end_mark.index - 1
        self._edits.append((place, place, f", {words}" if behind is not None else words))

    def _end(self, node: Node) -> int:
        """Return the place right behind the last letter of a node."""
        if isinstance(node, (MappingNode, SequenceNode)) and not node.flow_style:
            last = node.value[-1]
            return self._end(last[1] if isinstance(node, MappingNode) else last)
        return len(self.text[: node.end_mark.index].rstrip())

    def _line_end(self, index: int) -> int:
        end = self.text.find("\n", index)
        return len(self.text) if end < 0 else end

    def _line_start(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1


def value_of(block: MappingNode, key: str) -> Node | None:
    """Return the value under a key, None where the key is not there."""
    return next((value for name, value in block.value if name.value == key), None)


def marked(text: str) -> str:
    """Return a story to which posts were added so that it says so."""
    return text if MADE_BY in text else f"{text}{'' if text.endswith(chr(10)) else chr(10)}{_ADDED}"


# ---- the words of a story ------------------------------------------------------------------------------------------------


def story_text(title: str, lede: str, chapters: tuple[DraftChapter, ...]) -> str:
    """Return a whole story, for a campaign that has none."""
    told = "\n\n".join(chapter_text(chapter, 2) for chapter in chapters)
    return f"{_OPENING}\ntitle: {quoted(title)}\n\nlede: |\n  {lede}\n" + (
        f"\nchapters:\n\n{told}\n" if chapters else ""
    )


MADE_BY = "`shareasm story draft` made"
"""By these words a story says that it was drafted, as long as nobody takes them out."""

_ADDED = f"\n# What {MADE_BY} of the day was added to this story; story.drafted.json beside it remembers what.\n"

_OPENING = f"""\
# The story, as {MADE_BY} it of the day. Change what you like: order, headings, words; take posts out, name
# others. Drafting again adds what came since, leaves what you wrote as it is, and brings nothing back that you took out.
#
#   text   your own words. *slanted*, **bold**, [words](https://address), an empty line for a new paragraph.
#   show   what stands in the chapter: posts by {{slot: …}} or {{post: "https://…"}}, and {{text: "…"}} of yours between them.
"""


def chapter_text(chapter: DraftChapter, indent: int) -> str:
    """Return a chapter as an item of a list whose hyphens stand in column `indent`."""
    edge = " " * indent
    return (
        f"{edge}- heading: {quoted(chapter.heading)}\n{edge}  text: |\n{edge}    {chapter.text}\n"
        f"{edge}  show:\n{_lines(chapter.lines, indent + 4)}"
    )


def _chapters(chapters: Iterable[DraftChapter], indent: int) -> str:
    return "\n\n".join(chapter_text(chapter, indent) for chapter in chapters)


def flow_chapter(chapter: DraftChapter) -> str:
    """Return a chapter as an item of a list in brackets."""
    rules = ", ".join(_rule(line.rule) for line in chapter.lines)
    return f"{{heading: {quoted(chapter.heading)}, text: {quoted(chapter.text)}, show: [{rules}]}}"


def _lines(lines: tuple[Line, ...], indent: int) -> str:
    remarks = (f"  # {line.remark}" if line.remark else "" for line in lines)
    return "\n".join(f"{' ' * indent}- {_rule(line.rule)}{remark}" for line, remark in zip(lines, remarks, strict=True))


def _rule(rule: Rule) -> str:
    value = rule.value if _BARE.fullmatch(rule.value) else quoted(rule.value)
    return f"{{{rule.kind}: {value}}}"


def quoted(words: str) -> str:
    """Return words in double quotes, as YAML reads them back."""
    return json.dumps(words, ensure_ascii=False)
