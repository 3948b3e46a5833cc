"""Post: the record survives the store, and its fingerprint tells change from repetition."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import post
from shareasm.domain.posts import (
    Account,
    Card,
    Counts,
    Hashtag,
    Media,
    MediaKind,
    Network,
    Poll,
    Post,
    PostRef,
    SafeHtml,
    Visibility,
    decode_post,
    encode_post,
    fingerprint,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
instants = st.datetimes(timezones=st.just(UTC), min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1))  # noqa: DTZ001
refs = st.builds(PostRef, st.sampled_from(Network), texts)
labels = st.frozensets(texts, max_size=3)
posts = st.builds(
    Post,
    ref=refs,
    url=texts,
    author=st.builds(Account, st.sampled_from(Network), texts, texts, texts, texts, labels=labels, bio_tags=labels),
    created_at=instants,
    text=texts,
    html=texts.map(SafeHtml),
    edited_at=st.none() | instants,
    revision=st.none() | texts,
    languages=st.lists(texts, max_size=2).map(tuple),
    hashtags=st.lists(st.builds(Hashtag, texts, texts), max_size=2).map(tuple),
    media=st.lists(st.builds(Media, st.sampled_from(MediaKind), texts, st.none() | texts), max_size=2).map(tuple),
    card=st.none() | st.builds(Card, texts, texts),
    poll=st.none() | st.builds(Poll, st.lists(st.tuples(texts, st.none() | st.integers(0, 9)), max_size=2).map(tuple)),
    reply_to=st.none() | refs,
    visibility=st.sampled_from(Visibility),
    labels=labels,
    counts=st.builds(Counts, st.integers(0, 9), st.integers(0, 9)),
)


@given(posts)
def test_what_is_stored_is_what_is_read(made: Post) -> None:
    assert decode_post(encode_post(made)) == made


@given(posts)
def test_the_same_post_has_the_same_fingerprint_also_after_storing(made: Post) -> None:
    assert fingerprint(decode_post(encode_post(made))) == fingerprint(made)


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "other"},
        {"counts": Counts(likes=1)},
        {"content_warning": "mercury"},
        {"labels": frozenset({"!hide"})},
        {"media": (Media(MediaKind.IMAGE, "https://x.example/a.png", "a pan"),)},
        {"visibility": Visibility.UNLISTED},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_anything_that_a_reader_or_a_rule_sees_changes_the_fingerprint(changes: dict[str, object]) -> None:
    assert fingerprint(post(**changes)) != fingerprint(post())  # type: ignore[arg-type]


def test_a_new_opt_out_of_the_author_changes_the_fingerprint() -> None:
    author = replace(post().author, bio_tags=frozenset({"nobot"}))
    assert fingerprint(post(author=author)) != fingerprint(post())


def test_the_revision_of_a_stream_does_not_change_the_fingerprint() -> None:
    assert fingerprint(post(revision="3k1")) == fingerprint(post())


def test_a_post_stored_before_a_field_was_added_takes_its_default() -> None:
    import msgspec

    older = msgspec.json.decode(encode_post(post()))
    del older["counts"], older["application"]
    assert decode_post(msgspec.json.encode(older)) == post()


def test_a_person_is_the_same_whichever_server_tells_of_them() -> None:
    actor, page = "https://m.example/users/amina", "https://m.example/@amina"
    away, here = (Account(Network.MASTODON, ref, "Amina@m.example", "Amina", page) for ref in (actor, page))
    assert away.identity == here.identity == "amina@m.example"
    assert Account(Network.MASTODON, actor, "", "", "").identity == actor
    assert Account(Network.BLUESKY, "did:plc:amina", "amina.example", "", "").identity == "did:plc:amina"
