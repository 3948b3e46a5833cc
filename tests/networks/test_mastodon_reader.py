"""Reading a tag from a Mastodon-API server, and asking again about posts."""

import gzip
import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from networks.mastodon_fakes import NOW, SERVER, Script, status, timeline
from shareasm.domain.changes import Gone, Seen, Skipped
from shareasm.domain.posts import Network, PostRef
from shareasm.errors import NetworkError, RateLimited, Rejected, Unauthorized, Unreachable
from shareasm.networks.mastodon.reader import MastodonReader
from shareasm.networks.ports import Window

TAG = "/api/v1/timelines/tag/shareASM"
DAY = Window(NOW - timedelta(hours=12), NOW + timedelta(hours=12))


def reader(script, token=None, now=lambda: NOW):
    return MastodonReader(SERVER, user_agent="shareasm/1", now=now, token=token, transport=script.transport)


def ids(pages):
    return [int(seen.local_id) for page in pages for seen in page.posts]


def ref(number):
    return PostRef(Network.MASTODON, status(number)["uri"])


def read(script, checkpoint=None, token=None):
    """Return the ids that one read brought, and the checkpoint after it."""
    pages = list(reader(script, token).read_tag("shareASM", DAY, checkpoint))
    kept = [page.checkpoint for page in pages if page.checkpoint]
    return ids(pages), (kept[-1] if kept else checkpoint)


# ---- paging ------------------------------------------------------------------------------------------------------------


def test_the_first_read_goes_down_to_the_opening_of_the_window():
    script = Script().on(TAG, timeline(*range(1, 101)))
    found, checkpoint = read(script)
    assert sorted(found) == list(range(1, 101))
    assert json.loads(checkpoint)["min_id"] == "100"


def test_the_first_read_stops_where_everything_is_older_than_the_window():
    script = Script().on(TAG, timeline(*range(1, 2001)))
    late = Window(NOW + timedelta(minutes=1900), NOW + timedelta(days=3))
    pages = list(reader(script).read_tag("shareASM", late, None))
    assert script.paths().count(TAG) < 5
    assert pages


def test_the_next_read_brings_what_is_newer_oldest_first():
    script = Script().on(TAG, timeline(*range(1, 201)))
    found, checkpoint = read(script, '{"min_id":"100"}')
    assert found == list(range(101, 201))
    assert json.loads(checkpoint)["min_id"] == "200"
    assert read(script, checkpoint) == ([], checkpoint)


def test_the_checkpoint_moves_with_each_page():
    script = Script().on(TAG, timeline(*range(1, 101)))
    pages = reader(script).read_tag("shareASM", DAY, '{"min_id":"0"}')
    assert json.loads(next(pages).checkpoint) == {"min_id": "40", "newest": []}


def test_a_sweep_brings_what_lies_below_the_cursor():
    script = Script().on(TAG, timeline(*range(1, 61)))
    assert sorted(ids(reader(script).sweep_tag("shareASM", DAY))) == list(range(1, 61))


def test_a_read_without_posts_has_no_checkpoint():
    assert read(Script().on(TAG, [])) == ([], None)


@pytest.mark.parametrize("checkpoint", ["", "nonsense", "[]", '{"min_id":5}'])
def test_an_unreadable_checkpoint_means_to_begin_anew(checkpoint):
    assert read(Script().on(TAG, timeline(1, 2)), checkpoint)[0] == [1, 2]


def test_the_same_page_again_ends_the_paging():
    script = Script().on(TAG, [status(9), status(8)])
    assert read(script)[0] == [8, 9]
    assert len([path for path in script.paths() if path == TAG]) == 2
    assert read(script, '{"min_id":"1"}')[0] == [8, 9]


def test_a_full_page_again_is_no_end_but_a_failure():
    newest = [status(number) for number in range(100, 60, -1)]
    script = Script().on(TAG, newest)
    pages = []
    with pytest.raises(Unreachable, match="the same page again"):
        pages.extend(reader(script).sweep_tag("shareASM", DAY))
    assert len(ids(pages)) == 40


def test_a_page_with_one_known_post_goes_on():
    script = Script().in_turn(TAG, [[status(9), status(8)], [status(8), status(7)], []])
    assert sorted(set(read(script)[0])) == [7, 8, 9]


def test_ids_that_jump_are_all_read():
    script = Script().in_turn(TAG, [[status(n) for n in (5, 90, 7, 1000)], [status(4), status(2000)], []])
    assert sorted(read(script)[0]) == [4, 5, 7, 90, 1000, 2000]


def test_links_of_the_server_are_never_followed():
    links = httpx.Response(200, json=[status(9)], headers={"Link": '<https://evil.example/x?max_id=9>; rel="next"'})
    script = Script().in_turn(TAG, [links, []])
    read(script)
    assert {request.url.host for request in script.asked} == {"mastodon.example"}


def test_paging_is_bounded():
    counter = iter(range(100_000, 0, -1))
    script = Script().on(TAG, lambda request: [status(next(counter), created_at=NOW.isoformat()) for _ in range(40)])
    *pages, last = reader(script).sweep_tag("shareASM", DAY)
    assert (len(pages), [skipped.reason for skipped in last.skipped]) == (
        250,
        ["reading #shareASM ended after 10,000 posts; what is older and came late is not found here"],
    )
    rising = iter(range(1, 100_000))
    script = Script().on(TAG, lambda request: [status(next(rising)) for _ in range(40)])
    assert len(list(reader(script).read_tag("shareASM", DAY, '{"min_id":"0"}'))) == 25


@pytest.mark.parametrize("software", ["snac", "pixelfed"])
def test_a_server_without_cursor_is_read_down_to_a_known_post(software):
    script = Script(software).on(TAG, timeline(1, 2, 3, page=2))
    found, checkpoint = read(script)
    assert sorted(found) == [1, 2, 3]
    assert json.loads(checkpoint) == {"min_id": None, "newest": [status(3)["uri"], status(2)["uri"]]}
    script.on(TAG, timeline(1, 2, 3, 4, 5, 6, page=2))
    found, checkpoint = read(script, checkpoint)
    assert sorted(found) == [3, 4, 5, 6]
    assert json.loads(checkpoint)["newest"] == [status(6)["uri"], status(5)["uri"]]


def test_a_read_that_breaks_off_halfway_down_leaves_the_checkpoint_alone():
    script = Script().in_turn(TAG, [[status(9), status(8)], httpx.Response(500)])
    pages = []
    with pytest.raises(Unreachable):
        pages.extend(reader(script).read_tag("shareASM", DAY, None))
    assert [page.checkpoint for page in pages] == [None]


def test_a_tag_is_quoted_in_the_path():
    script = Script("mastodon").on("/api/v1/timelines/tag/Käse/?x", [])
    list(reader(script).sweep_tag("#Käse/?x", DAY))
    assert script.asked[-1].url.raw_path.startswith(b"/api/v1/timelines/tag/K%C3%A4se%2F%3Fx?limit=40")


def test_every_request_says_who_asks():
    script = Script().on(TAG, [])
    read(script, token="secret")
    assert script.asked[0].headers["user-agent"] == "shareasm/1"
    assert script.asked[0].headers["authorization"] == "Bearer secret"


def test_what_is_not_public_is_counted_and_never_kept():
    script = Script().in_turn(TAG, [[status(2, visibility="direct"), status(1)], []])
    (page, _) = reader(script).read_tag("shareASM", DAY, None)
    assert ids([page]) == [1]
    assert page.skipped == (Skipped("not public", b"", secret=ref(2).uri),)
    assert page.gone == (Gone(ref(2), "not public"),)


# ---- answers that are none ---------------------------------------------------------------------------------------------


def failure(answer, token=None, software="mastodon"):
    script = Script(software).on(TAG, answer)
    with pytest.raises(NetworkError) as caught:
        read(script, token=token)
    assert "secret" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("code", [401, 403, 422])
def test_a_closed_timeline_says_what_to_do(code):
    error = failure(httpx.Response(code, json={"error": "This method requires an authenticated user"}))
    assert isinstance(error, Unauthorized)
    assert "signed in" in str(error)
    assert "campaign.yaml" in str(error)


@pytest.mark.parametrize("answer", [httpx.Response(401), httpx.Response(422), httpx.Response(400, text="Unauthorized")])
def test_a_refused_token_is_said_to_be_refused(answer):
    error = failure(answer, token="secret")
    assert isinstance(error, Unauthorized)
    assert "access token" in str(error)


def test_a_tag_that_nobody_used_is_unknown_to_gotosocial():
    assert read(Script("gotosocial").on(TAG, httpx.Response(404, json={"error": "Not Found"}))) == ([], None)


@pytest.mark.parametrize("code", [404, 410, 418, 406])
def test_elsewhere_no_timeline_is_an_error(code):
    assert isinstance(failure(httpx.Response(code, json={"error": "Record not found"})), Rejected)


@pytest.mark.parametrize("code", [500, 502, 503, 504, 520])
def test_a_server_in_trouble_is_asked_again_later(code):
    error = failure(httpx.Response(code, text="<html><body>Bad <b>gateway</b></body></html>"))
    assert isinstance(error, Unreachable)
    assert "Bad gateway" in str(error)


def test_a_redirect_is_not_followed():
    error = failure(httpx.Response(301, headers={"Location": "https://evil.example/"}))
    assert isinstance(error, Rejected)
    assert "evil.example" in str(error)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(200, text="<!DOCTYPE html><title>Just a moment...</title>"), "web page"),
        (httpx.Response(200, text=""), "nothing"),
        (httpx.Response(204), "nothing"),
        (httpx.Response(205), "nothing"),
        (httpx.Response(200, text='[{"id":"5","created_at":"2017'), "not readable"),
        (httpx.Response(200, json={"error": "The tag is too popular"}), "too popular"),
        (httpx.Response(200, json={"hello": 1}), "no list"),
        (httpx.Response(200, content=b"[" * 100_000 + b"]" * 100_000), "not readable"),
        (httpx.Response(200, content=b"[" + b" " * 11_000_000), "larger than"),
        (httpx.Response(200, content=gzip.compress(b" " * 30_000_000), headers={"Content-Encoding": "gzip"}), "larger than"),
        (httpx.Response(200, content=iter([b"no gzip at all"]), headers={"Content-Encoding": "gzip"}), "broke"),
        (httpx.Response(403, text="<html><title>Attention required</title>"), "firewall"),
        (httpx.ConnectError("refused"), "cannot be reached"),
        (httpx.ReadTimeout("slow"), "in time"),
        (httpx.RemoteProtocolError("cut"), "broke"),
    ],
)  # fmt: skip
def test_nonsense_is_a_failure_with_words_and_not_zero_posts(answer, words):
    error = failure(answer)
    assert isinstance(error, Unreachable)
    assert words in str(error)
    assert not error.is_outcome_unknown


def test_good_json_is_taken_whatever_its_content_type():
    script = Script().in_turn(TAG, [httpx.Response(200, text=json.dumps([status(1)])), []])
    assert read(script)[0] == [1]


def test_an_answer_that_drips_is_given_up(monkeypatch):
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr("shareasm.networks.mastodon.client.time.monotonic", lambda: next(clock))
    assert "longer than" in str(failure(httpx.Response(200, content=iter([b"[", b" ", b" ", b"]"]))))


# ---- patience ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "Wed, 03 Feb 2027 12:05:00 GMT"}, 300),
        ({"Retry-After": "Wed, 01 Feb 2017 09:05:00 GMT", "Date": "Wed, 01 Feb 2017 09:00:00 GMT"}, 300),
        ({"X-RateLimit-Reset": "2027-02-03T12:04:00.123456Z"}, 240),
        ({"X-RateLimit-Reset": "2017-02-01T09:05:00Z", "Date": "Wed, 01 Feb 2017 09:00:00 GMT"}, 300),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 90)}, 90),
        ({}, 60),
        ({"Retry-After": "soon", "X-RateLimit-Reset": "later", "Date": "never"}, 60),
        ({"Retry-After": "99999999999999999999"}, 3600),
        ({"Retry-After": "86400"}, 3600),
        ({"Retry-After": "0"}, 1),
        ({"X-RateLimit-Reset": "2027-02-03T11:00:00Z"}, 1),
    ],
)
def test_a_rate_limit_says_when_to_ask_again(headers, seconds):
    error = failure(httpx.Response(429, headers=headers, json={"error": "Too many requests"}))
    assert isinstance(error, RateLimited)
    assert error.until.replace(microsecond=0) == NOW + timedelta(seconds=seconds)


def test_a_throttled_gotosocial_asks_for_patience_with_503():
    error = failure(httpx.Response(503, headers={"Retry-After": "30"}))
    assert isinstance(error, RateLimited)
    assert error.until == NOW + timedelta(seconds=30)


def test_no_request_is_made_after_the_last_of_a_window():
    last = httpx.Response(
        200, json=[status(9)], headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2027-02-03T12:05:00Z"}
    )
    times = [NOW]
    script = Script("snac").on(TAG, lambda request: last if len(times) == 1 else [])
    mine = MastodonReader(SERVER, user_agent="x", now=lambda: times[-1], transport=script.transport)
    with pytest.raises(RateLimited) as caught:
        list(mine.sweep_tag("shareASM", DAY))
    assert caught.value.until == NOW + timedelta(minutes=5)
    assert len(script.asked) == 1
    times.append(NOW + timedelta(minutes=5))
    assert list(mine.sweep_tag("shareASM", DAY)) == []


# ---- asking again ------------------------------------------------------------------------------------------------------


BATCH = "/api/v1/statuses"


def check(script, *numbers):
    return reader(script).check([(ref(number), str(number)) for number in numbers])


def batch(*known):
    return lambda request: [status(int(one)) for one in request.url.params.get_list("id[]") if int(one) in known]


def test_posts_are_asked_for_twenty_at_a_time():
    script = Script().on(BATCH, batch(*range(50)))
    found = check(script, *range(45))
    assert set(found) == {ref(number) for number in range(45)}
    assert all(isinstance(state, Seen) for state in found.values())
    assert script.paths().count(BATCH) == 3
    assert not [path for path in script.paths() if path.startswith(f"{BATCH}/")]


def test_a_post_that_is_not_found_twice_is_gone():
    script = Script().on(BATCH, batch(1))
    found = check(script, 1, 2)
    assert found[ref(2)] == Gone(ref(2), "deleted")
    assert script.paths()[-3:] == ["/api/v1/statuses/2", "/api/v2/instance", "/api/v1/instance"]


def test_a_deletion_is_believed_where_the_next_batch_shows_posts():
    script = Script().on(BATCH, batch(*range(1, 45)))
    assert check(script, *range(45))[ref(0)] == Gone(ref(0), "deleted")
    assert "/api/v2/instance" not in script.paths()[-3:], "no request more than needed: limits are tight"


def test_a_server_that_is_unwell_deletes_nothing():
    script = Script().on(BATCH, batch()).on("/api/v1/instance", httpx.Response(502))
    with pytest.raises(Unreachable):
        check(script, 1)


@pytest.mark.parametrize("path", ["/api/v2/instance", "/api/v1/instance", "/.well-known/nodeinfo"])
def test_a_server_is_well_when_it_says_something_of_itself_wherever_that_is(path):
    script = Script().on("/api/v1/instance", httpx.Response(404)).on("/.well-known/nodeinfo", httpx.Response(404))
    script.on(path, {"links": []})
    assert check(script.on(BATCH, batch()), 1) == {ref(1): Gone(ref(1), "deleted")}


def test_answers_from_before_a_rate_limit_count():
    limited = httpx.Response(429, json={"error": "Too many"})
    script = Script().on(BATCH, httpx.Response(404)).on("/api/v1/statuses/3", status(3))
    for number in range(24, 45):
        script.on(f"/api/v1/statuses/{number}", limited)
    found = check(script, *range(45))
    assert isinstance(found[ref(3)], Seen)
    assert found[ref(4)] == Gone(ref(4), "deleted")
    assert set(found) == {ref(number) for number in range(20)}, "deletions count once the server is known to be well"
    assert script.paths().count("/api/v1/instance") == 2, "once for its domain, once for its health"


def test_a_rate_limit_before_any_answer_is_told():
    script = Script().on(BATCH, httpx.Response(404)).on("/api/v1/statuses/1", httpx.Response(429))
    with pytest.raises(RateLimited):
        check(script, 1, 2)


def test_a_post_that_a_batch_left_out_may_be_there():
    script = Script().on(BATCH, batch()).on("/api/v1/statuses/1", status(1))
    assert isinstance(check(script, 1)[ref(1)], Seen)


@pytest.mark.parametrize("single", [{}, {"/api/v1/statuses/1": status(1, visibility="private")}])
def test_a_post_that_is_no_longer_public_is_gone(single):
    script = Script().on(BATCH, [status(1, visibility="private")] if not single else [])
    for path, answer in single.items():
        script.on(path, answer)
    assert check(script, 1) == {ref(1): Gone(ref(1), "not public")}


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.Response(405), {"error": "x"}, httpx.Response(410)])
def test_a_server_that_refuses_batches_twice_is_asked_one_by_one_for_an_hour(answer):
    times = [NOW]
    script = Script().on(BATCH, answer).on("/api/v1/statuses/1", status(1)).on("/api/v1/statuses/2", status(2))
    mine = reader(script, now=lambda: times[-1])
    for _ in range(4):
        assert len(mine.check([(ref(1), "1"), (ref(2), "2")])) == 2
    assert script.paths().count(BATCH) == 2
    times.append(NOW + timedelta(hours=1))
    mine.check([(ref(1), "1")])
    assert script.paths().count(BATCH) == 3


def test_a_batch_that_is_refused_once_ends_no_batches():
    answers = iter([httpx.Response(404), [status(1)], httpx.Response(405), [status(1)]])
    script = Script().on(BATCH, lambda request: next(answers)).on("/api/v1/statuses/1", status(1))
    mine = reader(script)
    for _ in range(4):
        assert isinstance(mine.check([(ref(1), "1")])[ref(1)], Seen)
    assert script.paths().count(BATCH) == 4


@pytest.mark.parametrize(
    "answer", [httpx.Response(403, json={"error": "no"}), httpx.Response(401), httpx.Response(418)]
)
def test_a_post_that_could_not_be_asked_for_is_left_out(answer):
    assert check(Script().on(BATCH, []).on("/api/v1/statuses/1", answer), 1) == {}


def test_another_post_under_the_same_id_says_nothing():
    script = Script().on(BATCH, []).on("/api/v1/statuses/1", status(2)).on("/api/v1/statuses/3", {"id": "3"})
    assert check(script, 1, 3) == {}


def test_an_edit_is_seen():
    script = Script().on(BATCH, [status(1, content="<p>changed</p>", edited_at="2027-02-03T11:00:00Z")])
    seen = check(script, 1)[ref(1)]
    assert isinstance(seen, Seen)
    assert seen.post.text == "changed"


def test_an_id_is_quoted_in_the_path():
    script = Script().on(BATCH, httpx.Response(404))
    reader(script).check([(ref(1), "a/b?c"), (ref(2), ".."), (ref(3), "")])
    assert b"/api/v1/statuses/a%2Fb%3Fc" in [request.url.raw_path for request in script.asked]
    assert len(script.asked) == 4


def test_a_closed_server_stops_the_check():
    with pytest.raises(Unauthorized):
        check(Script().on(BATCH, httpx.Response(401)), 1, 2)


# ---- by which host its people go ---------------------------------------------------------------------------------------

V1, V2 = "/api/v1/instance", "/api/v2/instance"


def handles(script, count=1):
    mine = reader(script)
    return {
        seen.post.author.handle for _ in range(count) for page in mine.sweep_tag("shareASM", DAY) for seen in page.posts
    }


@pytest.mark.parametrize(
    ("v2", "v1", "host"),
    [
        ({"domain": "Example.org"}, {}, "example.org"),
        (httpx.Response(404), {"uri": "example.org"}, "example.org"),
        ({"title": "says no domain"}, {"uri": "example.org:8443"}, "example.org:8443"),
        (httpx.Response(404), {"uri": "https://example.org"}, "mastodon.example"),
        ({"domain": "evil.example/@amina"}, {"uri": "a b"}, "mastodon.example"),
        ({"domain": 5}, {"uri": None}, "mastodon.example"),
        (httpx.Response(502), {"uri": "example.org"}, "mastodon.example"),
        (httpx.Response(401), httpx.Response(401), "mastodon.example"),
    ],
)
def test_local_people_go_by_the_domain_that_their_server_says(v2, v1, host):
    script = Script().on(TAG, timeline(1)).on(V2, v2).on(V1, v1)
    assert handles(script) == {f"amina@{host}"}


def test_a_server_that_asks_for_patience_is_asked_for_nothing_else_either():
    script = Script().on(TAG, timeline(1)).on(V2, httpx.Response(429))
    with pytest.raises(RateLimited):
        handles(script)
    assert script.paths() == [TAG, V2]


def test_the_domain_is_asked_once_and_only_for_local_people():
    remote = status(2, account={"acct": "b@example.net", "url": "https://mastodon.example/@b@example.net"})
    script = Script().on(TAG, [remote]).on(V2, {"domain": "example.org"})
    assert handles(script) == {"b@example.net"}
    assert V2 not in script.paths()
    script.on(TAG, [remote, status(1)])
    assert handles(script, count=3) == {"b@example.net", "amina@example.org"}
    assert script.paths().count(V2) == 1


# ---- what the server is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "about"),
    [
        (httpx.Response(404), None),
        ({"links": "x"}, None),
        ({"links": [5, {"href": 5}, {"href": "javascript:x"}]}, None),
        ({"links": [{"href": "https://evil.example/nodeinfo/2.0"}]}, {"software": "snac"}),
        ({"links": [{"href": "https://evil.example/nodeinfo/2.0"}]}, {"software": {"name": 5}}),
    ],
)
def test_a_server_that_does_not_say_what_it_is_is_tried_before_its_cursor_is_believed(index, about):
    script = Script().on("/.well-known/nodeinfo", index).on("/nodeinfo/2.0", about).on(TAG, timeline(1, 2))
    assert json.loads(read(script)[1])["min_id"] == "2"
    assert {request.url.host for request in script.asked} == {"mastodon.example"}


@pytest.mark.parametrize(
    ("index", "about"),
    [
        (httpx.Response(502), None),
        ([], None),
        ({"links": [{"href": f"{SERVER}/nodeinfo/2.0"}]}, httpx.Response(500)),
        ({"links": [{"href": f"{SERVER}/nodeinfo/2.0"}]}, httpx.Response(200, text="{")),
    ],
)
def test_a_server_that_cannot_be_asked_what_it_is_gets_no_cursor_that_it_may_not_keep(index, about):
    script = Script("snac").on(TAG, timeline(1))
    well = dict(script.routes)
    script.on("/.well-known/nodeinfo", index).on("/nodeinfo/2.0", about)
    mine = reader(script)
    [*_, last] = mine.read_tag("shareASM", DAY, None)
    assert json.loads(last.checkpoint)["min_id"] is None
    script.routes = well
    [*_, last] = mine.read_tag("shareASM", DAY, last.checkpoint)
    assert json.loads(last.checkpoint) == {"min_id": None, "newest": [ref(1).uri]}


def newest_only(request):
    """What a server answers that knows no `min_id`."""
    return timeline(*range(1, 61))(httpx.Request("GET", request.url.copy_remove_param("min_id")))


@pytest.mark.parametrize(
    ("answers", "cursor"),
    [
        (timeline(*range(1, 61)), "60"),
        (timeline(60), None),  # nothing to try it with
        (newest_only, None),
        (lambda request: httpx.Response(500) if "min_id" in request.url.params else newest_only(request), None),
        (lambda request: [] if "min_id" in request.url.params else newest_only(request), None),  # it looks posts up
        (lambda request: timeline(*range(1, 61))(request)[::-1], None),
    ],
)
def test_the_cursor_of_an_unknown_program_is_believed_when_it_was_seen_to_hold(answers, cursor):
    script = Script("glasswing").on(TAG, answers)
    found, checkpoint = read(script)
    assert json.loads(checkpoint)["min_id"] == cursor
    assert found


def test_a_cursor_is_tried_once():
    script = Script("glasswing").on(TAG, timeline(1, 2, 3))
    mine = reader(script)
    for _ in range(3):
        list(mine.read_tag("shareASM", DAY, None))
    tried = [request for request in script.asked if "min_id" in request.url.params]
    assert [dict(request.url.params)["limit"] for request in tried] == ["1"]


def test_a_cursor_that_a_limit_kept_from_being_tried_is_tried_the_next_time():
    posts = timeline(1, 2, 3)
    script = Script("glasswing").on(TAG, lambda request: httpx.Response(429) if "min_id" in str(request.url) else posts)
    times = [NOW]
    mine = MastodonReader(SERVER, user_agent="shareasm/1", now=lambda: times[0], transport=script.transport)
    assert '"min_id":null' in list(mine.read_tag("shareASM", DAY, None))[-1].checkpoint
    script.on(TAG, posts)
    times[0] += timedelta(hours=1)
    assert '"min_id":"3"' in list(mine.read_tag("shareASM", DAY, None))[-1].checkpoint


def test_threads_may_share_a_server():
    script = Script().on(TAG, lambda _: httpx.Response(200, json=[], headers={"x-ratelimit-remaining": "0"}))
    mine = reader(script)
    list(mine.sweep_tag("shareASM", DAY))
    clock = mine._api.now

    def now():  # another thread notices between two looks of this one that the rest is over
        mine._api._rests_until = None
        return clock()

    mine._api.now = now
    with pytest.raises(RateLimited):
        list(mine.sweep_tag("shareASM", DAY))


def test_what_a_server_is_is_asked_once():
    script = Script("snac").on(TAG, timeline(1))
    mine = reader(script)
    for _ in range(3):
        list(mine.read_tag("shareASM", DAY, None))
    assert script.paths().count("/nodeinfo/2.0") == 1


# ---- the corpus --------------------------------------------------------------------------------------------------------


def recipe(value):
    if isinstance(value, str):
        return value
    if "repeat" in value:
        return value["repeat"][0] * value["repeat"][1]
    return "".join(recipe(part) for part in value["concat"])


def items(value, base):
    """Return the JSON that a case describes."""
    if isinstance(value, list):
        return [items(one, base) for one in value]
    if isinstance(value, dict) and value.get("base") == "mastodon.status":
        made = json.loads(json.dumps(base))
        for path, change in value["set"].items():
            *parents, last = path.split(".")
            place = made
            for parent in parents:
                place = place[parent]
            place[last] = base if change == {"same_as_base": True} else change
        return made
    if isinstance(value, dict) and "repeat_status" in value:
        start, count = value["repeat_status"]
        return [
            {**base, "id": str(start - n), "uri": f"{SERVER}/users/amina/statuses/{start - n}"} for n in range(count)
        ]
    return value


OUTCOMES = {
    "a-001": RateLimited, "a-002": RateLimited, "a-003": RateLimited, "a-005": RateLimited, "a-007": RateLimited,
    "a-009": Unreachable, "a-011": RateLimited, "a-012": Unreachable, "a-013": Unreachable,
    "a-015": Unauthorized, "a-017": Rejected, "a-019": Unauthorized, "a-021": Rejected, "a-022": Rejected,
    "a-027": Unreachable, "a-029": Unreachable, "a-031": Unreachable, "a-032": Unreachable, "a-033": 1,
    "a-035": Unreachable, "a-037": 2, "a-039": Unreachable, "a-041": Unreachable, "a-047": 2, "a-049": 6,
    "a-051": 1, "a-052": 3, "a-053": 80, "a-055": 5, "a-062": 1, "a-073": 1,
}  # fmt: skip
"""What the first read of each case ends with: an error of ours, or so many posts."""


@pytest.mark.shared
def test_the_scenarios_of_the_corpus_end_as_they_should(shared: Path):
    base = json.loads((shared / "corpus/hostile/bases.json").read_text("utf-8"))["mastodon.status"]
    window = Window(NOW.replace(year=2017) - timedelta(days=5), NOW.replace(year=2017))
    cases = [json.loads(line) for line in (shared / "corpus/hostile/api.jsonl").read_text("utf-8").split("\n") if line]
    for case in (case for case in cases if case["id"] in OUTCOMES):
        answers = []
        for step in case["steps"]:
            reply = step["reply"]
            if "body_recipe" in reply:
                content = recipe(reply["body_recipe"]).encode()
            else:
                content = json.dumps(items(reply["json"], base)).encode() if "json" in reply else reply["text"].encode()
            answers.append((reply["status"], reply["headers"], content))
        left = iter(answers)
        script = Script().on(
            "/api/v1/timelines/tag/shareasm", lambda request, left=left: _response(next(left, (200, {}, b"[]")))
        )
        mine = MastodonReader(SERVER, user_agent="x", now=lambda: NOW.replace(year=2017), transport=script.transport)
        try:
            found = {seen.post.ref for page in mine.read_tag("shareasm", window, None) for seen in page.posts}
            outcome = len(found)
        except NetworkError as error:
            outcome = type(error)
        expected = OUTCOMES[case["id"]]
        assert outcome == expected or (
            isinstance(expected, type) and isinstance(outcome, type) and issubclass(outcome, expected)
        ), case["id"]


def _response(answer):
    code, headers, content = answer
    return httpx.Response(code, headers=headers, content=content)
