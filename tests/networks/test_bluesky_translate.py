"""What becomes of a post as Bluesky shows it. `python tests/networks/test_bluesky_translate.py` rewrites the golden posts."""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareasm.domain.changes import Seen, Skipped
from shareasm.domain.posts import Post, encode_post
from shareasm.networks.bluesky.syntax import PostAddress
from shareasm.networks.bluesky.translate import (
    ITEM_LIMIT,
    MALFORMED,
    active_labels,
    decode_get_posts,
    decode_search_page,
    facet_spans,
    read_hashtags,
    take_item,
    translate_record,
    translate_view,
)

DATA = Path(__file__).parent.parent / "data/bluesky"
CASES = sorted(path.with_suffix("").stem for path in DATA.glob("*.post.json"))
NOW = datetime(2027, 2, 3, 12, tzinfo=UTC)
DID = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"


def view(**changes: object) -> dict[str, object]:
    """Return a good post, with top-level fields replaced; `record__x` and `author__x` reach inside; `...` removes."""
    made: dict[str, object] = json.loads((DATA / "reply.json").read_text())
    for name, value in changes.items():
        inside, _, key = name.rpartition("__")
        target = made[inside] if inside else made
        assert isinstance(target, dict)
        if value is ...:
            del target[key]
        else:
            target[key] = value
    return made


def take(item: object) -> Seen | Skipped:
    return take_item(msgspec.json.encode(item), lambda decoded, raw: translate_view(decoded, raw, NOW))


def post_of(item: object) -> Post:
    taken = take(item)
    assert isinstance(taken, Seen), taken
    return taken.post


def pretty(post: Post) -> str:
    return msgspec.json.format(encode_post(post), indent=1).decode() + "\n"


@pytest.mark.parametrize("case", CASES)
def test_a_post_is_translated_as_its_golden_file_says(case: str) -> None:
    item = json.loads((DATA / f"{case}.json").read_text())
    assert pretty(post_of(item)) == (DATA / f"{case}.post.json").read_text()


def test_every_case_has_its_golden_file() -> None:
    inputs = {path.stem for path in DATA.glob("*.json") if not path.stem.endswith(".post")} - {"syntax"}
    assert inputs == {case.removesuffix(".post") for case in CASES}


def test_the_raw_json_is_kept_as_it_came() -> None:
    raw = msgspec.json.encode(view(somethingNew={"a": 1}))
    page = decode_search_page(b'{"posts":[' + raw + b'],"cursor":"25"}', NOW)
    assert page.posts[0].raw == raw
    assert page.posts[0].local_id == "3kaaaaaaaaa2a"
    assert page.posts[0].is_complete


BAD_ITEMS: list[tuple[object, str]] = [
    (None, "address"),
    ("a post", "address"),
    (view(uri="javascript:alert(1)"), "address"),
    (view(uri="at://amina.example/app.bsky.feed.post/3kaaaaaaaaa2a"), "address"),
    (view(uri="at://\0"), "address"),
    (view(author=None), "no DID"),
    (view(author__did="did:plc:bbbbbbbbbbbbbbbbbbbbbbbb"), "not the one in its address"),
    (view(record=None), "not a post"),
    (view(**{"record__$type": "app.bsky.feed.threadgate"}), "not a post"),
    (view(record__text=...), "no text"),
    (view(record__text=7), "no text"),
    (view(record__createdAt="yesterday", indexedAt=None), "no date"),
    (view(padding="x" * ITEM_LIMIT), "larger than"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD_ITEMS)
def test_a_bad_item_is_set_aside_with_a_reason_and_never_costs_its_page(bad: object, reason: str) -> None:
    page = decode_get_posts(msgspec.json.encode({"posts": [view(), bad, view()]}), NOW)
    assert len(page.posts) == 2
    assert len(page.skipped) == 1
    assert reason in page.skipped[0].reason
    assert len(page.skipped[0].raw) <= 4096
    assert "\0" not in f"{page.skipped[0].ref}{page.skipped[0].reason}"


@pytest.mark.parametrize(
    "bad",
    [
        b'{"a":' * 600 + b"1" + b"}" * 600,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"uri":"\\ud800"}',
        b'{"uri":"\xff"}',
    ],
    ids=["deep", "deeper than can be decoded", "half a surrogate pair", "not UTF-8"],
)
def test_an_item_that_cannot_even_be_decoded_costs_itself_only(bad: bytes) -> None:
    good = msgspec.json.encode(view(record__text='"]} \\" #shareASM', cursor="not this one"))
    page = decode_search_page(
        b'{"hits":{"posts":[]},"posts": [' + good + b", " + bad + b"," + good + b'],"cursor":"7"}', NOW
    )
    assert [seen.post.text for seen in page.posts] == ['"]} \\" #shareASM'] * 2
    assert len(page.skipped) == 1
    assert page.cursor == "7"


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b"{}", b'{"posts":{}}', b'{"posts":null}', b'{"posts":[{}'])
def test_an_answer_that_is_none_is_told_apart_from_an_empty_page(body: bytes) -> None:
    with pytest.raises(MALFORMED):
        decode_search_page(body, NOW)


@pytest.mark.parametrize("cursor", [None, 0, {}, "", [], False])
def test_a_cursor_that_is_no_text_ends_the_paging(cursor: object) -> None:
    assert decode_search_page(msgspec.json.encode({"posts": [], "cursor": cursor}), NOW).cursor is None


@pytest.mark.parametrize(
    ("created", "indexed", "expected"),
    [
        ("2027-02-03T09:00:00Z", "2027-02-03T09:00:05Z", "2027-02-03T09:00:00Z"),
        ("2037-02-03T09:00:00Z", "2027-02-03T09:00:05Z", "2027-02-03T09:00:05Z"),  # dated ahead
        ("0000-00-00T00:00:00Z", "2027-02-03T09:00:05Z", "2027-02-03T09:00:05Z"),
        ("9999-01-01T00:00:00Z", "2027-02-03T09:00:05Z", "2027-02-03T09:00:05Z"),
        (None, "2027-02-03T09:00:05Z", "2027-02-03T09:00:05Z"),
        ("2027-02-03T11:00:00.123456789+02:00", None, "2027-02-03T09:00:00.123456Z"),
    ],
)
def test_a_post_counts_from_the_earlier_of_its_two_times(created: object, indexed: object, expected: str) -> None:
    post = post_of(view(record__createdAt=created, indexedAt=indexed))
    assert post.created_at == datetime.fromisoformat(expected)


def facet(start: object, end: object, uri: object = "https://iied.example/") -> dict[str, object]:
    feature = {"$type": "app.bsky.richtext.facet#link", "uri": uri}
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}


@pytest.mark.parametrize(
    "bad",
    [
        facet(9, 3),
        facet(3, 3),
        facet(-1, 3),
        facet(0, 50_000),
        facet(1, 3),  # cuts é
        facet(True, 3),
        facet("0", 3),
        facet(0, 5, "javascript:alert(1)"),
        facet(0, 5, None),
        {"index": None, "features": []},
        {"index": {"byteStart": 0, "byteEnd": 5}, "features": [{"uri": "https://iied.example/"}]},
        None,
        "facet",
    ],
)
def test_a_facet_that_is_wrong_is_left_out_and_the_text_is_whole(bad: object) -> None:
    text = "ééé 👩‍💻 #shareASM"
    post = post_of(view(record__text=text, record__facets=[bad, facet(19, 28)]))
    assert post.text == text
    assert post.html.count("<a ") == 1


def test_of_two_facets_that_overlap_the_first_in_the_text_wins() -> None:
    post = post_of(
        view(
            record__text="hello world",
            record__facets=[facet(4, 9, "https://b.example/"), facet(0, 5, "https://a.example/")],
        )
    )
    assert "https://a.example/" in post.html
    assert "https://b.example/" not in post.html


@given(st.text(max_size=60), st.integers(-3, 250), st.integers(-3, 250))
def test_a_facet_span_covers_exactly_its_bytes_or_is_left_out(text: str, start: int, end: int) -> None:
    encoded = text.encode("utf-8", "surrogatepass")
    for begin, until, _ in facet_spans(text, [facet(start, end)]):
        assert text[begin:until].encode("utf-8", "surrogatepass") == encoded[start:end]
        assert begin < until


TAG = "app.bsky.richtext.facet#tag"


@pytest.mark.parametrize(
    ("text", "facet_tag", "outline", "names"),
    [
        ("no sign", "shareASM", [], ["shareasm"]),
        ("no sign", "#shareASM", [], ["shareasm"]),
        ("no sign", None, ["ShareASM", 7, "", "#Geita"], ["shareasm", "geita"]),
        ("#shareASM #SHAREASM", "shareasm", ["shareASM"], ["shareasm"]),
        ("#shareASM said so", "buyMyCoin", [], ["buymycoin", "shareasm"]),  # both: what it says and what it shows
        ("#shareASM-day", None, [], ["shareasm-day"]),  # one tag on Bluesky, and another one
        ("https://x.example/#shareASM", None, [], []),
    ],
)
def test_hashtags_come_from_facets_the_hidden_list_and_the_text(
    text: str, facet_tag: str | None, outline: list[object], names: list[str]
) -> None:
    facets = [{"features": [{"$type": TAG, "tag": facet_tag}]}] if facet_tag else []
    assert [tag.name for tag in read_hashtags(text, facets, outline)] == names


def label(value: str, **more: object) -> dict[str, object]:
    return {"src": "did:plc:labeler", "val": value, "cts": "2027-02-03T09:00:00Z", **more}


@pytest.mark.parametrize(
    ("labels", "active"),
    [
        ([label("spam")], {"spam"}),
        ([label("spam"), label("spam", neg=True, cts="2027-02-03T10:00:00Z")], set()),
        ([label("spam", neg=True, cts="2027-02-03T08:00:00Z"), label("spam")], {"spam"}),
        ([label("spam"), label("spam", neg=True, src="did:plc:other", cts="2027-02-03T10:00:00Z")], {"spam"}),
        ([label("spam", exp="2027-02-03T11:00:00Z")], set()),
        ([label("spam", exp="2027-02-03T13:00:00Z")], {"spam"}),
        ([None, 7, {"val": 7}, {}], set()),
    ],
)
def test_a_label_counts_until_its_labeler_takes_it_back_or_it_expires(labels: list[object], active: set[str]) -> None:
    assert active_labels(labels, NOW) == active


def test_the_authors_wish_is_a_label_of_the_author() -> None:
    labels = [label("!no-unauthenticated", src=DID, cts="1970-01-01T00:00:00.000Z")]
    assert post_of(view(author__labels=labels)).author.labels == {"!no-unauthenticated"}


AT = "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.graph.block/3k"


@pytest.mark.parametrize(
    ("viewer", "is_blocked"),
    [
        (None, None),
        ("?", None),
        ({}, False),
        ({"muted": False, "blockedBy": False, "following": AT}, False),
        ({"muted": True}, True),
        ({"blockedBy": True}, True),
        ({"blocking": AT}, True),
        ({"blockingByList": {"uri": AT}}, True),
        ({"mutedByList": {"uri": AT}}, True),
        ({"muted": "no", "mutedOnlyReposts": True}, False),
    ],
)
def test_whom_the_reading_account_blocks_is_known_where_one_reads(viewer: object, is_blocked: bool | None) -> None:
    assert post_of(view(author__viewer=viewer)).author.is_blocked is is_blocked


def test_an_author_whose_handle_does_not_resolve_is_shown_by_did() -> None:
    assert post_of(view(author__handle="handle.invalid")).author.handle == DID


def test_a_quote_of_itself_is_no_quote() -> None:
    itself = {"$type": "app.bsky.embed.record#viewRecord", "uri": view()["uri"]}
    assert post_of(view(embed={"$type": "app.bsky.embed.record#view", "record": itself})).quote is None


def test_a_record_of_the_stream_is_an_incomplete_post() -> None:
    record = view()["record"]
    address = PostAddress(DID, "3kaaaaaaaaa2a")
    seen_at = datetime(2027, 2, 3, 9, 0, tzinfo=UTC)
    seen = translate_record(address, "bafyreiaaaa", record, b"{}", seen_at, "3kaaaaaaaaa2b")
    assert not seen.is_complete
    assert (seen.post.author.handle, seen.post.author.ref) == ("", DID)
    assert (seen.post.revision, seen.post.version) == ("3kaaaaaaaaa2b", "bafyreiaaaa")
    assert seen.post.created_at == seen_at
    assert seen.post.ref.uri == address.uri


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8) | st.just("did:plc:abc"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
PLACES = [
    "uri",
    "author",
    "record",
    "labels",
    "embed",
    "cid",
    "indexedAt",
    "likeCount",
    "author__did",
    "author__labels",
]
PLACES += [
    f"record__{key}" for key in ("text", "facets", "langs", "tags", "reply", "labels", "createdAt", "bridgyOriginalUrl")
]


@given(st.sampled_from(PLACES), json_values)
def test_no_value_in_any_place_breaks_the_translation(place: str, value: object) -> None:
    take(view(**{place: value}))


if __name__ == "__main__":
    for path in DATA.glob("*.json"):
        if path.stem != "syntax" and not path.stem.endswith(".post"):
            path.with_suffix(".post.json").write_text(pretty(post_of(json.loads(path.read_text()))))
