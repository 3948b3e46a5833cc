"""Every network tells what was said to a post, with or without a tag; and where it cannot, it tells nothing."""

from dataclasses import replace

import pytest

from contract.bench import Bench, Call, Mishap, around_now
from contract.servers import servers_where
from shareasm.domain.changes import Seen
from shareasm.domain.posts import Counts, PostRef
from shareasm.errors import NetworkError, RateLimited, Unreachable
from shareasm.networks.ports import Conversation


def _met(bench: Bench, tag: str, ref: PostRef, *, replies: int = 1, quotes: int = 0) -> Seen:
    """Return a post as a collector meets it by its tag, by now answered and quoted so often."""
    bench.wait_for(ref)
    pages = bench.reader().read_tag(tag, around_now(), None)
    seen = next(seen for page in pages for seen in page.posts if seen.post.ref == ref)
    return replace(seen, post=replace(seen.post, counts=Counts(replies=replies, quotes=quotes)))


def _asked(bench: Bench, seen: Seen) -> Conversation:
    return bench.conversations().read_conversation(seen.post, seen.local_id)


def test_an_answer_without_the_tag_is_told_and_says_whom_it_answers(bench: Bench, tag: str) -> None:
    question = bench.say(f"What do masks cost? #{tag}")
    answer = bench.say("Two dollars here.", reply_to=question)
    bench.wait_for(question, answer)
    met = _met(bench, tag, question)
    said = _asked(bench, met)
    assert [seen.post.ref for seen in said.answers] == [answer]
    assert said.answers[0].post.is_reply
    assert met.post.ref == said.answers[0].post.reply_to or met.local_id == said.answers[0].parent_local_id


@servers_where(lambda traits: traits.has_threads)
def test_an_answer_to_an_answer_comes_after_it(bench: Bench, tag: str) -> None:
    question = bench.say(f"What do masks cost? #{tag}")
    answer = bench.say("Two dollars here.", reply_to=question)
    further = bench.say("And where?", reply_to=answer)
    bench.wait_for(question, answer, further)
    said = _asked(bench, _met(bench, tag, question))
    assert [seen.post.ref for seen in said.answers] == [answer, further]


@servers_where(lambda traits: traits.tells_quotes)
def test_a_quote_without_the_tag_is_told(bench: Bench, tag: str) -> None:
    quoted = bench.say(f"Our guide #{tag}")
    bench.wait_for(quoted)
    quoting = bench.quote(quoted)
    bench.wait_for(quoting)
    said = _asked(bench, _met(bench, tag, quoted, replies=0, quotes=1))
    assert [(seen.post.ref, seen.post.quote) for seen in said.quotes] == [(quoting, quoted)]


def test_a_server_that_tells_no_quotes_costs_nothing(bench: Bench, tag: str) -> None:
    said = _asked(bench, _met(bench, tag, bench.say(f"Our guide #{tag}"), quotes=1))
    assert said == Conversation()


def test_nobody_is_asked_about_a_post_that_nobody_answered(bench: Bench, tag: str) -> None:
    met = _met(bench, tag, bench.say(f"Quiet here #{tag}"), replies=0)
    bench.let_fail(Call.CONVERSE, Mishap.OUT_OF_ORDER)
    if bench.traits.has_attributes:  # the memory network is asked and fails all the same
        assert _asked(bench, met) == Conversation()


def test_the_conversation_of_a_deleted_post_is_nothing(bench: Bench, tag: str) -> None:
    question = bench.say(f"What do masks cost? #{tag}")
    met = _met(bench, tag, question)
    bench.delete(question)
    bench.wait_for(question)
    assert _asked(bench, met) == Conversation()


@pytest.mark.parametrize(
    ("mishap", "error"),
    [
        (Mishap.LOST_ON_THE_WAY, Unreachable),
        (Mishap.CUT_SHORT, Unreachable),
        (Mishap.WEB_PAGE, Unreachable),
        (Mishap.OUT_OF_ORDER, Unreachable),
        (Mishap.TOO_MANY, RateLimited),
    ],
)
def test_a_server_that_fails_says_so(bench: Bench, tag: str, mishap: Mishap, error: type[NetworkError]) -> None:
    met = _met(bench, tag, bench.say(f"What do masks cost? #{tag}"))
    bench.let_fail(Call.CONVERSE, mishap)
    with pytest.raises(error):
        _asked(bench, met)
