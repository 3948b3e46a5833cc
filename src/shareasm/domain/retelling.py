"""Retelling: the story for readers of another language. Where a highlight of ours went out in theirs too, that copy leads.

Nothing else changes: the same chapters, the same highlights in the same order with the same answers, each highlight naming its
other languages beside it. What others said stays as they said it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from shareasm.domain.chapters import Block, Chapter, Pair
from shareasm.domain.days import Passage, part_of, with_copies
from shareasm.domain.items import Item
from shareasm.domain.posts import PostRef
from shareasm.domain.recaps import Recap
from shareasm.domain.sections import Recording, recordings


def retold(recap: Recap, language: str) -> Recap:
    """Return `recap` as its story is told to readers of `language`; itself where nothing of ours went out in it.

    What was found out of the day's posts (`cached_property`) is not found out again: they are the same.
    """
    if language == recap.campaign.languages[0]:
        return recap
    told = {item.ref for item in recap.told}
    by_slot: dict[str, list[tuple[Item, str]]] = {}
    for item in recap.items:
        if item.highlight:
            by_slot.setdefault(item.highlight.slot.id, []).append((item, item.highlight.language))
    retelling = _Retelling(language, by_slot, told)
    chapters = tuple(replace(one, chapter=retelling.chapter(one.chapter)) for one in recap.chapters)
    to_watch = _recordings(recap, language)
    if (chapters, to_watch) == (recap.chapters, recap.recordings):
        return recap
    telling = replace(recap, chapters=chapters, recordings=to_watch)
    vars(telling).update({name: value for name, value in vars(recap).items() if name not in vars(telling)})
    return telling


def _recordings(recap: Recap, language: str) -> tuple[Recording, ...]:
    """Return what there is to watch and hear, a highlight in `language` where it went out in it."""
    highlights = (item for item in recap.items if item.highlight and item.highlight.language == language)
    theirs = {one.item.highlight.slot.id: one for one in recordings(highlights, language) if one.item.highlight}
    return tuple(theirs.get(one.item.highlight.slot.id, one) if one.item.highlight else one for one in recap.recordings)


class _Retelling:
    def __init__(self, language: str, by_slot: Mapping[str, Sequence[tuple[Item, str]]], told: set[PostRef]):
        self._language = language
        self._by_slot = by_slot
        self._told = told  # a post stands once

    def chapter(self, chapter: Chapter) -> Chapter:
        return replace(chapter, blocks=tuple(self._block(block) for block in chapter.blocks))

    def _block(self, block: Block) -> Block:
        match block:
            case Passage():
                return self._passage(block)
            case Pair():
                question, answer = (
                    self._passage(half) if isinstance(half, Passage) else half
                    for half in (block.question, block.answer)
                )
                return Pair(question, answer)
            case _:
                return block

    def _passage(self, passage: Passage) -> Passage:
        plan = passage.item.highlight
        if plan is None or plan.language == self._language:
            return passage
        slot = self._by_slot[plan.slot.id]
        theirs = [item for item, language in slot if language == self._language and item.ref not in self._told]
        lead = next((item for item in theirs if part_of(item) == plan.part), None)
        if lead is None:
            return passage
        parts = sorted((item for item in theirs if part_of(item) > plan.part), key=part_of)
        others = [item for item, language in slot if language != self._language and part_of(item) == plan.part]
        self._told |= {item.ref for item in (lead, *parts)}
        item = with_copies(lead, others)
        return replace(passage, item=item, parts=tuple(parts), stands_for=(passage.item.anchor,))
