"""A post belongs to a campaign by one of its tags, however spelled, within its window."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from factories import CLOSES, OPENS, campaign, post, source
from shareasm.domain.campaigns import Edition, Partner, Resource, Role, SourceKind, belongs
from shareasm.domain.posts import Network

DAY = campaign(hashtags=("shareASM", "Minería"))


@pytest.mark.parametrize(
    "text",
    ["#shareASM", "#SHAREASM now", "＃shareasm", "#ShareAsm.", "#minería", "#mineria", "#MINERÍA", "hello\n#shareASM"],
)
def test_a_tag_counts_however_it_is_spelled(text: str) -> None:
    assert belongs(DAY, post(text)) == "tag"


@pytest.mark.parametrize("text", ["shareASM", "#shareASMs", "#share ASM", "https://x.example/#shareASM", "#ＳhareBSM"])
def test_a_look_alike_does_not_count(text: str) -> None:
    assert belongs(DAY, post(text)) is None


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (OPENS, "tag"),
        (OPENS - timedelta(microseconds=1), None),
        (CLOSES - timedelta(microseconds=1), "tag"),
        (CLOSES, None),
    ],
)
def test_the_window_includes_its_first_instant_and_not_its_last(at: object, expected: str | None) -> None:
    assert belongs(DAY, post(at=at)) == expected  # type: ignore[arg-type]


def test_a_resource_gives_its_edition_in_a_language_or_else_its_first() -> None:
    english, french = Edition("en", "Guide", "https://x.example/en"), Edition("fr", "Guide", "https://x.example/fr")
    guide = Resource("guide", (english, french))
    assert guide.edition("fr") is french
    assert guide.edition("es") is english


def test_accounts_and_resources_are_found_by_their_ids() -> None:
    guide = Resource("guide", (Edition("en", "Guide", "https://x.example"),))
    day = campaign(resources=(guide,))
    assert day.resource("guide") is guide
    assert day.account("sky").network is Network.BLUESKY


@pytest.mark.parametrize(
    ("kind", "network"),
    [
        (SourceKind.TAG_TIMELINE, Network.MASTODON),
        (SourceKind.SEARCH, Network.BLUESKY),
        (SourceKind.JETSTREAM, Network.BLUESKY),
    ],
)
def test_a_source_knows_its_network(kind: SourceKind, network: Network) -> None:
    assert source(kind=kind).network is network


@pytest.mark.parametrize(
    ("account", "zone"),
    [
        ({"partner": "arm"}, "America/Bogota"),
        ({"partner": "arm", "zone": ZoneInfo("Africa/Accra")}, "Africa/Accra"),
        ({"partner": "radio"}, None),
        ({}, None),
    ],
)
def test_an_accounts_clock_is_its_own_else_its_partners(account: dict[str, Any], zone: str | None) -> None:
    partners = (
        Partner("arm", "Alliance", Role.CIVIL_SOCIETY, zone=ZoneInfo("America/Bogota")),
        Partner("radio", "Radio", Role.MEDIA),
    )
    day = campaign(partners=partners)
    found = day.zone_of(replace(day.accounts[0], **account))
    assert (found.key if found else None) == zone
