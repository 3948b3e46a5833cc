"""The audience lives through any campaign's day, the same way each time, with everything that the program must cope with."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from threading import Thread

import httpx
import pytest

from clocks import FixedClock
from factories import campaign
from shareasm.domain.campaigns import Campaign
from shareasm.rehearsal.audience import Audience
from shareasm.rehearsal.drawings import draw
from shareasm.rehearsal.voices import load_voices
from shareasm.rehearsal.world import World, open_world

LONG_TAG = "AVeryLongTagOfAVeryLongDay"


def live(world: World, audience: Audience, clock: FixedClock) -> list[str]:
    """Let the day pass from one event to the next."""
    happened = []
    while audience.next_at is not None:
        clock.set(audience.next_at)
        happened += audience.step()
    return happened


def whole_day(day: Campaign, seed: int = 1) -> list[str]:
    clock = FixedClock(day.opens_at)
    world = World.build(clock)
    try:
        return live(world, Audience(world, day, clock, seed), clock)
    finally:
        world.stop()


@pytest.fixture(scope="module")
def lived() -> Iterator[World]:
    """A world in which the day has passed; the campaign posted at noon, in English on Mastodon and in French on Bluesky."""
    clock = FixedClock(campaign().opens_at)
    with World.build(clock) as world:
        audience = Audience(world, campaign(), clock)
        ours, ours_too = world.home.account("shareasm"), world.bluesky.account("shareasm.iied.example")
        for minute in range(0, 12 * 40, 40):
            clock.set(campaign().opens_at + timedelta(minutes=minute))
            audience.step()
            world.home.say(ours, f"Highlight at minute {minute} #shareASM", language="en")
            world.bluesky.say(ours_too, f"À la minute {minute} #shareASM", ["fr"])
        live(world, audience, clock)
        yield world


def statuses(world: World) -> list[Mapping[str, object]]:
    return [status for server in (world.home, world.away) for status in server.statuses() if status["reblog"] is None]


def test_the_same_seed_gives_the_same_day() -> None:
    assert whole_day(campaign(), seed=7) == whole_day(campaign(), seed=7)
    assert whole_day(campaign(), seed=7) != whole_day(campaign(), seed=8)


@pytest.mark.parametrize(
    "day",
    [
        campaign(),
        campaign(hashtags=(LONG_TAG, "Other"), name="A day of long names"),
        campaign(opens_at=campaign().opens_at, closes_at=campaign().opens_at + timedelta(minutes=3)),
    ],
    ids=["a day", "long tags", "three minutes"],
)
def test_no_word_of_the_script_and_the_chorus_is_refused(day: Campaign) -> None:
    voices = load_voices()
    chorus_count = sum(
        min(2, sum(language in who.speaks and not who.is_scripted for who in voices.cast.values()))
        for language, sentences in voices.chorus.items()
        for _ in sentences
    )
    assert len(whole_day(day)) == len(voices.script) + chorus_count


def test_forty_people_say_some_two_hundred_things_in_many_languages(lived: World) -> None:
    posts, others = lived.bluesky.posts(), statuses(lived)
    assert len(load_voices().cast) >= 40
    assert 200 <= len(posts) + len(others) <= 300
    languages = {str(status["language"]) for status in others} | {str(post.value["langs"][0]) for post in posts}
    assert {"en", "fr", "es", "sw", "pt", "ar", "mn"} <= languages


def test_what_is_said_carries_the_campaigns_tag(lived: World) -> None:
    tagged = [post for post in lived.bluesky.posts() if "#shareASM" in str(post.value["text"])]
    assert len(tagged) > 80
    assert any("shareASM" in post.value.get("tags", []) for post in lived.bluesky.posts())


def test_people_answer_what_the_campaign_posts_on_both_networks(lived: World) -> None:
    ours = lived.bluesky.find("shareasm.iied.example")
    mine = {post.uri for post in lived.bluesky.posts(ours)}
    answers = [
        post for post in lived.bluesky.posts() if post.value.get("reply", {}).get("parent", {}).get("uri") in mine
    ]
    assert answers
    assert {post.value["langs"][0] for post in answers} == {"fr"}
    highlights = [status for status in lived.home.statuses() if str(status["text"]).startswith("Highlight")]
    assert sum(int(str(status["replies_count"])) for status in highlights) > 3
    assert sum(int(str(status["favourites_count"])) for status in highlights) > 20


def test_some_answer_without_the_tag(lived: World) -> None:
    replies = [str(post.value["text"]) for post in lived.bluesky.posts() if "reply" in post.value]
    replies += [str(status["text"]) for status in statuses(lived) if status["in_reply_to_id"]]
    bare = [text for text in replies if "#" not in text]
    assert 0 < len(bare) < len(replies) / 2


def test_questions_are_addressed_to_the_campaigns_account(lived: World) -> None:
    asked = [post for post in lived.bluesky.posts() if str(post.value["text"]).startswith("@shareasm.iied.example")]
    assert len(asked) >= 3
    mentions = [status["mentions"] for status in statuses(lived) if str(status["text"]).startswith("@shareasm@")]
    assert len(mentions) >= 3
    assert all(mentions)


def test_some_pictures_have_a_description_and_some_have_none(lived: World) -> None:
    alts = [item["description"] for status in statuses(lived) for item in status["media_attachments"]]
    assert any(alts)
    assert not all(alts)


def test_a_bridged_copy_names_its_original(lived: World) -> None:
    (copy,) = [post for post in lived.bluesky.posts() if "bridgyOriginalUrl" in post.value]
    assert copy.value["bridgyOriginalUrl"] in {status["uri"] for status in statuses(lived)}


def test_somebody_corrects_and_somebody_takes_back(lived: World) -> None:
    texts = [str(status["text"]) for status in statuses(lived)]
    assert any("blue tank, not the green one" in text for text in texts)
    assert not any("Wrong photo" in text for text in texts)
    assert any(status["edited_at"] for status in statuses(lived))
    assert not any("Hot take" in str(post.value["text"]) for post in lived.bluesky.posts())


def test_some_ask_not_to_be_shown(lived: World) -> None:
    accounts = {str(status["account"]["username"]): status["account"] for status in statuses(lived)}
    assert accounts["noindex_nana"]["noindex"] is True
    assert "#nobot" in accounts["mzee_dhahabu"]["note"].replace("<span>", "").replace("</span>", "")
    assert any(status["visibility"] == "private" for status in statuses(lived))
    answer = httpx.get(
        f"{lived.bluesky.appview_url}/xrpc/app.bsky.actor.getProfile", params={"actor": "quiet-river.example"}
    )
    assert answer.json()["labels"][0]["val"] == "!no-unauthenticated"


def test_who_leaves_takes_everything_along(lived: World) -> None:
    url = f"{lived.bluesky.appview_url}/xrpc/app.bsky.actor.getProfile"
    assert httpx.get(url, params={"actor": "gone-by-noon.example"}).json()["error"] == "AccountDeactivated"


def test_one_warns_and_one_sends_hostile_html(lived: World) -> None:
    found = statuses(lived)
    assert [status["spoiler_text"] for status in found if status["spoiler_text"]] == ["health: mercury at home"]
    assert any("<script>" in str(status["content"]) for status in found)
    seen_elsewhere = httpx.get(f"{lived.home.url}/api/v1/timelines/tag/shareASM", params={"limit": 40})
    assert seen_elsewhere.status_code == 200


def test_look_alike_tags_are_about(lived: World) -> None:
    texts = [str(post.value["text"]) for post in lived.bluesky.posts()] + [str(s["text"]) for s in statuses(lived)]
    assert any("#shareASMs" in text for text in texts)
    assert any("#shareASMology" in text for text in texts)


def test_many_threads_may_step_and_nothing_happens_twice() -> None:
    day = campaign()
    clock = FixedClock(day.opens_at)
    world = World.build(clock)
    audience = Audience(world, day, clock)
    clock.set(day.opens_at + timedelta(hours=4))
    happened: list[str] = []
    threads = [Thread(target=lambda: happened.extend(audience.step())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.stop()
    other = FixedClock(day.opens_at)
    alone = World.build(other)
    other.set(day.opens_at + timedelta(hours=4))
    assert sorted(happened) == sorted(Audience(alone, replace(day), other).run_until(other.now()))
    alone.stop()


def test_a_campaign_may_have_an_account_of_the_same_name() -> None:
    clock = FixedClock(campaign().opens_at)
    world = World.build(clock)
    world.home.account("ankobra")
    world.bluesky.account("geita-women.example")
    Audience(world, campaign(), clock)
    assert world.bluesky.find("too-geita-women.example") is not None
    world.stop()


def test_posts_under_the_tag_are_counted() -> None:
    clock = FixedClock(campaign().opens_at)
    with open_world(clock) as world:
        audience = Audience(world, campaign(), clock)
        live(world, audience, clock)
        made = len(world.bluesky.posts()) + len(statuses(world))
        assert 0.9 * made < audience.posted_count < 1.1 * made


def test_a_drawing_is_the_same_every_time_and_differs_by_seed() -> None:
    assert draw("pan", 1) == draw("pan", 1)
    assert draw("pan", 1) != draw("pan", 2)
    assert draw("pan", 1).startswith(b"\x89PNG")
