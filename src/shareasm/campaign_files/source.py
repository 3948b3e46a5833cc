"""From a file's bytes to its text: size, encoding, hidden characters, and no way out of the campaign's folder."""

import re
import stat
import unicodedata
from pathlib import Path
from shlex import quote

from shareasm.campaign_files.findings import Findings, Place

FILE_LIMIT = 512_000
"""Bytes of one file. Fifty slots in three languages take 50,000; parsing this much takes two seconds."""

_LINE_END = re.compile("\r\n?")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff\ufff9-\ufffb]")
_DIRECTION = "\u202a-\u202e\u2066-\u2069"  # overrides, embeddings, isolates: they make a line look like another one
_INVISIBLE = "\u00ad\u180e\u200b\u2060-\u2064\u2028\u2029\ufeff"
# Joiners and the marks of direction (U+200C to U+200F, U+061C) belong to Arabic, Hebrew, Indic scripts and emoji.
_HIDDEN = re.compile(f"[{_DIRECTION}{_INVISIBLE}]")
_IS_DIRECTION = re.compile(f"[{_DIRECTION}]")


def inside(folder: Path, name: str) -> Path | None:
    """Return the file `name` below `folder`, or None where the name leads out of it, by dots, by root or by a link."""
    path = (folder / name).resolve()
    return path if path.is_relative_to(folder.resolve()) else None


def read_text(folder: Path, name: str, findings: Findings) -> str | None:
    """Return the text of a plan file with one kind of line end, read in one go; None after saying why it cannot be read."""
    place = Place(str(folder / name))
    data = _read_bytes(folder, name, place, findings)
    if data is None:
        return None
    text = _decoded(data, place, findings)
    if text is None:
        return None
    text = _LINE_END.sub("\n", text)
    return text if _is_clean(text, place, findings) else None


def _read_bytes(folder: Path, name: str, place: Place, findings: Findings) -> bytes | None:
    path = inside(folder, name)
    if path is None:
        findings.error(
            place, "This file is a link that leads out of the campaign's folder.", "Put the file itself here."
        )
        return None
    try:
        # Asked before opening, since a named pipe would keep us waiting; a missing file raises here.
        if not stat.S_ISREG(path.stat().st_mode):
            findings.error(place, "This is not an ordinary file.", "Put a YAML file here.")
            return None
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
    except OSError as error:
        cure = "Check its name and its permissions."
        if isinstance(error, FileNotFoundError):
            cure = _cure_for_missing(folder)
        findings.error(place, f"The file cannot be read: {error.strerror}.", cure)
        return None
    if len(data) > FILE_LIMIT:
        findings.error(
            place,
            f"The file is larger than {FILE_LIMIT // 1000} kB.",
            "A plan is far smaller: is this the right file, or was something pasted into it?",
        )
        return None
    return data


def _cure_for_missing(folder: Path) -> str:
    if folder.is_dir():
        return "Is it the campaign's folder? It holds campaign.yaml and schedule.yaml; `shareasm init my-day` makes a new one."
    return f"Is the folder's name right? `shareasm init {quote(str(folder))}` makes a new campaign there."


def _decoded(data: bytes, place: Place, findings: Findings) -> str | None:
    is_utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))  # "Unicode" of old Windows editors
    encoding = "utf-16" if is_utf16 else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, "replace")
        wrong = data[error.start : error.start + 1].decode("cp1252", "replace")
        findings.error(
            at_end_of(before, place),
            f"The file is not in UTF-8: the first wrong byte is here (in Windows-1252 it would be “{wrong}”).",
            "In your editor choose “Save with encoding” and then UTF-8.",
        )
        return None


def at_end_of(before: str, place: Place) -> Place:
    """Return the place that follows the text `before` in the same file."""
    line = before.count("\n")
    return Place(place.file, line + 1, len(before) - before.rfind("\n"))


def _is_clean(text: str, place: Place, findings: Findings) -> bool:
    control = list(_CONTROL.finditer(text))
    for match in control[:20]:
        findings.error(
            at_end_of(text[: match.start()], place),
            f"A control character (U+{ord(match[0]):04X}) stands here; it cannot be seen and cannot be sent.",
            "Delete it: it often comes with text that was pasted from a PDF.",
        )
    for match in list(_HIDDEN.finditer(text))[:50]:
        _report_hidden(match[0], at_end_of(text[: match.start()], place), findings)
    return not control


def report_escaped(text: str, place: Place, findings: Findings) -> None:
    """Report hidden and control characters of a value that the file writes as escapes, with a backslash."""
    for match in list(_CONTROL.finditer(text))[:3]:
        findings.error(
            place, f"This value holds a control character (U+{ord(match[0]):04X}).", "Take the escape with \\ out."
        )
    for match in list(_HIDDEN.finditer(text))[:3]:
        _report_hidden(match[0], place, findings)


def _report_hidden(character: str, place: Place, findings: Findings) -> None:
    name = f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()
    if _IS_DIRECTION.match(character):
        findings.error(
            place,
            f"A hidden character that turns the direction of text stands here ({name}).",
            "Delete it. Arabic and Hebrew need none; with it, people read something else than what is sent.",
        )
    else:
        findings.warn(place, f"An invisible character stands here ({name}).", "Delete it, unless it is meant.")
