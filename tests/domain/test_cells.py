"""Strangers' words stay words in a spreadsheet."""

import pytest

from shareasm.domain.cells import as_cell


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("＝1+1", "'＝1+1"),
        ("\t=1", "'\t=1"),
        ("plain", "plain"),
        (-3, -3),
        (None, None),
        ([], ""),
        (["en", "fr"], "en fr"),
        (["@me", "x"], "'@me x"),
        ([{"kind": "image", "alt": "a mine"}], "image a mine"),
    ],
)
def test_what_begins_like_a_formula_is_shown_as_it_is(value: object, cell: object) -> None:
    assert as_cell(value) == cell
