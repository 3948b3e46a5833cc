"""Each row of what was seen of GoToSocial, snac and Takahē beside Mastodon; and Pixelfed and Pleroma as read in source."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest

from mastodon_bench import STATUSES, TAG, Bench, picture, running
from shareasm.rehearsal.mastodon import Flavour, federate

M, G, S, T = Flavour.MASTODON, Flavour.GOTOSOCIAL, Flavour.SNAC, Flavour.TAKAHE


@pytest.fixture(scope="module")
def _benches() -> Iterator[dict[Flavour, Bench]]:
    with running(M) as m, running(G) as g, running(S) as s, running(T) as t:
        yield {M: m, G: g, S: s, T: t}


Open = Callable[[Flavour], Bench]


@pytest.fixture
def server(_benches: dict[Flavour, Bench]) -> Open:
    """Open a flavour's server, empty."""

    def opened(flavour: Flavour) -> Bench:
        _benches[flavour].reset()
        return _benches[flavour]

    return opened


def rows(**expected: Any) -> pytest.MarkDecorator:
    """Expect a value of each of the four programs, in the columns' order."""
    values = list(zip(Flavour, expected["seen"], strict=False))
    return pytest.mark.parametrize(("flavour", "seen"), values, ids=[flavour.value for flavour, _ in values])


def _delete(bench: Bench, id_: str) -> httpx.Response:
    return bench.http.delete(f"{STATUSES}/{id_}", headers={"Authorization": f"Bearer {bench.amina.token}"})


def _edit(bench: Bench, id_: str, text: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {bench.amina.token}"}
    return bench.http.put(f"{STATUSES}/{id_}", data={"status": text}, headers=headers)


# ---- what it says of itself ----------------------------------------------------------------------------------------------


@rows(seen=["4.7.3", "0.20.0-rc1+8-g57cb4fe74+git-57cb4fe", "4.0.0 (not true; really snac/2.75)", "takahe/0.11.0"])
def test_row_version(server: Open, flavour: Flavour, seen: str) -> None:
    bench = server(flavour)
    assert bench.get("/api/v1/instance").json()["version"] == seen
    assert bench.get("/nodeinfo/2.0").json()["software"]["name"] == flavour.value


@rows(seen=[200, 200, 404, 200])
def test_row_instance_v2(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    answer = bench.get("/api/v2/instance")
    assert answer.status_code == seen
    if seen == 200:
        is_mastodon = flavour is M
        assert ("api_versions" in answer.json()) is is_mastodon
        assert ("timelines_access" in answer.json()["configuration"]) is is_mastodon


@rows(seen=[(200, 200), (200, 200), (200, 404), (404, 404)])
def test_row_instance_with_the_trailing_slash_of_the_library(
    server: Open, flavour: Flavour, seen: tuple[int, int]
) -> None:
    bench = server(flavour)
    assert (bench.get("/api/v1/instance/").status_code, bench.get("/api/v2/instance/").status_code) == seen


@rows(seen=[(500, 23), (5000, 25), (100_000, 23), (500, 23)])
def test_row_max_characters_said(server: Open, flavour: Flavour, seen: tuple[int, int]) -> None:
    said = server(flavour).get("/api/v1/instance").json()["configuration"]["statuses"]
    assert (said["max_characters"], said["characters_reserved_per_url"]) == seen


# ---- length --------------------------------------------------------------------------------------------------------------


@rows(seen=[(422, 500), (400, 5000), (200, 100_000), (400, 500)])
def test_row_over_the_limit(server: Open, flavour: Flavour, seen: tuple[int, int]) -> None:
    bench = server(flavour)
    status, limit = seen
    answer = bench.post("x" * (limit + 1))
    assert answer.status_code == status
    if status != 200:
        words = {
            M: "Text character limit of 500 exceeded",
            G: "text with spoiler exceed max chars (5000)",
            T: "Status is too long",
        }
        assert words[flavour] in answer.json()["error"]


@rows(seen=[200, 400, 200, 400])
def test_row_an_address_counts_in_full(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    limit = bench.server.instance.rules.max_characters or 500
    assert bench.post("https://example.org/" + "x" * limit).status_code == seen


@rows(seen=[200, 400, 200, 400])
def test_row_code_points_count(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    limit = bench.server.instance.rules.max_characters or 500
    assert bench.post("👩🏿‍🏭" * (limit // 2)).status_code == seen


@rows(seen=[422, 422, 200, 422])
def test_row_an_empty_status(server: Open, flavour: Flavour, seen: int) -> None:
    assert server(flavour).post("").status_code == seen


# ---- reading a hashtag ---------------------------------------------------------------------------------------------------


@rows(seen=["public", "unlisted", "public", "public"])
def test_row_default_visibility_of_a_new_account(server: Open, flavour: Flavour, seen: str) -> None:
    bench = server(flavour)
    token = bench.server.account("chinara").token
    assert bench.post("x", token=token).json()["visibility"] == seen


@rows(seen=[200, 401, 200, 401])
def test_row_hashtag_timeline_without_a_token(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    bench.say("#shareASM")
    assert bench.get(f"{TAG}/shareasm").status_code == seen


@rows(seen=[200, 401, 200, 200])
def test_row_one_status_without_a_token(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    assert bench.get(f"{STATUSES}/{bench.say('x')['id']}").status_code == seen


@rows(seen=[200, 404, 404, 404])
def test_row_many_statuses_at_once(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    assert bench.get(STATUSES, bench.amina.token, id=[bench.say("x")["id"]]).status_code == seen


@rows(seen=[200, 404, 200, 200])
def test_row_unknown_hashtag(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    answer = bench.get(f"{TAG}/never", bench.amina.token)
    assert answer.status_code == seen
    assert seen == 404 or answer.json() == []


@rows(seen=[{"public"}, {"public"}, {"public", "unlisted"}, {"public"}])
def test_row_which_visibilities_are_shown(server: Open, flavour: Flavour, seen: set[str]) -> None:
    bench = server(flavour)
    for visibility in ("public", "unlisted", "private"):
        bench.say(f"{visibility} #shareASM", visibility=visibility)
    shown = bench.tag()
    assert {
        word for word in ("public", "unlisted", "private") if any(word in status["content"] for status in shown)
    } == seen
    assert {status["visibility"] for status in shown} == {"public"}  # snac reports unlisted as public


@rows(seen=[(True, True), (True, False), (True, True), (False, False)])
def test_row_which_replies_are_shown(server: Open, flavour: Flavour, seen: tuple[bool, bool]) -> None:
    bench = server(flavour)
    root = bench.say("root #shareASM")
    own = bench.say("own #shareASM", reply_to=root)
    other = bench.say("other #shareASM", bench.bakari, reply_to=root)
    ids = bench.ids()
    assert (own["id"] in ids, other["id"] in ids) == seen
    assert root["id"] in ids


@rows(seen=[True, True, False, True])
def test_row_non_ascii_hashtag(server: Open, flavour: Flavour, seen: bool) -> None:
    bench = server(flavour)
    bench.say("#Käse")
    assert bool(bench.tag("Käse")) is seen


@rows(seen=["unicode", "ünïcode", "Ünïcode", "ünïcode"])
def test_row_letter_case_of_names(server: Open, flavour: Flavour, seen: str) -> None:
    assert [tag["name"] for tag in server(flavour).say("#Ünïcode")["tags"]] == [seen]


@rows(seen=[["zinc", "gold"], ["zinc", "gold"], ["zinc", "gold"], ["gold", "zinc"]])
def test_row_order_of_tags(server: Open, flavour: Flavour, seen: list[str]) -> None:
    assert [tag["name"] for tag in server(flavour).say("#Zinc #Gold")["tags"]] == seen


@rows(seen=[(0, "picture"), (2, "both"), (2, "both"), (2, "words")])
def test_row_remote_and_only_media_filters(server: Open, flavour: Flavour, seen: tuple[int, str]) -> None:
    bench = server(flavour)
    both = {bench.say("#shareASM")["id"]: "words", bench.say("#shareASM", media=[(picture(), "")])["id"]: "picture"}
    shown = [both[id_] for id_ in bench.ids(only_media="true")]
    assert len(bench.tag(remote="true")) == seen[0]
    assert shown == (["picture", "words"] if seen[1] == "both" else [seen[1]])


@rows(seen=[1, 2, 2, 1])
def test_row_local_filter(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    with running() as other:
        federate(other.server, bench.server)
        other.say("#shareASM")
        bench.say("#shareASM")
        assert len(bench.tag(local="true")) == seen


@rows(seen=[0, 1, 1, 1])
def test_row_any_all_none(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    bench.say("#shareASM")
    assert len(bench.tag(none=["shareasm"])) == seen


@rows(seen=[r"\d{18}", r"[0-9A-HJKMNP-TV-Z]{26}", r"\d{10}[0-9a-f]{32}", r"\d{18}"])
def test_row_ids(server: Open, flavour: Flavour, seen: str) -> None:
    bench = server(flavour)
    ids = [bench.say(f"{number} #shareASM")["id"] for number in range(10)]
    assert all(re.fullmatch(seen, id_) for id_ in ids)
    assert bench.ids() == ids[::-1]


@rows(seen=[40, 40, 50, 40])
def test_row_largest_page(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    for number in range(50):
        bench.say(f"{number} #shareASM")
    assert (len(bench.ids()), len(bench.ids(limit=50))) == (20, seen)


@rows(seen=[True, True, True, True])
def test_row_three_bounds(server: Open, flavour: Flavour, seen: bool) -> None:
    bench = server(flavour)
    ids = [bench.say(f"{number} #shareASM")["id"] for number in range(8)]
    assert bench.ids(max_id=ids[4], limit=2) == [ids[3], ids[2]]
    assert bench.ids(since_id=ids[2], limit=2) == [ids[7], ids[6]]
    assert bench.ids(min_id=ids[2], limit=2) == [ids[4], ids[3]]


@rows(seen=[8, 8, 0, 500])
def test_row_an_unknown_id_as_a_bound(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    for number in range(8):
        bench.say(f"{number} #shareASM")
    if flavour is T:
        assert bench.get(f"{TAG}/shareasm", bench.amina.token, max_id="nonsense").status_code == seen
    elif flavour is S:
        assert (
            len(bench.ids(max_id="0" * 42)),
            len(bench.ids(min_id="0" * 42)),
            len(bench.ids(since_id="0" * 42)),
        ) == (0, 0, 8)
    else:
        assert len(bench.ids(min_id="0")) == seen


@rows(seen=[True, True, False, True])
def test_row_link_header(server: Open, flavour: Flavour, seen: bool) -> None:
    bench = server(flavour)
    bench.say("#shareASM")
    assert ("link" in bench.get(f"{TAG}/shareasm", bench.amina.token).headers) is seen


@rows(seen=[2, 0, 2, None])
def test_row_since_id_as_a_datetime(server: Open, flavour: Flavour, seen: int | None) -> None:
    bench = server(flavour)
    bench.say("#shareASM")
    snowflake = str(int(bench.clock.now().timestamp()) * 1000 << 16)
    bench.say("#shareASM")
    bench.say("#shareASM")
    if seen is not None:  # on Takahē it works by luck of its id range
        assert len(bench.ids(since_id=snowflake)) == (seen + 1 if flavour is not G else 0)


# ---- what becomes of the words -------------------------------------------------------------------------------------------


@rows(seen=["de", "de", "en", None])
def test_row_language(server: Open, flavour: Flavour, seen: str | None) -> None:
    bench = server(flavour)
    assert bench.post("x", language="de").json()["language"] == seen
    if flavour is G:
        assert bench.post("x", language="en_US").json()["language"] == "en-US"
        assert bench.post("x", language="eng").json()["language"] == "en"
        assert bench.post("x", language="no-such-language!").status_code == 400


@rows(seen=["Vorsicht & <i>", "Vorsicht & <i", "Vorsicht & <i>", "Vorsicht & <i>"])
def test_row_spoiler(server: Open, flavour: Flavour, seen: str) -> None:
    assert server(flavour).post("x", spoiler_text="Vorsicht & <i>").json()["spoiler_text"] == seen


@rows(
    seen=[
        "<p>&amp; &lt;b&gt;x&lt;/b&gt;</p>",
        "<p>& &lt;b>x&lt;/b></p>",
        "& <b>x</b>",
        "<p>&amp; &lt;b&gt;x&lt;/b&gt;</p>",
    ]
)
def test_row_content_of_markup(server: Open, flavour: Flavour, seen: str) -> None:
    assert server(flavour).say("& <b>x</b>")["content"] == seen


@rows(seen=["<p>a</p><p>b</p>", "<p>a<br><br>b</p>", "a<br><br>b", "<p>a</p><p>b</p>"])
def test_row_blank_lines(server: Open, flavour: Flavour, seen: str) -> None:
    assert server(flavour).say("a\n\nb")["content"] == seen


@rows(seen=[False, False, True, False])
def test_row_bold_becomes_italic(server: Open, flavour: Flavour, seen: bool) -> None:
    assert ("<i>bold</i>" in server(flavour).say("so *bold*")["content"]) is seen


@rows(seen=["#<span>Tag</span></a>", "#<span>Tag</span></a>", "#Tag</a>", "#Tag</a>"])
def test_row_hashtag_in_content(server: Open, flavour: Flavour, seen: str) -> None:
    bench = server(flavour)
    content = bench.say("#Tag")["content"]
    assert seen in content
    assert 'class="mention hashtag"' in content
    assert (f'href="{bench.server.url}?t=tag"' in content) is (flavour is S)


@rows(seen=[True, False, False, True])
def test_row_invisible_spans_in_links(server: Open, flavour: Flavour, seen: bool) -> None:
    content = server(flavour).say("https://iied.example/page#part")["content"]
    assert ('class="invisible"' in content) is seen
    assert ("page&#35;part" in content) is (flavour is S)


@rows(seen=[False, False, True, True])
def test_row_acct_of_a_local_author(server: Open, flavour: Flavour, seen: bool) -> None:
    bench = server(flavour)
    assert bench.say("x")["account"]["acct"] == (bench.amina.handle if seen else "amina")


@rows(
    seen=[
        (r"/ap/users/\d+/statuses/\d+", r"/@amina/\d+"),
        (r"/users/amina/statuses/\w{26}", r"/@amina/statuses/\w{26}"),
        (r"/amina/p/\d{10}\.\d{6}", r"/amina/p/\d{10}\.\d{6}"),
        (r"/@amina@[^/]+/posts/\d+/", r"/@amina/posts/\d+/"),
    ]
)
def test_row_uri_and_url(server: Open, flavour: Flavour, seen: tuple[str, str]) -> None:
    bench = server(flavour)
    status = bench.say("x")
    for address, form in zip((status["uri"], status["url"]), seen, strict=True):
        assert re.fullmatch(re.escape(bench.server.url) + form, address)


def test_row_two_statuses_of_one_moment_have_two_uris_on_snac(server: Open) -> None:
    bench = server(S)
    assert len({bench.server.say(bench.amina, "x")["uri"] for _ in range(3)}) == 3


@rows(seen=["2027-02-03T09:00:00.250Z", "2027-02-03T09:00:00.250Z", "2027-02-03T09:00:00Z", "2027-02-03T09:00:00.250Z"])
def test_row_created_at(server: Open, flavour: Flavour, seen: str) -> None:
    bench = server(flavour)
    bench.clock.set("2027-02-03T09:00:00.250000+00:00")
    assert bench.post("x").json()["created_at"] == seen


# ---- writing -------------------------------------------------------------------------------------------------------------


@rows(seen=[1, 2, 2, 2])
def test_row_the_same_key_twice(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    assert [bench.post("x", key="k").status_code for _ in range(2)] == [200, 200]
    assert len(bench.server.statuses()) == seen


@rows(seen=[(True, True), (True, True), (False, False), (True, True)])
def test_row_picture_with_description(server: Open, flavour: Flavour, seen: tuple[bool, bool]) -> None:
    media = server(flavour).upload(description="A pit").json()
    assert media["description"] == "A pit"
    assert (bool(media.get("meta")), bool(media.get("blurhash"))) == seen


@rows(seen=[422, 422, 200, 500])
def test_row_what_is_no_picture(server: Open, flavour: Flavour, seen: int) -> None:
    assert server(flavour).upload(b"no picture", "text/plain").status_code == seen


def test_row_pictures_become_webp_on_takahe(server: Open) -> None:
    assert server(T).upload().json()["url"].endswith(".webp")


@rows(seen=[404, 404, 200, 500])
def test_row_missing_parent(server: Open, flavour: Flavour, seen: int) -> None:
    answer = server(flavour).post("x", in_reply_to_id="nonsense")
    assert answer.status_code == seen
    assert seen != 200 or answer.json()["in_reply_to_id"] is None


@rows(seen=[2, 2, 1, 2])
def test_row_depth_of_the_context(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    root = bench.say("root")
    bench.say("deep", reply_to=bench.say("near", reply_to=root))
    context = bench.get(f"{STATUSES}/{root['id']}/context", bench.amina.token).json()
    assert len(context["descendants"]) == seen


@rows(seen=[(True, True, 200), (True, True, 200), (False, False, 404), (True, True, 404)])
def test_row_edit(server: Open, flavour: Flavour, seen: tuple[bool, bool, int]) -> None:
    bench = server(flavour)
    said = bench.say("Hello")
    bench.clock.advance(minutes=1)
    edited = _edit(bench, said["id"], "Hello #new").json()
    is_found = edited["id"] in [status["id"] for status in bench.get(f"{TAG}/new", bench.amina.token).json()]
    history = bench.get(f"{STATUSES}/{edited['id']}/history", bench.amina.token)
    assert (edited["id"] == said["id"], is_found, history.status_code) == (
        seen if flavour is not T else (True, True, 404)
    )
    assert edited["uri"] == said["uri"]
    assert edited["edited_at"] is not None
    assert (
        bench.get(f"{STATUSES}/{said['id']}", bench.amina.token).json()["uri"] == said["uri"]
    )  # the old id still resolves
    assert len(bench.server.statuses()) == 1


@rows(seen=[200, 200, 404, 200])
def test_row_delete(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    said = bench.say("x")
    assert _delete(bench, said["id"]).status_code == seen
    assert bench.get(f"{STATUSES}/{said['id']}", bench.amina.token).status_code == (200 if flavour is S else 404)


@rows(seen=[422, 422, 200, 400])
def test_row_bad_visibility(server: Open, flavour: Flavour, seen: int) -> None:
    assert server(flavour).post("x", visibility="secret").status_code == seen


@rows(seen=[True, True, False, False])
def test_row_scheduled_at(server: Open, flavour: Flavour, seen: bool) -> None:
    bench = server(flavour)
    answer = bench.post("later", scheduled_at="2027-02-03T10:00:00+00:00").json()
    assert ("scheduled_at" in answer) is seen
    assert len(bench.server.statuses()) == (0 if seen else 1)


@rows(seen=[0, 0, 0, 0])
def test_row_boosts_in_the_hashtag_timeline(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    bench.server.boost(bench.bakari, bench.say("#shareASM"))
    assert len(bench.tag()) - 1 == seen


@rows(seen=[(401, True), (401, True), (422, False), (400, False)])
def test_row_wrong_token(server: Open, flavour: Flavour, seen: tuple[int, bool]) -> None:
    answer = server(flavour).post("x", token="nonsense")
    assert (answer.status_code, answer.headers["content-type"] == "application/json") == seen
    assert flavour is not S or answer.text == ""


@rows(seen=[True, True, False, False])
def test_row_rate_limit(server: Open, flavour: Flavour, seen: bool) -> None:
    bench = server(flavour)
    answers = [bench.get(f"{TAG}/x", bench.amina.token) for _ in range(302)]
    assert ("x-ratelimit-reset" in answers[0].headers) is seen
    assert ([answer.status_code for answer in answers[-2:]] == [429, 429]) is seen
    if flavour is G:
        assert answers[-1].json() == {"error": "rate limit reached"}
        assert "retry-after" not in answers[-1].headers


# ---- one status on two servers -------------------------------------------------------------------------------------------


def test_row_between_two_gotosocials() -> None:
    with running(G) as home, running(G) as away:
        federate(home.server, away.server)
        home.clock.set("2027-02-03T09:00:00.250000+00:00")
        said = home.say("Hello #shareASM", media=[(picture(), "A pit")])
        seen = away.tag()[0]
        assert (seen["uri"], seen["url"], seen["content"]) == (said["uri"], said["url"], said["content"])
        assert seen["id"] != said["id"]
        assert seen["account"]["acct"] == home.amina.handle
        assert (said["created_at"][-5:], seen["created_at"][-5:]) == (".250Z", ".000Z")
        assert seen["tags"][0]["url"].startswith(away.server.url)
        assert seen["media_attachments"][0]["url"].startswith(away.server.url)


def test_row_order_on_another_gotosocial_is_not_posting_order() -> None:
    with running(G) as home, running(G, seed=5) as away:
        federate(home.server, away.server)
        uris = [home.server.say(home.amina, f"{number} #shareASM")["uri"] for number in range(32)]
        places = [uris.index(status["uri"]) for status in away.tag(limit=40)[::-1]]
        assert sum(later < earlier for earlier, later in pairwise(places)) > 5


# ---- Pixelfed and Pleroma ------------------------------------------------------------------------------------------------


def test_pixelfed_burns_a_key_before_it_checks() -> None:
    with running(Flavour.PIXELFED) as bench:
        assert bench.post("", key="k").status_code == 403
        again = bench.post("", key="k")
        assert (again.status_code, again.json()) == (400, {"error": "Duplicate idempotency key."})


def test_pixelfed_posts_need_media_and_its_pages_have_no_floor() -> None:
    with running(Flavour.PIXELFED) as bench:
        assert bench.post("no picture").status_code == 403
        statuses = [bench.say(f"{number} #shareASM", media=[(picture(), "")]) for number in range(5)]
        ids = [status["id"] for status in statuses]
        assert bench.ids(min_id=ids[0], limit=2) == [ids[4], ids[3]]  # as since_id elsewhere
        assert bench.ids(since_id=ids[3]) == ids[::-1]  # ignored
        assert bench.get(f"{TAG}/shareasm").status_code == 401
        assert "link" not in bench.get(f"{TAG}/shareasm", bench.amina.token).headers


def test_pixelfed_shows_only_media_unless_told_otherwise() -> None:
    with running(Flavour.PIXELFED) as bench:
        picture_ = bench.say("#shareASM", media=[(picture(), "")])
        reply = bench.say("#shareASM", reply_to=picture_)
        assert bench.ids() == [picture_["id"]]
        assert bench.ids(only_media="0") == [reply["id"], picture_["id"]]


def test_pleroma_replays_its_first_answer() -> None:
    with running(Flavour.PLEROMA) as bench:
        assert bench.post("", key="bad").status_code == 422
        assert bench.post("now with words", key="bad").status_code == 422
        first = bench.post("hello", key="k").json()
        bench.server.delete(first)
        assert bench.post("hello", key="k").json()["id"] == first["id"]


# ---- what programs make of the rest --------------------------------------------------------------------------------------


@rows(seen=[True, False, False, False])
def test_row_quotes(server: Open, flavour: Flavour, *, seen: bool) -> None:
    bench = server(flavour)
    quoted = bench.post("Good morning").json()
    assert bool(bench.post("As we said", quoted_status_id=quoted["id"]).json()["quote"]) is seen


@rows(seen=[True, True, False, True])
def test_row_polls(server: Open, flavour: Flavour, *, seen: bool) -> None:
    form: dict[str, Any] = {"poll[options]": ["gold", "tin"], "poll[expires_in]": "3600"}
    assert bool(server(flavour).post("Which?", **form).json()["poll"]) is seen


@pytest.mark.parametrize(("flavour", "seen"), [(M, True), (G, True), (T, False)])
def test_row_an_edit_without_the_poll_takes_it_away(server: Open, flavour: Flavour, *, seen: bool) -> None:
    bench = server(flavour)
    form: dict[str, Any] = {"poll[options]": ["gold", "tin"], "poll[expires_in]": "3600"}
    said = bench.post("Which?", **form).json()
    assert (_edit(bench, said["id"], "Which one?").json()["poll"] is None) is seen


@rows(seen=[200, 422, 200, 200])
def test_row_an_edit_that_changes_nothing(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    assert _edit(bench, bench.post("Hello", visibility="public").json()["id"], "Hello").status_code == seen


@pytest.mark.parametrize(("flavour", "seen"), [(M, 422), (G, 400), (T, 200)])  # snac counts nothing
def test_row_the_warning_counts(server: Open, flavour: Flavour, seen: int) -> None:
    bench = server(flavour)
    limit = bench.server.instance.rules.max_characters or 500
    assert bench.post("x" * limit, spoiler_text="blood").status_code == seen


@rows(seen=[422, 400, 422, 404])
def test_row_a_file_that_is_not_there(server: Open, flavour: Flavour, seen: int) -> None:
    assert server(flavour).post("x", media_ids=["1"]).status_code == seen


@rows(seen=[True, True, False, True])
def test_row_a_file_keeps_its_id_in_its_status(server: Open, flavour: Flavour, *, seen: bool) -> None:
    bench = server(flavour)
    media = bench.upload().json()["id"]
    assert (bench.post("x", media_ids=[media]).json()["media_attachments"][0]["id"] == media) is seen


@rows(seen=[False, False, True, False])
def test_row_connections_are_closed_without_a_word(server: Open, flavour: Flavour, *, seen: bool) -> None:
    bench = server(flavour)
    opened = []
    with httpx.Client(base_url=bench.server.url) as client:
        for _ in range(5):
            answer = client.get("/nodeinfo/2.0", extensions={"trace": lambda event, _: opened.append(event)})
            assert "connection" not in answer.headers
            _wait_until_it_is_closed(answer, is_closed=seen)
    assert opened.count("connection.connect_tcp.started") == (5 if seen else 1)


def _wait_until_it_is_closed(answer: httpx.Response, *, is_closed: bool) -> None:
    sock = answer.extensions["network_stream"].get_extra_info("socket")
    if is_closed and sock.fileno() != -1:
        sock.settimeout(5)
        assert sock.recv(1) == b""
