"""Writing through the official client library: what goes over the line is ours, and what comes back is told as it was."""

import gzip
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import httpx
import pytest

from networks.bluesky_pds import DID, NOW, URL, error
from networks.bluesky_publishing import KEY, Bench
from shareasm.errors import NetworkError, Occupied, RateLimited, Rejected, Unauthorized, Unreachable
from shareasm.networks.bluesky import client
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.writing import Repository

POST = "app.bsky.feed.post"
FACET = {"index": {"byteStart": 0, "byteEnd": 4}, "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "asm"}]}
PICTURE = {"$type": "blob", "ref": {"$link": "bafkreia"}, "mimeType": "image/png", "size": 3}
ODD = {
    "text": "#asm ✊🏾",
    "$type": POST,
    "langs": [],
    "facets": [FACET],
    "embed": {"$type": "app.bsky.embed.images", "images": [{"image": PICTURE, "alt": ""}]},
    "nothing": None,
    "ourOwn": {"snake_case": None, "list": [{}, [], None, 3]},
    "createdAt": "never",
}


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def repository(bench: Bench) -> Repository:
    return Repository(bench.server())


def last(bench: Bench) -> httpx.Request:
    return bench.pds.requests[-1]


# ---- what is sent --------------------------------------------------------------------------------------------------------


def test_a_record_is_sent_as_it_is(bench: Bench, repository: Repository) -> None:
    repository.create_all({POST: ODD}, KEY)
    [write] = json.loads(last(bench).content)["writes"]
    assert json.dumps(write["value"]) == json.dumps(ODD)  # the order, too
    assert {name: write[name] for name in ("$type", "collection", "rkey")} == {
        "$type": "com.atproto.repo.applyWrites#create",
        "collection": POST,
        "rkey": KEY,
    }


def test_nothing_is_said_about_a_commit_but_whose_it_is(bench: Bench, repository: Repository) -> None:
    repository.create_all({POST: ODD}, KEY)
    assert set(json.loads(last(bench).content)) == {"repo", "writes"}


def test_what_is_not_there_is_only_replaced_by_saying_that_nothing_is(bench: Bench, repository: Repository) -> None:
    repository.put(POST, KEY, ODD, over=None, ref=KEY)
    sent = json.loads(last(bench).content)
    assert sent == {"repo": DID, "collection": POST, "rkey": KEY, "record": ODD, "swapRecord": None}
    with pytest.raises(Occupied):
        repository.put(POST, KEY, {"$type": POST}, over=None, ref=KEY)


def test_a_file_is_sent_as_it_is_with_its_kind(bench: Bench, repository: Repository) -> None:
    blob = repository.upload(b'{"not": "json"}', "text/vtt", ref="words.vtt")
    assert (last(bench).content, last(bench).headers["content-type"]) == (b'{"not": "json"}', "text/vtt")
    assert blob == bench.pds.uploadBlob(last(bench)).json()["blob"]


def test_a_deletion_names_each_record(bench: Bench, repository: Repository) -> None:
    repository.create_all({POST: ODD, "app.bsky.feed.postgate": {}}, KEY)
    repository.delete_all([POST, "app.bsky.feed.threadgate", "app.bsky.feed.postgate"], KEY, ref=KEY)
    assert bench.pds.records == {}


@pytest.mark.parametrize(("call", "seconds"), [("upload", 120), ("create", 30)])
def test_a_call_has_the_time_that_it_needs(bench: Bench, repository: Repository, call: str, seconds: float) -> None:
    repository.upload(b"1", "image/png", ref="dot") if call == "upload" else repository.create_all({POST: ODD}, KEY)
    assert last(bench).extensions["timeout"] == {"connect": 10, "read": seconds, "write": seconds, "pool": seconds}


def test_a_server_sees_who_calls(bench: Bench, repository: Repository) -> None:
    repository.create_all({POST: ODD}, KEY)
    assert last(bench).headers["user-agent"].startswith("shareasm/")


# ---- the token -----------------------------------------------------------------------------------------------------------


def test_an_expired_token_is_renewed_and_the_call_repeated_once(bench: Bench, repository: Repository) -> None:
    repository.upload(b"1", "image/png", ref="dot")
    bench.pds.access = "access-7"
    repository.create_all({POST: ODD}, KEY)
    assert bench.pds.calls[-3:] == ["applyWrites", "refreshSession", "applyWrites"]
    assert [*bench.pds.posts] == [KEY]


def test_a_token_that_is_refused_again_is_not_renewed_again(bench: Bench, repository: Repository) -> None:
    bench.pds.plan = [("applyWrites", error(400, "ExpiredToken"))] * 3
    with pytest.raises(Unauthorized):
        repository.create_all({POST: ODD}, KEY)
    assert bench.pds.calls == ["createSession", "applyWrites", "refreshSession", "applyWrites"]


def test_threads_share_one_renewal(bench: Bench, repository: Repository) -> None:
    repository.load()
    repository.upload(b"1", "image/png", ref="dot")
    bench.pds.access = "access-7"
    together = Barrier(4)

    def write(key: str) -> None:
        together.wait()
        repository.create_all({POST: ODD}, key)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, "abcd"))
    assert bench.pds.calls.count("refreshSession") == 1
    assert sorted(bench.pds.posts) == [*"abcd"]


# ---- what comes back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["", "null", '"slow down"', "[1]", "{}", '{"error": 3}', "<html>"])
def test_an_error_is_known_by_its_status_whatever_its_body_is(bench: Bench, repository: Repository, body: str) -> None:
    until = NOW + timedelta(seconds=90)
    headers = {"content-type": "application/json", "ratelimit-reset": str(int(until.timestamp()))}
    bench.pds.plan = [("applyWrites", httpx.Response(429, headers=headers, text=body))]
    with pytest.raises(RateLimited) as caught:
        repository.create_all({POST: ODD}, KEY)
    assert caught.value.until == until


@pytest.mark.parametrize(
    ("answer", "is_unknown"),
    [
        (httpx.ConnectTimeout("slow"), False),
        (httpx.ConnectError("no route"), False),
        (httpx.ReadTimeout("slow"), True),
        (httpx.WriteError("reset"), True),
        (httpx.RemoteProtocolError("gone"), True),
        (httpx.Response(200, text="<html>", headers={"content-type": "application/json"}), True),
        (httpx.Response(200, json={"results": [{"uri": 3}]}), True),
        (error(500, "InternalServerError"), True),
        (httpx.Response(408), True),
        (error(501, "MethodNotImplemented"), False),
    ],
    ids=str,
)
def test_what_may_have_been_done_is_told_apart(
    bench: Bench, repository: Repository, answer: httpx.Response | Exception, is_unknown: bool
) -> None:
    bench.pds.plan = [("applyWrites", answer)]
    with pytest.raises(Unreachable) as caught:
        repository.create_all({POST: ODD}, KEY)
    assert (caught.value.is_outcome_unknown, caught.value.server, caught.value.ref) == (is_unknown, URL, KEY)


def test_what_is_too_large_is_rejected_for_good(bench: Bench, repository: Repository) -> None:
    bench.pds.plan = [("uploadBlob", error(413, "PayloadTooLarge"))]
    with pytest.raises(Rejected, match="too large"):
        repository.upload(b"1", "image/png", ref="dot")


@pytest.mark.parametrize("status", [302, 307, 308])
def test_our_token_goes_to_no_other_server(bench: Bench, repository: Repository, status: int) -> None:
    bench.pds.plan = [("applyWrites", httpx.Response(status, headers={"location": "https://else.example/"}))]
    with pytest.raises(Unreachable, match=r"leads elsewhere: https://else\.example/") as caught:
        repository.create_all({POST: ODD}, KEY)
    assert not caught.value.is_outcome_unknown
    assert {request.url.host for request in bench.pds.requests} == {"pds.example"}


def test_an_answer_that_never_ends_is_not_read_to_its_end(
    bench: Bench, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "BODY_LIMIT", 1000)
    packed = httpx.Response(200, content=gzip.compress(b" " * 2000), headers={"content-encoding": "gzip"})
    bench.pds.plan = [("applyWrites", packed)]
    with pytest.raises(Unreachable) as caught:
        repository.create_all({POST: ODD}, KEY)
    assert caught.value.is_outcome_unknown


def test_an_answer_may_be_packed(bench: Bench, repository: Repository) -> None:
    body = gzip.compress(json.dumps({"blob": PICTURE}).encode())
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    bench.pds.plan = [("uploadBlob", httpx.Response(200, content=body, headers=headers))]
    assert repository.upload(b"1", "image/png", ref="dot") == PICTURE


def test_a_refused_sign_in_is_no_answer_to_the_write(bench: Bench, repository: Repository) -> None:
    bench.password = "wrong"
    with pytest.raises(NetworkError) as caught:
        repository.create_all({POST: ODD}, KEY)
    assert isinstance(caught.value, Unauthorized)
    assert bench.pds.calls == ["createSession"]


# ---- the library -----------------------------------------------------------------------------------------------------------


def test_writing_needs_a_session() -> None:
    with pytest.raises(ValueError, match="session"):
        Repository(Server(URL, now=lambda: NOW))


def test_the_library_is_not_loaded_before_something_is_to_be_written() -> None:
    program = """if True:
        import sys
        from networks.bluesky_publishing import Bench
        from shareasm.networks.bluesky.video import VideoService

        publisher = Bench().publisher()
        assert not {"atproto", "atproto_client"} & {*sys.modules}
        publisher._repository.load()
        assert "atproto_client" in sys.modules
    """
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": "tests"})
