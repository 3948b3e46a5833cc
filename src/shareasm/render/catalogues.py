"""Catalogues: the sentences of our pages in other languages, one file each, `templates/languages/fr.po`.

A file more is a language more. `scripts/languages` writes into each what the pages came to say since.
"""

import re
from collections.abc import Sequence
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from shareasm.domain.campaigns import RESOURCE_TYPES, Role
from shareasm.domain.chapters import OWN_HEADINGS, Absence
from shareasm.domain.moderation import Reason
from shareasm.domain.schedules import Kind
from shareasm.domain.sections import OUTCOME_WORDS, RECORDING_KINDS
from shareasm.domain.watches import Kind as GapKind
from shareasm.render.speech import ENGLISH

if TYPE_CHECKING:  # loaded where a catalogue is read: most commands render nothing
    from babel.messages import Catalog, Message

_NAMED = re.compile(r"%\((\w+)\)s")


def languages(templates: Path) -> tuple[str, ...]:
    """Return the languages that pages can be in."""
    return (ENGLISH, *sorted(file.stem for file in (templates / "languages").glob("*.po")))


@cache
def catalogue_of(templates: Path, language: str) -> NullTranslations:
    """Return the sentences of a language. One that its file lacks, or marks as doubtful, is said in English."""
    file = templates / "languages" / f"{language}.po"
    if language == ENGLISH or not file.is_file():
        return NullTranslations()
    from babel.messages.mofile import write_mo

    compiled = BytesIO()
    write_mo(compiled, read_catalogue(file))
    return GNUTranslations(BytesIO(compiled.getvalue()))


def read_catalogue(file: Path) -> "Catalog":
    """Return a catalogue as it is written."""
    from babel.messages.pofile import read_po

    with file.open("rb") as content:
        return read_po(content, locale=file.stem.replace("-", "_"), abort_invalid=True)


def sentences(templates: Path) -> "Catalog":
    """Return every sentence that the pages can say: those of the templates, and the words of the rules."""
    from babel.messages import Catalog
    from babel.messages.extract import extract_from_file

    found = Catalog(project="shareasm", fuzzy=False)
    options = {"trimmed": "true", "newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}
    for file in sorted(templates.rglob("*.html")):
        place = file.relative_to(templates).as_posix()
        for _, message, comments, _ in extract_from_file("jinja2", file, options={**options, "silent": "false"}):
            found.add(message, locations=[(place, None)], auto_comments=comments)  # type: ignore[list-item]
    for name in ("speech.py", "counted.py", "downloads.py", "found.py"):
        for _, message, _, _ in extract_from_file("python", Path(__file__).with_name(name)):
            found.add(message, locations=[(name, None)])  # type: ignore[list-item]
    for word in words_of_the_rules():
        found.add(word, locations=[("domain", None)])  # type: ignore[list-item]
    return found


def lacking(catalogue: "Catalog", every: "Catalog") -> tuple[str, ...]:
    """Return the sentences of `every` for which a catalogue has no words, or doubtful ones, or of a plural not all forms."""
    return tuple(_id(message) for message in every if message.id and not all(_forms(catalogue.get(_id(message)))))


def ill_filled(catalogue: "Catalog", every: "Catalog") -> tuple[str, ...]:
    """Return what a catalogue says that cannot be filled in, or loses a value: each %(name)s of the English must be there.

    A form that stands for one number only may leave that number out, as in “the newest post”.
    """
    return tuple(
        form
        for message in every
        if message.id
        for place, form in enumerate(_forms(catalogue.get(_id(message))))
        if form and not _is_filled(form, message.id, is_last=place == catalogue.num_plurals - 1)
    )


def _is_filled(form: str, sentence: str | Sequence[str], *, is_last: bool) -> bool:
    one, many = (sentence, sentence) if isinstance(sentence, str) else sentence
    known = {*_NAMED.findall(one), *_NAMED.findall(many)}
    wanted = known if isinstance(sentence, str) or is_last else known - {"num"}
    try:
        form % dict.fromkeys(known, "")
    except (KeyError, TypeError, ValueError):
        return False
    return wanted <= set(_NAMED.findall(form))


def _forms(message: "Message | None") -> tuple[str, ...]:
    """Return how a catalogue says a sentence: one form, or one for each kind of number that its language tells apart."""
    if message is None or message.fuzzy:
        return ("",)
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))


def _id(message: "Message") -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def words_of_the_rules() -> tuple[str, ...]:
    """Return the words for readers that the rules say, and no template."""
    return (
        *(reason.words for reason in Reason),
        *(absence.words for absence in Absence),
        *(kind.value for kind in Kind),
        *(role.value for role in Role),
        *(kind.words for kind in GapKind),
        *RESOURCE_TYPES,
        *RECORDING_KINDS,
        *OUTCOME_WORDS.values(),
        *OWN_HEADINGS,
    )
