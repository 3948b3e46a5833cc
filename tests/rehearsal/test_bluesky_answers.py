"""The stand-in answers as Bluesky's real servers do; the suite for the real network runs the same table."""

from collections.abc import Iterator

import pytest

from rehearsal.bluesky_answers import ANSWERS, Bench, Row, check
from shareasm.clock import SystemClock
from shareasm.rehearsal.bluesky import StandInBluesky


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with StandInBluesky(SystemClock(), has_rate_limits=False) as network:
        bench = Bench(network.pds_url, network.appview_url)
        bench.prepare()
        yield bench
        bench.http.close()


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: row.name)
def test_the_stand_in_answers_as_the_real_servers_do(row: Row, bench: Bench) -> None:
    check(row, bench)
