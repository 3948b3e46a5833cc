"""What may be shown: whose wish outweighs whose."""

import itertools
from dataclasses import replace

import pytest

from recap_day import a_campaign, a_post, an_account, at
from shareasm.domain.campaigns import Blocked, Effect, Moderation
from shareasm.domain.moderation import (
    ADULT_LABELS,
    HARMFUL_LABELS,
    OPT_OUT_TAGS,
    RULES,
    UNSEEN,
    Choice,
    Decision,
    Reason,
    Rule,
    Verdict,
    count_reasons,
    decision_about,
    is_shown_all_the_same,
    may_be_listed,
    may_show,
    of_author,
    why_not_stored,
)
from shareasm.domain.posts import Account, Network, Post, Visibility

POST = a_post("one")
OPEN = a_campaign()
APPROVE = a_campaign(moderation=Moderation.APPROVE)


def by(**changes: object) -> Post:
    return replace(POST, author=replace(POST.author, **changes))  # type: ignore[arg-type]


def decided(choice: Choice) -> Decision:
    return Decision(POST.ref, choice, "chinara", at("10:00"))


def verdict(post: Post, **changes: object) -> Verdict:
    facts = {"is_gone": False, "is_complete": True, "decision": None, "campaign": OPEN} | changes
    return may_show(post, **facts)  # type: ignore[arg-type]


WISHES = [
    (replace(POST, visibility=Visibility.UNLISTED), Reason.NOT_PUBLIC),
    (replace(POST, visibility=Visibility.PRIVATE), Reason.NOT_PUBLIC),
    (by(labels=frozenset({"!no-unauthenticated"})), Reason.SIGNED_IN_ONLY),
    (by(labels=frozenset({"!hide"})), Reason.TAKEN_DOWN),
    (replace(POST, labels=frozenset({"!takedown"})), Reason.TAKEN_DOWN),
    (by(is_noindex=True), Reason.NOINDEX),
    (by(is_suspended=True), Reason.SUSPENDED),
    *[(by(bio_tags=frozenset({tag, "mining"})), Reason.OPTED_OUT) for tag in sorted(OPT_OUT_TAGS)],
]


def test_a_public_post_of_a_willing_author_is_shown() -> None:
    assert verdict(POST) == Verdict(True)


@pytest.mark.parametrize(("post", "reason"), WISHES)
@pytest.mark.parametrize("decision", [None, decided(Choice.APPROVE)])
@pytest.mark.parametrize("campaign", [OPEN, APPROVE])
def test_no_approval_outweighs_what_author_or_network_said_no_to(
    post: Post, reason: Reason, decision: Decision | None, campaign: object
) -> None:
    assert verdict(post, decision=decision, campaign=campaign) == Verdict(False, reason)


@pytest.mark.parametrize("changes", [{"is_gone": True}, {"is_complete": False}, {"decision": decided(Choice.HIDE)}])
def test_gone_unknown_and_hidden_posts_are_not_shown(changes: dict[str, object]) -> None:
    assert not verdict(POST, **changes).show


@pytest.mark.parametrize(
    "changes", [{"is_indexable": False}, {"is_discoverable": False}, {"is_bot": True}, {"is_locked": True}]
)
def test_what_most_accounts_never_opted_into_hides_nothing(changes: dict[str, object]) -> None:
    assert verdict(by(**changes)).show


@pytest.mark.parametrize("label", sorted(ADULT_LABELS))
def test_adult_posts_wait_for_an_approval_and_stay_covered_then(label: str) -> None:
    for post in (replace(POST, labels=frozenset({label})), by(labels=frozenset({label}))):
        assert verdict(post) == Verdict(False, Reason.ADULT, held_by="adult")
        assert verdict(post, decision=decided(Choice.APPROVE)) == Verdict(True, is_covered=True)


@pytest.mark.parametrize("label", sorted(HARMFUL_LABELS))
def test_what_a_moderation_service_calls_harmful_waits_for_an_approval(label: str) -> None:
    for post in (replace(POST, labels=frozenset({label})), by(labels=frozenset({label}))):
        assert verdict(post) == Verdict(False, Reason.HARMFUL, held_by="labelled as harmful")
        assert verdict(post, decision=decided(Choice.APPROVE)).show
    assert verdict(replace(POST, labels=frozenset({"rude", "!no-promote", "bot"}))).show


@pytest.mark.parametrize(
    "changes", [{"content_warning": "spiders"}, {"is_sensitive": True}, {"labels": frozenset({"!warn"})}]
)
def test_a_post_behind_a_warning_is_shown_covered(changes: dict[str, object]) -> None:
    assert verdict(replace(POST, **changes)) == Verdict(True, is_covered=True)  # type: ignore[arg-type]


def test_a_campaign_that_approves_shows_only_what_a_person_approved() -> None:
    assert verdict(POST, campaign=APPROVE) == Verdict(False, Reason.NOT_APPROVED, held_by=UNSEEN)
    assert verdict(POST, campaign=APPROVE, decision=decided(Choice.APPROVE)).show


def account(handle: str, ref: str) -> Account:
    return Account(Network.BLUESKY if ref.startswith("did:") else Network.MASTODON, ref, handle, "", "")


TROLL = account("Troll@Bad.example", "https://social.bad.example/users/troll")
SKY_TROLL = account("troll.example", "did:plc:troll")


@pytest.mark.parametrize(
    ("blocked", "author"),
    [
        (Blocked(names=frozenset({"troll@bad.example"})), TROLL),
        (Blocked(names=frozenset({"troll.example"})), SKY_TROLL),
        (Blocked(names=frozenset({"did:plc:troll"})), SKY_TROLL),
        (Blocked(hosts=frozenset({"bad.example"})), TROLL),
        (Blocked(hosts=frozenset({"bad.example"})), account("x@eu.bad.example", "https://eu.bad.example/users/x")),
        (Blocked(hosts=frozenset({"social.bad.example"})), TROLL),  # where its accounts are kept
        (Blocked(hosts=frozenset({"bad.example"})), account("x.bad.example.ap.brid.gy", "did:plc:bridged")),
        (Blocked(hosts=frozenset({"brid.gy"})), account("x.good.example.ap.brid.gy", "did:plc:bridged")),
        (Blocked(hosts=frozenset({"troll.example"})), SKY_TROLL),
        (Blocked(hosts=frozenset({"example"})), account("x.troll.example@bsky.brid.gy", "https://bsky.brid.gy/ap/x")),
    ],
)
def test_who_is_blocked_by_name_or_with_a_whole_server_is_not_shown(blocked: Blocked, author: Account) -> None:
    day = a_campaign(blocked=blocked)
    post = replace(POST, author=author)
    assert verdict(post, campaign=day) == Verdict(False, Reason.BLOCKED)
    assert not verdict(post, campaign=day, decision=decided(Choice.APPROVE)).show
    assert why_not_stored(post, day) is None
    assert why_not_stored(post, replace(day, rules={"blocked by us": Effect.NEVER_STORE})) is Reason.BLOCKED


@pytest.mark.parametrize(
    "author",
    [
        account("troll@good.example", "https://good.example/users/troll"),
        account("x@notbad.example", "https://notbad.example/users/x"),
        account("x@bad.example.good.example", "https://bad.example.good.example/users/x"),
        account("bad.example.social", "did:plc:other"),
        account("", "did:plc:other"),
        account("bad.example@good.example", "acct:bad.example@good.example"),
    ],
)
def test_who_only_looks_like_a_blocked_one_is_shown(author: Account) -> None:
    blocked = Blocked(frozenset({"troll@bad.example"}), frozenset({"bad.example"}))
    assert verdict(replace(POST, author=author), campaign=a_campaign(blocked=blocked)).show


@pytest.mark.parametrize(("is_blocked", "shown"), [(True, False), (False, True), (None, True)])
def test_whom_we_block_on_the_network_is_not_shown(is_blocked: bool | None, shown: bool) -> None:
    assert verdict(by(is_blocked=is_blocked)).show is shown


def test_our_own_posts_are_shown_whatever_server_we_block() -> None:
    ours = replace(POST, author=TROLL)
    assert verdict(ours, campaign=a_campaign(blocked=Blocked(hosts=frozenset({"bad.example"}))), is_ours=True).show


def test_our_own_post_needs_no_approval_and_may_be_unlisted() -> None:
    ours = replace(
        POST,
        visibility=Visibility.UNLISTED,
        author=an_account("us@social.example", network=Network.MASTODON, is_noindex=True),
    )
    assert verdict(ours, campaign=APPROVE, is_ours=True).show
    assert [why_not_stored(ours, APPROVE, is_ours=is_ours) for is_ours in (True, False)] == [None, Reason.NOT_PUBLIC]


@pytest.mark.parametrize(
    "post",
    [
        replace(POST, visibility=Visibility.PRIVATE),
        by(is_suspended=True),
        replace(POST, labels=frozenset({"!takedown"})),
    ],
)
def test_our_own_post_is_not_shown_where_the_network_hid_it_or_we_meant_it_for_few(post: Post) -> None:
    assert not verdict(post, is_ours=True).show


OWN = Decision(POST.ref, Choice.APPROVE, "chinara", at("10:00"))
WHOLE = Decision(of_author(POST.author), Choice.HIDE, "chinara", at("11:00"))


@pytest.mark.parametrize(
    ("made", "holds"),
    [
        ([], None),
        ([OWN], OWN),
        ([WHOLE], WHOLE),
        ([OWN, WHOLE], WHOLE),
        ([replace(OWN, at=at("12:00")), WHOLE], replace(OWN, at=at("12:00"))),
        ([OWN, replace(WHOLE, verdict=Choice.APPROVE)], OWN),  # posts are approved one by one
        ([replace(WHOLE, verdict=Choice.APPROVE)], None),
    ],
)
def test_the_later_decision_holds_of_those_about_a_post_and_its_author(
    made: list[Decision], holds: Decision | None
) -> None:
    assert decision_about(POST, {decision.ref: decision for decision in made}) == holds


def test_every_reason_can_be_said_in_words() -> None:
    assert all(reason.words for reason in Reason)


def test_reasons_are_counted_for_the_method_note() -> None:
    verdicts = [verdict(POST), verdict(POST, is_gone=True), verdict(POST, is_gone=True), verdict(by(is_noindex=True))]
    assert count_reasons(verdicts) == {Reason.GONE: 2, Reason.NOINDEX: 1}


# ---- what a campaign says of the rules ---------------------------------------------------------------------------------


EXAMPLES = {
    "taken down": by(labels=frozenset({"!hide"})),
    "suspended": by(is_suspended=True),
    "not public": replace(POST, visibility=Visibility.UNLISTED),
    "signed-in readers only": by(labels=frozenset({"!no-unauthenticated"})),
    "no indexing": by(is_noindex=True),
    "opted out in profile": by(bio_tags=frozenset({"nobot"})),
    "blocked by us": by(is_blocked=True),
    "adult": replace(POST, labels=frozenset({"porn"})),
    "labelled as harmful": replace(POST, labels=frozenset({"spam"})),
    "content warning": replace(POST, content_warning="spiders"),
    "sensitive media": replace(POST, is_sensitive=True),
    "labelled with a warning": replace(POST, labels=frozenset({"!warn"})),
    "not indexable": by(is_indexable=False),
    "not discoverable": by(is_discoverable=False),
    "automated": by(is_bot=True),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("effect", Effect)
def test_a_campaign_may_give_a_rule_another_effect(rule: Rule, effect: Effect) -> None:
    named = replace(OPEN, rules={one.name: Effect.SHOW for one in RULES} | {rule.name: effect})
    post = EXAMPLES[rule.name]
    shown = verdict(post, campaign=named)
    assert shown.show is (effect in {Effect.SHOW, Effect.COVER})
    assert shown.is_covered is (effect is Effect.COVER)
    assert (why_not_stored(post, named) is not None) is (effect is Effect.NEVER_STORE)
    approved = verdict(post, campaign=named, decision=decided(Choice.APPROVE))
    assert approved.show is (effect in {Effect.SHOW, Effect.COVER, Effect.HOLD})


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_says_in_words_whom_it_is_about(rule: Rule) -> None:
    assert rule.about


def test_a_reason_that_a_campaign_made_looser_leaves_nothing_out() -> None:
    looser = a_campaign(rules={"no indexing": Effect.COVER, "adult": Effect.HIDE, "automated": Effect.SHOW})
    assert is_shown_all_the_same(Reason.NOINDEX, looser)
    assert not any(is_shown_all_the_same(reason, looser) for reason in set(Reason) - {Reason.NOINDEX})


def test_what_is_about_to_be_confirmed_is_not_shown_before() -> None:
    assert verdict(POST, is_confirmed=False) == Verdict(False, Reason.UNCONFIRMED)


def test_only_what_is_not_public_is_never_stored_unless_a_campaign_says_so() -> None:
    assert {name for name, post in EXAMPLES.items() if why_not_stored(post, OPEN)} == {"not public"}


@pytest.mark.parametrize("changes", [{"is_indexable": False}, {"is_discoverable": False}])
def test_who_did_not_opt_in_is_in_no_list_of_people(changes: dict[str, bool]) -> None:
    assert not may_be_listed(by(**changes).author)
    assert may_be_listed(POST.author)
    assert may_be_listed(by(is_indexable=True, is_discoverable=True).author)


def test_effects_are_in_order_of_strictness() -> None:
    effects = list(Effect)
    for milder, stricter in itertools.pairwise(effects):
        assert stricter.is_stricter_than(milder)
        assert not milder.is_stricter_than(stricter)
        assert not milder.is_stricter_than(milder)
