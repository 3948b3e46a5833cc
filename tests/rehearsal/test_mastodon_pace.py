"""Against servers with Mastodon's and GoToSocial's limits nothing of ours is ever refused for coming too fast."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from clocks import FixedClock
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.robots import Notices
from shareasm.errors import RateLimited
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.pace import Pacing
from shareasm.networks.mastodon.reader import MastodonReader
from shareasm.networks.ports import Window
from shareasm.rehearsal.mastodon import Budget, Budgets, Flavour, MastodonServer

BUDGETS = Budgets(token=Budget(60, 300), anonymous=Budget(60, 300), paging=Budget(60, 900), group=Budget(60, 300))


class Watched(httpx.HTTPTransport):
    """Counts what was answered, and how often with 429."""

    def __init__(self) -> None:
        super().__init__()
        self.answered = self.refused = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        self.answered += 1
        self.refused += response.status_code == 429
        return response


@pytest.fixture(params=[Flavour.MASTODON, Flavour.GOTOSOCIAL])
def server(request: pytest.FixtureRequest) -> Iterator[MastodonServer]:
    made = MastodonServer(FixedClock(), flavour=request.param, budgets=BUDGETS, seed=7)
    made.start()
    yield made
    made.stop()


def test_reading_and_asking_again_never_run_into_a_limit_and_leave_room_for_posts(server: MastodonServer) -> None:
    clock, watched = server.instance.clock, Watched()
    assert isinstance(clock, FixedClock)
    ours = server.account("ours", "Ours")
    said = [server.say(ours, f"Voice {number} #shareASM") for number in range(30)]
    refs = [(PostRef(Network.MASTODON, str(status["uri"])), str(status["id"])) for status in said]
    pace = Pacing(now=clock.now, notices=Notices(clock.now)).of(server.url)
    others = [ours.token, server.account("another", "Another").token]
    readers = [
        MastodonReader(server.url, user_agent="x", now=clock.now, token=token, pace=pace, transport=watched)
        for token in others
    ]
    sending = Api(
        server.url, user_agent="x", now=clock.now, token=ours.token, pace=pace, is_for_posts=True, transport=watched
    )
    window, held_back = Window(clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1)), 0
    for number in range(40):  # ten minutes, three times as often as the worker
        for reader in readers:
            try:
                list(reader.sweep_tag("shareASM", window))
                reader.check(refs)
            except RateLimited:
                held_back += 1
        if number % 4 == 0:
            sending.get("/api/v1/accounts/verify_credentials")
        clock.advance(seconds=15)
    assert watched.refused == 0
    assert held_back, "there was more to ask than is allowed"
    assert watched.answered > 60
