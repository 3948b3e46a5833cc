"""Every figure of the report is counted from rows that anybody can count again, and no row tells what may not be shown."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recap_day import (
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
from shareasm.domain.campaigns import Partner, Role, Source, SourceKind
from shareasm.domain.evidence import COLUMNS, Kind, as_values, by_hour, by_slot, gather
from shareasm.domain.figures import Measure, count
from shareasm.domain.moderation import Reason
from shareasm.domain.posts import Card
from shareasm.domain.queue import State
from shareasm.domain.recaps import Facts, SourceState, arrange
from shareasm.domain.schedules import Schedule
from shareasm.domain.watches import Gap


def facts(*posts: object, **changes: object) -> Facts:
    held = [shown(post, number) for number, post in enumerate(posts, start=1)]  # type: ignore[arg-type]
    return replace(Facts(a_campaign(), posts=held), **changes)  # type: ignore[arg-type]


def figures(day: Facts) -> dict[str, int]:
    return {figure.id: figure.value for figure in gather(day).figures}


def test_every_figure_can_be_counted_again_from_what_stands_in_the_file() -> None:
    evidence = gather(a_day())
    as_read = [{name: str(value) for name, value in as_values(row).items()} for row in evidence.rows]
    assert {figure.id: count(figure, as_read) for figure in evidence.figures} == {
        figure.id: figure.value for figure in evidence.figures
    }
    assert len({figure.id for figure in evidence.figures}) == len(evidence.figures)


def test_every_row_counts_for_a_figure_that_the_report_tells() -> None:
    evidence = gather(a_day())
    told = {figure.id for figure in evidence.figures}
    for row in evidence.rows:
        assert row.counts_for
        assert set(row.counts_for) <= told, row
    assert [row.row for row in evidence.rows] == [f"R{n:05}" for n in range(1, len(evidence.rows) + 1)]
    assert {figure.id for figure in evidence.figures if figure.value} <= {
        n for row in evidence.rows for n in row.counts_for
    }


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_in_which_posts_arrived_changes_nothing(chance: object) -> None:
    day = a_day()
    mixed = list(day.posts)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert gather(replace(day, posts=mixed)) == gather(day)


def test_plan_and_actual_stand_side_by_side_for_each_network() -> None:
    welcome = a_slot("welcome", "09:00")
    on_sky, on_mastodon = a_post("1", by=OURS), a_post("1", by=OURS_TOO)
    entries = [
        an_entry(welcome, on_sky),
        an_entry(welcome, on_mastodon),
        replace(an_entry(welcome, None, language="fr", account="iied-mastodon"), network=MASTODON),
        replace(an_entry(welcome, None, language="es", account="iied-mastodon"), state=State.CANCELLED),
        replace(an_entry(welcome, on_sky, part=1), state=State.WITHDRAWN),
    ]
    answer = a_post("2", by=an_account("b@x.example", network=MASTODON), reply_to=on_mastodon.ref)
    day = facts(on_sky, on_mastodon, answer, schedule=Schedule((welcome,)), entries=entries)
    values = figures(day)
    assert (values["planned"], values["sent"], values["taken-back"], values["not-sent.missed"]) == (4, 3, 1, 1)
    assert (values["answers"], values["people.answered"]) == (1, 1)
    lines = {line.network: line for line in by_slot(gather(day).rows)}
    assert (lines["bluesky"].planned_count, lines["bluesky"].sent_count) == (2, 2)
    assert (lines["mastodon"].planned_count, lines["mastodon"].sent_count, lines["mastodon"].states) == (2, 1, "missed")
    assert lines["mastodon"].answers_count == 1


def test_one_person_on_two_networks_is_one_only_where_bridge_or_campaign_says_so() -> None:
    original = a_post("1", by=an_account("ana.example"))
    bridged = an_account("ana.example@bsky.brid.gy", network=MASTODON)
    copy = a_post("1", by=bridged, bridged_from=original.ref.uri)
    namesake = a_post("1", "<p>Else #shareASM</p>", by=an_account("ana@other.example", network=MASTODON))
    again = a_post("2", "<p>Only there #shareASM</p>", by=bridged)
    day = facts(original, copy, namesake, again)
    assert (figures(day)["posts"], figures(day)["people"]) == (3, 2)
    assert {row.known_as_one_by for row in gather(day).rows if row.person} == {"", "a bridge"}


def test_a_partners_declared_accounts_are_one() -> None:
    partner = Partner("mines", "Mines together", Role.MINERS, "CO", accounts=("@mines.example", "@mines@m.example"))
    here = a_post("1", by=an_account("mines.example"))
    there = a_post("1", by=an_account("mines@m.example", network=MASTODON))
    stateless = Partner("all", "Mines everywhere", Role.MINERS, accounts=("@all.example",))
    elsewhere = a_post("1", "<p>Hello #shareASM</p>", by=an_account("all.example"))
    day = facts(here, there, campaign=a_campaign(partners=(partner, stateless)))
    values = figures(day)
    assert (values["posts"], values["people"], values["organisations"], values["countries"]) == (1, 1, 1, 1)
    more = figures(replace(day, posts=[*day.posts, shown(elsewhere, 3)]))
    assert (more["organisations"], more["countries"]) == (2, 1)
    assert {row.known_as_one_by for row in gather(day).rows if row.person} == {"the campaign's partners"}


def test_who_shared_a_resource_is_counted_by_edition_and_person() -> None:
    french = GUIDE.editions[1]
    one = a_post("À lire", by=an_account("a.example"), card=Card(french.url + "/", french.title))
    two = a_post("Encore", created_at=at("11:00"), by=an_account("a.example"), card=Card(french.url, french.title))
    day = facts(one, two)
    values = figures(day)
    assert (values["shared"], values["resources-shared"], values["resource.osh-guide.shared"]) == (2, 1, 1)
    assert {row.edition for row in gather(day).rows if row.kind is Kind.SHARED} == {"fr"}


def test_what_is_not_shown_leaves_its_reason_and_nothing_else() -> None:
    evidence = gather(facts(not_shown={Reason.GONE: 2, Reason.OPTED_OUT: 1, Reason.ADULT: 0}))
    rows = [as_values(row) for row in evidence.rows if row.kind is Kind.WITHHELD]
    told = [{name for name, value in row.items() if value != ""} for row in rows]
    assert told == [{"row", "kind", "counts_for", "reason"}] * 3
    assert evidence.figure("not-shown").value == 3
    assert evidence.figure("not-shown.opted-out").value == 1
    assert not any(figure.id == "not-shown.adult" for figure in evidence.figures)


def test_gaps_are_told_in_minutes_and_with_what_was_found_later() -> None:
    source = Source("jetstream:x", SourceKind.JETSTREAM, "wss://x.example")
    closed = Gap(source.id, at("13:00"), at("13:09"), "the connection was lost", found_later=3)
    open_ = Gap(source.id, at("21:00"), None, "nobody was looking")
    never = SourceState(replace(source, id="jetstream:y"), None, problem="refused")
    values = figures(facts(sources=(SourceState(source, at("21:00"), (closed, open_)), never)))
    assert (values["sources"], values["sources-not-read"], values["gaps"]) == (1, 1, 2)
    assert (values["gap-minutes"], values["found-later"]) == (9, 3)


def test_a_day_without_a_post_is_a_report_of_zeros() -> None:
    values = figures(facts())
    assert values["posts"] == values["people"] == values["languages"] == 0


@pytest.mark.parametrize(
    ("declared", "counted"), [(("fr", "fr-CA"), {"fr"}), ((), {"undeclared"}), (("sw", "en"), {"sw", "en"})]
)
def test_languages_are_those_that_authors_declared(declared: tuple[str, ...], counted: set[str]) -> None:
    evidence = gather(facts(a_post("Habari", languages=declared)))
    assert {figure.id for figure in evidence.figures if figure.id.startswith("language.")} == {
        f"language.{tag}" for tag in counted
    }
    assert evidence.figure("languages").value == len(set(declared) & counted)


def test_hours_are_those_of_the_campaigns_zone() -> None:
    evidence = gather(
        facts(
            a_post("One", created_at=at("09:59")),
            a_post("Two", created_at=at("10:00")),
            a_post("Three", created_at=at("10:59")),
        )
    )
    assert by_hour(evidence.rows) == [("2027-02-03T09:00", 0, 1), ("2027-02-03T10:00", 0, 2)]
    assert evidence.figure("hours").value == 2


def test_a_recipe_says_how_to_count_in_words_and_names_a_column() -> None:
    for figure in gather(a_day()).figures:
        assert figure.id in figure.recipe
        assert (figure.column in COLUMNS) == (figure.measure is not Measure.ROWS)


def test_who_may_stand_on_no_list_of_people_is_a_number_among_those_who_shared() -> None:
    card = Card(GUIDE.editions[0].url, "A guide")
    shy = a_post("1", by=an_account("shy@m.example", network=MASTODON, is_indexable=False), card=card)
    open_ = a_post("2", by=an_account("open@m.example", network=MASTODON), card=card)
    answer = shown(a_post("3", by=an_account("b.example"), card=card), answers=open_.ref, without_tag=True)
    rows = gather(replace(facts(), posts=[shown(shy), shown(open_), answer])).rows
    shared = [row for row in rows if row.kind is Kind.SHARED]
    assert sorted((row.account, row.url) for row in shared) == [("", ""), ("", ""), ("open@m.example", open_.url)]
    assert len({row.person for row in shared}) == 3


def test_of_a_covered_post_the_evidence_has_the_warning_and_not_the_words() -> None:
    post = a_post("1", "<p>The secret #shareASM</p>", content_warning="An accident")
    rows = gather(replace(facts(), posts=[shown(post, is_covered=True)])).rows
    assert [row.words for row in rows if row.kind is Kind.POST] == ["An accident"]


def test_a_post_of_ours_whose_slot_left_the_plan_after_it_was_sent_is_still_ours() -> None:
    welcome, sent = a_slot("welcome"), a_post("1", by=OURS)
    day = facts(sent, entries=[an_entry(welcome, sent)], schedule=Schedule(()))
    values = figures(day)
    assert (values["sent"], values["posts.ours"], values["posts.others"], values["people"]) == (1, 1, 0, 0)
    recap = arrange(day)
    assert (recap.numbers.ours_count, recap.contributors, recap.hours[3].others_count) == (1, (), 0)


def test_what_a_person_wrote_by_hand_from_an_account_of_ours_is_nobody_who_acted() -> None:
    slot = a_slot("guide")
    sent = a_post("sent", by=OURS, card=None)
    link = Card(GUIDE.editions[0].url, "A guide")
    by_hand = a_post("hand", by=OURS_TOO, reply_to=sent.ref, card=link, created_at=at("10:00"))
    day = facts(sent, by_hand, entries=(an_entry(slot, sent),), schedule=Schedule((slot,)))
    counted = figures(replace(day, campaign=a_campaign(partners=())))
    wanted = {
        "posts": 2,
        "posts.ours": 1,
        "posts.by-hand": 1,
        "posts.others": 0,
        "people": 0,
        "answers": 0,
        "shared": 0,
    }
    assert wanted.items() <= counted.items()
    assert by_hour(gather(day).rows) == [("2027-02-03T09:00", 1, 0), ("2027-02-03T10:00", 1, 0)]
    assert arrange(day).contributors == ()
