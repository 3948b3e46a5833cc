"""What is asked of a Mastodon-API server about a conversation, and what of its answer is nobody's business."""

import json
from dataclasses import replace

import httpx
import pytest

from networks.mastodon_fakes import NOW, SERVER, Script, status
from shareasm.domain.changes import Seen
from shareasm.domain.posts import Counts, Post
from shareasm.errors import Unreachable
from shareasm.networks.mastodon.conversations import MastodonConversations
from shareasm.networks.mastodon.translate import decode_page
from shareasm.networks.ports import Conversation

CONTEXT, QUOTES = "/api/v1/statuses/1/context", "/api/v1/statuses/1/quotes"


def asked_post(replies: int = 1, quotes: int = 0) -> Post:
    [seen] = decode_page(json.dumps([status(1)]).encode(), SERVER).posts
    return replace(seen.post, counts=Counts(replies=replies, quotes=quotes))


def read(script: Script, post: Post | None = None, token: str | None = None) -> Conversation:
    reader = MastodonConversations(SERVER, user_agent="test", now=lambda: NOW, token=token, transport=script.transport)
    return reader.read_conversation(post or asked_post(), "1")


def keys(seen: tuple[Seen, ...]) -> list[str]:
    return [one.local_id for one in seen]


def test_the_answers_are_the_descendants_and_say_whom_they_answer() -> None:
    context = {"ancestors": [status(9)], "descendants": [status(2, in_reply_to_id="1"), status(3, in_reply_to_id="2")]}
    said = read(Script().on(CONTEXT, context))
    assert [(one.local_id, one.parent_local_id) for one in said.answers] == [("2", "1"), ("3", "2")]


def test_what_was_said_to_us_alone_is_neither_kept_nor_counted() -> None:
    private = [status(2, visibility="direct"), status(3, visibility="private"), status(4)]
    said = read(Script().on(CONTEXT, {"ancestors": [], "descendants": private}), token="secret")
    assert (keys(said.answers), said.skipped) == (["4"], ())


def test_an_answer_that_cannot_be_taken_costs_only_itself() -> None:
    said = read(Script().on(CONTEXT, {"ancestors": [], "descendants": [7, status(2)]}))
    assert (keys(said.answers), len(said.skipped)) == (["2"], 1)


def test_quotes_are_asked_for_with_a_token_alone() -> None:
    script = Script().on(QUOTES, [])
    assert read(script, asked_post(0, 1)) == Conversation()
    assert QUOTES not in script.paths()


def test_a_quote_counts_where_its_author_was_allowed_to() -> None:
    agreed = {"state": "accepted", "quoted_status": status(1)}
    revoked = {"state": "revoked", "quoted_status": None}
    script = Script().on(QUOTES, [status(2, quote=agreed), status(3, quote=revoked)])
    assert keys(read(script, asked_post(0, 1), token="secret").quotes) == ["2"]


@pytest.mark.parametrize("code", [401, 403, 404, 410, 422])
def test_a_server_that_does_not_say_is_no_trouble(code: int) -> None:
    refused = httpx.Response(code, json={"error": "no"})
    script = Script().on(CONTEXT, refused).on(QUOTES, refused)
    assert read(script, asked_post(1, 1), token="secret") == Conversation()


@pytest.mark.parametrize("body", [b"[]", b'{"descendants": 7}', b'{"descendants": [', b"null"])
def test_an_answer_that_is_no_conversation_is_a_fault(body: bytes) -> None:
    answer = httpx.Response(200, content=body, headers={"content-type": "application/json"})
    with pytest.raises(Unreachable):
        read(Script().on(CONTEXT, answer))
