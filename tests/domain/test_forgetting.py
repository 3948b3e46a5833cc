"""Asked to be forgotten: what people's words name, and what recognises it later."""

from dataclasses import replace

import pytest

from factories import post
from shareasm.domain.forgetting import (
    Kind,
    Wanted,
    digests,
    kind_by_words,
    kind_of,
    names_by_words,
    names_in,
    names_it_may_be_forgotten_by,
    names_of,
    names_of_author,
    names_of_others,
    names_with_twins,
)
from shareasm.domain.posts import Account, Card, Network, Post, PostRef

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


# ---- beyond a bridge ---------------------------------------------------------------------------------------------------

TWIN = post(
    ref=PostRef(Network.BLUESKY, "at://did:plc:bridged/app.bsky.feed.post/3kxyz"),
    url="https://bsky.app/profile/did:plc:bridged/post/3kxyz",
    author=Account(Network.BLUESKY, "did:plc:bridged", "amina.m.example.ap.brid.gy", "Amina", ""),
    bridged_from="https://m.example/@amina/77",
)
SKY_TWIN = post(
    ref=PostRef(Network.MASTODON, f"https://bsky.brid.gy/convert/ap/at://{DID}/app.bsky.feed.post/3kother"),
    url="https://bsky.brid.gy/r/1",
    author=Account(
        Network.MASTODON,
        f"https://bsky.brid.gy/ap/{DID}",
        "amina.example@bsky.brid.gy",
        "Amina",
        "https://bsky.brid.gy/x",
    ),
    bridged_from=f"at://{DID}/app.bsky.feed.post/3kother",
)


@pytest.mark.parametrize(("account", "copy"), [(ELEPHANT, TWIN), (SKY, SKY_TWIN)], ids=["to sky", "from sky"])
def test_copies_of_posts_that_we_never_saw_are_known_by_their_author(account: Post, copy: Post) -> None:
    assert digests(names_with_twins(account)) & digests(names_of(copy))
    under_own_domain = replace(copy, author=replace(copy.author, handle="amina.earth", ref="did:plc:earth"))
    assert digests(names_with_twins(account)) & digests(names_of(under_own_domain))


@pytest.mark.parametrize("words", ["@amina@m.example", "amina.example"])
def test_the_twin_of_an_account_that_is_not_stored_is_known_by_its_handle(words: str) -> None:
    twin = TWIN if "@" in words else SKY_TWIN
    assert digests(names_by_words(words)) & digests(names_of(replace(twin, bridged_from=None)))


@pytest.mark.parametrize(
    ("words", "named", "other"),
    [
        ("@amina@m.example", ELEPHANT, TWIN),
        ("amina.m.example.ap.brid.gy", TWIN, ELEPHANT),
        ("amina.example", SKY, SKY_TWIN),
        ("@amina.example@bsky.brid.gy", SKY_TWIN, SKY),
    ],
)
def test_an_account_and_its_twin_are_one_person(words: str, named: Post, other: Post) -> None:
    wanted = Wanted(words)
    assert wanted.kind_of(named) is Kind.ACCOUNT
    assert wanted.kind_of(other) is None
    assert wanted.learn(named, Kind.ACCOUNT)
    assert not wanted.learn(named, Kind.ACCOUNT)
    assert wanted.kind_of(other) is Kind.ACCOUNT


def test_one_post_takes_its_copy_along_and_its_original_and_nothing_else() -> None:
    copy = replace(TWIN, bridged_from=ELEPHANT.url)
    for words, first, second in ((ELEPHANT.url, ELEPHANT, copy), (copy.ref.uri, copy, ELEPHANT)):
        wanted = Wanted(words)
        wanted.learn(first, Kind.POST)
        assert wanted.kind_of(second) is Kind.POST
        assert wanted.kind_of(replace(ELEPHANT, ref=replace(ELEPHANT.ref, uri="x"), url="y")) is None


def test_who_only_claims_to_be_a_copy_goes_alone_and_takes_nobody_along() -> None:
    claim = replace(TWIN, author=replace(TWIN.author, ref="did:plc:mallory", handle="mallory.example"))
    wanted = Wanted("@amina@m.example")
    wanted.learn(ELEPHANT, Kind.ACCOUNT)
    assert wanted.kind_of(claim) is Kind.POST
    wanted = Wanted("mallory.example")
    wanted.learn(claim, Kind.ACCOUNT)
    assert wanted.kind_of(ELEPHANT) is None


def test_of_an_original_whose_address_names_nobody_no_account_is_learned() -> None:
    nameless = replace(TWIN, bridged_from="https://m.example/objects/1-2-3")
    assert names_with_twins(nameless) == ("did:plc:bridged", "amina.m.example.ap.brid.gy")


def test_names_that_may_be_anybodys_are_no_names() -> None:
    elsewhere = replace(ELEPHANT, author=replace(ELEPHANT.author, url="https://other.example/@bakari"))
    assert "https://other.example/@bakari" not in names_of_author(elsewhere)
    unconfirmed = replace(SKY, author=replace(SKY.author, handle="handle.invalid"))
    assert "handle.invalid" not in names_with_twins(unconfirmed)


def test_what_was_named_is_said_with_its_article() -> None:
    assert [kind.with_article for kind in Kind] == ["an account", "a post"]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("@amina@m.example", "amina@m.example"),
        ("https://m.example/@amina/77", "https://m.example/@amina"),
        ("https://bsky.app/profile/amina.example/post/3kx", "amina.example"),
        ("at://did:plc:amina/app.bsky.feed.post/3kx", "did:plc:amina"),
    ],
)
def test_an_address_is_known_as_forgotten_by_its_author_too(words: str, name: str) -> None:
    assert digests([name]) & digests(names_it_may_be_forgotten_by(words))


def test_who_is_quoted_or_previewed_is_named_by_post_and_by_author() -> None:
    assert names_of_others(SKY) == ()
    quoting = replace(ELEPHANT, quote=SKY.ref, quote_url=SKY.url, card=Card("https://b.example/@bakari/9", "Bakari"))
    names = {SKY.ref.uri, SKY.url, DID, "https://b.example/@bakari/9", "https://b.example/@bakari"}
    assert names <= set(names_of_others(quoting))
    assert not digests(names_of_author(ELEPHANT)) & digests(names_of_others(quoting))


def test_names_are_found_in_what_could_not_be_read() -> None:
    raw = '{"a":"https:\\/\\/m.example\\/users\\/amina","b":["did:plc:amina", "@amina@m.example"]}'
    assert {"https://m.example/users/amina", "https://m.example/users", "did:plc:amina"} <= names_in(raw)
    assert "@amina@m.example" in names_in(raw)
    assert names_in("") == set()
