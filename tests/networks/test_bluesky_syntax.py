"""The protocol's identifiers against its own lists of good and bad ones."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareasm.networks.bluesky.syntax import (
    is_did,
    is_handle,
    is_language,
    is_record_key,
    is_tid,
    read_datetime,
    read_post_address,
    write_datetime,
)

LISTS = json.loads((Path(__file__).parent.parent / "data/bluesky/syntax.json").read_text())["lists"]
CHECKS = {"did": is_did, "handle": is_handle, "recordkey": is_record_key, "tid": is_tid, "language": is_language}


@pytest.mark.parametrize(("kind", "check"), CHECKS.items())
def test_good_strings_pass_and_bad_ones_do_not(kind: str, check: Callable[[str], bool]) -> None:
    assert [text for text in LISTS[f"{kind}_syntax_valid"] if not check(text)] == []
    assert [text for text in LISTS[f"{kind}_syntax_invalid"] if check(text)] == []


def test_a_bad_address_is_no_post() -> None:
    assert [uri for uri in LISTS["aturi_syntax_invalid"] if read_post_address(uri)] == []


@pytest.mark.parametrize(
    "uri",
    [
        "at://amina.example/app.bsky.feed.post/3kaaaaaaaaa2a",  # a handle changes hands
        "at://did:plc:abc/app.bsky.feed.like/3kaaaaaaaaa2a",
        "at://did:plc:abc/app.bsky.feed.post",
        "at://did:plc:abc/app.bsky.feed.post/3ka/x",
        "https://bsky.app/profile/did:plc:abc/post/3ka",
    ],
)
def test_only_the_did_form_of_a_post_is_its_identity(uri: str) -> None:
    assert read_post_address(uri) is None


def test_an_address_gives_the_identity_and_a_page_that_outlive_the_handle() -> None:
    address = read_post_address("at://did:plc:abc/app.bsky.feed.post/3kaaaaaaaaa2a")
    assert address is not None
    assert address.uri == "at://did:plc:abc/app.bsky.feed.post/3kaaaaaaaaa2a"
    assert address.url == "https://bsky.app/profile/did:plc:abc/post/3kaaaaaaaaa2a"


def test_dates_are_read_as_the_protocol_writes_them() -> None:
    outside_our_years = {"0010-12-31T23:00:00.000Z", "1000-12-31T23:00:00.000Z", "3001-12-31T23:00:00.000Z"}
    refused = {text for text in LISTS["datetime_syntax_valid"] if read_datetime(text) is None}
    assert refused == outside_our_years
    bad = LISTS["datetime_syntax_invalid"] + LISTS["datetime_parse_invalid"]
    assert [text for text in bad if read_datetime(text)] == []


@given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.timezones()))  # noqa: DTZ001  hypothesis adds the zone
def test_a_date_that_we_write_is_read_back_to_the_millisecond(at: datetime) -> None:
    cut = at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)
    assert read_datetime(write_datetime(at)) == cut


@given(st.text())
def test_no_text_breaks_the_readers(text: str) -> None:
    for check in (*CHECKS.values(), read_post_address, read_datetime):
        check(text)
