"""One post once: what is joined and what is not, who leads, what the numbers are, whose wish holds for whom."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import combinations
from random import Random
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import NOON, campaign, minutes, post
from recap_day import a_slot, an_entry
from shareasm.domain.campaigns import Campaign, Partner, Role
from shareasm.domain.joins import Joined, join, says_the_same, tied, withheld_with_others
from shareasm.domain.moderation import Reason
from shareasm.domain.posts import Account, Counts, Network, Post, PostRef, Ties
from shareasm.domain.queue import QueueEntry

BLUESKY, MASTODON = Network.BLUESKY, Network.MASTODON
WORDS = "Good morning from Geita, where the mine opens late today #shareASM"
DAY = campaign(partners=(Partner("pit", "The Pit", Role.MINERS, accounts=("@pit.example", "@pit@m.example")),))


def on_mastodon(number: int = 1, handle: str = "amina@m.example", **changes: object) -> Post:
    name, _, host = handle.partition("@")
    ref = PostRef(MASTODON, f"https://{host}/users/{name}/statuses/{number}")
    return replace(said(ref, f"https://{host}/@{name}/{number}", handle), **changes)  # type: ignore[arg-type]


def on_bluesky(number: int = 1, handle: str = "amina.example", **changes: object) -> Post:
    did = f"did:plc:{handle.replace('.', '')}"
    ref = PostRef(BLUESKY, f"at://{did}/app.bsky.feed.post/{number}")
    return replace(said(ref, f"https://bsky.app/profile/{did}/post/{number}", handle), **changes)  # type: ignore[arg-type]


def said(ref: PostRef, url: str, handle: str) -> Post:
    author = Account(ref.network, f"https://people.example/{handle}", handle, handle, "")
    return post(ref=ref, url=url, author=author, text=WORDS)


ORIGINAL = on_mastodon(counts=Counts(replies=2, reposts=1, likes=5))
BRIDGED = on_bluesky(
    handle="amina.m.example.ap.brid.gy", bridged_from=ORIGINAL.url, counts=Counts(replies=1, reposts=3, likes=4)
)
SKY = on_bluesky()
SKY_BRIDGED = on_mastodon(
    handle="amina.example@bsky.brid.gy",
    ref=PostRef(MASTODON, f"https://bsky.brid.gy/convert/ap/{SKY.ref.uri}"),
    bridged_from=SKY.ref.uri,
)


def joined(*posts: Post, entries: tuple[QueueEntry, ...] = (), day: Campaign = DAY) -> Joined:
    return join(day, entries, posts)


def sent(one: Post, account: str, slot: str = "welcome") -> QueueEntry:
    return an_entry(a_slot(slot), one, account=account)


# ---- bridges -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("original", "copy"), [(ORIGINAL, BRIDGED), (SKY, SKY_BRIDGED)], ids=["to sky", "from sky"])
def test_a_bridges_copy_is_joined_to_its_original_which_leads(original: Post, copy: Post) -> None:
    earlier = replace(copy, created_at=original.created_at - minutes(1))
    assert joined(earlier, original).leads == {copy.ref: original.ref}


@pytest.mark.parametrize("name", [ORIGINAL.ref.uri, ORIGINAL.url])
def test_a_bridge_may_name_identity_or_address(name: str) -> None:
    assert joined(ORIGINAL, replace(BRIDGED, bridged_from=name)).lead(BRIDGED.ref) == ORIGINAL.ref


def test_without_its_original_a_copy_stands_for_itself() -> None:
    assert joined(BRIDGED).leads == {}


def test_two_copies_of_one_original_that_we_do_not_hold_are_one() -> None:
    other = replace(BRIDGED, ref=PostRef(BLUESKY, BRIDGED.ref.uri + "b"), created_at=NOON + minutes(1))
    assert joined(BRIDGED, other).leads == {other.ref: BRIDGED.ref}
    assert joined(BRIDGED, other).counts == {BRIDGED.ref: BRIDGED.counts}


def test_a_stranger_who_claims_to_be_a_copy_is_not_believed() -> None:
    claim = on_bluesky(handle="mallory.example", bridged_from=ORIGINAL.url, text="Buy my gold #shareASM")
    assert joined(ORIGINAL, claim).leads == {}


def test_a_copy_under_its_own_domain_is_believed_where_it_says_the_same() -> None:
    own_domain = on_bluesky(handle="amina.example", bridged_from=ORIGINAL.url)
    assert joined(ORIGINAL, own_domain).lead(own_domain.ref) == ORIGINAL.ref


@pytest.mark.parametrize("words", [WORDS, "Buy my gold #shareASM"])
def test_who_writes_down_the_originals_address_as_theirs_is_nobody(words: str) -> None:
    thief = on_mastodon(handle="a@aaa.example", url=ORIGINAL.url, text=words)
    assert joined(thief, ORIGINAL, BRIDGED).leads == {BRIDGED.ref: ORIGINAL.ref}
    assert withheld(thief, ORIGINAL, BRIDGED, because={thief.ref: Reason.GONE}) == set()


def test_posts_with_names_from_before_2017_are_known_by_their_address_too() -> None:
    old = replace(ORIGINAL, ref=PostRef(MASTODON, "tag:m.example,2017-02-01:objectId=1:objectType=Status"))
    assert joined(old, BRIDGED).leads == {BRIDGED.ref: old.ref}


def test_of_posts_under_one_address_that_which_says_the_same_is_meant() -> None:
    other = on_mastodon(0, url=ORIGINAL.url, text="Another post under the same address")
    assert joined(other, ORIGINAL, BRIDGED).leads == {BRIDGED.ref: ORIGINAL.ref}


def test_a_crowd_under_one_address_costs_no_more_than_a_few() -> None:
    crowd = [on_mastodon(number, url=ORIGINAL.url, text=f"words {number}") for number in range(2, 800)]
    copies = [replace(BRIDGED, ref=PostRef(BLUESKY, f"at://did:plc:x/{number}")) for number in range(800)]
    started_at = process_time()
    joined(ORIGINAL, *crowd, *copies)
    assert process_time() - started_at < 3  # each with each would take half a minute


@pytest.mark.parametrize(
    ("copy", "original", "same"),
    [
        ("Safer mines, now! https://m.example/x #shareASM", "safer mines now #ShareASM", True),
        ("One two three four five six sev… [m.example/1]", "One two three four five six seven eight nine", True),
        ("One two three fo…", "One two three four five", False),
        ("", "", False),
        ("Buy gold", "Safer mines", False),
    ],
)
def test_words_are_compared_without_addresses_and_up_to_where_a_bridge_cut(
    copy: str, original: str, same: bool
) -> None:
    assert says_the_same(copy, original) is same


# ---- declared crossposts -----------------------------------------------------------------------------------------------


def test_one_slot_on_several_accounts_is_one_post_and_the_first_accounts_leads() -> None:
    ours, sky = on_mastodon(handle="us@memory.example"), on_bluesky(handle="us.example", text="In other words")
    early = replace(sky, created_at=NOON - minutes(5))
    assert joined(ours, early, entries=(sent(early, "sky"), sent(ours, "ours"))).leads == {sky.ref: ours.ref}


def test_two_slots_are_two_posts_also_in_the_same_words() -> None:
    ours, sky = on_mastodon(handle="pit@m.example"), on_bluesky(handle="pit.example")
    assert joined(ours, sky, entries=(sent(ours, "ours"), sent(sky, "sky", slot="other"))).leads == {}


def test_a_slot_that_was_not_sent_or_is_not_held_joins_nothing() -> None:
    ours = on_mastodon()
    unsent = replace(sent(ours, "sky"), receipt=None)
    assert joined(ours, entries=(sent(ours, "ours"), unsent, sent(SKY, "sky"))).leads == {}


def test_a_partners_same_words_on_both_networks_within_minutes_are_one_post() -> None:
    first = on_bluesky(handle="pit.example")
    second = on_mastodon(handle="pit@m.example", created_at=NOON + minutes(9))
    assert joined(first, second).leads == {second.ref: first.ref}


@pytest.mark.parametrize(
    "second",
    [
        on_mastodon(handle="pit@m.example", created_at=NOON + minutes(11)),
        on_mastodon(handle="pit@m.example", text="Something else #shareASM"),
        on_mastodon(handle="bakari@m.example"),
        on_bluesky(2, handle="pit.example"),
    ],
    ids=["later", "other words", "somebody else", "same network"],
)
def test_all_others_stay_apart(second: Post) -> None:
    assert joined(on_bluesky(handle="pit.example"), second).leads == {}


def test_posts_without_words_are_never_the_same() -> None:
    first, second = on_bluesky(handle="pit.example", text="!"), on_mastodon(handle="pit@m.example", text="?")
    assert joined(first, second).leads == {}


# ---- numbers -----------------------------------------------------------------------------------------------------------


def test_of_a_bridged_pair_the_greater_number_counts_for_the_bridge_carries_some_over() -> None:
    assert joined(ORIGINAL, BRIDGED).counts == {ORIGINAL.ref: Counts(replies=2, reposts=3, likes=5)}


def test_what_was_posted_on_two_networks_adds_up_and_its_bridged_copies_do_not() -> None:
    ours = replace(ORIGINAL, bridged_from=None)
    sky = on_bluesky(9, handle="us.example", counts=Counts(likes=10, quotes=1))
    found = joined(ours, sky, BRIDGED, entries=(sent(ours, "ours"), sent(sky, "sky")))
    assert found.counts == {ours.ref: Counts(replies=2, reposts=3, likes=15, quotes=1)}


def test_copies_that_name_each_other_are_one_post_once() -> None:
    one, two = on_bluesky(1), on_bluesky(2)
    one, two = replace(one, bridged_from=two.url), replace(two, bridged_from=one.url, counts=Counts(likes=2))
    assert joined(one, two).leads == {two.ref: one.ref}
    assert joined(one, two).counts == {one.ref: Counts(likes=2)}


# ---- whose wish holds for whom -----------------------------------------------------------------------------------------


def withheld(*posts: Post, because: dict[PostRef, Reason]) -> frozenset[PostRef]:
    return withheld_with_others(posts, because, joined(*posts))


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.NOT_APPROVED}))
def test_a_withheld_original_withholds_its_copies_and_theirs(reason: Reason) -> None:
    again = on_mastodon(7, handle="x@bsky.brid.gy", bridged_from=BRIDGED.ref.uri)
    assert withheld(ORIGINAL, BRIDGED, again, because={ORIGINAL.ref: reason}) == {BRIDGED.ref, again.ref}


def test_who_claims_to_copy_a_withheld_post_is_withheld_too() -> None:
    claim = on_bluesky(handle="mallory.example", bridged_from=ORIGINAL.url, text="Buy my gold #shareASM")
    assert withheld(ORIGINAL, claim, because={ORIGINAL.ref: Reason.GONE}) == {claim.ref}


@pytest.mark.parametrize("reason", [Reason.HIDDEN, Reason.ADULT, Reason.TAKEN_DOWN])
def test_what_was_decided_about_the_words_of_a_bridges_copy_holds_for_the_original(reason: Reason) -> None:
    assert withheld(ORIGINAL, BRIDGED, because={BRIDGED.ref: reason}) == {ORIGINAL.ref}
    claim = on_bluesky(handle="mallory.example", bridged_from=ORIGINAL.url)
    assert withheld(ORIGINAL, claim, because={claim.ref: reason}) == set()


@pytest.mark.parametrize("reason", [Reason.GONE, Reason.UNCONFIRMED, Reason.INCOMPLETE, Reason.NOT_APPROVED])
def test_a_copy_that_is_gone_or_waits_says_nothing_of_the_original(reason: Reason) -> None:
    assert withheld(ORIGINAL, BRIDGED, because={BRIDGED.ref: reason}) == set()


def test_an_original_that_waits_for_approval_lets_an_approved_copy_be_shown() -> None:
    assert withheld(ORIGINAL, BRIDGED, because={ORIGINAL.ref: Reason.NOT_APPROVED}) == set()


def test_what_we_hid_is_hidden_wherever_it_was_posted() -> None:
    first, second = on_bluesky(handle="pit.example"), on_mastodon(handle="pit@m.example", created_at=NOON + minutes(2))
    assert withheld(first, second, because={second.ref: Reason.HIDDEN}) == {first.ref}
    assert withheld(first, second, because={second.ref: Reason.GONE}) == set()


# ---- whatever the order ------------------------------------------------------------------------------------------------

_NAMES = st.sampled_from(
    [ORIGINAL.url, ORIGINAL.ref.uri, SKY.ref.uri, BRIDGED.ref.uri, "https://elsewhere.example/1", None]
)


@st.composite
def days(draw: st.DrawFn) -> list[Post]:
    """Posts by few people with few words, who claim to copy each other all over."""
    posts = {one.ref: one for one in draw(st.sampled_from([(), (ORIGINAL, SKY), (BRIDGED,)]))}
    for number in range(draw(st.integers(1, 9))):
        handle = draw(st.sampled_from(["pit.example", "amina.example", "amina.m.example.ap.brid.gy"]))
        home = draw(st.sampled_from(["pit@m.example", "amina@m.example"]))
        made = on_bluesky(number, handle) if draw(st.booleans()) else on_mastodon(number, home)
        posts[made.ref] = replace(
            made,
            created_at=NOON + minutes(draw(st.integers(0, 25))),
            text=draw(st.sampled_from([WORDS, "Other words #shareASM"])),
            bridged_from=draw(_NAMES),
            counts=Counts(likes=draw(st.integers(0, 9))),
        )
    return [*posts.values()]


@given(days(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(posts: list[Post], random: Random) -> None:
    before = joined(*posts)
    random.shuffle(posts)
    assert joined(*posts) == before
    reasons = {one.ref: Reason.GONE for one in posts[::2]}
    assert withheld(*posts, because=reasons) == withheld(*reversed(posts), because=reasons)


@given(days())
def test_no_post_is_lost_each_leads_or_has_a_lead_that_is_there(posts: list[Post]) -> None:
    found = joined(*posts)
    refs = {one.ref for one in posts}
    for copy, lead in found.leads.items():
        assert {copy, lead} <= refs
        assert copy != lead
        assert found.lead(lead) == lead


@given(days())
def test_numbers_are_never_less_than_one_networks_nor_more_than_all(posts: list[Post]) -> None:
    found = joined(*posts)
    likes = {one.ref: one.counts.likes for one in posts}
    for lead, counts in found.counts.items():
        group = [likes[ref] for ref in likes if found.lead(ref) == lead]
        assert max(group) <= counts.likes <= sum(group)


@given(days())
def test_strangers_on_one_network_are_never_joined_but_by_a_bridge(posts: list[Post]) -> None:
    plain = [replace(one, bridged_from=None) for one in posts]
    found = joined(*plain)
    for one, other in combinations({one.ref: one for one in plain}.values(), 2):
        if found.lead(one.ref) == found.lead(other.ref):
            assert {one.author.handle.split("@")[0].split(".")[0], other.author.handle[:3]} == {"pit"}


# ---- what bears on a post ----------------------------------------------------------------------------------------------


def bearing_on(of_all: Iterable[Post], *said: Post) -> frozenset[PostRef]:
    all_ties = [Ties(one.ref, one.url, one.bridged_from) for one in of_all]

    def look_up(names: Collection[str]) -> list[Ties]:
        return [one for one in all_ties if {one.ref.uri, one.url, one.bridged_from} & set(names)]

    return tied(said, look_up)


def test_originals_copies_and_copies_of_copies_bear_on_a_post_and_strangers_do_not() -> None:
    original, stranger = on_mastodon(1), on_mastodon(2, "bela@m.example")
    copy = on_bluesky(1, bridged_from=original.url)
    again = on_mastodon(3, "bridge@b.example", bridged_from=copy.ref.uri)
    of_all = [original, stranger, copy, again]
    assert bearing_on(of_all, copy) == {original.ref, again.ref}
    assert bearing_on(of_all, again, copy) == {original.ref}
    assert bearing_on(of_all, stranger) == set()


def test_copies_of_one_post_that_nobody_holds_bear_on_each_other() -> None:
    one, other = (on_bluesky(number, bridged_from="https://m.example/@amina/1") for number in (1, 2))
    assert bearing_on([one, other], one) == {other.ref}
