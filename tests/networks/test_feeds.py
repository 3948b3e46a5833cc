"""Feeds of partners: RSS and Atom become posts, an unchanged feed costs nothing, and no bytes do harm."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareasm.domain.posts import MediaKind, Network, PostRef
from shareasm.domain.robots import Notices
from shareasm.errors import RateLimited, Rejected, StayAway, Unreachable
from shareasm.networks.feeds.reader import FeedReader
from shareasm.networks.feeds.translate import NoFeed, read_feed
from shareasm.networks.ports import Page, Window

URL = "https://blog.example/feed/"
NOW = datetime(2027, 2, 3, 15, tzinfo=UTC)
DAY = Window(datetime(2027, 2, 3, tzinfo=UTC), datetime(2027, 2, 4, tzinfo=UTC))


@pytest.fixture
def feed(data: Path) -> Callable[[str], bytes]:
    return lambda name: (data / "feeds" / f"{name}.xml").read_bytes()


# ---- bytes to posts ----------------------------------------------------------------------------------------------------


def test_a_blogs_entry_is_a_post_with_its_page_as_the_card(feed: Callable[[str], bytes]) -> None:
    read = read_feed(feed("wordpress"), URL, NOW)
    post = read.seen[0].post
    assert post.ref == PostRef(Network.WEB, f"{URL}#https://blog.example/?p=41")
    assert post.url == "https://blog.example/2027/02/fair-price/"
    assert (post.author.name, post.author.handle) == ("Voices from the mine & the market", "blog.example")
    assert post.text == "Six buyers, one scale, and no receipt."
    assert post.created_at == datetime(2027, 2, 3, 9, 30, tzinfo=UTC)
    assert post.languages == ("en-GB",)
    assert {tag.name for tag in post.hashtags} == {"shareasm", "fairtrade"}
    assert post.card
    assert (post.card.title, post.card.image_url) == ("What a fair price means", "https://blog.example/scale.jpg")


def test_an_address_without_a_host_is_the_feeds_own(feed: Callable[[str], bytes]) -> None:
    assert read_feed(feed("wordpress"), URL, NOW).seen[1].post.url == "https://blog.example/2027/02/old/"


def test_an_entry_that_leads_nowhere_is_set_aside_and_the_others_stay(feed: Callable[[str], bytes]) -> None:
    read = read_feed(feed("wordpress"), URL, NOW)
    assert len(read.seen) == 2
    assert [skip.reason for skip in read.skipped] == ["an entry without an address that can be opened"]


def test_a_video_has_its_still_and_no_card(feed: Callable[[str], bytes]) -> None:
    [seen] = read_feed(feed("youtube"), "https://www.youtube.com/feeds/videos.xml?channel_id=UCx", NOW).seen
    [media] = seen.post.media
    assert (media.kind, media.alt) == (MediaKind.VIDEO, "A day underground")
    assert media.preview_url == "https://i.ytimg.example/vi/abc/hqdefault.jpg"
    assert seen.post.card is None
    assert seen.post.text == "We go down with Bakari. #ShareASM"
    assert seen.post.created_at == datetime(2027, 2, 3, 11, 0, 5, tzinfo=UTC)


def test_an_old_feed_in_latin_letters_is_read_too(feed: Callable[[str], bytes]) -> None:
    [seen] = read_feed(feed("rdf"), "https://old.example/index.rdf", NOW).seen
    assert (seen.post.text, seen.post.languages) == ("Orpaillage et #shareASM", ("fr",))


def test_the_campaign_says_the_language_where_the_feed_does_not(feed: Callable[[str], bytes]) -> None:
    [seen] = read_feed(feed("youtube"), URL, NOW, "sw").seen
    assert seen.post.languages == ("sw",)


def test_an_entry_from_tomorrow_is_of_now(feed: Callable[[str], bytes]) -> None:
    early = datetime(2027, 2, 3, 9, tzinfo=UTC)
    assert read_feed(feed("wordpress"), URL, early).seen[0].post.created_at == early


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!doctype html><html><body>Not here</body></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rss><channel>&b;</channel></rss>',
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE r [<!ENTITY a "a">]><rss/>'.encode("utf-16"),
        b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss>&x;</rss>',
        b"<rss><channel>" + b"<a>" * 5,
    ],
    ids=["nothing", "a web page", "a picture", "laughs", "laughs in utf-16", "a file", "half of one"],
)
def test_what_is_no_feed_is_refused(data: bytes) -> None:
    with pytest.raises(NoFeed):
        read_feed(data, URL, NOW)


@given(st.binary(max_size=400) | st.text(max_size=300).map(str.encode))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    for wrapped in (data, b"<rss><channel><item>" + data + b"</item></channel></rss>"):
        try:
            read_feed(wrapped, URL, NOW)
        except NoFeed:
            continue


def rss(*entries: str) -> str:
    return f"<rss><channel><title>Voices</title><link>https://[no host</link>{''.join(entries)}</channel></rss>"


ENTRY = "<item><pubDate>Wed, 03 Feb 2027 09:30:00 GMT</pubDate><title>A day</title><link>https://blog.example/1</link></item>"


def test_an_entry_as_deep_as_a_well_costs_no_other_entry() -> None:
    words = f"{'<b>' * 3000}x{'</b>' * 3000}"
    deep = f"<item><link>https://blog.example/2</link><description>{words}</description></item>"
    assert "https://blog.example/1" in [seen.post.url for seen in read_feed(rss(deep, ENTRY).encode(), URL, NOW).seen]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
def test_entities_are_refused_in_whatever_encoding_they_are_written(encoding: str) -> None:
    head = f"<?xml version='1.0' encoding='{encoding[:6].rstrip('-')}'?><!DOCTYPE rss [<!ENTITY a 'aaaa'>]>"
    with pytest.raises(NoFeed, match="entities"):
        read_feed((head + rss(ENTRY)).encode(encoding), URL, NOW)


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_any_words_make_a_post_or_are_set_aside(title: str, link: str, day: str) -> None:
    from xml.sax.saxutils import escape

    cells = "".join(f"<{name}>{escape(words)}</{name}>" for name, words in
                    (("title", title), ("link", link), ("pubDate", day)))  # fmt: skip
    data = f"<rss><channel><item>{cells}</item></channel></rss>".encode("utf-8", "replace")
    try:
        read = read_feed(data, URL, NOW)
    except NoFeed:
        return  # a character that XML has not
    assert len(read.seen) + len(read.skipped) == 1
    assert all(seen.post.created_at <= NOW for seen in read.seen)


# ---- asking for it -----------------------------------------------------------------------------------------------------


@dataclass
class Blog:
    """A server with one feed; `answers` come first, then the feed."""

    body: bytes
    answers: list[httpx.Response] = field(default_factory=list)
    asked: list[httpx.Headers] = field(default_factory=list)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.headers)
        if self.answers:
            return self.answers.pop(0)
        if request.headers.get("if-none-match") == '"1"':
            return httpx.Response(304)
        return httpx.Response(200, content=self.body, headers={"etag": '"1"', "last-modified": "yesterday"})

    def reader(self, *, takes_all: bool = False) -> FeedReader:
        return FeedReader(
            URL,
            takes_all=takes_all,
            language=None,
            user_agent="shareasm",
            now=lambda: NOW,
            transport=httpx.MockTransport(self.handle),
        )


@pytest.fixture
def blog(feed: Callable[[str], bytes]) -> Blog:
    return Blog(feed("wordpress"))


def urls(pages: Iterator[Page]) -> list[str]:
    return [seen.post.url for page in pages for seen in page.posts]


def test_only_entries_of_the_day_under_the_tag_are_taken(blog: Blog) -> None:
    assert urls(blog.reader().read_tag("ShareASM", DAY, None)) == ["https://blog.example/2027/02/fair-price/"]
    assert urls(blog.reader().read_tag("other", DAY, None)) == []


def test_a_feed_that_is_taken_whole_needs_no_tag(blog: Blog) -> None:
    assert urls(blog.reader(takes_all=True).read_tag("other", DAY, None)) == [
        "https://blog.example/2027/02/fair-price/"
    ]


def test_an_unchanged_feed_is_not_sent_again(blog: Blog) -> None:
    [page] = blog.reader().read_tag("shareASM", DAY, None)
    assert list(blog.reader().read_tag("shareASM", DAY, page.checkpoint)) == []
    assert blog.asked[-1]["if-modified-since"] == "yesterday"


def test_a_sweep_asks_for_everything(blog: Blog) -> None:
    [page] = blog.reader().sweep_tag("shareASM", DAY)
    assert page.checkpoint is None
    assert "if-none-match" not in blog.asked[-1]


def test_a_checkpoint_that_cannot_be_read_asks_for_everything(blog: Blog) -> None:
    assert urls(blog.reader().read_tag("shareASM", DAY, "nonsense"))


def test_an_entry_that_left_the_feed_is_not_called_gone(blog: Blog) -> None:
    there = PostRef(Network.WEB, f"{URL}#https://blog.example/?p=41")
    old = PostRef(Network.WEB, f"{URL}#https://blog.example/?p=1")
    answers = blog.reader().check([(there, there.uri), (old, old.uri)])
    assert set(answers) == {there}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(404), Rejected),
        (httpx.Response(500), Unreachable),
        (httpx.Response(429), RateLimited),
        (httpx.Response(200, content=b"<html>"), Rejected),
        (httpx.Response(200, content=b"x" * 5_000_001), Rejected),
    ],
    ids=["gone", "broken", "too often", "no feed", "endless"],
)
def test_what_a_server_refuses_is_one_of_our_errors(blog: Blog, answer: httpx.Response, error: type[Exception]) -> None:
    blog.answers = [answer]
    with pytest.raises(error, match=r"blog\.example"):
        list(blog.reader().read_tag("shareASM", DAY, None))


@pytest.mark.parametrize(
    ("words", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("99999", timedelta(hours=1)),
        ("Wed, 03 Feb 2027 15:10:00 GMT", timedelta(minutes=10)),
        ("soon", timedelta(minutes=5)),
    ],
)
def test_a_server_that_asks_for_patience_gets_it(blog: Blog, words: str, wait: timedelta) -> None:
    blog.answers = [httpx.Response(503, headers={"retry-after": words})]
    with pytest.raises(RateLimited) as refusal:
        list(blog.reader().read_tag("shareASM", DAY, None))
    assert refusal.value.until == NOW + wait


@pytest.mark.parametrize("address", ["https://elsewhere.example/feed/", "http://169.254.169.254/latest/meta-data/"])
def test_a_feed_that_moved_to_another_host_is_not_followed_but_named(blog: Blog, address: str) -> None:
    blog.answers = [httpx.Response(301, headers={"location": address})]
    with pytest.raises(Rejected, match="write its new address"):
        list(blog.reader().read_tag("shareASM", DAY, None))
    assert len(blog.asked) == 1


def test_a_feed_is_followed_to_another_path_of_its_host(blog: Blog) -> None:
    blog.answers = [httpx.Response(302, headers={"location": "https://www.blog.example/rss"})]
    assert urls(blog.reader().read_tag("shareASM", DAY, None))


def test_an_entry_without_a_date_is_set_aside() -> None:
    data = b"<rss><channel><item><title>x</title><link>https://blog.example/x</link></item></channel></rss>"
    read = read_feed(data, URL, NOW)
    assert [skip.reason for skip in read.skipped] == ["an entry without a date"]


def test_nobody_there_is_unreachable() -> None:
    def nobody(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    reader = FeedReader(
        URL,
        takes_all=False,
        language=None,
        user_agent="x",
        now=lambda: NOW,
        transport=httpx.MockTransport(nobody),
    )
    with pytest.raises(Unreachable):
        list(reader.sweep_tag("shareASM", DAY))


def reader(answer: Callable[[httpx.Request], httpx.Response]) -> FeedReader:
    return FeedReader(
        URL, takes_all=True, language=None, user_agent="t", now=lambda: NOW, transport=httpx.MockTransport(answer)
    )


def test_a_mark_that_cannot_be_sent_back_is_not_kept() -> None:
    marked = reader(lambda _: httpx.Response(200, headers=[(b"ETag", '"é"'.encode())], content=rss(ENTRY).encode()))
    [page] = marked.read_tag("shareasm", DAY, None)
    assert [page.posts for page in marked.read_tag("shareasm", DAY, page.checkpoint)] == [page.posts]


def test_a_feed_that_drips_without_end_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter(range(0, 1000, 25))
    monkeypatch.setattr("shareasm.networks.feeds.reader.monotonic", lambda: next(seconds))
    dripping = reader(lambda _: httpx.Response(200, content=(b" " for _ in range(1000))))
    with pytest.raises(Unreachable, match="does not end"):
        list(dripping.read_tag("shareasm", DAY, None))


# ---- robots.txt --------------------------------------------------------------------------------------------------------


def asked_politely(robots: Callable[[httpx.Request], httpx.Response]) -> tuple[FeedReader, list[str]]:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return (
            robots(request) if request.url.path == "/robots.txt" else httpx.Response(200, content=rss(ENTRY).encode())
        )

    return FeedReader(
        URL,
        takes_all=True,
        language=None,
        user_agent="t",
        now=lambda: NOW,
        notices=Notices(lambda: NOW),
        transport=httpx.MockTransport(answer),
    ), asked


def test_a_feed_whose_server_does_not_want_programs_is_not_read() -> None:
    path = httpx.URL(URL).path
    reader, asked = asked_politely(lambda _: httpx.Response(200, text=f"User-agent: *\nDisallow: {path}"))
    for _ in range(2):
        with pytest.raises(StayAway, match=r"robots\.txt asks programs not to read this feed"):
            list(reader.sweep_tag("shareASM", DAY))
    assert asked == ["/robots.txt"]


@pytest.mark.parametrize(
    "robots",
    [
        httpx.Response(404),
        httpx.Response(200, text="User-agent: *\nDisallow: /wp-admin/"),
        httpx.Response(301, headers={"location": "https://elsewhere.example/robots.txt"}),
    ],
)
def test_a_feed_whose_server_does_not_mind_is_read(robots: httpx.Response) -> None:
    reader, asked = asked_politely(lambda _: robots)
    for _ in range(2):
        assert urls(reader.sweep_tag("shareASM", DAY))
    assert asked == ["/robots.txt", httpx.URL(URL).path, httpx.URL(URL).path]


def test_a_feed_whose_servers_wishes_cannot_be_heard_is_tried_later() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    for robots in (broken, lambda _: httpx.Response(502)):
        reader, asked = asked_politely(robots)
        with pytest.raises(Unreachable, match=r"robots\.txt cannot be read"):
            list(reader.sweep_tag("shareASM", DAY))
        assert asked == ["/robots.txt"]


@pytest.mark.parametrize(("said", "minutes"), [("max-age=240", 4), ("max-age=86400", 5), ("no-cache", 2), ("", 2)])
def test_a_feed_is_left_in_peace_as_long_as_caches_keep_it_and_two_minutes_at_least(said: str, minutes: int) -> None:
    slow = reader(lambda _: httpx.Response(200, headers={"cache-control": said}, content=rss(ENTRY).encode()))
    assert slow.rest() is None
    list(slow.read_tag("shareASM", DAY, None))
    assert slow.rest() == (NOW + timedelta(minutes=minutes), "")
    assert slow.posts_a_minute() > 1000
