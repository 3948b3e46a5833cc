"""SIGTERM and Ctrl-C: the program stops within ten seconds whatever a server does, and goes on where it was."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from product.days import Day, slot
from product.program import RUNNING, Program, run
from shareasm.rehearsal.faults import Fault

pytestmark = pytest.mark.product

STOP_WITHIN_S = 10 + 1  # a busy machine is late to tell us
CODES = {signal.SIGTERM: 0, signal.SIGINT: 130}  # a platform's stop is a good end; a shell wants to know of Ctrl-C


def stop(program: Program, number: signal.Signals) -> int:
    began = time.monotonic()
    program.signal(number)
    code = program.ended(30)
    assert time.monotonic() - began < STOP_WITHIN_S, program.said
    assert "Traceback" not in program.said
    return code


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
@pytest.mark.parametrize("command", ["run", "worker"])
def test_a_signal_stops_it_and_it_goes_on_where_it_was(day: Day, number: signal.Signals, command: str) -> None:
    day.plan(slot("first", 0), slot("second", 3600), lasts=7200)
    program = day.start(command)
    program.wait_for("sent ", times=2)
    assert stop(program, number) == CODES[number]
    again = day.start(command)
    again.wait_for("0 changes in the queue")
    day.world.bluesky.say(day.amina, "And now #smallDay")
    again.wait_for("collected")
    assert stop(again, number) == CODES[number]
    assert day.texts() == (["This is first #smallDay"], ["This is first #smallDay"])


@pytest.mark.parametrize("fault", [Fault.HANG_BEFORE, Fault.HANG_AFTER], ids=["before it acts", "after it acted"])
def test_a_server_that_hangs_does_not_hold_it_up(day: Day, fault: Fault) -> None:
    day.plan(slot("first", 0), slot("second", 0))
    bluesky = day.world.bluesky.pds_faults.add(fault, "POST", r".*applyWrites")
    mastodon = day.world.home.faults.add(fault, "POST", "/api/v1/statuses")
    program = day.start("run")
    assert bluesky.reached.wait(60)
    assert mastodon.reached.wait(60)
    assert stop(program, signal.SIGTERM) == 0
    assert "written down as open" in program.said
    bluesky.release()
    mastodon.release()
    again = day.start("worker")
    again.wait_for("sent ", times=4, seconds=60)
    assert stop(again, signal.SIGTERM) == 0
    wanted = ["This is first #smallDay", "This is second #smallDay"]
    assert tuple(map(sorted, day.texts())) == (wanted, wanted)


def test_a_reading_that_hangs_does_not_hold_it_up_either(day: Day) -> None:
    day.plan(slot("first", 0))
    rules = [
        day.world.home.faults.add(Fault.HANG_BEFORE, "GET", "/api/v1/timelines/.*", times=None),
        day.world.bluesky.pds_faults.add(Fault.HANG_BEFORE, "GET", ".*searchPosts", times=None),
        day.world.bluesky.jetstream_faults.add(Fault.HANG_BEFORE, "WEBSOCKET", times=None),
    ]
    program = day.start("run")
    assert all(rule.reached.wait(60) for rule in rules)
    program.wait_for("sent ", times=2)
    assert stop(program, signal.SIGTERM) == 0


def test_a_second_signal_ends_it_at_once(day: Day) -> None:
    day.plan(slot("first", 0))
    hanging = day.world.home.faults.add(Fault.HANG_BEFORE, "POST", "/api/v1/statuses")
    program = day.start("run")
    assert hanging.reached.wait(60)
    program.signal(signal.SIGINT)
    program.wait_for("Stopping")
    began = time.monotonic()
    program.signal(signal.SIGINT)
    assert program.ended(10) == 128 + signal.SIGINT
    assert time.monotonic() - began < 2


# ---- Ctrl-C where there is nothing to finish ---------------------------------------------------------------------------


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Program]:
    """A rehearsal that goes on for longer than anybody would wait."""
    assert run(["init", "my-day"], {}, tmp_path).code == 0
    program = Program(["rehearse", "my-day", "--seconds", "600", "--out", "out"], {}, tmp_path, RUNNING)
    yield program
    program.end()


def test_ctrl_c_ends_a_rehearsal_with_one_plain_line(rehearsal: Program) -> None:
    rehearsal.wait_for("collected")
    before = len(rehearsal.lines)
    assert stop(rehearsal, signal.SIGINT) == 130
    after = [line for line in rehearsal.lines[before:] if " UTC  " not in line and line]
    assert after == ["The rehearsal is broken off, and nothing of it runs any more. The next one begins anew."]


def test_ctrl_c_ends_a_recap_that_waits_for_a_server(day: Day) -> None:
    day.plan(slot("first", 0))
    assert (day.run("publish").code, day.run("collect").code) == (0, 0)
    hanging = day.world.home.faults.add(Fault.HANG_BEFORE, "GET", "/api/v1/statuses.*", times=None)
    program = day.start("recap")
    assert hanging.reached.wait(60)
    assert stop(program, signal.SIGINT) == 130
    assert "Stopped by Ctrl-C" in program.lines[-1]
