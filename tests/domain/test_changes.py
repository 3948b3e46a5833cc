"""Which news wins: every rule of `decide` and of deletions, without a database."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_an_older_view_of_the_same_server_is_no_news_until_its_own_server_is_asked() -> None:
    edited = stored(seen("Safer mines", edited_at=NOON + timedelta(minutes=1)))
    assert isinstance(decide(edited, seen(), HOME), Same)  # a cache before it answers
    assert isinstance(decide(edited, seen(), HOME._replace(is_check=True)), Changed)


def test_what_any_server_answers_when_it_is_asked_is_news_unless_it_is_older() -> None:
    before = stored(seen(edited_at=NOON + timedelta(minutes=1)), source=AWAY.source)
    third = Sighting("mastodon:third.example", "third.example", is_check=True)
    liked = seen(edited_at=NOON + timedelta(minutes=1), counts=Counts(likes=7))
    assert isinstance(decide(before, liked, third), Changed)
    assert isinstance(decide(before, seen(), third), Same)


WISHES = [{"is_noindex": True}, {"bio_tags": frozenset({"nobot"})}]


def by_author(item: Seen, **changes: object) -> Seen:
    return replace(item, post=replace(item.post, author=replace(item.post.author, **changes)))  # type: ignore[arg-type]


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_a_wish_counts_at_once_whichever_server_tells_it(wish: dict[str, object]) -> None:
    edited = seen("Even safer #shareASM", edited_at=NOON + timedelta(minutes=1))
    told = decide(stored(edited), by_author(seen(), **wish), AWAY)
    assert isinstance(told, Changed)
    assert told.seen.post == by_author(edited, **wish).post  # and its older words do not
    assert not told.is_edit


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_only_a_check_or_the_posts_own_server_says_that_a_wish_is_over(wish: dict[str, object]) -> None:
    before = stored(by_author(seen(), **wish), source=AWAY.source)
    edited = seen("edited #shareASM", edited_at=NOON + timedelta(minutes=1))
    for shown in (edited, seen(counts=Counts(likes=7))):
        still = decide(before, shown, AWAY)
        assert isinstance(still, Changed)
        assert still.seen.post == by_author(shown, **wish).post
    for by in (HOME, AWAY._replace(is_check=True)):
        over = decide(before, edited, by)
        assert isinstance(over, Changed)
        assert over.seen.post == edited.post


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


def test_a_full_view_is_news_of_a_record_whose_version_is_not_known() -> None:
    bare = stored(seen(is_complete=False, revision="3k1", **SKY))  # type: ignore[arg-type]
    assert isinstance(decide(bare, seen(version="cid1", **SKY), SEARCH), Changed)  # type: ignore[arg-type]


def test_a_bare_record_keeps_author_counts_and_labels_that_are_known() -> None:
    full = seen(revision="3k1", counts=Counts(likes=2), labels=frozenset({"!warn"}), **SKY)  # type: ignore[arg-type]
    bare = seen("edited #shareASM", is_complete=False, revision="3k2", author=replace(post().author, name=""), **SKY)  # type: ignore[arg-type]
    decision = decide(stored(full), bare, SEARCH)
    assert isinstance(decision, Changed)
    merged = decision.seen.post
    assert (merged.author.name, merged.counts.likes, merged.labels) == ("Amina", 2, {"!warn"})
    assert merged.text == "edited #shareASM"


@pytest.mark.parametrize("version", ["cid1", "cid2"], ids=["the known words", "other words"])
def test_a_label_counts_at_once_although_the_bio_could_not_be_read(version: str) -> None:
    full = seen(version="cid1", **SKY)  # type: ignore[arg-type]
    told = by_author(
        seen(version=version, is_complete=False, labels=frozenset({"porn"}), **SKY), labels=frozenset({"!hide"})
    )  # type: ignore[arg-type]
    decision = decide(stored(full), told, SEARCH)
    assert isinstance(decision, Changed)
    assert decision.seen.post.labels == {"porn"}
    assert decision.seen.post.author == replace(full.post.author, labels=frozenset({"!hide"}))


@pytest.mark.parametrize("known", [True, False])
def test_whom_we_block_stays_known_where_a_reader_without_our_sign_in_shows_the_post(known: bool) -> None:
    unsigned = seen(network=Network.BLUESKY)
    signed = replace(unsigned, post=replace(unsigned.post, author=replace(unsigned.post.author, is_blocked=known)))
    assert isinstance(decide(stored(signed), unsigned, HOME), Same)
    liked = replace(unsigned, post=replace(unsigned.post, counts=Counts(likes=7)))
    changed = decide(stored(signed), liked, HOME)
    assert isinstance(changed, Changed)
    assert (changed.seen.post.author.is_blocked, changed.seen.post.counts.likes) == (known, 7)
    other = replace(signed, post=replace(signed.post, author=replace(signed.post.author, is_blocked=not known)))
    changed = decide(stored(signed), other, HOME)
    assert isinstance(changed, Changed)
    assert changed.seen.post.author.is_blocked is not known


def test_what_a_bio_asks_for_stays_known_until_a_check_no_longer_finds_it() -> None:
    listed = seen(network=Network.BLUESKY)
    wish = replace(listed.post.author, bio_tags=frozenset({"nobot"}))
    checked = replace(listed, post=replace(listed.post, author=wish))
    assert isinstance(decide(stored(checked), listed, HOME), Same)
    lifted = decide(stored(checked), listed, HOME._replace(is_check=True))
    assert isinstance(lifted, Changed)
    assert lifted.seen.post.author.bio_tags == frozenset()


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
        ("3k2", False, "3k2", False),
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


def test_a_record_made_again_in_the_commit_that_deleted_it_is_there() -> None:
    gone = stored(seen(revision="3k2", **SKY), is_gone=True, gone_revision="3k2")  # type: ignore[arg-type]
    assert isinstance(decide(gone, seen("edited #shareASM", revision="3k2", **SKY), SEARCH), Changed)  # type: ignore[arg-type]


def test_what_a_check_found_gone_is_not_shown_again_by_the_replay_of_its_commit() -> None:
    gone = stored(seen(revision="3k2", **SKY), is_gone=True)  # type: ignore[arg-type]
    assert isinstance(decide(gone, seen(is_complete=False, revision="3k2", **SKY), SEARCH), Same)  # type: ignore[arg-type]


PICTURE = (Media(MediaKind.IMAGE, "https://cdn.example/x.jpg", "A mine"),)


@pytest.mark.parametrize("was", [None, "3k1"])
def test_a_replayed_bare_record_of_the_known_version_changes_nothing(was: str | None) -> None:
    full = seen(media=PICTURE, version="cid1", revision=was, **SKY)  # type: ignore[arg-type]
    bare = seen(is_complete=False, version="cid1", revision="3k2", **SKY)  # type: ignore[arg-type]
    decision = decide(stored(full), bare, SEARCH)
    assert isinstance(decision, Same)
    assert decision.seen.post.revision == "3k2"


def test_the_known_version_made_again_keeps_its_pictures() -> None:
    full = seen(media=PICTURE, version="cid1", revision="3k1", **SKY)  # type: ignore[arg-type]
    gone = stored(full, is_gone=True, revision="3k2", gone_revision="3k2")
    decision = decide(gone, seen(is_complete=False, version="cid1", revision="3k2", **SKY), SEARCH)  # type: ignore[arg-type]
    assert isinstance(decision, Changed)
    assert decision.seen.post.media == PICTURE


# ---- one key under many commits ----------------------------------------------------------------------------------------

Commit = Literal["make", "delete", "delete and make"]


def after(state: Stored, event: Seen | Gone) -> Stored:
    """Return what is stored after `event`, as the store writes it."""
    if isinstance(event, Gone):
        if not is_gone_now(state, event):
            return state
        return replace(state, is_gone=True, revision=event.revision or state.revision, gone_revision=event.revision)
    decision = decide(state, event, SEARCH)
    match decision:
        case Changed():
            return stored(decision.seen)
        case Same() if event.post.revision and event.post.revision > (state.revision or "") and not state.is_gone:
            return replace(state, revision=event.post.revision)
    return state


def events(commits: list[Commit]) -> list[Seen | Gone]:
    """Return the stream's events for `commits` on one key, whose record the search showed before."""
    told: list[Seen | Gone] = []
    for number, commit in enumerate(commits, start=1):
        revision = f"3k{number}"
        if "delete" in commit:
            told.append(Gone(post(**SKY).ref, "deleted", revision))  # type: ignore[arg-type]
        if "make" in commit:
            told.append(seen(f"{number} #shareASM", is_complete=False, version=revision, revision=revision, **SKY))  # type: ignore[arg-type]
    return told


@given(st.data())
def test_the_last_commit_wins_in_whatever_order_and_however_often_its_events_come(data: st.DataObject) -> None:
    commits = data.draw(st.lists(st.sampled_from(get_args(Commit)), min_size=1, max_size=6))
    told = events(commits)
    again = data.draw(st.lists(st.sampled_from(told), max_size=6))
    state = stored(seen("0 #shareASM", version="3k0", **SKY))  # type: ignore[arg-type]
    for event in data.draw(st.permutations(told + again)):
        state = after(state, event)
    assert state.is_gone is (commits[-1] == "delete")
    if not state.is_gone:
        assert state.post.text == f"{len(commits)} #shareASM"
