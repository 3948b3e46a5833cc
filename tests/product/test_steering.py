"""A person steers the day beside the running program: held, changed, taken back; what the servers have is what was decided."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from product.days import TAG, Day, slot
from product.program import Ended, Program, wait_until
from shareasm.rehearsal.faults import Fault

pytestmark = pytest.mark.product

THREAD = '    thread:\n      - text: {en: "And a second part"}\n      - text: {en: "And a third part"}'


def steer(day: Day, *words: str) -> Ended:
    """Run a command about a slot of the day: its name and arguments, then the campaign, then its options."""
    at = next((number for number, word in enumerate(words) if word.startswith("--")), len(words))
    return day.run_alone(*words[:at], day.campaign, *words[at:])


def status(day: Day) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(day.run("status", "--json").out)
    return facts


def rewrite(day: Day, old: str, new: str, file: str = "schedule.yaml") -> None:
    path: Path = day.campaign / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def running(day: Day, sent: int) -> Program:
    program = day.start("worker")
    program.wait_for(" sent ", times=sent)
    return program


def texts(*ids: str) -> tuple[list[str], list[str]]:
    said = [f"This is {id_} #{TAG}" for id_ in ids]
    return said, said


def test_a_paused_day_holds_what_is_due_and_sends_it_when_it_goes_on(day: Day) -> None:
    began = day.plan(slot("first"), slot("second", 3600))
    program = running(day, 2)
    paused = day.run("pause", "--reason", "an accident at the mine")
    assert "is paused: an accident at the mine" in paused.out
    later = began + timedelta(hours=1)
    rewrite(day, f"{later:%Y-%m-%d %H:%M:%S}", f"{began:%Y-%m-%d %H:%M:%S}")  # due now
    program.wait_for("taken: 2 moved (second)")
    wait_until(lambda: status(day)["held"] == 2, 60)
    assert day.texts() == texts("first")
    asked = day.run("resume")
    assert asked.code == 2
    assert "Goes out now" in asked.out
    assert "second (en) on our-bluesky" in asked.out
    assert day.run("resume", "--yes").code == 0
    program.wait_for(" sent ", times=4)
    assert day.texts() == texts("first", "second")


def test_what_is_taken_back_is_gone_from_the_servers_and_does_not_return(day: Day) -> None:
    day.plan(slot("first", more=THREAD), slot("second"), slot("later", 3600))
    program = running(day, 8)
    withdrawn = steer(day, "withdraw", "first", "--reason", "a wrong name", "--yes")
    assert withdrawn.code == 0, withdrawn.out
    assert withdrawn.out.count("taken back: http") == 6
    assert day.texts() == texts("second")
    steer(day, "withdraw", "later", "--reason", "not today", "--yes")
    program.kill()
    again = day.start("worker")
    again.wait_for("0 changes in the queue")
    facts = json.loads(day.run_alone("plan", "show", day.campaign, "--json").out)
    assert {post["state"] for post in facts["posts"] if post["slot"] == "first"} == {"withdrawn"}
    assert [act["act"] for act in facts["acts"]] == ["withdraw", "withdraw"]
    assert day.texts() == texts("second")
    recap = day.run("recap")
    assert recap.code == 0, recap.err
    page = (day.folder / "data" / "recaps" / "small-day" / "index.html").read_text("utf-8")
    assert "6 of our posts were taken back afterwards." in page
    assert "This is first" not in page


def test_what_a_killed_command_began_to_take_back_the_worker_ends(day: Day) -> None:
    day.plan(slot("first"))
    program = running(day, 2)
    hanging = day.world.home.faults.add(Fault.HANG_BEFORE, "DELETE", "/api/v1/statuses/.*", times=None)
    command = day.start_alone("withdraw", "first", day.campaign, "--reason", "a wrong name", "--yes")
    wait_until(lambda: any(asked.method == "DELETE" for asked in day.world.home.faults.log), 30)
    command.kill()
    day.world.home.faults.clear()
    hanging.release()
    program.wait_for("taken back: ")
    wait_until(lambda: day.texts() == texts(), 60)
    wait_until(lambda: status(day)["queue"] == {"withdrawn": 2}, 30)


def test_a_changed_plan_is_taken_on_the_day_and_what_was_sent_stays(day: Day) -> None:
    day.plan(slot("first"), slot("later", 3600))
    program = running(day, 2)
    rewrite(day, "This is later", "That is later")
    program.wait_for("taken: 2 changed (later)")
    rewrite(day, "This is first", "That was first")
    program.wait_for("taken: 2 sent and left as sent (first)")
    assert day.texts() == texts("first")
    applied = day.run_alone("plan", "apply", day.campaign, "--edit-sent", "--yes")
    assert applied.code == 1, applied.out  # one network has no edits, and it says so
    assert "its network has no edits" in applied.out
    assert day.on_mastodon()[0]["text"] == f"That was first #{TAG}"
    assert day.on_bluesky()[0]["text"] == f"This is first #{TAG}"
    drafts = [row.draft for row in day.rows("select draft from entries where slot = 'later'")]
    assert ["That is later" in draft for draft in drafts] == [True, True]


def test_a_broken_file_leaves_the_old_plan_running(day: Day) -> None:
    day.plan(slot("first"), slot("second", 15))
    program = running(day, 2)
    rewrite(day, "kind: news", "kind: newz")
    line = program.wait_for("is not taken, the old one goes on")
    assert "schedule.yaml:" in line
    told = day.run("status")
    assert "is not taken" in told.out
    program.wait_for(" sent ", times=4)
    assert day.texts() == texts("first", "second")
    rewrite(day, "kind: newz", "kind: news")
    wait_until(lambda: status(day)["note"] is None, 30)


def test_a_restart_beside_a_broken_file_goes_on_with_the_queue(day: Day) -> None:
    began = day.plan(slot("first"), slot("second", 3600))
    running(day, 2).kill()
    rewrite(day, "kind: news", "kind: newz")
    program = day.start("worker")
    program.wait_for("the queue goes on as it is, until they are mended")
    program.wait_for("is not taken, the old one goes on")
    later = began + timedelta(hours=1)
    rewrite(day, f"{later:%Y-%m-%d %H:%M:%S}", f"{began:%Y-%m-%d %H:%M:%S}")
    rewrite(day, "kind: newz", "kind: news")
    program.wait_for("taken: 2 moved (second)")
    program.wait_for(" sent ", times=2)
    assert day.texts() == texts("first", "second")


def test_what_a_person_sent_by_hand_is_adopted_and_not_sent_again(day: Day) -> None:
    day.plan(slot("first"), slot("later", 3600), slot("last", 3600))
    running(day, 2)
    by_hand = day.world.home.say(day.mastodon, f"This is later #{TAG}")
    adopted = steer(day, "adopt", "later", str(by_hand["url"]), "--account", "our-mastodon")
    assert adopted.code == 0, adopted.err
    uri = day.world.bluesky.say(day.bluesky, f"This is later #{TAG}", ["en"])
    assert steer(day, "adopt", "later", uri, "--account", "our-bluesky").code == 0
    another = day.world.home.say(day.mastodon, f"Something else #{TAG}")
    assert "add --yes" in steer(day, "adopt", "last", str(another["url"]), "--account", "our-mastodon").err
    theirs = day.world.home.say(day.bakari, f"Not ours #{TAG}")
    refused = steer(day, "adopt", "first", str(theirs["url"]))
    assert refused.code == 2
    rows = day.rows("select state, receipt from entries where slot = 'later'")
    assert [row.state for row in rows] == ["published", "published"]
    assert day.run("status", "--json").code == 0
