"""What a stand-in Mastodon shows under a hashtag, to whom, in which pages (platform facts 1.1 to 1.3, 1.6 to 1.9)."""

from collections.abc import Iterator
from typing import Any

import pytest

from mastodon_bench import STATUSES, TAG, Bench, picture, running
from shareasm.rehearsal.mastodon import Access, PollWish
from shareasm.rehearsal.mastodon.model import Card
from shareasm.rehearsal.mastodon.server import AccountFlags


@pytest.fixture(scope="module")
def _bench() -> Iterator[Bench]:
    with running() as bench:
        yield bench


@pytest.fixture
def bench(_bench: Bench) -> Bench:
    _bench.reset()
    _bench.server.instance.access = Access()
    return _bench


# ---- what is shown -----------------------------------------------------------------------------------------------------


def test_only_public_statuses_are_under_a_tag(bench: Bench) -> None:
    said = {
        word: bench.say(f"{word} #shareASM", visibility=word) for word in ("public", "unlisted", "private", "direct")
    }
    assert bench.ids() == [said["public"]["id"]]


def test_replies_are_shown_and_boosts_are_not(bench: Bench) -> None:
    said = bench.say("question #shareASM")
    reply = bench.say("answer #shareASM", bench.bakari, reply_to=said)
    bench.server.boost(bench.bakari, said)
    assert bench.ids() == [reply["id"], said["id"]]


@pytest.mark.parametrize("flags", [AccountFlags(is_silenced=True), AccountFlags(is_suspended=True)])
def test_limited_and_suspended_people_are_not_shown(bench: Bench, flags: AccountFlags) -> None:
    bench.say("hello #shareASM")
    bench.server.change(bench.amina, **flags)
    assert bench.ids() == []


def test_a_token_hides_whom_its_owner_blocks(bench: Bench) -> None:
    bench.say("hello #shareASM")
    bench.server.hide(bench.bakari, bench.amina)
    assert bench.tag(token=bench.bakari.token) == []
    assert len(bench.tag()) == 1


def test_an_unknown_tag_is_an_empty_list_without_link(bench: Bench) -> None:
    answer = bench.get(f"{TAG}/nobodysaidthis")
    assert (answer.status_code, answer.json()) == (200, [])
    assert "link" not in answer.headers


@pytest.mark.parametrize("asked", ["shareasm", "SHAREASM", "shareASM"])
def test_letter_case_does_not_matter(bench: Bench, asked: str) -> None:
    bench.say("hello #ShareAsm")
    assert len(bench.tag(asked)) == 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("#Café", "cafe"),
        ("#Łódź", "lodz"),
        ("#Straße", "straße"),
        ("#C++", "c"),
        ("#a-b", "a"),
        ("＃shareASM", "shareasm"),
        ("#हिन्दी", "हिन्दी"),
        ("one\n#two", "two"),
    ],
)
def test_tags_are_kept_under_mastodons_fold(bench: Bench, text: str, name: str) -> None:
    assert [tag["name"] for tag in bench.say(text)["tags"]] == [name]


@pytest.mark.parametrize("text", ["word#tag", "#16", "https://iied.example/#tag", "#"])
def test_what_is_no_tag_makes_none(bench: Bench, text: str) -> None:
    assert bench.say(text)["tags"] == []


def test_filters_take_four_names_and_forget_the_rest(bench: Bench) -> None:
    said = {name: bench.say(f"#{name} #x{name}")["id"] for name in ("one", "two", "three", "four", "five")}
    asked = bench.ids("one", any=["two", "three", "four", "five"])
    assert set(asked) == {said[name] for name in ("one", "two", "three", "four")}
    assert bench.ids("one", all=["xone"]) == [said["one"]]
    assert bench.ids("one", all=["xtwo"]) == []
    assert bench.ids("one", none=["XOne"]) == []


def test_only_media_shows_those_with_pictures(bench: Bench) -> None:
    bench.say("words #shareASM")
    shown = bench.say("picture #shareASM", media=[(picture(), "A pit")])
    assert bench.ids(only_media="true") == [shown["id"]]
    assert len(bench.ids(only_media="0")) == 2


def test_an_edit_moves_a_status_between_tags_and_keeps_its_place(bench: Bench) -> None:
    early = bench.say("early #other")
    late = bench.say("late #shareASM")
    bench.server.edit(early, "early #shareASM")
    assert bench.ids() == [late["id"], early["id"]]
    assert bench.ids("other") == []


# ---- pages ---------------------------------------------------------------------------------------------------------------


def _many(bench: Bench, count: int) -> list[str]:
    """Post so many; return their ids, oldest first."""
    return [bench.say(f"{number} #shareASM")["id"] for number in range(count)]


@pytest.mark.parametrize(("limit", "count"), [(None, 20), (5, 5), (40, 40), (80, 40), (0, 0), (-7, 7), ("x", 0)])
def test_a_page_has_twenty_by_default_and_forty_at_most(bench: Bench, limit: object, count: int) -> None:
    ids = _many(bench, 45)
    assert bench.ids(limit=limit) == ids[::-1][:count]


def test_the_three_bounds_differ(bench: Bench) -> None:
    ids = _many(bench, 10)
    assert bench.ids(max_id=ids[5], limit=2) == [ids[4], ids[3]]
    assert bench.ids(since_id=ids[2], limit=3) == [ids[9], ids[8], ids[7]]  # the middle is skipped
    assert bench.ids(min_id=ids[2], limit=3) == [ids[5], ids[4], ids[3]]  # right above, yet newest first
    assert bench.ids(min_id=ids[2], since_id=ids[8], limit=3) == [ids[5], ids[4], ids[3]]  # min_id wins
    assert bench.ids(min_id=ids[2], max_id=ids[5]) == [ids[4], ids[3]]


def test_a_deleted_status_is_still_a_bound(bench: Bench) -> None:
    ids = _many(bench, 3)
    bench.server.delete(bench.tag()[1])
    assert bench.ids(min_id=ids[1]) == [ids[2]]


def test_ids_tell_the_time(bench: Bench) -> None:
    status = bench.say("hello #shareASM")
    assert int(status["id"]) >> 16 == int(bench.clock.now().timestamp() * 1000)


def test_links_lead_both_ways_and_lose_the_filters(bench: Bench) -> None:
    ids = _many(bench, 5)
    answer = bench.get(
        f"{TAG}/shareasm", any=["a"], all=["shareasm"], none=["b"], remote="false", local="true", limit=2
    )
    base = f"{bench.server.url}{TAG}/shareasm"
    assert answer.headers["link"] == (
        f'<{base}?local=true&limit=2&max_id={ids[3]}>; rel="next", <{base}?local=true&limit=2&min_id={ids[4]}>; rel="prev"'
    )
    assert "link" not in bench.get(f"{TAG}/shareasm", max_id=ids[0]).headers


# ---- who may read --------------------------------------------------------------------------------------------------------

NEEDS_USER = {"error": "This method requires an authenticated user"}


@pytest.mark.parametrize(
    ("access", "query", "status"),
    [
        (Access(), {}, 200),
        (Access(remote="authenticated"), {}, 422),
        (Access(remote="authenticated"), {"local": "1"}, 200),
        (Access(remote="authenticated"), {"remote": "1"}, 422),
        (Access(local="disabled"), {"remote": "1"}, 200),
        (Access(local="disabled"), {}, 422),
    ],
)
def test_a_closed_half_needs_a_user_unless_it_is_left_out(
    bench: Bench, access: Access, query: dict[str, str], status: int
) -> None:
    bench.server.instance.access = access
    answer = bench.get(f"{TAG}/shareasm", **query)
    assert answer.status_code == status
    assert status == 200 or answer.json() == NEEDS_USER


def test_an_application_is_no_user(bench: Bench) -> None:
    bench.server.instance.access = Access(remote="authenticated")
    assert bench.get(f"{TAG}/shareasm", bench.server.token(None)).status_code == 422
    assert bench.get(f"{TAG}/shareasm", bench.amina.token).status_code == 200


def test_a_disabled_half_is_left_out_for_users_too(bench: Bench) -> None:
    bench.say("hello #shareASM")
    bench.server.instance.access = Access(local="disabled")
    assert bench.tag(token=bench.amina.token) == []


def test_an_instance_may_want_a_token_for_everything(bench: Bench) -> None:
    bench.server.instance.access = Access(needs_token_everywhere=True)
    assert (bench.get(f"{TAG}/shareasm").status_code, bench.get(f"{TAG}/shareasm").json()) == (401, NEEDS_USER)
    assert bench.get(f"{TAG}/shareasm", bench.amina.token).status_code == 200
    assert bench.get("/api/v2/instance").status_code == 200


def test_tokens_are_looked_at_before_anything_is_shown(bench: Bench) -> None:
    wrong = bench.get(f"{TAG}/shareasm", "nonsense")
    assert (wrong.status_code, wrong.json()) == (401, {"error": "The access token is invalid"})
    token = bench.server.token(bench.amina, "write:media")
    scopeless = bench.get(f"{TAG}/shareasm", token)
    assert (scopeless.status_code, scopeless.json()) == (403, {"error": "This action is outside the authorized scopes"})
    bench.server.revoke(token)
    assert bench.get(f"{TAG}/shareasm", token).status_code == 401


def test_the_instance_says_who_may_read(bench: Bench) -> None:
    bench.server.instance.access = Access(local="public", remote="authenticated")
    answer = bench.get("/api/v2/instance").json()
    feeds = answer["configuration"]["timelines_access"]["hashtag_feeds"]
    assert feeds == {"local": "public", "remote": "authenticated"}


def test_anonymous_answers_may_be_cached(bench: Bench) -> None:
    assert bench.get(f"{TAG}/x").headers["cache-control"].startswith("max-age=15, public")
    assert bench.get(f"{TAG}/x", bench.amina.token).headers["cache-control"] == "private, no-store"


# ---- one, many, around ---------------------------------------------------------------------------------------------------


def test_up_to_twenty_ids_can_be_asked_at_once(bench: Bench) -> None:
    ids = _many(bench, 21)
    gone, hidden = bench.say("gone"), bench.say("hidden", visibility="private")
    bench.server.delete(gone)
    answer = bench.get(STATUSES, id=[*ids[:17], gone["id"], hidden["id"], "1"]).json()
    assert {status["id"] for status in answer} == set(ids[:17])
    assert bench.get(STATUSES, id=ids).status_code == 422


def test_what_cannot_be_seen_is_not_found(bench: Bench) -> None:
    hidden = bench.say("hidden", visibility="private")
    answer = bench.get(f"{STATUSES}/{hidden['id']}")
    assert (answer.status_code, answer.json()) == (404, {"error": "Record not found"})
    assert bench.get(f"{STATUSES}/{hidden['id']}", bench.amina.token).status_code == 200
    assert bench.get(f"{STATUSES}/{hidden['id']}", bench.bakari.token).status_code == 404


def test_a_direct_status_is_for_those_it_names(bench: Bench) -> None:
    said = bench.say("@bakari hush", visibility="direct")
    assert bench.get(f"{STATUSES}/{said['id']}", bench.bakari.token).status_code == 200


def test_a_thread_is_told_around_a_status(bench: Bench) -> None:
    root = bench.say("root")
    first = bench.say("first", reply_to=root)
    deep = bench.say("deep", bench.bakari, reply_to=first)
    second = bench.say("second", reply_to=root)
    context = bench.get(f"{STATUSES}/{first['id']}/context").json()
    assert [status["id"] for status in context["ancestors"]] == [root["id"]]
    assert [status["id"] for status in context["descendants"]] == [deep["id"]]
    around = bench.get(f"{STATUSES}/{root['id']}/context").json()
    assert [status["id"] for status in around["descendants"]] == [first["id"], deep["id"], second["id"]]


def test_an_account_shows_boosts_unless_they_are_left_out(bench: Bench) -> None:
    said = bench.say("hello")
    boost = bench.server.boost(bench.bakari, said)
    path = f"/api/v1/accounts/{bench.bakari.id}/statuses"
    assert bench.get(path).json()[0]["reblog"]["id"] == said["id"]
    assert bench.get(path).json()[0]["id"] == boost["id"] != said["id"]
    assert bench.get(path, exclude_reblogs="true").json() == []


def test_a_feed_carries_the_statuses_of_a_tag(bench: Bench) -> None:
    said = bench.say("hello #shareASM", media=[(picture(), "A pit")])
    feed = bench.get("/tags/shareasm.rss")
    assert feed.headers["content-type"].startswith("application/rss+xml")
    assert f'<guid isPermaLink="true">{said["url"]}</guid>' in feed.text
    assert "<category>shareasm</category>" in feed.text


# ---- the shape of what is shown --------------------------------------------------------------------------------------------


def _link(url: str, prefix: str, shown: str, tail: str = "", after: str = "") -> str:
    return (
        f'<p><a href="{url}" target="_blank" rel="nofollow noopener" translate="no"><span class="invisible">{prefix}</span>'
        f'<span class="{"ellipsis" if tail else ""}">{shown}</span><span class="invisible">{tail}</span></a>{after}</p>'
    )


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one<br />two</p><p>three</p>"),
        ('<b> & "q"', "<p>&lt;b&gt; &amp; &quot;q&quot;</p>"),
        ("https://www.iied.example/", _link("https://www.iied.example/", "https://www.", "iied.example/")),
        (
            "http://iied.example/a-rather-long-address-that-is-cut.",
            _link(
                "http://iied.example/a-rather-long-address-that-is-cut",
                "http://",
                "iied.example/a-rather-long-add",
                "ress-that-is-cut",
                after=".",
            ),
        ),
        ("@nobody hi", "<p>@nobody hi</p>"),
    ],
)
def test_words_become_mastodons_html(bench: Bench, text: str, html: str) -> None:
    assert bench.say(text)["content"] == html


def test_a_tag_is_shown_as_typed_and_named_as_folded(bench: Bench) -> None:
    status = bench.say("#ShareASM")
    link = f'<a href="{bench.server.url}/tags/ShareASM" class="mention hashtag" rel="tag">#<span>ShareASM</span></a>'
    assert status["content"] == f"<p>{link}</p>"
    assert status["tags"] == [{"name": "shareasm", "url": f"{bench.server.url}/tags/shareasm"}]


def test_a_mention_links_to_a_known_person(bench: Bench) -> None:
    status = bench.say("@bakari hi")
    assert f'<a href="{bench.bakari.url}" class="u-url mention">@<span>bakari</span></a>' in status["content"]
    assert [mention["acct"] for mention in status["mentions"]] == ["bakari"]


def test_a_quote_is_drawn_once_and_named_in_the_words(bench: Bench) -> None:
    first = bench.say("first")
    second = bench.say("second", quote=first)
    third = bench.say("third", quote=second)
    assert second["quote"]["state"] == "accepted"
    assert second["content"].startswith('<p class="quote-inline">RE: <a href="')
    assert third["quote"]["quoted_status"]["quote"] == {"state": "accepted", "quoted_status_id": first["id"]}


def test_a_poll_hides_its_totals_when_told(bench: Bench) -> None:
    asked = bench.say("which?", poll=PollWish(("gold", "tin"), 3600, hides_totals=True))
    bench.server.vote(bench.bakari, asked, 1)
    poll = bench.get(f"/api/v1/polls/{asked['poll']['id']}").json()
    assert [option["votes_count"] for option in poll["options"]] == [None, None]
    bench.clock.advance(hours=2)
    poll = bench.get(f"/api/v1/polls/{asked['poll']['id']}").json()
    assert ([option["votes_count"] for option in poll["options"]], poll["expired"]) == ([0, 1], True)


def test_a_card_comes_later(bench: Bench) -> None:
    said = bench.say("https://iied.example/osh")
    assert said["card"] is None
    bench.server.give_card(said, Card("https://iied.example/osh", "Safety guide"))
    card: dict[str, Any] = bench.get(f"{STATUSES}/{said['id']}").json()["card"]
    assert (card["title"], card["type"]) == ("Safety guide", "link")


def test_counts_follow_what_people_do(bench: Bench) -> None:
    said = bench.say("hello")
    bench.say("hi", reply_to=said)
    bench.server.boost(bench.bakari, said)
    bench.server.favourite(bench.bakari, said)
    seen = bench.get(f"{STATUSES}/{said['id']}").json()
    assert [seen[f"{kind}_count"] for kind in ("replies", "reblogs", "favourites")] == [1, 1, 1]


def test_consent_flags_are_told(bench: Bench) -> None:
    person = bench.server.account("chinara", bio="No robots #nobot", is_noindex=True, is_indexable=False, is_bot=True)
    shown = bench.get(f"/api/v1/accounts/{person.id}").json()
    assert (shown["noindex"], shown["indexable"], shown["bot"], shown["discoverable"]) == (True, False, True, None)
    assert "#<span>nobot</span>" in shown["note"]
