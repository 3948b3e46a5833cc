"""A thread comes nested, as deep as anybody likes to answer: it is read within bounds, and a bad answer costs only itself."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from networks.bluesky_pds import DID, NOW
from shareasm.domain.changes import Seen
from shareasm.domain.posts import Counts, Post
from shareasm.errors import Unreachable
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.conversations import DEPTH, BlueskyConversations
from shareasm.networks.bluesky.syntax import write_datetime
from shareasm.networks.bluesky.translate import translate_view
from shareasm.networks.ports import Conversation

GOOD = json.loads((Path(__file__).parent.parent / "data/bluesky/images.json").read_text())


def view(key: str, **changes: object) -> dict[str, Any]:
    record = {**GOOD["record"], "createdAt": write_datetime(NOW)}
    uri = f"at://{DID}/app.bsky.feed.post/{key}"
    return {**GOOD, "uri": uri, "record": record, "indexedAt": write_datetime(NOW), **changes}


def node(key: str, *replies: object, **changes: object) -> dict[str, Any]:
    return {"$type": "app.bsky.feed.defs#threadViewPost", "post": view(key, **changes), "replies": list(replies)}


def asked_post() -> Post:
    return replace(translate_view(view("root"), b"", NOW).post, counts=Counts(replies=1))


def read(answer: object, post: Post | None = None) -> Conversation:
    def handle(_: httpx.Request) -> httpx.Response:
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json={"thread": answer})

    server = Server("https://appview.example", now=lambda: NOW, transport=httpx.MockTransport(handle))
    return BlueskyConversations(server).read_conversation(post or asked_post(), "root")


def keys(seen: tuple[Seen, ...]) -> list[str]:
    return [one.local_id for one in seen]


def test_answers_come_level_by_level() -> None:
    assert keys(read(node("root", node("a", node("aa")), node("b"))).answers) == ["a", "b", "aa"]


def test_the_thread_is_read_only_so_deep() -> None:
    thread = node("d9")
    for level in range(8, 0, -1):
        thread = node(f"d{level}", thread)
    assert len(read(node("root", thread)).answers) == DEPTH


def test_an_endless_thread_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shareasm.networks.bluesky.conversations.NODES", 3)
    assert len(read(node("root", *(node(f"a{n}", node(f"b{n}")) for n in range(9)))).answers) == 3


def test_what_the_threads_author_hid_is_left_out_with_all_below_it() -> None:
    hidden = {"record": {"hiddenReplies": [f"at://{DID}/app.bsky.feed.post/a", 7]}}
    said = read(node("root", node("a", node("aa")), node("b"), threadgate=hidden))
    assert keys(said.answers) == ["b"]


@pytest.mark.parametrize(
    "odd", [{"$type": "app.bsky.feed.defs#notFoundPost", "uri": "x", "notFound": True}, 7, {}, None]
)
def test_an_answer_that_is_gone_or_odd_costs_only_itself(odd: object) -> None:
    assert keys(read(node("root", odd, node("b"))).answers) == ["b"]


def test_an_answer_that_cannot_be_taken_is_set_aside_with_its_reason() -> None:
    said = read(node("root", node("a", record={"text": 7}), node("b")))
    assert keys(said.answers) == ["b"]
    assert [item.reason for item in said.skipped] == ["has no text"]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(400, json={"error": "NotFound", "message": "Post not found"}),
        {"$type": "app.bsky.feed.defs#blockedPost", "uri": "x", "blocked": True},
        7,
    ],
)
def test_a_thread_that_is_not_there_is_empty(answer: object) -> None:
    assert read(answer) == Conversation()


def test_a_thread_that_nobody_can_read_is_set_aside_and_no_fault_of_the_server() -> None:
    deep = b'{"thread": {"post": ' + b"[" * 20_000 + b"]" * 20_000 + b"}}"
    said = read(httpx.Response(200, content=deep))
    assert (said.answers, [item.reason for item in said.skipped]) == ((), ["a thread that cannot be read"])


@pytest.mark.parametrize("body", [b"<!DOCTYPE html>", b'{"thread": {"post"', b"[]", b""])
def test_an_answer_that_is_none_is_the_servers_fault(body: bytes) -> None:
    with pytest.raises(Unreachable):
        read(httpx.Response(200, content=body))


def quoting(answer: Callable[[], httpx.Response]) -> Conversation:
    post = replace(asked_post(), counts=Counts(quotes=1))
    return read(answer(), post)


def test_only_what_quotes_the_post_itself_is_a_quote_of_it() -> None:
    root = {"uri": f"at://{DID}/app.bsky.feed.post/root", "cid": GOOD["cid"]}
    record = {"$type": "app.bsky.embed.record#viewRecord", **root, "author": GOOD["author"], "value": GOOD["record"]}
    quote = view("q", embed={"$type": "app.bsky.embed.record#view", "record": record})
    said = quoting(lambda: httpx.Response(200, json={"uri": root["uri"], "posts": [quote, view("other")]}))
    assert keys(said.quotes) == ["q"]


def test_quotes_that_are_not_told_are_none_and_nonsense_is_a_fault() -> None:
    assert quoting(lambda: httpx.Response(400, json={"error": "NotFound"})) == Conversation()
    assert quoting(lambda: httpx.Response(501, json={"error": "MethodNotImplemented"})) == Conversation()
    with pytest.raises(Unreachable):
        quoting(lambda: httpx.Response(200, content=b"<html>"))
