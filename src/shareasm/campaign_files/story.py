"""From `story.yaml` to a StoryPlan, compared with the slots, partners and resources that it names."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from shareasm.campaign_files import words
from shareasm.campaign_files.attachments import PICTURE_KEYS, read_picture
from shareasm.campaign_files.findings import Findings, Place
from shareasm.campaign_files.markdown import markdown
from shareasm.campaign_files.reading import Field, Parser, Row, one_of, row_of, shorten, suggest, text
from shareasm.campaign_files.tree import Fields
from shareasm.domain.schedules import Kind, Picture
from shareasm.domain.stories import (
    MOST_SHOWN,
    NAMING,
    ChapterPlan,
    FromTo,
    Narration,
    Order,
    PairPlan,
    Quotation,
    Reading,
    Rule,
    RuleKind,
    StoryPlan,
    Wish,
)

_KEYS = ("title", "lede", "cover", "chapters", "from_to", "ahead", "reading")
_CHAPTER_KEYS = ("heading", "text", "order", "most", "show")
_RULES = tuple(RuleKind)
_QUOTATION_KEYS = ("quote", "name", "role", "language", "link")
_PAIR_KEYS = ("question", "answer")
_SHOW_KEYS = tuple(dict.fromkeys((*_RULES, "most", "text", *_QUOTATION_KEYS, *_PAIR_KEYS)))
Half = Rule | Quotation | None
_FIRST_KEYS = (*_RULES, "text", "quote", "question")
_HALF_KEYS = tuple(dict.fromkeys((*NAMING, *_QUOTATION_KEYS)))
_AT_URI = re.compile(r"at://[\w.:%-]+/[\w.]+/[\w.~:-]+")
_WAYS = 'Write each on a line of its own: - {slot: welcome}, - {text: "…"}, - {quote: "…", name: …}.'


@dataclass(frozen=True, slots=True)
class Named:
    """What a story may name. None: not known, so nothing is held against a name."""

    slots: tuple[str, ...] | None = None
    themes: tuple[str, ...] | None = None
    resources: frozenset[str] | None = None
    partners: frozenset[str] | None = None
    places: dict[Rule, Place] = field(default_factory=dict)  # where each rule stands, filled while it is read
    languages: tuple[str, ...] = ()  # in which a picture's words are wanted
    media: Path = Path("media")  # the folder of the pictures


def read_story(fields: Fields, named: Named, findings: Findings) -> StoryPlan:
    """Return the story that `fields` describe, whole where `findings` get no error."""
    row = Row(fields, "story.yaml", _KEYS, findings)
    show = _Show(named)
    return StoryPlan(
        title=row.get("title", text),
        lede=row.get("lede", markdown) or "",
        chapters=tuple(_chapter(one, show) for one in row.rows("chapters", "a chapter", _CHAPTER_KEYS, most=50)),
        ahead=row.get("ahead", markdown) or "",
        reading=row.each("reading", _reading(named)),
        from_to=row.get("from_to", _from_to),
        cover=_cover(row.field("cover"), named) if row.has("cover") else None,
    )


def _chapter(row: Row, show: "_Show") -> ChapterPlan:
    wishes = (show.wish(one) for one in row.rows("show", "a line of “show”", _SHOW_KEYS, most=200))
    order = row.get("order", one_of(Order, "order"))
    return ChapterPlan(
        heading=row.need("heading", text, "Give the chapter a heading.") or "",
        text=row.get("text", markdown) or "",
        show=tuple(wish for wish in wishes if wish is not None),
        most=row.get("most", words.whole_number(1, 200)) or MOST_SHOWN,
        order=Order(order) if order else Order.HAND,
    )


def _reading(named: Named) -> Parser[str | Reading]:
    resource = text if named.resources is None else one_of(sorted(named.resources), "resource")

    def parse(field: Field) -> str | Reading | None:
        if not isinstance(field.node, Fields):
            return resource(field)
        row = row_of(field, "background reading", ("title", "url", "by"))
        assert row is not None
        title = row.need("title", text, "Give it a title, or name a resource of campaign.yaml by its id.")
        url = row.need("url", words.url, "Write where it can be read: url: https://…")
        return Reading(title, url, row.get("by", text) or "") if title and url else None

    return parse


def _from_to(field: Field) -> FromTo | None:
    row = row_of(field, "“from_to”", ("heading", "from", "to"))
    if row is None:
        return None
    before = row.need_each("from", text, "List what lies behind: from: [promises on paper].")
    after = row.need_each("to", text, "List what lies ahead: to: [a seat at the table].")
    return FromTo(before, after, row.get("heading", text) or "")


def _cover(field: Field, named: Named) -> Rule | Picture | None:
    """Return what leads the page: the picture of a post, or one of the team's own."""
    row = row_of(field, "the cover", tuple(dict.fromkeys((*NAMING, *PICTURE_KEYS))))
    if row is None:
        return None
    ways = [way for way in (RuleKind.POST, RuleKind.SLOT, "file") if row.has(way)]
    if len(ways) != 1:
        row.findings.error(
            row.place,
            "The cover is the picture of one post, or a file of yours.",
            'Write: cover: {post: "https://…"}, or cover: {slot: welcome}, or the file with its words:\n'
            "cover: {file: hills.jpg, alt: …, credit: …, licence: …}.",
        )
        return None
    if ways[0] == "file":
        return read_picture(row, named.languages, named.media)
    for key, _ in row.fields.pairs:
        if key.text in PICTURE_KEYS:
            row.findings.error(
                key.place,
                f"The key “{key.text}” does not belong to a cover from a post.",
                "A post brings its own: take it away.",
            )
    kind = RuleKind(ways[0])
    value = row.get(kind, _parsers(named)[kind])
    if not value:
        return None
    rule = Rule(kind, value)
    named.places.setdefault(rule, row.place)
    return rule


# ---- the lines of “show” -----------------------------------------------------------------------------------------------


class _Show:
    """Reads the lines of `show`."""

    def __init__(self, named: Named):
        self._parsers = _parsers(named)
        self._places = named.places
        self._named: dict[tuple[RuleKind, str], Place] = {}

    def wish(self, row: Row) -> Wish | None:
        """Return what one line asks for; None after saying what is wrong with it."""
        if row.has("text"):
            return self._narration(row)
        if row.has("question") or row.has("answer"):
            return self._pair(row)
        return self._post_or_quotation(row, _WAYS)

    def _narration(self, row: Row) -> Narration | None:
        _refuse_others(row, ("text",), "the narrator's text")
        said = row.get("text", markdown)
        return Narration(said) if said else None

    def _pair(self, row: Row) -> PairPlan | None:
        _refuse_others(row, _PAIR_KEYS, "a question with its answer")
        question = self._needed(row, "question", "Write what was asked: question: {slot: …}, or its words.")
        answer = self._needed(row, "answer", 'Write what was answered: answer: {post: "https://…"}, or its words.')
        return PairPlan(question, answer) if question and answer else None

    def _needed(self, row: Row, key: str, cure: str) -> Half:
        if row.has(key):
            return self._half(row.field(key))
        row.need(key, text, cure)  # says that it is missing, or empty
        return None

    def _half(self, field: Field) -> Half:
        if not isinstance(field.node, Fields):
            said = text(field)
            return Quotation(said) if said else None
        row = row_of(field, f"“{field.name}”", _HALF_KEYS)
        assert row is not None
        return self._post_or_quotation(
            row, 'Name one post: {slot: …} or {post: "https://…"}; or {quote: "…", name: …}.'
        )

    def _post_or_quotation(self, row: Row, cure: str) -> Half:
        return self._quotation(row) if row.has("quote") else self._rule(row, cure)

    def _quotation(self, row: Row) -> Quotation | None:
        _refuse_others(row, _QUOTATION_KEYS, "a quotation")
        said = row.get("quote", text)
        name, role, link = row.get("name", text), row.get("role", text), row.get("link", words.url)
        if role and not row.has("name"):
            row.findings.error(
                row.place_of("role"), "A role stands here without a name.", "Add name: … to the quotation."
            )
        language = row.get("language", words.language)
        return Quotation(said, name or "", role or "", language or "", link or "") if said else None

    def _rule(self, row: Row, cure: str) -> Rule | None:
        kinds = [kind for kind in RuleKind if row.has(kind)]
        if len(kinds) != 1:
            row.findings.error(row.place, f"A line of “show” has one of the keys {', '.join(_FIRST_KEYS)}.", cure)
            return None
        _refuse_others(row, (kinds[0], "most"), f"a rule with “{kinds[0]}”")
        value = row.get(kinds[0], self._parsers[kinds[0]])
        most = row.get("most", words.whole_number(1, 200))
        if not value:
            return None
        rule = Rule(kinds[0], value, most)
        first = self._named.setdefault((rule.kind, value), row.place)
        if first != row.place and rule.kind in NAMING:
            row.findings.warn(
                row.place,
                f"“{shorten(value)}” is named a second time; a post stands once in a story. The first is on line {first.line}.",
                "Take one of the two out.",
            )
        self._places.setdefault(rule, row.place)
        return rule


def _refuse_others(row: Row, keys: Iterable[str], what: str) -> None:
    """Say of each known key that does not belong to a line of this sort."""
    wanted = set(keys)
    for key, _ in row.fields.pairs:
        if key.text in _SHOW_KEYS and key.text not in wanted:
            row.findings.error(
                key.place,
                f"The key “{key.text}” does not belong to {what}.",
                "Put it on a line of its own, or take it away.",
            )


def _parsers(named: Named) -> dict[RuleKind, Parser[str]]:
    return {
        RuleKind.SLOT: text if named.slots is None else one_of(named.slots, "slot"),
        RuleKind.POST: _post,
        RuleKind.KIND: one_of(Kind, "kind of slot"),
        RuleKind.THEME: text if named.themes is None else _theme(named.themes),
        RuleKind.HOUR: _hour,
        RuleKind.PARTNER: text if named.partners is None else one_of(sorted(named.partners), "partner"),
        RuleKind.LANGUAGE: words.language,
        RuleKind.TOP: _number,
    }


def _number(field: Field) -> str | None:
    number = words.whole_number(1, 200)(field)
    return str(number) if number else None


def _theme(known: tuple[str, ...]) -> Parser[str]:
    def parse(field: Field) -> str | None:
        theme = text(field)
        if theme is not None and theme not in known:
            field.warn(f"No slot has the theme “{shorten(theme)}”: the rule finds nothing.", suggest(theme, known))
        return theme

    return parse


def _post(field: Field) -> str | None:
    address = text(field)
    if address is None or _AT_URI.fullmatch(address):
        return address
    return words.url(field)


def _hour(field: Field) -> str | None:
    hour = text(field)
    if hour is None:
        return None
    found = re.fullmatch(r"(\d{1,2})(?::00)?", hour)
    if found and int(found[1]) < 24:
        return f"{int(found[1]):02}:00"
    field.fail(
        f"“{shorten(hour)}” is not an hour of the day.", 'Write a full hour in the campaign\'s zone: hour: "14:00".'
    )
    return None
