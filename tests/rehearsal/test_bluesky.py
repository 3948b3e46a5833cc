"""The stand-in Bluesky as its users meet it: through HTTP, through the atproto SDK, and by the handle of a rehearsal."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from threading import Thread

import httpx
import pytest
from atproto import Client, models
from atproto_client.exceptions import BadRequestError, NetworkError, RateLimitExceededError, UnauthorizedError
from atproto_client.request import Request
from PIL import Image

from clocks import FixedClock
from shareasm.networks.bluesky.client import BlueskySearch, Server
from shareasm.networks.ports import Window
from shareasm.rehearsal.bluesky import Card, Person, Picture, SearchKind, StandInBluesky
from shareasm.rehearsal.faults import Fault

# No certificates to load, and no connection that outlives its test.
HTTP = httpx.Client(verify=False, limits=httpx.Limits(max_keepalive_connections=0))


def png(width: int = 30, height: int = 20) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), "#8a4b08").save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def _network() -> Iterator[tuple[FixedClock, StandInBluesky]]:
    clock = FixedClock()
    with StandInBluesky(clock) as network:
        yield clock, network


@pytest.fixture
def clock(_network: tuple[FixedClock, StandInBluesky]) -> FixedClock:
    return _network[0]


@pytest.fixture
def network(_network: tuple[FixedClock, StandInBluesky]) -> Iterator[StandInBluesky]:
    clock, network = _network
    clock.set("2027-02-03T09:00:00+00:00")
    yield network
    network.wipe()


@pytest.fixture
def amina(network: StandInBluesky) -> Person:
    return network.account("amina.example", "Amina", bio="Mines in Geita")


@pytest.fixture
def bakari(network: StandInBluesky) -> Person:
    return network.account("bakari.example", "Bakari")


@contextmanager
def sdk(network: StandInBluesky) -> Iterator[Client]:
    """The SDK's client; it must be closed, or its socket outlives the test."""
    request = Request()
    try:
        yield Client(network.pds_url, request=request)
    finally:
        request.close()


@pytest.fixture
def client(network: StandInBluesky, amina: Person) -> Iterator[Client]:
    with sdk(network) as client:
        client.login(amina.handle, amina.password)
        yield client


def read(network: StandInBluesky, nsid: str, **params: str | int | list[str]) -> dict[str, object]:
    answer = HTTP.get(f"{network.appview_url}/xrpc/app.bsky.{nsid}", params=params)
    body: dict[str, object] = answer.json()
    return body


def found(network: StandInBluesky, **params: str | int | list[str]) -> list[str]:
    posts = read(network, "feed.searchPosts", **params)["posts"]
    assert isinstance(posts, list)
    return [post["uri"] for post in posts]


def author_of(network: StandInBluesky, uri: str) -> dict[str, object]:
    posts = read(network, "feed.getPosts", uris=[uri])["posts"]
    assert isinstance(posts, list)
    author: dict[str, object] = posts[0]["author"]
    return author


# ---- the SDK ----


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of httpx, about the SDK
def test_the_sdk_signs_in_posts_and_reads(network: StandInBluesky, client: Client, amina: Person) -> None:
    post = client.send_image("Ore from Geita #shareASM", png(), "Brown ore", langs=["en", "sw"])
    (view,) = client.get_posts([post.uri]).posts
    assert view.author.did == amina.did
    assert isinstance(view.record, models.AppBskyFeedPost.Record)
    assert view.record.langs == ["en", "sw"]
    assert isinstance(view.embed, models.AppBskyEmbedImages.View)
    assert view.embed.images[0].alt == "Brown ore"
    assert [record.uri for record in network.posts()] == [post.uri]


def test_the_sdk_reads_threads_feeds_and_profiles(network: StandInBluesky, client: Client, bakari: Person) -> None:
    root = client.send_post("Question: who buys it? #shareASM")
    answer = network.say(bakari, "The refinery in Mwanza.", ["en"], reply_to=root.uri)
    network.like(bakari, root.uri)
    network.repost(bakari, root.uri)
    thread = client.get_post_thread(root.uri).thread
    assert isinstance(thread, models.AppBskyFeedDefs.ThreadViewPost)
    assert thread.post.like_count == thread.post.repost_count == thread.post.reply_count == 1
    assert thread.replies
    assert isinstance(thread.replies[0], models.AppBskyFeedDefs.ThreadViewPost)
    assert thread.replies[0].post.uri == answer
    assert {item.post.uri for item in client.get_author_feed("bakari.example").feed} == {root.uri, answer}
    assert client.get_profile("amina.example").description == "Mines in Geita"


def test_the_sdk_gets_a_new_token_where_the_old_one_is_about_to_end(network: StandInBluesky, client: Client) -> None:
    refreshed = client.com.atproto.server.refresh_session(
        headers={"Authorization": f"Bearer {client._session.refresh_jwt}"}
    )
    payload = json.loads(base64.urlsafe_b64decode(refreshed.access_jwt.split(".")[1] + "=="))
    assert payload["exp"] - payload["iat"] == 7200
    assert payload["scope"] == "com.atproto.appPass"


# ---- sessions ----


def test_an_expired_token_says_so_and_can_be_refreshed(network: StandInBluesky, client: Client, amina: Person) -> None:
    network.expire_access(amina)
    with pytest.raises(BadRequestError, match="ExpiredToken"):
        client.get_posts(["at://did:plc:abc/app.bsky.feed.post/3kaaaaaaaaaaa"])


def test_a_removed_app_password_ends_the_session_and_signs_in_no_more(
    network: StandInBluesky, client: Client, amina: Person
) -> None:
    network.revoke(amina)
    with pytest.raises(BadRequestError, match="Token has been revoked"):
        client.com.atproto.server.refresh_session(headers={"Authorization": f"Bearer {client._session.refresh_jwt}"})
    with sdk(network) as stranger, pytest.raises(UnauthorizedError, match="Invalid identifier or password"):
        stranger.login(amina.handle, amina.password)


def test_the_31st_sign_in_within_five_minutes_is_refused_with_the_time_to_come_back(
    network: StandInBluesky, clock: FixedClock, amina: Person
) -> None:
    body = {"identifier": amina.handle, "password": amina.password}
    url = f"{network.pds_url}/xrpc/com.atproto.server.createSession"
    for left in range(29, -1, -1):
        assert HTTP.post(url, json=body).headers["ratelimit-remaining"] == str(left)
    clock.advance(seconds=12)
    refused = HTTP.post(url, json=body)
    assert refused.status_code == 429
    assert refused.json() == {"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"}
    assert refused.headers["retry-after"] == "288"
    assert refused.headers["ratelimit-policy"] == "30;w=300"
    assert int(refused.headers["ratelimit-reset"]) == int(clock.now().timestamp()) + 288
    with sdk(network) as client, pytest.raises(RateLimitExceededError):
        client.login(amina.handle, amina.password)
    clock.advance(seconds=288)
    assert HTTP.post(url, json=body).status_code == 200


def test_who_is_taken_down_cannot_sign_in(network: StandInBluesky, amina: Person) -> None:
    network.set_status(amina, "takendown")
    with sdk(network) as client, pytest.raises(UnauthorizedError, match="AccountTakedown"):
        client.login(amina.handle, amina.password)


# ---- search ----


@pytest.mark.parametrize(
    "params",
    [
        {"q": "#shareasm"},
        {"q": "#SHAREASM"},
        {"q": "*", "tag": ["shareasm"]},
        {"q": "ore", "lang": "sw"},
        {"q": '"ore from"'},
        {"q": "ore", "author": "amina.example"},
        {"q": "from:amina.example"},
        {"q": "ore", "domain": "iied.example"},
        {"q": "ore", "since": "2027-02-03T09:00:00Z", "until": "2027-02-03T09:00:01Z"},
        {"q": "#shareasm -lime"},
    ],
)
def test_search_heeds_every_parameter(
    network: StandInBluesky, clock: FixedClock, amina: Person, bakari: Person, params: dict[str, str]
) -> None:
    wanted = network.say(amina, "Ore from Geita #shareASM https://iied.example/a", ["sw"])
    clock.advance(minutes=1)
    network.say(bakari, "Lime from elsewhere #shareASMs", ["en"])
    assert found(network, **params) == [wanted]


def test_the_newest_come_first_and_pages_are_offsets(network: StandInBluesky, clock: FixedClock, amina: Person) -> None:
    uris = []
    for number in range(5):
        clock.advance(seconds=1)
        uris.append(network.say(amina, f"{number} #shareASM"))
    first = read(network, "feed.searchPosts", q="#shareasm", limit=2)
    assert first["cursor"] == "2"
    assert found(network, q="#shareasm", limit=2, cursor="2") == [uris[2], uris[1]]
    assert "cursor" not in read(network, "feed.searchPosts", q="#shareasm", limit=2, cursor="4")


def test_the_search_by_hashtag_finds_any_of_the_tags_by_the_time_of_its_index(clock: FixedClock) -> None:
    with StandInBluesky(clock, has_tag_search=True) as network:
        amina = network.account("amina.example")
        backdated = network.say(amina, "ore #shareASM", created_at=clock.now() - timedelta(days=3))
        clock.advance(minutes=1)
        hidden = network.say(amina, "ore and lime", tags=["ASMday"])
        network.say(amina, "ore #other")

        def ask(**params: str | int | list[str]) -> dict[str, object]:
            return read(network, "feed.searchPostsV2", **params)

        def uris(**params: str | int | list[str]) -> list[str]:
            return [post["uri"] for post in ask(**params)["posts"]]  # type: ignore[attr-defined]

        assert uris(hashtags=["shareasm", "asmday"]) == [hidden, backdated]
        assert uris(hashtags=["shareasm"], since=clock.now().isoformat()) == []
        assert uris(hashtags=["asmday"], until=clock.now().isoformat()) == []
        assert uris(query="lime ore") == [hidden]
        first = ask(hashtags=["shareasm", "asmday"], limit=1)
        assert first["hitsTotal"] == 2
        assert uris(hashtags=["shareasm", "asmday"], limit=1, cursor=str(first["cursor"])) == [backdated]
        assert ask(hashtags=["x"], cursor="1")["message"] == "Invalid cursor format"
        assert ask()["error"] == "InvalidRequest"
        clock.advance(days=8)
        assert uris(hashtags=["shareasm"]) == []
        assert uris(hashtags=["shareasm"], allTime="true") == [backdated]


def test_a_reader_finds_by_hashtag_what_the_search_by_words_misses(clock: FixedClock) -> None:
    with StandInBluesky(clock, has_tag_search=True, search=SearchKind.SUBSTRING) as network:
        amina = network.account("amina.example")
        uri = network.say(amina, "outside the text", tags=["shareASM"])
        window = Window(clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1))
        pages = list(BlueskySearch(Server(network.appview_url, now=clock.now)).sweep_tag("shareASM", window))
        assert [seen.post.ref.uri for page in pages for seen in page.posts] == [uri]


def test_search_can_ignore_the_tag_as_production_did(clock: FixedClock) -> None:
    with StandInBluesky(clock, search=SearchKind.IGNORES_TAG) as network:
        uri = network.say(network.account("amina.example"), "ore #other")
        assert found(network, q="ore", tag=["shareasm"]) == [uri]
        assert found(network, q="#shareasm") == []


def test_the_substring_search_knows_only_the_text_as_it_is_written(clock: FixedClock) -> None:
    with StandInBluesky(clock, search=SearchKind.SUBSTRING) as network:
        amina = network.account("amina.example")
        uri = network.say(amina, "#shareASM", ["en"])
        network.say(amina, "outside the text", tags=["shareASM"])
        assert found(network, q="#shareASM", lang="fr", since="soon") == [uri]
        assert found(network, q="#shareasm") == []


def test_an_anonymous_search_can_be_closed_but_not_for_who_is_signed_in(clock: FixedClock) -> None:
    with StandInBluesky(clock, is_search_open=False) as network:
        amina = network.account("amina.example")
        uri = network.say(amina, "#shareASM")
        refused = HTTP.get(f"{network.appview_url}/xrpc/app.bsky.feed.searchPosts", params={"q": "#shareasm"})
        assert refused.status_code == 403
        assert refused.headers["content-type"].startswith("text/html")
        with sdk(network) as client:
            client.login(amina.handle, amina.password)
            posts = client.app.bsky.feed.search_posts({"q": "#shareasm"}).posts
        assert [post.uri for post in posts] == [uri]


def test_a_post_is_found_only_after_the_indexing_delay(clock: FixedClock) -> None:
    with StandInBluesky(clock, indexing_delay=timedelta(minutes=2)) as network:
        uri = network.say(network.account("amina.example"), "#shareASM")
        assert found(network, q="#shareasm") == []
        clock.advance(minutes=2)
        assert found(network, q="#shareasm") == [uri]


# ---- what readers see ----


def test_an_old_post_that_arrives_late_is_sorted_by_the_time_it_claims(
    network: StandInBluesky, clock: FixedClock, amina: Person
) -> None:
    newer = network.say(amina, "#shareASM now")
    late = network.say(amina, "#shareASM then", created_at=clock.now() - timedelta(hours=3))
    future = network.say(amina, "#shareASM some day", created_at=clock.now() + timedelta(days=9000))
    assert found(network, q="#shareasm")[-1] == late
    assert set(found(network, q="#shareasm")[:2]) == {newer, future}


def test_an_edited_post_shows_its_new_text_and_another_cid(network: StandInBluesky, amina: Person) -> None:
    uri = network.say(amina, "Oer #shareASM")
    before = network.record(uri)
    network.edit(uri, "Ore #shareASM")
    after = network.record(uri)
    assert before is not None
    assert after is not None
    assert after.cid != before.cid
    assert after.value["text"] == "Ore #shareASM"
    assert found(network, q="ore") == [uri]


def test_deleted_and_taken_down_posts_are_left_out(network: StandInBluesky, amina: Person) -> None:
    deleted, hidden, kept = (network.say(amina, f"{number} #shareASM") for number in range(3))
    network.delete(deleted)
    network.take_down(hidden)
    assert found(network, q="#shareasm") == [kept]
    assert len(read(network, "feed.getPosts", uris=[deleted, hidden, kept])["posts"]) == 1
    assert network.record(hidden) is not None


def test_an_author_who_asks_not_to_be_shown_publicly_is_shown_with_the_label(network: StandInBluesky) -> None:
    shy = network.account("shy.example", "Shy", labels=["!no-unauthenticated"])
    labels = author_of(network, network.say(shy, "#shareASM"))["labels"]
    assert isinstance(labels, list)
    assert [(label["src"], label["val"]) for label in labels] == [(shy.did, "!no-unauthenticated")]


def test_a_labelers_word_comes_and_goes(network: StandInBluesky, amina: Person) -> None:
    uri = network.say(amina, "#shareASM", labels=["graphic-media"])
    network.label(uri, "spam")
    labels = read(network, "feed.getPosts", uris=[uri])["posts"][0]["labels"]
    assert [label["val"] for label in labels] == ["spam", "graphic-media"]
    network.unlabel(uri, "spam")
    labels = read(network, "feed.getPosts", uris=[uri])["posts"][0]["labels"]
    assert [label["val"] for label in labels] == ["graphic-media"]


@pytest.mark.parametrize("status", ["deactivated", "takendown", "deleted"])
def test_who_has_left_is_not_seen_until_they_come_back(network: StandInBluesky, amina: Person, status: str) -> None:
    uri = network.say(amina, "#shareASM")
    network.set_status(amina, status)
    assert found(network, q="#shareasm") == []
    if status != "deleted":
        network.set_status(amina, "")
        assert found(network, q="#shareasm") == [uri]


def test_pictures_are_served_small_and_whole(network: StandInBluesky, amina: Person) -> None:
    uri = network.say(amina, "#shareASM", images=[Picture(png(2400, 1200), "Ore", (2, 1))])
    view = read(network, "feed.getPosts", uris=[uri])["posts"][0]["embed"]["images"][0]
    assert (view["alt"], view["aspectRatio"]) == ("Ore", {"width": 2, "height": 1})
    thumb = HTTP.get(view["thumb"])
    assert thumb.headers["content-type"] == "image/webp"
    with Image.open(BytesIO(thumb.content)) as picture:
        assert picture.size == (2000, 1000)
    assert HTTP.get(view["fullsize"] + "@jpeg").headers["content-type"] == "image/jpeg"
    assert HTTP.get(f"{network.appview_url}/img/feed_fullsize/plain/{amina.did}/bafy").status_code == 404


def test_cards_quotes_and_mentions_have_their_views(network: StandInBluesky, amina: Person, bakari: Person) -> None:
    card = network.say(
        amina, "@bakari.example #shareASM", card=Card("https://iied.example/", "A title", "About", png())
    )
    quote = network.say(bakari, "See #shareASM", quote=card, images=[Picture(png())])
    views = read(network, "feed.getPosts", uris=[card, quote])["posts"]
    assert isinstance(views, list)
    assert views[0]["embed"]["external"]["thumb"].startswith(f"{network.appview_url}/img/feed_thumbnail/")
    assert views[0]["record"]["facets"][0]["features"][0]["did"] == bakari.did
    assert views[1]["embed"]["record"]["record"]["uri"] == card
    network.delete(card)
    (again,) = read(network, "feed.getPosts", uris=[card, quote])["posts"]
    assert again["embed"]["record"]["record"]["$type"] == "app.bsky.embed.record#viewNotFound"


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("#shareASM!", ["shareASM"]),
        ("(#no) #yes, #2027 #a1 ＃wide", ["yes", "a1", "wide"]),
        ("Sécurité à la mine : #orpaillage.", ["orpaillage"]),
        ("التعدين الحرفي #shareASM", ["shareASM"]),
        ("https://x.example/#not-a-tag", []),
    ],
)
def test_facets_mark_tags_by_their_bytes(network: StandInBluesky, amina: Person, text: str, tags: list[str]) -> None:
    record = network.record(network.say(amina, text))
    assert record is not None
    facets = record.value.get("facets", [])
    marked = []
    for facet in facets:
        if "tag" in facet["features"][0]:
            index = facet["index"]
            marked.append(text.encode()[index["byteStart"] : index["byteEnd"]].decode()[1:])
    assert marked == tags


# ---- disturbances ----


def test_a_write_whose_answer_was_lost_was_done_once(network: StandInBluesky, client: Client) -> None:
    network.pds_faults.add(Fault.RESET_AFTER, "POST", "/xrpc/com.atproto.repo.createRecord")
    with pytest.raises(NetworkError):
        client.send_post("#shareASM")
    assert len(network.posts()) == 1


def test_a_refusal_on_request_speaks_bluesky(network: StandInBluesky, client: Client) -> None:
    network.pds_faults.add(Fault.RATE_LIMITED, path="/xrpc/app.bsky.feed.getPosts", reset_s=30)
    with pytest.raises(RateLimitExceededError):
        client.get_posts(["at://did:plc:abc/app.bsky.feed.post/3kaaaaaaaaaaa"])


def test_many_may_write_at_once(network: StandInBluesky, amina: Person, bakari: Person) -> None:
    def say_ten(person: Person) -> None:
        for number in range(10):
            network.say(person, f"{number} #shareASM")

    threads = [Thread(target=say_ten, args=(person,)) for person in (amina, bakari, amina, bakari)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    uris = {post.uri for post in network.posts()}
    assert len(uris) == 40


def test_it_remembers_over_a_stop_and_a_start(clock: FixedClock) -> None:
    network = StandInBluesky(clock)
    with network:
        uri = network.say(network.account("amina.example"), "#shareASM")
    with pytest.raises(httpx.ConnectError):
        HTTP.get(network.appview_url)
    with network:
        assert found(network, q="#shareasm") == [uri]
