"""A whole day as a process against the real Bluesky network: its PDS, its AppView, and the stand-in of its Jetstream."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bluesky_network.network import BlueskyNetwork
from product.days import TAG, a_day, slot
from product.grounds import RealGround
from product.killing import cases, open_lanes

pytestmark = pytest.mark.bluesky

THREAD = """
    thread:
      - text: {en: "Two"}"""
PICTURE = """
    media:
      - {file: dot.png, alt: A brown field, credit: us, licence: CC0 1.0}"""


@pytest.fixture(scope="module")
def network() -> Iterator[BlueskyNetwork]:
    with BlueskyNetwork.started(jetstream=True) as started:
        yield started


def test_a_whole_day_on_the_real_network(network: BlueskyNetwork, tmp_path: Path) -> None:
    ours, amina = network.account("iied-day"), network.account("amina-day")
    made = network.call("com.atproto.server.createAppPassword", body={"name": "shareasm"}, token=ours.token)
    with a_day(tmp_path) as day:
        day.environment["SHAREASM_TOKEN_OUR_BLUESKY"] = str(made["password"])
        day.addresses |= {
            "pds": network.pds,
            "appview": network.appview,
            "jetstream": network.jetstream.removesuffix("/xrpc"),
            "bluesky_handle": ours.handle,
        }
        day.plan(
            slot("one", 8, THREAD, en=f"Häppy morning, @amina-day.test! See https://iied.example #{TAG}"),
            slot("picture", 9, PICTURE, en=f"What we see #{TAG}"),
            slot("guide", 10, "    resource: guide", en=f"Read this #{TAG}"),
            lasts=45,
        )
        program = day.start("run", "--until-closed")
        program.wait_for("on our-bluesky: published", times=4)
        views = [network.until(lambda uri=post["uri"]: network.view(uri)) for post in network.records(ours)]
        said = {view["record"]["text"]: view for view in views}
        answer = _answer(network, amina, next(view for text, view in said.items() if text.startswith("Häppy")))
        deleted = network.post(amina, f"I will regret this #{TAG}", tags=[TAG])
        program.wait_for("collected  jetstream")
        network.delete(amina, deleted["uri"])
        network.until(lambda: network.view(deleted["uri"]) is None)
        assert program.ended() == 0, program.said
        assert "Traceback" not in program.said

        _check_views(said, amina.did)
        assert len(network.records(ours)) == 4
        page = (day.folder / "data" / "recaps" / "small-day" / "index.html").read_text("utf-8")
        assert "Good morning from Amina" in page, program.said
        assert "I will regret this" not in page
        assert network.view(answer["uri"])


def test_each_slot_is_there_once_however_the_program_dies(network: BlueskyNetwork, tmp_path: Path) -> None:
    """One kill at each kind of moment; `test_sudden_death` has the stand-ins, `scripts/prove kills` has more."""
    with open_lanes(tmp_path, 1, real_ground=partial(RealGround, network)) as lanes:
        wanted = [replace(case, store="sqlite") for case in cases(6, seed=2027, servers=["real bluesky"])]
        for begun in [lanes.begin(case) for case in wanted]:
            outcome = begun.result(300)
            assert not outcome.left, outcome


def _answer(network: BlueskyNetwork, amina: Any, view: dict[str, Any]) -> dict[str, Any]:
    place = {"uri": view["uri"], "cid": view["cid"]}
    return network.post(
        amina, f"Good morning from Amina #{TAG}", tags=[TAG], langs=["en"], reply={"root": place, "parent": place}
    )


def _check_views(said: dict[str, dict[str, Any]], amina: str) -> None:
    """What the AppView shows of our posts: facets at the right bytes, the card, the picture, the thread."""
    text, view = next((text, view) for text, view in said.items() if text.startswith("Häppy"))
    marked = {
        text.encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode(): facet["features"][0]
        for facet in view["record"]["facets"]
    }
    kind = "app.bsky.richtext.facet"
    assert marked == {
        "@amina-day.test": {"$type": f"{kind}#mention", "did": amina},
        "https://iied.example": {"$type": f"{kind}#link", "uri": "https://iied.example"},
        f"#{TAG}": {"$type": f"{kind}#tag", "tag": TAG},
    }
    assert view["record"]["langs"] == ["en"]
    assert said["Two"]["record"]["reply"]["parent"]["uri"] == view["uri"]
    [picture] = said[f"What we see #{TAG}"]["embed"]["images"]
    assert (picture["alt"], picture["aspectRatio"]) == ("A brown field", {"width": 60, "height": 40})
    card = said[f"Read this #{TAG}"]["embed"]["external"]
    assert (card["uri"], card["title"]) == ("https://iied.example/guide", "Coming home from work")
