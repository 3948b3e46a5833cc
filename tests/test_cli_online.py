"""`check --online`: links opened, servers asked, findings at their place; what the pages say is in the queue afterwards."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from recap_day import a_picture
from shareasm.cli import main
from shareasm.rehearsal.serving import LoopbackServer
from shareasm.storage import cards, queue
from shareasm.storage.engine import open_engine, reading

pytestmark = pytest.mark.loopback

CAMPAIGN = """\
name: "#myDay"
hashtags: [myDay]
on: "2037-02-03"
zone: Africa/Accra
collect: [{{mastodon: "{url}"}}]
languages: [en]
host: IIED
contact: mailto:day@iied.example
accounts:
  sky: {{network: bluesky, server: "{url}", handle: day.iied.example}}
  ours: {{network: mastodon, server: "{url}", handle: day@iied.example}}
resources:
  guide: {{editions: {{en: {{title: Our title, url: "{url}/guide"}}}}}}
"""
SCHEDULE = """\
defaults: {{accounts: [sky, ours]}}
slots:
  - {{id: guide, at: "10:00", kind: publication, resource: guide, text: {{en: "A guide #myDay"}}}}
  - {{id: report, at: "11:00", kind: publication, link: "{url}/report.pdf", text: {{en: "A report #myDay"}}}}
  - {{id: gone, at: "12:00", kind: news, link: "{url}/gone", text: {{en: "A page that was taken down #myDay"}}}}
"""
INSTANCE = {"configuration": {"statuses": {"max_characters": 45, "characters_reserved_per_url": 23}}}
GUIDE = '<head><title>The page</title><meta name="description" content="It guides."><meta property="og:image" content="/a.png">'


@dataclass
class World:
    """A campaign whose servers and links lie on loopback."""

    folder: Path
    data: Path
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        match request.url.path:
            case "/api/v2/instance":
                return JSONResponse(INSTANCE)
            case "/guide":
                return Response(GUIDE, media_type="text/html")
            case "/a.png":
                return Response(a_picture(size=(300, 200)), media_type="image/png")
            case "/report.pdf":
                return Response(b"%PDF-1.7", media_type="application/pdf")
        return Response("no", 404)

    def call(self, *arguments: str) -> Result:
        environment = {"SHAREASM_DATA": str(self.data), "DATABASE_URL": "", "SHAREASM_CAMPAIGN": ""}
        return CliRunner().invoke(main, [*arguments, str(self.folder)], env=environment)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    made = World(tmp_path / "my-day", tmp_path / "data")
    made.folder.mkdir()
    with LoopbackServer(Starlette(routes=[Route("/{path:path}", made.answer)])) as server:
        made.url = server.url
        (made.folder / "campaign.yaml").write_text(CAMPAIGN.format(url=server.url))
        (made.folder / "schedule.yaml").write_text(SCHEDULE.format(url=server.url))
        yield made


def test_without_online_nobody_is_asked(world: World) -> None:
    assert world.call("check").exit_code == 0
    assert world.asked == []
    assert not world.data.exists()


def test_links_and_servers_are_looked_at_and_told_at_their_place(world: World) -> None:
    result = world.call("check", "--online")
    assert result.exit_code == 2
    missing, too_long = [line for line in result.stdout.splitlines() if ": error: " in line]
    assert missing.endswith(f"schedule.yaml:5:47: error: There is no page at {world.url}/gone (404).")
    assert f"characters as {world.url} counts them" in too_long
    assert f"  {world.url}/guide: “The page”, with a picture" in result.stderr
    assert f"  {world.url}/report.pdf: there, says nothing for a card (application/pdf)" in result.stderr


def test_other_programs_get_json_and_nothing_beside_it(world: World) -> None:
    found = json.loads(world.call("check", "--online", "--json").stdout)
    assert found["error_count"] == 2


def test_what_the_pages_say_is_kept_for_the_queue(world: World) -> None:
    world.call("check", "--online")
    asked = len(world.asked)
    (world.folder / "schedule.yaml").write_text(SCHEDULE.format(url=world.url))
    result = world.call("plan", "apply", "--yes")
    assert result.exit_code == 0, result.output
    assert len(world.asked) == asked  # all is known, and what failed is not asked again within the hour
    engine = open_engine(f"sqlite:///{world.data / 'shareasm.db'}")
    with reading(engine) as connection:
        drafts = {
            entry.key.slot: entry.draft
            for entry in queue.of_campaign(connection, "my-day")
            if entry.key.account == "sky"
        }
        known = cards.find(connection, [f"{world.url}/gone"])
    engine.dispose()
    guide = drafts["guide"].card
    assert guide
    assert (guide.title, guide.description) == ("Our title", "It guides.")
    assert guide.thumb
    assert (world.data / "cards" / guide.thumb).is_file()
    assert [card.refusal for card in known.values()] == ["the server answers 404"]


def test_taking_a_plan_looks_at_pages_that_are_not_known_and_goes_on_without_those_that_fail(world: World) -> None:
    result = world.call("plan", "apply", "--yes")
    assert result.exit_code == 0, result.output
    assert {"/guide", "/report.pdf", "/gone", "/a.png"} <= set(world.asked)
    assert f"{world.url}/gone: the server answers 404" in result.stderr


def test_a_server_and_pages_that_do_not_answer_are_warnings(world: World) -> None:
    for name, text in (("campaign.yaml", CAMPAIGN), ("schedule.yaml", SCHEDULE)):
        (world.folder / name).write_text(text.format(url="http://127.0.0.1:9"))
    result = world.call("check", "--online")
    assert result.exit_code == 0, result.output
    warnings = [line for line in result.stdout.splitlines() if ": warning: " in line]
    assert len(warnings) == 2  # the server, and the host of three links, each once
    assert "http://127.0.0.1:9 did not say what it takes in a post" in warnings[0]
    line = int(warnings[0].partition("campaign.yaml:")[2].partition(":")[0])
    assert "http://127.0.0.1:9" in (world.folder / "campaign.yaml").read_text().splitlines()[line - 1]
    assert "127.0.0.1 gives no answer" in warnings[1]


def test_a_plan_that_cannot_be_read_asks_nobody(world: World) -> None:
    (world.folder / "schedule.yaml").write_text("slots: [")
    result = world.call("check", "--online")
    assert result.exit_code == 2
    assert "Nobody was asked" in result.stderr
    assert world.asked == []
