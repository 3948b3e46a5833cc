"""A saved web page as a tree, for looking into Storify's own. Bounded; nothing of it reaches a reader unless sanitised."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser

DEPTH_LIMIT = 60
"""Nesting that is kept; what is deeper counts as being at this depth. Storify's own pages have 15."""

_VOID = {"br", "img", "hr", "wbr", "input", "link", "meta", "area", "base", "col", "embed", "source", "track", "param"}
_SILENT = {"script", "style", "iframe", "noscript", "template", "svg", "object"}
_OFF_SCREEN = "-9999px"
"""Storify hides the halves of a shortened link that people do not need to see by moving them off the screen."""


@dataclass(slots=True)
class Element:
    """One element of a page."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element | str"] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        """Return the names that its style sheet knows it by."""
        return set(self.attributes.get("class", "").split())

    def walk(self) -> Iterator["Element"]:
        """Yield every element below this one, in the order of the page."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.walk()

    def first(self, *names: str) -> "Element | None":
        """Return the first element below that has one of these classes."""
        wanted = set(names)
        return next((one for one in self.walk() if wanted & one.classes), None)

    def inner(self) -> str:
        """Return what stands in it as HTML: without what runs, and without what Storify moved off the screen."""
        return "".join(_written(child) for child in self.children)

    def words(self) -> str:
        """Return the words in it."""
        return "".join(child if isinstance(child, str) else child.words() for child in self.children).strip()


def _written(child: Element | str) -> str:
    if isinstance(child, str):
        return escape(child)
    if child.tag in _SILENT or _OFF_SCREEN in child.attributes.get("style", "") or "tco-ellipsis" in child.classes:
        return ""
    if child.tag == "a" and not child.words():
        return ""  # a mark beside a heading, a picture's frame
    kept = {name: value for name, value in child.attributes.items() if name in {"href", "lang", "dir"}}
    if child.tag == "a" and child.attributes.get("title", "").startswith(("http://", "https://")):
        kept["href"] = child.attributes["title"]  # the address itself, for which Twitter's t.co stands
    said = "".join(f' {name}="{escape(value)}"' for name, value in kept.items())
    opening = f"<{child.tag}{said}>"
    return opening if child.tag in _VOID else f"{opening}{child.inner()}</{child.tag}>"


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in _VOID and len(self._open) < DEPTH_LIMIT:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self._open) - 1, 0, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def read_outline(html: str) -> Element:
    """Return a page as a tree. Takes any text."""
    builder = _Builder()
    builder.feed(html)
    builder.close()
    return builder.root
