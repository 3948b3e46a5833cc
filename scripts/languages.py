"""Write into each catalogue what the pages came to say; say what it lacks. See scripts/languages."""

import sys
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog
from babel.messages.pofile import write_po

from shareasm.render.catalogues import lacking, read_catalogue, sentences
from shareasm.resources import template_folder

BEGUN = "# Which word stands for what, and how readers are addressed: write it here, so that all sentences agree."


def main(wanted: list[str]) -> None:
    folder = template_folder() / "languages"
    folder.mkdir(exist_ok=True)
    every = sentences(template_folder())
    for file in sorted({*folder.glob("*.po"), *(folder / f"{language}.po" for language in wanted)}):
        catalogue = read_catalogue(file) if file.is_file() else _begun(file.stem)
        catalogue.update(every, no_fuzzy_matching=True, keep_user_comments=True)
        catalogue.obsolete.clear()
        write(file, catalogue)
        print(f"{file.name}: {len(catalogue)} sentences, {len(lacking(catalogue, every))} without words")


def write(file: Path, catalogue: Catalog) -> None:
    """Write a catalogue whose head says only what is read: no dates, which would change each time."""
    written = BytesIO()
    write_po(written, catalogue, width=120, omit_header=True, include_lineno=False)
    head = (
        f'{catalogue.header_comment}\nmsgid ""\nmsgstr ""\n"Language: {catalogue.locale_identifier}\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    )
    file.write_bytes(head.encode() + written.getvalue())


def _begun(language: str) -> Catalog:
    return Catalog(locale=language.replace("-", "_"), header_comment=BEGUN, fuzzy=False)


if __name__ == "__main__":
    main(sys.argv[1:])
