"""The queue is the only truth about what was sent: claims, attempts, receipts, on both databases."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from factories import NOON, campaign, minutes, slot
from office import DOWN, LOST, SERVER, Office
from shareasm.domain.posts import Network
from shareasm.domain.queue import CLAIM_FOR, Draft, Receipt, State
from shareasm.domain.schedules import Late
from shareasm.errors import (
    ConfigError,
    NetworkError,
    Occupied,
    RateLimited,
    Rejected,
    StorageError,
)
from shareasm.networks.ports import Limits, Repeat, Ties
from shareasm.storage import claims, turns
from shareasm.storage.engine import transaction
from shareasm.storage.tables import attempts
from shareasm.worker import Rhythm


@pytest.fixture
def office(engine: Engine) -> Office:
    return Office(engine)


def test_a_slot_is_sent_at_its_time_and_not_before(office: Office) -> None:
    office.plan(slot(at=NOON + minutes(5)))
    assert office.send() == NOON + minutes(5)
    assert office.states == [State.WAITING]
    assert office.send(after=minutes(5)) is None
    assert office.states == [State.PUBLISHED]
    [entry] = office.entries()
    assert entry.receipt
    assert office.network.posts[entry.receipt.ref].text == "Good morning #shareASM"
    assert entry.published_at == NOON + minutes(5)


def test_what_was_sent_is_never_sent_again(office: Office) -> None:
    office.plan()
    for _ in range(3):
        office.send(after=minutes(1))
        office.plan()
    assert office.texts == ["Good morning #shareASM"]


def test_loading_the_same_plan_again_changes_nothing(office: Office) -> None:
    office.plan(slot("a", at=NOON + minutes(1)), slot("b", at=NOON + minutes(2)))
    before = office.entries()
    office.plan(slot("a", at=NOON + minutes(1)), slot("b", at=NOON + minutes(2)))
    assert office.entries() == before


def test_a_changed_plan_changes_what_is_still_waiting_and_nothing_else(office: Office) -> None:
    office.plan(slot("sent"), slot("moved", at=NOON + minutes(1)), slot("out", at=NOON + minutes(2)))
    office.send()
    office.plan(
        slot("sent", "other words #shareASM"), slot("moved", at=NOON + minutes(9)), slot("new", at=NOON + minutes(3))
    )
    assert {entry.key.slot: entry.state for entry in office.entries()} == {
        "sent": State.PUBLISHED,
        "new": State.WAITING,
        "moved": State.WAITING,
        "out": State.CANCELLED,
    }
    assert office.send(after=minutes(3)) == NOON + minutes(9)
    assert "other words #shareASM" not in office.texts


def test_a_slot_that_comes_back_into_the_plan_waits_again(office: Office) -> None:
    office.plan(slot("a", at=NOON + minutes(1)), slot("b", at=NOON + minutes(2)))
    office.plan(slot("b", at=NOON + minutes(2)))
    office.plan(slot("a", at=NOON + minutes(1)), slot("b", at=NOON + minutes(2)))
    assert office.states == [State.WAITING, State.WAITING]


def test_slots_of_the_same_minute_keep_the_plans_order(office: Office) -> None:
    office.plan(*(slot(name, name) for name in ("zebra", "ant", "bee")))
    office.send()
    assert office.texts == ["zebra", "ant", "bee"]


def test_a_thread_goes_out_in_order_each_part_under_the_one_before(office: Office) -> None:
    office.plan(slot("lessons", "one", "two", "three"))
    office.send()
    assert office.texts == ["one", "two", "three"]
    one, two, three = office.network.posts.values()
    assert (one.reply_to, two.reply_to, three.reply_to) == (None, one.ref, two.ref)


def test_a_part_of_a_thread_waits_for_the_part_before_it(office: Office) -> None:
    office.plan(slot("lessons", "one", "two"))
    office.network.fail_next("publish", DOWN)
    office.send()
    assert office.texts == []
    office.send(after=minutes(1))
    assert office.texts == ["one", "two"]


def test_a_thread_that_has_begun_is_finished_however_late(office: Office) -> None:
    office.plan(slot("lessons", "one", "two"))
    publish = office.network.publish

    def without_two(payload: str, key: str) -> Receipt:
        if '"two"' in payload:
            raise DOWN
        return publish(payload, key)

    office.network.publish = without_two  # type: ignore[method-assign]
    office.send()
    office.network.publish = publish  # type: ignore[method-assign]
    assert office.states == [State.PUBLISHED, State.WAITING]
    office.send(after=minutes(300))
    assert office.states == [State.PUBLISHED, State.PUBLISHED]


def test_a_thread_that_has_not_begun_in_time_is_missed_as_a_whole(office: Office) -> None:
    office.plan(slot("lessons", "one", "two"))
    office.send(after=minutes(31))
    assert office.states == [State.MISSED, State.MISSED]


@pytest.mark.parametrize(
    ("late", "after", "expected"),
    [
        (Late.WITHIN, minutes(29), State.PUBLISHED),
        (Late.WITHIN, minutes(31), State.MISSED),
        (Late.ALWAYS, minutes(600), State.PUBLISHED),
        (Late.NEVER, minutes(1), State.MISSED),
    ],
)
def test_lateness_is_decided_by_the_plan(office: Office, late: Late, after: timedelta, expected: State) -> None:
    office.plan(slot(late=late))
    office.send(after=after)
    assert office.states == [expected]


def test_a_lost_answer_is_looked_up_before_anything_else(office: Office) -> None:
    office.plan()
    office.network.fail_next("publish", LOST, after_acting=True)
    office.send()
    assert office.states == [State.UNKNOWN]
    office.send(after=minutes(1))
    assert office.states == [State.PUBLISHED]
    assert office.texts == ["Good morning #shareASM"]
    assert office.network.calls == ["prepare", "publish", "find"]


def test_where_a_key_is_remembered_what_was_not_found_is_repeated_under_it(office: Office) -> None:
    office.plan()
    office.network.fail_next("publish", LOST)
    office.send()
    office.send(after=minutes(1))
    assert office.states == [State.PUBLISHED]
    assert office.texts == ["Good morning #shareASM"]


def test_where_repeating_is_safe_it_is_repeated_at_once_without_looking(engine: Engine) -> None:
    office = Office(engine, Repeat.SAFE)
    office.plan()
    office.network.fail_next("publish", LOST, after_acting=True)
    office.send()
    office.send(after=minutes(1))
    assert office.texts == ["Good morning #shareASM"]
    assert office.network.calls == ["prepare", "publish", "publish"]


def test_where_nothing_is_remembered_it_is_never_sent_again_and_a_person_decides(engine: Engine) -> None:
    office = Office(engine, Repeat.NEVER)
    office.plan()
    office.network.fail_next("publish", LOST)
    for _ in range(10):
        office.send(after=minutes(2))
    assert office.states == [State.UNKNOWN]
    assert office.network.calls == ["prepare", "publish", "find", "find"]
    assert "a person must decide" in (office.entries()[0].note or "")


def test_after_the_hour_in_which_a_key_is_remembered_it_is_not_repeated(office: Office) -> None:
    office.plan(slot(late=Late.ALWAYS))
    office.network.fail_next("publish", LOST)
    office.send()
    for _ in range(5):
        office.send(after=minutes(60))
    assert office.network.calls.count("publish") == 1
    assert office.states == [State.UNKNOWN]


def test_a_repeat_that_is_refused_while_an_answer_is_open_is_not_called_failed(office: Office) -> None:
    office.plan()
    office.network.fail_next("publish", LOST)
    office.network.fail_next("publish", Rejected("Record not found", server=SERVER))
    office.send()
    office.send(after=minutes(1))
    assert office.states == [State.UNKNOWN]


@pytest.mark.parametrize(
    ("error", "state", "tries_again_after"),
    [
        (RateLimited("slow down", server=SERVER, until=NOON + minutes(7)), State.WAITING, minutes(7)),
        (DOWN, State.WAITING, timedelta(seconds=5)),
        (Rejected("too long", server=SERVER), State.FAILED, None),
        (Occupied("another record", server=SERVER), State.FAILED, None),
    ],
    ids=["rate limited", "down", "rejected", "occupied"],
)
def test_what_the_network_said_decides_what_comes_next(
    office: Office, error: NetworkError, state: State, tries_again_after: timedelta | None
) -> None:
    office.plan()
    office.network.fail_next("publish", error)
    assert office.send() == (NOON + tries_again_after if tries_again_after else None)
    [entry] = office.entries()
    assert entry.state is state
    assert error.message in (entry.note or "")


def test_nothing_is_published_before_its_content_is_stored(office: Office) -> None:
    office.plan()
    frozen = []
    publish = office.network.publish

    def spy(payload: str, key: str) -> Receipt:
        frozen.append((office.entries()[0].payload, payload, office.entries()[0].publish_key, key))
        return publish(payload, key)

    office.network.publish = spy  # type: ignore[method-assign]
    office.send()
    [(stored, sent, stored_key, sent_key)] = frozen
    assert (stored, stored_key) == (sent, sent_key)


def test_two_workers_never_take_the_same_entry(office: Office) -> None:
    office.plan(slot("a"))
    with transaction(office.engine) as connection:
        assert claims.claim_due(connection, campaign().slug, "one", NOON, accounts=["ours"])
    with transaction(office.engine) as connection:
        assert claims.claim_due(connection, campaign().slug, "two", NOON, accounts=["ours"]) is None


def test_what_a_worker_has_in_hand_goes_out_before_another_sends_the_next(office: Office) -> None:
    office.plan(slot("a"), slot("b"))
    with transaction(office.engine) as connection:
        assert claims.claim_due(connection, campaign().slug, "one", NOON, accounts=["ours"])
    office.send(worker="two")
    assert office.texts == []
    with transaction(office.engine) as connection:
        assert turns.next_due(connection, campaign().slug, "ours", office.clock.now()) is None, "nobody spins for it"
    office.send(after=CLAIM_FOR + minutes(0.1), worker="two")  # the first is dead: both in the plan's order
    assert office.states == [State.PUBLISHED, State.PUBLISHED]


def test_a_dead_workers_claim_is_taken_over_and_its_open_call_is_looked_up_first(office: Office) -> None:
    office.plan()
    with transaction(office.engine) as connection:
        entry = claims.claim_due(connection, campaign().slug, "dead", NOON, accounts=["ours"])
        assert entry
        claims.freeze(connection, entry.id, "dead", office.network.freeze(entry.draft, "k", "", Ties(), NOON), NOON)
        claims.begin_attempt(connection, entry, "dead", "publish", NOON)
    [entry] = office.entries()
    office.network.publish(entry.payload or "", entry.publish_key)  # the server acted; then the worker was killed
    office.send(after=CLAIM_FOR / 2, worker="new")
    assert office.states == [State.CLAIMED]
    office.send(after=CLAIM_FOR, worker="new")
    assert office.states == [State.PUBLISHED]
    assert office.texts == ["Good morning #shareASM"]


def test_a_dead_workers_entry_waits_no_longer_than_half_a_minute() -> None:
    assert timedelta(seconds=Rhythm().beat_s) * 3 < CLAIM_FOR, "a living worker may be late with a beat"
    assert CLAIM_FOR + timedelta(seconds=Rhythm().publish_s) <= timedelta(seconds=30)


def test_a_living_workers_entry_is_not_taken_over_however_long_its_call_takes(office: Office) -> None:
    office.plan()
    with transaction(office.engine) as connection:
        slow = claims.claim_due(connection, campaign().slug, "slow", NOON, accounts=["ours"])
        assert slow
    for _ in range(10):
        now = office.clock.advance(CLAIM_FOR * 0.75)
        with transaction(office.engine) as connection:
            claims.renew_claims(connection, "slow", [slow.id], now)
            claims.renew_claims(connection, "another", [slow.id], now)
        office.send(worker="another")
    assert office.states == [State.CLAIMED]
    assert office.texts == []


def test_a_claim_that_was_taken_over_is_not_renewed(office: Office) -> None:
    office.plan()
    with transaction(office.engine) as connection:
        slow = claims.claim_due(connection, campaign().slug, "slow", NOON, accounts=["ours"])
        assert slow
        later = NOON + CLAIM_FOR + minutes(1)
        assert claims.claim_due(connection, campaign().slug, "new", later, accounts=["ours"])
        claims.renew_claims(connection, "slow", [slow.id], later + minutes(1))
        assert claims.claim_due(connection, campaign().slug, "third", later + minutes(1), accounts=["ours"])


def test_a_worker_that_lost_its_claim_changes_nothing(office: Office) -> None:
    office.plan()
    with transaction(office.engine) as connection:
        entry = claims.claim_due(connection, campaign().slug, "slow", NOON, accounts=["ours"])
        assert entry
        taken = claims.claim_due(connection, campaign().slug, "new", NOON + CLAIM_FOR + minutes(1), accounts=["ours"])
        assert taken
        assert claims.freeze(connection, entry.id, "slow", "{}", NOON) is False
        assert claims.begin_attempt(connection, entry, "slow", "publish", NOON) is None
        assert claims.put_back(connection, entry.id, "slow", NOON, "x") is False


def test_every_attempt_is_written_down_with_what_came_of_it(office: Office) -> None:
    office.plan()
    office.network.fail_next("publish", DOWN)
    office.send()
    office.send(after=minutes(1))
    with transaction(office.engine) as connection:
        rows = connection.execute(sa.select(attempts).order_by(attempts.c.id)).all()
    assert [row.act for row in rows] == ["publish", "publish"]
    assert "connection refused" in rows[0].outcome
    assert "published" in rows[1].outcome
    assert all(row.finished_at for row in rows)


def test_languages_go_to_the_accounts_that_speak_them(engine: Engine) -> None:
    from shareasm.domain.schedules import Part

    office = Office(engine)
    both = slot(accounts=("ours", "sky"), parts=(Part({"en": {"": "Hello"}, "fr": {"": "Bonjour"}}),))
    office.plan(both)
    keys = {(entry.key.account, entry.key.language, entry.network) for entry in office.entries()}
    assert keys == {("ours", "en", Network.MASTODON), ("sky", "en", Network.BLUESKY), ("sky", "fr", Network.BLUESKY)}


def test_a_missing_picture_fails_its_entry_and_the_next_one_goes_out(office: Office) -> None:
    from shareasm.domain.schedules import Part, Picture

    lost = Part({"en": {"": "Look #shareASM"}}, (Picture("gone.png", {"": "x"}, "us", "CC0-1.0"),))
    prepare = office.network.prepare

    def strict(draft: Draft, *given: object) -> str:
        if draft.media:
            raise ConfigError("the picture gone.png is not there")
        return prepare(draft, *given)  # type: ignore[arg-type]

    office.network.prepare = strict  # type: ignore[method-assign, assignment]
    office.plan(slot("a", parts=(lost,)), slot("b"))
    office.send()
    assert office.states == [State.FAILED, State.PUBLISHED]
    assert "the picture gone.png is not there" in (office.entries()[0].note or "")


@pytest.mark.parametrize(("acted", "expected"), [(False, State.WAITING), (True, State.UNKNOWN)])
def test_an_error_of_the_program_gives_the_claim_back_and_nothing_is_lost_or_doubled(
    office: Office, *, acted: bool, expected: State
) -> None:
    office.plan()
    whole = office.network.publish if acted else office.network.prepare
    name = "publish" if acted else "prepare"

    def broken(*given: object) -> object:
        if acted:
            whole(*given)  # type: ignore[operator]
        raise ZeroDivisionError

    setattr(office.network, name, broken)
    with pytest.raises(ZeroDivisionError):
        office.send()
    setattr(office.network, name, whole)
    assert office.states == [expected]
    office.send(after=minutes(1))
    assert office.states == [State.PUBLISHED]
    assert office.texts == ["Good morning #shareASM"]


def test_a_receipt_that_could_not_be_stored_is_found_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.plan(slot("t", "one", "two"))
    stored = claims.published
    failures = iter([StorageError("the database is locked")])

    def once_locked(*given: object) -> bool:
        if failure := next(failures, None):
            raise failure
        return stored(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(claims, "published", once_locked)
    with pytest.raises(StorageError):
        office.send()
    office.send(after=minutes(1))
    assert office.states == [State.PUBLISHED, State.PUBLISHED]
    assert office.texts == ["one", "two"]


@pytest.mark.parametrize("late", [Late.NEVER, Late.WITHIN])
def test_an_entry_that_was_tried_in_vain_is_missed_like_any_other(office: Office, late: Late) -> None:
    office.plan(slot(late=late))
    office.network.fail_next("publish", DOWN)
    office.send()
    office.send(after=minutes(480))
    assert office.states == [State.MISSED]
    assert office.texts == []
    assert office.told[-1].words.startswith("missed: its time had passed before it could be sent; not sent yet")


def test_a_claim_of_a_dead_worker_that_had_not_begun_to_send_is_missed_when_it_is_too_late(office: Office) -> None:
    office.plan(slot(late=Late.NEVER))
    with transaction(office.engine) as connection:
        claims.claim_due(connection, campaign().slug, "dead", NOON, accounts=["ours"])
    office.send(after=minutes(480))
    assert office.states == [State.MISSED]


def test_a_thread_whose_first_answer_was_lost_is_not_missed(office: Office) -> None:
    office.plan(slot("t", "one", "two"))
    office.network.fail_next("publish", LOST, after_acting=True)
    office.send()
    office.send(after=minutes(31))
    assert office.states == [State.PUBLISHED, State.PUBLISHED]


def test_what_was_frozen_long_ago_and_surely_not_sent_is_frozen_anew(office: Office) -> None:
    office.plan(slot(late=Late.ALWAYS))
    office.network.fail_next("publish", DOWN)
    office.send()
    office.send(after=minutes(1))
    assert office.network.calls == ["prepare", "publish", "publish"]
    office.plan(slot("b", "Later #shareASM", late=Late.ALWAYS), slot(late=Late.ALWAYS))
    office.network.fail_next("publish", DOWN)
    office.send()
    office.send(after=minutes(60))
    assert office.network.calls[3:] == ["prepare", "publish", "prepare", "publish"]
    assert [post.created_at for post in office.network.posts.values()][-1] == office.clock.now()


def test_what_may_be_out_there_is_never_frozen_anew(engine: Engine) -> None:
    office = Office(engine, Repeat.SAFE)
    office.plan()
    office.network.fail_next("publish", LOST, after_acting=True)
    office.send()
    [before] = office.entries()
    office.send(after=minutes(60))
    assert office.network.calls == ["prepare", "publish", "find"]
    assert [entry.payload for entry in office.entries()] == [before.payload]
    assert len(office.texts) == 1


def test_a_repeat_that_is_refused_where_repeating_is_safe_is_not_called_failed_either(engine: Engine) -> None:
    office = Office(engine, Repeat.SAFE)
    office.plan()
    office.network.fail_next("publish", LOST, after_acting=True)
    office.network.fail_next("publish", Rejected("repo deactivated", server=SERVER))
    office.send()
    office.send(after=minutes(1))
    assert office.states == [State.UNKNOWN]


def test_the_hour_is_counted_from_the_call_whose_answer_was_lost(office: Office) -> None:
    office.plan(slot(late=Late.ALWAYS))
    office.network.fail_next("publish", RateLimited("slow down", server=SERVER, until=NOON + minutes(55)))
    office.network.fail_next("publish", LOST)
    office.send()
    office.send(after=minutes(55))
    office.send(after=minutes(1))
    assert office.states == [State.PUBLISHED]


def test_an_upload_that_fails_is_tried_less_and_less_often(office: Office) -> None:
    office.plan()
    for _ in range(200):
        office.network.fail_next("prepare", DOWN)
    ready = office.send()
    while ready and ready < NOON + minutes(29):
        ready = office.send(after=ready - office.clock.now())
    assert office.network.calls.count("prepare") < 20


def test_limits_that_cannot_be_asked_leave_the_entry_to_be_settled_later(office: Office) -> None:
    office.plan()
    office.network.fail_next("publish", LOST, after_acting=True)
    office.send()
    limits = office.network.limits

    def down() -> Limits:
        raise DOWN

    office.network.limits = down  # type: ignore[method-assign]
    office.send(after=minutes(1))
    office.network.limits = limits  # type: ignore[method-assign]
    office.send(after=minutes(6))
    assert office.states == [State.PUBLISHED]
    assert len(office.texts) == 1


def test_a_post_of_another_slot_with_the_same_words_is_not_taken_for_the_lost_one(engine: Engine) -> None:
    office = Office(engine, Repeat.NEVER)
    office.plan(slot("a", "Join us #shareASM"), slot("b", "Join us #shareASM", at=NOON + minutes(1)))
    office.send()
    office.network.fail_next("publish", LOST)
    for _ in range(4):
        office.send(after=minutes(1))
    assert office.states == [State.PUBLISHED, State.UNKNOWN]


def test_only_claims_in_hand_are_renewed(office: Office) -> None:
    office.plan(slot("a"))
    with transaction(office.engine) as connection:
        assert claims.claim_due(connection, campaign().slug, "one", NOON, accounts=["ours"])
        claims.renew_claims(connection, "one", [], NOON + CLAIM_FOR)
        later = NOON + CLAIM_FOR + minutes(0.1)
        assert claims.claim_due(connection, campaign().slug, "two", later, accounts=["ours"])
