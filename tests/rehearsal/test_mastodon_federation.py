"""What one stand-in shows of another: the same uri, another id, and its own idea of order (platform facts 1.2, 1.7)."""

from collections.abc import Iterator
from threading import Thread

import httpx
import pytest

from clocks import FixedClock
from mastodon_bench import Bench, picture, running
from shareasm.rehearsal.mastodon import Federation, Flavour, MastodonServer, federate


@pytest.fixture
def two() -> Iterator[tuple[Bench, Bench]]:
    with running() as home, running() as away:
        away.server.instance.clock = home.server.instance.clock  # one time for both
        away.clock = home.clock
        yield home, away


def test_a_status_has_one_uri_and_two_ids(two: tuple[Bench, Bench]) -> None:
    home, away = two
    federate(home.server, away.server)
    said = home.say("Hello #ShareASM", language="sw", warning="mining", media=[(picture(), "A pit")])
    seen = away.tag()[0]
    same = ("uri", "url", "content", "language", "spoiler_text", "visibility")
    assert [seen[key] for key in same] == [said[key] for key in same]
    assert seen["id"] != said["id"]
    assert seen["account"]["acct"] == home.amina.handle
    assert seen["account"]["uri"] == home.amina.uri
    assert seen["account"]["id"] != home.amina.id
    assert seen["tags"] == [{"name": "shareasm", "url": f"{away.server.url}/tags/shareasm"}]


def test_people_go_by_another_host_than_the_address_where_the_server_says_so() -> None:
    with running(domain="home.example") as home, running(domain="away.example") as away:
        federate(home.server, away.server)
        said = home.say("Hello #ShareASM")
        seen = away.tag()[0]
        about = httpx.get(f"{home.server.url}/api/v2/instance").json()
        old = httpx.get(f"{home.server.url}/api/v1/instance").json()
    assert home.amina.handle == "amina@home.example"
    assert (said["account"]["acct"], seen["account"]["acct"]) == ("amina", "amina@home.example")
    assert (about["domain"], old["uri"]) == ("home.example", "home.example")
    assert said["uri"].startswith(home.server.url)
    assert old["urls"]["streaming_api"] == home.server.url.replace("http", "ws", 1)


def test_times_are_cut_to_the_second(two: tuple[Bench, Bench]) -> None:
    home, away = two
    federate(home.server, away.server)
    home.clock.set("2027-02-03T09:00:00.700000+00:00")
    home.say("Hello #shareASM")
    assert away.tag()[0]["created_at"] == "2027-02-03T09:00:01.000Z"


def test_pictures_are_copied_and_remember_where_they_come_from(two: tuple[Bench, Bench]) -> None:
    home, away = two
    federate(home.server, away.server)
    said = home.say("Hello #shareASM", media=[(picture(), "A pit")])
    shown = away.tag()[0]["media_attachments"][0]
    assert shown["remote_url"] == said["media_attachments"][0]["url"]
    assert shown["url"].startswith(away.server.url)
    assert httpx.get(shown["url"]).content == picture()


@pytest.mark.parametrize("visibility", ["private", "direct"])
def test_what_is_private_stays_at_home(two: tuple[Bench, Bench], visibility: str) -> None:
    home, away = two
    federate(home.server, away.server)
    assert away.server.find(home.say("Hush #shareASM", visibility=visibility)) is None


def test_threads_mentions_and_descriptions_are_known_there_too(two: tuple[Bench, Bench]) -> None:
    home, away = two
    federate(home.server, away.server)
    root = home.say("root #shareASM", media=[(picture(), "A pit")])
    home.say("@bakari answer #shareASM", reply_to=root)
    answer, seen_root = away.tag()
    assert answer["in_reply_to_id"] == seen_root["id"]
    assert [mention["acct"] for mention in answer["mentions"]] == [home.bakari.handle]
    home.server.edit(root, "root at last #shareASM")
    assert away.tag()[1]["media_attachments"] == seen_root["media_attachments"]


def test_unlisted_statuses_arrive_but_are_under_no_tag(two: tuple[Bench, Bench]) -> None:
    home, away = two
    federate(home.server, away.server)
    said = home.say("Hush #shareASM", visibility="unlisted")
    assert away.server.find(said) is not None
    assert away.tag() == []


def test_edits_and_deletions_travel(two: tuple[Bench, Bench]) -> None:
    home, away = two
    federate(home.server, away.server)
    said = home.say("Helo #shareASM")
    place = away.ids()
    home.server.edit(said, "Hello #shareASM")
    assert away.ids() == place
    assert "Hello" in away.tag()[0]["content"]
    assert away.tag()[0]["edited_at"] is not None
    home.server.delete(said)
    assert away.tag() == []


def test_what_is_posted_by_http_travels_too(two: tuple[Bench, Bench]) -> None:
    home, away = two
    federate(home.server, away.server)
    said = home.post("Hello #shareASM").json()
    assert away.tag()[0]["uri"] == said["uri"]
    headers = {"Authorization": f"Bearer {home.amina.token}"}
    home.http.delete(f"/api/v1/statuses/{said['id']}", headers=headers)
    assert away.tag() == []


def test_a_link_is_one_way_and_answers_need_the_other(two: tuple[Bench, Bench]) -> None:
    home, away = two
    federate(home.server, away.server)
    said = home.say("Question #shareASM")
    away.say("not heard #shareASM", reply_to=said)
    assert len(home.tag()) == 1
    federate(away.server, home.server)
    away.say("heard #shareASM", away.bakari, reply_to=said)
    heard = home.tag()[0]
    assert (heard["in_reply_to_id"], heard["account"]["acct"]) == (said["id"], away.bakari.handle)


def test_what_arrives_gets_an_id_of_its_arrival(two: tuple[Bench, Bench]) -> None:
    home, away = two
    link = federate(home.server, away.server)
    late = _late_arrival(home, away, link)
    assert away.ids()[0] == late


def test_what_is_fetched_late_stands_below_the_cursor(two: tuple[Bench, Bench]) -> None:
    home, away = two
    link = federate(home.server, away.server, is_backdated=True)
    late = _late_arrival(home, away, link)
    cursor = away.ids()[0]
    assert cursor != late
    assert late not in away.ids(min_id=cursor)
    assert late in away.ids(max_id=cursor)


def _late_arrival(home: Bench, away: Bench, link: Federation) -> str:
    """Let a status of home reach away after something newer was said there; return its id there."""
    link.hold()
    said = home.say("Early #shareASM")
    away.say("Later #shareASM")
    away.clock.advance(minutes=5)
    assert len(away.tag()) == 1
    link.release()
    seen = away.server.find(said)
    assert seen is not None
    return str(seen["id"])


@pytest.mark.parametrize("flavour", [Flavour.MASTODON, Flavour.GOTOSOCIAL])
def test_statuses_of_one_second_arrive_in_any_order(flavour: Flavour) -> None:
    with running() as home, running(flavour, seed=3) as away:
        federate(home.server, away.server, is_shuffled=True, is_backdated=True)
        uris = [home.server.say(home.amina, f"{number} #shareASM")["uri"] for number in range(20)]
        seen = [status["uri"] for status in away.tag()]
        assert sorted(seen) == sorted(str(uri) for uri in uris)
        assert seen[::-1] != uris


def test_what_is_deleted_while_it_waits_never_arrives(two: tuple[Bench, Bench]) -> None:
    home, away = two
    link = federate(home.server, away.server)
    link.hold()
    home.server.delete(home.say("Gone #shareASM"))
    link.release()
    assert away.tag() == []


def test_two_servers_can_talk_at_once_without_waiting_for_each_other() -> None:
    clock = FixedClock()
    servers = [MastodonServer(clock), MastodonServer(clock)]
    federate(servers[0], servers[1])
    federate(servers[1], servers[0])
    people = [server.account("amina") for server in servers]

    def talk(which: int) -> None:
        for number in range(50):
            servers[which].say(people[which], f"{which} {number} #shareASM")

    threads = [Thread(target=talk, args=(which,)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [len(server.statuses()) for server in servers] == [50, 50]
    assert all(servers[1].find(status) for status in servers[0].statuses())
    for server in servers:
        server.stop()
