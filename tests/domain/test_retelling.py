"""The story for readers of another language: our own posts lead in theirs, and nothing is lost."""

from dataclasses import replace

from recap_day import OURS, a_campaign, a_day, a_post, a_slot, an_account, an_entry, at, shown
from shareasm.domain.chapters import Pair
from shareasm.domain.days import Passage
from shareasm.domain.posts import Post
from shareasm.domain.recaps import Facts, Recap, arrange, count
from shareasm.domain.retelling import retold
from shareasm.domain.schedules import Kind, Part, Schedule, Slot
from shareasm.domain.stories import ChapterPlan, PairPlan, Quotation, Rule, RuleKind, StoryPlan

WELCOME = a_slot("welcome", kind=Kind.WELCOME, parts=(Part({"en": {"": "x"}}), Part({"en": {"": "y"}})))
LOANS = a_slot("loans", "10:00")


def ours(slot: Slot, language: str, part: int = 0) -> Post:
    return a_post(f"{slot.id}-{language}-{part}", by=OURS, languages=(language,), created_at=slot.due_at)


def day(
    *sent: tuple[Slot, str, int], story: StoryPlan | None = None, slots: tuple[Slot, ...] = (WELCOME, LOANS)
) -> Recap:
    """A day with these posts of ours, and an answer to the first of them."""
    posts = [ours(*one) for one in sent]
    entries = [
        an_entry(slot, post, language=language, part=part)
        for (slot, language, part), post in zip(sent, posts, strict=True)
    ]
    answer = a_post("a", by=an_account("chinara.example"), reply_to=posts[0].ref, created_at=at("11:00"))
    held = [shown(post, number) for number, post in enumerate([*posts, answer], start=1)]
    campaign = a_campaign(languages=("en", "fr", "es"))
    return arrange(Facts(campaign, Schedule(slots), story, entries, held))


def leads(recap: Recap) -> list[str]:
    return [passage.item.ref.uri.rpartition("/")[2] for one in recap.chapters for passage in one.chapter.passages]


def test_where_a_highlight_went_out_in_the_readers_language_that_copy_leads() -> None:
    recap = day((WELCOME, "en", 0), (WELCOME, "fr", 0), (WELCOME, "es", 0), (LOANS, "en", 0))
    assert leads(recap) == ["welcome-en-0", "loans-en-0"]
    french = retold(recap, "fr")
    assert leads(french) == ["welcome-fr-0", "loans-en-0"], "what was said in English alone stays"
    (first, *_) = french.chapters[0].chapter.passages
    english = recap.chapters[0].chapter.passages[0]
    assert {copy.language for copy in first.item.copies} == {"en", "es"}
    assert first.answers == english.answers
    assert first.stands_for == (english.item.anchor,), "links to the other still lead here"


def test_a_thread_goes_on_in_the_language_in_which_it_begins() -> None:
    sent = [(WELCOME, language, part) for part in (0, 1) for language in ("en", "fr")]
    french = retold(day(*sent), "fr")
    (passage,) = french.chapters[0].chapter.passages
    assert [item.ref.uri.rpartition("/")[2] for item in (passage.item, *passage.parts)] == [
        "welcome-fr-0",
        "welcome-fr-1",
    ]


def test_a_post_stands_once_also_where_the_editor_named_both() -> None:
    sent = ((WELCOME, "en", 0), (WELCOME, "fr", 0))
    named = [Rule(RuleKind.POST, ours(*one).url) for one in sent]
    recap = day(*sent, story=StoryPlan(chapters=(ChapterPlan("One", show=tuple(named)),)))
    assert leads(recap) == leads(retold(recap, "fr")) == ["welcome-en-0", "welcome-fr-0"]
    spanish = (*sent, (WELCOME, "es", 0))
    recap = day(*spanish, story=StoryPlan(chapters=(ChapterPlan("One", show=tuple(named)),)))
    assert leads(retold(recap, "es")) == ["welcome-es-0", "welcome-fr-0"]


def test_what_there_is_to_watch_is_in_the_readers_language_where_it_went_out_in_it() -> None:
    film, talk = a_slot("film", kind=Kind.VIDEO), a_slot("talk", "10:00", Kind.INTERVIEW)
    recap = day((film, "en", 0), (film, "fr", 0), (talk, "en", 0), slots=(film, talk))

    def to_watch(telling: Recap) -> list[str]:
        return [one.item.ref.uri.rpartition("/")[2] for one in telling.recordings]

    assert to_watch(recap) == ["film-en-0", "talk-en-0"]
    assert to_watch(retold(recap, "fr")) == ["film-fr-0", "talk-en-0"]


def test_what_was_found_out_of_the_days_posts_is_not_found_out_again() -> None:
    recap = day((WELCOME, "en", 0), (WELCOME, "fr", 0))
    parts = recap.parts
    assert retold(recap, "fr").parts is parts


def test_both_halves_of_a_pair_are_retold() -> None:
    pair = PairPlan(Rule(RuleKind.SLOT, "welcome"), Quotation("Yes."))
    story = StoryPlan(chapters=(ChapterPlan("One", text="Ours.", show=(pair,)),))
    recap = retold(day((WELCOME, "en", 0), (WELCOME, "fr", 0), story=story), "fr")
    _, block = recap.chapters[0].chapter.blocks
    assert isinstance(block, Pair)
    assert isinstance(block.question, Passage)
    assert block.question.item.language == "fr"
    assert block.answer == Quotation("Yes.")


def test_whoever_reads_the_first_language_or_one_in_which_nothing_went_out_reads_the_story_itself() -> None:
    recap = day((WELCOME, "en", 0), (LOANS, "fr", 0))
    assert retold(recap, "en") is recap
    assert retold(recap, "fr") is recap, "it leads already: nothing of it is in English"
    assert retold(recap, "es") is recap


def test_every_telling_has_the_same_chapters_numbers_and_posts() -> None:
    recap = arrange(a_day())
    for language in ("fr", "es"):
        other = retold(recap, language)
        assert replace(other, chapters=(), recordings=()) == replace(recap, chapters=(), recordings=())
        assert len(other.recordings) == len(recap.recordings)
        assert count(other.items) == recap.numbers
        shapes = [
            [(one.chapter.heading, len(one.chapter.blocks), len(one.chapter.passages)) for one in telling.chapters]
            for telling in (recap, other)
        ]
        assert shapes[0] == shapes[1]
        strangers = [{item.ref for item in telling.told if not item.is_ours} for telling in (recap, other)]
        assert strangers[0] == strangers[1]
