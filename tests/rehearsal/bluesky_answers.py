"""What Bluesky's servers answer, as one table for the real network and for the stand-in.

Seen on `@atproto/pds` 0.5.35 and `@atproto/bsky` 0.0.280 on 2026-11-22. `Bench` needs nothing but the two base URLs: it makes
its own accounts over HTTP. In an expected message, `{name}` stands for what the bench knows under that name.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

import httpx

Param: TypeAlias = str | int | Sequence[str]

POST = "app.bsky.feed.post"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100
FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}\u200d\N{BOY}"  # one grapheme, 25 bytes
STRANGE_CID = "bafyreihon7aewo3kga3hedv7ejorammml7yhdo2memm7mlm227ox332bla"
STRANGE_BLOB = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
_count = itertools.count(int(time.time() * 1_000_000))


def tid() -> str:
    """Return a new record key."""
    number = next(_count) << 10
    return "".join(_LETTERS[number >> 5 * place & 31] for place in range(12, -1, -1))


def record(text: str = "Hello #cats", **more: object) -> dict[str, object]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"$type": POST, "text": text, "createdAt": now, **more}


def without(key: str) -> dict[str, object]:
    return {name: value for name, value in record().items() if name != key}


def images(*pictures: object) -> dict[str, object]:
    return {"$type": "app.bsky.embed.images", "images": list(pictures)}


def card(**more: object) -> dict[str, object]:
    return {"$type": "app.bsky.embed.external", "external": {"uri": "https://x.example/", "title": "A title", **more}}


@dataclass
class Bench:
    """One network with two accounts on it, Amina (signed in with an app password) and Bakari, and one post of Amina's."""

    pds: str
    appview: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))
    known: dict[str, str] = field(default_factory=dict)

    def prepare(self) -> None:
        """Make the accounts and the post, and wait until readers see them."""
        number = tid()
        for name in ("amina", "bakari"):
            handle = f"{name}{number[-8:]}.test"
            body = {"handle": handle, "email": f"{name}{number}@mail.example", "password": f"master-{name}"}
            made = self.call("com.atproto.server.createAccount", body, token=None).json()
            self.known |= {name: made["did"], f"{name}_handle": handle, f"{name}_token": made["accessJwt"]}
        self.known["pass"] = self.call(
            "com.atproto.server.createAppPassword", {"name": "bench"}, token=self.known["amina_token"]
        ).json()["password"]
        session = self.sign_in("amina", self.known["pass"]).json()
        self.known |= {"token": session["accessJwt"], "refresh": session["refreshJwt"], "rkey": tid()}
        self.known |= self.put(record(), self.known["rkey"]).json() | {"commit": ""}
        deadline = time.monotonic() + 20
        while not self.read("app.bsky.feed.getPosts", uris=self.known["uri"]).json()["posts"]:
            if time.monotonic() > deadline:
                raise TimeoutError("the post does not reach the AppView")
            time.sleep(0.05)

    def call(self, nsid: str, body: object = None, *, token: str | None = "", **params: Param) -> httpx.Response:
        """Call a procedure of the PDS, as Amina unless told otherwise; None: as nobody."""
        return self.http.post(f"{self.pds}/xrpc/{nsid}", json=body, params=params or None, headers=self._headers(token))

    def ask(self, nsid: str, *, token: str | None = "", **params: Param) -> httpx.Response:
        """Query the PDS."""
        return self.http.get(f"{self.pds}/xrpc/{nsid}", params=params or None, headers=self._headers(token))

    def read(self, nsid: str, **params: Param) -> httpx.Response:
        """Query the AppView as nobody."""
        return self.http.get(f"{self.appview}/xrpc/{nsid}", params=params or None)

    def sign_in(self, name: str, password: str) -> httpx.Response:
        body = {"identifier": self.known[f"{name}_handle"], "password": password}
        return self.call("com.atproto.server.createSession", body, token=None)

    def create(self, value: object, **more: object) -> httpx.Response:
        token = more.pop("token", "")
        body = {"repo": self.known["amina"], "collection": POST, "record": value, **more}
        return self.call("com.atproto.repo.createRecord", body, token=token if token is None else str(token))

    def put(self, value: object, rkey: str, **more: object) -> httpx.Response:
        body = {"repo": self.known["amina"], "collection": POST, "rkey": rkey, "record": value, **more}
        return self.call("com.atproto.repo.putRecord", body)

    def delete(self, rkey: str, **more: object) -> httpx.Response:
        body = {"repo": self.known["amina"], "collection": POST, "rkey": rkey, **more}
        return self.call("com.atproto.repo.deleteRecord", body)

    def upload(self, content: bytes, kind: str = "image/png") -> httpx.Response:
        headers = {**self._headers(""), "content-type": kind}
        return self.http.post(f"{self.pds}/xrpc/com.atproto.repo.uploadBlob", content=content, headers=headers)

    def blob(self, content: bytes = PNG, kind: str = "image/png") -> dict[str, object]:
        found: dict[str, object] = self.upload(content, kind).json()["blob"]
        return found

    def put_then(self, value: dict[str, object], **more: object) -> httpx.Response:
        """Put `value` under Amina's post's key, where another record is."""
        return self.put(value, self.known["rkey"], **more)

    def the_post(self) -> dict[str, object]:
        answer = self.ask(
            "com.atproto.repo.getRecord", repo=self.known["amina"], collection=POST, rkey=self.known["rkey"]
        )
        value: dict[str, object] = answer.json()["value"]
        return value

    def strong_ref(self) -> dict[str, str]:
        return {"uri": self.known["uri"], "cid": self.known["cid"]}

    def _headers(self, token: str | None) -> dict[str, str]:
        return {} if token is None else {"authorization": f"Bearer {token or self.known['token']}"}


@dataclass(frozen=True)
class Row:
    """One question and its answer: an error, or the keys of a 200's body."""

    name: str
    ask: Callable[[Bench], httpx.Response]
    status: int
    error: str = ""
    message: str = ""
    keys: frozenset[str] | None = None


def no(name: str, status: int, error: str, message: str, ask: Callable[[Bench], httpx.Response]) -> Row:
    return Row(name, ask, status, error, message)


def bad(name: str, message: str, ask: Callable[[Bench], httpx.Response]) -> Row:
    return Row(name, ask, 400, "InvalidRequest", message)


def bad_post(name: str, problem: str, value: Callable[[Bench], object]) -> Row:
    return bad(name, f"Invalid {POST} record: {problem}", lambda bench: bench.create(value(bench)))


def ok(name: str, keys: str, ask: Callable[[Bench], httpx.Response]) -> Row:
    return Row(name, ask, 200, keys=frozenset(keys.split()))


def check(row: Row, bench: Bench) -> None:
    """Ask and compare; an AssertionError shows both."""
    answer = row.ask(bench)
    if row.keys is not None:
        keys = frozenset(answer.json() if answer.content else {})
        assert (answer.status_code, keys) == (row.status, row.keys), answer.text
        return
    body = answer.json()
    wanted = (row.status, row.error, row.message.format_map({**bench.known, "STRANGE_BLOB": STRANGE_BLOB}))
    assert (answer.status_code, body.get("error"), body.get("message")) == wanted, answer.text


_SESSION = "accessJwt refreshJwt did didDoc handle email emailConfirmed active"
_WRITTEN = "uri cid commit validationStatus"
_UNCHANGED = "uri cid validationStatus"
_ACCOUNT = "com.atproto.server."
_REPO = "com.atproto.repo."
_FEED = "app.bsky.feed."

SESSIONS = [
    ok("an app password signs in", _SESSION, lambda b: b.sign_in("amina", b.known["pass"])),
    no(
        "a wrong password does not",
        401,
        "AuthenticationRequired",
        "Invalid identifier or password",
        lambda b: b.sign_in("amina", "wrong"),
    ),
    bad(
        "nor does none",
        'Missing required key "password" at $',
        lambda b: b.call(_ACCOUNT + "createSession", {"identifier": "amina.test"}, token=None),
    ),
    ok(
        "a session tells of itself",
        "did didDoc handle email emailConfirmed active",
        lambda b: b.ask(_ACCOUNT + "getSession"),
    ),
    no("no token", 401, "AuthMissing", "Authentication Required", lambda b: b.ask(_ACCOUNT + "getSession", token=None)),
    no(
        "a garbled token",
        400,
        "InvalidToken",
        "Token could not be verified",
        lambda b: b.ask(_ACCOUNT + "getSession", token="x.y.z"),
    ),
    no(
        "a refresh token is no access token",
        400,
        "InvalidToken",
        "Token could not be verified",
        lambda b: b.ask(_ACCOUNT + "getSession", token=b.known["refresh"]),
    ),
    no(
        "an access token is no refresh token",
        400,
        "InvalidToken",
        "Token could not be verified",
        lambda b: b.call(_ACCOUNT + "refreshSession"),
    ),
    bad(
        "refreshing takes no body",
        "A request body was provided when none was expected",
        lambda b: b.call(_ACCOUNT + "refreshSession", {}, token=b.known["refresh"]),
    ),
    ok("a session is refreshed", _SESSION, lambda b: b.call(_ACCOUNT + "refreshSession", token=b.known["refresh"])),
    ok(
        "and again, within the grace time",
        _SESSION,
        lambda b: b.call(_ACCOUNT + "refreshSession", token=b.known["refresh"]),
    ),
]


def _signed_out(bench: Bench) -> httpx.Response:
    token = bench.sign_in("bakari", "master-bakari").json()["refreshJwt"]
    bench.call("com.atproto.server.deleteSession", token=token)
    return bench.call("com.atproto.server.refreshSession", token=token)


SESSIONS += [no("a session that was ended", 400, "ExpiredToken", "Token has been revoked", _signed_out)]

NAMES = [
    ok(
        "a handle is resolved",
        "did",
        lambda b: b.ask("com.atproto.identity.resolveHandle", handle=b.known["amina_handle"]),
    ),
    no(
        "an unknown handle",
        400,
        "HandleNotFound",
        "Unable to resolve handle",
        lambda b: b.ask("com.atproto.identity.resolveHandle", handle="nobody.test"),
    ),
    bad(
        "no handle at all",
        'Invalid com.atproto.identity.resolveHandle params: Missing required key "handle"',
        lambda b: b.ask("com.atproto.identity.resolveHandle"),
    ),
    bad(
        "what is no handle",
        'Invalid com.atproto.identity.resolveHandle params: Invalid handle (got "no")',
        lambda b: b.ask("com.atproto.identity.resolveHandle", handle="no"),
    ),
]

RECORDS = [
    ok("a post", _WRITTEN, lambda b: b.create(record())),
    ok("a post under our key", _WRITTEN, lambda b: b.create(record(), rkey=tid())),
    ok("a post with the handle as repo", _WRITTEN, lambda b: b.create(record(), repo=b.known["amina_handle"])),
    ok("a post without $type", _WRITTEN, lambda b: b.create(without("$type"))),
    ok(
        "an empty post with odd facets",
        _WRITTEN,
        lambda b: b.create(
            record(
                "",
                facets=[
                    {
                        "index": {"byteStart": 0, "byteEnd": 9999},
                        "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "x"}],
                    }
                ],
            )
        ),
    ),
    ok("a post from 2050", _WRITTEN, lambda b: b.create(record(createdAt="2050-01-01T00:00:00Z"))),
    ok(
        "unknown fields and embeds",
        _WRITTEN,
        lambda b: b.create(record(mine=1, embed={"$type": "app.bsky.embed.nonsense"})),
    ),
    bad(
        "a key that is no TID",
        f'Invalid record key for {POST}: Invalid TID string (got "hello") at $',
        lambda b: b.create(record(), rkey="hello"),
    ),
    ok("unless nobody checks", "uri cid commit", lambda b: b.create(record(), rkey=f"hello-{tid()}", validate=False)),
    bad_post("301 graphemes", "grapheme too big (maximum 300, got 301) at $.record.text", lambda b: record("x" * 301)),
    ok("300 families would be too many bytes, 120 are not", _WRITTEN, lambda b: b.create(record(FAMILY * 120))),
    bad_post(
        "121 families", "string too big (maximum 3000, got 3025) at $.record.text", lambda b: record(FAMILY * 121)
    ),
    bad_post(
        "a number as text", "Expected string value type (got 5) at $.record.text", lambda b: {**record(), "text": 5}
    ),
    bad_post("no text", 'Missing required key "text" at $.record', lambda b: without("text")),
    bad_post("no time", 'Missing required key "createdAt" at $.record', lambda b: without("createdAt")),
    bad_post(
        "a time in words",
        'Invalid datetime (got "yesterday") at $.record.createdAt',
        lambda b: {**record(), "createdAt": "yesterday"},
    ),
    bad_post(
        "four languages",
        "array too big (maximum 3, got 4) at $.record.langs",
        lambda b: record(langs=["en", "fr", "es", "sw"]),
    ),
    bad_post("a strange language", 'Invalid language (got "!!") at $.record.langs[0]', lambda b: record(langs=["!!"])),
    bad_post("nine tags", "array too big (maximum 8, got 9) at $.record.tags", lambda b: record(tags=["a"] * 9)),
    bad_post(
        "a long tag", "grapheme too big (maximum 64, got 65) at $.record.tags[0]", lambda b: record(tags=["x" * 65])
    ),
    bad_post("facets in words", 'Expected array value type (got "x") at $.record.facets', lambda b: record(facets="x")),
    bad_post(
        "half a facet",
        'Missing required key "byteEnd" at $.record.facets[0].index',
        lambda b: record(facets=[{"index": {"byteStart": 0}, "features": []}]),
    ),
    bad_post(
        "a link to nowhere",
        'Invalid uri (got "nope") at $.record.facets[0].features[0].uri',
        lambda b: record(
            facets=[
                {
                    "index": {"byteStart": 0, "byteEnd": 1},
                    "features": [{"$type": "app.bsky.richtext.facet#link", "uri": "nope"}],
                }
            ]
        ),
    ),
    bad_post(
        "an answer to nowhere",
        'Invalid at-uri (got "at://x") at $.record.reply.root.uri',
        lambda b: record(reply={"root": {"uri": "at://x", "cid": "y"}}),
    ),
    bad_post(
        "an answer with half a CID",
        'Invalid CID string (got "bafy") at $.record.reply.parent.cid',
        lambda b: record(reply={"root": b.strong_ref(), "parent": {"uri": b.known["uri"], "cid": "bafy"}}),
    ),
    bad_post(
        "eleven self-labels",
        "array too big (maximum 10, got 11) at $.record.labels.values",
        lambda b: record(labels={"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "x"}] * 11}),
    ),
    bad("no object", 'Expected object value type (got "x") at $.record', lambda b: b.create("x")),
    bad(
        "another type than the collection's",
        f"Invalid $type: expected {POST}, got app.bsky.feed.like",
        lambda b: b.create({**record(), "$type": "app.bsky.feed.like"}),
    ),
    bad(
        "a profile under another key",
        'Invalid record key for app.bsky.actor.profile: Expected "self" (got "other") at $',
        lambda b: b.put({"$type": "app.bsky.actor.profile"}, "other", collection="app.bsky.actor.profile"),
    ),
    ok("an unknown collection", _WRITTEN, lambda b: b.create({"a": 1}, collection="example.shareasm.thing")),
    bad(
        "which must be known",
        "Unknown lexicon type: example.shareasm.thing",
        lambda b: b.create({"a": 1}, collection="example.shareasm.thing", validate=True),
    ),
    bad("what is no collection", 'Invalid NSID (got "odd") at $.collection', lambda b: b.create({}, collection="odd")),
]

EMBEDS = [
    ok("a blob is kept", "blob", lambda b: b.upload(PNG)),
    ok("an image", _WRITTEN, lambda b: b.create(record(embed=images({"image": b.blob(), "alt": ""})))),
    ok("a card", _WRITTEN, lambda b: b.create(record(embed=card(description="", thumb=b.blob())))),
    bad_post(
        "an image without alt",
        'Missing required key "alt" at $.record.embed.images[0]',
        lambda b: record(embed=images({"image": b.blob()})),
    ),
    bad_post(
        "five images",
        "array too big (maximum 4, got 5) at $.record.embed.images",
        lambda b: record(embed=images(*[{"image": b.blob(), "alt": "x"}] * 5)),
    ),
    bad_post(
        "an image in words",
        'Expected blob value type (got "x") at $.record.embed.images[0].image',
        lambda b: record(embed=images({"image": "x", "alt": "x"})),
    ),
    bad_post(
        "a text as image",
        'Expected "image/*" (got "text/plain") at $.record.embed.images[0].image.mimeType',
        lambda b: record(embed=images({"image": b.blob(b"hello", "text/plain"), "alt": "x"})),
    ),
    bad_post(
        "two megabytes and some",
        "blob too big (maximum 2000000, got 2100003) at $.record.embed.images[0].image",
        lambda b: record(embed=images({"image": b.blob(b"\xff\xd8\xff" + b"0" * 2_100_000, "image/jpeg"), "alt": "x"})),
    ),
    bad_post(
        "a large thumbnail",
        "blob too big (maximum 1000000, got 1100003) at $.record.embed.external.thumb",
        lambda b: record(embed=card(description="", thumb=b.blob(b"\xff\xd8\xff" + b"0" * 1_100_000, "image/jpeg"))),
    ),
    bad_post(
        "a card without description",
        'Missing required key "description" at $.record.embed.external',
        lambda b: record(embed=card()),
    ),
    no(
        "a blob that nobody uploaded",
        400,
        "BlobNotFound",
        "Could not find blob: {STRANGE_BLOB}",
        lambda b: b.create(record(embed=images({"image": {**b.blob(), "ref": {"$link": STRANGE_BLOB}}, "alt": ""}))),
    ),
    no(
        "six megabytes",
        413,
        "PayloadTooLarge",
        "request entity too large",
        lambda b: b.upload(b"0" * 6_000_000, "image/jpeg"),
    ),
    bad(
        "a blob that is not there",
        "Blob not found",
        lambda b: b.ask("com.atproto.sync.getBlob", token=None, did=b.known["amina"], cid=STRANGE_BLOB),
    ),
]

REPEATS = [
    ok("the same again changes nothing", _UNCHANGED, lambda b: b.put_then(b.the_post())),
    ok("also where nothing may be there", _UNCHANGED, lambda b: b.put_then(b.the_post(), swapRecord=None)),
    no(
        "other words where nothing may be there",
        400,
        "InvalidSwap",
        "Record was at {cid}",
        lambda b: b.put_then(record("other"), swapRecord=None),
    ),
    no(
        "other words where something else should be there",
        400,
        "InvalidSwap",
        "Record was at {cid}",
        lambda b: b.put_then(record("other"), swapRecord=STRANGE_CID),
    ),
    no(
        "words where something should be there",
        400,
        "InvalidSwap",
        "Record was at null",
        lambda b: b.put(record("other"), tid(), swapRecord=STRANGE_CID),
    ),
    no(
        "a key cannot be created twice",
        500,
        "InternalServerError",
        "Internal Server Error",
        lambda b: b.create(b.the_post(), rkey=b.known["rkey"]),
    ),
    bad(
        "putting takes a key",
        'Missing required key "rkey" at $',
        lambda b: b.call(_REPO + "putRecord", {"repo": b.known["amina"], "collection": POST, "record": record()}),
    ),
    ok("what is not there is deleted without a word", "", lambda b: b.delete(tid())),
    no(
        "not if it is another",
        400,
        "InvalidSwap",
        "Record was at {cid}",
        lambda b: b.delete(b.known["rkey"], swapRecord=STRANGE_CID),
    ),
    no(
        "of several writes all or none are done",
        500,
        "InternalServerError",
        "Internal Server Error",
        lambda b: b.call(
            _REPO + "applyWrites",
            {
                "repo": b.known["amina"],
                "writes": [
                    {
                        "$type": "com.atproto.repo.applyWrites#create",
                        "collection": POST,
                        "value": record(),
                        "rkey": tid(),
                    },
                    {
                        "$type": "com.atproto.repo.applyWrites#create",
                        "collection": POST,
                        "value": record(),
                        "rkey": b.known["rkey"],
                    },
                ],
            },
        ),
    ),
    no(
        "somebody else's repo",
        401,
        "AuthenticationRequired",
        "Authentication Required",
        lambda b: b.create(record(), token=b.known["bakari_token"]),
    ),
    no("nobody's repo", 403, "AccountNotFound", "Account not found", lambda b: b.create(record(), repo="nobody.test")),
    no("nobody writes", 401, "AuthMissing", "Authentication Required", lambda b: b.create(record(), token=None)),
]


def _deleted_and_put_again(bench: Bench) -> httpx.Response:
    rkey, value = tid(), record()
    bench.put(value, rkey)
    bench.delete(rkey)
    return bench.put(value, rkey, swapRecord=None)


REPEATS += [ok("what was deleted can be put again", _WRITTEN, _deleted_and_put_again)]

READING = [
    ok(
        "a record",
        "uri cid value",
        lambda b: b.ask(_REPO + "getRecord", token=None, repo=b.known["amina"], collection=POST, rkey=b.known["rkey"]),
    ),
    no(
        "a record that is not there",
        400,
        "RecordNotFound",
        f"Could not locate record: at://{{amina}}/{POST}/2222222222222",
        lambda b: b.ask(_REPO + "getRecord", repo=b.known["amina"], collection=POST, rkey="2222222222222"),
    ),
    bad(
        "a repo that is not there",
        "Could not find repo: nobody.test",
        lambda b: b.ask(_REPO + "getRecord", repo="nobody.test", collection=POST, rkey="2222222222222"),
    ),
    ok(
        "a list",
        "records cursor",
        lambda b: b.ask(_REPO + "listRecords", repo=b.known["amina"], collection=POST, limit=1),
    ),
    bad(
        "a long list",
        "Invalid com.atproto.repo.listRecords params: integer too big (maximum 100, got 101)",
        lambda b: b.ask(_REPO + "listRecords", repo=b.known["amina"], collection=POST, limit=101),
    ),
    ok("posts", "posts", lambda b: b.read(_FEED + "getPosts", uris=b.known["uri"])),
    ok("posts through the PDS", "posts", lambda b: b.ask(_FEED + "getPosts", uris=b.known["uri"])),
    no(
        "not without a token",
        401,
        "AuthMissing",
        "Authentication Required",
        lambda b: b.ask(_FEED + "getPosts", token=None, uris=b.known["uri"]),
    ),
    bad(
        "26 posts",
        "Invalid app.bsky.feed.getPosts params: array too big (maximum 25, got 26)",
        lambda b: b.read(_FEED + "getPosts", uris=[b.known["uri"]] * 26),
    ),
    bad(
        "what is no post",
        'Invalid app.bsky.feed.getPosts params: Invalid at-uri (got "at://x")',
        lambda b: b.read(_FEED + "getPosts", uris="at://x"),
    ),
    ok(
        "posts that are not there are left out",
        "posts",
        lambda b: b.read(_FEED + "getPosts", uris=f"at://{b.known['amina']}/{POST}/2222222222222"),
    ),
    ok("a thread", "thread", lambda b: b.read(_FEED + "getPostThread", uri=b.known["uri"])),
    no(
        "a thread that is not there",
        400,
        "NotFound",
        f"Post not found: at://{{amina}}/{POST}/2222222222222",
        lambda b: b.read(_FEED + "getPostThread", uri=f"at://{b.known['amina']}/{POST}/2222222222222"),
    ),
    bad(
        "search for nothing",
        'Invalid app.bsky.feed.searchPosts params: Missing required key "q"',
        lambda b: b.read(_FEED + "searchPosts", q=""),
    ),
    bad(
        "a long page of search",
        "Invalid app.bsky.feed.searchPosts params: integer too big (maximum 100, got 101)",
        lambda b: b.read(_FEED + "searchPosts", q="#cats", limit=101),
    ),
    no(
        "search since soon",
        400,
        "BadQueryString",
        "not a datetime: soon",
        lambda b: b.read(_FEED + "searchPosts", q="#cats", since="soon"),
    ),
    ok("search", "posts", lambda b: b.ask(_FEED + "searchPosts", q=f"nothing{tid()}")),
    bad("search by hashtag", "Search v2 is not enabled", lambda b: b.read(_FEED + "searchPostsV2", hashtags="cats")),
    no(
        "search without a token",
        401,
        "AuthMissing",
        "Authentication Required",
        lambda b: b.ask(_FEED + "searchPosts", token=None, q="#cats"),
    ),
    bad("nobody's profile", "Profile not found", lambda b: b.read("app.bsky.actor.getProfile", actor="nobody.test")),
    bad(
        "what is no actor",
        'Invalid app.bsky.actor.getProfile params: Invalid AT identifier (got "n")',
        lambda b: b.read("app.bsky.actor.getProfile", actor="n"),
    ),
    bad("nobody's feed", "Profile not found", lambda b: b.read(_FEED + "getAuthorFeed", actor="nobody.test")),
    no(
        "a garbled cursor of a feed",
        500,
        "InternalServerError",
        "Internal Server Error",
        lambda b: b.read(_FEED + "getAuthorFeed", actor=b.known["amina"], cursor="garbage"),
    ),
    no(
        "a method that is not there",
        501,
        "MethodNotImplemented",
        "Method Not Implemented",
        lambda b: b.read("com.example.nope"),
    ),
    no("nor on the PDS", 501, "MethodNotImplemented", "Method Not Implemented", lambda b: b.ask("com.example.nope")),
    bad(
        "a question that is an order",
        "Incorrect HTTP method (GET) expected POST",
        lambda b: b.ask(_REPO + "createRecord"),
    ),
]


def _after_leaving(then: Callable[[Bench], httpx.Response]) -> Callable[[Bench], httpx.Response]:
    """Deactivate Bakari's account, ask, and bring it back."""

    def ask(bench: Bench) -> httpx.Response:
        token = bench.known["bakari_token"]
        bench.call("com.atproto.server.deactivateAccount", {}, token=token)
        try:
            return then(bench)
        finally:
            bench.call("com.atproto.server.activateAccount", token=token)

    return ask


LEAVING = [
    no(
        "who has left cannot write",
        401,
        "AccountDeactivated",
        "Account is deactivated",
        _after_leaving(lambda b: b.create(record(), repo=b.known["bakari"], token=b.known["bakari_token"])),
    ),
    ok("but sign in", _SESSION + " status", _after_leaving(lambda b: b.sign_in("bakari", "master-bakari"))),
    bad(
        "and is not read",
        "Could not find repo: {bakari}",
        _after_leaving(lambda b: b.ask(_REPO + "listRecords", repo=b.known["bakari"], collection=POST)),
    ),
]

THREADGATE = _FEED + "threadgate"
POSTGATE = _FEED + "postgate"


def _gate(kind: str, **more: object) -> Callable[[Bench], httpx.Response]:
    """Put a gate under a key of its own: Amina's post is for other rows to look at, without a gate."""

    def ask(bench: Bench) -> httpx.Response:
        rkey = tid()
        post = f"at://{bench.known['amina']}/{POST}/{rkey}"
        value = {"$type": kind, "post": post, "createdAt": "2026-11-22T09:00:00.000Z", **more}
        body = {"repo": bench.known["amina"], "collection": kind, "rkey": rkey, "record": value}
        return bench.call(_REPO + "putRecord", body)

    return ask


def _created(*collections: str, rkey: str = "") -> Callable[[Bench], httpx.Response]:
    """Create a post and more under one key, all in one call."""

    def ask(bench: Bench) -> httpx.Response:
        key = rkey or tid()
        uri = f"at://{bench.known['amina']}/{POST}/{key}"
        values = [record() if kind == POST else {**record(), "$type": kind, "post": uri} for kind in collections]
        writes = [
            {"$type": _REPO + "applyWrites#create", "collection": kind, "rkey": key, "value": value}
            for kind, value in zip(collections, values, strict=True)
        ]
        return bench.call(_REPO + "applyWrites", {"repo": bench.known["amina"], "writes": writes})

    return ask


def _created_twice(bench: Bench) -> httpx.Response:
    rkey = tid()
    _created(POST, POSTGATE, rkey=rkey)(bench)
    return _created(POST, POSTGATE, rkey=rkey)(bench)


def _deleted_beside_its_gate_and_created_again(bench: Bench) -> httpx.Response:
    rkey = tid()
    _created(POST, POSTGATE, rkey=rkey)(bench)
    bench.delete(rkey)
    return _created(POST, POSTGATE, rkey=rkey)(bench)


def _captioned(
    bench: Bench, kind: str, lang: str = "en", size: int = 100, begins: bytes = b"WEBVTT\n"
) -> dict[str, object]:
    video = bench.blob(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video/mp4")
    captions = [{"lang": lang, "file": bench.blob(begins + b"x" * size, kind)}]
    return record(embed={"$type": "app.bsky.embed.video", "video": video, "captions": captions})


_IN_EMBED = "$.record.embed.captions[0]"
GATES = [
    ok("a post and its gates are one deed", "commit results", _created(POST, THREADGATE, POSTGATE)),
    no("which is done once", 500, "InternalServerError", "Internal Server Error", _created_twice),
    no(
        "also where only the gate is left",
        500,
        "InternalServerError",
        "Internal Server Error",
        _deleted_beside_its_gate_and_created_again,
    ),
    ok("a gate that lets nobody reply", _WRITTEN, _gate(THREADGATE, allow=[])),
    ok("a rule that nobody knows", _WRITTEN, _gate(THREADGATE, allow=[{"$type": THREADGATE + "#moonRule"}])),
    bad(
        "a rule without a list",
        f'Invalid {THREADGATE} record: Missing required key "list" at $.record.allow[0]',
        _gate(THREADGATE, allow=[{"$type": THREADGATE + "#listRule"}]),
    ),
    bad(
        "six rules",
        f"Invalid {THREADGATE} record: array too big (maximum 5, got 6) at $.record.allow",
        _gate(THREADGATE, allow=[{"$type": THREADGATE + "#mentionRule"}] * 6),
    ),
    bad(
        "a gate of what is no post",
        f'Invalid {POSTGATE} record: Invalid at-uri (got "x") at $.record.post',
        _gate(POSTGATE, post="x"),
    ),
    ok("captions", _WRITTEN, lambda b: b.create(_captioned(b, "text/vtt"))),
    ok("captions that say another kind", _WRITTEN, lambda b: b.create(_captioned(b, "text/plain", size=99))),
    bad_post(
        "captions of another kind",
        f'Expected "text/vtt" (got "text/plain") at {_IN_EMBED}.file.mimeType',
        lambda b: _captioned(b, "text/plain", begins=b"1\n"),
    ),
    bad_post(
        "captions that are too long",
        f"blob too big (maximum 20000, got 20008) at {_IN_EMBED}.file",
        lambda b: _captioned(b, "text/vtt", size=20_001),
    ),
    bad_post(
        "captions in no language",
        f'Invalid language (got "!!") at {_IN_EMBED}.lang',
        lambda b: _captioned(b, "text/vtt", "!!", 98),
    ),
    bad_post(
        "eleven labels",
        "array too big (maximum 10, got 11) at $.record.labels.values",
        lambda _: record(labels={"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "x"}] * 11}),
    ),
    ok(
        "a token for another service",
        "token",
        lambda b: b.ask(_ACCOUNT + "getServiceAuth", aud="did:web:video.example", lxm=_REPO + "uploadBlob"),
    ),
    bad(
        "a token for nobody",
        "aud must be a valid atproto DID or did#serviceId reference",
        lambda b: b.ask(_ACCOUNT + "getServiceAuth", aud="did:nobody:x"),
    ),
]

ANSWERS = [*SESSIONS, *NAMES, *RECORDS, *EMBEDS, *REPEATS, *READING, *LEAVING, *GATES]
