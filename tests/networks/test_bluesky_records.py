"""What a draft becomes on Bluesky: facets by bytes, languages, pictures, card, thread."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import Draft, DraftCard, Receipt
from shareasm.networks.bluesky.records import Uploaded, write_facets, write_record
from shareasm.networks.ports import Thread

NOW = datetime(2027, 2, 3, 9, 0, 0, 123456, tzinfo=UTC)
DIDS = {"iied.example": "did:plc:iied", "bakari.example": "did:plc:bakari"}


def covered(text: str) -> list[tuple[str, str]]:
    """Return (words under the facet, what it leads to), cutting bytes as a reader's client does."""
    found = []
    for facet in write_facets(text, lambda handle: DIDS.get(handle.lower())):
        index, features = facet["index"], facet["features"]
        assert isinstance(index, dict)
        assert isinstance(features, list)
        words = text.encode()[index["byteStart"] : index["byteEnd"]].decode()
        found.append((words, features[0].get("uri") or features[0].get("tag") or features[0].get("did")))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#shareASM", [("#shareASM", "shareASM")]),
        ("Today: #shareASM.", [("#shareASM", "shareASM")]),
        ("👩‍💻 é e\u0301 #shareASM #Geita", [("#shareASM", "shareASM"), ("#Geita", "Geita")]),
        ("صباح الخير #shareASM شكرا", [("#shareASM", "shareASM")]),
        ("日本語 #採掘 ＃鉱山。", [("#採掘", "採掘"), ("＃鉱山", "鉱山")]),
        ("#16 #2027 (#no) x#no", []),
        ("see https://iied.example/guide.", [("https://iied.example/guide", "https://iied.example/guide")]),
        ("(https://iied.example/a_(b))", [("https://iied.example/a_(b)", "https://iied.example/a_(b)")]),
        (
            "https://iied.example/?a=1&b=2#part!",
            [("https://iied.example/?a=1&b=2#part", "https://iied.example/?a=1&b=2#part")],
        ),
        ("iied.example e.g. report.py mailto:x@iied.example", []),
        (
            "ask @iied.example, and (@bakari.example)",
            [("@iied.example", "did:plc:iied"), ("@bakari.example", "did:plc:bakari")],
        ),
        ("@IIED.example", [("@IIED.example", "did:plc:iied")]),
        ("@nobody.example @iied", []),
        ("@iied@mastodon.example x@iied.example", []),
        ("🇫🇷 @iied.example 👍🏿 #shareASM", [("@iied.example", "did:plc:iied"), ("#shareASM", "shareASM")]),
    ],
)
def test_facets_cover_exactly_their_words(text: str, expected: list[tuple[str, str]]) -> None:
    assert covered(text) == expected


@given(
    st.lists(
        st.sampled_from(
            ["#shareASM", "https://x.example/a", "@iied.example", "é", "👩‍💻", "a\u0301", "مرحبا", "\n", "x"]
        )
    )
)
def test_facets_are_in_order_apart_and_on_whole_characters(words: list[str]) -> None:
    text = " ".join(words)
    assert [covering for covering, _ in covered(text)] == [word for word in words if word[0] in "#@h"]


def draft(**changes: object) -> Draft:
    fields: dict[str, object] = {"network": Network.BLUESKY, "text": "Hello #shareASM", "language": "fr", **changes}
    return Draft(**fields)  # type: ignore[arg-type]


def receipt(key: str, version: str | None = "bafyreiaaaa") -> Receipt:
    return Receipt(PostRef(Network.BLUESKY, f"at://did:plc:iied/app.bsky.feed.post/{key}"), "", key, version)


def test_a_record_carries_words_time_and_language() -> None:
    record = write_record(draft(text="Bonjour"), NOW, DIDS.get)
    assert record == {
        "$type": "app.bsky.feed.post",
        "text": "Bonjour",
        "createdAt": "2027-02-03T09:00:00.123Z",
        "langs": ["fr"],
    }


def test_pictures_carry_alt_text_and_proportions() -> None:
    blob: dict[str, object] = {"$type": "blob", "ref": {"$link": "bafkreia"}}
    record = write_record(
        draft(card=DraftCard("https://x.example", "x")), NOW, DIDS.get, images=[Uploaded(blob, "A sieve", 640, 480)]
    )
    image = {"alt": "A sieve", "image": blob, "aspectRatio": {"width": 640, "height": 480}}
    assert record["embed"] == {"$type": "app.bsky.embed.images", "images": [image]}


@pytest.mark.parametrize("with_image", [False, True])
def test_a_card_has_a_picture_where_there_is_one(with_image: bool) -> None:
    blob: dict[str, object] = {"$type": "blob"}
    card_image = Uploaded(blob, "", 10, 10) if with_image else None
    record = write_record(draft(card=DraftCard("https://x.example/", "A guide")), NOW, DIDS.get, card_image=card_image)
    external = {"uri": "https://x.example/", "title": "A guide", "description": ""}
    assert record["embed"] == {
        "$type": "app.bsky.embed.external",
        "external": {**external, "thumb": blob} if with_image else external,
    }


def test_a_part_of_a_thread_names_root_and_parent_by_address_and_version() -> None:
    record = write_record(draft(), NOW, DIDS.get, thread=Thread(receipt("3kroot"), receipt("3kparent", "bafyreibbbb")))
    assert record["reply"] == {
        "root": {"uri": "at://did:plc:iied/app.bsky.feed.post/3kroot", "cid": "bafyreiaaaa"},
        "parent": {"uri": "at://did:plc:iied/app.bsky.feed.post/3kparent", "cid": "bafyreibbbb"},
    }


def test_a_parent_without_a_version_cannot_be_replied_to() -> None:
    with pytest.raises(ValueError, match="has no version"):
        write_record(draft(), NOW, DIDS.get, thread=Thread(receipt("3kroot", None), receipt("3kparent")))
