"""Drives the network in memory, so that use-case tests and dry runs stand on something that behaves like a network."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from contract.bench import CLOCK, Call, Mishap, Ours, Traits
from shareasm.domain.posts import Network, PostRef
from shareasm.errors import NetworkError, RateLimited, Unreachable
from shareasm.networks.memory import MemoryNetwork
from shareasm.networks.ports import ConversationReader, PostChecker, TagReader, TagStream


@dataclass
class MemoryBench:
    traits: Traits
    network: Network = Network.MASTODON
    memory: MemoryNetwork = field(default_factory=MemoryNetwork)

    def ours(self) -> Ours:
        return Ours(self.memory, "us")

    def reader(self) -> TagReader:
        return self.memory

    def checker(self) -> PostChecker:
        return self.memory

    def stream(self) -> TagStream:
        raise NotImplementedError("it has no stream")

    def local_id(self, ref: PostRef) -> str:
        return ref.uri

    def conversations(self) -> ConversationReader:
        return self.memory

    def quote(self, ref: PostRef) -> PostRef:
        return self.memory.say("Look at this", quote=ref).ref

    def say(self, text: str, *, language: str = "en", reply_to: PostRef | None = None) -> PostRef:
        return self.memory.say(text, languages=(language,), reply_to=reply_to, is_reply=reply_to is not None).ref

    def edit(self, ref: PostRef, text: str) -> None:
        self.memory.posts[ref] = replace(self.memory.posts[ref], text=text)

    def delete(self, ref: PostRef) -> None:
        del self.memory.posts[ref]

    def wait_for(self, *refs: PostRef) -> None:
        pass

    def texts(self, ours: Ours) -> list[str]:
        return [post.text for post in self.memory.posts.values() if post.author.handle == "us@memory.example"]

    def let_fail(self, call: Call, mishap: Mishap) -> None:
        is_done = mishap in (Mishap.ANSWER_LOST, Mishap.CUT_SHORT)
        error: NetworkError = Unreachable(mishap, server="memory", is_outcome_unknown=call is Call.PUBLISH)
        if mishap is Mishap.TOO_MANY:
            error = RateLimited(mishap, server="memory", until=CLOCK.now() + timedelta(minutes=1))
        self.memory.fail_next(call.value, error, after_acting=is_done)

    def expire(self, ours: Ours) -> Ours:
        raise NotImplementedError("nobody signs in here")

    def revoke(self, ours: Ours) -> Ours:
        raise NotImplementedError("nobody signs in here")

    def occupy(self, ours: Ours, key: str) -> None:
        raise NotImplementedError("a key is no place here")
