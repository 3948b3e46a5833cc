"""Two programs at work on one store: nothing goes out twice, and one of them closes the day."""

import signal
from pathlib import Path

import httpx
import pytest

from postgresql import Cluster
from product.days import TAG, Day, a_day, slot

pytestmark = pytest.mark.product

SLOTS = [slot(f"slot-{number}", 12 if number > 6 else 0) for number in range(12)]
THREAD = slot("thread", 0, '    thread:\n      - text: {en: "Two"}\n      - text: {en: "Three"}', en=f"One #{TAG}")


def nothing_goes_out_twice(day: Day) -> None:
    day.plan(*SLOTS, THREAD, lasts=30)
    workers = [day.start("worker", "--until-closed") for _ in range(2)]
    assert [worker.ended() for worker in workers] == [0, 0], [worker.said for worker in workers]
    wanted = sorted([slot.texts["en"] for slot in [*SLOTS, THREAD]] + ["Two", "Three"])
    assert tuple(map(sorted, day.texts())) == (wanted, wanted)
    for texts in day.texts():
        assert [text for text in texts if not text.startswith("This")] == [f"One #{TAG}", "Two", "Three"]
    said = "\n".join(worker.said for worker in workers)
    assert (said.count(" sent "), said.count("index.html shows")) == (30, 1), said
    assert "fault" not in said


def test_two_workers_on_one_sqlite_file(day: Day) -> None:
    nothing_goes_out_twice(day)


@pytest.mark.postgresql
def test_two_workers_on_one_postgresql(cluster: Cluster, tmp_path: Path) -> None:
    with cluster.database() as name, a_day(tmp_path / "day", cluster.url(name)) as day:
        nothing_goes_out_twice(day)


@pytest.mark.postgresql
def test_worker_and_web_are_processes_of_their_own_on_postgresql(cluster: Cluster, tmp_path: Path) -> None:
    with cluster.database() as name, a_day(tmp_path / "day", cluster.url(name)) as day:
        day.plan(slot("first", 0), lasts=25)
        day.world.bluesky.say(day.amina, f"Good morning #{TAG}")
        released = day.run_alone("db", "upgrade")
        assert (released.code, "up to date" in released.out) == (0, True), released
        web = day.start("web")
        address = web.wait_for("Serving").split()[-1]
        assert httpx.get(f"{address}healthz").json()["status"] == "worker silent"
        worker = day.start("worker", "--until-closed")
        worker.wait_for("sent ", times=2)
        worker.wait_for("collected  bluesky")
        assert httpx.get(f"{address}healthz").json()["status"] == "ok"
        assert "Good morning" in httpx.get(address).text
        assert worker.ended() == 0
        assert "Good morning" in httpx.get(address, follow_redirects=True).text
        web.signal(signal.SIGTERM)
        assert web.ended(10) == 0


def test_the_jobs_can_be_run_one_by_one(day: Day) -> None:
    day.plan(slot("first", 0), slot("later", 3600))
    day.world.home.say(day.bakari, f"Good morning #{TAG}")
    for _ in range(2):
        sent = day.run("publish")
        assert sent.code == 0, sent
    assert day.texts() == (["This is first #smallDay"], ["This is first #smallDay"])
    collected = day.run("collect")
    assert (collected.code, "collected" in collected.out) == (0, True), collected
    made = day.run("recap")
    assert made.code == 0, made
    assert "3 posts shown" in made.out
    assert "Good morning" in (day.folder / "data" / "recaps" / "small-day" / "index.html").read_text("utf-8")
