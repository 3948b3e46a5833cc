"""Who asks says who it is: every request of every part carries the program's name and whom to write to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from clocks import FixedClock
from factories import NOON, campaign, post, schedule
from shareasm import wiring
from shareasm.accounts import Accounts, user_agent
from shareasm.domain.campaigns import CampaignAccount, Source, SourceKind
from shareasm.domain.posts import Counts, Network
from shareasm.domain.queue import Receipt
from shareasm.errors import ShareasmError
from shareasm.networks.ports import Window
from shareasm.settings import Settings, read_settings
from shareasm.wiring.networks import NetworkParts
from shareasm.wiring.parts import Plan, World

DAY = Window(NOON - timedelta(hours=6), NOON)
SKY = CampaignAccount("sky", Network.BLUESKY, "", "us.example", ("en",))
OURS = CampaignAccount("ours", Network.MASTODON, "", "us@memory.example", ("en",))
KINDS = (SourceKind.TAG_TIMELINE, SourceKind.SEARCH, SourceKind.JETSTREAM, SourceKind.FEED)


class Station:
    """A server that knows nothing and remembers who asked for what."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        station = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                station.asked.append((f"{self.command} {self.path}", self.headers.get("user-agent")))
                self.send_response(404)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_POST = do_DELETE = answer  # noqa: N815  the library's names

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def station() -> Iterator[Station]:
    made = Station()
    yield made
    made.close()


@pytest.fixture
def plan(station: Station) -> Plan:
    sky, ours = replace(SKY, server=station.url), replace(OURS, server=station.url)
    sources = [
        Source(f"{kind}", kind, station.url.replace("http", "ws") if kind is SourceKind.JETSTREAM else station.url)
        for kind in KINDS
    ]
    sources[1] = replace(sources[1], account="sky")
    sources[2] = replace(sources[2], appview=station.url)
    sources.append(replace(sources[0], id="signed in", account="ours"))
    day = campaign(hashtags=("orpaillagé",), accounts=(sky, ours), sources=tuple(sources))
    return Plan(Path(), day, schedule(), None)


def each_part(plan: Plan, settings: Settings) -> Iterator[Callable[[], object]]:
    """Yield a call of every part that asks a network."""
    parts = NetworkParts(plan, settings, World(FixedClock(NOON)))
    said, tag = post(counts=Counts(replies=1, quotes=1)), plan.campaign.hashtags[0]
    receipt = Receipt(said.ref, said.url or "", "1")
    for source in plan.campaign.sources:
        if reader := parts.reader(source):
            yield lambda reader=reader: list(reader.read_tag(tag, DAY, None))
        if checker := parts.checker(source):
            yield lambda checker=checker, ref=said.ref: checker.check([(ref, "1")])
        if conversations := parts.conversations(source):
            yield lambda conversations=conversations: conversations.read_conversation(said, "1")
        if stream := parts.stream(source):
            yield lambda stream=stream: list(stream().read([tag], None, NOON))
    accounts = Accounts(plan.campaign, settings, FixedClock(NOON).now)
    for account in plan.campaign.accounts:
        if publisher := parts.publisher(account):
            yield lambda publisher=publisher: publisher.delete(receipt)
            yield lambda publisher=publisher: publisher.limits()
        if finder := parts.finder(account):
            yield lambda finder=finder, account=account: finder.find_at(f"{account.server}/@us/1")
        yield accounts.probe(account).examine
    yield lambda: accounts.sign_in(plan.campaign.accounts[1]).register(may_change_profile=False)
    yield lambda: wiring.ask_limits(plan.campaign, World(FixedClock(NOON)))
    yield lambda: wiring._strangers(plan.campaign, World(FixedClock(NOON))).open_page(
        f"{plan.campaign.accounts[0].server}/"
    )


def test_every_request_says_who_asks_and_whom_to_write_to(plan: Plan, station: Station, tmp_path: Path) -> None:
    settings = read_settings({"SHAREASM_DATA": str(tmp_path), "SHAREASM_TOKEN_SKY": "a", "SHAREASM_TOKEN_OURS": "b"})
    for call in each_part(plan, settings):
        with suppress(ShareasmError):
            call()
    ours = user_agent(plan.campaign)
    assert ours.endswith("(#orpaillag%C3%A9; shareasm@iied.example)")
    assert [asked for asked, agent in station.asked if agent != ours] == []
    assert len({asked.partition("?")[0] for asked, _ in station.asked}) > 8
