"""What people say under a tag comes in, all of it, and nothing twice within one read."""

from collections.abc import Iterable

import pytest

from contract.bench import Bench, Call, Mishap, around_now
from contract.servers import servers_where
from shareasm.domain.changes import Seen
from shareasm.domain.posts import PostRef
from shareasm.errors import RateLimited, Unreachable
from shareasm.networks.ports import Page


def _new(bench: Bench, tag: str, checkpoint: str | None = None) -> tuple[list[Seen], str | None]:
    """Read `tag` once; return what came, in its order, and the checkpoint for the next time."""
    pages = list(bench.reader().read_tag(tag, around_now(), checkpoint))
    checkpoints = [page.checkpoint for page in pages if page.checkpoint is not None]
    return _once(bench, _posts(pages)), checkpoints[-1] if checkpoints else checkpoint


def _posts(pages: Iterable[Page]) -> list[Seen]:
    return [seen for page in pages for seen in page.posts]


def _once(bench: Bench, posts: list[Seen]) -> list[Seen]:
    """Return what came without repetitions, which only a source that is asked twice may bring."""
    once = {seen.post.ref: seen for seen in posts}
    assert len(posts) == len(once) or (bench.traits.asks_twice and len(posts) <= 2 * len(once))
    return list(once.values())


def _refs(posts: Iterable[Seen]) -> list[PostRef]:
    return [seen.post.ref for seen in posts]


def test_a_post_comes_in_as_it_was_said(bench: Bench, tag: str) -> None:
    ref = bench.say(f"Buenos días, ¿quién está? #{tag}", language="es")
    bench.wait_for(ref)
    (seen,), _ = _new(bench, tag)
    assert seen.post.ref == ref
    assert seen.post.text.split() == f"Buenos días, ¿quién está? #{tag}".split()
    assert seen.post.author.handle
    assert seen.post.created_at.tzinfo
    assert seen.raw
    assert [label.label.lower() for label in seen.post.hashtags] == [tag.lower()]
    if bench.traits.keeps_language:
        assert seen.post.languages == ("es",)


def test_the_letters_case_of_a_tag_does_not_matter(bench: Bench, tag: str) -> None:
    refs = [bench.say(f"One #{tag.upper()}"), bench.say(f"Two #{tag.lower()}")]
    bench.wait_for(*refs)
    for spelling in (tag, tag.lower(), tag.upper()):
        assert set(_refs(_new(bench, spelling)[0])) == set(refs)


@servers_where(lambda traits: traits.finds_accented_tags)
def test_a_tag_in_any_script_is_read(bench: Bench, tag: str) -> None:
    for accented in (f"Käse{tag}", f"金{tag}", f"ذهب{tag}"):
        ref = bench.say(f"Guten Tag #{accented}")
        bench.wait_for(ref)
        assert _refs(_new(bench, accented)[0]) == [ref]


@servers_where(lambda traits: traits.finds_accented_tags and not traits.asks_twice and traits.has_attributes)
def test_a_tag_is_read_under_each_spelling_that_mastodon_takes_for_one(bench: Bench, tag: str) -> None:
    checkpoint: str | None = None
    for round_ in ("first", "second", "third"):
        refs = {bench.say(f"The {round_} #Minería{tag}"), bench.say(f"The {round_} #mineria{tag}")}
        posts, checkpoint = _new(bench, f"Minería{tag}", checkpoint)
        assert refs <= set(_refs(posts))
    assert len(_refs(_posts(bench.reader().sweep_tag(f"Minería{tag}", around_now())))) == 6


def test_a_tag_that_nobody_uses_is_read_as_nothing(bench: Bench, tag: str) -> None:
    posts, _ = _new(bench, tag)
    assert posts == []


def test_other_tags_stay_outside(bench: Bench, tag: str) -> None:
    ref, other = bench.say(f"Inside #{tag}"), bench.say(f"Outside #{tag}Else")
    bench.wait_for(ref, other)
    assert _refs(_new(bench, tag)[0]) == [ref]


def test_more_posts_than_a_page_holds_come_without_loss_or_repetition(bench: Bench, tag: str) -> None:
    refs = [bench.say(f"Voice {number} #{tag}") for number in range(110)]
    bench.wait_for(*refs)
    posts, checkpoint = _new(bench, tag)
    assert len(posts) == len(refs)
    assert set(_refs(posts)) == set(refs)

    later = [bench.say(f"Late voice {number} #{tag}") for number in range(50)]
    bench.wait_for(*later)
    posts, checkpoint = _new(bench, tag, checkpoint)
    assert set(later) <= set(_refs(posts)) <= {*refs, *later}  # runs may overlap: identity makes it harmless

    posts, _ = _new(bench, tag, checkpoint)
    assert set(_refs(posts)) <= {*refs, *later}


def test_a_sweep_brings_the_whole_window_again(bench: Bench, tag: str) -> None:
    refs = [bench.say(f"Voice {number} #{tag}") for number in range(45)]
    bench.wait_for(*refs)
    _new(bench, tag)
    swept = _refs(_posts(bench.reader().sweep_tag(tag, around_now())))
    assert set(swept) == set(refs)


def test_news_between_two_reads_is_not_lost(bench: Bench, tag: str) -> None:
    checkpoint: str | None = None
    known: set[PostRef] = set()
    said: set[PostRef] = set()
    for number in range(6):
        ref = bench.say(f"Round {number} #{tag}")
        said.add(ref)
        bench.wait_for(ref)
        posts, checkpoint = _new(bench, tag, checkpoint)
        known |= set(_refs(posts))
    assert known == said


@servers_where(lambda traits: traits.shows_replies)
def test_a_reply_is_known_as_one(bench: Bench, tag: str) -> None:
    question = bench.say(f"Who owns the land? #{tag}")
    bench.wait_for(question)
    answer = bench.say(f"Those who work on it. #{tag}", reply_to=question)
    bench.wait_for(answer)
    posts, _ = _new(bench, tag)
    assert {seen.post.ref: seen.post.is_reply for seen in posts} == {question: False, answer: True}


def test_what_was_edited_comes_in_as_it_is_now(bench: Bench, tag: str) -> None:
    ref = bench.say(f"Befroe #{tag}")
    bench.wait_for(ref)
    bench.edit(ref, f"Before #{tag}")
    bench.wait_for(ref)
    (seen,), _ = _new(bench, tag)
    assert seen.post.text.split() == ["Before", f"#{tag}"]


def test_what_was_deleted_does_not_come_in(bench: Bench, tag: str) -> None:
    kept, deleted = bench.say(f"Kept #{tag}"), bench.say(f"Deleted #{tag}")
    bench.wait_for(kept, deleted)
    bench.delete(deleted)
    bench.wait_for(deleted)
    assert _refs(_new(bench, tag)[0]) == [kept]


@pytest.mark.parametrize("mishap", [Mishap.LOST_ON_THE_WAY, Mishap.CUT_SHORT, Mishap.WEB_PAGE, Mishap.OUT_OF_ORDER])
def test_a_read_that_fails_says_so_and_the_next_one_finds_everything(bench: Bench, tag: str, mishap: Mishap) -> None:
    ref = bench.say(f"Patience #{tag}")
    bench.wait_for(ref)
    reader = bench.reader()
    bench.let_fail(Call.READ, mishap)
    with pytest.raises(Unreachable):
        list(reader.read_tag(tag, around_now(), None))
    assert _refs(_once(bench, _posts(reader.read_tag(tag, around_now(), None)))) == [ref]


def test_too_many_reads_are_told_until_when_to_wait(bench: Bench, tag: str) -> None:
    bench.wait_for(bench.say(f"One of many #{tag}"))
    bench.let_fail(Call.READ, Mishap.TOO_MANY)
    with pytest.raises(RateLimited) as caught:
        list(bench.reader().read_tag(tag, around_now(), None))
    assert caught.value.until > around_now().opens_at
