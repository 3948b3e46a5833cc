"""What is said on the real Bluesky network is found, all of it and nothing else, by a program that is killed meanwhile."""

from pathlib import Path

import pytest

from bluesky_network.network import BlueskyNetwork
from product.bluesky_recall import Case, a_bluesky_day

pytestmark = pytest.mark.bluesky


def test_all_that_the_real_network_shows_is_stored_once_and_nothing_else(tmp_path: Path) -> None:
    with BlueskyNetwork.started(jetstream=True) as network, a_bluesky_day(network, tmp_path, Case()) as day:
        outcome = day.live_through()
        assert outcome.is_perfect, f"{outcome}\n{day.day.programs[-1].said}"
        assert outcome.shown > outcome.planted / 3
