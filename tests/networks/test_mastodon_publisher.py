"""Posting on a Mastodon-API server: once, with pictures, in threads; looking up, changing, taking back."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest

from networks.mastodon_fakes import NOW, SERVER, Script, status
from shareasm.domain.pictures import PreparedVideo
from shareasm.domain.posts import Network, PostRef
from shareasm.domain.queue import Draft, DraftMedia, DraftPoll, DraftVideo, Receipt
from shareasm.errors import NotThere, RateLimited, Rejected, Stale, Unauthorized, Unreachable
from shareasm.networks.mastodon.client import Api
from shareasm.networks.mastodon.limits import read_limits
from shareasm.networks.mastodon.matching import shows
from shareasm.networks.mastodon.publisher import MastodonPublisher
from shareasm.networks.ports import Counting, Limits, PollLimits, PreparedImage, Repeat, Thread, Ties

POST = "/api/v1/statuses"
MEDIA = "/api/v2/media"
KEY = "shareasm:1"
OWN = "/api/v1/accounts/7/statuses"
RECEIPT = Receipt(PostRef(Network.MASTODON, status(50)["uri"]), status(50)["url"], "50", visibility="public")


class Server:
    """Answers what is written, one after the other and the last for ever; `calls`: what was written, and asked of files."""

    def __init__(self, script):
        self._script = script
        self._spoken = set()

    def post(self, path, json=None, **how):
        self._say(f"POST {path}", json, **how)

    def put(self, path, json=None, **how):
        self._say(f"PUT {path}", json, **how)

    def patch(self, path, json=None, **how):
        self._say(f"PATCH {path}", json, **how)

    def delete(self, path, json=None, **how):
        self._say(f"DELETE {path}", json, **how)

    def get(self, path, json=None, **how):
        self._say(f"GET {path}", json, **how)

    def _say(self, path, json, status=200, body=None, headers=None):
        self._spoken.add(path)
        said = {"content": body} if isinstance(body, str) else {"json": json} if json is not None else {}
        self._script.then(
            path, body if isinstance(body, Exception) else httpx.Response(status, headers=headers, **said)
        )

    @property
    def calls(self):
        return [request for request in self._script.asked if f"{request.method} {request.url.path}" in self._spoken]


def form(request):
    """Return what a request says by name, said as a form or, with a poll, in JSON."""
    if request.headers["content-type"] == "application/json":
        return dict(flat(json.loads(request.content)))
    return parse_qs(request.content.decode(), keep_blank_values=True)


def flat(said, outer=""):
    for key, value in said.items():
        name = f"{outer}[{key}]" if outer else key
        if isinstance(value, dict):
            yield from flat(value, name)
        else:
            yield (f"{name}[]", value) if isinstance(value, list) else (name, [value])


@pytest.fixture
def server(script):
    return Server(script)


@pytest.fixture
def script():
    return Script().on("/api/v1/accounts/verify_credentials", {"id": "7", "acct": "iied", "url": f"{SERVER}/@iied"})


@pytest.fixture
def waits():
    return []


@pytest.fixture
def publisher(script, waits):
    return MastodonPublisher(
        SERVER,
        "secret",
        user_agent="shareasm/1",
        now=lambda: NOW,
        prepare=lambda path, limits: PreparedImage(b"picture of " + path.name.encode(), "image/png", 64, 48),
        prepare_video=lambda path, limits: PreparedVideo(b"video of " + path.name.encode(), "video/mp4", 64, 48, 2.0),
        wait=waits.append,
        transport=script.transport,
    )


def draft(**changes):
    return Draft(**{"network": Network.MASTODON, "text": "Good morning #shareASM", "language": "en", **changes})


def freeze(publisher, thread=None, **changes):
    wanted = draft(**changes)
    return publisher.freeze(wanted, KEY, publisher.prepare(wanted, Path("media")), Ties(thread), NOW)


# ---- posting -----------------------------------------------------------------------------------------------------------


def test_a_post_goes_out_under_its_key(server, publisher):
    server.post(POST, json=status(50, visibility="unlisted"))
    payload = freeze(publisher, content_warning="mercury", visibility="public", language="fr")
    receipt = publisher.publish(payload, KEY)
    assert receipt == Receipt(RECEIPT.ref, RECEIPT.url, "50", visibility="unlisted")
    request = server.calls[0]
    assert request.headers["Idempotency-Key"] == KEY
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.headers["User-Agent"] == "shareasm/1"
    body = form(request)
    assert body["status"] == ["Good morning #shareASM"]
    assert (body["language"], body["visibility"], body["spoiler_text"]) == (["fr"], ["public"], ["mercury"])


def test_nothing_is_asked_of_the_server_but_the_post(server, publisher, script):
    server.post(POST, json=status(50))
    publisher.publish(freeze(publisher), KEY)
    assert script.paths() == [POST]


def test_freezing_the_same_draft_gives_the_same_payload(publisher):
    assert freeze(publisher) == freeze(publisher)
    assert json.loads(freeze(publisher)) == {
        "status": "Good morning #shareASM",
        "language": "en",
        "visibility": "public",
    }


def test_a_further_part_replies_to_the_one_before(server, publisher):
    server.post(POST, json=status(51))
    parent = Receipt(RECEIPT.ref, RECEIPT.url, "49")
    publisher.publish(freeze(publisher, Thread(root=RECEIPT, parent=parent)), KEY)
    assert form(server.calls[0])["in_reply_to_id"] == ["49"]


@pytest.mark.parametrize(
    ("answer", "kind", "is_unknown"),
    [
        ({"status": 401, "json": {"error": "The access token was revoked"}}, Unauthorized, None),
        ({"status": 403, "json": {"error": "Your login is currently disabled"}}, Unauthorized, None),
        ({"status": 404, "json": {"error": "Record not found"}}, Rejected, None),
        ({"status": 422, "json": {"error": "Validation failed: Text character limit of 500 exceeded"}}, Rejected, None),
        ({"status": 400, "json": {"error": "Duplicate idempotency key."}}, Unreachable, True),
        ({"status": 429, "json": {"error": "Too many requests"}}, RateLimited, None),
        ({"status": 500, "json": {"error": "x"}}, Unreachable, True),
        ({"status": 502, "body": "<html>Bad gateway</html>"}, Unreachable, True),
        ({"status": 503, "headers": {"Retry-After": "5"}}, Unreachable, True),
        ({"status": 200, "body": "<html>hello</html>"}, Unreachable, True),
        ({"status": 200, "body": ""}, Unreachable, True),
        ({"status": 200, "json": {"id": "1", "scheduled_at": "2027-02-03T12:00:00Z"}}, Unreachable, True),
        ({"body": httpx.ReadError("Connection aborted")}, Unreachable, True),
        ({"body": httpx.ReadTimeout("Read timed out.")}, Unreachable, True),
        ({"body": httpx.ConnectTimeout("slow")}, Unreachable, False),
    ],
)
def test_a_post_that_did_not_go_out_says_whether_it_may_have(server, publisher, answer, kind, is_unknown):
    server.post(POST, **answer)
    with pytest.raises(kind) as caught:
        publisher.publish(freeze(publisher), KEY)
    assert getattr(caught.value, "is_outcome_unknown", None) is is_unknown
    assert "secret" not in str(caught.value)


def test_a_rate_limit_says_when_the_post_may_go_out(server, publisher):
    server.post(
        POST, status=429, headers={"X-RateLimit-Reset": "2027-02-03T12:10:00.000000Z", "X-RateLimit-Remaining": "0"}
    )
    with pytest.raises(RateLimited) as caught:
        publisher.publish(freeze(publisher), KEY)
    assert caught.value.until == NOW + timedelta(minutes=10)


@pytest.mark.parametrize("reset", ["nonsense", "2027-02-03T12:10:00Z"])
def test_an_odd_header_of_a_good_answer_loses_no_receipt(server, publisher, reset):
    server.post(POST, json=status(50), headers={"X-RateLimit-Reset": reset, "X-RateLimit-Remaining": "x"})
    assert publisher.publish(freeze(publisher), KEY) == RECEIPT


def test_an_answer_that_the_library_cannot_read_loses_no_receipt(server, publisher):
    server.post(POST, json=status(50, created_at=[], account={"created_at": {}}, media_attachments=5))
    assert publisher.publish(freeze(publisher), KEY) == RECEIPT


# ---- pictures ----------------------------------------------------------------------------------------------------------


PICTURE = DraftMedia("dialogue.png", "Two people talk", focus=(0.0, 0.2))


def upload_form(server):
    return server.calls[0].content


def test_a_picture_is_uploaded_with_its_words_and_focus(server, publisher, waits):
    server.post(MEDIA, json={"id": "77", "type": "image", "url": "https://files.example/77.png"})
    payload = freeze(publisher, media=(PICTURE,))
    assert json.loads(payload)["media_ids"] == ["77"]
    form = upload_form(server)
    for part in (b"picture of dialogue.png", b"image/png", b"Two people talk", b"0.0,0.2", b'filename="dialogue.png"'):
        assert part in form
    assert waits == []
    assert len(server.calls) == 1


def test_pictures_go_with_the_post(server, publisher):
    server.post(MEDIA, json={"id": "77", "url": "x"})
    server.post(MEDIA, json={"id": "78", "url": "x"})
    server.post(POST, json=status(50))
    publisher.publish(freeze(publisher, media=(PICTURE, PICTURE)), KEY)
    assert form(server.calls[2])["media_ids[]"] == ["77", "78"]


def test_a_picture_that_is_still_worked_on_is_waited_for(server, publisher, waits):
    server.post(MEDIA, status=202, json={"id": "77", "url": None})
    for _ in range(3):
        server.get("/api/v1/media/77", status=206, json={"id": "77", "url": None})
    server.get("/api/v1/media/77", json={"id": "77", "url": "https://files.example/77.png"})
    assert json.loads(freeze(publisher, media=(PICTURE,)))["media_ids"] == ["77"]
    assert len(waits) == 4


def test_waiting_for_a_picture_ends(server, publisher, waits):
    server.post(MEDIA, status=202, json={"id": "77", "url": None})
    server.get("/api/v1/media/77", status=206, json={"id": "77", "url": None})
    with pytest.raises(RateLimited) as caught:
        freeze(publisher, media=(PICTURE,))
    assert 5 <= sum(waits) <= 15
    assert caught.value.until == NOW + timedelta(seconds=20)
    assert "dialogue.png" in str(caught.value)


def test_a_picture_may_be_ready_at_the_last_look(server, publisher, waits):
    server.post(MEDIA, status=202, json={"id": "77"})
    for _ in range(4):
        server.get("/api/v1/media/77", status=206, json={"id": "77"})
    server.get("/api/v1/media/77", json={"id": "77", "url": "x"})
    assert json.loads(freeze(publisher, media=(PICTURE,)))["media_ids"] == ["77"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 422, "json": {"error": "Validation failed: File content type is invalid"}}, Rejected),
        ({"status": 500, "body": ""}, Unreachable),
        ({"status": 401, "json": {"error": "x"}}, Unauthorized),
        ({"status": 429, "json": {"error": "x"}}, RateLimited),
        ({"status": 200, "body": "<html>"}, Unreachable),
        ({"body": httpx.ReadError("reset")}, Unreachable),
    ],
)
def test_an_upload_that_fails_published_nothing(server, publisher, answer, kind):
    server.post(MEDIA, **answer)
    with pytest.raises(kind) as caught:
        freeze(publisher, media=(PICTURE,))
    assert not getattr(caught.value, "is_outcome_unknown", False)


def test_a_picture_that_the_server_cannot_read_is_refused(server, publisher):
    server.post(MEDIA, status=202, json={"id": "77", "url": None})
    server.get("/api/v1/media/77", status=422, json={"error": "There was a problem processing that file"})
    with pytest.raises(Rejected, match="problem processing"):
        freeze(publisher, media=(PICTURE,))


def test_an_alt_text_is_cut_to_what_the_server_takes(server, publisher, script):
    script.on("/api/v2/instance", {"configuration": {"media_attachments": {"description_limit": 5}}})
    server.post(MEDIA, json={"id": "77", "url": "x"})
    freeze(publisher, media=(DraftMedia("a.png", "abcdefgh"),))
    assert "abcd…".encode() in upload_form(server)


# ---- looking up --------------------------------------------------------------------------------------------------------


SINCE = datetime(2027, 2, 3, 9, 48, tzinfo=UTC)  # two minutes before status 50


def our(number, **changes):
    return status(number, **{"content": "<p>Good morning <a href='x'>#shareASM</a></p>", **changes})


def find(publisher, payload=None, since=SINCE):
    return publisher.find(payload or freeze(publisher), KEY, since)


def test_a_lost_post_is_found_by_its_source(script, publisher):
    script.in_turn(OWN, [[status(50)], []]).on(
        "/api/v1/statuses/50/source", {"id": "50", "text": "Good morning  #shareASM"}
    )
    assert find(publisher) == RECEIPT
    assert script.asked[1].url.params["exclude_reblogs"] == "true"


def test_without_sources_a_lost_post_is_found_by_what_it_shows(script, publisher):
    script.in_turn(OWN, [[our(51, content="<p>other</p>"), our(50)], []])
    assert find(publisher).local_id == "50"


def test_another_text_is_another_post(script, publisher):
    script.in_turn(OWN, [[our(50)], []]).on("/api/v1/statuses/50/source", {"text": "Good evening #shareASM"})
    assert find(publisher) is None


@pytest.mark.parametrize("source", [{"x": 1}, httpx.Response(405)])
def test_an_odd_source_is_no_source(script, publisher, source):
    script.in_turn(OWN, [[our(50)], []]).on("/api/v1/statuses/50/source", source)
    assert find(publisher).local_id == "50"


@pytest.mark.parametrize(
    "changes",
    [
        {"spoiler_text": "other"},
        {"media_attachments": [{"id": "1", "type": "image", "url": "x"}]},
        {"in_reply_to_id": "49"},
        {"created_at": "2027-02-03T09:40:00Z"},
        {"created_at": "yesterday"},
        {"account": None},
    ],
)
def test_a_post_with_another_frame_is_another_post(script, publisher, changes):
    script.in_turn(OWN, [[our(50, **changes)], []])
    assert find(publisher) is None


def test_a_reply_with_warning_and_picture_is_found(server, script, publisher):
    server.post(MEDIA, json={"id": "77", "url": "x"})
    payload = freeze(publisher, Thread(RECEIPT, RECEIPT), content_warning="Vorsicht & <i>", media=(PICTURE,))
    frame = {"spoiler_text": "Vorsicht & <i", "in_reply_to_id": "50", "media_attachments": [{"id": "77"}]}
    script.in_turn(OWN, [[our(51, **frame)], []])
    assert find(publisher, payload).local_id == "51"


def test_of_two_posts_the_older_one_is_ours(script, publisher):
    script.in_turn(OWN, [[our(52), our(50)], []])
    assert find(publisher).local_id == "50"


def test_looking_ends_where_posts_are_too_old(script, publisher):
    script.on(OWN, [status(60), status(1)])
    assert find(publisher) is None
    assert script.paths().count(OWN) == 1


def test_looking_goes_on_over_a_busy_account(script, publisher):
    script.in_turn(OWN, [[status(99), status(98)], [our(50)], []])
    assert find(publisher).local_id == "50"
    bounds = [request.url.params.get("max_id") for request in script.asked if request.url.path == OWN]
    assert bounds == [None, "98", "50"]


def test_looking_is_bounded(script, publisher):
    numbers = iter(range(1000, 0, -1))
    script.on(OWN, lambda request: [status(next(numbers), created_at=NOW.isoformat())])
    assert find(publisher) is None
    assert script.paths().count(OWN) == 5


@pytest.mark.parametrize("answer", [{"error": "x"}, httpx.Response(200, text="<html>"), [our(50, uri="a b")]])
def test_a_look_that_cannot_be_read_is_no_look(script, publisher, answer):
    script.on(OWN, answer)
    with pytest.raises(Unreachable):
        find(publisher)


@pytest.mark.parametrize(
    ("content", "words", "does"),
    [
        ("<p>a https://iied.example/x</p>", "a https://iied.example/x", True),
        (
            "<p>a <a href='https://iied.example/x'><span class=invisible>https://</span>iied…</a></p>",
            "a https://iied.example/x",
            True,
        ),
        ("<p>a https://iied.example/y</p>", "a https://iied.example/x", False),
        ("<p>hi <a href='https://b.example/@amina'>@<span>amina</span></a></p>", "hi @amina@b.example", True),
        ("<p>look at <a href='http://iied.org'>iied.org</a></p>", "look at iied.org", True),
        ("<i>bold</i> and x", "*bold* and <x>x", False),
        ("one<br>two", "one\n\ntwo", True),
    ],
)
def test_what_is_shown_is_compared_by_letters_and_addresses(content, words, does):
    assert shows(content, words) is does


# ---- changing and taking back ------------------------------------------------------------------------------------------


@pytest.fixture
def stands(script):
    """Let our post stand on the server as given."""
    return lambda **changes: script.on("GET /api/v1/statuses/50", status(50, **changes))


def test_an_edit_changes_the_words(server, publisher, stands):
    stands()
    server.put(f"{POST}/50", json=status(50))
    assert publisher.edit(freeze(publisher, content_warning="mercury"), RECEIPT) == RECEIPT
    body = form(server.calls[0])
    assert body["status"] == ["Good morning #shareASM"]
    assert body["spoiler_text"] == ["mercury"]


def test_an_edit_with_pictures_sends_their_ids(server, publisher, stands):
    stands()
    server.post(MEDIA, json={"id": "77", "url": "x"})
    server.put(f"{POST}/50", json=status(50))
    publisher.edit(freeze(publisher, media=(PICTURE,)), RECEIPT)
    assert form(server.calls[1])["media_ids[]"] == ["77"]


def test_a_post_is_taken_back(server, publisher):
    server.delete(f"{POST}/50", json=status(50))
    publisher.delete(RECEIPT)
    assert len(server.calls) == 1


def test_taking_back_what_is_gone_is_no_error(server, publisher):
    server.delete(f"{POST}/50", status=404, json={"error": "Record not found"})
    publisher.delete(RECEIPT)


def test_a_server_that_cannot_delete_says_so(server, publisher, script):
    script.on("/api/v1/statuses/50", status(50))
    server.delete(f"{POST}/50", status=404)
    with pytest.raises(Rejected):
        publisher.delete(RECEIPT)


# ---- what the server is ------------------------------------------------------------------------------------------------


def test_the_account_of_the_token_is_named(publisher, script):
    assert publisher.verify() == "iied@mastodon.example"
    publisher.verify()
    assert script.paths().count("/api/v1/accounts/verify_credentials") == 1


def test_the_account_goes_by_the_domain_that_its_server_says(publisher, script):
    script.on("/api/v2/instance", {"domain": "example.org"})
    assert publisher.verify() == "iied@example.org"


@pytest.mark.parametrize("answer", [{"id": "7"}, {"id": "7", "acct": "a b"}, [], httpx.Response(200, text="{")])
def test_an_account_that_cannot_be_read_is_an_error(publisher, script, answer):
    script.on("/api/v1/accounts/verify_credentials", answer)
    with pytest.raises(Unreachable):
        publisher.verify()


@pytest.mark.parametrize(
    "answer", [httpx.Response(401, json={"error": "x"}), httpx.Response(422), httpx.Response(400, text="Bad")]
)
def test_a_bad_token_is_noticed_at_sign_in(publisher, script, answer):
    script.on("/api/v1/accounts/verify_credentials", answer)
    with pytest.raises(Unauthorized):
        publisher.verify()


CONFIGURATION = {
    "statuses": {"max_characters": 1000, "max_media_attachments": 6, "characters_reserved_per_url": 30},
    "media_attachments": {"image_size_limit": 500_000, "description_limit": 10_000},
}


MASTODON = Limits(500, 23, repeat=Repeat.AN_HOUR, can_edit=True, counting=Counting.MASTODON)


def test_limits_are_the_servers_and_asked_once(publisher, script):
    script.on("/api/v2/instance", {"configuration": CONFIGURATION})
    assert publisher.limits() == replace(
        MASTODON, text_length=1000, url_length=30, media_count=6, alt_length=10_000, image_bytes=500_000
    )
    asked = len(script.asked)
    publisher.limits()
    assert len(script.asked) == asked


def test_what_a_repeat_does_is_asked_again_until_the_server_says_what_it_is(publisher, script):
    well = script.routes["/.well-known/nodeinfo"]
    script.on("/.well-known/nodeinfo", httpx.Response(502))
    assert publisher.limits().repeat is Repeat.NEVER
    script.on("/.well-known/nodeinfo", well)
    assert publisher.limits().repeat is Repeat.AN_HOUR


def test_an_old_server_says_its_limits_in_version_one(publisher, script):
    script.on("/api/v1/instance", {"max_toot_chars": 5000})
    assert publisher.limits().text_length == 5000


def test_a_server_that_says_nothing_is_taken_as_mastodon(publisher, script):
    script.on("/api/v1/instance", httpx.Response(404))
    assert publisher.limits() == MASTODON


@pytest.mark.parametrize(
    ("software", "repeat", "url_length"),
    [
        ("mastodon", Repeat.AN_HOUR, 23),
        ("hollo", Repeat.AN_HOUR, 23),
        ("akkoma", Repeat.AN_HOUR, 23),
        ("gotosocial", Repeat.NEVER, None),
        ("snac", Repeat.NEVER, None),
        ("takahe", Repeat.NEVER, None),
        ("pixelfed", Repeat.NEVER, 23),
        ("", Repeat.NEVER, 23),
    ],
)
def test_what_a_repeat_does_depends_on_the_program(software, repeat, url_length):
    limits = read_limits({}, software)
    assert (limits.repeat, limits.url_length) == (repeat, url_length)


@pytest.mark.parametrize(
    "instance",
    [
        {"configuration": 5},
        {"configuration": {"statuses": [], "media_attachments": None}},
        {"configuration": {"statuses": {"max_characters": "many"}}},
        {"max_toot_chars": True},
        {"max_toot_chars": -1},
    ],
)
def test_nonsense_in_an_instance_is_left_aside(instance):
    assert read_limits(instance, "mastodon").text_length == 500


def test_a_pleroma_that_counts_addresses_whole_says_zero():
    assert (
        read_limits({"configuration": {"statuses": {"characters_reserved_per_url": 0}}}, "pleroma").url_length is None
    )


@pytest.mark.shared
def test_instances_of_the_corpus_have_believable_limits(shared: Path):
    for name in ("instances.soapbox.jsonl", "instances.tootsdk.jsonl"):
        for line in (shared / "corpus/real/mastodon" / name).read_text("utf-8").split("\n"):
            limits = read_limits(json.loads(line)["payload"], "") if line else None
            assert limits is None or 500 <= limits.text_length <= 200_000


# ---- whose token it is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["freeze", "publish", "find"])
def test_nothing_is_sent_with_a_token_of_another_account(script, server, call):
    strangers = MastodonPublisher(
        SERVER,
        "secret",
        user_agent="shareasm/1",
        now=lambda: NOW,
        prepare=lambda path, limits: None,
        handle="planetgold@mastodon.example",
        transport=script.transport,
    )
    with pytest.raises(Unauthorized, match=r"the token is of iied@.*the plan says planetgold@mastodon\.example"):
        {
            "freeze": lambda: freeze(strangers),
            "publish": lambda: strangers.publish('{"status": "x"}', KEY),
            "find": lambda: strangers.find('{"status": "x"}', KEY, NOW),
        }[call]()
    assert len(server.calls) == 0


def test_the_account_that_the_plan_names_is_asked_for_once(script, server, publisher):
    publisher._handle = "IIED@mastodon.example"
    freeze(publisher)
    freeze(publisher)
    assert [request.url.path for request in script.asked].count("/api/v1/accounts/verify_credentials") == 1


# ---- all that a post may carry -----------------------------------------------------------------------------------------


INSTANCE = {
    "api_versions": {"mastodon": 8},
    "configuration": {
        "polls": {
            "max_options": 4,
            "max_characters_per_option": 50,
            "min_expiration": 300,
            "max_expiration": 2_629_746,
        },
        "media_attachments": {"supported_mime_types": ["video/mp4"], "video_size_limit": 1000},
    },
}
POLL = DraftPoll(("gold", "tin & zinc"), timedelta(hours=2), is_multiple=True)
QUOTED = Receipt(PostRef(Network.MASTODON, f"{SERVER}/users/iied/statuses/7"), f"{SERVER}/@iied/7", "7")
FILM = DraftVideo("pit.mp4", "A pit", captions=(("en", "pit.vtt"),))


def new(script):
    return script.on("/api/v2/instance", INSTANCE)


def sent(server, publisher, ties=None, **changes):
    server.post(POST, json=status(50))
    publisher.publish(freeze_tied(publisher, ties or Ties(), **changes), KEY)
    return form(server.calls[-1])


def freeze_tied(publisher, ties, **changes):
    wanted = draft(**changes)
    return publisher.freeze(wanted, KEY, publisher.prepare(wanted, Path("media")), ties, NOW)


def test_a_poll_is_sent_with_its_time_in_seconds(server, script, publisher):
    new(script)
    body = sent(server, publisher, poll=POLL)
    assert body["poll[options][]"] == ["gold", "tin & zinc"]
    assert (body["poll[expires_in]"], body["poll[multiple]"]) == ([7200], [True])


@pytest.mark.parametrize("software", ["snac", "pixelfed"])
def test_where_a_server_takes_no_polls_the_words_go_alone(server, script, publisher, software):
    new(script).on("/nodeinfo/2.0", {"software": {"name": software}})
    assert not [name for name in sent(server, publisher, poll=POLL) if name.startswith("poll")]


def test_a_quote_names_the_quoted_post(server, script, publisher):
    new(script)
    body = sent(server, publisher, Ties(quoted=QUOTED), quotes="welcome")
    assert body["quoted_status_id"] == ["7"]
    assert body["status"] == ["Good morning #shareASM"]


def test_where_a_server_knows_no_quotes_the_address_follows_the_words(server, publisher):
    body = sent(server, publisher, Ties(quoted=QUOTED), quotes="welcome")
    assert body["status"] == [f"Good morning #shareASM\n\n{QUOTED.url}"]
    assert "quoted_status_id" not in body


def test_the_address_of_a_quoted_post_must_fit(script, publisher):
    words = "x" * 480
    with pytest.raises(Rejected, match="505 characters"):
        freeze_tied(publisher, Ties(quoted=QUOTED), text=words, quotes="welcome")
    new(script)
    publisher._limits = None
    freeze_tied(publisher, Ties(quoted=QUOTED), text=words, quotes="welcome")


def test_freezing_asks_nobody(script, publisher):
    new(script)
    wanted = draft(poll=POLL, quotes="welcome", text="@amina@mastodon.example hello")
    prepared = publisher.prepare(wanted, Path("media"))
    asked = len(script.asked)
    publisher.freeze(wanted, KEY, prepared, Ties(Thread(RECEIPT, RECEIPT), QUOTED), NOW)
    assert len(script.asked) == asked


@pytest.mark.parametrize(
    ("changes", "flag"),
    [({}, "0"), ({"labels": ("graphic-media",)}, "1"), ({"content_warning": "An injury"}, "1")],
)
def test_labels_and_warnings_hide_the_pictures(server, publisher, changes, flag):
    assert sent(server, publisher, **changes)["sensitive"] == [flag]


def test_a_post_may_say_that_nobody_may_quote_it(server, publisher):
    assert "quote_approval_policy" not in sent(server, publisher)
    assert sent(server, publisher, may_be_quoted=False)["quote_approval_policy"] == ["nobody"]


def test_a_video_is_uploaded_alone_and_without_captions(server, script, publisher):
    new(script)
    server.post(MEDIA, status=202, json={"id": "77", "url": None})
    server.get("/api/v1/media/77", json={"id": "77", "url": "https://files.example/77.mp4"})
    assert json.loads(freeze(publisher, media=(PICTURE,), video=FILM))["media_ids"] == ["77"]
    body = upload_form(server)
    assert b"video of pit.mp4" in body
    assert b"A pit" in body
    assert b"vtt" not in body


def test_without_a_way_to_prepare_videos_none_is_sent(script, publisher):
    new(script)
    publisher._uploads._prepare_video = None
    with pytest.raises(Rejected, match="videos"):
        freeze(publisher, video=FILM)


# ---- uploads that died, or were never ready ----------------------------------------------------------------------------


def test_a_file_that_is_there_already_is_not_uploaded_again_when_another_one_fails(server, publisher):
    second = DraftMedia("second.png", "A mine")
    server.post(MEDIA, json={"id": "77", "url": "x"})
    server.post(MEDIA, status=500)
    server.post(MEDIA, json={"id": "78", "url": "x"})
    server.get("/api/v1/media/77", json={"id": "77", "url": "x"})
    with pytest.raises(Unreachable):
        freeze(publisher, media=(PICTURE, second))
    assert json.loads(freeze(publisher, media=(PICTURE, second)))["media_ids"] == ["77", "78"]
    assert [request.url.path for request in server.calls].count(MEDIA) == 3


def test_a_picture_that_was_replaced_meanwhile_is_uploaded_anew(server, publisher):
    second = DraftMedia("second.png", "A mine")
    server.post(MEDIA, json={"id": "77", "url": "x"})
    server.post(MEDIA, status=500)
    server.post(MEDIA, json={"id": "78", "url": "x"})
    server.post(MEDIA, json={"id": "79", "url": "x"})
    with pytest.raises(Unreachable):
        freeze(publisher, media=(PICTURE, second))
    publisher._uploads._prepare = lambda path, limits: PreparedImage(b"better", "image/png", 64, 48)
    assert json.loads(freeze(publisher, media=(PICTURE, second)))["media_ids"] == ["78", "79"]


def test_an_upload_of_yesterday_is_made_anew(server, publisher, script):
    second = DraftMedia("second.png", "A mine")
    server.post(MEDIA, json={"id": "77", "url": "x"})
    server.post(MEDIA, status=500)
    server.post(MEDIA, json={"id": "78", "url": "x"})
    server.get("/api/v1/media/77", json={"id": "77", "url": "x"})
    with pytest.raises(Unreachable):
        freeze(publisher, media=(PICTURE, second))
    publisher._api.now = lambda: NOW + timedelta(hours=21)
    freeze(publisher, media=(PICTURE,))
    assert "/api/v1/media/77" not in script.paths()


def test_an_upload_serves_one_post_only(server, publisher):
    server.post(MEDIA, json={"id": "77", "url": "x"})
    server.post(MEDIA, json={"id": "78", "url": "x"})
    ids = [json.loads(freeze(publisher, media=(PICTURE,)))["media_ids"] for _ in range(2)]
    assert ids == [["77"], ["78"]]


def test_a_file_that_takes_long_is_asked_for_later_and_not_sent_again(server, publisher):
    server.post(MEDIA, status=202, json={"id": "77", "url": None})
    for _ in range(5):
        server.get("/api/v1/media/77", status=206, json={"id": "77", "url": None})
    server.get("/api/v1/media/77", json={"id": "77", "url": "x"})
    with pytest.raises(RateLimited, match="still working"):
        freeze(publisher, media=(PICTURE,))
    assert json.loads(freeze(publisher, media=(PICTURE,)))["media_ids"] == ["77"]
    assert [request.url.path for request in server.calls].count(MEDIA) == 1


def test_a_begun_upload_that_died_is_made_anew(server, publisher):
    server.post(MEDIA, status=202, json={"id": "77", "url": None})
    for _ in range(5):
        server.get("/api/v1/media/77", status=206, json={"id": "77", "url": None})
    server.get("/api/v1/media/77", status=404, json={"error": "Record not found"})
    server.post(MEDIA, json={"id": "78", "url": "x"})
    with pytest.raises(RateLimited):
        freeze(publisher, media=(PICTURE,))
    assert json.loads(freeze(publisher, media=(PICTURE,)))["media_ids"] == ["78"]


@pytest.mark.parametrize("words", ["Média 77 introuvable", "Bad Request: media not found: 77"])
def test_a_post_whose_uploads_died_is_stale(server, publisher, words):
    server.post(MEDIA, json={"id": "77", "url": "x"})
    server.post(POST, status=422, json={"error": words})
    with pytest.raises(Stale, match="must be made anew"):
        publisher.publish(freeze(publisher, media=(PICTURE,)), KEY)


@pytest.mark.parametrize(
    "answer", [{"json": {"id": "77"}}, {"status": 206, "json": {"id": "77"}}, {"status": 400, "json": {}}]
)
def test_a_post_that_is_refused_for_another_reason_is_not_stale(server, publisher, answer):
    server.post(MEDIA, json={"id": "77", "url": "x"})
    server.post(POST, status=422, json={"error": "Text character limit of 500 exceeded"})
    server.get("/api/v1/media/77", **answer)
    with pytest.raises(Rejected) as caught:
        publisher.publish(freeze(publisher, media=(PICTURE,)), KEY)
    assert not isinstance(caught.value, Stale)


def test_a_post_without_files_is_never_stale(server, script, publisher):
    server.post(POST, status=422, json={"error": "Text can't be blank"})
    with pytest.raises(Rejected) as caught:
        publisher.publish(freeze(publisher), KEY)
    assert not isinstance(caught.value, Stale)
    assert script.paths() == [POST]


# ---- which of our posts it is ------------------------------------------------------------------------------------------


def test_of_two_posts_of_the_same_words_the_files_tell_which_is_ours(server, script, publisher):
    server.post(MEDIA, json={"id": "77", "url": "x"})
    payload = freeze(publisher, media=(PICTURE,))
    ours, theirs = (our(number, media_attachments=[{"id": id_}]) for number, id_ in ((51, "77"), (50, "76")))
    script.in_turn(OWN, [[ours, theirs], []])
    assert find(publisher, payload).local_id == "51"


def test_where_files_are_named_anew_their_number_must_do(server, script, publisher):
    script.on("/nodeinfo/2.0", {"software": {"name": "snac"}})
    server.post(MEDIA, json={"id": "77", "url": "x"})
    payload = freeze(publisher, media=(PICTURE,))
    script.in_turn(OWN, [[our(50, media_attachments=[{"id": "50_0"}])], []])
    assert find(publisher, payload).local_id == "50"


@pytest.mark.parametrize(
    ("poll", "is_ours"),
    [
        ({"options": [{"title": "gold"}, {"title": "tin &amp; zinc"}]}, False),
        ({"options": [{"title": "gold"}, {"title": "tin & zinc"}]}, True),
        (None, False),
    ],
)
def test_a_lost_poll_is_found_by_its_options(script, publisher, poll, is_ours):
    new(script).in_turn(OWN, [[our(50, poll=poll)], []])
    assert (find(publisher, freeze(publisher, poll=POLL)) is not None) is is_ours


def test_a_poll_is_not_taken_for_the_words_alone(script, publisher):
    script.in_turn(OWN, [[our(50, poll={"options": [{"title": "gold"}]})], []])
    assert find(publisher) is None


@pytest.mark.parametrize(
    ("quote", "is_ours"),
    [
        ({"state": "accepted", "quoted_status": {"id": "7", "uri": "x"}}, True),
        ({"state": "accepted", "quoted_status": {"id": "8", "uri": "x"}}, False),
        ({"state": "pending", "quoted_status": None}, True),
        (None, False),
    ],
)
def test_a_lost_quote_is_found_by_what_it_quotes(script, publisher, quote, is_ours):
    new(script).in_turn(OWN, [[our(50, quote=quote)], []])
    payload = freeze_tied(publisher, Ties(quoted=QUOTED), quotes="welcome")
    assert (find(publisher, payload) is not None) is is_ours


def test_of_equal_posts_the_first_since_the_attempt_is_ours(script, publisher):
    since = datetime(2027, 2, 3, 9, 50, 0, 300_000, tzinfo=UTC)
    script.in_turn(OWN, [[our(52), our(50), our(49)], []])  # a server may tell whole seconds only
    assert find(publisher, since=since).local_id == "50"


def test_where_the_servers_clock_lags_the_last_one_before_is_ours(script, publisher):
    script.in_turn(OWN, [[our(50), our(49)], []])
    assert find(publisher, since=datetime(2027, 2, 3, 9, 51, tzinfo=UTC)).local_id == "50"


# ---- editing -----------------------------------------------------------------------------------------------------------


def poll_ending(at, *titles):
    return {"options": [{"title": title} for title in titles], "expires_at": at.isoformat(), "multiple": True}


def test_an_edit_keeps_the_votes_and_the_end_of_a_poll(server, script, publisher, stands):
    new(script)
    stands(poll=poll_ending(NOW + timedelta(minutes=40), "gold", "tin & zinc"))
    server.put(f"{POST}/50", json=status(50))
    publisher.edit(freeze(publisher, poll=POLL, text="Good evening #shareASM"), RECEIPT)
    body = form(server.calls[-1])
    assert body["poll[options][]"] == ["gold", "tin & zinc"]
    assert body["poll[expires_in]"] == [2400]
    assert body["poll[multiple]"] == [True]


@pytest.mark.parametrize(
    "present",
    [
        None,
        poll_ending(NOW + timedelta(minutes=40), "gold", "silver"),
        poll_ending(NOW + timedelta(minutes=4), "gold", "tin & zinc"),
        poll_ending(NOW - timedelta(minutes=4), "gold", "tin & zinc"),
    ],
)
def test_an_edit_that_would_lose_votes_is_refused(server, script, publisher, stands, present):
    new(script)
    stands(poll=present)
    server.put(f"{POST}/50", json=status(50))
    with pytest.raises(Rejected, match="votes would be lost"):
        publisher.edit(freeze(publisher, poll=POLL), RECEIPT)
    assert server.calls == []


def test_an_edit_that_says_no_poll_does_not_take_one_away(server, publisher, stands):
    stands(poll=poll_ending(NOW + timedelta(minutes=40), "gold", "tin"))
    server.put(f"{POST}/50", json=status(50))
    with pytest.raises(Rejected, match="votes would be lost"):
        publisher.edit(freeze(publisher), RECEIPT)


def test_an_edit_names_all_that_is_to_stay(server, publisher, stands):
    stands()
    server.put(f"{POST}/50", json=status(50))
    publisher.edit(freeze(publisher, language="fr", visibility="unlisted", may_be_quoted=False), RECEIPT)
    assert form(server.calls[0]) == {
        "status": ["Good morning #shareASM"],
        "sensitive": ["0"],
        "language": ["fr"],
        "spoiler_text": [""],
        "quote_approval_policy": ["nobody"],
    }


def test_an_edit_made_already_is_no_error(server, publisher, stands):
    stands(content="<p>Good morning #shareASM</p>")
    server.put(f"{POST}/50", status=422, json={"error": "Unprocessable Entity: status was not changed"})
    assert publisher.edit(freeze(publisher), RECEIPT) == RECEIPT


def test_an_edit_that_is_refused_says_why(server, publisher, stands):
    stands()
    server.put(f"{POST}/50", status=422, json={"error": "Text character limit of 500 exceeded"})
    with pytest.raises(Rejected, match="limit of 500"):
        publisher.edit(freeze(publisher), RECEIPT)


def test_an_edit_with_dead_uploads_is_stale(server, publisher, stands):
    stands()
    server.post(MEDIA, json={"id": "77", "url": "x"})
    server.put(f"{POST}/50", status=422, json={"error": "Media 77 not found"})
    with pytest.raises(Stale):
        publisher.edit(freeze(publisher, media=(PICTURE,)), RECEIPT)


def test_the_files_that_hang_on_the_post_already_are_not_dead(server, publisher, stands):
    stands(media_attachments=[{"id": "77"}])
    server.post(MEDIA, json={"id": "77", "url": "x"})
    server.put(f"{POST}/50", status=422, json={"error": "Text character limit of 500 exceeded"})
    with pytest.raises(Rejected) as caught:
        publisher.edit(freeze(publisher, media=(PICTURE,)), RECEIPT)
    assert not isinstance(caught.value, Stale)


def test_a_server_that_cannot_edit_says_so(server, publisher, stands):
    stands()
    server.put(f"{POST}/50", status=404)
    with pytest.raises(Rejected, match="cannot change posts"):
        publisher.edit(freeze(publisher), RECEIPT)


def test_a_post_that_is_taken_back_takes_its_files_along(server, publisher):
    server.delete(f"{POST}/50", json=status(50))
    publisher.delete(RECEIPT)
    assert server.calls[0].url.params["delete_media"] == "1"
    assert server.calls[0].content == b""


# ---- tokens ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tokens():
    return ["old"]


@pytest.fixture
def named(script, tokens):
    return MastodonPublisher(
        SERVER,
        lambda: tokens[-1],
        user_agent="shareasm/1",
        now=lambda: NOW,
        prepare=lambda path, limits: None,
        handle="iied@mastodon.example",
        transport=script.transport,
    )


def test_a_new_token_is_used_at_once(server, script, named, tokens):
    server.post(POST, json=status(50))
    named.publish(freeze(named), KEY)
    tokens.append("new")
    named.publish(freeze(named), KEY)
    assert [request.headers["Authorization"] for request in server.calls] == ["Bearer old", "Bearer new"]
    assert script.paths().count("/api/v1/accounts/verify_credentials") == 2


def test_a_new_token_of_another_account_is_refused(server, script, named, tokens):
    server.post(POST, json=status(50))
    payload = freeze(named)
    named.publish(payload, KEY)
    tokens.append("new")
    script.on("/api/v1/accounts/verify_credentials", {"id": "8", "acct": "amina", "url": f"{SERVER}/@amina"})
    for call in (
        lambda: named.publish(payload, KEY),
        lambda: named.edit(payload, RECEIPT),
        lambda: named.delete(RECEIPT),
    ):
        with pytest.raises(Unauthorized, match="the token is of amina"):
            call()
    assert len(server.calls) == 1


def test_a_token_that_is_stored_in_the_middle_of_a_call_waits_for_the_next(server, script, named, tokens):
    payload = freeze(named)

    def answer(request):
        tokens.append("stranger's")
        return {"id": "7", "acct": "iied", "url": f"{SERVER}/@iied"}

    tokens.append("new")
    script.on("/api/v1/accounts/verify_credentials", answer)
    server.post(POST, json=status(50))
    named.publish(payload, KEY)
    assert server.calls[0].headers["Authorization"] == "Bearer new"


def test_a_parent_that_was_deleted_is_named_as_the_reason(server, publisher):
    server.post(POST, status=404, json={"error": "Record not found"})
    with pytest.raises(Rejected, match="answers or quotes was deleted"):
        publisher.publish(freeze(publisher, Thread(RECEIPT, RECEIPT)), KEY)


def test_all_clients_share_their_certificates(script):
    made = [Api(SERVER, user_agent="x", now=lambda: NOW) for _ in range(3)]
    assert (
        len({id(client._transport._pool._ssl_context) for api in made for client in (api._reading, api._writing)}) == 1
    )


# ---- what the server takes ---------------------------------------------------------------------------------------------


def test_polls_videos_and_quotes_are_what_the_server_says(script, publisher):
    limits = new(script) and publisher.limits()
    assert limits.can_edit
    assert limits.can_quote
    assert limits.has_polls
    assert limits.video_bytes == 1000
    assert limits.polls == PollLimits(4, 50, timedelta(minutes=5), timedelta(seconds=2_629_746))


@pytest.mark.parametrize(
    ("instance", "software", "holds"),
    [
        ({"api_versions": {"mastodon": 6}}, "mastodon", {"can_quote": False}),
        ({"api_versions": {"mastodon": 7}}, "mastodon", {"can_quote": True}),
        (INSTANCE, "pixelfed", {"has_polls": False, "video_bytes": 1000}),
        (INSTANCE, "snac", {"has_polls": False}),
        ({}, "takahe", {"has_polls": False, "video_bytes": None, "can_quote": False}),
        (
            {"configuration": {"media_attachments": {"supported_mime_types": ["image/png"], "video_size_limit": 9}}},
            "takahe",
            {"video_bytes": None},
        ),
        (
            {
                "poll_limits": {
                    "max_options": 20,
                    "max_option_chars": 200,
                    "min_expiration": 0,
                    "max_expiration": 31_536_000,
                }
            },
            "pleroma",
            {"polls": PollLimits(20, 200, timedelta(0), timedelta(days=365))},
        ),
    ],
)
def test_what_a_server_takes_depends_on_what_it_is(instance, software, holds):
    limits = read_limits(instance, software)
    assert {name: getattr(limits, name) for name in holds} == holds


ADDRESS = "https://iied.example/" + "x" * 60


@pytest.mark.parametrize(
    ("software", "length"),
    [
        ("mastodon", 5 + len("@amina ") + 23 + 2),
        ("gotosocial", 5 + len("@amina@a.example ") + len(ADDRESS) + 1 + 4),
        ("takahe", len("@amina@a.example ") + len(ADDRESS) + 1 + 4),
    ],
)
def test_a_post_is_as_long_as_its_server_counts(software, length):
    assert read_limits({}, software).count(f"@amina@a.example {ADDRESS} 👩🏿‍🏭", "blood") == length


def test_a_look_at_a_file_that_fails_forgets_nothing(server, publisher):
    server.post(MEDIA, status=202, json={"id": "77", "url": None})
    server.get("/api/v1/media/77", status=502)
    server.get("/api/v1/media/77", json={"id": "77", "url": "x"})
    with pytest.raises(Unreachable):
        freeze(publisher, media=(PICTURE,))
    assert json.loads(freeze(publisher, media=(PICTURE,)))["media_ids"] == ["77"]
    assert [request.url.path for request in server.calls].count(MEDIA) == 1


def test_a_post_that_cannot_be_read_is_not_edited(server, publisher, script):
    script.on("GET /api/v1/statuses/50", [1])
    server.put(f"{POST}/50", json=status(50))
    with pytest.raises(Unreachable, match="our post"):
        publisher.edit(freeze(publisher), RECEIPT)
    assert server.calls == []


def test_an_id_stays_inside_its_address(script, publisher):
    with pytest.raises(NotThere):
        publisher.edit(freeze(publisher), replace(RECEIPT, local_id="../../50?x"))
    assert script.asked[-1].url.raw_path == b"/api/v1/statuses/..%2F..%2F50%3Fx"


def test_an_id_that_is_none_is_no_receipt(server, publisher):
    server.post(POST, json=status(50, id="fünf"))
    with pytest.raises(Unreachable) as caught:
        publisher.publish(freeze(publisher), KEY)
    assert caught.value.is_outcome_unknown
