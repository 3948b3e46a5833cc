"""What a page says of itself: which of its words count, in which letters, and that no page can hurt the reading."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareasm.domain.pages import DESCRIPTION_LENGTH, PAGE_BYTES, TITLE_LENGTH, Page, decode_page, read_page
from shareasm.domain.richtext import clean_line, grapheme_length, safe_url

PAGES = Path(__file__).resolve().parent.parent / "data" / "pages"
CASES = sorted(path.stem for path in PAGES.glob("*.html"))


@pytest.mark.parametrize("case", CASES)
def test_a_page_says_of_itself_what_its_file_says(case: str) -> None:
    wanted = json.loads((PAGES / f"{case}.page.json").read_text())
    charset = wanted.pop("charset", "")
    said = read_page((PAGES / f"{case}.html").read_bytes(), "https://library.example/17403", charset)
    assert {"title": said.title, "description": said.description, "image": said.image} == wanted


def test_long_words_are_cut_in_graphemes() -> None:
    family = "👨‍👩‍👧‍👦"
    page = f"<title>{family * 60} {'word ' * 200}</title><meta name=description content='{'é' * 2000}'>"
    said = read_page(page.encode(), "https://a.example/")
    assert said.title
    assert grapheme_length(said.title) <= TITLE_LENGTH
    assert said.title.endswith("…")
    assert said.description
    assert grapheme_length(said.description) == DESCRIPTION_LENGTH


def test_only_the_first_half_megabyte_is_read() -> None:
    page = b"<head>" + b" " * PAGE_BYTES + b"<title>Far away</title>"
    assert read_page(page, "https://a.example/") == Page()


def test_a_letter_cut_in_two_where_reading_ended_is_still_utf_8() -> None:
    assert decode_page("Sécurité".encode()[:-1]) == "Sécurit\ufffd"


def test_of_a_tag_with_countless_attributes_the_first_forty_count() -> None:
    many = " ".join(f"a{number}=1" for number in range(40))
    page = f"<meta ={many} property=og:title content=No><meta = property=og:description content=Yes ==>"
    assert read_page(page.encode(), "https://a.example/") == Page(description="Yes")


_HOSTILE = {
    "tags never closed": b"<a" * 250_000,
    "quotes never closed": b'<meta content="' * 35_000,
    "two kinds of quotes": b"<a b='\"" * 75_000,
    "comments never closed": b"<!--" * 130_000,
    "declarations": b"<!" * 250_000,
    "closings": b"</" * 250_000,
    "titles never closed": b"<title>" * 75_000,
    "scripts never closed": b"<script>" * 65_000,
    "scripts": b"<script></scripty>" * 29_000,
    "spaces": b"<meta" + b" " * 500_000,
    "slashes": b"<meta" + b"/ " * 250_000,
    "equals": b"<meta" + b"=" * 500_000,
    "spaces before an equals": b"<meta a" + b" " * 500_000 + b"b",
    "attributes": b"<meta " + b"a " * 250_000 + b">",
    "a digit": b"<title>&#" + b"9" * 500_000 + b";</title>",
    "entities": b"<title>" + b"&amp" * 100_000 + b"</title>",
    "metas": b"<meta name=a content=b>" * 22_000,
    "charsets": b"<meta charset" * 40_000,
    "marks above": b"<title>a" + "\u0301".encode() * 250_000 + b"</title>",
    "zeros": b"\0" * 500_000,
}


@pytest.mark.parametrize("case", _HOSTILE)
def test_no_page_takes_longer_than_its_length_warrants(case: str) -> None:
    began = time.process_time()
    read_page(_HOSTILE[case], "https://a.example/")
    assert time.process_time() - began < 3  # what goes over its characters again and again takes minutes


_PIECES = """< > </ <!-- --> <meta <title> </title <script> </script> <body </head> <base href= property= name= content=
og:title og:image description ' " = / &amp; &# x https:// // [ é charset= utf-16 gbk"""
_ODD = st.lists(st.sampled_from([*_PIECES.split(), " ", "\n", "\0", "\u202e"]), max_size=60).map("".join)


@given(st.one_of(st.binary(max_size=400), _ODD.map(str.encode)), st.text(max_size=20), st.text(max_size=40))
def test_any_bytes_give_clean_words_and_never_raise(data: bytes, charset: str, url: str) -> None:
    said = read_page(data, url, charset)
    for words, limit in ((said.title, TITLE_LENGTH), (said.description, DESCRIPTION_LENGTH)):
        assert words is None or (words and clean_line(words, 4 * limit) == words and grapheme_length(words) <= limit)
    assert said.image is None or safe_url(said.image) == said.image
