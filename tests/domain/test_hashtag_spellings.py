"""All spellings that Mastodon keeps as one hashtag are one here, and under each name that a server may keep it is asked."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shareasm.domain.richtext import find_hashtags, fold_hashtag, hashtag_spellings

# Mastodon 4.6 `app/lib/ascii_folding.rb`: the two strings as they stand there.
FROM = (
    "ÀÁÂÃÄÅàáâãäåĀāĂăĄąÇçĆćĈĉĊċČčÐðĎďĐđÈÉÊËèéêëĒēĔĕĖėĘęĚěĜĝĞğĠġĢģĤĥĦħÌÍÎÏìíîïĨĩĪīĬĭĮįİıĴĵĶķĸĹĺĻļĽľĿŀŁłÑñŃńŅņŇňŉŊŋ"
    "ÒÓÔÕÖØòóôõöøŌōŎŏŐőŔŕŖŗŘřŚśŜŝŞşŠšſŢţŤťŦŧÙÚÛÜùúûüŨũŪūŬŭŮůŰűŲųŴŵÝýÿŶŷŸŹźŻżŽž"
)
TO = (
    "AAAAAAaaaaaaAaAaAaCcCcCcCcCcDdDdDdEEEEeeeeEeEeEeEeEeGgGgGgGgHhHhIIIIiiiiIiIiIiIiIiJjKkkLlLlLlLlLlNnNnNnNnnNn"
    "OOOOOOooooooOoOoOoRrRrRrSsSsSsSssTtTtTtUUUUuuuuUuUuUuUuUuUuWwYyyYyYZzZzZz"
)
TABLE = str.maketrans(FROM, TO)


def mastodons(label: str) -> str:
    """`hashtag_normalizer.rb`, line by line: width, case, accents, then what no hashtag has."""
    folded = unicodedata.normalize("NFKC", label).lower().translate(TABLE)
    kept = (
        char for char in folded if char in "_·・\u200c" or unicodedata.category(char)[0] in "LM" or char.isdecimal()
    )
    return "".join(kept)


ACCENTED = {base: [one for one, to in zip(FROM, TO, strict=True) if to.lower() == base] for base in set(TO.lower())}


@st.composite
def spellings_of(draw: st.DrawFn, name: str) -> str:
    """Another way to write `name`: other case, accents, full-width letters, mathematical ones."""

    def written(char: str) -> str:
        if not char.isascii() or not char.isalpha():
            return char
        wide = chr(ord(char.upper()) - ord("A") + ord("Ａ"))
        bold = chr(ord(char.lower()) - ord("a") + ord("𝐚"))
        return draw(st.sampled_from([char.lower(), char.upper(), wide, bold, *ACCENTED.get(char.lower(), [])]))

    return draw(st.sampled_from(["", "#", "＃"])) + "".join(written(char) for char in name)


@given(
    st.sampled_from(["shareasm", "ShareASM2027", "mineriaArtesanal", "مناجم", "採掘", "खनन"]).flatmap(
        lambda name: st.tuples(st.just(name), spellings_of(name))
    )
)
def test_whatever_mastodon_shows_in_one_timeline_is_one_hashtag(pair: tuple[str, str]) -> None:
    name, spelling = pair
    if any(char in spelling for char in "İĿŀŉ"):  # which NFKC or lower case takes apart before the table is asked
        return
    assert fold_hashtag(spelling) == fold_hashtag(name)


@given(st.text(max_size=20))
def test_the_fold_is_mastodons_until_it_changes_nothing_more(label: str) -> None:
    name = mastodons(label)
    while (again := mastodons(name)) != name:
        name = again
    assert fold_hashtag(label) == name


@given(st.text(max_size=20))
def test_every_name_that_a_server_may_keep_is_the_same_hashtag(label: str) -> None:
    names = hashtag_spellings(label)
    assert 1 <= len(names) <= 2
    assert {fold_hashtag(name) for name in names} == {fold_hashtag(label)}


@pytest.mark.parametrize(
    ("label", "names"),
    [
        ("#ShareASM", ("shareasm",)),
        ("Minería", ("minería", "mineria")),
        ("Mineri\u0301a", ("minería", "mineria")),
        ("ＳｈａｒｅＡＳＭ", ("ｓｈａｒｅａｓｍ", "shareasm")),
        ("Straße", ("straße",)),
        ("金採掘", ("金採掘",)),
    ],
)
def test_a_hashtag_is_asked_for_under_each_name_that_servers_give_it(label: str, names: tuple[str, ...]) -> None:
    assert hashtag_spellings(label) == names


@pytest.mark.parametrize("look_alike", ["shareAСM", "share_ASM", "shareASM2", "shareASMs", "shareASW", "5hareASM"])
def test_a_look_alike_stays_another_hashtag(look_alike: str) -> None:
    assert [tag.name for tag in find_hashtags(f"#{look_alike}")] != ["shareasm"]
