"""Secrets and trials with the real program: mended while it runs, killed in the middle, and never shown."""

import signal
import subprocess

import pytest

from product.days import Day, slot
from product.program import RUNNING, clean, wait_until
from shareasm.rehearsal.faults import Fault

pytestmark = pytest.mark.product


def connected(day: Day) -> str:
    """Connect our Mastodon account with the real program; return everything that it showed."""
    process = subprocess.Popen(
        [*RUNNING, "connect", "mastodon", day.campaign],
        cwd=day.folder,
        env=clean(day.environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    shown = ""
    while "/oauth/authorize" not in shown:
        line = process.stdout.readline()
        assert line, shown
        shown += line
    code = day.world.home.authorize(day.mastodon, shown.split()[-1])
    rest, _ = process.communicate(f"{code}\n", timeout=60)
    assert process.returncode == 0, shown + rest
    return shown + rest


def test_a_token_mended_by_connecting_is_picked_up_by_the_running_worker(day: Day) -> None:
    day.plan(slot("first", 0), slot("second", 0))
    token = day.environment.pop("SHAREASM_TOKEN_OUR_MASTODON")
    secret = day.folder / "data" / "tokens" / "small-day" / "our-mastodon"
    secret.parent.mkdir(parents=True, mode=0o700)
    secret.touch(mode=0o600)
    secret.write_text(token)
    day.world.home.revoke(token)
    worker = day.start("worker")
    worker.wait_for("on our-bluesky: published", times=2)
    worker.wait_for("our-mastodon")
    assert day.on_mastodon() == []
    shown = connected(day)
    assert "goes on now" in shown
    worker.wait_for("on our-mastodon: published", times=2)
    assert len(day.on_mastodon()) == 2
    for hidden in (secret.read_text().strip(), token):
        assert hidden not in shown + worker.said


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_trial_that_is_broken_off_leaves_nothing_for_long(day: Day, number: signal.Signals) -> None:
    day.plan(slot("first", 3000))
    day.world.home.faults.add(Fault.HANG_AFTER, "POST", "/api/v1/statuses")
    doctor = day.start("doctor", "--post")
    wait_until(day.on_mastodon, 45)
    doctor.signal(number)
    assert doctor.ended(30) != 0
    if number == signal.SIGKILL:
        assert len(day.on_mastodon()) == 1
        ended = day.run("doctor")
        assert "left from before has been taken back" in ended.out, ended
    assert (day.on_mastodon(), day.on_bluesky()) == ([], [])


def test_what_the_doctor_says_holds_no_secret(day: Day) -> None:
    day.plan(slot("first", 3000))
    ended = day.run("doctor", "--post", "--json")
    assert '"light": "green"' in ended.out
    for secret in (day.bluesky.password, day.mastodon.token):
        assert secret not in ended.out + ended.err
