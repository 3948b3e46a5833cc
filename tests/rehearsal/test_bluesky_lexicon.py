"""Content addresses are the real ones: the expected CIDs were made by Bluesky's own PDS."""

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from shareasm.rehearsal.bluesky.lexicon import RAW, Json, Record, cid_of, in_stored_order, is_at_uri, is_cid, record_cid
from shareasm.rehearsal.bluesky.repo import microseconds, tid

PNG_CID = "bafkreibwmrhbspamsz3u4rbxc4ad22wonf3nkpvwepzrynxervzcudj7u4"
PROFILE: Record = {
    "$type": "app.bsky.actor.profile",
    "displayName": "Amina",
    "description": "Hi",
    "avatar": {"$type": "blob", "ref": {"$link": PNG_CID}, "mimeType": "image/png", "size": 108},
    "labels": {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "!no-unauthenticated"}]},
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcé", max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_a_blob_has_the_cid_that_the_real_server_gives_it() -> None:
    assert cid_of(b"\x89PNG\r\n\x1a\n" + b"0" * 100, RAW) == PNG_CID


def test_a_record_has_the_cid_that_the_real_server_gives_it() -> None:
    thing: Record = {"a": 1, "$type": "example.shareasm.thing"}
    assert record_cid(thing) == "bafyreibcx7vutnmlveh2qmx5ehevefpffksig3nvr2iryadgo6cnqqprke"


def test_a_record_with_a_link_has_the_cid_that_the_real_server_gives_it() -> None:
    assert record_cid(PROFILE) == "bafyreieqxnc25xcuwrupsgq7j2ymx4qyom73n2vjzwvnkrmjz5cv4v3oni"


@given(st.dictionaries(st.text("abcé", max_size=5), json_values, max_size=4))
def test_the_order_of_keys_never_matters(record: dict[str, object]) -> None:
    value = cast("Record", record)
    stored = cast("Record", in_stored_order(cast("Json", value)))
    assert stored == value
    assert record_cid(stored) == record_cid(dict(reversed(value.items())))


def test_what_is_no_cid_or_address_is_seen() -> None:
    assert is_cid(PNG_CID)
    assert not is_cid("bafy")
    assert is_at_uri("at://did:plc:abc/app.bsky.feed.post/3kaaaaaaaaaaa")
    assert is_at_uri("at://amina.example")
    assert not is_at_uri("at://amina.example/no collection/x")
    assert not is_at_uri("https://amina.example")


@given(st.datetimes(), st.datetimes())
def test_record_keys_sort_as_their_times_do(one: "object", other: "object") -> None:
    from datetime import UTC, datetime

    times = [cast("datetime", moment).replace(year=2027, tzinfo=UTC, day=1) for moment in (one, other)]
    keys = [tid(microseconds(moment)) for moment in times]
    assert (keys[0] < keys[1]) == (times[0] < times[1])
    assert all(len(key) == 13 for key in keys)
