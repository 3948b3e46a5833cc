"""The servers of the contract suite. The real network runs once a session; every test has its own accounts and its own tag."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from itertools import count
from typing import Any

import pytest

from bluesky_network.network import BlueskyNetwork
from contract.bench import Bench
from contract.servers import SERVERS, columns

_numbers = count(1)


@pytest.fixture(scope="session")
def running() -> Iterator[Callable[[str], Any]]:
    """Start a server when it is first asked for, by name."""
    with ExitStack() as stack:
        yield cache(lambda name: stack.enter_context(SERVERS[name].running()))


@pytest.fixture
def bluesky_network(running: Callable[[str], BlueskyNetwork]) -> BlueskyNetwork:
    """The real Bluesky network, with its Jetstream and its rate limits."""
    return running("real-bluesky")


@pytest.fixture(params=columns(list(SERVERS)))
def bench(request: pytest.FixtureRequest, running: Callable[[str], Any]) -> Iterator[Bench]:
    """A server under test."""
    server = SERVERS[request.param]
    with server.bench(server.traits, running(request.param)) as driver:
        yield driver


@pytest.fixture
def tag() -> str:
    """A hashtag that no other test uses."""
    return f"SmallScaleMining{next(_numbers)}"
