"""The servers of the contract suite. A session starts each of them once; every test has its own accounts and its own tag."""

from collections.abc import Iterator

import pytest

from bluesky_network.network import BlueskyNetwork


@pytest.fixture(scope="session")
def bluesky_network() -> Iterator[BlueskyNetwork]:
    """The real Bluesky network, with its Jetstream."""
    with BlueskyNetwork.started(jetstream=True) as network:
        yield network
