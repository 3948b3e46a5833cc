"""What we send stands on the network as we meant it, and once."""

from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from contract.bench import CLOCK, PICTURES, Bench, Call, Mishap, Ours
from contract.servers import servers_where
from shareasm.domain.changes import Gone, Seen
from shareasm.domain.posts import Network, Post, PostRef, Visibility
from shareasm.domain.queue import Draft, DraftCard, DraftMedia, Receipt, tid
from shareasm.errors import Occupied, RateLimited, Rejected, Unauthorized, Unreachable
from shareasm.networks.ports import Thread, Ties

MEDIA = Path(PICTURES)
DOT = DraftMedia("dot.png", "Two fields beside a river, seen from above — « terres » & <água>", focus=(0.0, 0.2))
_clock_ids = count(1)


def new_key() -> str:
    """Return a publish key that fits every network, as the queue makes them."""
    return tid(int(CLOCK.now().timestamp() * 1_000_000), next(_clock_ids) & 1023)


def _draft(bench: Bench, text: str, *, language: str = "fr", pictures: int | None = None, **more: object) -> Draft:
    """Return a post. Pixelfed takes none without a picture."""
    number = pictures if pictures is not None else int(_needs_pictures(bench))
    return Draft(bench.network, text, language, media=(DOT,) * number, **more)  # type: ignore[arg-type]


def _needs_pictures(bench: Bench) -> bool:
    server = getattr(bench, "server", None)
    return bool(server and server.instance.rules.needs_media)


def _freeze(ours: Ours, draft: Draft, key: str, thread: Thread | None = None) -> str:
    prepared = ours.publisher.prepare(draft, MEDIA)
    return ours.publisher.freeze(draft, key, prepared, Ties(thread), CLOCK.now())


def _publish(ours: Ours, draft: Draft, thread: Thread | None = None) -> Receipt:
    key = new_key()
    return ours.publisher.publish(_freeze(ours, draft, key, thread), key)


def _read_back(bench: Bench, receipt: Receipt) -> Post:
    bench.wait_for(receipt.ref)
    state = bench.checker().check([(receipt.ref, receipt.local_id)])[receipt.ref]
    assert isinstance(state, Seen), state
    return state.post


# ---- what a post carries -----------------------------------------------------------------------------------------------


def test_a_post_carries_its_words_and_its_language(bench: Bench, tag: str) -> None:
    words = f"Bonjour ! Qui creuse l’or à la main ? 10 % des femmes… 👩🏾‍🌾 #{tag}"
    ours = bench.ours()
    post = _read_back(bench, _publish(ours, _draft(bench, words)))
    assert post.text.split() == words.split()
    assert [label.label.lower() for label in post.hashtags] == [tag.lower()]
    assert bench.texts(ours) == [words]
    if bench.traits.keeps_language:
        assert post.languages == ("fr",)


def test_a_receipt_names_the_post_as_readers_find_it(bench: Bench, tag: str) -> None:
    receipt = _publish(bench.ours(), _draft(bench, f"Where is it? #{tag}"))
    post = _read_back(bench, receipt)
    assert post.ref == receipt.ref
    assert receipt.url.startswith("http")
    assert receipt.local_id


@servers_where(lambda traits: traits.has_attributes)
def test_pictures_carry_their_alt_texts(bench: Bench) -> None:
    post = _read_back(bench, _publish(bench.ours(), _draft(bench, "Two pictures", pictures=2)))
    assert [media.alt for media in post.media] == [DOT.alt, DOT.alt]
    assert all(media.url.startswith("http") for media in post.media)


@servers_where(lambda traits: traits.has_cards)
def test_a_card_names_its_address_title_and_description(bench: Bench) -> None:
    card = DraftCard("https://iied.example/a-guide", "Safety & health in small mines", "guide · 2021")
    post = _read_back(bench, _publish(bench.ours(), _draft(bench, "A guide for miners", card=card)))
    assert post.card
    assert (post.card.url, post.card.title, post.card.description) == (card.url, card.title, card.description)


@servers_where(lambda traits: traits.has_attributes)
def test_an_address_in_the_words_stays_an_address(bench: Bench) -> None:
    address = "https://iied.example/safety-first?lang=fr&page=2"
    post = _read_back(bench, _publish(bench.ours(), _draft(bench, f"Lisez : {address}")))
    assert address.removeprefix("https://")[:20] in post.text
    assert f'href="{address.replace("&", "&amp;")}"' in post.html


@servers_where(lambda traits: traits.has_warnings)
def test_a_warning_stands_before_the_words(bench: Bench) -> None:
    post = _read_back(
        bench, _publish(bench.ours(), _draft(bench, "A picture of an accident", content_warning="An injury"))
    )
    assert post.content_warning == "An injury"


@servers_where(lambda traits: traits.has_visibility and traits.tells_unlisted)
def test_an_unlisted_post_is_said_to_be_unlisted(bench: Bench) -> None:
    receipt = _publish(bench.ours(), _draft(bench, "Quietly", visibility="unlisted"))
    assert receipt.visibility == "unlisted"


@servers_where(lambda traits: traits.has_attributes and not traits.has_visibility)
def test_a_network_without_followers_only_posts_refuses_one(bench: Bench) -> None:
    ours = bench.ours()
    with pytest.raises(Rejected):
        _publish(ours, _draft(bench, "For few", visibility="private"))
    assert bench.texts(ours) == []


def test_a_thread_hangs_together_in_its_order(bench: Bench) -> None:
    ours = bench.ours()
    root = _publish(ours, _draft(bench, "One"))
    second = _publish(ours, _draft(bench, "Two"), Thread(root, root))
    third = _publish(ours, _draft(bench, "Three"), Thread(root, second))
    posts = [_read_back(bench, receipt) for receipt in (root, second, third)]
    assert [post.is_reply for post in posts] == [False, True, True]
    if bench.network is Network.BLUESKY:  # Mastodon tells the parent's local id only
        assert [post.reply_to for post in posts] == [None, root.ref, second.ref]


# ---- once --------------------------------------------------------------------------------------------------------------


def test_freezing_shows_nothing_to_anybody(bench: Bench) -> None:
    ours, key = bench.ours(), new_key()
    draft = _draft(bench, "Not yet", pictures=1)
    _freeze(ours, draft, key)
    _freeze(ours, draft, key)
    assert bench.texts(ours) == []


def test_a_server_says_truly_what_it_makes_of_a_repetition(bench: Bench) -> None:
    """Where it says that repeating is safe, twice is once; where it does not, we never repeat."""
    ours, key = bench.ours(), new_key()
    payload = _freeze(ours, _draft(bench, "Once"), key)
    first = ours.publisher.publish(payload, key)
    assert ours.publisher.limits().repeat is bench.traits.repeat
    again = _repeat(ours, payload, key)
    assert bench.texts(ours) == ["Once"] * (2 if bench.traits.posts_twice else 1)
    assert bench.traits.posts_twice or again == first.ref


def _repeat(ours: Ours, payload: str, key: str) -> PostRef | None:
    """Publish again as the queue would: a server that refuses a known key may have done it, so it is looked up."""
    try:
        return ours.publisher.publish(payload, key).ref
    except Unreachable:
        found = ours.publisher.find(payload, key, CLOCK.now() - timedelta(minutes=1))
        return found.ref if found else None


@pytest.mark.parametrize("mishap", [Mishap.ANSWER_LOST, Mishap.CUT_SHORT])
def test_a_post_whose_answer_was_lost_is_found(bench: Bench, mishap: Mishap) -> None:
    ours, key, began = bench.ours(), new_key(), CLOCK.now()
    payload = _freeze(ours, _draft(bench, "Is it there? https://iied.example/there & <b>here</b>"), key)
    bench.let_fail(Call.PUBLISH, mishap)
    with pytest.raises(Unreachable) as caught:
        ours.publisher.publish(payload, key)
    assert caught.value.is_outcome_unknown
    found = ours.publisher.find(payload, key, began)
    assert found
    assert _read_back(bench, found).ref == found.ref
    assert len(bench.texts(ours)) == 1


@pytest.mark.parametrize("mishap", [Mishap.LOST_ON_THE_WAY, Mishap.OUT_OF_ORDER, Mishap.WEB_PAGE])
def test_a_post_that_did_not_arrive_is_not_found_and_goes_out_later(bench: Bench, mishap: Mishap) -> None:
    ours, key, began = bench.ours(), new_key(), CLOCK.now()
    payload = _freeze(ours, _draft(bench, "Still to be said"), key)
    bench.let_fail(Call.PUBLISH, mishap)
    with pytest.raises(Unreachable):
        ours.publisher.publish(payload, key)
    assert ours.publisher.find(payload, key, began) is None
    ours.publisher.publish(payload, key)
    assert bench.texts(ours) == ["Still to be said"]


def test_other_words_are_not_taken_for_ours(bench: Bench) -> None:
    ours, began = bench.ours(), CLOCK.now()
    _publish(ours, _draft(bench, "The first question"))
    key = new_key()
    assert ours.publisher.find(_freeze(ours, _draft(bench, "The second question"), key), key, began) is None


@servers_where(lambda traits: traits.can_be_occupied)
def test_another_record_under_our_key_is_never_overwritten(bench: Bench) -> None:
    ours, key = bench.ours(), new_key()
    payload = _freeze(ours, _draft(bench, "Our words"), key)
    bench.occupy(ours, key)
    with pytest.raises(Occupied):
        ours.publisher.publish(payload, key)
    with pytest.raises(Occupied):
        ours.publisher.find(payload, key, CLOCK.now())
    assert bench.texts(ours) == ["somebody else's words"]


# ---- afterwards --------------------------------------------------------------------------------------------------------


@servers_where(lambda traits: traits.can_edit)
def test_an_edit_changes_the_words_that_readers_see(bench: Bench) -> None:
    ours = bench.ours()
    receipt = _publish(ours, _draft(bench, "A mistkae"))
    edited = ours.publisher.edit(_freeze(ours, _draft(bench, "A mistake"), new_key()), receipt)
    assert edited.ref == receipt.ref
    assert _read_back(bench, edited).text.strip() == "A mistake"
    assert bench.texts(ours) == ["A mistake"]


@servers_where(lambda traits: not traits.can_edit)
def test_where_nothing_can_be_changed_we_are_told(bench: Bench) -> None:
    ours = bench.ours()
    receipt = _publish(ours, _draft(bench, "A mistkae"))
    with pytest.raises(Rejected):
        ours.publisher.edit(_freeze(ours, _draft(bench, "A mistake"), new_key()), receipt)
    assert not ours.publisher.limits().can_edit
    assert bench.texts(ours) == ["A mistkae"]


@servers_where(lambda traits: traits.can_delete)
def test_a_post_of_ours_can_be_taken_back_and_twice_is_no_error(bench: Bench) -> None:
    ours = bench.ours()
    receipt = _publish(ours, _draft(bench, "Said too early"))
    bench.wait_for(receipt.ref)
    ours.publisher.delete(receipt)
    ours.publisher.delete(receipt)
    assert bench.texts(ours) == []
    bench.wait_for(receipt.ref)
    assert isinstance(bench.checker().check([(receipt.ref, receipt.local_id)])[receipt.ref], Gone)


@servers_where(lambda traits: not traits.can_delete)
def test_where_nothing_can_be_taken_back_we_are_told(bench: Bench) -> None:
    ours = bench.ours()
    receipt = _publish(ours, _draft(bench, "Said too early"))
    with pytest.raises(Rejected):
        ours.publisher.delete(receipt)


# ---- refused -----------------------------------------------------------------------------------------------------------


@servers_where(lambda traits: traits.has_limit)
def test_a_text_that_is_too_long_is_rejected_for_good(bench: Bench) -> None:
    ours = bench.ours()
    text = "ö" * (ours.publisher.limits().text_length + 1)
    with pytest.raises(Rejected):
        _publish(ours, _draft(bench, text))
    assert bench.texts(ours) == []


@servers_where(lambda traits: traits.has_limit)
def test_a_text_that_just_fits_is_taken(bench: Bench) -> None:
    ours = bench.ours()
    text = "ö" * ours.publisher.limits().text_length
    _publish(ours, _draft(bench, text))
    assert bench.texts(ours) == [text]


def test_too_many_posts_wait_until_the_server_says(bench: Bench) -> None:
    ours, key = bench.ours(), new_key()
    payload = _freeze(ours, _draft(bench, "Later"), key)
    bench.let_fail(Call.PUBLISH, Mishap.TOO_MANY)
    with pytest.raises(RateLimited) as caught:
        ours.publisher.publish(payload, key)
    assert timedelta(0) < caught.value.until - CLOCK.now() < timedelta(minutes=2)
    assert bench.texts(ours) == []


@servers_where(lambda traits: traits.has_sessions)
def test_a_sign_in_that_expired_is_renewed_in_passing(bench: Bench) -> None:
    ours = bench.ours()
    _publish(ours, _draft(bench, "In the morning"))
    ours = bench.expire(ours)
    _publish(ours, _draft(bench, "In the evening"))
    assert sorted(bench.texts(ours)) == ["In the evening", "In the morning"]


@servers_where(lambda traits: traits.has_tokens)
def test_a_password_or_token_that_was_taken_away_is_unauthorized(bench: Bench) -> None:
    ours = bench.ours()
    _publish(ours, _draft(bench, "Before"))
    payload = _freeze(ours, _draft(bench, "After"), key := new_key())
    ours = bench.revoke(ours)
    with pytest.raises(Unauthorized):
        ours.publisher.publish(payload, key)
    assert bench.texts(ours) == ["Before"]


@servers_where(lambda traits: traits.has_visibility)
def test_a_public_post_is_said_to_be_public(bench: Bench) -> None:
    receipt = _publish(bench.ours(), _draft(bench, "Loud and clear"))
    assert receipt.visibility == "public"
    assert _read_back(bench, receipt).visibility is Visibility.PUBLIC
