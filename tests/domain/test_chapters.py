"""The editor's story: what stands in a chapter, in which order, and what is said of what is gone."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from recap_day import OURS, a_campaign, a_day, a_post, a_slot, an_account, an_entry, at, shown
from shareasm.domain.chapters import VOICES_SHOWN, Absence, Block, Chapter, Day, Pair, Passage, balanced, groups
from shareasm.domain.moderation import Reason
from shareasm.domain.posts import Counts
from shareasm.domain.recaps import Facts, Recap, arrange
from shareasm.domain.schedules import Kind, Schedule
from shareasm.domain.stories import (
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

WELCOME = Rule(RuleKind.SLOT, "welcome")
QUESTIONS = Rule(RuleKind.SLOT, "questions")
LOST = Rule(RuleKind.POST, "https://bsky.example/gone/1")
SAID = Quotation("We were never asked.", "Aïssata", "miner")


def told(*show: Wish, order: Order = Order.HAND, **changes: object) -> Recap:
    plan = ChapterPlan("One", show=show, order=order)
    return arrange(a_day(story=StoryPlan(chapters=(plan,)), **changes))


def one(recap: Recap) -> Chapter:
    return recap.chapters[0].chapter


def key(block: Block) -> str:
    match block:
        case Passage(item):
            return item.ref.uri.rsplit("/", 1)[-1]
        case Pair(question, answer):
            return f"{key(question)}?{key(answer)}"
        case Narration(markdown):
            return markdown
        case Quotation(text):
            return text


def keys(recap: Recap) -> list[str]:
    return [key(block) for block in one(recap).blocks]


def test_blocks_stand_as_the_editor_wrote_them() -> None:
    assert keys(told(QUESTIONS, Narration("Earlier:"), WELCOME, SAID)) == [
        "questions",
        "Earlier:",
        "welcome",
        "We were never asked.",
    ]


def test_a_chapter_s_text_opens_it() -> None:
    plan = ChapterPlan("One", text="It began with a question.", show=(WELCOME,))
    assert keys(arrange(a_day(story=StoryPlan(chapters=(plan,))))) == ["It began with a question.", "welcome"]


def test_posts_in_order_of_time_keep_the_narrator_s_words_between_them() -> None:
    recap = told(QUESTIONS, WELCOME, Narration("Later:"), Rule(RuleKind.SLOT, "thanks"), QUESTIONS, order=Order.TIME)
    assert keys(recap) == ["welcome", "questions", "Later:", "thanks"]


def test_a_question_stands_beside_its_answer() -> None:
    answer = Rule(RuleKind.POST, "https://bsky.example/chinara.example/a1")
    recap = told(PairPlan(WELCOME, answer), PairPlan(Quotation("Who lends?"), SAID))
    assert keys(recap) == ["welcome?a1", "Who lends??We were never asked."]
    assert [item.ref.uri.rsplit("/", 1)[-1] for item in one(recap).passages[0].answers] == ["a2", "a3"]


@pytest.mark.parametrize("plan", [PairPlan(WELCOME, LOST), PairPlan(LOST, WELCOME)])
def test_half_a_pair_stands_alone_where_the_other_is_gone(plan: PairPlan) -> None:
    recap = told(plan)
    assert keys(recap) == ["welcome"]
    assert [missing.rule for missing in one(recap).missing] == [LOST]


def test_a_pair_of_which_nothing_is_left_is_missed_twice() -> None:
    recap = told(PairPlan(LOST, replace(LOST, value="https://bsky.example/gone/2")))
    assert keys(recap) == []
    assert len(one(recap).missing) == recap.missing_count == 2


@pytest.mark.parametrize(
    ("withheld", "why"),
    [
        ({}, Absence.NEVER_SEEN),
        ({LOST.value: Reason.GONE}, Absence.WITHDRAWN),
        ({LOST.value: Reason.UNCONFIRMED}, Absence.WITHDRAWN),
        ({LOST.value: Reason.OPTED_OUT}, Absence.HIDDEN),
    ],
)
def test_why_a_chosen_post_is_missing_is_said_and_blames_nobody(withheld: Mapping[str, Reason], why: Absence) -> None:
    recap = told(LOST, withheld=withheld)
    assert [(missing.rule, missing.why) for missing in one(recap).missing] == [(LOST, why)]
    assert why.words


def test_a_slot_that_was_not_sent_is_said_so() -> None:
    recap = told(Rule(RuleKind.SLOT, "cancelled-interview"))
    assert [missing.why for missing in one(recap).missing] == [Absence.NOT_SENT]


def test_a_slot_whose_post_is_gone_is_said_so() -> None:
    slot = a_slot("welcome")
    post = a_post("w", by=OURS)
    facts = Facts(
        a_campaign(),
        schedule=Schedule((slot,)),
        story=StoryPlan(chapters=(ChapterPlan("One", show=(WELCOME,)),)),
        entries=[an_entry(slot, post), an_entry(slot, replace(post, ref=replace(post.ref, uri=post.ref.uri + "2")))],
        withheld={post.ref.uri: Reason.GONE},
    )
    assert [missing.why for missing in one(arrange(facts)).missing] == [Absence.WITHDRAWN]


def test_an_answer_that_the_editor_names_stands_where_it_is_named_and_nowhere_else() -> None:
    named = Rule(RuleKind.POST, "https://bsky.example/chinara.example/a1")
    first, second = ChapterPlan("One", show=(WELCOME,)), ChapterPlan("Two", show=(named,))
    recap = arrange(a_day(story=StoryPlan(chapters=(first, second))))
    answers = recap.chapters[0].chapter.passages[0].answers
    assert "a1" not in [item.ref.uri.rsplit("/", 1)[-1] for item in answers]
    assert key(recap.chapters[1].chapter.blocks[0]) == "a1"


def test_a_partner_s_own_posts_and_ours_about_it_stand_together() -> None:
    recap = told(Rule(RuleKind.PARTNER, "tawoma"))
    assert {passage.item.partner.id for passage in one(recap).passages if passage.item.partner} == {"tawoma"}
    ours = told(Rule(RuleKind.PARTNER, "iied", most=2))
    assert len(one(ours).passages) == 2


def test_the_top_posts_are_those_that_people_answered() -> None:
    authors = [an_account(f"a{n}.example") for n in range(4)]
    posts = [
        a_post(
            f"p{n}", by=by, counts=Counts(replies=n % 3, likes=90 - n), created_at=at("10:00") + timedelta(minutes=n)
        )
        for n, by in enumerate(authors)
    ]
    plan = ChapterPlan("One", show=(Rule(RuleKind.TOP, "2"),))
    facts = Facts(a_campaign(), posts=[shown(post) for post in posts], story=StoryPlan(chapters=(plan,)))
    assert keys(arrange(facts)) == ["p2", "p1"]


def test_a_chapter_of_kinds_and_themes_counts_its_posts() -> None:
    recap = told(Rule(RuleKind.KIND, Kind.PUBLICATION, most=1), Rule(RuleKind.THEME, "safety and health"))
    assert keys(recap) == ["guide", "dirty"]


def test_background_reading_may_come_from_elsewhere() -> None:
    paper = Reading("A paper", "https://iied.example/paper", "IIED")
    story = StoryPlan(reading=("dirty-work", "not-there", paper), from_to=FromTo(("a",), ("b",)))
    recap = arrange(a_day(story=story))
    assert [resource.editions[0].title[:7] for resource in recap.reading] == ["Artisan", "A paper"]
    assert recap.reading[1].organisation == "IIED"
    assert recap.from_to == FromTo(("a",), ("b",))


def test_what_the_editor_names_stands_also_past_the_chapter_s_number() -> None:
    plan = ChapterPlan("One", show=(WELCOME, QUESTIONS, Rule(RuleKind.HOUR, "14:00")), most=1)
    assert keys(arrange(a_day(story=StoryPlan(chapters=(plan,))))) == ["welcome", "questions"]


def the_day() -> Day:
    recap = arrange(a_day())
    return Day(recap.items, recap.campaign.zone, "en")


def test_a_balanced_choice_hears_every_partner_s_role() -> None:
    day = the_day()
    chosen = balanced(day.voices(), 20, day.conversation)
    assert {item.partner.role for item in day.voices() if item.partner} == {i.partner.role for i in chosen if i.partner}


def test_the_day_s_groups_have_lasting_keys() -> None:
    found = [group.key for group in groups(the_day())]
    assert found[0] == "kind welcome"
    assert found[-1] == "kind thanks"
    assert {"theme safety and health", "voices morning"} <= set(found)


def test_a_group_takes_no_more_voices_than_it_has_room_for() -> None:
    day = the_day()
    first = {group.key: group for group in groups(day)}["voices afternoon"]
    taken = {item.ref for item in first.items[:2]}
    again = {
        group.key: group for group in groups(day, taken, {"voices afternoon": VOICES_SHOWN - 8, "voices morning": 0})
    }
    assert len(again["voices afternoon"].items) == 2
    assert not taken & {item.ref for item in again["voices afternoon"].items}
    assert "voices morning" not in again


def test_a_highlight_that_is_taken_is_in_no_group() -> None:
    day = the_day()
    [welcome] = day.of_slot("welcome")
    assert "kind welcome" not in [group.key for group in groups(day, {welcome.ref})]


def test_a_story_knows_whether_it_names_posts() -> None:
    assert StoryPlan(chapters=(ChapterPlan("One", show=(PairPlan(SAID, LOST),)),)).names_posts
    assert not StoryPlan(chapters=(ChapterPlan("One", show=(SAID, Rule(RuleKind.HOUR, "9"))),)).names_posts


def test_a_draft_that_no_hand_was_in_is_said_to_be_the_program_s() -> None:
    chapters = (ChapterPlan("One", show=(WELCOME,)),)
    drafted = arrange(a_day(story=StoryPlan(chapters=chapters, is_drafted=True)))
    assert (drafted.is_edited, drafted.is_chosen) == (True, False)
    assert arrange(a_day(story=StoryPlan(chapters=chapters))).is_chosen
    assert not arrange(a_day()).is_chosen
