"""Words that somebody meant to replace before the day: {name}, TODO, lorem ipsum, a translation still to come."""

import re
from collections.abc import Collection

from shareasm.campaign_files.reading import Field, shorten, text

_UNFINISHED = re.compile(
    r"\{[^{}\n]{0,60}\}"  # as templates have it: {name}
    r"|\b(?:TODO|TBD|TBC|TBA|FIXME|X{3,})\b"
    r"|\[(?:[Ii]nsert|[Ii]nsérer|[Ii]nsertar|[Ii]nserir|[Nn]ame|[Ll]ink|[Dd]ate|[Tt]ime)\b[^\[\]\n]{0,60}\]"
    r"|(?i:\blorem ipsum\b)"
)
_UNTRANSLATED = re.compile(
    r"\[([a-z]{2,3}(?:-[A-Za-z]{2,4})?)\] "
)  # as `shareasm init` begins what it cannot translate


_OF_INIT = re.compile(r"Your organisation|mailto:you@organisation\.example")  # templates/campaign/campaign.yaml


def finished(field: Field) -> str | None:
    """Return the words of a value that readers of the recap will see; a placeholder among them is warned of."""
    words = text(field)
    warn_unfinished(field, words or "")
    return words


def warn_unfinished(field: Field, words: str, known: Collection[str] = ()) -> None:
    """Warn of each placeholder in `words`; `known` are those that the program fills in, `{@partner}` apart."""
    if (left := _UNTRANSLATED.match(words)) and left[1] == field.name:
        field.warn(
            f"The text begins with {left[0].strip()}: it is not translated yet.",
            f"Write it in “{left[1]}”, and take the mark out.",
        )
    if _OF_INIT.fullmatch(words):
        field.warn(
            f"“{words}” is what every new campaign begins with.",
            "Write your own: it stands on the recap for all to see.",
        )
    for found in dict.fromkeys(match[0] for match in _UNFINISHED.finditer(words)):
        if found not in known and not found.startswith("{@"):
            filled = (
                f" Only {', '.join(known)} and {{@partner-id}} are filled in."
                if known and found.startswith("{")
                else ""
            )
            field.warn(
                f"“{shorten(found)}” looks like a place for words that are still to come, and would go out as it is.",
                f"Write them, or leave it if it is meant so.{filled}",
            )
