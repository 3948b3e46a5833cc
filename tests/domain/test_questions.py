"""A question to us is seen in any script, and waits until we or a partner said something below it."""

import json
import re
from pathlib import Path

import pytest

from factories import NOON, campaign, minutes, post
from shareasm.domain.campaigns import CampaignAccount, Partner, Role
from shareasm.domain.posts import Account, Network, Post, PostRef, SafeHtml
from shareasm.domain.questions import Heard, asks, mentions, open_questions

DATA = Path(__file__).parents[1] / "data" / "questions"
MASTODON = CampaignAccount("ours", Network.MASTODON, "https://social.example", "iied@one.example", ("en",))
BLUESKY = CampaignAccount("blue", Network.BLUESKY, "https://pds.example", "iied.example", ("en",))
PARTNER = Partner("pact", "Pact", Role.CIVIL_SOCIETY, accounts=("@pact@two.example",))
DAY = campaign(accounts=(MASTODON, BLUESKY), partners=(PARTNER,))


def lines(name: str) -> list[tuple[str, str]]:
    found = (line.partition("\t") for line in (DATA / name).read_text(encoding="utf-8").splitlines())
    return [(language, text) for language, _, text in found]


@pytest.mark.parametrize(("language", "text"), lines("asks.tsv"))
def test_who_asks_is_seen_in_every_script(language: str, text: str) -> None:
    assert asks(text, [language])


@pytest.mark.parametrize(("language", "text"), lines("says.tsv"))
def test_who_only_says_something_does_not_ask(language: str, text: str) -> None:
    assert not asks(text, [language])


@pytest.mark.shared
def test_of_the_composed_posts_only_the_one_that_asks_asks(shared: Path) -> None:
    rows = (shared / "corpus" / "composed" / "mastodon.statuses.jsonl").read_text(encoding="utf-8").splitlines()
    said = [(row["language"], re.sub(r"<[^>]+>", "", row["payload"]["content"])) for row in map(json.loads, rows)]
    assert [text[:18] for language, text in said if asks(text, [language])] == ["Who owns the mine?"]


# ---- to us, and answered ------------------------------------------------------------------------------------------------


def said(name: str, text: str, to: Post | None = None, *, by: str = "amina@two.example", **changes: object) -> Heard:
    author = Account(Network.MASTODON, f"https://{by}", by, by, "")
    made = post(text, uri=f"https://two.example/{name}", author=author, **changes)
    return Heard(made, to.ref if to else None, is_ours=by == "ours")


def waiting(*heard: Heard) -> list[str]:
    return [question.text for question in open_questions(DAY, heard)]


OURS = said("ours", "Good morning #shareASM", by="ours")
QUESTION = said("question", "What do masks cost?", OURS.post)


def test_a_question_below_our_post_waits() -> None:
    assert waiting(OURS, QUESTION) == ["What do masks cost?"]


def test_what_does_not_ask_waits_for_nothing() -> None:
    assert waiting(OURS, said("thanks", "Thank you!", OURS.post)) == []


def test_a_question_to_somebody_else_is_theirs() -> None:
    other = said("other", "Good morning #shareASM")
    assert waiting(OURS, other, said("aside", "How are you?", other.post)) == []


@pytest.mark.parametrize("by", ["ours", "iied@one.example", "@IIED@one.example", "pact@two.example"])
def test_a_question_is_answered_by_us_or_a_partner(by: str) -> None:
    assert waiting(OURS, QUESTION, said("answer", "Two dollars.", QUESTION.post, by=by)) == []


def test_a_strangers_answer_leaves_it_open() -> None:
    assert waiting(OURS, QUESTION, said("answer", "No idea.", QUESTION.post)) == ["What do masks cost?"]


def test_an_answer_further_down_answers_what_is_above() -> None:
    more = said("more", "I mean the good ones.", QUESTION.post)
    assert waiting(OURS, QUESTION, more, said("answer", "Two dollars.", more.post, by="pact@two.example")) == []


def test_a_further_question_below_our_answer_waits_again() -> None:
    answer = said("answer", "Two dollars.", QUESTION.post, by="iied@one.example")
    assert waiting(OURS, QUESTION, answer, said("further", "Each?", answer.post)) == ["Each?"]


def test_what_we_or_a_partner_ask_is_part_of_the_day() -> None:
    assert waiting(OURS, said("p", "What do you think?", OURS.post, by="pact@two.example")) == []


def test_who_waits_longest_comes_first() -> None:
    later = said("later", "And where?", OURS.post, at=NOON + minutes(5))
    earlier = said("earlier", "And when?", OURS.post, at=NOON - minutes(5))
    assert waiting(OURS, later, earlier) == ["And when?", "And where?"]


def test_posts_that_answer_each_other_in_a_circle_end_nobody() -> None:
    one = said("one", "Who?", by="pact@two.example")
    two = said("two", "You?", one.post)
    circle = Heard(one.post, two.post.ref, is_ours=False)
    assert waiting(circle, two) == []


@pytest.mark.parametrize(
    ("text", "html", "is_to_us"),
    [
        ("@iied@one.example what do masks cost?", "", True),
        ("Dear @IIED@one.example, why?", "", True),
        ("@iied why?", '<a href="https://one.example/@iied">@iied</a> why?', True),
        ("@iied why?", '<a href="https://social.example/users/iied/">@iied</a> why?', True),
        ("@iied why?", '<a href="https://other.example/@iied">@iied</a> why?', False),
        ("@iied why?", '<a href="https://one.example/@iied/123">a post</a> why?', False),
        ("@iied why?", '<a href="https://[">@iied</a> why?', False),
        ("@iied why?", "", False),
        ("@iied@one.example.org why?", "", False),
        ("mail iied@one.example, why?", "", False),
    ],
)
def test_a_post_that_names_our_account_on_mastodon_is_to_us(text: str, html: str, is_to_us: bool) -> None:
    assert mentions(post(text, html=SafeHtml(html)), MASTODON) is is_to_us


@pytest.mark.parametrize(
    ("text", "is_to_us"),
    [
        ("@iied.example why?", True),
        ("(@iied.example) why?", True),
        ("@iied.example.org why?", False),
        ("@my-iied.example?", False),
    ],
)
def test_a_post_that_names_our_account_on_bluesky_is_to_us(text: str, is_to_us: bool) -> None:
    asked = post(text, uri="at://did:plc:a/app.bsky.feed.post/3k", network=Network.BLUESKY)
    assert mentions(asked, BLUESKY) is is_to_us
    assert not mentions(asked, MASTODON)


def test_a_question_that_names_us_waits_wherever_it_stands() -> None:
    assert waiting(said("q", "@iied@one.example what do masks cost? #shareASM")) != []
    assert waiting(said("q", "@iied@one.example thank you #shareASM")) == []
    assert PostRef(Network.MASTODON, "https://two.example/q") == said("q", "").post.ref
