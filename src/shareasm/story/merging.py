"""A draft into a story that a hand has worked on: what came since is added, and nothing of the hand's is lost.

Three stories are compared: what was drafted last (`memory`), what stands in the file now, and what the day suggests. Posts that
were drafted and are gone from the file were taken out by a hand and stay out; words are replaced only where they are still
those of the last draft; a chapter that was taken out does not come back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from shareasm.campaign_files.drafted import digest_of
from shareasm.domain.days import Day
from shareasm.domain.recaps import Recap
from shareasm.domain.stories import ChapterPlan, RuleKind, StoryPlan, Wish
from shareasm.story.drafting import Draft, DraftChapter, day_of, draft_story, mark_of, shown_marks
from shareasm.story.memory import Memory, Remembered, digest
from shareasm.story.splicing import Splice, marked, story_text

VOICES_ROOM = 10
"""Voices that a chapter is drafted with, over all drafts of it."""


BEFORE = "before the memory was lost"
"""Stands in a memory that was recovered, as the key of all that had come by then."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What a draft makes of a story."""

    text: str  # the file's
    memory: Memory
    added_count: int  # posts


def suggest(recap: Recap, memory: Memory) -> Draft:
    """Return what the day suggests beyond what stands in the story of `recap` and what was ever drafted."""
    marks = {mark_of(item) for item in recap.items}
    taken = {mark for mark in marks if digest(mark) in memory.marks}
    if recap.is_edited:
        taken |= shown_marks(recap)
    alive = {digest(mark) for mark in marks}
    room = {key: max(VOICES_ROOM - len(alive & set(one.lines)), 0) for key, one in memory.chapters.items()}
    return draft_story(recap, taken, room, memory.chapters.keys())


def first_story(draft: Draft) -> Merged:
    """Return a story for a campaign that has none."""
    chapters = tuple(chapter for chapter in draft.chapters if chapter.lines)
    kept = {
        chapter.key: _remember(chapter, Remembered(digest(chapter.heading), digest(chapter.text)))
        for chapter in chapters
    }
    text = story_text(draft.title, draft.lede, chapters)
    memory = Memory(digest_of(text), digest(draft.title), digest(draft.lede), kept)
    return Merged(text, memory, sum(len(one.lines) for one in chapters))


def recovered(plan: StoryPlan, recap: Recap, since: datetime, now: datetime) -> Memory:
    """Return what can be told of earlier drafts of `plan` where their memory is lost.

    All that was here at `since`, when the story was changed last, was drafted then or taken out by a hand: it does not come
    back. What came after that no hand has seen.
    """
    draft, day = draft_story(recap), day_of(recap)
    places = match_chapters(plan, recap, first_story(draft).memory, draft)
    chapters = {
        key: Remembered(digest(plan.chapters[place].heading), "", tuple(sorted(_marks(plan.chapters[place], day))))
        for key, place in places.items()
    }
    seen = {digest(mark_of(item)) for item in recap.items if not since < item.shown.first_seen_at <= now}
    return Memory(chapters={**chapters, BEFORE: Remembered("", "", tuple(sorted(seen)))})


def merge(text: str, plan: StoryPlan, recap: Recap, memory: Memory, draft: Draft) -> Merged:
    """Return what `draft` makes of the file `text`, which says `plan`."""
    splice = Splice(text)
    places = match_chapters(plan, recap, memory, draft)
    kept = dict(memory.chapters)
    nodes = splice.chapters()
    before: int | None = len(plan.chapters) - 1 if plan.chapters and not places else None
    fresh: dict[int | None, list[DraftChapter]] = {}
    added_count = 0
    for chapter in draft.chapters:
        known = memory.chapters.get(chapter.key)
        place = places.get(chapter.key)
        if place is not None:
            before = place
            old = plan.chapters[place]
            if chapter.lines:
                splice.add_lines(nodes[place], chapter.lines)
            words = known.text if known else ""
            if known and digest(old.text) == known.text != digest(chapter.text) and old.text:
                splice.replace_words(nodes[place], "text", chapter.text)
                words = digest(chapter.text)
            kept[chapter.key] = _remember(chapter, Remembered(digest(old.heading), words, known.lines if known else ()))
            added_count += len(chapter.lines)
        elif known is None and chapter.lines:
            fresh.setdefault(before, []).append(chapter)
            kept[chapter.key] = _remember(chapter, Remembered(digest(chapter.heading), digest(chapter.text)))
            added_count += len(chapter.lines)
    for after, chapters in fresh.items():
        splice.add_chapters(chapters, after)
    lede = memory.lede
    if plan.lede and digest(plan.lede) == memory.lede != digest(draft.lede):
        splice.replace_words(splice.root, "lede", draft.lede)
        lede = digest(draft.lede)
    merged = marked(splice.result()) if added_count else splice.result()
    is_untouched = memory.story == digest_of(text)
    return Merged(merged, Memory(digest_of(merged) if is_untouched else "", memory.title, lede, kept), added_count)


def _remember(chapter: DraftChapter, known: Remembered) -> Remembered:
    return replace(known, lines=(*known.lines, *(digest(line.mark) for line in chapter.lines)))


def match_chapters(plan: StoryPlan, recap: Recap, memory: Memory, draft: Draft) -> Mapping[str, int]:
    """Return which chapter of the file is which of the draft's: by its heading, else by the posts that it holds."""
    day = day_of(recap)
    marks = [_marks(chapter, day) for chapter in plan.chapters]
    headings = [digest(chapter.heading) for chapter in plan.chapters]
    places: dict[str, int] = {}
    for chapter in draft.chapters:
        known = memory.chapters.get(chapter.key, Remembered(digest(chapter.heading), ""))
        free = [place for place in range(len(plan.chapters)) if place not in places.values()]
        named = next((place for place in free if headings[place] == known.heading), None)
        fullest = max(free, key=lambda place: (len(marks[place] & set(known.lines)), -place), default=None)
        if named is not None:
            places[chapter.key] = named
        elif fullest is not None and marks[fullest] & set(known.lines):
            places[chapter.key] = fullest
    return places


def _marks(chapter: ChapterPlan, day: Day) -> set[str]:
    """Return the digests of the posts that a chapter names."""
    slots = {f"slot {rule.value}" for rule in chapter.rules if rule.kind is RuleKind.SLOT}
    posts = {
        mark_of(item) for rule in chapter.rules if rule.kind is RuleKind.POST for item in day.at_address(rule.value)
    }
    return {digest(mark) for mark in slots | posts}


# ---- nothing of the hand's is lost ---------------------------------------------------------------------------------------


def keeps(old: StoryPlan, new: StoryPlan, drafted: Memory) -> bool:
    """Return whether `new` says everything that `old` says, in its order; drafted words may be newer."""
    if replace(new, chapters=(), lede="", is_drafted=old.is_drafted) != replace(old, chapters=(), lede=""):
        return False
    if new.lede != old.lede and digest(old.lede) != drafted.lede:
        return False
    words = {one.text for one in drafted.chapters.values()}
    later = iter(new.chapters)
    return all(any(_keeps_chapter(chapter, other, words) for other in later) for chapter in old.chapters)


def _keeps_chapter(old: ChapterPlan, new: ChapterPlan, drafted: set[str]) -> bool:
    is_same_text = new.text == old.text or digest(old.text) in drafted
    is_same = replace(new, text="", show=()) == replace(old, text="", show=())
    return is_same and is_same_text and _is_within(old.show, new.show)


def _is_within(old: tuple[Wish, ...], new: tuple[Wish, ...]) -> bool:
    later = iter(new)
    return all(any(wish == other for other in later) for wish in old)
