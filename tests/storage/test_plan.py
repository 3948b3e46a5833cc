"""A changed plan is taken once, whole, and with a line in the audit trail; what was sent is edited only when asked for."""

from dataclasses import replace

import pytest
from sqlalchemy.engine import Engine

from factories import NOON, minutes, schedule, slot
from shareasm import plan, steer
from shareasm.domain.queue import State
from shareasm.domain.schedules import Slot
from shareasm.errors import ConfigError, Unreachable
from shareasm.networks.ports import Limits
from shareasm.publish import Result
from shareasm.steer import Choice
from shareasm.storage import days, queue
from shareasm.storage.engine import transaction
from storage.test_steering import SERVER, Office

DIGEST = b"a digest"


class Desk(Office):
    """An office whose network can edit."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.network.limits = lambda: Limits(500, 23, can_edit=True)  # type: ignore[method-assign]
        self.edited: list[Result] = []

    def take(self, *slots: Slot, by: str | None = "amina", digest: bytes = DIGEST) -> str:
        found = plan.take(self.engine, self.campaign, schedule(*slots), digest, self.clock.now(), by=by)
        return plan.summary(found)

    def edit(self, *slots: Slot) -> bool:
        found = plan.compare(self.engine, self.campaign, schedule(*slots))
        return plan.edit_sent(self.press, found.sent_changed, self.edited.append)

    def lines(self, *slots: Slot, edits: bool = False) -> list[str]:
        found = plan.compare(self.engine, self.campaign, schedule(*slots))
        return list(plan.difference_lines(found, self.campaign.zone, edits=edits))

    def show(self, *slots: Slot) -> str:
        made = plan.read_overview(self.engine, self.campaign, schedule(*slots) if slots else None)
        return "\n".join(plan.overview_lines(made))


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def test_a_plan_is_taken_once_and_written_down(desk: Desk) -> None:
    assert desk.take(slot()) == "1 new (welcome)"
    assert desk.take(slot()) == "nothing changes"
    assert desk.take(slot(at=NOON + minutes(5)), slot("more"), by=None) == "1 new (more); 1 moved (welcome)"
    assert desk.acts() == [("amina", "apply", None, "1 new (welcome)")]
    with transaction(desk.engine) as connection:
        assert days.state(connection, desk.campaign.slug).plan_digest == DIGEST


def test_the_same_plan_under_another_name_sends_nothing_again(desk: Desk) -> None:
    desk.take(slot())
    renamed = replace(desk.campaign, slug="my-copy")
    desk.send()
    with pytest.raises(ConfigError, match="sent already, as the day “shareasm-2027”"):
        plan.take(desk.engine, renamed, schedule(slot()), DIGEST, desk.clock.now())
    later = schedule(slot(at=NOON + minutes(60 * 24 * 365)))
    assert len(plan.take(desk.engine, renamed, later, DIGEST, desk.clock.now()).new) == 1, "next year's day is another"
    with transaction(desk.engine) as connection:
        assert queue.tried_as(connection, [], "any") is None


def test_a_good_plan_takes_the_note_about_a_broken_one_away(desk: Desk) -> None:
    desk.take(slot())
    with transaction(desk.engine) as connection:
        days.set_note(connection, desk.campaign.slug, "the changed plan has mistakes")
    desk.take(slot())
    with transaction(desk.engine) as connection:
        assert days.state(connection, desk.campaign.slug).note is None


def test_looking_at_a_difference_changes_nothing(desk: Desk) -> None:
    desk.take(slot("welcome", "Good morning from Accra #shareASM"), slot("out"), slot("sent", "Old #shareASM"))
    desk.send()
    desk.take(slot("later", at=NOON + minutes(20)), slot("out", at=NOON + minutes(20)))
    before = desk.entries()
    lines = desk.lines(
        slot("later", "Good evening #shareASM", at=NOON + minutes(30)),
        slot("sent", "New #shareASM"),
        slot("new", "One #shareASM", "Two #shareASM", at=NOON + minutes(40), accounts=("ours", "sky")),
    )
    assert lines == [
        "new        new, 12:40 (12:40 UTC), en, en part 2 on ours; en, en part 2 on sky",
        "moved      later, 12:20 (12:20 UTC) → 12:30 (12:30 UTC), en on ours",
        "changed    later, en on ours: text",
        "             - Good morning #shareASM",
        "             + Good evening #shareASM",
        "sent       sent, en on ours: text; sent, and left as sent",
        "             - Old #shareASM",
        "             + New #shareASM",
        "left       welcome, en on ours: sent, and not in the plan any more; `shareasm withdraw` takes it back",
        "left       out, en on ours: sent, and not in the plan any more; `shareasm withdraw` takes it back",
    ]
    assert desk.entries() == before


def test_what_no_edit_changes_is_said_and_not_called_edited(desk: Desk) -> None:
    desk.take(slot())
    desk.send()
    assert not desk.edit(slot(visibility="unlisted"))
    assert desk.edit(slot("welcome", "Good evening #shareASM", visibility="unlisted"))
    left, edited = (outcome.words for outcome in desk.edited)
    assert left == "left as sent: no edit changes visibility; `shareasm withdraw` takes it back"
    assert edited.startswith("edited, but for visibility: https://")


def test_a_long_text_is_shown_where_it_changed(desk: Desk) -> None:
    before, after = ("x " * 100 + f"{word} at nine " + "y " * 100 for word in ("Monday", "Friday"))
    desk.take(slot("welcome", before))
    [_, old, new] = desk.lines(slot("welcome", after))
    assert "Monday at nine" in old
    assert "Friday at nine" in new
    assert len(old) < 120


def test_what_was_sent_is_edited_when_asked_for_and_only_once(desk: Desk) -> None:
    new = slot("welcome", "Good evening #shareASM")
    desk.take(slot())
    desk.send()
    desk.take(new)
    assert desk.texts == ["Good morning #shareASM"]
    assert desk.edit(new)
    assert desk.texts == ["Good evening #shareASM"]
    assert desk.states == [State.PUBLISHED]
    assert desk.acts()[-1][1] == "edit"
    calls = len(desk.network.calls)
    assert desk.edit(new)
    assert len(desk.network.calls) == calls
    assert desk.lines(new) == []


def test_an_edit_that_failed_leaves_the_difference_and_is_made_again(desk: Desk) -> None:
    new = slot("welcome", "Good evening #shareASM")
    desk.take(slot())
    desk.send()
    lost = Unreachable("the line was cut", server=SERVER, is_outcome_unknown=True)
    desk.network.fail_next("edit", lost, after_acting=True)
    assert not desk.edit(new)
    assert "the line was cut" in desk.edited[0].words
    assert desk.lines(new)
    assert desk.edit(new)
    assert desk.lines(new) == []
    assert desk.texts == ["Good evening #shareASM"]


def test_an_edit_keeps_the_time_and_the_thread_of_a_post(desk: Desk) -> None:
    desk.take(slot("welcome", "One #shareASM", "Two #shareASM"))
    desk.send()
    sent = list(desk.network.posts.values())
    desk.clock.advance(hours=1)
    assert desk.edit(slot("welcome", "One #shareASM", "Two, mended #shareASM"))
    edited = list(desk.network.posts.values())
    assert edited[1] == replace(sent[1], text="Two, mended #shareASM", edited_at=edited[1].edited_at)
    assert edited[1].edited_at == NOON


def test_where_a_network_has_no_edits_it_says_so(desk: Desk) -> None:
    desk.network.limits = lambda: Limits(500, 23)  # type: ignore[method-assign]
    desk.take(slot())
    desk.send()
    assert not desk.edit(slot("welcome", "Good evening #shareASM"))
    assert "its network has no edits" in desk.edited[0].words
    assert desk.texts == ["Good morning #shareASM"]


def test_the_plan_is_shown_beside_what_became_of_it(desk: Desk) -> None:
    slots = slot(), slot("later", at=NOON + minutes(20))
    desk.take(*slots)
    desk.send()
    desk.withdraw()
    steer.pause(desk.engine, desk.campaign.slug, "bakari", "an accident", desk.clock.now())
    screen = desk.show(*slots, slot("planned", at=NOON + minutes(40)))
    assert "Paused since 12:00:00 (12:00 UTC): an accident" in screen
    assert "12:00:00 (12:00 UTC)  withdrawn   welcome (en) on ours" in screen
    assert "taken back: a wrong name" in screen
    assert "12:20:00 (12:20 UTC)  waiting     later (en) on ours" in screen
    assert "12:40:00 (12:40 UTC)  planned     planned (en) on ours" in screen
    assert "The plan says something else: 1 new (planned)." in screen
    assert "12:00:00 (12:00 UTC)  amina withdraw welcome (a wrong name)" in screen
    assert "12:00:00 (12:00 UTC)  bakari pause (an accident)" in screen
    assert "The queue says what the plan says." in desk.show(*slots)
    assert "this is the queue alone" in desk.show()


def test_the_same_comes_as_data(desk: Desk) -> None:
    desk.take(slot())
    desk.send()
    overview = plan.read_overview(desk.engine, desk.campaign, schedule(slot(), slot("new")))
    facts = plan.overview_facts(overview)
    sent, new = facts["posts"]  # type: ignore[misc]
    assert (sent["slot"], sent["part"], sent["state"], sent["is_planned"]) == ("welcome", 1, "published", True)
    assert sent["url"].startswith("https://memory.example/")
    assert (new["state"], new["text"]) == (None, "Good morning #shareASM")
    assert facts["difference"] == "1 new (new)"
    assert facts["acts"][0]["by"] == "amina"  # type: ignore[index]


def test_what_is_taken_out_of_the_plan_is_not_what_a_person_took_back(desk: Desk) -> None:
    later = slot("later", at=NOON + minutes(20))
    desk.take(slot(), later)
    desk.withdraw("later")
    assert desk.take(later) == "1 taken out (welcome)"
    assert desk.take(slot(), later) == "1 back again (welcome)"
    steer.resend(desk.press, desk.chosen("later"), None, Choice("later"))
    assert desk.states == [State.WAITING, State.WAITING]
