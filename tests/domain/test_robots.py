"""robots.txt, by the rules and examples of RFC 9309."""

from datetime import timedelta
from urllib.robotparser import RobotFileParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import NOON
from shareasm.domain.robots import MOST_BYTES, OPEN, Notices, Robots, read_robots

SITE = "https://mastodon.example"
TAG = f"{SITE}/api/v1/timelines/tag/shareASM"

MASTODON = b"""\
# See http://www.robotstxt.org/robotstxt.html for documentation on how to use the robots.txt file

User-agent: GPTBot
Disallow: /

User-agent: *
Disallow: /media_proxy/
Disallow: /interact/
"""

GOTOSOCIAL = b"""\
User-agent: *
Disallow: /api/
Disallow: /auth/
Disallow: /oauth/
"""

SIMPLE = b"""\
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot

EOF
"""  # RFC 9309, 5.1, with its `EOF` as a line that means nothing

LONGEST = b"""\
User-Agent: foobot
Allow: /example/page/
Disallow: /example/page/disallowed.gif
"""  # RFC 9309, 5.2


def allows(robots: bytes, path: str, product: str = "shareasm") -> bool:
    return read_robots(robots, product).allows(SITE + path)


@pytest.mark.parametrize(
    ("robots", "is_open"),
    [
        (MASTODON, True),
        (GOTOSOCIAL, False),
        (b"", True),
        (b"User-agent: *\nDisallow: /", False),
        (b"User-agent: *\nDisallow:", True),
        (b"User-agent: shareasm\nDisallow: /api/\n\nUser-agent: *\nAllow: /", False),
        (b"User-agent: shareasm\nAllow: /\n\nUser-agent: *\nDisallow: /", True),
        (b"User-agent: shareasm\n\nUser-agent: *\nDisallow: /", False),
        (b"User-agent: shareasm/1.0 (bot)\nDisallow: /", False),
        (b"User-agent: SHAREASM\nDisallow: /", False),
        (b"User-agent: shareasmbot\nDisallow: /", True),
        (b"Disallow: /", True),
        (b"\xef\xbb\xbfUser-agent: *\r\nDisallow: /api/v1/timelines/\r\n", False),
        (b"<!doctype html><title>Not here</title>", True),
        (b"\xff\xfe\x00 nonsense: : :", True),
    ],
    ids=[
        "Mastodon's own",
        "GoToSocial's own",
        "an empty one",
        "stay away, all of you",
        "an empty wish",
        "stay away, you",
        "welcome, you",
        "a group for us that runs on into that for all",
        "our name with a version",
        "our name in capitals",
        "another's name",
        "a rule for nobody",
        "with a mark of byte order",
        "a web page",
        "nonsense",
    ],
)
def test_a_tag_is_read_where_its_server_does_not_mind(robots: bytes, is_open: bool) -> None:
    assert read_robots(robots).allows(TAG) == is_open


@pytest.mark.parametrize(
    ("product", "path", "is_open"),
    [
        ("anybot", "/publications/x", True),
        ("anybot", "/example/x", False),
        ("anybot", "/a.gif", False),
        ("anybot", "/a.gif?size=1", True),
        ("foobot", "/", False),
        ("foobot", "/example/page.html", True),
        ("foobot", "/example/allowed.gif", True),
        ("foobot", "/robots.txt", True),
        ("barbot", "/example/page.html", False),
        ("bazbot", "/example/page.html", False),
        ("bazbot", "/example/", True),
        ("quxbot", "/example/page.html", True),
    ],
)
def test_the_simple_example_of_the_rfc(product: str, path: str, is_open: bool) -> None:
    assert allows(SIMPLE, path, product) == is_open


@pytest.mark.parametrize(("path", "is_open"), [("/example/page/x", True), ("/example/page/disallowed.gif", False)])
def test_the_longest_rule_decides(path: str, is_open: bool) -> None:
    assert allows(LONGEST, path, "foobot") == is_open


def test_python_has_no_parser_that_follows_the_rfc() -> None:
    theirs = RobotFileParser()
    theirs.parse(LONGEST.decode().splitlines())
    assert theirs.can_fetch("foobot", "/example/page/disallowed.gif"), "when this fails, ours is needed no more"


def test_of_two_equal_rules_the_kinder_one_decides() -> None:
    assert allows(b"User-agent: *\nDisallow: /page\nAllow: /page", "/page")


def test_groups_with_the_same_name_are_one() -> None:
    robots = (
        b"User-agent: shareasm\nDisallow: /a\n\nUser-agent: other\nDisallow: /b\n\nUser-agent: shareasm\nDisallow: /c"
    )
    assert [allows(robots, path) for path in ("/a", "/b", "/c")] == [False, True, False]


def test_other_lines_do_not_part_a_group() -> None:
    robots = b"User-agent: other\nSitemap: https://mastodon.example/map.xml\nUser-agent: shareasm\nCrawl-delay: 5\nDisallow: /a"
    assert not allows(robots, "/a")


@pytest.mark.parametrize(
    ("rule", "path", "fits"),
    [
        ("/path/file-with-a-%2A.html", "/path/file-with-a-*.html", False),
        ("/path/file-with-a-%2A.html", "/path/file-with-a-%2a.html", True),
        ("/path/foo-%24", "/path/foo-%24", True),
        ("/foo/bar/\u30c4", "/foo/bar/%E3%83%84", True),
        ("/foo/bar/%E3%83%84", "/foo/bar/\u30c4", True),
        ("/foo/bar/%62%61%7A", "/foo/bar/baz", True),
        ("/foo/bar?baz=quz", "/foo/bar?baz=quz", True),
        ("/foo/bar?baz=http://foo.bar", "/foo/bar?baz=http://foo.bar", True),
        ("/*/b", "/a/b/c", True),
        ("/*/b", "/a/c", False),
        ("/*/b$", "/a/b", True),
        ("/*/b$", "/a/b/c", False),
        ("/a*b*c", "/a-b-c-d", True),
        ("/a*b*c", "/a-c-b", False),
        ("/ab*b$", "/ab", False),
        ("/a$", "/a", True),
        ("/a$", "/ab", False),
        ("/*", "/anything", True),
        ("/API", "/api", False),
    ],
)
def test_stars_ends_and_escapes(rule: str, path: str, fits: bool) -> None:
    assert allows(f"User-agent: *\nDisallow: {rule}".encode(), path) == (not fits)


def test_a_hostile_pattern_takes_no_time() -> None:
    robots = b"User-agent: *\nDisallow: /" + b"*a" * 20_000 + b"$"
    assert allows(robots, "/" + "a" * 10_000)


def test_what_stands_behind_half_a_megabyte_is_not_read() -> None:
    assert allows(b"#" * MOST_BYTES + b"\nUser-agent: *\nDisallow: /", "/")


@given(st.binary(max_size=400), st.text(max_size=60))
def test_no_bytes_and_no_path_break_anything(robots: bytes, path: str) -> None:
    assert read_robots(b"User-agent: *\nDisallow: " + robots).allows(f"{SITE}/{path}") in {True, False}


# ---- remembering -------------------------------------------------------------------------------------------------------


class Server:
    """Answers with a robots.txt, or in another way, and counts."""

    def __init__(self, *answers: tuple[int, bytes] | None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, url: str) -> tuple[int, bytes] | None:
        self.asked.append(url)
        return self.answers.pop(0)


STAY_AWAY = (200, b"User-agent: *\nDisallow: /")


def test_a_server_is_asked_for_its_wishes_once_a_day() -> None:
    times, server = [NOON], Server(STAY_AWAY, (404, b""))
    notices = Notices(lambda: times[-1])
    assert [
        bool(robots and robots.allows(TAG)) for robots in (notices.of(TAG, server), notices.of(f"{SITE}/x", server))
    ] == [
        False,
        False,
    ]
    assert server.asked == [f"{SITE}/robots.txt"]
    times.append(NOON + timedelta(days=1))
    assert notices.of(TAG, server) is OPEN


@pytest.mark.parametrize("status", [404, 401, 403, 410, 301, 501])
def test_a_server_without_a_robots_txt_has_no_wishes(status: int) -> None:
    assert Notices(lambda: NOON).of(TAG, Server((status, STAY_AWAY[1]))) is OPEN


@pytest.mark.parametrize("trouble", [None, (500, b""), (503, b""), (429, b"")])
def test_a_server_in_trouble_keeps_its_wishes(trouble: tuple[int, bytes] | None) -> None:
    times = [NOON]
    notices = Notices(lambda: times[-1])
    assert notices.of(TAG, Server(trouble)) is None, "never heard: it is not asked for anything else"
    heard = notices.of(TAG, Server(STAY_AWAY))
    assert isinstance(heard, Robots)
    times.append(NOON + timedelta(days=2))
    assert notices.of(TAG, Server(trouble)) is heard
