"""The policy page says what the program does, of this campaign."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from factories import campaign, source
from shareasm.campaign_files import load_campaign
from shareasm.domain.campaigns import Effect, Moderation, SourceKind
from shareasm.domain.keeping import YEAR, Keep
from shareasm.domain.moderation import RULES, Reason
from shareasm.policy import policy

ROOT = Path(__file__).parent.parent


def test_the_example_campaigns_page_is_the_one_in_the_documents() -> None:
    """After a wanted change: shareasm policy config/campaigns/shareasm-2027 > docs/privacy.md"""
    loaded = load_campaign(ROOT / "config" / "campaigns" / "shareasm-2027")
    assert loaded.campaign
    assert policy(loaded.campaign) == (ROOT / "docs" / "privacy.md").read_text()


@pytest.mark.parametrize("reason", set(Reason) - {Reason.INCOMPLETE})
def test_every_rule_by_which_a_post_is_left_out_is_named(reason: Reason) -> None:
    own = {"automated": Effect.HIDE}
    assert reason.words in policy(campaign(moderation=Moderation.APPROVE, rules=own))


def test_a_day_without_approval_does_not_speak_of_it() -> None:
    assert Reason.NOT_APPROVED.words not in policy(campaign())


def test_it_names_every_place_that_is_watched_and_whom_to_write_to() -> None:
    page = policy(campaign(sources=(source("m.example"), source("jet.example", SourceKind.JETSTREAM))))
    assert "on m.example" in page
    assert "public stream" in page
    assert "[shareasm@iied.example](mailto:shareasm@iied.example)" in page


def test_it_says_what_is_read_of_each_place() -> None:
    timeline, feed = source("m.example"), source("blog.example/feed.xml", SourceKind.FEED)
    page = policy(campaign(sources=(timeline, feed)))
    assert "on m.example\n" in page
    assert "the feed of blog.example/feed.xml, as far as it carries the hashtag" in page
    page = policy(campaign(sources=(replace(timeline, account="ours"), replace(feed, takes_all=True))))
    assert "on m.example, and its live stream, by our account there" in page
    assert "the feed of blog.example/feed.xml, all of it" in page


def test_it_says_that_servers_may_close_themselves_to_programs() -> None:
    assert "that its robots.txt closes to `shareasm`, or to all programs, are not read" in policy(campaign())


def test_it_promises_nothing_that_the_campaign_has_made_looser() -> None:
    looser = {"no indexing": Effect.SHOW, "adult": Effect.COVER}
    page = policy(campaign(rules=looser))
    assert Reason.NOINDEX.words not in page
    assert Reason.ADULT.words not in page
    assert "none of your posts" not in page
    assert "none of your posts" in policy(campaign())


def test_it_names_every_rule_with_what_this_campaign_does_by_it() -> None:
    page = policy(campaign())
    assert all(f"| {rule.about} | " in page for rule in RULES)
    assert "| behind a content warning of their author | shown folded" in page
    stricter = policy(campaign(rules={"content warning": Effect.NEVER_STORE, "not indexable": Effect.HIDE}))
    assert "| behind a content warning of their author | counted, not even kept |" in stricter
    assert "| by authors who did not opt in to search engines | counted, not shown |" in stricter
    assert "suggested | shown; their author stands in no list of people and in no feed |" in stricter


def test_the_teams_guide_names_every_rule_with_what_it_usually_does() -> None:
    guide = (ROOT / "docs" / "comms.md").read_text()
    rows = [row.split("|") for row in guide.splitlines() if row.startswith("| `")]
    usual = {name.strip(" `"): cells[-2].strip(" `") for _, first, *cells in rows for name in first.split(",") if cells}
    assert {rule.name: usual.get(rule.name) for rule in RULES} == {rule.name: rule.effect for rule in RULES}


def test_it_says_that_answers_without_the_tag_are_read_where_they_are() -> None:
    assert "also without the hashtag" in policy(campaign())
    assert "also without the hashtag" not in policy(campaign(follows_replies=False))
    assert "people who did not post under the hashtag" in policy(campaign(follows_replies=False))


def test_it_says_how_long_each_thing_is_kept() -> None:
    page = policy(campaign())
    assert "as they came: 90 days" in page
    assert "30 days\n  after the day" in page
    assert "as long as the page is there" in page
    own = policy(campaign(keep=Keep(raw=timedelta(days=7), unshown=timedelta(days=1), posts=2 * YEAR)))
    assert "as they came: 7 days" in own
    assert "1 day\n" in own
    assert "2 years after the day. Then they leave the page too." in own
