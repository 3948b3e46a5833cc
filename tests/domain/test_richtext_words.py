"""Plain text at the door: control characters, direction marks, addresses, hashtags, and how long a text is."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareasm.domain.richtext import (
    bluesky_length,
    clean_line,
    clean_text,
    find_facet_hashtags,
    find_hashtags,
    fold_hashtag,
    grapheme_length,
    is_blank,
    mastodon_length,
    safe_url,
    truncate,
    url_host,
)


def names(tags):
    return [tag.name for tag in tags]


def labels(tags):
    return [tag.label for tag in tags]


# ---- characters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\x00b\x0bc\x7fd\x9fe", "abcde"),
        ("a\r\nb\rc\td", "a\nb\nc\td"),
        ("\ud800x\udfff\ufffe\uffff\ufdd0", "x"),
        ("\u202ereversed", "reversed"),
        ("\u2067abc\u2069 d", "\u2067abc\u2069 d"),
        ("\u2067abc d", "abc d"),
        ("abc\u2069\u202c d", "abc d"),
        ("\u202babc\u202c d", "\u202babc\u202c d"),
        ("\u202babc\u2069 d", "abc d"),
        ("\u2067abc\nd\u2069", "abc\nd"),
        ("\u2066a\u2067b\u2069c", "a\u2067b\u2069c"),
        ("\u200fright-to-left marks stay", "\u200fright-to-left marks stay"),
    ],
)
def test_control_characters_and_open_direction_marks_are_taken_out(text, clean):
    assert clean_text(text, 100) == clean


@given(
    st.text(st.sampled_from("ab\n\u2028\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x00"), max_size=30),
    st.integers(0, 40),
)
def test_no_direction_mark_reaches_beyond_its_line(text, limit):
    clean = clean_text(text, limit)
    assert len(clean) <= limit
    assert clean_text(clean, limit) == clean
    for line in clean.replace("\u2028", "\n").split("\n"):
        assert sum(line.count(mark) for mark in "\u2066\u2067\u2068") == line.count("\u2069")
        assert sum(line.count(mark) for mark in "\u202a\u202b") == line.count("\u202c")


def test_a_name_is_one_line():
    assert clean_line(" a\r\nb\tc\u2028d ", 50) == "a b c d"
    assert clean_line("W" * 10_000, 300) == "W" * 300
    assert clean_line("one two", 4) == "one"


@pytest.mark.parametrize(
    ("text", "is_it"), [("\u200b\u3164\u2800\xad", True), ("", True), (" \t", True), ("\u200ba", False)]
)
def test_a_name_of_invisible_characters_is_blank(text, is_it):
    assert is_blank(text) is is_it


# ---- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://iied.example",
        "HTTP://IIED.example:8080/a?b=c#d",
        "https://[2001:db8::1]/x",
        "https://münchen.example/straße?q=(1)",
        " https://iied.example/ ",
        "http://localhost:9301/users/amina",
    ],
)
def test_a_web_address_is_kept(url):
    assert safe_url(url) == url.strip()


@pytest.mark.parametrize(
    "url",
    [
        None,
        5,
        "",
        "javascript:alert(1)",
        "//iied.example/x",
        "/x",
        "https:",
        "https://",
        "https:///x",
        "https:\\\\iied.example",
        "https://user@iied.example/",
        "https://user:pw@iied.example/",
        "https://iied.example:port/",
        "https://ii ed.example/",
        "https://iied.example/a b",
        "https://iied.example/\x00",
        "https://iied.example/\u202efdp",
        "https://iied.example/<b>",
        'https://iied.example/"x',
        "https://iied.example/" + "a" * 5000,
        "ftp://iied.example/",
        "data:text/html,x",
    ],
)
def test_anything_else_is_no_address(url):
    assert safe_url(url) is None


def test_the_host_of_an_address_is_in_lower_case():
    assert url_host("https://IIED.example:8080/X") == "iied.example"
    assert url_host("tag:x") == ""


# ---- hashtags ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("ShareASM", "shareasm"),
        ("#ShareASM", "shareasm"),
        ("ＳｈａｒｅＡＳＭ", "shareasm"),
        ("Straße", "straße"),
        ("Łódź", "lodz"),
        ("shäreAŠM", "shareasm"),
        ("Æon", "æon"),
        ("Þing", "þing"),
        ("ſhare", "share"),
        ("Ǝx", "ǝx"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("カ・タ", "カ・タ"),
        ("l·l", "l·l"),
        ("हिन्दी", "हिन्दी"),
        ("a-b c!", "abc"),
        ("share\u200basm", "shareasm"),
        ("sh\u0430re", "sh\u0430re"),
        ("", ""),
    ],
)
def test_a_hashtag_folds_as_mastodon_folds_it(label, name):
    assert fold_hashtag(label) == name


def test_the_ascii_fold_is_mastodons_table_of_181_letters():
    folded = [
        chr(code)
        for code in range(0xC0, 0x180)
        if fold_hashtag("x" + chr(code)).removeprefix("x").isascii() and fold_hashtag(chr(code))
    ]
    stay = [chr(code) for code in range(0xC0, 0x17F) if chr(code).isalpha() and chr(code) not in folded]
    assert "".join(stay) == "ÆÞßæþİĿŀŉŒœ"  # NFKC and lower case come before the fold and take İ, Ŀ, ŀ, ŉ apart


@given(st.text(max_size=30))
def test_folding_twice_is_folding_once(label):
    once = fold_hashtag(label)
    assert fold_hashtag(once) == once


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#one two #Three", ["one", "Three"]),
        ("#one #ONE", ["one"]),
        ("＃one", ["one"]),
        ("x#one (#two) https://a.test/#three ##four", []),
        ("#16 #2017 #_ #1a #a1", ["1a", "a1"]),
        ("#C++ #a-b #x's", ["C", "a", "x"]),
        ("#1_2", ["1_2"]),
        ("#·a #a· #a·b", ["a", "a·b"]),
        ("#1·2 #12", ["1·2"]),
        ("#1· #", []),
        ("", []),
    ],
)
def test_hashtags_are_found_by_mastodons_rule(text, found):
    assert labels(find_hashtags(text)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#one, #C++ #a-b (#no) x#no", ["one", "C++", "a-b"]),
        ("##two", ["#two"]),
        ("#16 #!?! #\ufe0fx #", []),
        ("#ab\u200bc", ["ab"]),
        ("#share🎉", ["share🎉"]),
        (f"#{'x' * 64} #{'y' * 65}", ["x" * 64]),
    ],
)
def test_hashtags_are_found_by_blueskys_rule(text, found):
    assert labels(find_facet_hashtags(text)) == found


@pytest.mark.shared
def test_hashtags_of_the_hostile_corpus_are_told_apart(shared: Path):
    cases = [json.loads(line) for line in (shared / "corpus/hostile/hashtags.jsonl").read_text("utf-8").splitlines()]
    for case in (case for case in cases if case["area"] == "hashtag-text"):
        assert ("shareasm" in names(find_hashtags(case["text"]))) is case["on_mastodon"], case
        is_on_bluesky = any(label.lower() == "shareasm" for label in labels(find_facet_hashtags(case["text"])))
        assert is_on_bluesky is case["on_bluesky"], case


DIFFERS_FROM_MASTODON = {
    "before the sign only white space counts": "✌。！:;,.!?",
    "a mark of another kind ends the tag": "〃־׳״་",
}


@pytest.mark.shared
def test_hashtags_of_the_reference_list_are_found_where_mastodon_agrees(shared: Path):
    found = json.loads((shared / "corpus/real/conformance/hashtag-extraction.json").read_text("utf-8"))
    cases = [case for case in found["cases"] if case["group"] == "hashtags"]
    disagreeing = "".join(DIFFERS_FROM_MASTODON.values())
    agreeing = [case for case in cases if not any(mark in case["text"] for mark in disagreeing)]
    for case in agreeing:
        assert labels(find_hashtags(case["text"])) == list(dict.fromkeys(case["expected"])), case
    assert len(agreeing) > len(cases) / 2


# ---- lengths -----------------------------------------------------------------------------------------------------------


def test_a_person_counts_graphemes():
    assert grapheme_length("abc") == 3
    assert grapheme_length("a\r\nb") == 3
    assert grapheme_length("👩‍💻e\u0301🇬🇧") == 3


def test_bluesky_counts_graphemes_and_bytes():
    assert bluesky_length("é👩‍💻") == (2, 13)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("hello", 5),
        ("https://iied.example/a/very/long/address/of/a/report", 23),
        ("see https://iied.example/x.", 4 + 23 + 1),
        ("(https://iied.example/x)", 25),
        ("iied.example/x", 14),
        ("@amina@mastodon.example hi", 9),
        ("👩‍💻 x", 3),
        ("https://a.test https://b.test/c", 47),
    ],
)
def test_mastodon_counts_addresses_and_mentions_its_own_way(text, length):
    assert mastodon_length(text) == length


def test_a_server_may_count_addresses_whole():
    assert mastodon_length("https://iied.example/x", None) == 22
    assert mastodon_length("https://iied.example/x", 30) == 30


def test_mastodon_length_agrees_with_the_library():
    from mastodon import Mastodon

    for text in ["a https://www.iied.org/long/long/long x", "@a@b.example hi https://iied.org/", "Größe 👩‍💻 #tag"]:
        assert mastodon_length(text) == Mastodon.get_status_length(text)


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("short", 10, "short"),
        ("one two three four", 16, "one two three…"),
        ("one two three four", 14, "one two three…"),
        ("a wonderful", 5, "a wo…"),
        ("👩‍💻👩‍💻👩‍💻", 2, "👩‍💻…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
        ("\u2067abc\u2069def", 3, "a…"),
    ],
)
def test_a_text_is_cut_between_words_and_graphemes(text, limit, cut):
    assert truncate(text, limit) == cut


@given(st.text(max_size=80), st.integers(0, 60))
def test_a_cut_text_fits(text, limit):
    assert grapheme_length(truncate(text, limit)) <= limit


def test_what_can_be_printed_needs_no_cleaning() -> None:
    """The way around the searches takes nothing with it that they would find."""
    printable = "".join(char for code in range(0x110000) if (char := chr(code)).isprintable())
    assert clean_text(f"\x00{printable}", 2_000_000) == printable
    assert clean_text(f"\u202e{printable}", 2_000_000) == printable
