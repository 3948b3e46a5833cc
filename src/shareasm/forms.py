"""The recap in further forms: one file, a fragment for WordPress, a PDF, a booklet; each in every language of the campaign.

Where somebody had them written is noted in the recap's folder. Whatever writes the recap again writes them again too, so that
what was withdrawn leaves them. A file that a hand has changed since is left alone, and named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b, file_digest
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from shareasm.domain.recaps import Recap
from shareasm.errors import ConfigError, ShareasmError, StorageError
from shareasm.printing import print_pdf
from shareasm.render import is_of_a_recap
from shareasm.render.files import write_file
from shareasm.render.fragment import fragment
from shareasm.render.pages import Edition, editions
from shareasm.render.single import single_page

NOTE = ".forms"  # in the recap's folder; never delivered


class Form(StrEnum):
    """A further form; the value is how it is called."""

    SINGLE = "One file"
    FRAGMENT = "Fragment"
    PDF = "PDF"
    BOOKLET = "Booklet"


_SHEETS = {Form.PDF: "A4", Form.BOOKLET: "A5"}


@dataclass(frozen=True, slots=True)
class Copy:
    """What came of one file."""

    form: Form
    file: Path
    problem: str = ""  # why it is not written again

    @property
    def words(self) -> str:
        """What came of it, where the recap was written again."""
        if self.problem:
            return f"{self.form} not written again: {self.file}: {self.problem}"
        return f"{self.form} written again: {self.file}"


@dataclass(frozen=True, slots=True)
class Noted:
    """A file as it was written last."""

    form: Form
    asked: str  # the file that somebody named; other languages lie beside it
    language: str
    made_of: str  # digest of the page
    is_now: str  # digest of the file


def write_forms(recap: Recap, wanted: Mapping[Form, Path], folder: Path, pictures: Path) -> list[Copy]:
    """Write each form of `recap` that is wanted, in every language, and note it in `folder`, where the recap lies.

    `pictures` is the folder that `pictures.keep` filled. Raises ConfigError and StorageError.
    """
    copies = []
    for form, asked in wanted.items():
        _keep_off_the_recap(asked, folder)
        every = {named(asked.absolute(), edition): edition for edition in editions(recap.campaign.languages)}
        for file in every:
            known = read_note(folder).get(str(file))
            fresh = _written(recap, form, asked.absolute(), file, every, pictures, known)
            copies.append(Copy(form, file if asked.is_absolute() else asked.parent / file.name))
            _note(folder, file, fresh)
    return copies


def write_again(recap: Recap, folder: Path, pictures: Path) -> tuple[Copy, ...]:
    """Write again what was written before and still lies there; return what changed, and what could not be written.

    A file that is gone is forgotten. Raises StorageError for the note alone.
    """
    noted, copies = read_note(folder), []
    there = {name: one for name, one in noted.items() if Path(name).is_file()}
    for file in (Path(name) for name in noted.keys() - there.keys()):
        _note(folder, file, None)
    for name, known in there.items():
        one = read_note(folder).get(name, known)  # another program may have written it since
        file, asked = Path(name), Path(one.asked)
        spoken = {named(asked, edition): edition for edition in editions(recap.campaign.languages)}
        every = {place: edition for place, edition in spoken.items() if str(place) in there}
        try:
            fresh = _renewed(recap, one, file, every, pictures)
        except ShareasmError as error:  # told by whoever asked; the others are written all the same
            copies.append(Copy(one.form, file, problem=str(error)))
        else:
            if fresh != one:
                copies.append(Copy(one.form, file))
                _note(folder, file, fresh)  # at once: whoever is stopped here takes none of them for a hand's work
    return tuple(copies)


def named(asked: Path, edition: Edition) -> Path:
    """Return where a form lies in one language: the first as it was asked for, the others as the recap's pages are named.

    >>> str(named(Path("day.html"), Edition("fr", is_first=False)))
    'day.fr.html'
    """
    return asked if edition.is_first else asked.with_name(f"{asked.stem}.{edition.language}{asked.suffix}")


def _renewed(recap: Recap, one: Noted, file: Path, every: Mapping[Path, Edition], pictures: Path) -> Noted:
    if file not in every:
        raise ConfigError(f"{one.language} is no language of the campaign's pages any more: remove the file")
    try:
        is_ours = _digest(file) == one.is_now
    except OSError as error:
        raise StorageError(f"it cannot be read: {error.strerror or error}") from error
    if not is_ours:
        raise ConfigError("somebody has changed it since it was written: take out by hand what must go, or remove it")
    return _written(recap, one.form, Path(one.asked), file, every, pictures, one)


def _written(
    recap: Recap,
    form: Form,
    asked: Path,
    file: Path,
    every: Mapping[Path, Edition],
    pictures: Path,
    known: Noted | None,
) -> Noted:
    """Write one file, unless it is as `known` says and would be the same."""
    try:
        page = _page(recap, form, every[file], every, pictures)
        made_of = blake2b(page.encode(), digest_size=16).hexdigest()
        is_same = known and (known.form, known.made_of) == (form, made_of)
        if known and is_same and file.is_file() and _digest(file) == known.is_now:
            return known
        if form in _SHEETS:
            _print(page, file)
        else:
            write_file(file, [page])
        return Noted(form, str(asked), every[file].language, made_of, _digest(file))
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror or error}") from error


def _page(recap: Recap, form: Form, edition: Edition, every: Mapping[Path, Edition], pictures: Path) -> str:
    match form:
        case Form.FRAGMENT:
            return fragment(recap, edition)
        case Form.SINGLE:
            beside = {other.language: place.name for place, other in every.items()}
            return single_page(recap, pictures, edition=edition, beside=beside)
        case Form.PDF | Form.BOOKLET:
            return single_page(recap, pictures, edition=edition, sheet=_SHEETS[form])


def _print(page: str, pdf: Path) -> None:
    with TemporaryDirectory() as between:
        source = Path(between) / "recap.html"
        source.write_text(page, encoding="utf-8")
        print_pdf(source, pdf)


def _keep_off_the_recap(asked: Path, folder: Path) -> None:
    """Refuse to write over a page of the recap itself."""
    place = asked.resolve()
    if place.is_relative_to(folder.resolve()) and is_of_a_recap(place.relative_to(folder.resolve()).as_posix()):
        raise ConfigError(f"{asked} is a page of the recap itself: name another file")


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return file_digest(content, "blake2b").hexdigest()


# ---- the note ----------------------------------------------------------------------------------------------------------


def read_note(folder: Path) -> dict[str, Noted]:
    """Return what was written, by its absolute name; nothing where it is not known, or cannot be read."""
    try:
        return msgspec.json.decode((folder / NOTE).read_bytes(), type=dict[str, Noted])
    except (OSError, msgspec.MsgspecError):
        return {}


def _note(folder: Path, file: Path, now: Noted | None) -> None:
    """Note what a file is now; None: it is gone."""
    noted = {name: one for name, one in read_note(folder).items() if name != str(file)}
    noted |= {str(file): now} if now else {}
    try:
        write_file(folder / NOTE, [msgspec.json.encode(noted, order="deterministic").decode()])
    except OSError as error:
        raise StorageError(f"{folder / NOTE} cannot be written: {error.strerror or error}") from error
