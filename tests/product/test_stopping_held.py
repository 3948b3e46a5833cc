"""SIGTERM while a server hangs and somebody else holds the store: the process ends within ten seconds all the same."""

import signal
import sqlite3
import time
from contextlib import closing

import pytest

from product.days import Day, slot
from shareasm.rehearsal.faults import Fault

pytestmark = pytest.mark.product


def test_neither_a_hanging_server_nor_a_held_store_keeps_it(day: Day) -> None:
    day.plan(slot("first", 0))
    hanging = day.world.home.faults.add(Fault.HANG_BEFORE, "POST", "/api/v1/statuses")
    program = day.start("run")
    assert hanging.reached.wait(60)
    with closing(sqlite3.connect(day.folder / "data" / "shareasm.db", isolation_level=None, timeout=20)) as store:
        store.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        program.signal(signal.SIGTERM)
        assert program.ended(30) == 0
        assert time.monotonic() - began < 10 + 1
    assert "Traceback" not in program.said
