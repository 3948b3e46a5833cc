"""A stand-in shows of a conversation what a real server shows to whoever asks."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from clocks import FixedClock
from factories import NOON
from shareasm.rehearsal.mastodon import MastodonServer


@pytest.fixture
def server() -> Iterator[MastodonServer]:
    with MastodonServer(FixedClock(NOON)) as running:
        yield running


def ask(server: MastodonServer, path: str, token: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(f"{server.url}/api/v1/statuses/{path}", headers=headers)


def test_a_direct_answer_is_in_the_context_of_those_alone_whom_it_is_for(server: MastodonServer) -> None:
    amina, bakari, chinara = (server.account(name) for name in ("amina", "bakari", "chinara"))
    root = server.say(amina, "Who will come?")
    server.say(bakari, "I will", reply_to=root)
    server.say(bakari, "@amina and bring cake", reply_to=root, visibility="direct")
    seen = [len(ask(server, f"{root['id']}/context", who).json()["descendants"]) for who in (None, chinara.token)]
    assert (seen, len(ask(server, f"{root['id']}/context", amina.token).json()["descendants"])) == ([1, 1], 2)


def test_who_quotes_is_told_to_those_who_are_signed_in(server: MastodonServer) -> None:
    amina = server.account("amina")
    root = server.say(amina, "Our guide")
    quoting = server.say(amina, "Read this", quote=root)
    assert ask(server, f"{root['id']}/quotes").status_code == 401
    assert [one["id"] for one in ask(server, f"{root['id']}/quotes", amina.token).json()] == [quoting["id"]]
