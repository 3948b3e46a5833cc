"""From `story.yaml` to a StoryPlan, compared with the slots and resources that it names."""

import re
from dataclasses import dataclass

from shareasm.campaign_files import words
from shareasm.campaign_files.findings import Findings
from shareasm.campaign_files.markdown import markdown
from shareasm.campaign_files.reading import Field, Parser, Row, one_of, shorten, suggest, text
from shareasm.campaign_files.tree import Fields
from shareasm.domain.schedules import Kind
from shareasm.domain.stories import MOST_SHOWN, ChapterPlan, Rule, RuleKind, StoryPlan

_KEYS = ("title", "lede", "chapters", "ahead", "reading")
_CHAPTER_KEYS = ("heading", "text", "show", "most")
_RULES = tuple(RuleKind)
_AT_URI = re.compile(r"at://[\w.:%-]+/[\w.]+/[\w.~:-]+")


@dataclass(frozen=True, slots=True)
class Named:
    """What a story may name. None: not known, so nothing is held against a name."""

    slots: tuple[str, ...] | None = None
    themes: tuple[str, ...] | None = None
    resources: frozenset[str] | None = None


def read_story(fields: Fields, named: Named, findings: Findings) -> StoryPlan:
    """Return the story that `fields` describe, whole where `findings` get no error."""
    row = Row(fields, "story.yaml", _KEYS, findings)
    parsers = _parsers(named)
    return StoryPlan(
        title=row.get("title", text),
        lede=row.get("lede", markdown) or "",
        chapters=tuple(_chapter(one, parsers) for one in row.rows("chapters", "a chapter", _CHAPTER_KEYS, most=50)),
        ahead=row.get("ahead", markdown) or "",
        reading=row.each("reading", text if named.resources is None else one_of(sorted(named.resources), "resource")),
    )


def _chapter(row: Row, parsers: dict[RuleKind, Parser[str]]) -> ChapterPlan:
    rules = (_rule(one, parsers) for one in row.rows("show", "a rule", (*_RULES, "most"), most=200))
    return ChapterPlan(
        heading=row.need("heading", text, "Give the chapter a heading.") or "",
        text=row.get("text", markdown) or "",
        show=tuple(rule for rule in rules if rule is not None),
        most=row.get("most", words.whole_number(1, 200)) or MOST_SHOWN,
    )


def _rule(row: Row, parsers: dict[RuleKind, Parser[str]]) -> Rule | None:
    kinds = [kind for kind in RuleKind if row.has(kind)]
    if len(kinds) != 1:
        row.findings.error(
            row.place,
            f"A rule has one of the keys {', '.join(_RULES)}.",
            "Write each rule on a line of its own: - {theme: safety}",
        )
        return None
    value = row.get(kinds[0], parsers[kinds[0]])
    most = row.get("most", words.whole_number(1, 200))
    return Rule(kinds[0], value, most) if value else None


def _parsers(named: Named) -> dict[RuleKind, Parser[str]]:
    return {
        RuleKind.SLOT: text if named.slots is None else one_of(named.slots, "slot"),
        RuleKind.POST: _post,
        RuleKind.KIND: one_of(Kind, "kind of slot"),
        RuleKind.THEME: text if named.themes is None else _theme(named.themes),
        RuleKind.HOUR: _hour,
        RuleKind.LANGUAGE: words.language,
    }


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
        f"“{shorten(hour)}” is not an hour of the day.", "Write a full hour in the campaign's zone: hour: “14:00”."
    )
    return None
