"""What goes wrong outside: one sentence without a trace, exit 2 for what a person wrote and 1 for the world."""

import json
import os
import re
import signal
import socket
import sqlite3
import sys
from pathlib import Path

import pytest

from product.days import TAG, Day, slot
from product.program import copy_of_the_package
from shareasm.rehearsal.faults import Fault

pytestmark = pytest.mark.product

COMMANDS = ["run", "worker", "web", "collect", "publish", "status", "recap"]

# ---- what a person wrote -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_a_campaign_folder_that_is_not_there_is_named(day: Day, command: str) -> None:
    ended = day.run(command)
    assert ended.code == 2
    assert "small-day" in ended.err
    assert "Traceback" not in ended.err


def test_a_broken_plan_changes_nothing(day: Day) -> None:
    day.plan(slot("first", 3600))
    assert day.run("publish").code == 0
    before = day.rows("SELECT slot, state, due_at, draft FROM entries ORDER BY id")
    schedule = day.campaign / "schedule.yaml"
    schedule.write_text(schedule.read_text("utf-8").replace("kind: news", "kidn: news"), encoding="utf-8")
    for command in ("web", "recap"):  # those that send go on with the queue, and say so: test_steering
        ended = day.run(command)
        assert (ended.code, "nothing was changed" in ended.err, "Traceback" in ended.err) == (2, True, False), ended
        assert re.search(r"schedule\.yaml:\d+:\d+", ended.err), ended.err
    assert day.rows("SELECT slot, state, due_at, draft FROM entries ORDER BY id") == before


@pytest.mark.parametrize("url", ["nonsense", "mysql://somewhere/db", "sqlite//x.db", "postgresql://host:port/name"])
@pytest.mark.parametrize("command", ["run", "status", "recap"])
def test_a_database_address_that_is_none(day: Day, url: str, command: str) -> None:
    day.plan()
    day.environment["DATABASE_URL"] = url
    ended = day.run(command)
    assert ended.code == 2
    assert "DATABASE_URL" in ended.sentence


def test_a_secret_in_a_file_that_cannot_be_read_stops_its_own_account_alone(day: Day) -> None:
    day.plan(slot("first"))
    day.environment.pop("SHAREASM_TOKEN_OUR_MASTODON")
    day.environment["SHAREASM_TOKEN_OUR_MASTODON_FILE"] = "not-there"
    ended = day.run("publish")
    assert "Traceback" not in ended.out + ended.err
    assert "SHAREASM_TOKEN_OUR_MASTODON_FILE names not-there, which cannot be read" in ended.out + ended.err
    assert (len(day.on_bluesky()), len(day.on_mastodon())) == (1, 0)


def test_a_secret_in_a_file_is_read(day: Day) -> None:
    day.plan(slot("first"))
    (day.folder / "secret").write_text(day.environment.pop("SHAREASM_TOKEN_OUR_MASTODON") + "\n", encoding="utf-8")
    day.environment["SHAREASM_TOKEN_OUR_MASTODON_FILE"] = "secret"
    assert day.run("publish").code == 0
    assert len(day.on_mastodon()) == 1


@pytest.mark.parametrize("port", ["-1", "eighty", "70000"])
def test_a_port_that_is_none(day: Day, port: str) -> None:
    day.plan()
    day.environment["PORT"] = port
    ended = day.run("web")
    assert (ended.code, "PORT" in ended.sentence) == (2, True)


@pytest.mark.parametrize("command", ["run", "web"])
def test_a_taken_port_is_said(day: Day, command: str) -> None:
    day.plan()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = day.run(command, "--port", str(taken.getsockname()[1]))
    assert ended.code == 2
    assert "cannot listen on 127.0.0.1" in ended.sentence


# ---- the store ---------------------------------------------------------------------------------------------------------


def test_a_postgresql_that_is_not_there(day: Day) -> None:
    day.plan()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    day.environment["DATABASE_URL"] = f"postgresql://us:secret-word@127.0.0.1:{port}/shareasm"
    for command in ("run", "status", "publish"):
        ended = day.run(command)
        assert ended.code == 1
        assert "is the server running?" in ended.sentence
        assert "secret-word" not in ended.err + ended.out
    alone = day.run_alone("db", "upgrade")
    assert (alone.code, "is the server running?" in alone.sentence) == (1, True)


def test_a_file_that_is_no_database(day: Day) -> None:
    day.plan()
    (day.folder / "data").mkdir()
    (day.folder / "data" / "shareasm.db").write_text("Dear diary, " * 1000, encoding="utf-8")
    ended = day.run("run")
    assert (ended.code, "not a SQLite database" in ended.sentence) == (1, True)


def test_a_full_disk_is_said_in_a_sentence_and_the_day_goes_on_when_there_is_room(day: Day) -> None:
    """SQLite is told that the disk ends here; it then says what it says on a full one."""
    day.plan(slot("first", 0), lasts=3600)
    assert day.run("publish").code == 0
    full = Path(__file__).with_name("full_disk.py")
    for number in range(60):
        day.world.home.say(day.bakari, f"Post {number} {'of many words ' * 20} #{TAG}", language="en")
    program = day.start("run", running=[sys.executable, full])
    line = program.wait_for("the disk is full")
    assert "shareasm.db" in line
    program.signal(signal.SIGTERM)
    assert program.ended(11) == 0, program.said
    assert "Traceback" not in program.said
    again = day.run("collect")
    assert "61 new posts" in again.out, again
    assert len(day.on_mastodon()) == 1


def test_a_damaged_store_is_not_called_a_fault_of_the_program(day: Day) -> None:
    day.plan(slot("first", 3600))
    program = day.start("worker")
    program.wait_for("changes in the queue")
    with sqlite3.connect(day.folder / "data" / "shareasm.db") as connection:
        connection.execute("DROP TABLE leases")
    connection.close()
    program.wait_for("run `shareasm db upgrade`")
    program.signal(signal.SIGTERM)
    program.ended(11)
    assert "Traceback" not in program.said


# ---- the installation --------------------------------------------------------------------------------------------------


def test_a_missing_template_is_named(day: Day) -> None:
    day.plan()
    package = copy_of_the_package(day.folder / "copied")
    (package / "templates" / "recap" / "layout.html").unlink()
    day.environment["PYTHONPATH"] = str(package.parent)
    ended = day.run("recap")
    assert ended.code == 2, ended
    assert "layout.html is missing" in ended.sentence
    assert "copied" in ended.sentence


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere; the full disk shows the same")
def test_a_folder_that_may_not_be_written(day: Day) -> None:
    day.plan()
    (day.folder / "data").mkdir(mode=0o500)
    ended = day.run("run")
    assert (ended.code, "data" in ended.sentence) == (1, True)


# ---- secrets -----------------------------------------------------------------------------------------------------------


def test_without_a_secret_it_collects_what_is_open_and_says_what_it_leaves_out(day: Day) -> None:
    day.plan(slot("first", 0), lasts=15)
    day.environment.pop("SHAREASM_TOKEN_OUR_BLUESKY")
    day.environment.pop("SHAREASM_TOKEN_OUR_MASTODON")
    day.world.home.say(day.bakari, f"Good morning from Mastodon #{TAG}")
    program = day.start("run", "--until-closed")
    for name in ("SHAREASM_TOKEN_OUR_BLUESKY", "SHAREASM_TOKEN_OUR_MASTODON"):
        program.wait_for(f"Left out: nothing is sent from our-{name.split('_')[-1].lower()}: {name} is not set")
    program.wait_for("is not searched")
    program.wait_for("collected  mastodon")
    day.world.bluesky.say(day.amina, f"Good morning from Bluesky #{TAG}")
    assert program.ended() == 0, program.said
    page = (day.folder / "data" / "recaps" / "small-day" / "index.html").read_text("utf-8")
    assert "Good morning from Mastodon" in page
    assert "Good morning from Bluesky" in page, program.said
    assert day.texts() == ([], [])


def test_a_revoked_secret_stops_its_account_alone_and_a_mended_one_goes_on(day: Day) -> None:
    day.plan(slot("first", 0), slot("second", 0), slot("third", 12))
    day.world.home.revoke(day.mastodon.token)
    program = day.start("worker")
    trouble = program.wait_for("everything else goes on")
    assert "our-mastodon" in trouble
    program.wait_for("on our-bluesky: published", times=3)
    assert (len(day.on_bluesky()), len(day.on_mastodon())) == (3, 0)
    asked = [each for each in day.world.home.faults.log if (each.method, each.path) == ("POST", "/api/v1/statuses")]
    assert len(asked) <= 3, "a refused account is left alone"
    status = day.run("status")
    assert (status.code, "our-mastodon" in status.out) == (1, True), status.out
    program.signal(signal.SIGTERM)
    assert program.ended(11) == 0

    day.environment["SHAREASM_TOKEN_OUR_MASTODON"] = day.world.home.token(day.mastodon)
    again = day.start("worker")
    again.wait_for("on our-mastodon: published", times=3)
    assert (len(day.on_bluesky()), len(day.on_mastodon())) == (3, 3)


# ---- networks' nonsense ------------------------------------------------------------------------------------------------


def spoil(change: dict[str, object]) -> object:
    """Return a rewrite that puts `change` into the first status of a timeline."""

    def rewrite(answer: object) -> object:
        if isinstance(answer, list) and answer:
            answer[0] |= change
        return answer

    return rewrite


@pytest.mark.parametrize(
    "change",
    [
        {"created_at": "9999-12-31T23:59:59Z"},
        {"created_at": None},
        {"account": None},
        {"content": None},
        {"uri": None},
        {"id": None},
        {"content": f"<p>{'x' * 9_000_000} #{TAG}</p>"},
    ],
    ids=lambda change: "-".join(change) + "-" + str(next(iter(change.values())))[:8].strip("<>"),
)
def test_one_bad_item_is_set_aside_with_its_reason_and_the_page_is_stored(day: Day, change: dict[str, object]) -> None:
    day.plan()
    for number in range(3):
        day.world.home.say(day.bakari, f"Good morning {number} #{TAG}")
    day.world.home.faults.add(
        Fault.REWRITTEN,
        "GET",
        "/api/v1/timelines/.*",
        times=None,
        rewrite=spoil(change),  # type: ignore[arg-type]
    )
    collected = day.run("collect")
    assert (collected.code, "Traceback" in collected.out + collected.err) == (0, False), collected
    stored = [row[0] for row in day.rows("SELECT uri FROM posts")]
    assert len(stored) >= 2, collected
    facts = json.loads(day.run("status", "--json").out)
    assert len(facts["set_aside"]) == 1, facts
    assert facts["set_aside"][0]["reason"]
    assert re.search("Set aside", day.run("status").out)


@pytest.mark.parametrize("fault", [Fault.HTML, Fault.TRUNCATED, Fault.CUT, Fault.ERROR_BEFORE, Fault.RESET_BEFORE])
def test_a_page_that_is_none_is_a_failing_source_and_the_others_go_on(day: Day, fault: Fault) -> None:
    day.plan()
    day.world.bluesky.say(day.amina, f"Good morning #{TAG}")
    day.world.home.say(day.bakari, f"Good morning #{TAG}")
    rules = day.world.home.faults.add(fault, "GET", "/api/v1/timelines/.*", times=None)
    collected = day.run("collect")
    assert (collected.code, "Traceback" in collected.out + collected.err) == (0, False), collected
    assert rules.hit_count
    assert "collected  bluesky" in collected.out
    facts = json.loads(day.run("status", "--json").out)
    failing = [source for source in facts["sources"] if source["failing_since"]]
    assert [source["id"] for source in failing] == [f"mastodon:{day.world.home.url.removeprefix('http://')}"]
    assert failing[0]["note"]
    assert not facts["all_well"]
