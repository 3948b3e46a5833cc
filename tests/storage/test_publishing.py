"""Publishing on the day: prepared ahead, held while paused, spaced after an outage, and stopped account by account."""

from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from sqlalchemy.engine import Engine

from factories import NOON, campaign, minutes, slot
from office import DOWN, LOST, REFUSED, SERVER, Office
from shareasm.collect import Desk, store
from shareasm.domain.campaigns import Source, SourceKind
from shareasm.domain.changes import Seen
from shareasm.domain.posts import encode_post
from shareasm.domain.queue import NEXT, QueueEntry, Receipt, State
from shareasm.domain.schedules import Late, Slot
from shareasm.errors import ConfigError, NetworkError, Occupied, RateLimited, Rejected, Stale
from shareasm.networks.ports import Page, Repeat
from shareasm.publish import after_resume
from shareasm.storage import accounts, claims, queue, steering
from shareasm.storage.engine import transaction

SLUG = campaign().slug
SPACE = timedelta(seconds=30)


@pytest.fixture
def office(engine: Engine) -> Office:
    return Office(engine)


def pause(office: Office) -> None:
    with transaction(office.engine) as connection:
        steering.pause(connection, SLUG, "a storm", office.clock.now())


def resume(office: Office) -> None:
    with transaction(office.engine) as connection:
        steering.resume(connection, SLUG)


def claim(office: Office, worker: str = "one") -> QueueEntry:
    with transaction(office.engine) as connection:
        entry = claims.claim_due(connection, SLUG, worker, office.clock.now(), accounts=[office.account])
    assert entry
    return entry


def sent_times(office: Office) -> dict[str, timedelta]:
    """Let time pass until all is sent or missed; return how long after now each slot went out."""
    start = office.clock.now()
    upcoming = office.send()
    while upcoming:
        upcoming = office.send(after=max(upcoming - office.clock.now(), timedelta()))
    published = [entry for entry in office.entries() if entry.published_at]
    return {entry.key.slot: entry.published_at - start for entry in published if entry.published_at}


# ---- prepared ahead ----------------------------------------------------------------------------------------------------


def test_what_is_due_soon_is_prepared_beforehand_and_not_again_when_it_is_sent(office: Office) -> None:
    office.plan(slot(at=NOON + minutes(11)))
    assert not office.prepare()
    assert office.prepare(after=minutes(2))
    assert office.send() == NOON + minutes(11)
    assert not office.prepare()
    office.send(after=minutes(9))
    assert office.network.calls == ["prepare", "publish"]


def test_all_parts_of_a_thread_are_prepared_ahead_one_at_a_time_in_order(office: Office) -> None:
    office.plan(slot("b", "three", at=NOON + minutes(6)), slot("a", "one", "two", at=NOON + minutes(5)))
    prepared = [office.prepare() for _ in range(4)]
    assert prepared == [True, True, True, False]
    office.send(after=minutes(6))
    assert office.network.calls == ["prepare"] * 3 + ["publish"] * 3
    assert office.texts == ["one", "two", "three"]


def test_preparing_keeps_out_of_the_way_of_what_is_due_in_a_moment(office: Office) -> None:
    first, second = NOON + minutes(9), NOON + minutes(9) + timedelta(seconds=20)
    office.plan(slot("a", at=first), slot("b", at=second))
    assert office.prepare()
    office.clock.set(first - timedelta(seconds=10))
    assert not office.prepare()
    office.send(after=timedelta(seconds=10))
    assert office.prepare()


def test_what_was_prepared_too_long_ago_is_prepared_anew(office: Office) -> None:
    office.plan(slot(at=NOON + minutes(5), late=Late.ALWAYS))
    office.prepare()
    office.send(after=minutes(56))
    assert office.network.calls == ["prepare", "prepare", "publish"]


def test_a_preparation_that_fails_is_noted_told_once_and_tried_again_when_it_is_due(office: Office) -> None:
    office.plan(slot(at=NOON + minutes(5)))
    office.network.fail_next("prepare", DOWN)
    assert office.prepare()
    assert not office.prepare(after=minutes(1))
    [entry] = office.entries()
    assert "preparing it failed" in (entry.note or "")
    assert "connection refused" in (entry.note or "")
    assert len(office.told) == 1
    office.send(after=minutes(4))
    assert office.states == [State.PUBLISHED]
    assert office.network.calls == ["prepare", "prepare", "publish"]


def test_a_server_that_asks_for_patience_is_asked_again_then_and_it_is_no_trouble(office: Office) -> None:
    office.plan(slot(at=NOON + minutes(9)))
    office.network.fail_next("prepare", RateLimited("30 uploads", server=SERVER, until=NOON + minutes(5)))
    office.prepare()
    assert not office.prepare(after=minutes(4))
    assert office.prepare(after=minutes(2))
    assert office.told == []
    assert office.entries()[0].prepared is not None


def test_a_missing_picture_is_told_before_the_post_is_due(office: Office) -> None:
    def strict(*_: object) -> str:
        raise ConfigError("the picture gone.png is not there")

    office.network.prepare = strict  # type: ignore[method-assign, assignment]
    office.plan(slot(at=NOON + minutes(5)))
    office.prepare()
    assert "gone.png" in office.told[0].words
    assert office.states == [State.WAITING]


def test_a_changed_draft_is_prepared_anew_and_a_moved_one_is_not(office: Office) -> None:
    office.plan(slot(at=NOON + minutes(5)))
    office.prepare()
    office.plan(slot(at=NOON + minutes(6)))
    assert not office.prepare()
    office.plan(slot("welcome", "Other words #shareASM", at=NOON + minutes(6)))
    assert office.prepare()
    office.send(after=minutes(6))
    assert office.texts == ["Other words #shareASM"]


def test_a_draft_that_changes_while_it_is_prepared_does_not_get_what_the_old_one_had(office: Office) -> None:
    office.plan(slot(at=NOON + minutes(5)))
    prepare = office.network.prepare

    def meanwhile(*given: object) -> str:
        office.plan(slot("welcome", "Other words #shareASM", at=NOON + minutes(5)))
        office.network.prepare = prepare  # type: ignore[method-assign]
        return "of the old words"

    office.network.prepare = meanwhile  # type: ignore[method-assign, assignment]
    office.prepare()
    assert [entry.prepared for entry in office.entries()] == [None]
    assert office.prepare()


@pytest.mark.parametrize("error", [Rejected("too long", server=SERVER), ZeroDivisionError()])
def test_a_prepared_post_that_cannot_be_frozen_holds_up_no_other(office: Office, error: Exception) -> None:
    office.plan(slot("a", "bad", at=NOON + minutes(5)), slot("b", "good", at=NOON + minutes(5)))
    assert [office.prepare(), office.prepare()] == [True, True]
    freeze = office.network.freeze

    def strict(*given: object) -> str:
        if '"bad"' in repr(given).replace("'", '"'):
            raise error
        return freeze(*given)  # type: ignore[arg-type]

    office.network.freeze = strict  # type: ignore[method-assign, assignment]
    for passed in (minutes(5), timedelta()):
        with suppress(ZeroDivisionError):
            office.send(after=passed)
    assert office.slots["b"] is State.PUBLISHED
    assert office.texts == ["good"]


def test_two_workers_do_not_prepare_the_same_entry(office: Office) -> None:
    office.plan(slot(at=NOON + minutes(5)))
    prepare = office.network.prepare

    def meanwhile(*given: object) -> str:
        assert not office.prepare()
        return prepare(*given)  # type: ignore[arg-type]

    office.network.prepare = meanwhile  # type: ignore[method-assign, assignment]
    assert office.prepare()
    assert office.network.calls == ["prepare"]


def test_uploads_that_are_there_no_more_are_made_anew(office: Office) -> None:
    office.plan()
    office.network.fail_next("publish", Stale("media not found", server=SERVER))
    office.send()
    office.send(after=minutes(1))
    assert office.states == [State.PUBLISHED]
    assert office.network.calls == ["prepare", "publish", "prepare", "publish"]


def test_uploads_that_hang_on_a_lost_post_are_looked_up_and_not_made_anew(office: Office) -> None:
    office.plan()
    office.network.fail_next("publish", LOST)
    office.network.fail_next("publish", Stale("media not found", server=SERVER))
    office.send()
    office.send(after=minutes(1))
    assert office.states == [State.UNKNOWN]
    office.send(after=minutes(1))
    assert office.network.calls == ["prepare", "publish", "find", "publish", "find", "publish"]


# ---- paused ------------------------------------------------------------------------------------------------------------


def test_a_paused_day_sends_nothing_and_goes_on_where_it_was(office: Office) -> None:
    office.plan(slot("a"), slot("b", at=NOON + minutes(1)))
    pause(office)
    assert office.send(after=minutes(2)) is None
    assert office.texts == []
    resume(office)
    office.send()
    assert office.slots == {"a": State.PUBLISHED, "b": State.PUBLISHED} or office.send(after=SPACE) is None
    assert len(office.texts) == 2


def test_a_pause_holds_also_what_is_claimed_and_not_yet_sent(office: Office) -> None:
    office.plan()
    prepare = office.network.prepare

    def meanwhile(*given: object) -> str:
        pause(office)
        return prepare(*given)  # type: ignore[arg-type]

    office.network.prepare = meanwhile  # type: ignore[method-assign, assignment]
    office.send()
    [entry] = office.entries()
    assert (entry.state, entry.note, entry.attempt_count) == (State.WAITING, None, 0)
    assert office.told == []
    assert "publish" not in office.network.calls
    resume(office)
    office.send()
    assert office.states == [State.PUBLISHED]


def test_nothing_is_missed_while_the_day_is_paused_and_the_late_policy_holds_after_it(office: Office) -> None:
    office.plan(slot("late"), slot("always", late=Late.ALWAYS))
    pause(office)
    office.send(after=minutes(40))
    assert office.states == [State.WAITING, State.WAITING]
    resume(office)
    office.send()
    assert office.slots == {"late": State.MISSED, "always": State.PUBLISHED}


@pytest.mark.parametrize("repeat", Repeat)
def test_a_lost_answer_is_looked_up_while_the_day_is_paused_and_never_repeated(engine: Engine, repeat: Repeat) -> None:
    office = Office(engine, repeat)
    office.plan(slot("there", late=Late.ALWAYS), slot("not there", "Lost #shareASM", late=Late.ALWAYS))
    office.network.fail_next("publish", LOST, after_acting=True)
    office.network.fail_next("publish", LOST)
    office.send()
    pause(office)
    for _ in range(10):
        office.send(after=minutes(1))
    assert office.network.calls.count("publish") == 2
    assert office.slots["there"] is State.PUBLISHED
    assert office.slots["not there"] in {State.UNKNOWN, State.WAITING}
    resume(office)
    office.send(after=minutes(1))
    assert (len(office.texts) == 2) is (repeat is not Repeat.NEVER)


def test_preparing_goes_on_while_the_day_is_paused(office: Office) -> None:
    office.plan(slot(at=NOON + minutes(5)))
    pause(office)
    assert office.prepare()


def test_the_outlook_says_what_a_resumed_day_will_do_and_it_does_so(office: Office) -> None:
    office.plan(
        slot("missed"),
        slot("thread", "one", "two", late=Late.ALWAYS),
        slot("second", late=Late.ALWAYS, at=NOON + minutes(1)),
        slot("new", at=NOON + minutes(40)),
        slot("later", at=NOON + minutes(50)),
    )
    pause(office)
    office.send(after=minutes(40))
    outlook = after_resume(office.engine, campaign(), office.clock.now())
    said = [(entry.key.slot, at - office.clock.now()) for at, entry in outlook.sends]
    nothing = timedelta()
    assert sorted(said) == [("new", nothing), ("second", SPACE), ("thread", nothing), ("thread", nothing)]
    assert [entry.key.slot for entry in outlook.missed] == ["missed"]
    resume(office)
    times = sent_times(office)
    assert {name for name, after in times.items() if after <= SPACE * 2} == {"new", "second", "thread"}
    assert times["second"] - times["thread"] >= SPACE or times["thread"] - times["second"] >= SPACE
    assert office.slots["missed"] is State.MISSED


# ---- overdue -----------------------------------------------------------------------------------------------------------


def test_after_an_outage_the_overdue_go_out_spaced_oldest_first_and_threads_whole(office: Office) -> None:
    office.plan(
        slot("c", at=NOON + minutes(3)),
        slot("a", "one", "two", at=NOON + minutes(1)),
        slot("b", at=NOON + minutes(2)),
    )
    office.clock.advance(minutes(20))
    assert sent_times(office) == {"a": timedelta(), "b": SPACE, "c": SPACE * 2}
    assert office.texts[:2] == ["one", "two"]


def test_what_is_on_time_is_not_held_up_by_the_overdue(office: Office) -> None:
    overdue = [slot(f"old {number}", at=NOON + minutes(number)) for number in range(3)]
    office.plan(
        *overdue,
        slot(
            "now",
            at=NOON
            + minutes(
                20,
            ),
        ),
        slot("soon", at=NOON + minutes(20) + SPACE / 2),
    )
    office.clock.advance(minutes(20))
    times = sent_times(office)
    assert (times["now"], times["soon"]) == (timedelta(), SPACE / 2)
    assert times["old 0"] < times["old 1"] < times["old 2"]


def test_no_slot_is_missed_because_it_waited_for_its_turn(office: Office) -> None:
    office.plan(*(slot(f"{number:02}", at=NOON + timedelta(seconds=number)) for number in range(40)))
    office.clock.advance(minutes(29))
    sent_times(office)
    assert set(office.states) == {State.PUBLISHED}


# ---- an account whose token is refused ---------------------------------------------------------------------------------


def stopped(office: Office) -> accounts.AccountState | None:
    with transaction(office.engine) as connection:
        return accounts.state(connection, SLUG, office.account)


def test_a_refused_token_stops_its_account_once_and_not_each_entry(office: Office) -> None:
    office.plan(*(slot(name, at=NOON) for name in "abc"))
    for _ in range(9):
        office.network.fail_next("publish", REFUSED)
    assert office.send() == NOON + minutes(5)
    for _ in range(4):
        office.send(after=minutes(1))
    assert office.network.calls.count("publish") == 1
    assert [entry.note for entry in office.entries()] == [None, None, None]
    state = stopped(office)
    assert state
    assert "token revoked" in state.reason
    [told] = office.told
    assert "the account ours is stopped" in told.words
    assert "shareasm connect" in told.words
    office.send(after=minutes(1))
    assert office.network.calls.count("publish") == 2, "one entry is tried every five minutes"
    assert len(office.told) == 1


def test_a_token_that_is_taken_again_lets_the_account_go_on(office: Office) -> None:
    office.plan(*(slot(name, at=NOON, late=Late.ALWAYS) for name in "ab"))
    office.network.fail_next("publish", REFUSED)
    office.send()
    sent_times(office)
    assert stopped(office) is None
    assert office.states == [State.PUBLISHED, State.PUBLISHED]


def test_a_changed_token_and_a_new_start_try_at_once(office: Office) -> None:
    office.plan()
    office.network.fail_next("publish", REFUSED)
    office.network.fail_next("publish", REFUSED)
    office.send()
    with transaction(office.engine) as connection:
        accounts.end_waits(connection, SLUG)
    office.send(after=timedelta(seconds=1))
    assert office.network.calls.count("publish") == 2
    with transaction(office.engine) as connection:
        assert accounts.states(connection, SLUG).keys() == {"ours"}
        assert accounts.clear(connection, SLUG, "ours")
    office.send(after=timedelta(seconds=1))
    assert office.states == [State.PUBLISHED]


def test_a_refused_token_while_preparing_stops_the_account_as_well(office: Office) -> None:
    office.plan(slot(at=NOON + minutes(5)))
    office.network.fail_next("prepare", REFUSED)
    office.prepare()
    assert stopped(office)
    assert not office.prepare()
    assert office.entries()[0].note is None
    assert office.send(after=minutes(5)) is None
    assert office.states == [State.PUBLISHED]


def test_what_is_missed_because_its_account_was_stopped_says_so(office: Office) -> None:
    office.plan()
    for _ in range(20):
        office.network.fail_next("publish", REFUSED)
    for _ in range(8):
        office.send(after=minutes(5))
    [entry] = office.entries()
    assert entry.state is State.MISSED
    assert "token revoked" in (entry.note or "")


# ---- replies and quotes of other slots ---------------------------------------------------------------------------------


def answering(name: str, target: str, *texts: str, at: datetime = NOON) -> Slot:
    return slot(name, *texts or (name,), at=at, reply_to=target)


def test_a_reply_waits_for_the_slot_that_it_answers(office: Office) -> None:
    office.plan(answering("source", "welcome"), slot("welcome", at=NOON + minutes(2)))
    office.send()
    assert office.texts == []
    assert office.entries()[0].note is None
    office.send(after=minutes(2))
    welcome, source = office.network.posts.values()
    assert source.reply_to == welcome.ref


def test_a_reply_to_a_reply_belongs_to_the_first_posts_thread(office: Office) -> None:
    office.plan(slot("a"), answering("b", "a"), answering("c", "b", "one", "two"))
    office.send()
    a, b, one, two = office.network.posts.values()
    assert (b.reply_to, one.reply_to, two.reply_to) == (a.ref, b.ref, one.ref)
    roots = [f'"root":"{a.ref.uri}"' in (entry.payload or "") for entry in office.entries()]
    assert roots == [False, True, True, True]


def test_a_quote_carries_the_post_that_it_quotes(office: Office) -> None:
    office.plan(slot("a"), slot("b", "Look #shareASM", quotes="a"))
    office.send()
    a, b = office.network.posts.values()
    assert b.quote == a.ref


def test_what_answers_a_slot_that_will_not_be_out_says_so_once_and_is_missed_in_the_end(office: Office) -> None:
    office.plan(slot("a"), answering("b", "a"), slot("c"))
    office.network.fail_next("publish", Rejected("too long", server=SERVER))
    office.send()
    assert office.slots == {"a": State.FAILED, "b": State.WAITING, "c": State.PUBLISHED}
    assert office.entries()[1].note == "it answers a, which is failed"
    office.send(after=minutes(1))
    assert [told.words for told in office.told if told.entry.key.slot == "b"] == [
        "not sent yet: it answers a, which is failed"
    ]
    office.send(after=minutes(30))
    assert office.slots["b"] is State.MISSED


def test_slots_that_answer_each_other_hold_up_nobody_else(office: Office) -> None:
    office.plan(answering("a", "b"), answering("b", "a"), answering("c", "gone"), slot("d"))
    assert office.send() is None
    assert office.slots["d"] is State.PUBLISHED
    assert office.texts == ["Good morning #shareASM"]


# ---- deleted by a person -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("repeat", Repeat)
def test_a_published_post_that_a_person_deletes_is_not_made_again(engine: Engine, repeat: Repeat) -> None:
    office = Office(engine, repeat)
    office.plan(slot(late=Late.ALWAYS))
    office.send()
    office.network.posts.clear()
    for worker in ("restarted", "another"):
        office.plan(slot(at=NOON + minutes(90), late=Late.ALWAYS))
        office.send(after=minutes(60), worker=worker)
        office.prepare()
    assert office.texts == []
    assert office.network.calls == ["prepare", "publish"]


def test_a_lost_post_that_was_seen_and_deleted_by_a_person_is_not_made_again(engine: Engine) -> None:
    office = Office(engine, Repeat.SAFE, account="sky")
    office.plan(slot(accounts=("sky",), late=Late.ALWAYS))
    office.network.fail_next("publish", LOST, after_acting=True)
    office.send()
    [made] = office.network.posts.values()
    source = Source("search:pds.example", SourceKind.SEARCH, "https://pds.example")
    store(Desk(engine, campaign(), office.clock), source, Page((Seen(made, encode_post(made), "1"),)), "shareasm")
    office.network.posts.clear()
    for _ in range(3):
        office.send(after=minutes(5))
    assert office.texts == []
    [entry] = office.entries()
    assert entry.state is State.PUBLISHED
    assert entry.receipt
    assert entry.receipt.ref == made.ref
    assert "deleted" in (entry.note or "")


@pytest.mark.parametrize(("after", "state"), [(minutes(10), State.PUBLISHED), (minutes(40), State.MISSED)])
def test_a_lost_post_that_is_not_there_after_a_while_follows_its_late_policy(
    engine: Engine, after: timedelta, state: State
) -> None:
    office = Office(engine, Repeat.SAFE)
    office.plan()
    office.network.fail_next("publish", LOST)
    office.send()
    office.send(after=after)
    office.send(after=SPACE)
    assert office.states == [state]


def test_a_look_that_finds_other_words_under_our_key_is_for_a_person(engine: Engine) -> None:
    office = Office(engine, Repeat.SAFE)
    office.plan()
    office.network.fail_next("publish", LOST)
    office.network.fail_next("find", Occupied("it says something else", server=SERVER))
    office.send()
    assert office.send(after=minutes(2)) is None
    assert office.states == [State.UNKNOWN]
    assert "it says something else" in office.told[-1].words


# ---- asked back --------------------------------------------------------------------------------------------------------


def ask_back(office: Office) -> None:
    [entry] = office.entries()
    with transaction(office.engine) as connection:
        assert steering.ask_back(connection, entry, "the wrong day", office.clock.now())


@pytest.mark.parametrize(
    ("error", "acted", "state"),
    [
        (None, True, State.WITHDRAWING),
        (DOWN, False, State.CANCELLED),
        (REFUSED, False, State.CANCELLED),
        (RateLimited("slow down", server=SERVER, until=NOON), False, State.CANCELLED),
        (Rejected("too long", server=SERVER), False, State.CANCELLED),
        (LOST, True, State.UNKNOWN),
    ],
)
def test_what_is_asked_back_during_its_call_goes_on_to_be_taken_back(
    office: Office, error: NetworkError | None, state: State, *, acted: bool
) -> None:
    office.plan()
    publish = office.network.publish

    def meanwhile(payload: str, key: str) -> Receipt:
        ask_back(office)
        return publish(payload, key)

    office.network.publish = meanwhile  # type: ignore[method-assign]
    if error:
        office.network.fail_next("publish", error, after_acting=acted)
    office.send()
    assert office.states == [state]
    office.send(after=minutes(1))
    assert office.states == [State.WITHDRAWING if acted else state]


def test_what_is_asked_back_before_its_call_is_not_sent(office: Office) -> None:
    office.plan()
    prepare = office.network.prepare

    def meanwhile(*given: object) -> str:
        ask_back(office)
        return prepare(*given)  # type: ignore[arg-type]

    office.network.prepare = meanwhile  # type: ignore[method-assign, assignment]
    office.send()
    assert office.states == [State.CANCELLED]
    office.plan()
    office.send(after=minutes(1))
    assert office.states == [State.CANCELLED]
    assert office.texts == []


@pytest.mark.parametrize(("repeat", "state"), [(Repeat.SAFE, State.CANCELLED), (Repeat.AN_HOUR, State.UNKNOWN)])
def test_what_is_asked_back_after_a_lost_answer_is_looked_up_and_never_repeated(
    engine: Engine, repeat: Repeat, state: State
) -> None:
    office = Office(engine, repeat)
    office.plan()
    office.network.fail_next("publish", LOST)
    office.send()
    ask_back(office)
    for _ in range(4):
        office.send(after=minutes(1))
    assert office.states == [state]
    assert office.network.calls.count("publish") == 1


@pytest.mark.parametrize("slots", [[slot("a", "one", "two")], [slot("a", "one"), answering("b", "a", "two")]])
def test_a_lost_answer_is_settled_also_when_what_it_hangs_on_is_taken_back(office: Office, slots: list[Slot]) -> None:
    office.plan(*slots)
    publish = office.network.publish

    def lose_two(payload: str, key: str) -> Receipt:
        receipt = publish(payload, key)
        if '"two"' in payload:
            raise LOST
        return receipt

    office.network.publish = lose_two  # type: ignore[method-assign]
    office.send()
    assert office.states == [State.PUBLISHED, State.UNKNOWN]
    one, two = office.entries()
    with transaction(office.engine) as connection:
        steering.begin_taking_back(connection, one, "the wrong day")
        steering.ask_back(connection, two, "the wrong day", office.clock.now())
    office.send(after=minutes(1))
    assert office.states == [State.WITHDRAWING, State.WITHDRAWING]


# ---- the plan moves ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [State.MISSED, State.FAILED])
def test_what_was_missed_or_refused_waits_again_when_the_plan_puts_it_off(office: Office, outcome: State) -> None:
    office.plan()
    if outcome is State.FAILED:
        office.network.fail_next("publish", Rejected("too long", server=SERVER))
    office.send(after=timedelta() if outcome is State.FAILED else minutes(31))
    assert office.states == [outcome]
    office.plan()
    assert office.states == [outcome]
    [before] = office.entries()
    office.plan(slot(at=NOON + minutes(60)))
    [after] = office.entries()
    assert (after.state, after.attempt_count, after.publish_key) == (State.WAITING, 0, before.publish_key)
    office.clock.set(NOON + minutes(60))
    office.send()
    assert office.states == [State.PUBLISHED]


def test_a_moved_slot_keeps_its_key(office: Office) -> None:
    office.plan(slot(accounts=("ours", "sky"), at=NOON + minutes(5)))
    keys = [entry.publish_key for entry in office.entries()]
    office.plan(slot("before"), slot(accounts=("ours", "sky"), at=NOON + minutes(9)))
    assert [entry.publish_key for entry in office.entries() if entry.key.slot == "welcome"] == keys


@pytest.mark.parametrize("state", [State.WITHDRAWING, State.WITHDRAWN])
def test_what_was_taken_back_is_not_planned_anew(office: Office, state: State) -> None:
    office.plan()
    office.send()
    with transaction(office.engine) as connection:
        [entry] = queue.of_campaign(connection, SLUG)
        steering.begin_taking_back(connection, entry, "the wrong day")
        if state is State.WITHDRAWN:
            [entry] = queue.of_campaign(connection, SLUG)
            steering.taken_back(connection, entry, "deleted")
    office.plan(slot("welcome", "Other words", at=NOON + minutes(5)))
    office.send(after=minutes(5))
    assert office.states == [state]
    assert len(office.texts) == 1


def test_what_a_person_sends_again_goes_at_once_as_it_was_and_is_not_looked_up_for_ever(engine: Engine) -> None:
    office = Office(engine, Repeat.NEVER)
    office.plan(slot("lost"), slot("other", at=NOON + minutes(59)))
    office.network.fail_next("publish", LOST)
    for _ in range(3):
        office.send(after=minutes(2))
    [entry, _] = office.entries()
    office.clock.set(NOON + minutes(60))
    with transaction(office.engine) as connection:
        assert steering.send_again(connection, entry, "a person", office.clock.now())
    office.send()
    assert office.slots["lost"] is State.PUBLISHED
    assert office.entries()[0].payload == entry.payload
    assert office.network.calls.count("find") == 2


def test_a_slot_whose_server_had_enough_is_not_sent_when_it_is_taken_out_of_the_plan_meanwhile(office: Office) -> None:
    office.plan(slot("a"), slot("b", "Old #shareASM"))
    for _ in range(2):
        office.network.fail_next("publish", RateLimited("enough", server=SERVER, until=NOON + minutes(5)))
    office.send()
    office.plan(slot("b", "New #shareASM"))
    office.send(after=minutes(5))
    assert office.texts == ["New #shareASM"]


def sent_again(office: Office) -> None:
    [entry] = office.entries()
    with transaction(office.engine) as connection:
        assert steering.send_again(connection, entry, "a person", office.clock.now())


def test_an_answer_that_is_lost_again_is_looked_for_however_the_clock_was_set_since_a_person_sent_it_again(
    engine: Engine,
) -> None:
    office = Office(engine, Repeat.NEVER)
    office.plan()
    office.network.fail_next("publish", LOST)
    for _ in range(3):
        office.send(after=minutes(2))
    sent_again(office)
    office.clock.advance(-minutes(5))
    office.network.fail_next("publish", LOST, after_acting=True)
    for _ in range(4):
        office.send(after=minutes(1))
    assert office.states == [State.PUBLISHED]
    assert office.texts == ["Good morning #shareASM"]


def test_what_a_person_sends_again_and_then_wants_back_is_looked_for(engine: Engine) -> None:
    office = Office(engine, Repeat.NEVER)
    office.plan()
    office.network.fail_next("publish", LOST, after_acting=True)
    office.send()
    office.clock.advance(timedelta(seconds=3))
    sent_again(office)
    ask_back(office)
    office.send()
    office.send(after=minutes(2))
    assert office.states == [State.WITHDRAWING]
    assert office.network.calls.count("publish") == 1


@pytest.mark.parametrize("repeat", list(Repeat))
def test_an_answer_that_comes_after_its_claim_ran_out_counts(engine: Engine, repeat: Repeat) -> None:
    office = Office(engine, repeat)
    office.plan()
    publish = office.network.publish

    def slow(payload: str, key: str) -> Receipt:
        office.network.publish = publish  # type: ignore[method-assign]
        if repeat is not Repeat.NEVER:
            office.network.fail_next("publish", DOWN)
        office.send(after=minutes(2), worker="two")  # before the server has acted
        return publish(payload, key)

    office.network.publish = slow  # type: ignore[method-assign]
    office.send(worker="one")
    assert office.states == [State.PUBLISHED]
    for _ in range(3):
        office.send(after=minutes(2), worker="two")
    assert office.texts == ["Good morning #shareASM"]


def test_a_late_answer_to_what_was_asked_back_meanwhile_is_taken_back(engine: Engine) -> None:
    office = Office(engine, Repeat.NEVER)
    office.plan()
    publish = office.network.publish

    def slow(payload: str, key: str) -> Receipt:
        office.network.publish = publish  # type: ignore[method-assign]
        office.send(after=minutes(2), worker="two")
        ask_back(office)
        return publish(payload, key)

    office.network.publish = slow  # type: ignore[method-assign]
    office.send(worker="one")
    assert office.states == [State.WITHDRAWING]
    assert State.WITHDRAWING in NEXT[State.UNKNOWN]
