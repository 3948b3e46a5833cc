"""The servers of the contract suite. The real network runs once a session; every test has its own accounts and its own tag."""

from collections.abc import Iterator
from itertools import count

import pytest

from bluesky_network.network import BlueskyNetwork
from contract.bench import Bench
from contract.servers import SERVERS, columns, opened

_numbers = count(1)


@pytest.fixture(scope="session")
def bluesky_network() -> Iterator[BlueskyNetwork]:
    """The real Bluesky network, with its Jetstream and its rate limits."""
    with BlueskyNetwork.started(jetstream=True, rate_limits=True) as network:
        yield network


@pytest.fixture(params=columns(list(SERVERS)))
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A server under test."""
    with opened(request.param, lambda: request.getfixturevalue("bluesky_network")) as driver:
        yield driver


@pytest.fixture
def tag() -> str:
    """A hashtag that no other test uses."""
    return f"SmallScaleMining{next(_numbers)}"
