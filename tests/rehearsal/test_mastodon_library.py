"""Mastodon.py is content with the stand-ins where it is with the real servers, and only there (platform facts 3)."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from mastodon import (
    Mastodon,
    MastodonAPIError,
    MastodonInternalServerError,
    MastodonNetworkError,
    MastodonNotFoundError,
    MastodonRatelimitError,
    MastodonUnauthorizedError,
    MastodonVersionError,
)

from mastodon_bench import Bench, picture, running
from shareasm.rehearsal.faults import Fault
from shareasm.rehearsal.mastodon import Flavour


@pytest.fixture(scope="module")
def _bench() -> Iterator[Bench]:
    with running() as bench:
        yield bench


@pytest.fixture
def bench(_bench: Bench) -> Bench:
    _bench.reset()
    return _bench


def _client(bench: Bench, token: str | None = None, check: str = "none") -> Mastodon:
    session = requests.Session()
    session.headers["Connection"] = "close"  # snac hangs up unannounced: a kept connection may be dead when it is used
    return Mastodon(
        session=session,
        access_token=token or bench.amina.token,
        api_base_url=bench.server.url,
        ratelimit_method="throw",
        version_check_mode=check,
        request_timeout=5,
    )


def test_a_post_with_everything_goes_there_and_back(bench: Bench) -> None:
    client = _client(bench)
    media = client.media_post(picture(), mime_type="image/png", description="A pit", focus=(0.0, 0.5))
    poll = client.make_poll(["gold", "tin"], expires_in=600)
    said = client.status_post(
        "Hello #shareASM https://iied.example/",
        media_ids=[media],
        poll=poll,
        language="sw",
        visibility="public",
        spoiler_text="mining",
        idempotency_key="k",
    )
    assert isinstance(said.created_at, datetime)
    assert said.language == "sw"
    assert said.media_attachments[0].description == "A pit"
    assert said.poll.options[1].title == "tin"
    assert client.status_source(said).text == "Hello #shareASM https://iied.example/"
    assert client.status_post("again", idempotency_key="k").id == said.id


def test_an_edit_and_a_deletion_are_understood(bench: Bench) -> None:
    client = _client(bench)
    media = client.media_post(picture(), mime_type="image/png")
    said = client.status_post("Helo #shareASM", media_ids=[media])
    bench.clock.advance(minutes=1)
    described = [client.generate_media_edit_attributes(media.id, description="A pit")]
    edited = client.status_update(said, status="Hello #shareASM", media_attributes=described)
    assert (edited.id, edited.media_attachments[0].description) == (said.id, "A pit")
    assert len(client.status_history(said)) == 2
    assert client.status_delete(said).text == "Hello #shareASM"
    with pytest.raises(MastodonNotFoundError):
        client.status(said)


def test_its_pages_walk_through_a_tag_without_loss(bench: Bench) -> None:
    ids = [bench.say(f"{number} #shareASM")["id"] for number in range(49)]
    client = _client(bench)
    page = client.timeline_hashtag("shareASM", limit=15)
    walked = [str(status.id) for status in page]
    while page := client.fetch_next(page):
        walked += [str(status.id) for status in page]
    assert walked == ids[::-1]


def test_up_to_twenty_statuses_come_at_once(bench: Bench) -> None:
    ids = [bench.say(f"{number} #shareASM")["id"] for number in range(21)]
    client = _client(bench)
    assert len(client.statuses(ids[:20])) == 20
    with pytest.raises(MastodonAPIError) as refused:
        client.statuses(ids)
    assert refused.value.args[1] == 422


def test_it_reads_accounts_instances_and_nodeinfo(bench: Bench) -> None:
    client = _client(bench, check="created")
    assert client.me().acct == "amina"
    assert client.instance_v2().configuration.statuses.max_characters == 500
    assert client.instance_v1().configuration.media_attachments.description_limit == 10_000
    assert client.instance_nodeinfo().software.name == "mastodon"
    assert client.account_lookup("bakari").id == bench.bakari.id
    assert client.app_verify_credentials().name == "Rehearsal"


def test_it_sees_threads_boosts_and_votes(bench: Bench) -> None:
    client, other = _client(bench), _client(bench, bench.bakari.token)
    root = client.status_post("root #shareASM")
    reply = other.status_reply(root, "answer #shareASM")
    assert [str(status.id) for status in client.status_context(root).descendants] == [str(reply.id)]
    assert other.status_reblog(root).reblog.id == root.id
    assert other.status_favourite(root).favourites_count == 1
    asked = client.status_post("which?", poll=client.make_poll(["gold", "tin"], expires_in=600))
    assert other.poll_vote(asked.poll, [1]).own_votes == [1]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.RATE_LIMITED, MastodonRatelimitError),
        (Fault.REVOKED, MastodonUnauthorizedError),
        (Fault.ERROR_BEFORE, MastodonInternalServerError),
        (Fault.ERROR_AFTER, MastodonInternalServerError),
        (Fault.RESET_BEFORE, MastodonNetworkError),
        (Fault.RESET_AFTER, MastodonNetworkError),
        (Fault.CUT, MastodonNetworkError),
        (Fault.HTML, MastodonAPIError),
        (Fault.TRUNCATED, MastodonAPIError),
    ],
)
def test_each_fault_is_the_error_that_it_should_be(bench: Bench, fault: Fault, error: type[Exception]) -> None:
    bench.server.faults.add(fault, "POST", "/api/v1/statuses")
    with pytest.raises(error):
        _client(bench).status_post("x")
    is_done = fault in (Fault.ERROR_AFTER, Fault.RESET_AFTER, Fault.CUT, Fault.TRUNCATED)
    assert len(bench.server.statuses()) == is_done


def test_a_rate_limit_of_the_rehearsal_is_read_as_its_time(bench: Bench) -> None:
    bench.server.faults.add(Fault.RATE_LIMITED, reset_s=90)
    client = _client(bench)
    with pytest.raises(MastodonRatelimitError):
        client.status_post("x")
    assert client.ratelimit_reset is not None  # it corrects the reset by our Date


def test_revoking_is_understood(bench: Bench) -> None:
    client = Mastodon(
        "client-0", "secret-0", bench.amina.token, api_base_url=bench.server.url, ratelimit_method="throw"
    )
    client.revoke_access_token(allow_http=True)  # the stand-in tells where, and that is no https
    with pytest.raises(MastodonUnauthorizedError):
        _client(bench).me()


@pytest.mark.shared
def test_a_status_has_the_keys_and_types_of_a_recorded_one(bench: Bench, shared: Path) -> None:
    """Against the Status entities that a Mastodon 4.6 test server gave Mastodon.py's own tests (MIT)."""
    unread = {"tagged_collections", "avatar_description", "header_description", "feature_approval"}
    unread |= {"show_media", "show_media_replies", "show_featured"}
    drawn = bench.say("Hello #shareASM", media=[(picture(), "A pit")])
    lines = (shared / "corpus/real/mastodon/statuses.mastodonpy.jsonl").read_text().splitlines()
    cases = [case["payload"] for case in map(json.loads, lines) if case["recorded"] == "test-server"]
    recorded = [status for status in cases if "quote_approval" in status and "pinned" in status]  # their own, and 4.6
    assert recorded
    for status in recorded:
        assert _surprises(status, drawn, unread) == []


def _surprises(recorded: dict[str, Any], drawn: dict[str, Any], unread: set[str]) -> list[str]:
    """Return the keys that one has and the other lacks, or that hold something of another type."""
    found = [key for key in recorded if key not in drawn and key not in unread]
    found += [key for key in drawn if key not in recorded]
    for key in recorded.keys() & drawn.keys():
        theirs, ours = recorded[key], drawn[key]
        if theirs is not None and ours is not None and type(theirs) is not type(ours):
            found.append(f"{key}: {theirs!r} or {ours!r}")
    if "account" in recorded:
        found += _surprises(recorded["account"], drawn["account"], unread)
        found += [
            key for media in recorded["media_attachments"] for key in media if key not in drawn["media_attachments"][0]
        ]
    return found


# ---- where it is not content with the real servers either ------------------------------------------------------------------


def test_gotosocials_version_is_too_old_for_it() -> None:
    with running(Flavour.GOTOSOCIAL) as bench:
        with pytest.raises(MastodonVersionError):
            _client(bench, check="created").status_post("x")
        client = _client(bench)
        with pytest.raises(MastodonNotFoundError, match="not found"):
            client.timeline_hashtag("never")
        ids = [client.status_post(f"{number} #shareASM", visibility="public").id for number in range(2)]
        with pytest.raises(TypeError):
            max(ids)


def test_snac_gives_it_one_page() -> None:
    with running(Flavour.SNAC) as bench:
        client = _client(bench)
        for number in range(25):
            bench.say(f"{number} #shareASM")
        page = client.timeline_hashtag("shareasm")
        assert (len(page), client.fetch_next(page)) == (20, None)


def test_takahe_takes_uploads_when_the_version_is_given() -> None:
    """Without it, Mastodon.py asks for the version at an address that Takahē does not have, and recurses for a minute."""
    with running(Flavour.TAKAHE) as bench:
        client = Mastodon(access_token=bench.amina.token, api_base_url=bench.server.url, mastodon_version="4.0.0")
        assert client.media_post(picture(), mime_type="image/png").id
