"""The recap's rules: what is one post, who stands under whom, which posts a chapter chooses, what is counted."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recap_day import (
    A_STORY,
    GUIDE,
    MASTODON,
    OURS,
    OURS_TOO,
    a_campaign,
    a_day,
    a_post,
    a_slot,
    an_account,
    an_entry,
    at,
    shown,
)
from shareasm.domain.chapters import VOICES_SHOWN, Absence, Chapter, Day, balanced
from shareasm.domain.colours import NIGHT, PAPER, contrast, palette
from shareasm.domain.items import Item, make_items, picture_addresses
from shareasm.domain.placing import POSTS_PER_PART, anchor_of
from shareasm.domain.posts import Account, Card, Counts, Media, MediaKind, Network, Post
from shareasm.domain.queue import State
from shareasm.domain.recaps import Facts, Recap, arrange, narrate
from shareasm.domain.schedules import Kind, Part, Schedule
from shareasm.domain.stories import ChapterPlan, Narration, Rule, RuleKind, StoryPlan

AMINA = an_account("amina.example", "Amina")
BAKARI = an_account("bakari@mining.example", "Bakari", network=MASTODON)
CHINARA = an_account("chinara.example", "Chinara")


def told(*posts: Post, **changes: object) -> Recap:
    facts = Facts(a_campaign(), posts=[shown(post, number) for number, post in enumerate(posts, start=1)])
    return arrange(replace(facts, **changes))  # type: ignore[arg-type]


def refs(recap: Recap) -> list[str]:
    return [item.ref.uri.rsplit("/", 1)[-1] for item in recap.items]


def chapter(recap: Recap, number: int = 0) -> Chapter:
    return recap.chapters[number].chapter


def keys(items: tuple[Item, ...] | list[Item]) -> list[str]:
    return [item.ref.uri.rsplit("/", 1)[-1] for item in items]


# ---- one post, once ----------------------------------------------------------------------------------------------------


def test_posts_stand_in_order_of_time_however_they_arrived() -> None:
    recap = told(a_post("late", created_at=at("11:00")), a_post("early", created_at=at("08:00")))
    assert refs(recap) == ["early", "late"]


@pytest.mark.parametrize("named_by", ["uri", "url"])
def test_a_bridged_copy_is_named_beside_its_original(named_by: str) -> None:
    original = a_post("o", by=BAKARI, created_at=at("10:00"))
    name = original.ref.uri if named_by == "uri" else original.url
    copy = a_post("c", by=an_account("bakari.mining.example.ap.brid.gy"), created_at=at("09:59"), bridged_from=name)
    recap = told(copy, original)
    assert refs(recap) == ["o"]
    assert [place.url for place in recap.items[0].copies] == [copy.url]
    assert recap.numbers.copy_count == 1


def test_numbers_of_a_post_and_its_copies_are_told_together() -> None:
    original = a_post("o", by=BAKARI, counts=Counts(likes=3, reposts=1))
    bridge = an_account("bakari.mining.example.ap.brid.gy")
    copy = a_post("c", by=bridge, bridged_from=original.url, counts=Counts(likes=5))
    [item] = told(copy, original).items
    assert item.counts == Counts(likes=5, reposts=1)
    assert told(original).items[0].counts == original.counts


def test_a_bridged_copy_stands_for_itself_where_the_original_is_not_held() -> None:
    assert refs(told(a_post("c", bridged_from="https://elsewhere.example/1"))) == ["c"]


def test_copies_that_name_each_other_leave_one_post() -> None:
    one, two = a_post("1", by=AMINA), a_post("2", by=BAKARI)
    recap = told(replace(one, bridged_from=two.ref.uri), replace(two, bridged_from=one.ref.uri))
    assert len(recap.items) == 1


def test_a_partner_who_says_the_same_on_two_networks_within_minutes_is_shown_once() -> None:
    one = an_account("shareasm.iied.example")
    two = an_account("wanawake@mining.example", network=MASTODON)
    campaign = a_campaign()
    partner = replace(campaign.partners[0], accounts=("@shareasm.iied.example", "@wanawake@mining.example"))
    campaign = replace(campaign, partners=(partner,))
    words = "<p>News from the mine! #shareASM {}</p>"
    first = a_post("a", words.format("https://iied.example/x"), by=one, created_at=at("10:00"))
    second = a_post("b", words.format("iied.example/x"), by=two, created_at=at("10:05"))
    late = a_post("c", words.format(""), by=two, created_at=at("10:20"))
    assert refs(told(first, second, campaign=campaign)) == ["a"]
    assert refs(told(first, late, campaign=campaign)) == ["a", "c"]


def test_strangers_who_use_the_same_words_are_two_people() -> None:
    assert len(told(a_post("a", by=AMINA), a_post("b", by=BAKARI)).items) == 2


def test_our_own_post_on_two_networks_is_one_and_the_first_account_leads() -> None:
    slot = a_slot("welcome")
    one, two = a_post("b", by=OURS), a_post("m", by=OURS_TOO)
    entries = [an_entry(slot, two), an_entry(slot, one)]
    recap = told(two, one, entries=entries, schedule=Schedule((slot,)))
    assert refs(recap) == ["b"]
    assert recap.items[0].copies[0].network is MASTODON
    assert recap.items[0].highlight


def test_when_the_leading_copy_is_gone_the_other_one_stands() -> None:
    slot = a_slot("welcome")
    one, two = a_post("b", by=OURS), a_post("m", by=OURS_TOO)
    recap = told(two, entries=[an_entry(slot, one), an_entry(slot, two)], schedule=Schedule((slot,)))
    assert refs(recap) == ["m"]


def test_a_post_keeps_its_anchor_whatever_else_is_shown() -> None:
    post = a_post("x", created_at=at("12:00"))
    alone, among = told(post), told(a_post("y", created_at=at("08:00")), post)
    assert alone.items[0].anchor == among.items[1].anchor == anchor_of(post.ref)


def test_a_post_s_images_are_its_pictures_stills_and_card_and_none_behind_a_warning() -> None:
    media = (
        Media(MediaKind.IMAGE, "https://cdn.example/full.jpg", preview_url="https://cdn.example/small.jpg"),
        Media(MediaKind.VIDEO, "https://cdn.example/v.m3u8", preview_url="https://cdn.example/still.jpg"),
        Media(MediaKind.AUDIO, "https://cdn.example/a.mp3"),
    )
    card = Card("https://iied.example/", "IIED", image_url="https://cdn.example/full.jpg")
    post = a_post("x", media=media, card=card)
    assert picture_addresses(post) == ("https://cdn.example/full.jpg", "https://cdn.example/still.jpg")
    assert picture_addresses(post, is_covered=True) == ()


# ---- answers -----------------------------------------------------------------------------------------------------------


def test_answers_stand_under_our_highlight_also_when_they_answer_its_copy_or_each_other() -> None:
    slot = a_slot("welcome")
    one, two = a_post("b", by=OURS), a_post("m", by=OURS_TOO)
    direct = a_post("r1", by=BAKARI, reply_to=two.ref, created_at=at("09:10"))
    deeper = a_post("r2", by=CHINARA, reply_to=direct.ref, created_at=at("09:20"))
    recap = told(
        one, two, direct, deeper, entries=[an_entry(slot, one), an_entry(slot, two)], schedule=Schedule((slot,))
    )
    passage = chapter(recap).passages[0]
    assert keys(passage.answers) == ["r1", "r2"]
    assert len(recap.chapters) == 1  # and nowhere else in the story


def test_an_answer_whose_network_tells_only_a_local_id_finds_its_highlight_too() -> None:
    slot = a_slot("welcome")
    root = a_post("m", by=OURS_TOO)
    answer = shown(a_post("r", by=BAKARI, is_reply=True, created_at=at("09:10")), answers=root.ref)
    recap = told(entries=[an_entry(slot, root)], schedule=Schedule((slot,)), posts=[shown(root), answer])
    assert keys(chapter(recap).passages[0].answers) == ["r"]


def test_a_long_conversation_is_cut_and_says_how_much_more_there_is() -> None:
    slot = a_slot("welcome")
    root = a_post("b", by=OURS)
    answers = [
        a_post(f"r{n}", by=an_account(f"a{n}.example"), reply_to=root.ref, created_at=at("10:00")) for n in range(30)
    ]
    recap = told(root, *answers, entries=[an_entry(slot, root)], schedule=Schedule((slot,)))
    passage = chapter(recap).passages[0]
    assert len(passage.answers) + passage.more_answers_count == 30
    assert passage.more_answers_count == 22


def test_the_parts_of_a_thread_stand_under_its_first_in_order() -> None:
    slot = a_slot("thread", parts=tuple(Part({"en": {"": f"part {n}"}}) for n in range(3)))
    posts = [a_post(f"t{n}", by=OURS, created_at=at("09:00") + timedelta(seconds=n)) for n in range(3)]
    chained = [posts[0], *(replace(post, reply_to=posts[n].ref) for n, post in enumerate(posts[1:]))]
    recap = told(
        *chained, entries=[an_entry(slot, post, part=n) for n, post in enumerate(chained)], schedule=Schedule((slot,))
    )
    assert keys(chapter(recap).passages[0].parts) == ["t1", "t2"]
    assert not chapter(recap).passages[0].answers


def test_a_slot_in_several_languages_is_one_highlight_led_by_the_campaign_s_first() -> None:
    slot = a_slot("guide")
    french = a_post("f", by=OURS, languages=("fr",), created_at=at("09:00"))
    english = a_post("e", by=OURS, languages=("en",), created_at=at("09:01"))
    entries = [an_entry(slot, french, language="fr"), an_entry(slot, english)]
    recap = told(french, english, entries=entries, schedule=Schedule((slot,)))
    passages = chapter(recap).passages
    assert keys([passage.item for passage in passages]) == ["e"]
    assert [(copy.language, copy.url) for copy in passages[0].item.copies] == [("fr", french.url)]
    assert refs(recap) == ["f", "e"]  # the whole day has both


def test_answers_that_go_in_a_circle_end() -> None:
    one, two = a_post("1", by=AMINA), a_post("2", by=BAKARI)
    recap = told(
        replace(one, reply_to=two.ref), replace(two, reply_to=one.ref), replace(a_post("3"), reply_to=a_post("3").ref)
    )
    assert len(recap.items) == 3


# ---- choosing ----------------------------------------------------------------------------------------------------------

Drawn = list[tuple[Account, str, int, int]]  # author, language, answers, minute

_AUTHORS = [AMINA, BAKARI, CHINARA, an_account("d.example"), an_account("e@x.example", network=MASTODON)]
_PEOPLE = st.sampled_from(_AUTHORS)
_POSTS = st.lists(
    st.tuples(_PEOPLE, st.sampled_from(["en", "fr", "es", "ar"]), st.integers(0, 5), st.integers(0, 600)), max_size=25
)


def _items(drawn: Drawn) -> list[Item]:
    posts = []
    for key, (author, language, replies, minute) in enumerate(drawn):
        said_at = at("08:00") + timedelta(minutes=minute)
        posts.append(a_post(str(key), by=author, languages=(language,), counts=Counts(replies), created_at=said_at))
    return list(make_items(a_campaign(), Schedule(()), (), [shown(post) for post in posts]))


@given(_POSTS, st.integers(1, 12))
def test_a_balanced_choice_never_lets_an_author_speak_twice_in_a_row(drawn: Drawn, most: int) -> None:
    chosen = balanced(_items(drawn), most, lambda item: item.post.counts.replies)
    assert len(chosen) <= most
    assert all(one.post.author.ref != two.post.author.ref for one, two in pairwise(chosen))


@given(_POSTS)
def test_a_balanced_choice_hears_every_network_and_language_while_there_is_room(
    drawn: Drawn,
) -> None:
    items = _items(drawn)
    chosen = balanced(items, 12, lambda item: item.post.counts.replies, may_repeat=True)
    assert {item.ref.network for item in chosen} == {item.ref.network for item in items}
    assert {item.language for item in chosen} == {item.language for item in items}


@given(_POSTS, st.randoms())
def test_the_same_posts_in_any_order_give_the_same_choice(drawn: Drawn, random: Random) -> None:
    items = _items(drawn)
    shuffled = list(items)
    random.shuffle(shuffled)
    rank = [keys(balanced(order, 6, lambda item: item.post.counts.replies)) for order in (items, shuffled)]
    assert rank[0] == rank[1]


def test_conversation_goes_before_likes_and_reposts() -> None:
    loud = a_post("loud", by=AMINA, counts=Counts(likes=900, reposts=400), created_at=at("08:00"))
    talk = a_post("talk", by=CHINARA, counts=Counts(replies=3), created_at=at("09:00"))
    items = make_items(a_campaign(), Schedule(()), (), [shown(loud), shown(talk)])
    day = Day(items, ZoneInfo("UTC"), "en")
    assert keys(balanced(items, 1, day.conversation)) == ["talk"]


# ---- chapters ----------------------------------------------------------------------------------------------------------


def test_without_an_editor_the_welcome_opens_and_the_thanks_close_the_day() -> None:
    recap = arrange(a_day())
    headings = [one.chapter.heading for one in recap.chapters]
    assert headings[0] == "The day opens"
    assert headings[-1] == "Thanks"
    assert "Safety and health" in headings
    assert not recap.is_edited


def test_without_a_programme_the_day_is_told_by_its_hours() -> None:
    recap = told(a_post("m", created_at=at("08:00")), a_post("e", by=BAKARI, created_at=at("19:00")))
    assert [one.chapter.heading for one in recap.chapters] == ["Overheard in the morning", "Overheard in the evening"]


def test_a_chapter_of_voices_has_a_bound() -> None:
    posts = [a_post(f"{n}", by=an_account(f"a{n}.example"), created_at=at("10:00")) for n in range(50)]
    assert len(chapter(told(*posts)).passages) == VOICES_SHOWN


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(RuleKind.SLOT, "guide"), ["guide"]),
        (Rule(RuleKind.KIND, "publication"), ["guide", "dirty"]),
        (Rule(RuleKind.THEME, "safety and health"), ["guide", "dirty"]),
        (Rule(RuleKind.LANGUAGE, "pt"), ["v6"]),
        (Rule(RuleKind.LANGUAGE, "pt-BR"), ["v6"]),
        (Rule(RuleKind.HOUR, "14:00"), ["v12", "v13"]),
        (Rule(RuleKind.HOUR, "8"), ["v3", "v4"]),
        (Rule(RuleKind.POST, "https://bsky.example/aissata.example/v5"), ["v5"]),
        (Rule(RuleKind.POST, "at://did:plc:aissataexample/app.bsky.feed.post/v5"), ["v5"]),
        (Rule(RuleKind.POST, "https://social.example/@shareasm/guide"), ["guide"]),  # a copy's address finds its lead
    ],
)
def test_each_rule_of_the_editor_finds_its_posts(rule: Rule, expected: list[str]) -> None:
    recap = arrange(a_day(story=StoryPlan(chapters=(ChapterPlan("One", show=(rule,)),))))
    assert keys([passage.item for passage in chapter(recap).passages]) == expected


def test_a_rule_may_show_one_author_s_posts_in_a_row_as_the_editor_asked() -> None:
    recap = arrange(a_day(story=StoryPlan(chapters=(ChapterPlan("One", show=(Rule(RuleKind.LANGUAGE, "es"),)),))))
    assert keys([passage.item for passage in chapter(recap).passages]) == ["v9", "v17"]


def test_a_post_that_a_later_chapter_names_is_kept_for_it() -> None:
    wanted = "https://bsky.example/aissata.example/v5"
    chapters = (
        ChapterPlan("French", show=(Rule(RuleKind.LANGUAGE, "fr"),)),
        ChapterPlan("Kéniéba", show=(Rule(RuleKind.POST, wanted),)),
    )
    recap = arrange(a_day(story=StoryPlan(chapters=chapters)))
    assert "v5" not in keys([passage.item for passage in chapter(recap, 0).passages])
    assert keys([passage.item for passage in chapter(recap, 1).passages]) == ["v5"]


def test_no_post_stands_twice_in_the_story() -> None:
    everything = tuple(Rule(RuleKind.HOUR, str(hour)) for hour in range(24))
    chapters = tuple(ChapterPlan(name, show=everything, most=40) for name in "abc")
    recap = arrange(a_day(story=StoryPlan(chapters=chapters)))
    stood = [
        item.ref
        for one in recap.chapters
        for passage in one.chapter.passages
        for item in (passage.item, *passage.parts, *passage.answers)
    ]
    assert len(stood) == len(set(stood))


def test_a_chapter_shows_no_more_than_its_plan_says() -> None:
    plan = ChapterPlan("One", show=tuple(Rule(RuleKind.HOUR, str(hour)) for hour in range(24)), most=3)
    assert len(chapter(arrange(a_day(story=StoryPlan(chapters=(plan,))))).passages) == 3


def test_a_rule_ends_after_its_own_number_of_posts() -> None:
    rules = (Rule(RuleKind.THEME, "safety and health", most=1), Rule(RuleKind.HOUR, "14:00", most=1))
    recap = arrange(a_day(story=StoryPlan(chapters=(ChapterPlan("One", show=rules),))))
    assert [keys([passage.item for passage in chapter(recap).passages])[0], len(chapter(recap).passages)] == [
        "guide",
        2,
    ]


def test_what_the_editor_chose_and_is_gone_is_said() -> None:
    missing = chapter(arrange(a_day(story=A_STORY)), 1).missing
    assert [(one.rule.value, one.why) for one in missing] == [("https://bsky.example/gone/1", Absence.NEVER_SEEN)]


# ---- numbers, hours, shelf, thanks, credits ----------------------------------------------------------------------------


def test_the_numbers_count_each_post_once() -> None:
    numbers = arrange(a_day()).numbers
    assert numbers.post_count == 31
    assert numbers.ours_count == 7
    assert numbers.copy_count == 7
    assert sum(count for _, count in numbers.networks) == numbers.post_count
    assert numbers.language_count == len(numbers.languages) == 13


def test_a_post_without_a_declared_language_adds_none() -> None:
    numbers = told(a_post("x", languages=())).numbers
    assert numbers.language_count == 0
    assert numbers.languages == (("", 1),)


def test_every_hour_of_the_window_is_there_also_the_silent_ones() -> None:
    recap = arrange(a_day())
    assert len(recap.hours) == 16
    assert sum(hour.count for hour in recap.hours) == recap.numbers.post_count
    assert sum(hour.ours_count for hour in recap.hours) == recap.numbers.ours_count


def test_hours_follow_the_campaign_s_zone_also_where_it_is_half_an_hour_aside() -> None:
    campaign = a_campaign(zone=ZoneInfo("Asia/Kolkata"), opens_at=at("03:30"), closes_at=at("05:30"))
    recap = told(a_post("a", created_at=at("04:29")), a_post("b", created_at=at("04:30")), campaign=campaign)
    assert [(hour.starts_at.strftime("%H:%M"), hour.count) for hour in recap.hours] == [("09:00", 1), ("10:00", 1)]


def test_a_window_of_minutes_has_one_hour() -> None:
    assert len(told(a_post("a"), campaign=a_campaign(opens_at=at("09:10"), closes_at=at("09:13"))).hours) == 1


def test_the_shelf_knows_who_shared_a_resource() -> None:
    card = Card(GUIDE.editions[1].url + "/", "Un guide")
    recap = told(a_post("s", by=CHINARA, card=card))
    assert [(entry.resource.id, [one.name for one in entry.sharers]) for entry in recap.shelf] == [
        ("osh-guide", ["Chinara"]),
        ("dirty-work", []),
    ]


def test_a_resource_counts_a_slot_once_and_no_post_of_others_as_ours() -> None:
    recap = arrange(a_day())
    for entry in recap.shelf:
        slots = [item.highlight.slot.id for item in entry.items if item.highlight]
        assert len(slots) == len(entry.items) == len(set(slots))


def test_everybody_but_us_is_thanked_once_in_order_of_name() -> None:
    names = [one.account.name for one in arrange(a_day()).contributors]
    assert names.count("Kwame Boateng ⛏️🇬🇭") == 1
    assert "shareASM" not in names
    assert names.index("Amina") < names.index("Chinara")


def test_our_pictures_are_credited_once() -> None:
    assert [one.picture.file for one in arrange(a_day()).credits] == ["dialogue.jpg"]


def test_the_plan_counts_what_was_not_sent_and_not_what_was_cancelled() -> None:
    plan = arrange(a_day()).plan
    assert (plan.planned_count, plan.sent_count, len(plan.unsent)) == (14, 13, 1)


@pytest.mark.parametrize("state", [State.WITHDRAWING, State.WITHDRAWN])
def test_what_was_taken_back_was_sent_and_is_counted_apart(state: State) -> None:
    day = a_day()
    entries = [replace(e, state=state) if n == 0 else e for n, e in enumerate(day.entries)]
    plan = arrange(replace(day, entries=entries)).plan
    assert (plan.planned_count, plan.sent_count, len(plan.unsent), plan.taken_back_count) == (14, 13, 1, 1)


def test_the_whole_day_comes_in_parts() -> None:
    posts = [a_post(f"{n}", by=an_account(f"a{n}.example")) for n in range(POSTS_PER_PART + 1)]
    recap = told(*posts)
    assert [(part.name, len(part.items)) for part in recap.parts] == [("day-4", POSTS_PER_PART), ("day-4-2", 1)]
    assert [[part.page for part in parts] for parts in recap.hour_parts] == [["4", "4-2"]]
    assert recap.items[-1].page == "4-2"


def test_a_long_story_shows_fewer_answers_and_says_how_many_more_there_are() -> None:
    slots = [a_slot(f"s{n}", theme="one") for n in range(30)]
    ours = [a_post(f"s{n}", by=OURS, created_at=at("08:00") + timedelta(seconds=n)) for n in range(30)]
    answers = [
        a_post(f"{post.ref.uri[-3:]}{n}", by=an_account(f"a{n}.example"), reply_to=post.ref, created_at=at("09:00"))
        for post in ours
        for n in range(10)
    ]
    entries = [an_entry(slot, post) for slot, post in zip(slots, ours, strict=True)]
    rules = (*(Rule(RuleKind.SLOT, slot.id) for slot in slots), Narration("words"))
    story = StoryPlan(chapters=(ChapterPlan("All", show=rules, most=40),))
    recap = told(*ours, *answers, entries=entries, schedule=Schedule(tuple(slots)), story=story)
    (one,) = recap.chapters
    assert len(one.chapter.blocks) == 31
    assert {(len(passage.answers), passage.more_answers_count) for passage in one.chapter.passages} == {(2, 8)}
    few = told(*ours[:3], *answers[:30], entries=entries[:3], schedule=Schedule(tuple(slots)), story=story)
    assert {len(passage.answers) for passage in few.chapters[0].chapter.passages} == {8}


def test_a_page_of_the_day_lists_its_posts_by_the_hour_and_knows_what_they_answer() -> None:
    one = a_post("1", created_at=at("08:59"))
    two = a_post("2", created_at=at("09:00"), reply_to=one.ref)
    recap = told(one, two)
    (part,) = recap.parts
    assert [(hour, [item.ref for item in items]) for hour, items in part.by_hour(recap.campaign.zone)] == [
        (at("08:00"), [one.ref]),
        (at("09:00"), [two.ref]),
    ]
    assert [(parent := recap.parent_of(item)) and parent.ref for item in recap.items] == [None, one.ref]


def test_an_empty_day_is_a_recap_too() -> None:
    recap = told()
    assert recap.chapters == ()
    assert recap.parts == ()


def test_the_same_facts_give_the_same_recap() -> None:
    assert arrange(a_day()) == arrange(a_day())


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("", ""),
        ("**bold** [a](https://iied.example)", '<strong>bold</strong> <a href="https://iied.example"'),
        ("<script>pwn(1)</script>", "&lt;script&gt;"),
        ("[x](javascript:pwn(1))", "[x](javascript"),
        ("![x](https://canary.invalid/x.png)", "!"),
    ],
)
def test_the_narrator_s_markdown_brings_neither_html_nor_pictures(markdown: str, html: str) -> None:
    told_html = narrate(markdown)
    assert html in told_html
    assert "<img" not in told_html
    assert "<script" not in told_html


# ---- colours -----------------------------------------------------------------------------------------------------------


@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True))
def test_any_accent_becomes_readable_on_both_page_colours(accent: str) -> None:
    shades = palette(accent)
    assert contrast(shades.on_paper, PAPER) >= 4.5
    assert contrast(shades.on_night, NIGHT) >= 4.5


@pytest.mark.parametrize("accent", [None, "", "red", "#12345", "#12345g", "url(x)"])
def test_what_is_no_colour_becomes_our_own(accent: str | None) -> None:
    assert palette(accent) == palette("#8a4b08")


def test_a_readable_accent_stays_as_it_is() -> None:
    assert palette("#8a4b08").on_paper == "#8a4b08"


def test_networks_are_counted_by_name() -> None:
    assert dict(told(a_post("x", by=BAKARI)).numbers.networks) == {Network.MASTODON: 1}


def test_kinds_all_have_a_heading_of_their_own() -> None:
    slots = [a_slot(f"{kind.name.lower()}-{n}", "09:00", kind) for kind in Kind for n in (1, 2)]
    posts = [a_post(slot.id, by=OURS) for slot in slots]
    entries = [an_entry(slot, post) for slot, post in zip(slots, posts, strict=True)]
    recap = told(*posts, entries=entries, schedule=Schedule(tuple(slots)))
    assert len(recap.chapters) == len(Kind)


def test_many_chapters_of_one_post_are_one_between_welcome_and_thanks() -> None:
    kinds = (Kind.WELCOME, Kind.NEWS, Kind.EVENT, Kind.VIDEO, Kind.THANKS)
    slots = [a_slot(kind.name.lower(), f"{9 + n}:00", kind) for n, kind in enumerate(kinds)]
    ours = [a_post(slot.id, by=OURS, created_at=slot.due_at) for slot in slots]
    entries = [an_entry(slot, post) for slot, post in zip(slots, ours, strict=True)]
    heard = [a_post(f"v{clock}", created_at=at(clock)) for clock in ("03:00", "08:00", "16:00")]

    def headings(*posts: Post) -> list[str]:
        facts = {"entries": entries, "schedule": Schedule(tuple(slots))}
        return [one.chapter.heading for one in told(*posts, **facts).chapters]

    assert headings(*ours, *heard) == ["The day opens", "Voices of the day", "From our programme", "Thanks"]
    two_of_each = (ours[1], ours[2], heard[0], heard[1])
    assert headings(*two_of_each) == [
        "Overheard before dawn", "Overheard in the morning", "News of the day", "Where people meet",
    ]  # fmt: skip
