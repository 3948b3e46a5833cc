"""Every server that the contract suite runs on, and where each differs."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import pytest

from bluesky_network.network import BlueskyNetwork
from contract.bench import Bench, Traits
from contract.bluesky_bench import RealBench, StandInBench
from contract.mastodon_bench import MastodonBench
from contract.memory_bench import MemoryBench
from shareasm.networks.ports import Repeat
from shareasm.rehearsal.mastodon import Flavour

BLUESKY = Traits(
    repeat=Repeat.SAFE,
    asks_twice=True,
    has_warnings=False,
    has_visibility=False,
    has_cards=True,
    has_sessions=True,
    has_stream=True,
    can_be_occupied=True,
)
NO_KEYS = partial(Traits, repeat=Repeat.NEVER, posts_twice=True)
MEMORY = Traits(has_attributes=False, has_warnings=False, has_visibility=False, has_tokens=False, has_limit=False)


@dataclass(frozen=True)
class Server:
    """A row of the suite's columns. `open` gets the real network where it `is_real`."""

    traits: Traits
    open: Callable[..., AbstractContextManager[Bench]]
    is_real: bool = False


def _mastodon(traits: Traits, flavour: Flavour, version: str | None = None) -> Server:
    return Server(traits, lambda: MastodonBench.opened(traits, flavour, version))


SERVERS = {
    "mastodon": _mastodon(Traits(), Flavour.MASTODON),
    "mastodon-4.6.5": _mastodon(Traits(), Flavour.MASTODON, "4.6.5"),  # answers 500 to a known key
    "mastodon-4.2": _mastodon(Traits(), Flavour.MASTODON, "4.2.10"),  # reads no batches
    "gotosocial": _mastodon(NO_KEYS(shows_replies=False), Flavour.GOTOSOCIAL),
    "snac": _mastodon(
        NO_KEYS(keeps_language=False, finds_accented_tags=False, can_delete=False, has_limit=False), Flavour.SNAC
    ),
    "takahe": _mastodon(NO_KEYS(keeps_language=False, shows_own_threads=False, shows_replies=False), Flavour.TAKAHE),
    "pixelfed": _mastodon(Traits(repeat=Repeat.NEVER), Flavour.PIXELFED),
    "pleroma": _mastodon(Traits(), Flavour.PLEROMA),
    "bluesky": Server(BLUESKY, lambda: StandInBench.opened(BLUESKY)),
    "real-bluesky": Server(BLUESKY, lambda network: RealBench.opened(BLUESKY, network), is_real=True),
    "memory": Server(MEMORY, lambda: MemoryBench.opened(MEMORY)),
}


def servers_where(holds: Callable[[Traits], bool]) -> pytest.MarkDecorator:
    """Run a test on the servers whose traits say so: the sentence has no meaning on the others."""
    names = [name for name, server in SERVERS.items() if holds(server.traits)]
    return pytest.mark.parametrize("bench", columns(names), indirect=True)


def columns(names: list[str]) -> list[object]:
    """Return the parameters for these servers; the real one carries its mark."""
    return [pytest.param(name, marks=pytest.mark.bluesky) if SERVERS[name].is_real else name for name in names]


def opened(name: str, network: Callable[[], BlueskyNetwork]) -> AbstractContextManager[Bench]:
    """Return the driver of a server, for one test."""
    server = SERVERS[name]
    return server.open(network()) if server.is_real else server.open()
