"""The live stream brings what happens under a tag, and goes on from where it was."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from contract.bench import CLOCK, Bench, around_now
from contract.servers import servers_where
from shareasm.domain.changes import Gone, Seen
from shareasm.domain.posts import PostRef

with_stream = servers_where(lambda traits: traits.has_stream)
with_replay = servers_where(lambda traits: traits.has_stream and traits.has_replay)
with_bare_stream = servers_where(lambda traits: traits.has_stream and not traits.streams_whole)
with_whole_stream = servers_where(lambda traits: traits.has_stream and traits.streams_whole)
LONGEST_WAIT = 20


class Listener:
    """Reads a stream into lists, until a condition holds."""

    def __init__(
        self,
        bench: Bench,
        tag: str,
        checkpoint: str | None = None,
        since: datetime | None = None,
        others: Sequence[str] = (),
    ) -> None:
        self._stream = bench.stream()
        self._pages = self._stream.read([tag, *others], checkpoint, since or CLOCK.now())
        self.posts: list[Seen] = []
        self.gone: list[Gone] = []
        self.deleted_ids: list[str] = []
        self.checkpoint = checkpoint

    def until(self, holds: Callable[["Listener"], bool]) -> "Listener":
        end = time.monotonic() + LONGEST_WAIT
        while not holds(self):
            assert time.monotonic() < end, f"waited in vain; came: {self.refs}, gone: {self.gone}"
            page = next(self._pages)
            self.posts += page.posts
            self.gone += page.gone
            self.deleted_ids += page.deleted_ids
            self.checkpoint = page.checkpoint or self.checkpoint
        return self

    def connected(self) -> "Listener":
        """Return when the line is open: from there on nothing is missed."""
        next(self._pages)
        return self

    @property
    def refs(self) -> list[PostRef]:
        return [seen.post.ref for seen in self.posts]

    def knows_as_gone(self, bench: Bench, ref: PostRef) -> bool:
        """A server may name the post, or what it calls it itself."""
        return ref in [gone.ref for gone in self.gone] or bench.local_id(ref) in self.deleted_ids

    def close(self) -> None:
        self._stream.stop()
        self._pages.close()  # type: ignore[attr-defined]  a generator


@with_stream
def test_a_post_an_edit_and_a_deletion_come_as_they_happen(bench: Bench, tag: str) -> None:
    listener = Listener(bench, tag).connected()
    ref = bench.say(f"Live! #{tag}")
    listener.until(lambda heard: ref in heard.refs)
    bench.wait_for(ref)
    bench.edit(ref, f"Live and corrected! #{tag}")
    listener.until(lambda heard: any(seen.post.text.startswith("Live and corrected") for seen in heard.posts))
    bench.delete(ref)
    listener.until(lambda heard: heard.knows_as_gone(bench, ref))
    listener.close()


@with_bare_stream
def test_a_stream_says_who_spoke_and_leaves_the_rest_to_a_look(bench: Bench, tag: str) -> None:
    listener = Listener(bench, tag).connected()
    ref = bench.say(f"Who am I? #{tag}")
    (seen,) = listener.until(lambda heard: ref in heard.refs).posts
    listener.close()
    assert not seen.is_complete
    assert seen.post.author.ref.startswith("did:")
    assert seen.post.revision


@with_whole_stream
def test_a_whole_post_needs_no_other_look(bench: Bench, tag: str) -> None:
    listener = Listener(bench, tag).connected()
    ref = bench.say(f"Who am I? #{tag}")
    (seen,) = listener.until(lambda heard: ref in heard.refs).posts
    listener.close()
    (shown,) = [seen for page in bench.reader().read_tag(tag, around_now(), None) for seen in page.posts]
    assert seen.is_complete
    assert seen.post == replace(shown.post, application=None)  # which its author alone is told
    assert seen.local_id == shown.local_id == bench.local_id(ref)


@with_whole_stream
def test_an_edit_that_brings_the_tag_brings_the_post(bench: Bench, tag: str) -> None:
    listener = Listener(bench, tag).connected()
    ref = bench.say("Nothing yet")
    bench.edit(ref, f"And now it belongs #{tag}")
    (seen,) = listener.until(lambda heard: ref in heard.refs).posts
    listener.close()
    assert seen.post.edited_at


@with_stream
def test_several_tags_come_on_one_line(bench: Bench, tag: str) -> None:
    listener = Listener(bench, tag, others=[f"Second{tag}"]).connected()

    def tells_of_both(heard: Listener) -> bool:
        told = {name.name for seen in heard.posts for name in seen.post.hashtags}
        if told >= {tag.lower(), f"second{tag.lower()}"}:
            return True
        bench.say(f"One #{tag}")  # again and again: no server says when it has subscribed us
        bench.say(f"Two #Second{tag}")
        return False

    listener.until(tells_of_both)
    listener.close()


@with_stream
def test_other_tags_do_not_come(bench: Bench, tag: str) -> None:
    listener = Listener(bench, tag).connected()
    bench.say(f"Elsewhere #{tag}Else")
    ref = bench.say(f"Here #{tag}")
    listener.until(lambda heard: ref in heard.refs)
    listener.close()
    assert listener.refs == [ref]


@with_replay
def test_what_was_said_while_nobody_listened_comes_from_the_checkpoint(bench: Bench, tag: str) -> None:
    listener = Listener(bench, tag).connected()
    before = bench.say(f"Before #{tag}")
    listener.until(lambda heard: before in heard.refs)
    listener.close()
    missed = [bench.say(f"Missed {number} #{tag}") for number in range(5)]

    again = Listener(bench, tag, listener.checkpoint).until(lambda heard: set(missed) <= set(heard.refs))
    again.close()
    assert set(again.refs) <= {before, *missed}  # the last event may come again


@with_replay
def test_what_was_said_before_anybody_listened_comes_from_the_opening_on(bench: Bench, tag: str) -> None:
    early = [bench.say(f"Early {number} #{tag}") for number in range(2)]
    listener = Listener(bench, tag, since=around_now().opens_at).until(lambda heard: set(early) <= set(heard.refs))
    listener.close()
