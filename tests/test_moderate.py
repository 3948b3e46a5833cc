"""A person decides what waits: said once, written down, and never stronger than what people asked for."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from clocks import FixedClock
from factories import NOON, campaign, minutes, post, seen, source
from shareasm import collect, moderate
from shareasm.collect import Desk
from shareasm.domain.campaigns import Campaign, Effect, Moderation, Source, SourceKind
from shareasm.domain.forgetting import Kind
from shareasm.domain.moderation import UNSEEN, Choice, Decision, Reason
from shareasm.domain.posts import Account, Network, Post, PostRef
from shareasm.errors import ConfigError
from shareasm.forget import find, forget
from shareasm.moderate import Decided, Hand, Outcome
from shareasm.networks.ports import Page
from shareasm.showing import judge
from shareasm.storage import acts, decisions
from shareasm.storage.engine import open_engine, reading, transaction
from shareasm.storage.schema import upgrade

SKY = Source("bluesky:sky.example", SourceKind.SEARCH, "https://sky.example")


def by(name: str, number: int, **changes: object) -> Post:
    ref = PostRef(Network.MASTODON, f"https://m.example/users/{name}/statuses/{number}")
    handle, page = f"{name}@m.example", f"https://m.example/@{name}"
    author = Account(Network.MASTODON, f"https://m.example/users/{name}", handle, name.title(), page)
    at = NOON + minutes(number)
    return post(**{"ref": ref, "url": f"{page}/{number}", "author": author, "at": at, **changes})  # type: ignore[arg-type]


def bridged(original: Post, key: str) -> Post:
    did = "did:plc:bridge"
    twin = Account(Network.BLUESKY, did, f"{original.author.handle.replace('@', '.')}.ap.brid.gy", "Copy", "")
    return replace(
        original,
        ref=PostRef(Network.BLUESKY, f"at://{did}/app.bsky.feed.post/{key}"),
        url=f"https://bsky.app/profile/{did}/post/{key}",
        author=twin,
        bridged_from=original.url,
    )


class Office:
    """Somebody at a desk with a store behind it."""

    def __init__(self, tmp_path: Path, day: Campaign) -> None:
        self.engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
        upgrade(self.engine)
        self.day = day
        self.minute = 0

    def put(self, *said: Post) -> None:
        desk = Desk(self.engine, self.day, FixedClock(NOON))
        for number, one in enumerate(said):
            at = source("m.example") if one.ref.network is Network.MASTODON else SKY
            item = replace(seen(), post=one, local_id=f"{number}7")
            collect.store(desk, at, Page(posts=(item,)), "shareasm")

    def hand(self, reason: str = "") -> Hand:
        self.minute += 1
        return Hand("jo", NOON + minutes(self.minute), reason)

    def approve(self, *addresses: str) -> list[Decided]:
        return moderate.approve(self.engine, self.day, addresses, self.hand())

    def hide(self, *addresses: str, reason: str = "threats") -> list[Decided]:
        return moderate.hide(self.engine, self.day, addresses, self.hand(reason))

    def waits(self) -> list[tuple[str, str | None]]:
        found = moderate.waiting(self.engine, self.day)
        return [(item.stored.post.url, item.verdict.held_by) for item in found]

    def shown(self) -> list[str]:
        return [item.stored.post.url for item in judge(self.engine, self.day) if item.verdict.show]

    def trail(self) -> list[tuple[str, str, str | None, str | None]]:
        with reading(self.engine) as connection:
            return [(act.by, act.act, act.about, act.reason) for act in acts.of_campaign(connection, self.day.slug)]


@pytest.fixture
def careful(tmp_path: Path) -> Office:
    """A day that shows only what a person approved."""
    return Office(tmp_path, campaign(moderation=Moderation.APPROVE))


@pytest.fixture
def open_day(tmp_path: Path) -> Office:
    return Office(tmp_path, campaign())


def outcomes(done: Sequence[Decided]) -> list[Outcome]:
    return [one.outcome for one in done]


def test_what_nobody_has_looked_at_waits_the_newest_last_and_is_shown_once_approved(careful: Office) -> None:
    first, second = by("amina", 1), by("bakari", 2)
    careful.put(second, first)
    assert careful.waits() == [(first.url, UNSEEN), (second.url, UNSEEN)]
    assert outcomes(careful.approve(first.url)) == [Outcome.APPROVED]
    assert (careful.shown(), careful.waits()) == ([first.url], [(second.url, UNSEEN)])


def test_what_a_rule_holds_waits_also_where_all_else_is_shown(tmp_path: Path) -> None:
    office = Office(tmp_path, campaign(rules={"content warning": Effect.HOLD}))
    held, adult = by("amina", 1, content_warning="dust"), by("bakari", 2, labels=frozenset({"nudity"}))
    office.put(held, adult, by("chinara", 3))
    assert office.waits() == [(held.url, "content warning"), (adult.url, "adult")]
    office.approve(held.url, adult.url)
    assert (len(office.shown()), office.waits()) == (3, [])


def test_several_are_decided_at_once_each_with_who_what_and_why(open_day: Office) -> None:
    first, second = by("amina", 1), by("bakari", 2)
    open_day.put(first, second)
    assert outcomes(open_day.hide(first.url, second.ref.uri)) == [Outcome.HIDDEN] * 2
    assert open_day.shown() == []
    assert open_day.trail() == [("jo", "hide", one.ref.uri, "threats") for one in (first, second)]


def test_deciding_the_same_again_changes_nothing_and_leaves_no_second_trace(open_day: Office) -> None:
    one = by("amina", 1)
    open_day.put(one)
    open_day.hide(one.url)
    open_day.hide("@amina@m.example")
    trail = open_day.trail()
    assert outcomes(open_day.hide(one.url, "@amina@m.example", reason="again")) == [Outcome.AS_BEFORE] * 2
    assert open_day.trail() == trail


def test_who_changes_their_mind_is_followed(open_day: Office) -> None:
    one = by("amina", 1)
    open_day.put(one)
    open_day.hide(one.url)
    assert outcomes(open_day.approve(one.url)) == [Outcome.APPROVED]
    assert open_day.shown() == [one.url]
    assert [act for _, act, _, _ in open_day.trail()] == ["hide", "approve"]


@pytest.mark.parametrize("words", ["@amina@m.example", "amina@m.example", "https://m.example/@amina"])
def test_an_account_is_hidden_with_all_that_it_said_and_will_say(open_day: Office, words: str) -> None:
    open_day.put(by("amina", 1), by("bakari", 2))
    (done,) = open_day.hide(words)
    assert (done.outcome, done.target.kind, len(done.target.posts)) == (Outcome.HIDDEN, Kind.ACCOUNT, 1)
    open_day.put(by("amina", 3))
    assert open_day.shown() == [by("bakari", 2).url]
    assert open_day.trail() == [("jo", "hide", "amina@m.example", "threats")]


def test_an_account_is_hidden_also_where_its_server_does_not_tell_its_address(open_day: Office) -> None:
    """GoToSocial and Takahē name no actor: what they show of one person goes by the page, what others show by the actor."""
    here, away = by("amina", 1), by("amina", 2)
    here = replace(here, author=replace(here.author, ref=here.author.url))
    open_day.put(away)
    open_day.hide("@amina@m.example")
    open_day.put(here)
    assert open_day.shown() == []
    open_day.approve("@amina@m.example")
    assert len(open_day.shown()) == 2


def test_an_account_that_was_hidden_by_its_address_stays_hidden_until_it_is_approved(open_day: Office) -> None:
    """So earlier versions wrote it down."""
    said = by("amina", 1)
    open_day.put(said)
    with transaction(open_day.engine) as connection:
        address = PostRef(Network.MASTODON, said.author.ref)
        decisions.decide(connection, Decision(address, Choice.HIDE, "jo", NOON))
    assert open_day.shown() == []
    assert outcomes(open_day.approve("@amina@m.example")) == [Outcome.UNHIDDEN]
    assert open_day.shown() == [said.url]


def test_an_account_that_is_hidden_hides_what_was_approved_before_and_one_post_may_be_approved_after(
    careful: Office,
) -> None:
    before, after = by("amina", 1), by("amina", 2)
    careful.put(before, after)
    careful.approve(before.url)
    careful.hide("@amina@m.example")
    assert careful.shown() == []
    careful.approve(after.url)
    assert careful.shown() == [after.url]
    assert outcomes(careful.hide("@amina@m.example")) == [Outcome.HIDDEN]  # again, and that one too
    assert careful.shown() == []


def test_an_account_whose_posts_were_hidden_one_by_one_can_be_hidden_for_what_comes(open_day: Office) -> None:
    open_day.put(by("amina", 1))
    open_day.hide(by("amina", 1).url)
    assert outcomes(open_day.hide("@amina@m.example")) == [Outcome.HIDDEN]
    open_day.put(by("amina", 2))
    assert open_day.shown() == []


def test_an_account_is_hidden_no_longer_and_its_posts_are_still_approved_one_by_one(careful: Office) -> None:
    careful.put(by("amina", 1))
    careful.hide("@amina@m.example")
    assert careful.waits() == []
    assert outcomes(careful.approve("@amina@m.example")) == [Outcome.UNHIDDEN]
    assert careful.waits() == [(by("amina", 1).url, UNSEEN)]
    assert outcomes(careful.approve("@amina@m.example")) == [Outcome.AS_BEFORE]
    assert [act for _, act, _, _ in careful.trail()] == ["hide", "unhide"]


def test_a_post_and_its_bridged_copy_wait_and_are_decided_as_one(careful: Office) -> None:
    one = by("amina", 1)
    careful.put(one, bridged(one, "3kcopy"))
    assert careful.waits() == [(one.url, UNSEEN)]
    (done,) = careful.approve(one.url)
    assert len(done.target.posts) == 2
    assert len(careful.shown()) == 2
    careful.hide(bridged(one, "3kcopy").url)
    assert careful.shown() == []


def test_a_copy_that_is_held_waits_for_its_original(open_day: Office) -> None:
    one = by("amina", 1)
    copy = replace(bridged(one, "3kcopy"), labels=frozenset({"nudity"}))
    open_day.put(one, copy)
    assert open_day.shown() == []  # what a labeller says of the words holds for both
    assert open_day.waits() == [(copy.url, "adult")]
    open_day.approve(copy.url)
    assert open_day.shown() == [one.url, copy.url]


def test_an_account_is_hidden_with_its_twin_beyond_a_bridge(open_day: Office) -> None:
    one, later = by("amina", 1), by("amina", 9)
    open_day.put(one, bridged(one, "3kcopy"), by("bakari", 2))
    open_day.hide("@amina@m.example")
    open_day.put(bridged(later, "3klater"))
    assert open_day.shown() == [by("bakari", 2).url]


def test_who_only_claims_to_be_a_copy_is_not_approved_with_the_original(careful: Office) -> None:
    one = by("amina", 1)
    claims = by("mallory", 2, text="Buy gold now #shareASM", network=Network.BLUESKY, bridged_from=one.url)
    claims = replace(claims, ref=PostRef(Network.BLUESKY, "at://did:plc:mallory/app.bsky.feed.post/3kx"))
    careful.put(one, claims)
    careful.approve(one.url)
    assert careful.shown() == [one.url]


WISH = Account(Network.MASTODON, "https://m.example/users/s", "s@m.example", "S", "", is_noindex=True)


def test_an_approval_cannot_show_what_its_author_or_network_said_no_to_and_it_says_so(open_day: Office) -> None:
    shy = by("s", 1, author=WISH)
    limited = by("t", 2, author=replace(WISH, ref="https://m.example/users/t", is_noindex=False, is_suspended=True))
    open_day.put(shy, limited)
    done = open_day.approve(shy.url, limited.url)
    assert [one.withheld_by for one in done] == [Reason.NOINDEX, Reason.SUSPENDED]
    assert open_day.shown() == []


def test_a_copy_of_what_is_withheld_names_the_reason_of_the_original(open_day: Office) -> None:
    shy = by("s", 1, author=WISH)
    open_day.put(shy, bridged(shy, "3kcopy"))
    (done,) = open_day.approve(bridged(shy, "3kcopy").url)
    assert done.withheld_by is Reason.NOINDEX


def test_a_post_is_known_by_its_page_on_the_server_that_showed_it(open_day: Office) -> None:
    open_day.put(by("amina", 1), by("bakari", 2))
    open_day.hide("https://m.example/@bakari@elsewhere.example/17")
    assert open_day.shown() == [by("amina", 1).url]


def test_one_wrong_address_stops_all_and_every_wrong_one_is_named(open_day: Office) -> None:
    open_day.put(by("amina", 1))
    with pytest.raises(ConfigError, match=r"(?s)m\.example/9.*@nobody@m\.example.*Nothing was changed"):
        open_day.hide(by("amina", 1).url, "https://m.example/9", "@nobody@m.example")
    assert (open_day.shown(), open_day.trail()) == ([by("amina", 1).url], [])


@pytest.mark.parametrize("words", ["@amina@m.example", "https://m.example/@amina/1", "https://m.example/@amina/77"])
def test_who_was_forgotten_is_not_said_to_be_unknown(open_day: Office, tmp_path: Path, words: str) -> None:
    open_day.put(by("amina", 1))
    forget(open_day.engine, find(open_day.engine, "@amina@m.example"), tmp_path, lambda: NOON)
    with pytest.raises(ConfigError, match="was forgotten, as somebody asked"):
        open_day.approve(words)


def test_who_is_forgotten_leaves_decisions_and_audit_trail_without_a_name(open_day: Office, tmp_path: Path) -> None:
    open_day.put(by("amina", 1))
    open_day.hide(by("amina", 1).url, reason="amina asked")
    open_day.hide("@amina@m.example", reason="amina again")
    forget(open_day.engine, find(open_day.engine, "@amina@m.example"), tmp_path, lambda: NOON)
    assert open_day.trail() == [("jo", "hide", None, None)] * 2
    with reading(open_day.engine) as connection:
        assert decisions.all_decisions(connection) == {}


def test_an_edited_post_keeps_its_decision(open_day: Office) -> None:
    open_day.put(by("amina", 1))
    open_day.hide(by("amina", 1).url)
    open_day.put(by("amina", 1, text="Nicer words #shareASM", edited_at=NOON + minutes(9)))
    assert open_day.shown() == []
