"""What a person decides on the day: held, adopted, sent again, taken back; each decision with its line in the audit trail."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from clocks import FixedClock
from factories import NOON, campaign, minutes, schedule, slot
from shareasm import steer
from shareasm.collect import Desk, read
from shareasm.domain.campaigns import Source, SourceKind
from shareasm.domain.posts import encode_post
from shareasm.domain.queue import QueueEntry, State
from shareasm.domain.schedules import Slot
from shareasm.errors import ConfigError, RateLimited, Rejected, Unreachable
from shareasm.networks.memory import MemoryNetwork
from shareasm.networks.ports import Repeat
from shareasm.publish import Press, Result, bring_in_line, publish_due
from shareasm.steer import Choice
from shareasm.storage import acts, claims, collected, days, queue
from shareasm.storage.engine import transaction

SERVER = "https://memory.example"
LOST = Unreachable("the line was cut", server=SERVER, is_outcome_unknown=True)
DOWN = Unreachable("connection refused", server=SERVER)
THREAD = ("One #shareASM", "Two #shareASM", "Three #shareASM")
HOME = Source("mastodon:memory.example", SourceKind.TAG_TIMELINE, SERVER)


class Office:
    """A campaign, its queue, one network, a clock to move, and Amina, who decides."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.campaign = campaign()
        self.clock = FixedClock(NOON)
        self.network = MemoryNetwork(repeat=Repeat.NEVER)
        self.told: list[Result] = []

    def plan(self, *slots: Slot) -> None:
        self.slots = schedule(*slots)
        bring_in_line(self.engine, self.campaign, self.slots)

    @property
    def press(self) -> Press:
        return Press(
            self.engine, self.campaign, Path(), {"ours": self.network}, self.clock, "amina", chance=lambda: 0.0
        )

    def send(self, **after: float) -> None:
        self.clock.advance(**after)
        publish_due(replace(self.press, worker="one"), "ours", self.told.append, lambda: False)

    def lose(self) -> None:
        """Let the first entry become unknown for good: its answer was lost, and it is not found twice."""
        self.network.fail_next("publish", LOST)
        self.send()
        for _ in range(3):
            self.send(minutes=2)
        assert self.states[0] is State.UNKNOWN

    def entries(self) -> list[QueueEntry]:
        with transaction(self.engine) as connection:
            return queue.of_campaign(connection, self.campaign.slug)

    @property
    def states(self) -> list[State]:
        return [entry.state for entry in self.entries()]

    @property
    def texts(self) -> list[str]:
        return [post.text for post in self.network.posts.values()]

    def acts(self) -> list[tuple[str, str, str | None, str | None]]:
        with transaction(self.engine) as connection:
            return [(a.by, a.act, a.about, a.reason) for a in acts.of_campaign(connection, self.campaign.slug)]

    def chosen(self, slot_id: str = "welcome", **narrowed: object) -> list[QueueEntry]:
        return steer.chosen(self.press, Choice(slot_id, **narrowed))  # type: ignore[arg-type]

    def withdraw(self, slot_id: str = "welcome", reason: str = "a wrong name", **narrowed: object) -> list[Result]:
        choice = Choice(slot_id, **narrowed)  # type: ignore[arg-type]
        entries, _ = steer.to_withdraw(self.press, choice)
        steer.withdraw(self.press, entries, reason, choice)
        return steer.take_back(self.press)

    def resend(self, slot_id: str = "welcome") -> list[steer.Decided]:
        return steer.resend(self.press, self.chosen(slot_id), self.slots, Choice(slot_id))


@pytest.fixture
def office(engine: Engine) -> Office:
    return Office(engine)


# ---- the whole day -----------------------------------------------------------------------------------------------------


def test_a_pause_is_stored_with_who_when_and_why(office: Office) -> None:
    slug = office.campaign.slug
    assert steer.pause(office.engine, slug, "amina", "an accident", NOON)
    assert not steer.pause(office.engine, slug, "bakari", "still the accident", NOON + minutes(1))
    with transaction(office.engine) as connection:
        day = days.state(connection, slug)
    assert (day.paused_at, day.pause_reason) == (NOON, "still the accident")
    assert steer.resume(office.engine, slug, "amina", NOON + minutes(2))
    assert not steer.resume(office.engine, slug, "amina", NOON + minutes(3))
    assert [act[:2] for act in office.acts()] == [("amina", "pause"), ("bakari", "pause"), ("amina", "resume")]


def test_a_day_is_paused_before_any_worker_opened_it_and_keeps_what_is_known_of_it(office: Office) -> None:
    slug = office.campaign.slug
    with transaction(office.engine) as connection:
        days.beat(connection, slug, NOON)
        days.set_plan(connection, slug, b"digest")
    steer.pause(office.engine, slug, "amina", "an accident", NOON)
    with transaction(office.engine) as connection:
        day = days.state(connection, slug)
    assert (day.opened_at, day.plan_digest) == (NOON, b"digest")


# ---- choosing ----------------------------------------------------------------------------------------------------------


def test_a_slot_alone_means_all_its_entries_and_options_narrow_it(office: Office) -> None:
    office.plan(slot("welcome", *THREAD, accounts=("ours", "sky")))
    assert len(office.chosen()) == 6
    assert [entry.key.part for entry in office.chosen(account="sky")] == [0, 1, 2]
    assert [entry.key.account for entry in office.chosen(part=1)] == ["ours", "sky"]


def test_a_slot_that_is_not_there_is_answered_with_the_nearest_names(office: Office) -> None:
    office.plan(slot("welcome"), slot("thanks"))
    with pytest.raises(ConfigError, match=r"there is no slot “welcom” in the queue\. Did you mean “welcome”\?"):
        office.chosen("welcom")
    with pytest.raises(ConfigError, match=r"There are: welcome, thanks\."):
        office.chosen("zzz")
    with pytest.raises(ConfigError, match=r"no entry of “welcome” is like that. It has: welcome \(en\) on ours"):
        office.chosen(language="xx")


# ---- adopting ----------------------------------------------------------------------------------------------------------


def test_a_found_post_counts_as_sent_and_is_never_sent_again(office: Office) -> None:
    office.plan(slot())
    office.lose()
    found = office.network.say("Good morning #shareASM", author="us")
    office.network.calls.clear()
    decided = steer.adopt(office.press, steer.to_adopt(office.chosen()), office.network.find_at(found.url).receipt)
    assert decided.words == f"adopted: {found.url}"
    office.send(hours=1)
    [entry] = office.entries()
    assert entry.state is State.PUBLISHED
    assert entry.receipt
    assert entry.receipt.ref == found.ref
    assert "publish" not in office.network.calls
    assert office.acts() == [("amina", "adopt", "welcome (en) on ours", found.url)]
    with transaction(office.engine) as connection:
        assert claims.open_since(connection, entry.id) is None


def test_a_post_that_somebody_else_wrote_is_not_adopted(office: Office) -> None:
    office.plan(slot())
    office.lose()
    theirs = office.network.say("Good morning #shareASM", author="bakari")
    with pytest.raises(Rejected, match="no such post of ours"):
        office.network.find_at(theirs.url)
    assert office.states == [State.UNKNOWN]


def test_one_post_is_adopted_once(office: Office) -> None:
    office.plan(slot(), slot("second", "Good day #shareASM"))
    office.send()
    url = next(iter(office.network.posts.values())).url
    office.network.fail_next("publish", Rejected("too long", server=SERVER))
    office.plan(slot(), slot("second", "Good day #shareASM"), slot("third", "More #shareASM"))
    office.send()
    with pytest.raises(ConfigError, match="the post of another entry already"):
        steer.adopt(office.press, office.chosen("third")[0], office.network.find_at(url).receipt)


@pytest.mark.parametrize(
    ("planned", "found", "is_same"),
    [
        ("Good morning #shareASM", "Good morning #shareASM", True),
        ("Good morning!\n\nhttps://iied.example/guide?x=1", "Good  morning iied.example/guide…", True),
        ("Ask @amina@mastodon.example", "Ask @amina", True),
        ("Good morning #shareASM", "Good evening #shareASM", False),
    ],
)
def test_a_found_post_is_known_by_its_words_whatever_a_server_makes_of_links(
    planned: str, found: str, is_same: bool
) -> None:
    assert steer.says_the_same(planned, found) is is_same


def test_where_several_entries_could_be_meant_it_asks_which(office: Office) -> None:
    office.plan(slot("welcome", *THREAD[:2]))
    office.network.fail_next("publish", Rejected("too long", server=SERVER))
    office.send()
    assert steer.to_adopt(office.chosen()).key.part == 0  # the other one only waits
    office.send(hours=2)
    with pytest.raises(ConfigError, match="--account, --language or --part"):
        steer.to_adopt([replace(entry, state=State.MISSED) for entry in office.chosen()])
    with pytest.raises(ConfigError, match=r"nothing to adopt: welcome \(en\) on ours is published"):
        steer.to_adopt([replace(office.chosen()[0], state=State.PUBLISHED)])


# ---- sending again -----------------------------------------------------------------------------------------------------


def test_what_was_missed_goes_out_when_a_person_says_so_and_is_never_too_late_again(office: Office) -> None:
    office.plan(slot())
    office.send(hours=2)
    assert office.states == [State.MISSED]
    [decided] = office.resend()
    assert decided.is_taken
    bring_in_line(office.engine, office.campaign, office.slots)  # a restart does not bring the old limit back
    office.send(hours=3)
    assert office.texts == ["Good morning #shareASM"]
    assert office.acts() == [("amina", "resend", "welcome", None)]


def test_what_was_refused_goes_again_with_the_words_that_the_plan_has_now(office: Office) -> None:
    office.plan(slot("welcome", "Too long #shareASM"))
    office.network.fail_next("publish", Rejected("too long", server=SERVER))
    office.send()
    office.slots = schedule(slot("welcome", "Short #shareASM"))
    bring_in_line(office.engine, office.campaign, office.slots)
    office.resend()
    office.send()
    assert office.texts == ["Short #shareASM"]


def test_what_may_be_out_goes_again_under_its_old_key(office: Office) -> None:
    office.plan(slot())
    office.lose()
    key = office.entries()[0].publish_key
    keys: list[str] = []
    publish = office.network.publish
    office.network.publish = lambda payload, key: (keys.append(key), publish(payload, key))[1]  # type: ignore[method-assign]
    office.resend()
    office.send(seconds=1)
    assert keys == [key]
    assert office.states == [State.PUBLISHED]


def test_what_was_cancelled_goes_again_only_where_nothing_else_is_meant(office: Office) -> None:
    office.plan(slot("welcome", accounts=("ours", "sky")))
    ours, sky = office.entries()
    missed, cancelled = replace(ours, state=State.MISSED), replace(sky, state=State.CANCELLED)
    assert steer.to_resend([missed, cancelled]) == [missed]
    assert steer.to_resend([cancelled]) == [cancelled]
    assert steer.to_resend([replace(ours, state=State.PUBLISHED)]) == []


def test_what_is_out_or_waits_for_its_time_is_not_sent_again(office: Office) -> None:
    office.plan(slot(), slot("later", at=NOON + minutes(20)))
    office.send()
    for slot_id in ("welcome", "later"):
        [decided] = office.resend(slot_id)
        assert not decided.is_taken
    office.send()
    assert len(office.texts) == 1
    assert office.acts() == []


def test_a_cancelled_slot_of_the_future_goes_out_now(office: Office) -> None:
    office.plan(slot("later", at=NOON + minutes(20)))
    office.withdraw("later")
    assert office.states == [State.CANCELLED]
    office.resend("later")
    office.send()
    assert office.states == [State.PUBLISHED]


# ---- taking back -------------------------------------------------------------------------------------------------------


def test_what_is_out_is_deleted_and_what_waits_is_cancelled(office: Office) -> None:
    office.plan(slot(), slot("later", at=NOON + minutes(20)))
    office.send()
    [done] = office.withdraw()
    assert done.error is None
    office.withdraw("later")
    office.send(hours=1)
    assert office.network.posts == {}
    assert office.states == [State.WITHDRAWN, State.CANCELLED]
    assert [entry.withdraw_reason for entry in office.entries()] == ["a wrong name"] * 2
    assert office.acts() == [
        ("amina", "withdraw", "welcome", "a wrong name"),
        ("amina", "withdraw", "later", "a wrong name"),
    ]


def test_what_was_taken_back_is_not_sent_by_loading_the_plan_again(office: Office) -> None:
    office.plan(slot(), slot("later", at=NOON + minutes(20)))
    office.send()
    office.withdraw()
    office.withdraw("later")
    for _ in range(2):
        bring_in_line(office.engine, office.campaign, office.slots)
        office.send(hours=1)
    assert office.network.posts == {}


def test_a_thread_is_taken_back_from_its_end(office: Office) -> None:
    office.plan(slot("welcome", *THREAD))
    office.send()
    texts: list[str] = []
    delete = office.network.delete

    def noted(receipt: object) -> None:
        texts.append(office.network.posts[receipt.ref].text)  # type: ignore[attr-defined]
        delete(receipt)  # type: ignore[arg-type]

    office.network.delete = noted  # type: ignore[method-assign]
    office.withdraw()
    assert texts == list(reversed(THREAD))


def test_with_a_part_go_the_parts_that_follow_it(office: Office) -> None:
    office.plan(slot("welcome", *THREAD))
    office.send()
    office.withdraw(part=2)
    assert office.texts == [THREAD[0]]


def test_every_part_is_tried_whatever_happens_to_the_others(office: Office) -> None:
    office.plan(slot("welcome", *THREAD))
    office.send()
    office.network.fail_next("delete", DOWN)
    results = office.withdraw()
    assert [result.error is None for result in results] == [False, True, True]
    assert office.texts == [THREAD[2]]
    assert office.states == [State.WITHDRAWN, State.WITHDRAWN, State.WITHDRAWING]


def test_what_a_dead_command_left_is_taken_up_by_the_worker_and_its_waits_grow(office: Office) -> None:
    office.plan(slot())
    office.send()
    entries, _ = steer.to_withdraw(office.press, Choice("welcome"))
    steer.withdraw(office.press, entries, "a wrong name", Choice("welcome"))  # … and here it was killed
    told: list[Result] = []
    for wait in (0, 5, 5, 15):
        office.network.fail_next("delete", DOWN)
        office.clock.advance(seconds=wait)
        steer.take_back_pending(office.press, "ours", told.append)
    assert len(told) == 2  # at once, and once more after ten seconds; the third wait is twenty
    office.network.fail_next("delete", RateLimited("patience", server=SERVER, until=office.clock.now() + minutes(3)))
    office.network._faults.clear()
    office.clock.advance(minutes=5)
    steer.take_back_pending(office.press, "ours", told.append)
    assert told[-1].error is None
    assert office.states == [State.WITHDRAWN]
    steer.take_back_pending(office.press, "ours", told.append)
    assert len(told) == 3


def test_a_rate_limit_is_waited_for(office: Office) -> None:
    office.plan(slot())
    office.send()
    until = NOON + timedelta(minutes=3)
    office.network.fail_next("delete", RateLimited("patience", server=SERVER, until=until))
    office.withdraw()
    assert office.entries()[0].next_attempt_at == until


def test_a_post_that_may_be_out_is_marked_and_not_forgotten(office: Office) -> None:
    office.plan(slot())
    office.lose()
    office.withdraw()
    [entry] = office.entries()
    assert entry.withdraw_reason == "a wrong name"
    found = office.network.say("Good morning #shareASM", author="us")
    steer.adopt(office.press, entry, office.network.find_at(found.url).receipt)
    steer.take_back(office.press)
    assert office.states == [State.WITHDRAWN]
    assert office.network.posts == {}


def test_what_is_asked_back_and_not_found_is_given_up_when_asked_again(office: Office) -> None:
    office.plan(slot())
    office.lose()
    looks = office.network.calls.count("find")
    office.withdraw()
    for _ in range(3):
        office.send(minutes=2)
    assert office.states == [State.UNKNOWN]
    assert office.network.calls.count("find") > looks  # it was looked for once more
    office.withdraw(reason="it is not there")
    assert office.states == [State.CANCELLED]
    office.send(hours=1)
    assert office.network.posts == {}
    [entry] = office.entries()
    with transaction(office.engine) as connection:
        assert claims.open_since(connection, entry.id) is None


def test_what_is_asked_back_while_it_may_be_out_is_deleted_when_it_is_found(office: Office) -> None:
    office.plan(slot())
    office.network.fail_next("publish", LOST, after_acting=True)
    office.send()
    assert office.states == [State.UNKNOWN]
    office.withdraw()
    office.send(minutes=2)
    assert office.states == [State.WITHDRAWING]
    steer.take_back_pending(office.press, "ours", office.told.append)
    assert office.states == [State.WITHDRAWN]
    assert office.network.posts == {}


def test_our_copy_in_the_store_is_gone_at_once_and_stays_so(office: Office) -> None:
    office.plan(slot())
    office.send()
    desk = Desk(office.engine, office.campaign, office.clock)
    read(desk, HOME, office.network)
    entries, _ = steer.to_withdraw(office.press, Choice("welcome"))
    steer.withdraw(office.press, entries, "a wrong name", Choice("welcome"))
    with transaction(office.engine) as connection:
        [stored] = collected.of_campaign(connection, office.campaign.slug)
    assert stored.gone_reason == "withdrawn by us: a wrong name"
    assert "Good morning" in encode_post(stored.post).decode()


def test_what_is_taken_back_twice_stays_as_it_is(office: Office) -> None:
    office.plan(slot())
    office.send()
    office.withdraw()
    [entry] = office.chosen()
    [decided] = steer.withdraw(office.press, [entry], "again", Choice("welcome"))
    assert not decided.is_taken
    assert office.entries()[0].withdraw_reason == "a wrong name"
    assert len(office.acts()) == 1


def test_the_slots_that_hang_on_one_are_named(office: Office) -> None:
    office.plan(slot(), slot("answer", at=NOON + minutes(20)))
    queued = office.entries()
    answer = replace(queued[1], draft=replace(queued[1].draft, reply_to="welcome"))
    assert steer.depending([queued[0], answer], [queued[0]]) == ["answer"]
    assert steer.depending(queued, [queued[0]]) == []


@pytest.mark.parametrize(
    "decide",
    [
        lambda office, entry: steer.withdraw(office.press, [entry], "why", Choice("welcome")),
        lambda office, entry: steer.resend(office.press, [entry], None, Choice("welcome")),
    ],
    ids=["withdraw", "resend"],
)
def test_an_entry_that_went_on_in_the_meantime_is_left_alone(
    office: Office, decide: Callable[[Office, QueueEntry], list[steer.Decided]]
) -> None:
    office.plan(slot())
    office.send()
    [entry] = office.entries()
    [decided] = decide(office, replace(entry, state=State.MISSED))
    assert not decided.is_taken
    assert "gone on in the meantime" in decided.words
    assert office.states == [State.PUBLISHED]
