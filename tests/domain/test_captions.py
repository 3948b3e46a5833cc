"""Captions: WebVTT that players take, or the line that is wrong and how to mend it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareasm.domain.captions import MOST_BYTES, Captions, read_captions
from shareasm.domain.pictures import Refusal

GOOD = """WEBVTT - dialogue

NOTE made for shareasm; --> is not allowed here, so it is not

1
00:01.000 --> 00:04.250 align:start
- Good morning, Geita.
- Good morning!

00:00:04.500 --> 00:01:02.000
How deep is it?
""".replace("--> is", "an arrow is")


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_captions_say_how_many_and_how_long(line_end: str, mark: str) -> None:
    assert read_captions((mark + GOOD).replace("\n", line_end).encode()) == Captions(2, 62.0)


@pytest.mark.parametrize(
    ("data", "words", "cure"),
    [
        (b"", "is not a captions file", "first line is WEBVTT"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nHello", "is not a captions file", "WEBVTT"),
        (b"WEBVTTX\n", "is not a captions file", "WEBVTT"),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\né".encode("latin-1"), "is not in UTF-8", "UTF-8"),
        (b"WEBVTT\n" + b"x" * MOST_BYTES, "more than 20 kB", "Shorten"),
        (b"WEBVTT\n\nNOTE nothing\n", "no captions", "leave it out"),
        (b"WEBVTT\n\n00:00:01,000 --> 00:00:02,000\nHello", "in line 3 that is no pair of times", "not a comma"),
        (b"WEBVTT\n\n1.0 --> 2.0\nHello", "in line 3 that is no pair of times", "00:01.500 -->"),
        (b"WEBVTT\n\n00:02.000 --> 00:01.000\nHello", "in line 3 that ends before", "later time"),
        (b"WEBVTT\n\n00:02.000 --> 00:03.000\nA\n\n00:01.000 --> 00:03.000\nB", "in line 6 that begins before", "in order"),
        (b"WEBVTT\n\n00:02.000 --> 00:03.000\n\nA", "in line 3 that has no words", "line below"),
        (b"WEBVTT\n\n00:02.000 --> 00:03.000", "in line 3 that has no words", "line below"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_captions_is_said_with_its_line_and_cure(data: bytes, words: str, cure: str) -> None:
    found = read_captions(data)
    assert isinstance(found, Refusal)
    assert words in found.reason
    assert cure in found.cure


_LINES = [
    "WEBVTT",
    "",
    "NOTE",
    "00:01.000 --> 00:02.000",
    "-->",
    "words",
    "\ufeff",
    "\r",
    " \t" * 50 + "-->",
    "9" * 99 + ":00",
]


@given(
    st.one_of(
        st.binary(max_size=300), st.lists(st.sampled_from(_LINES), max_size=30).map(lambda x: "\n".join(x).encode())
    )
)
def test_any_bytes_are_captions_or_refused(data: bytes) -> None:
    assert isinstance(read_captions(data), Captions | Refusal)
    assert isinstance(read_captions(b"WEBVTT\n\n" + data), Captions | Refusal)
