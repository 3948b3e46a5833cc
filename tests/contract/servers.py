"""Every server that the contract suite runs on, and where each differs."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from bluesky_network.network import BlueskyNetwork
from contract import bluesky_bench, mastodon_bench
from contract.bench import Bench, Traits
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
    has_replay=True,
    can_be_occupied=True,
    can_edit=False,
    tells_quotes=True,
)
NO_KEYS = partial(Traits, repeat=Repeat.NEVER, posts_twice=True)
MEMORY = Traits(
    has_attributes=False,
    has_warnings=False,
    has_visibility=False,
    has_tokens=False,
    tells_quotes=True,
    has_limit=False,
)


@dataclass(frozen=True)
class Server:
    """A server of the suite: started once a session, then used by one test after the other, each with accounts of its own."""

    traits: Traits
    running: Callable[[], AbstractContextManager[Any]]
    bench: Callable[[Traits, Any], AbstractContextManager[Bench]]
    is_real: bool = False


def _mastodon(traits: Traits, flavour: Flavour, version: str | None = None) -> Server:
    running = partial(mastodon_bench.running, flavour, version)
    return Server(traits, running, lambda traits, started: mastodon_bench.bench(traits, *started))


SERVERS = {
    "mastodon": _mastodon(Traits(has_stream=True, streams_whole=True, tells_quotes=True), Flavour.MASTODON),
    "mastodon-4.6.5": _mastodon(Traits(tells_quotes=True), Flavour.MASTODON, "4.6.5"),  # answers 500 to a known key
    "mastodon-4.2": _mastodon(Traits(), Flavour.MASTODON, "4.2.10"),  # reads no batches
    "gotosocial": _mastodon(NO_KEYS(shows_replies=False), Flavour.GOTOSOCIAL),
    "snac": _mastodon(
        NO_KEYS(
            keeps_language=False,
            finds_accented_tags=False,
            tells_unlisted=False,
            can_delete=False,
            has_threads=False,
            has_limit=False,
        ),
        Flavour.SNAC,
    ),
    "takahe": _mastodon(NO_KEYS(keeps_language=False, shows_replies=False), Flavour.TAKAHE),
    "pixelfed": _mastodon(Traits(repeat=Repeat.NEVER), Flavour.PIXELFED),
    "pleroma": _mastodon(Traits(has_stream=True, streams_whole=True), Flavour.PLEROMA),
    "bluesky": Server(
        BLUESKY, bluesky_bench.running, lambda traits, started: bluesky_bench.standin_bench(traits, *started)
    ),
    "real-bluesky": Server(
        BLUESKY,
        partial(BlueskyNetwork.started, jetstream=True, rate_limits=True),
        bluesky_bench.real_bench,
        is_real=True,
    ),
    "memory": Server(MEMORY, nullcontext, lambda traits, _: nullcontext(MemoryBench(traits))),
}


def servers_where(holds: Callable[[Traits], bool]) -> pytest.MarkDecorator:
    """Run a test on the servers whose traits say so: the sentence has no meaning on the others."""
    names = [name for name, server in SERVERS.items() if holds(server.traits)]
    return pytest.mark.parametrize("bench", columns(names), indirect=True)


def columns(names: list[str]) -> list[object]:
    """Return the parameters for these servers; the real one carries its mark."""
    return [pytest.param(name, marks=pytest.mark.bluesky) if SERVERS[name].is_real else name for name in names]
