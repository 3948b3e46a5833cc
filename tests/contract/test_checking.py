"""Asked again, a network says what became of the posts that it showed."""

import pytest

from contract.bench import Bench, Call, Mishap, around_now
from shareasm.domain.changes import Gone, Same, Seen, Sighting, Stored, decide
from shareasm.domain.posts import PostRef, encode_post
from shareasm.errors import RateLimited, Unreachable


def _met(bench: Bench, tag: str, *refs: PostRef) -> dict[PostRef, Seen]:
    """Read `tag` as a collector would; return what came by identity."""
    bench.wait_for(*refs)
    pages = bench.reader().read_tag(tag, around_now(), None)
    return {seen.post.ref: seen for page in pages for seen in page.posts}


def _asked(met: dict[PostRef, Seen]) -> list[tuple[PostRef, str]]:
    return [(ref, seen.local_id) for ref, seen in met.items()]


def test_what_has_not_changed_is_seen_as_before(bench: Bench, tag: str) -> None:
    met = _met(bench, tag, bench.say(f"As it was #{tag}"))
    states = bench.checker().check(_asked(met))
    for ref, seen in met.items():
        state = states[ref]
        assert isinstance(state, Seen)
        stored = Stored(1, encode_post(seen.post).decode(), seen.fingerprint, "source", is_complete=True)
        assert isinstance(decide(stored, state, Sighting("source", "", is_check=True)), Same)


def test_an_edit_is_seen(bench: Bench, tag: str) -> None:
    ref = bench.say(f"First words #{tag}")
    met = _met(bench, tag, ref)
    bench.edit(ref, f"Second words #{tag}")
    bench.wait_for(ref)
    state = bench.checker().check(_asked(met))[ref]
    assert isinstance(state, Seen)
    assert state.post.text.split() == ["Second", "words", f"#{tag}"]


def test_a_deletion_is_seen_and_costs_nobody_else(bench: Bench, tag: str) -> None:
    kept, deleted = bench.say(f"Kept #{tag}"), bench.say(f"Deleted #{tag}")
    met = _met(bench, tag, kept, deleted)
    bench.delete(deleted)
    bench.wait_for(deleted)
    states = bench.checker().check(_asked(met))
    assert isinstance(states[kept], Seen)
    assert isinstance(states[deleted], Gone)


def test_many_posts_are_asked_for_in_as_many_calls_as_it_takes(bench: Bench, tag: str) -> None:
    refs = [bench.say(f"Voice {number} #{tag}") for number in range(45)]
    met = _met(bench, tag, *refs)
    states = bench.checker().check(_asked(met))
    assert set(states) == set(refs)
    assert all(isinstance(state, Seen) for state in states.values())


@pytest.mark.parametrize("mishap", [Mishap.LOST_ON_THE_WAY, Mishap.CUT_SHORT, Mishap.WEB_PAGE, Mishap.OUT_OF_ORDER])
def test_an_answer_that_says_nothing_calls_nobody_gone(bench: Bench, tag: str, mishap: Mishap) -> None:
    met = _met(bench, tag, bench.say(f"Still here #{tag}"))
    bench.let_fail(Call.CHECK, mishap)
    try:
        states = bench.checker().check(_asked(met))
    except Unreachable:
        return
    assert not [state for state in states.values() if isinstance(state, Gone)]


def test_too_many_questions_are_told_to_wait(bench: Bench, tag: str) -> None:
    met = _met(bench, tag, bench.say(f"Patience #{tag}"))
    bench.let_fail(Call.CHECK, Mishap.TOO_MANY)
    with pytest.raises(RateLimited):
        bench.checker().check(_asked(met))
