"""What strangers' HTML becomes: safe for a page, and plain words for everything else."""

# ruff: noqa: E501  HTML and what becomes of it stand side by side

import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareasm.domain.richtext import DEPTH_LIMIT, HTML_LIMIT, linked_html, read_html, sanitise, to_text

REL = ' rel="nofollow noopener ugc"'
ALLOWED = {
    "p": {"lang", "dir"},
    "br": set(),
    "a": {"href", "rel"},
    **{
        tag: {"lang", "dir"}
        for tag in [
            "blockquote",
            "code",
            "pre",
            "em",
            "strong",
            "i",
            "b",
            "u",
            "del",
            "s",
            "ul",
            "ol",
            "li",
            "ruby",
            "rt",
            "rp",
        ]
    },
}


class Checker(HTMLParser):
    """Fails on any tag, attribute, comment or declaration that a page must not get from a post."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED
        for name, value in attrs:
            assert name in ALLOWED[tag], (tag, name)
            if name == "href":
                assert re.match(r"https?://[^/@\s]+", value or "", re.IGNORECASE)
            if name == "rel":
                assert value == "nofollow noopener ugc"

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError("a declaration")

    def handle_pi(self, data: str) -> None:
        raise AssertionError("an instruction")


def assert_is_clean(html: str) -> None:
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert sanitise(html) == html


MASTODON_LINK = (
    '<a href="https://www.iied.org/very/long/path/of-a-report" rel="nofollow noopener" translate="no">'
    '<span class="invisible">https://www.</span><span class="ellipsis">iied.org/very/long/path/of-a</span>'
    '<span class="invisible">-report</span></a>'
)


@pytest.mark.parametrize(
    ("html", "clean"),
    [
        ("<p>one</p><p>two<br>three</p>", "<p>one</p><p>two<br>three</p>"),
        ("<p class='admin badge' style='position:fixed' id='top'>x</p>", "<p>x</p>"),
        ('<p lang="fr" dir="ltr">x</p>', '<p dir="ltr" lang="fr">x</p>'),
        ('<p lang=\'fr" onclick="x\' dir="up">x</p>', "<p>x</p>"),
        ("<script>pwn()</script><p>x</p>", "<p>x</p>"),
        ("<img src=x onerror=pwn()>x", "x"),
        ('<a href="javascript:pwn()">x</a>', "x"),
        ('<a href="//evil.test/x">x</a> <a href="../admin">y</a>', "x y"),
        ('<a href="https://user:pw@evil.test/">iied.org</a>', "iied.org"),
        ('<a rel="me" target=_blank href="https://iied.example/a?b=1&amp;c=2">words</a>', f'<a href="https://iied.example/a?b=1&amp;c=2"{REL}>words</a>'),
        (MASTODON_LINK, f'<a href="https://www.iied.org/very/long/path/of-a-report"{REL}>iied.org/very/long/path/of-a-r…</a>'),
        ('<a href="https://evil.test/login">https://www.iied.org/login</a>', f'<a href="https://evil.test/login"{REL}>evil.test/login</a>'),
        ('<a href="https://evil.test/">www.iied.org</a>', f'<a href="https://evil.test/"{REL}>evil.test</a>'),
        ('<a href="https://iied.example/a">iied.example/a</a>', f'<a href="https://iied.example/a"{REL}>iied.example/a</a>'),
        ('<a href="https://iied.example/"> </a>', f'<a href="https://iied.example/"{REL}>iied.example</a>'),
        ('<p class="quote-inline">RE: <a href="https://a.test/1">a.test/1</a><br>x</p><p>mine</p>', "<p>mine</p>"),
        ("<h1>Title</h1><div>one</div><div>two</div>", "Title<br>one<br>two"),
        ("<ul><li>a</li><li>b</li></ul>", "<ul><li>a</li><li>b</li></ul>"),
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>", "<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>"),
        ("2 < 3 &amp; 4 > 1", "2 &lt; 3 &amp; 4 &gt; 1"),
        ("<p>a\u202eb\x00c&#x202e;d&#1;e</p>", "<p>abcde</p>"),
        ("<p>\u2066open</p><p>\u2066shut\u2069</p>", "<p>open</p><p>\u2066shut\u2069</p>"),
        ('<a href="https://a.test/1">outer <a href="https://a.test/2">inner</a></a>', f'<a href="https://a.test/1"{REL}>outer </a><a href="https://a.test/2"{REL}>inner</a>'),
        ("", ""),
    ],
)  # fmt: skip
def test_html_is_reduced_to_what_a_post_needs(html, clean):
    assert sanitise(html) == clean
    assert_is_clean(clean)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one</p><p>two<br />three</p>", "one\n\ntwo\nthree"),
        ("<p>one</p>\n\n<p>two\nlines</p>", "one\n\ntwo lines"),
        (f"<p>see {MASTODON_LINK} now</p>", "see https://www.iied.org/very/long/path/of-a-report now"),
        ('<p><a href="https://a.test/tags/x">#<span>ShareASM</span></a></p>', "#ShareASM"),
        (
            '<span class="h-card"><a href="https://a.test/@b" class="u-url mention">@<span>b</span></a></span> hi',
            "@b hi",
        ),
        ('read <a href="https://a.test/r">the report</a>', "read the report (https://a.test/r)"),
        ("<ul><li>a</li><li>b</li></ul><p>c</p>", "• a\n• b\n\nc"),
        ("<pre><code>a\n  b</code></pre>", "a\n  b"),
        ("a &lt;b&gt; &amp;amp; c&nbsp;d", "a <b> &amp; c\u00a0d"),
        ("<blockquote><p>quoted</p></blockquote><p>mine</p>", "quoted\n\nmine"),
        ('<p>a<a href="javascript:x">b</a>c</p>', "abc"),
        ('<p class="quote-inline">RE: x</p><p>y</p>', "y"),
        ("no tags at all\n", "no tags at all"),
    ],
)
def test_the_text_has_paragraphs_and_whole_addresses(html, text):
    assert to_text(html) == text


def test_code_is_no_prose():
    rich = read_html("<p>a <code>#one</code></p><pre>#two</pre><p>#three</p>")
    assert "#one" not in rich.prose
    assert "#two" not in rich.prose
    assert "#three" in rich.prose
    assert "#one" in rich.text


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000 + "deep",
        "<b><i><p>" * 20_000 + "deep",
        '<a href="https://a.test/">' * 50_000 + "deep",
        "<table><tr><td>x</td></tr>y" * 2_000 + "deep",
        "<" * 30_000 + "deep",
        "<p>" + "<b lang=en>" * DEPTH_LIMIT + "</p>" + "<p>x</p>" * 10_000,
        "w" * 100_000,
        '<p title="' + "a" * 1_000_000 + '">deep</p>',
        "</b><i>" * 12_000,
        "&#x202e;" * 12_000,
    ],
    ids=lambda html: html[:20],
)
def test_huge_and_deep_html_is_read_in_a_moment(html):
    began = time.process_time()
    clean = sanitise(html)
    assert time.process_time() - began < 1
    assert len(clean) < 10 * HTML_LIMIT
    assert_is_clean(clean)


def test_html_that_is_too_deep_keeps_its_words():
    html = "<div>" * (DEPTH_LIMIT + 1) + "one &amp; <script>" + "</div>" * 3 + "two"
    assert sanitise(html) == "<p>one &amp; two</p>"
    assert to_text(html) == "one & two"


def test_lines_are_broken_as_often_as_an_author_likes():
    assert sanitise("<p>" + "one<br>" * (DEPTH_LIMIT + 1) + "two</p>").count("<br>") == DEPTH_LIMIT + 1


def test_html_that_does_not_settle_keeps_its_words(monkeypatch):
    monkeypatch.setattr("shareasm.domain.richtext.markup._SETTLING", 1)
    assert sanitise("<object><p>one<object><p>two") == "<p>one two</p>"


PIECES = st.sampled_from([
    *["<p>", "</p>", "<br>", "<b>", "</b>", "</i>", "<a>", "</a>", "<ul>", "<li>", "</ul>", "<div>", "</div>", "<table>", "<td>", "<svg>", "<style>", "</style>", "<!--", "-->"],
    *["<script>", "</script>", "<span>", "</span>", "<blockquote>", "</blockquote>", "<pre>", "</pre>", "<code>", "</code>", "<button>", "<h1>", "</h1>", "<ruby>"],
    *["<rt>", "<select>", "<math>", "<mtext>", "<template>", "<textarea>", "</textarea>", "<plaintext>", "<![CDATA[", "]]>", "<nobr>", "<object>"],
    *["&lt;", "&amp;", "&nbsp;", "&#x2066;", "\u202e", "\u2066", "\u2069", "\x00", "�", "\ufffe", "\u2028", "é", "👩\u200d💻", "word", "https://a.test", "#tag", "<", ">", '"', "'"],
    "<i lang='en'>", "<a href='https://a.test/x'>", "<span class=invisible>", "<p class=quote-inline>", "<p dir=rtl>", " ", "\n",
    "<img src=x onerror=1>", "\xa0",
])  # fmt: skip


@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_html_becomes_clean_and_stays_as_it_is(html):
    rich = read_html(html)
    assert_is_clean(rich.html)
    assert read_html(rich.html).html == rich.html
    rich.text.encode()


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=200))
def test_plain_words_survive(text):
    words = re.findall(r"[a-z0-9]+", text)
    assert re.findall(r"[a-z0-9]+", to_text(text.replace("&", "&amp;").replace("<", "&lt;"))) == words


# ---- links from spans --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spans", "html"),
    [
        ("a <b> & c", [], "<p>a &lt;b&gt; &amp; c</p>"),
        ("one\ntwo\n\n\nthree", [], "<p>one<br>two</p><p>three</p>"),
        ("see iied.org now", [(4, 12, "https://iied.org/x")], f'<p>see <a href="https://iied.org/x"{REL}>iied.org</a> now</p>'),
        ("👩‍💻 é #tag", [(6, 10, "https://a.test/#tag")], f'<p>👩‍💻 é <a href="https://a.test/#tag"{REL}>#tag</a></p>'),
        ("iied.org", [(0, 8, "https://evil.test/")], f'<p><a href="https://evil.test/"{REL}>evil.test</a></p>'),
        ("one two", [(4, 7, "https://b.test/"), (0, 3, "https://a.test/")], f'<p><a href="https://a.test/"{REL}>one</a> <a href="https://b.test/"{REL}>two</a></p>'),
        ("one two", [(0, 5, "https://a.test/"), (4, 7, "https://b.test/")], f'<p><a href="https://a.test/"{REL}>one t</a>wo</p>'),
        ("one two", [(0, 3, "javascript:x"), (4, 99, "https://a.test/"), (3, 3, "https://a.test/"), (-1, 3, "https://a.test/")], "<p>one two</p>"),
        ("one\ntwo", [(0, 7, "https://a.test/")], "<p>one<br>two</p>"),
        ("", [], ""),
        ('"x"', [(0, 3, "https://a.test/?a=1&b=2")], f'<p><a href="https://a.test/?a=1&amp;b=2"{REL}>"x"</a></p>'),
    ],
)  # fmt: skip
def test_spans_become_links(text, spans, html):
    assert linked_html(text, spans) == html
    assert_is_clean(html)


@given(
    st.text(max_size=60),
    st.lists(st.tuples(st.integers(-3, 70), st.integers(-3, 70), st.sampled_from(["https://a.test/", "x"]))),
)
def test_any_spans_give_clean_html(text, spans):
    assert_is_clean(linked_html(text, spans))


# ---- the corpus --------------------------------------------------------------------------------------------------------


def recipe(value):
    if isinstance(value, str):
        return value
    if "repeat" in value:
        return "".join(value["repeat"][0].replace("{i}", str(number)) for number in range(value["repeat"][1]))
    return "".join(recipe(part) for part in value["concat"])


@pytest.mark.shared
def test_no_hostile_html_of_the_corpus_gets_through(shared: Path):
    cases = [json.loads(line) for line in (shared / "corpus/hostile/html.jsonl").read_text("utf-8").splitlines()]
    for case in cases:
        html = case.get("html") or recipe(case["html_recipe"])
        assert_is_clean(sanitise(html))
    assert len(cases) >= 140
