"""The program is killed by SIGKILL at any moment of its work and started again: each slot is on its server once, in order.

Twenty days, made from one seed: every kind of moment, every server, both stores, two workers at once and clocks that jump.
`scripts/prove kills` takes ten times as many, of any seed, also on the real Bluesky network.
"""

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from postgresql import Cluster
from product.killing import Case, Outcome, cases, open_lanes

pytestmark = [pytest.mark.product, pytest.mark.postgresql]

SEED = 2027
CASES = cases(20, SEED)


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Case, Future[Outcome]]]:
    """Begin every case that was chosen, two at a time."""
    chosen = {item.callspec.params.get("case") for item in request.session.items if hasattr(item, "callspec")}
    with open_lanes(tmp_path_factory.mktemp("kills"), 2, cluster) as lanes:
        yield {case: lanes.begin(case) for case in CASES if case in chosen}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_slot_is_sent_once_however_the_program_dies(case: Case, outcomes: dict[Case, Future[Outcome]]) -> None:
    outcome = outcomes[case].result(600)
    assert outcome.deaths or case.trouble
