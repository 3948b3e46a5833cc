"""Cells of tables that people open in a spreadsheet, where a stranger's words must stay words."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def as_cell(value: object) -> object:
    """Return what a spreadsheet shows as it is: words that begin like a formula get an apostrophe before them.

    >>> as_cell("=1+1"), as_cell(["en", "fr"]), as_cell(-3)
    ("'=1+1", 'en fr', -3)
    """
    if isinstance(value, list):
        value = " ".join(item if isinstance(item, str) else " ".join(map(str, item.values())) for item in value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
