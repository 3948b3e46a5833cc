"""Where posts stand: links to them hold when others go, and when late ones come."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from recap_day import a_campaign, a_post, an_account, at, shown
from shareasm.domain.placing import POSTS_PER_PART, WEIGHT_PER_PART, anchor_of, place
from shareasm.domain.posts import Post
from shareasm.domain.recaps import Facts, arrange

DAY = a_campaign()


def said(*clocks: str, begin: int = 0) -> list[Post]:
    return [
        a_post(f"{number}", by=an_account("a.example"), created_at=at(clock) + timedelta(microseconds=number))
        for number, clock in enumerate(clocks, start=begin)
    ]


def kept(posts: Sequence[Post], pages: Sequence[str]) -> dict[str, str]:
    return {anchor_of(post.ref): page for post, page in zip(posts, pages, strict=True)}


def full(hour: str, count: int) -> list[Post]:
    return said(*[hour] * count)


def test_a_small_day_is_one_page_and_a_large_one_has_a_page_an_hour() -> None:
    assert place(DAY, said("06:00", "21:00"), {}) == ["1", "1"]
    large = [*full("06:30", POSTS_PER_PART), *said("05:00", "14:00", begin=900)]
    large.sort(key=lambda post: post.created_at)
    assert place(DAY, large, {}) == ["1", *["1"] * (POSTS_PER_PART - 1), "1-2", "9"]


def test_heavy_posts_fill_a_page_sooner_and_the_heaviest_has_one_alone() -> None:
    words = "<p>" + "x" * (WEIGHT_PER_PART // 3) + "</p>"
    posts = [replace(post, html=words) for post in said(*["06:00"] * 5)]  # type: ignore[arg-type]
    posts[2] = replace(posts[2], html="x" * WEIGHT_PER_PART)  # type: ignore[arg-type]
    assert place(DAY, posts, {}) == ["1", "1", "1-2", "1-3", "1-3"]


@given(st.integers(POSTS_PER_PART + 1, 3 * POSTS_PER_PART), st.sets(st.integers(0, 200)))
def test_once_the_day_is_over_nothing_moves_whatever_goes(count: int, gone: set[int]) -> None:
    posts = full("10:00", count)
    pages = place(DAY, posts, {})
    left = [number for number in range(count) if number not in gone]
    assert place(DAY, [posts[number] for number in left], kept(posts, pages)) == [pages[number] for number in left]


def test_a_late_post_takes_room_after_the_one_before_it_and_moves_none() -> None:
    posts = full("10:00", POSTS_PER_PART + 50)
    stood = kept(posts, place(DAY, posts, {}))
    late = said("10:00", begin=5000)
    assert place(DAY, [*posts, *late], stood)[-1] == "5-2"
    early = replace(late[0], created_at=at("10:00") + timedelta(microseconds=3))
    among = [*posts[:3], early, *posts[3:]]
    pages = place(DAY, among, stood)
    assert pages[3] == "5-2", "its neighbours' page is full"
    assert [*pages[:3], *pages[4:]] == list(stood.values())
    assert place(DAY, [*among[:100], *among[101:]], stood)[3] == "5", "a place became free"


def test_a_small_day_that_grows_after_its_end_keeps_its_first_page() -> None:
    posts = full("10:00", 150)
    stood = kept(posts, place(DAY, posts, {}))
    more = [*posts, *said(*["12:00"] * 100, begin=1000)]
    assert place(DAY, more, stood) == ["1"] * POSTS_PER_PART + ["1-2"] * 50


def test_what_is_withdrawn_leaves_its_anchor_where_it_stood_and_no_post_beside_it() -> None:
    posts = [*full("10:00", POSTS_PER_PART), *said("12:00", begin=900)]
    facts = Facts(DAY, posts=[shown(post) for post in posts], is_over=True)
    before = arrange(facts)
    stood = {item.anchor: item.page for item in before.items}
    after = arrange(replace(facts, posts=facts.posts[1:-1], stood=stood))
    assert [part.name for part in after.parts] == ["day-5"]
    assert after.parts[0].withdrawn == (anchor_of(posts[0].ref),)
    assert [(part.name, part.items, part.withdrawn) for part in after.bare_parts] == [
        ("day-7", (), (anchor_of(posts[-1].ref),))
    ]
    assert before.bare_parts == ()


def test_while_the_day_goes_on_pages_grow_with_it() -> None:
    posts = full("10:00", POSTS_PER_PART + 1)
    early = arrange(Facts(DAY, posts=[shown(post) for post in posts[:10]]))
    stood = {item.anchor: item.page for item in early.items}
    assert set(stood.values()) == {"1"}
    later = arrange(Facts(DAY, posts=[shown(post) for post in posts], stood=stood))
    assert {item.page for item in later.items} == {"5", "5-2"}
