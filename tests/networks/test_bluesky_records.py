"""What a draft becomes on Bluesky: facets by bytes, what a post carries, labels, thread and quote, gates."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import Draft, DraftCard, Receipt, WhoMayReply
from shareasm.networks.bluesky.records import Prepared, Uploaded, write_facets, write_record, write_records
from shareasm.networks.ports import Thread, Ties

KEY = "3n2u5hgbu2227"
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


BLOB: dict[str, object] = {"$type": "blob", "ref": {"$link": "bafkreia"}}
CARD = DraftCard("https://x.example/", "A guide")
SIEVE = Uploaded(BLOB, "A sieve", 640, 480)
QUOTED = {"uri": "at://did:plc:iied/app.bsky.feed.post/3kquoted", "cid": "bafyreiaaaa"}


def record(ties: Ties | None = None, *, attached: Prepared | None = None, **changes: object) -> dict[str, object]:
    return write_record(draft(**changes), attached or prepared(), ties or Ties(), NOW)


def prepared(**fields: object) -> Prepared:
    return Prepared("did:plc:iied", dids=DIDS, **fields)  # type: ignore[arg-type]


def test_a_record_carries_words_time_and_language() -> None:
    assert record(text="Bonjour") == {
        "$type": "app.bsky.feed.post",
        "text": "Bonjour",
        "createdAt": "2027-02-03T09:00:00.123Z",
        "langs": ["fr"],
    }


# ---- what it carries -------------------------------------------------------------------------------------------------

IMAGES = {
    "$type": "app.bsky.embed.images",
    "images": [{"image": BLOB, "alt": "A sieve", "aspectRatio": {"width": 640, "height": 480}}],
}
EXTERNAL = {
    "$type": "app.bsky.embed.external",
    "external": {"uri": "https://x.example/", "title": "A guide", "description": ""},
}
VIDEO = {
    "$type": "app.bsky.embed.video",
    "video": BLOB,
    "alt": "A sieve",
    "aspectRatio": {"width": 640, "height": 480},
    "captions": [{"lang": "fr", "file": BLOB}, {"lang": "en", "file": BLOB}],
}
MEDIA = [
    pytest.param({}, prepared(), None, id="words alone"),
    pytest.param({"card": CARD}, prepared(images=[SIEVE]), IMAGES, id="pictures win over the card"),
    pytest.param({"card": CARD}, prepared(), EXTERNAL, id="a card"),
    pytest.param({}, prepared(video=SIEVE, captions=[("fr", BLOB), ("en", BLOB)]), VIDEO, id="a video with captions"),
]


@pytest.mark.parametrize(("changes", "attached", "media"), MEDIA)
def test_a_post_carries_one_kind_of_media(changes: dict[str, object], attached: Prepared, media: object) -> None:
    assert record(attached=attached, **changes).get("embed") == media


@pytest.mark.parametrize(("changes", "attached", "media"), MEDIA)
def test_a_quote_stands_beside_any_of_them(changes: dict[str, object], attached: Prepared, media: object) -> None:
    quote = {"$type": "app.bsky.embed.record", "record": QUOTED}
    together = {"$type": "app.bsky.embed.recordWithMedia", "record": quote, "media": media}
    assert record(Ties(quoted=receipt("3kquoted")), attached=attached, **changes)["embed"] == (
        together if media else quote
    )


def test_a_card_has_its_picture() -> None:
    embed = record(card=CARD, attached=prepared(thumb=BLOB))["embed"]
    assert embed == {**EXTERNAL, "external": {**EXTERNAL["external"], "thumb": BLOB}}  # type: ignore[dict-item]


def test_a_video_without_captions_says_nothing_of_them() -> None:
    assert "captions" not in record(attached=prepared(video=SIEVE))["embed"]  # type: ignore[operator]


# ---- labels ----------------------------------------------------------------------------------------------------------


def labels(**changes: object) -> list[str]:
    found = record(**changes).get("labels")  # type: ignore[arg-type]
    return [label["val"] for label in found["values"]] if isinstance(found, dict) else []


def test_a_post_says_of_itself_what_the_plan_says() -> None:
    said = record(labels=("nudity", "sexual"))["labels"]
    assert said == {
        "$type": "com.atproto.label.defs#selfLabels",
        "values": [{"val": "nudity"}, {"val": "sexual"}],
    }


def test_a_content_warning_covers_the_pictures_and_leaves_the_words() -> None:
    warned = {"content_warning": "An injury"}
    assert labels(attached=prepared(images=[SIEVE]), **warned) == ["graphic-media"]
    assert labels(attached=prepared(video=SIEVE), **warned) == ["graphic-media"]
    assert labels(**warned) == []
    assert record(**warned)["text"] == "Hello #shareASM"


def test_labels_of_the_plan_take_the_place_of_a_warnings_cover() -> None:
    assert labels(attached=prepared(images=[SIEVE]), content_warning="Bathers", labels=("nudity",)) == ["nudity"]


# ---- where it hangs --------------------------------------------------------------------------------------------------


def test_a_part_of_a_thread_names_root_and_parent_by_address_and_version() -> None:
    tied = record(Ties(Thread(receipt("3kroot"), receipt("3kparent", "bafyreibbbb"))))
    assert tied["reply"] == {
        "root": {"uri": "at://did:plc:iied/app.bsky.feed.post/3kroot", "cid": "bafyreiaaaa"},
        "parent": {"uri": "at://did:plc:iied/app.bsky.feed.post/3kparent", "cid": "bafyreibbbb"},
    }


@pytest.mark.parametrize("ties", [Ties(Thread(receipt("3k", None), receipt("3k"))), Ties(quoted=receipt("3k", None))])
def test_what_has_no_version_can_be_neither_answered_nor_quoted(ties: Ties) -> None:
    with pytest.raises(ValueError, match="has no version"):
        record(ties)


# ---- gates -----------------------------------------------------------------------------------------------------------


def gates(ties: Ties | None = None, **changes: object) -> dict[str, dict[str, object]]:
    records = write_records(draft(**changes), KEY, prepared(), ties or Ties(), NOW)
    assert next(iter(records)) == "app.bsky.feed.post"
    return {name.removeprefix("app.bsky.feed."): gate for name, gate in records.items() if name.endswith("gate")}


@pytest.mark.parametrize(
    ("who", "rules"),
    [
        (WhoMayReply.FOLLOWED, ["followingRule"]),  # whom we follow, not who follows us
        (WhoMayReply.MENTIONED, ["mentionRule"]),
        (WhoMayReply.NOBODY, []),
    ],
)
def test_a_threadgate_names_who_may_reply(who: WhoMayReply, rules: list[str]) -> None:
    assert gates(who_may_reply=who)["threadgate"] == {
        "$type": "app.bsky.feed.threadgate",
        "post": f"at://did:plc:iied/app.bsky.feed.post/{KEY}",
        "createdAt": "2027-02-03T09:00:00.123Z",
        "allow": [{"$type": f"app.bsky.feed.threadgate#{rule}"} for rule in rules],
    }


def test_what_everybody_may_answer_has_no_threadgate() -> None:
    assert list(gates()) == ["postgate"]


def test_only_the_root_of_a_thread_has_a_threadgate() -> None:
    part = Ties(Thread(receipt("3kroot"), receipt("3kroot")))
    assert list(gates(part, who_may_reply=WhoMayReply.NOBODY)) == ["postgate"]


@pytest.mark.parametrize(("may_be_quoted", "rules"), [(True, []), (False, ["app.bsky.feed.postgate#disableRule"])])
def test_every_post_has_a_postgate_which_says_whether_it_may_be_quoted(may_be_quoted: bool, rules: list[str]) -> None:
    assert gates(may_be_quoted=may_be_quoted)["postgate"] == {
        "$type": "app.bsky.feed.postgate",
        "post": f"at://did:plc:iied/app.bsky.feed.post/{KEY}",
        "createdAt": "2027-02-03T09:00:00.123Z",
        "embeddingRules": [{"$type": rule} for rule in rules],
    }
