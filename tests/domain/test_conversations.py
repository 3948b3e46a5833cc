"""A post without the tag stands below what it answers, and never by itself."""

import pytest

from recap_day import MASTODON, OURS_TOO, a_campaign, a_post, a_slot, an_account, an_entry, at, shown
from shareasm.domain.conversations import lasting, standing
from shareasm.domain.items import Item, ShownPost
from shareasm.domain.posts import Network, Post, PostRef
from shareasm.domain.recaps import Facts, Recap, arrange
from shareasm.domain.schedules import Schedule

TAGGED, HIDDEN, FIRST, SECOND, OTHER = (PostRef(Network.MASTODON, f"https://one.example/{n}") for n in "abcde")


def test_an_answer_stands_below_a_post_that_is_shown() -> None:
    assert standing({FIRST: TAGGED}, {TAGGED, FIRST}) == {FIRST}


def test_an_answer_to_an_answer_stands_as_well() -> None:
    assert standing({SECOND: FIRST, FIRST: TAGGED}, {TAGGED, FIRST, SECOND}) == {FIRST, SECOND}


def test_what_answers_something_that_is_not_shown_is_not_shown_and_takes_its_answers_along() -> None:
    assert standing({FIRST: HIDDEN, SECOND: FIRST}, {TAGGED, FIRST, SECOND}) == set()


def test_an_answer_in_the_middle_that_is_not_shown_holds_nothing() -> None:
    assert standing({FIRST: TAGGED, SECOND: FIRST}, {TAGGED, SECOND}) == set()


def test_what_answers_nothing_that_we_know_is_no_voice_of_its_own() -> None:
    assert standing({FIRST: None}, {FIRST}) == set()


@pytest.mark.parametrize("order", [(FIRST, SECOND), (SECOND, FIRST)])
def test_two_that_answer_each_other_hold_nothing(order: tuple[PostRef, PostRef]) -> None:
    one, other = order
    assert standing({one: other, other: one, OTHER: one}, {FIRST, SECOND, OTHER}) == set()


# ---- in the recap -------------------------------------------------------------------------------------------------------

BAKARI = an_account("bakari@mining.example", "Bakari", network=MASTODON)
CHINARA = an_account("chinara@mining.example", "Chinara", network=MASTODON)


def told(*posts: ShownPost, highlight: Post | None = None) -> Recap:
    slot = a_slot("welcome")
    entries = [an_entry(slot, highlight)] if highlight else []
    return arrange(Facts(a_campaign(), Schedule((slot,)), entries=entries, posts=posts))


def bare(key: str, to: Post, **changes: object) -> ShownPost:
    """Return an answer without the tag."""
    made = a_post(key, "<p>Two dollars here.</p>", by=BAKARI, created_at=at("09:10"), **changes)
    return shown(made, 2, answers=to.ref, without_tag=True)


def keys(items: tuple[Item, ...]) -> list[str]:
    return [item.ref.uri.rsplit("/", 1)[-1] for item in items]


def test_an_answer_without_the_tag_stands_below_our_highlight_and_says_so() -> None:
    ours = a_post("m", by=OURS_TOO)
    recap = told(shown(ours), bare("r", ours), highlight=ours)
    [answer] = recap.chapters[0].chapter.passages[0].answers
    assert (keys((answer,)), answer.without_tag) == (["r"], True)


def test_an_answer_without_the_tag_is_no_voice_of_its_own_in_the_story_nor_thanked_by_name() -> None:
    voice = a_post("v", by=CHINARA)
    recap = told(shown(voice), bare("r", voice))
    assert [keys(tuple(one.item for one in part.chapter.passages)) for part in recap.chapters] == [["v"]]
    assert [one.account.name for one in recap.contributors] == ["Chinara"]


def test_an_answer_whose_question_the_page_does_not_show_is_not_on_it() -> None:
    assert told(bare("r", a_post("m", by=OURS_TOO))).items == ()


def test_of_an_id_that_changes_with_edits_the_digest_lasts() -> None:
    digest = "0123456789abcdef" * 2
    assert {lasting(f"{time}{digest}") for time in (1795306311, 1795306399)} == {digest}
    assert lasting("113000000000000000") == "113000000000000000"
