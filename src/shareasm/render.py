"""Recap → files. The only place that knows Jinja2, and the only one that writes pages.

Pages are streamed to a file beside the old one and take its place at once, so that nobody ever reads half a page; a
file whose bytes would be the same is left alone. Templates query nothing and decide nothing: they say what
`domain.recaps` arranged.
"""

import os
import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateError, TemplateNotFound

from shareasm.domain.colours import NIGHT, PAPER, palette
from shareasm.domain.pictures import KeptPicture
from shareasm.domain.posts import Account, Network
from shareasm.domain.recaps import Recap, narrate
from shareasm.domain.richtext import truncate
from shareasm.errors import ConfigError, StorageError
from shareasm.resources import template_folder

LANGUAGE = "en"
"""The language of our own words on the page; posts keep theirs."""

NAME_LENGTH = 80
"""Graphemes of a display name that a page shows."""


@dataclass(frozen=True, slots=True)
class Written:
    """What writing a recap did on the disk."""

    index: Path  # the page to open
    file_count: int
    changed_count: int
    removed_count: int  # files of an earlier recap that nothing shows any more


def write_recap(recap: Recap, folder: Path, *, pictures: Path | None = None) -> Written:
    """Write `recap` into `folder` and return what changed there.

    `pictures` is the folder that `pictures.keep` filled; what the recap shows of it is copied to `folder/media`.
    Without it the pictures are expected there already. Raises ConfigError for a missing template, StorageError when
    the disk refuses.
    """
    try:
        return _write(recap, folder, pictures)
    except OSError as error:
        raise StorageError(f"the recap cannot be written to {folder}: {error.strerror or error}") from error


def render_page(name: str, **context: Any) -> str:
    """Return the page that template `name` makes of `context`."""
    return "".join(_pieces(name, context))


def _write(recap: Recap, folder: Path, pictures: Path | None) -> Written:
    folder.mkdir(parents=True, exist_ok=True)
    media = {file.path for picture in _pictures(recap) for file in picture.files}
    changed = [_copy_picture(path, folder, pictures) for path in sorted(media)]
    names = ["recap.css"]
    style = look(recap.campaign.look.accent, hours=len(recap.hours))
    changed.append(write_file(folder / "recap.css", _pieces("recap/recap.css", style)))
    parts = recap.parts
    for part in parts:
        context = {"recap": recap, "part": part, "parts": parts}
        changed.append(write_file(folder / part.file, _pieces("recap/day.html", context)))
        names.append(part.file)
    # The story last: it never leads to a page that is not there yet.
    changed.append(write_file(folder / "index.html", _pieces("recap/index.html", {"recap": recap, "parts": parts})))
    names.append("index.html")
    removed_count = _remove_stale(folder, {*names, *media})
    return Written(folder / "index.html", len(names) + len(media), sum(changed), removed_count)


def look(accent: str | None, *, hours: int) -> dict[str, Any]:
    """Return what the style sheet is filled in with: colours with enough contrast, and the hours that the day has."""
    return {"palette": palette(accent), "paper": PAPER, "night": NIGHT, "hours": max(hours, 1)}


def _pictures(recap: Recap) -> Iterator[KeptPicture]:
    if recap.logo:
        yield recap.logo
    for item in recap.items:
        yield from (picture for media in item.post.media if (picture := item.shown.picture_of(media)))
        if card_picture := item.shown.card_picture:
            yield card_picture


# ---- files -----------------------------------------------------------------------------------------------------------

_OURS = re.compile(r"(day-\d+\.html|media/[0-9a-f]+-\d+\.webp)", re.ASCII)
"""Names that an earlier recap may have left; anything else in the folder is a person's and stays."""


def write_file(path: Path, pieces: Iterable[str]) -> bool:
    """Write `pieces` to `path` so that readers see the old bytes or the new ones; return whether they differ."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    digest = blake2b()
    try:
        with fresh.open("wb") as file:
            for piece in _gathered(pieces):
                digest.update(piece)
                file.write(piece)
            if path.is_file() and _digest(path) == digest.digest():
                return False
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        return True
    finally:
        fresh.unlink(missing_ok=True)


def _gathered(pieces: Iterable[str], size: int = 64 * 1024) -> Iterator[bytes]:
    """Join the many small pieces of a template into few writes."""
    held: list[str] = []
    length = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= size:
            yield "".join(held).encode()
            held, length = [], 0
    yield "".join(held).encode()


def _digest(path: Path) -> bytes:
    digest = blake2b()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.digest()


def _copy_picture(path: str, folder: Path, pictures: Path | None) -> bool:
    """Copy one kept picture. Its name says its bytes: one that is there already is the same."""
    target = folder / path
    if target.is_file() or pictures is None:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(pictures / path, fresh)
    fresh.replace(target)
    return True


def _remove_stale(folder: Path, wanted: set[str]) -> int:
    found = {path.relative_to(folder).as_posix() for path in (*folder.glob("day-*.html"), *folder.glob("media/*"))}
    stale = [name for name in found - wanted if _OURS.fullmatch(name)]
    for name in stale:
        (folder / name).unlink()
    return len(stale)


# ---- templates -------------------------------------------------------------------------------------------------------


def _pieces(name: str, context: dict[str, Any]) -> Iterator[str]:
    try:
        yield from _template(name).generate(**context)
    except TemplateNotFound as error:
        place = template_folder()
        raise ConfigError(
            f"the template {error.name} is missing from {place}: install shareasm again, or put the file back"
        ) from error
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise ConfigError(f"the template does not work: {error}", file=f"templates/{name}", line=line) from error


def _template(name: str) -> Template:
    return _environment(template_folder()).get_template(name)


@cache
def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters.update(
        amount=amount,
        clock=clock,
        city=city,
        host=host,
        iso=iso,
        language=language,
        long_day=long_day,
        name=name_of,
        narrate=narrate,
        network=network_name,
        number=number,
        short=short,
        utc=utc,
    )
    return environment


# ---- filters: one word or one line each ------------------------------------------------------------------------------


def amount(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun.

    >>> amount(1, "post"), amount(2150, "post"), amount(0, "reply", "replies")
    ('1 post', '2,150 posts', '0 replies')
    """
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def number(count: int) -> str:
    """Return a count as people write it.

    >>> number(2150)
    '2,150'
    """
    return f"{count:,}"


def clock(at: datetime, zone: tzinfo) -> str:
    """Return the time of day in `zone`, as 24 hours and minutes."""
    local = at.astimezone(zone)
    return f"{local.hour:02}:{local.minute:02}"


def utc(at: datetime) -> str:
    """Return the time of day in UTC, saying so."""
    return f"{clock(at, UTC)} UTC"


def iso(at: datetime) -> str:
    """Return the instant as HTML's `datetime` attribute wants it."""
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def long_day(day: date | datetime, zone: ZoneInfo | None = None) -> str:
    """Return the day in full, such as “Wednesday 3 February 2027”."""
    if isinstance(day, datetime):
        day = day.astimezone(zone).date()
    return _long_day(day)


@cache
def _long_day(day: date) -> str:
    return format_date(day, "EEEE d MMMM y", locale=LANGUAGE)


def city(zone: ZoneInfo) -> str:
    """Return how people call the time of a zone, such as “London time”."""
    place = zone.key.rpartition("/")[2].replace("_", " ")
    return place if place in {"UTC", "GMT"} else f"{place} time"


def language(tag: str) -> str:
    """Return a language's English name; the tag itself when nobody knows it.

    >>> language("fr"), language("xx-odd"), language("")
    ('French', 'xx-odd', 'not declared')
    """
    if not tag:
        return "not declared"
    return _language(tag)


@cache
def _language(tag: str) -> str:
    try:
        return Locale.parse(tag, sep="-").get_language_name(LANGUAGE) or tag
    except (UnknownLocaleError, ValueError, TypeError):
        return tag


def network_name(network: Network) -> str:
    """Return the network's name as people write it."""
    return {Network.BLUESKY: "Bluesky", Network.MASTODON: "Mastodon", Network.WEB: "the web"}[network]


def host(url: str) -> str:
    """Return the host that an address leads to, for people to see before they follow it."""
    return (urlsplit(url).hostname or url).removeprefix("www.")


def short(text: str, graphemes: int) -> str:
    """Return `text` cut to so many graphemes, the last one an ellipsis where something is gone.

    One grapheme can be made of thousands of code points; no word of people's is of more than eight a letter.
    """
    return text if len(text) <= graphemes else truncate(text[: graphemes * 8], graphemes)


_BLANK = {"\u3164", "\u2800", "\u115f", "\u1160", "\uffa0"}
"""Letters that show nothing."""


def name_of(account: Account) -> str:
    """Return what a page calls an author: the display name where it shows anything, else the handle."""
    is_visible = any(letter not in _BLANK and unicodedata.category(letter)[0] in "LNPS" for letter in account.name)
    return short(account.name if is_visible else account.handle, NAME_LENGTH)
