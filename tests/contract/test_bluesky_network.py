"""The real Bluesky network itself: what the contract suite takes for granted of it."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import pytest

from bluesky_network.network import BlueskyNetwork
from contract.bench import CLOCK
from contract.bluesky_bench import Kept
from rehearsal.bluesky_answers import ANSWERS, Bench, Row, check
from shareasm.errors import RateLimited
from shareasm.networks.bluesky.session import Session

pytestmark = pytest.mark.bluesky


def test_a_post_reaches_the_search_by_its_tag(bluesky_network: BlueskyNetwork) -> None:
    amina = bluesky_network.account()
    post = bluesky_network.post(amina, "Hello #SmallScaleMining", tags=["SmallScaleMining"])

    def found(query: str, tag: str) -> list[str]:
        search = {"q": query, "tag": tag}
        answer = bluesky_network.call("app.bsky.feed.searchPosts", search, base=bluesky_network.appview)
        return [view["uri"] for view in answer["posts"]]

    bluesky_network.until(lambda: bluesky_network.view(post["uri"]))
    assert found("#smallscalemining", "smallscalemining") == [post["uri"]]
    assert found("*", "AnotherTag") == []


def test_an_edit_and_a_deletion_reach_the_appview(bluesky_network: BlueskyNetwork) -> None:
    amina = bluesky_network.account()
    post = bluesky_network.post(amina, "before")
    bluesky_network.until(lambda: bluesky_network.view(post["uri"]))
    bluesky_network.edit(amina, post["uri"], "after")
    bluesky_network.until(lambda: (bluesky_network.view(post["uri"]) or {})["record"]["text"] == "after")
    bluesky_network.delete(amina, post["uri"])
    bluesky_network.until(lambda: bluesky_network.view(post["uri"]) is None)


def test_a_label_and_a_takedown_reach_the_appview(bluesky_network: BlueskyNetwork) -> None:
    amina = bluesky_network.account()
    post = bluesky_network.post(amina, "a picture that not everybody wants to see")
    bluesky_network.until(lambda: bluesky_network.view(post["uri"]))
    bluesky_network.label(post, "graphic-media")
    labels = bluesky_network.until(lambda: (bluesky_network.view(post["uri"]) or {})["labels"])
    assert [label["val"] for label in labels] == ["graphic-media"]
    bluesky_network.take_down(post)
    bluesky_network.until(lambda: bluesky_network.view(post["uri"]) is None)


def test_the_jetstream_keeps_up(bluesky_network: BlueskyNetwork) -> None:
    state = bluesky_network.addresses["jetstream"]["control"] + "/state"
    before = httpx.get(state).json()["tip"]
    bluesky_network.post(bluesky_network.account(), "one more event")
    bluesky_network.until(lambda: httpx.get(state).json()["tip"] > before)


def test_the_pds_limits_sign_ins_and_says_until_when(bluesky_network: BlueskyNetwork) -> None:
    chinara = bluesky_network.account()
    who = {"identifier": chinara.handle, "password": chinara.password}
    for _ in range(30):  # FACTS.md: 30 in five minutes for each account
        bluesky_network.call("com.atproto.server.createSession", body=who)
    kept = Kept()
    refusals = []
    for _ in range(2):  # two processes: the second one reads what the first one was told, and asks nobody
        session = Session(
            bluesky_network.pds,
            chinara.handle,
            lambda: chinara.password,
            load=kept.load,
            save=kept.save,
            now=CLOCK.now,
        )
        with pytest.raises(RateLimited) as caught:
            session.tokens()
        refusals.append(caught.value.until)
    assert timedelta(0) < refusals[0] - CLOCK.now() <= timedelta(minutes=5, seconds=5)
    assert refusals[0] == refusals[1]


@pytest.fixture(scope="module")
def answers(running: Callable[[str], BlueskyNetwork]) -> Iterator[Bench]:
    network = running("real-bluesky")
    bench = Bench(network.pds, network.appview)
    bench.prepare()
    yield bench
    bench.http.close()


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: row.name)
def test_the_real_servers_answer_as_the_stand_in_was_made_to(row: Row, answers: Bench) -> None:
    check(row, answers)
