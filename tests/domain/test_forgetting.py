"""Asked to be forgotten: what people's words name, and what recognises it later."""

import pytest

from factories import post
from shareasm.domain.forgetting import Kind, digests, kind_by_words, kind_of, names_by_words, names_of
from shareasm.domain.posts import Account, Network, PostRef

DID = "did:plc:abcdefghijklmnopqrstuvwx"
SKY = post(
    ref=PostRef(Network.BLUESKY, f"at://{DID}/app.bsky.feed.post/3kabc"),
    url=f"https://bsky.app/profile/{DID}/post/3kabc",
    author=Account(Network.BLUESKY, DID, "amina.example", "Amina", f"https://bsky.app/profile/{DID}"),
)
ELEPHANT = post(
    ref=PostRef(Network.MASTODON, "https://m.example/users/amina/statuses/1"),
    url="https://m.example/@amina/1",
    author=Account(
        Network.MASTODON, "https://m.example/users/amina", "amina@m.example", "Amina", "https://m.example/@amina"
    ),
)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (DID, Kind.ACCOUNT),
        ("amina.example", Kind.ACCOUNT),
        ("@Amina.Example", Kind.ACCOUNT),
        ("https://bsky.app/profile/amina.example", Kind.ACCOUNT),
        (f"https://bsky.app/profile/{DID}/", Kind.ACCOUNT),
        ("https://bsky.app/profile/amina.example/post/3kabc", Kind.POST),
        (SKY.ref.uri, Kind.POST),
        (SKY.url, Kind.POST),
        ("https://bsky.app/profile/amina.example/post/3other", None),
        ("https://bsky.app/profile/other.example", None),
        ("@amina@m.example", None),
    ],
)
def test_a_bluesky_post_and_its_author_are_known_by_any_name_that_people_copy(words: str, kind: Kind | None) -> None:
    assert kind_of(words, SKY) is kind


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("@amina@m.example", Kind.ACCOUNT),
        ("amina@m.example", Kind.ACCOUNT),
        ("https://m.example/@amina", Kind.ACCOUNT),
        ("https://m.example/users/amina", Kind.ACCOUNT),
        ("https://m.example/@amina/1", Kind.POST),
        ("https://m.example/users/amina/statuses/1", Kind.POST),
        ("https://m.example/@amina/2", None),
    ],
)
def test_a_mastodon_post_and_its_author_are_known_by_any_name_that_people_copy(words: str, kind: Kind | None) -> None:
    assert kind_of(words, ELEPHANT) is kind


@pytest.mark.parametrize(
    ("words", "kind", "name"),
    [
        ("@amina@m.example", Kind.ACCOUNT, "@amina@m.example"),
        ("amina.example", Kind.ACCOUNT, "amina.example"),
        (f"at://{DID}", Kind.ACCOUNT, DID),
        (f"https://bsky.app/profile/{DID}", Kind.ACCOUNT, DID),
        (SKY.ref.uri, Kind.POST, SKY.ref.uri),
        (SKY.url, Kind.POST, SKY.ref.uri),
    ],
)
def test_what_is_not_stored_is_recognised_when_it_comes(words: str, kind: Kind, name: str) -> None:
    assert kind_by_words(words) is kind
    assert digests([name]) <= digests(names_by_words(words))


def test_an_address_that_may_be_anything_is_not_guessed() -> None:
    assert kind_by_words("https://m.example/somewhere") is None


@pytest.mark.parametrize("stored", [SKY, ELEPHANT])
def test_what_was_forgotten_is_recognised_by_digests_alone(stored: object) -> None:
    names = names_of(stored)  # type: ignore[arg-type]
    assert digests([names[0]]) <= digests(names)
    assert all(len(digest) == 16 for digest in digests(names))


def test_a_name_is_recognised_however_it_is_written() -> None:
    assert digests(["@Amina@M.example"]) == digests(["amina@m.example"])


def test_a_bridged_copy_is_recognised_by_its_original() -> None:
    copy = post(bridged_from=SKY.ref.uri)
    assert digests([SKY.ref.uri]) <= digests(names_of(copy))
