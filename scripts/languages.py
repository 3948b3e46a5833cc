"""Write into each catalogue what the pages came to say; say what it lacks. See scripts/languages."""

import sys
from pathlib import Path

from babel.messages import Catalog
from babel.messages.pofile import write_po

from shareasm.render.catalogues import read_catalogue, sentences
from shareasm.resources import template_folder


def main(wanted: list[str]) -> None:
    folder = template_folder() / "languages"
    folder.mkdir(exist_ok=True)
    every = sentences(template_folder())
    for file in sorted({*folder.glob("*.po"), *(folder / f"{language}.po" for language in wanted)}):
        catalogue = read_catalogue(file) if file.is_file() else Catalog(locale=file.stem.replace("-", "_"), fuzzy=False)
        catalogue.update(every, no_fuzzy_matching=True, keep_user_comments=True)
        catalogue.obsolete.clear()
        write(file, catalogue)
        lacks = [message.id for message in catalogue if message.id and not all(_forms(message.string))]
        print(f"{file.name}: {len(catalogue)} sentences, {len(lacks)} without words")


def write(file: Path, catalogue: Catalog) -> None:
    with file.open("wb") as content:
        write_po(content, catalogue, width=120, omit_header=False, include_lineno=False, sort_output=False)


def _forms(said: object) -> tuple[object, ...]:
    return tuple(said) if isinstance(said, (list, tuple)) else (said,)


if __name__ == "__main__":
    main(sys.argv[1:])
