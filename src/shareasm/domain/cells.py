"""Cells of tables that people open in a spreadsheet, where a stranger's words must stay words."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def as_cell(value: object) -> object:
    """Return what a spreadsheet shows as it is: words that begin like a formula get an apostrophe before them.

    >>> as_cell("=1+1"), as_cell(["en", "fr"]), as_cell(-3), as_cell([{"kind": "image", "alt": None}])
    ("'=1+1", 'en fr', -3, 'image')
    """
    if isinstance(value, list):
        parts = (part for item in value for part in ([item] if isinstance(item, str) else item.values()))
        value = " ".join(str(part) for part in parts if part is not None)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
