"""Which news wins: every rule of `decide` and of deletions, without a database."""

from dataclasses import replace
from datetime import timedelta

import pytest

from factories import NOON, post, seen
from shareasm.domain.changes import Changed, Gone, New, Same, Seen, Sighting, Stored, decide, home_host, is_gone_now
from shareasm.domain.posts import Counts, Media, MediaKind, Network, Visibility, encode_post, fingerprint

HOME = Sighting("mastodon:memory.example", "memory.example")
AWAY = Sighting("mastodon:other.example", "other.example")
SEARCH = Sighting("bluesky:pds.example", "pds.example")
CHECK = Sighting("bluesky:pds.example", "pds.example", True)
SKY = {"network": Network.BLUESKY}


def stored(item: Seen, *, source: str = HOME.source, **changes: object) -> Stored:
    made = Stored(
        1,
        encode_post(item.post).decode(),
        fingerprint(item.post),
        source,
        item.is_complete,
        revision=item.post.revision,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_the_unknown_is_new() -> None:
    assert decide(None, seen(), HOME) == New(seen())


def test_the_same_again_is_the_same() -> None:
    assert isinstance(decide(stored(seen()), seen(), HOME), Same)


@pytest.mark.parametrize(
    ("changes", "is_edit"),
    [
        ({"text": "other #shareASM"}, True),
        ({"content_warning": "mercury"}, True),
        ({"media": (Media(MediaKind.IMAGE, "https://x.example/a.png"),)}, True),
        ({"visibility": Visibility.UNLISTED}, True),
        ({"counts": Counts(likes=3)}, False),
        ({"url": "https://moved.example/1"}, False),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_edit_is_told_from_a_new_counter(changes: dict[str, object], *, is_edit: bool) -> None:
    decision = decide(stored(seen()), seen(**changes), HOME)  # type: ignore[arg-type]
    assert isinstance(decision, Changed)
    assert decision.is_edit is is_edit


def test_another_servers_view_is_no_news_but_its_edit_is() -> None:
    before = stored(seen())
    assert isinstance(decide(before, seen(languages=("en",)), AWAY), Same)
    edited = seen("edited #shareASM", edited_at=NOON + timedelta(minutes=1))
    assert isinstance(decide(before, edited, AWAY), Changed)


def test_the_home_server_takes_the_lead_from_another() -> None:
    assert isinstance(decide(stored(seen(), source=AWAY.source), seen(languages=("de",)), HOME), Changed)


def test_an_older_view_than_the_stored_edit_from_another_server_is_no_news() -> None:
    edited = stored(seen("edited #shareASM", edited_at=NOON + timedelta(minutes=1)))
    assert isinstance(decide(edited, seen(), AWAY), Same)


@pytest.mark.parametrize(
    ("was", "comes", "wins"), [("3k1", "3k2", True), ("3k2", "3k1", False), ("3k1", None, True), (None, "3k1", True)]
)
def test_a_later_revision_wins(was: str | None, comes: str | None, *, wins: bool) -> None:
    before = stored(seen(revision=was, **SKY))  # type: ignore[arg-type]
    decision = decide(before, seen("other #shareASM", revision=comes, **SKY), SEARCH)  # type: ignore[arg-type]
    assert isinstance(decision, Changed) is wins


def test_an_index_that_lags_behind_an_edit_is_no_news_until_the_post_itself_is_asked_about() -> None:
    before = stored(seen("new #shareASM", revision="3k2", version="cid2", **SKY))  # type: ignore[arg-type]
    old = seen("old #shareASM", version="cid1", **SKY)  # type: ignore[arg-type]
    assert isinstance(decide(before, old, SEARCH), Same)
    assert isinstance(decide(before, old, CHECK), Changed)


def test_a_bare_record_keeps_author_counts_and_labels_that_are_known() -> None:
    full = seen(revision="3k1", counts=Counts(likes=2), labels=frozenset({"!warn"}), **SKY)  # type: ignore[arg-type]
    bare = seen("edited #shareASM", is_complete=False, revision="3k2", author=replace(post().author, name=""), **SKY)  # type: ignore[arg-type]
    decision = decide(stored(full), bare, SEARCH)
    assert isinstance(decision, Changed)
    merged = decision.seen.post
    assert (merged.author.name, merged.counts.likes, merged.labels) == ("Amina", 2, {"!warn"})
    assert merged.text == "edited #shareASM"


def test_a_bare_record_of_what_is_known_in_full_is_the_same() -> None:
    full = seen(revision="3k1", **SKY)  # type: ignore[arg-type]
    bare = seen(is_complete=False, revision="3k1", author=replace(post(**SKY).author, name="", handle=""), **SKY)  # type: ignore[arg-type]
    assert isinstance(decide(stored(full), bare, SEARCH), Same)


def test_the_revision_stays_known_when_a_view_without_one_comes() -> None:
    decision = decide(stored(seen(revision="3k1", **SKY)), seen(counts=Counts(likes=1), **SKY), SEARCH)  # type: ignore[arg-type]
    assert isinstance(decision, Changed)
    assert decision.seen.post.revision == "3k1"


def test_what_is_gone_stays_gone_whatever_a_slow_index_shows() -> None:
    gone = stored(seen(), is_gone=True)
    assert isinstance(decide(gone, seen(), HOME), Same)
    assert isinstance(decide(gone, seen("edited #shareASM", edited_at=NOON + timedelta(1)), AWAY), Same)


def test_what_a_check_found_gone_may_be_found_again_by_a_check() -> None:
    gone = stored(seen(), is_gone=True)
    assert isinstance(decide(gone, seen(), HOME._replace(is_check=True)), Changed)


def test_what_its_author_deleted_returns_only_by_a_later_commit() -> None:
    gone = stored(seen(revision="3k2", **SKY), is_gone=True, gone_revision="3k2")  # type: ignore[arg-type]
    assert isinstance(decide(gone, seen(**SKY), CHECK), Same)  # type: ignore[arg-type]
    assert isinstance(decide(gone, seen(revision="3k1", **SKY), SEARCH), Same)  # type: ignore[arg-type]
    assert isinstance(decide(gone, seen(revision="3k3", **SKY), SEARCH), Changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("was", "is_gone", "revision", "news"),
    [
        ("3k1", False, "3k2", True),
        ("3k3", False, "3k2", False),
        ("3k1", False, None, True),
        (None, False, None, True),
        ("3k1", True, None, False),
        ("3k1", True, "3k2", True),
    ],
)
def test_a_deletion_is_news_unless_the_post_was_made_again_since(
    was: str | None, *, is_gone: bool, revision: str | None, news: bool
) -> None:
    before = stored(seen(revision=was, **SKY), is_gone=is_gone)  # type: ignore[arg-type]
    assert is_gone_now(before, Gone(post(**SKY).ref, "deleted", revision)) is news  # type: ignore[arg-type]


def test_the_home_of_a_post_is_its_uris_host() -> None:
    assert home_host(post().ref) == "memory.example"
    assert home_host(post(**SKY).ref) == ""  # type: ignore[arg-type]
