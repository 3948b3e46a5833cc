"""Parsers of single values that campaign, schedule and story share: ids, addresses, dates, times, zones, languages."""

import re
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from shareasm.campaign_files.days import guess_day, said_day
from shareasm.campaign_files.reading import Field, Parser, nearest, shorten, text
from shareasm.domain.schedules import Fold, Gap, read_local

FIRST_YEAR, LAST_YEAR = 2000, 2100
"""Years of a plan: outside of them something else was meant."""

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_OWN_PAGE = re.compile(r"earlier/[a-z0-9-]+/(index\.html)?")
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_OFFSET = re.compile(r"\s*(Z|z|[+-]\d{2}:?\d{2})")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?")
_ZONE = re.compile(r"[A-Za-z_]+(/[A-Za-z0-9_+-]+){1,2}|UTC")
_ZONE_CURE = "Write a zone by its continent and city, such as “Africa/Accra” or “Europe/London”."
_SPAN = re.compile(r"(\d{1,4})\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)")
_TRUTHS = {"yes": True, "true": True, "no": False, "false": False}
_LANGUAGE_NAMES = {
    "arabic": "ar", "chinese": "zh", "dutch": "nl", "english": "en", "french": "fr", "français": "fr", "german": "de",
    "hindi": "hi", "indonesian": "id", "italian": "it", "mongolian": "mn", "portuguese": "pt", "português": "pt",
    "russian": "ru", "spanish": "es", "español": "es", "swahili": "sw", "kiswahili": "sw", "jp": "ja", "cz": "cs",
}  # fmt: skip
CONTACT_CURE = (
    "Write where people ask to be removed: contact: mailto:asm@iied.example, or contact: https://iied.example/contact."
)
_DAY_CURE = 'Write year-month-day in quotes: "2027-02-03".'
_SCHEMES = {"web": ("https", "http"), "stream": ("wss", "ws")}


def identifier(field: Field) -> str | None:
    """Return an id: small letters, digits and single hyphens, so that it can stand in an address and in the environment."""
    word = text(field)
    if word is None:
        return None
    if _ID.fullmatch(word) and len(word) <= 60:
        return word
    plain = re.sub(r"[^a-z0-9]+", "-", word.casefold()).strip("-")[:60]
    cure = f"Write “{plain}”, for example." if plain else "Write “welcome”, for example."
    field.fail(f"“{shorten(word)}” cannot be an id: an id has small letters a–z, digits and single hyphens.", cure)
    return None


def url(field: Field) -> str | None:
    """Return an http(s) address."""
    return _address(field, "web")


def page(field: Field) -> str | None:
    """Return an http(s) address, or the place of a page that `shareasm story import` put beside the recap."""
    return text(field) if _OWN_PAGE.fullmatch(text(field) or "") else url(field)


def stream_url(field: Field) -> str | None:
    """Return a ws(s) address."""
    return _address(field, "stream")


def _address(field: Field, kind: str) -> str | None:
    words = text(field)
    if words is None:
        return None
    schemes = _SCHEMES[kind]
    if not _is_address(words, kind):
        example = (
            f"{schemes[0]}://{words.split('://')[-1].lstrip('/')}"
            if re.fullmatch(r"[\w:/-]+\.[\w.:/-]+", words)
            else ""
        )
        cure = (
            f"Write “{example}”." if example else f"Write the whole address, such as “{schemes[0]}://www.iied.org/asm”."
        )
        field.fail(f"“{shorten(words)}” is not an address that begins with {schemes[0]}:// or {schemes[1]}://.", cure)
        return None
    return words


def _is_address(words: str, kind: str) -> bool:
    try:
        parts = urlsplit(words)
        is_whole = parts.scheme in _SCHEMES[kind] and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
    return is_whole and not re.search(r"[\s<>\"\\^`{}|]", words)


def server(field: Field) -> str | None:
    """Return the base address of a server, without a slash at its end."""
    address = url(field)
    if address is None:
        return None
    parts = urlsplit(address)
    if parts.path.strip("/") or parts.query or parts.fragment:
        field.fail(
            f"“{shorten(address)}” goes on behind the server's name.", f"Write only “{parts.scheme}://{parts.netloc}”."
        )
        return None
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        field.warn(
            f"The line to {parts.netloc} is not encrypted: everyone on the way can read its password.",
            f"Write “https://{parts.netloc}”, unless the server stands in your own room.",
        )
    return f"{parts.scheme}://{parts.netloc}"


def is_loopback(host: str) -> bool:
    """Return whether `host` names this machine itself."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def contact(field: Field) -> str | None:
    """Return where people reach the team: a mailto: or web address. A bare e-mail address becomes one."""
    words = text(field)
    if words is None:
        return None
    if re.fullmatch(r"(mailto:)?[^\s@<>:/]+@[^\s@<>:/]+", words):
        return words if words.startswith("mailto:") else f"mailto:{words}"
    if not _is_address(words, "web"):
        field.fail(
            f"“{shorten(words)}” is neither an e-mail address nor a web address.",
            CONTACT_CURE,
        )
        return None
    return words


def language(field: Field) -> str | None:
    """Return a BCP 47 language tag such as `en`, `pt-BR` or `zh-Hant`."""
    word = text(field)
    if word is None:
        return None
    if _LANGUAGE.fullmatch(word):
        return word
    guess = _LANGUAGE_NAMES.get(word.casefold()) or _in_usual_case(word)
    cure = f"Write “{guess}”." if guess else "Write a language's code: en, fr, es, pt, sw, pt-BR, …"
    field.fail(f"“{shorten(word)}” is not a language's code.", cure)
    return None


def _in_usual_case(word: str) -> str | None:
    """Return a language tag that is wrong in its capitals alone, or its hyphen: FR is fr, pt_br is pt-BR."""
    first, *others = re.split("[-_]", word)
    usual = "-".join((first.lower(), *(one.upper() if len(one) < 4 else one.capitalize() for one in others)))
    return usual if _LANGUAGE.fullmatch(usual) else None


def country(field: Field) -> str | None:
    """Return an ISO 3166-1 code of two capital letters."""
    word = text(field)
    if word is None:
        return None
    if word.upper() == "UK":
        field.fail("The code of the United Kingdom is GB.", "Write “GB”.")
        return None
    if re.fullmatch(r"[A-Z]{2}", word):
        return word
    cure = (
        f"Write “{word.upper()}”." if re.fullmatch(r"[A-Za-z]{2}", word) else "Write two capital letters: GB, CO, TZ, …"
    )
    field.fail(f"“{shorten(word)}” is not a country's code.", cure)
    return None


def zone(field: Field) -> ZoneInfo | None:
    """Return the IANA time zone."""
    word = text(field)
    if word is None:
        return None
    if _ZONE.fullmatch(word):
        try:
            return ZoneInfo(word)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    if re.fullmatch(r"[A-Z]{2,5}", word):
        field.fail(f"“{word}” is not a time zone: the same letters mean several.", _ZONE_CURE)
        return None
    names = [name for name in available_timezones() if "/" in name and not name.startswith(("posix", "right", "Etc"))]
    last = {name.rpartition("/")[2].replace("_", " "): name for name in sorted(names)}
    begun = next((name for name in sorted(names) if name.casefold().startswith(word.casefold() + "_")), None)
    near = begun or nearest(word, names) or last.get(nearest(word.replace("_", " "), last) or "")
    cure = f"Did you mean “{near}”?" if near else _ZONE_CURE
    field.fail(f"“{shorten(word)}” is not a time zone.", cure)
    return None


def day(field: Field) -> date | None:
    """Return a date written as year-month-day."""
    words = text(field)
    if words is None:
        return None
    found = _DATE.fullmatch(words)
    if not found:
        meant = guess_day(words)
        cure = f'If {said_day(meant)} is meant, write "{meant}": year-month-day.' if meant else _DAY_CURE
        field.fail(f"“{shorten(words)}” is not a date.", cure)
        return None
    return _date(field, found)


def _date(field: Field, found: re.Match[str]) -> date | None:
    try:
        on = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        field.fail(f"There is no day {found[0]}.", 'Write year-month-day: "2027-02-03" is 3 February 2027.')
        return None
    if not FIRST_YEAR <= on.year <= LAST_YEAR:
        field.fail(f"The year {found[1]} cannot be meant.", f"Write a year from {FIRST_YEAR} to {LAST_YEAR}.")
        return None
    return on


def moment(field: Field, on: date | None, in_zone: ZoneInfo, *, is_one_of_many: bool = False) -> datetime | None:
    """Return the instant, aware UTC, of "09:00", "09:00:30", "2027-02-03 09:00" or "2027-02-03T09:00+01:00".

    A time alone is on the campaign's date `on`; a time without an offset is in `in_zone`. Where that is one of many zones in
    which the same words are read, an offset is no cure.
    """
    words = text(field)
    if words is None:
        return None
    found = _DATE.match(words)
    rest = words[found.end() :].lstrip(" tT") if found else words
    clock = _CLOCK.match(rest)
    if not clock or (rest[clock.end() :] and not _OFFSET.fullmatch(rest, clock.end())):
        _explain_time(field, words, has_date=bool(found), rest=rest)
        return None
    here = _date(field, found) if found else on
    local = _local(field, here, clock) if here else None
    if local is None:
        return None
    offset = rest[clock.end() :].strip()
    if offset:
        return _with_offset(field, local, offset)
    return _instant(field, local, in_zone, is_one_of_many=is_one_of_many)


def _explain_time(field: Field, words: str, *, has_date: bool, rest: str) -> None:
    if has_date and not rest:
        field.fail(f"The time is missing behind the date {words}.", f'Write date and time: "{words} 09:00".')
        return
    cure = 'Write hours and minutes in quotes: "09:00", or with the date "2027-02-03 09:00".'
    loose = re.fullmatch(r"(\d{1,2})\s*(?:[.hH:]\s*(\d{2})?)?\s*([ap]\.?m\.?)?", words)
    if loose and int(loose[1]) < 24:
        hour = int(loose[1]) % 12 + 12 if (loose[3] or "").startswith("p") else int(loose[1])
        cure = f"Write “{hour:02}:{loose[2] or '00'}”."
    field.fail(f"“{shorten(words)}” is not a time.", cure)


def _local(field: Field, on: date, clock: re.Match[str]) -> datetime | None:
    hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    if hour == 24 and minute == second == 0:
        after = on + timedelta(days=1)
        field.fail("A day ends where the next one begins: there is no 24:00 here.", f"Write “{after} 00:00”.")
        return None
    try:
        return datetime.combine(on, time(hour, minute, second))
    except ValueError:
        field.fail(
            f"There is no time {clock[0]}.", "Write hours from 00 to 23 and minutes from 00 to 59, such as 09:00."
        )
        return None


def _with_offset(field: Field, local: datetime, offset: str) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{local.isoformat()}{offset.upper()}").astimezone(UTC)
    except ValueError:
        field.fail(f"There is no offset {offset} from UTC.", "Write it as “+01:00”, or leave it away.")
        return None


def _instant(field: Field, local: datetime, in_zone: ZoneInfo, *, is_one_of_many: bool) -> datetime | None:
    reading = read_local(local, in_zone)
    if isinstance(reading, Gap):
        field.fail(
            f"{said(local)} does not exist in {in_zone.key}: clocks jump from {_clock(reading.jumps_from, local)} to "
            f"{_clock(reading.jumps_to, local)}.",
            f"Write “{_clock(reading.earlier, local)}” or “{_clock(reading.later, local)}”.",
        )
        return None
    if isinstance(reading, Fold):
        first, second = (f"{instant:%Y-%m-%d %H:%M}{_offset(instant)}" for instant in reading)
        cure = (
            f"Write “{first}” for the first time ({reading.first.astimezone(UTC):%H:%M} UTC), or “{second}” for the second "
            f"({reading.second.astimezone(UTC):%H:%M} UTC)."
        )
        if is_one_of_many:
            cure = "Choose an hour that comes once in each zone."
        field.fail(f"{said(local)} comes twice in {in_zone.key}: clocks go back over it.", cure)
        return None
    return reading


def said(local: datetime) -> str:
    """Return a local time as people say it: 02:30 on 28 March 2027."""
    return f"{_hours(local)} on {said_day(local)}"


def _hours(local: datetime) -> str:
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"


def _clock(other: datetime, local: datetime) -> str:
    return _hours(other) if other.date() == local.date() else f"{other:%Y-%m-%d} {_hours(other)}"


def _offset(instant: datetime) -> str:
    sign = f"{instant:%z}"
    return f"{sign[:3]}:{sign[3:5]}"


def late_span(field: Field) -> timedelta | None:
    """Return how late a slot may be, such as "30 min", "2 h" or "45 s"."""
    length = span(field, "Write “30 min”, “2 h”, “always” or “never”.")
    if length is not None and length > timedelta(days=7):
        field.fail(f"“{text(field)}” is longer than a week.", "Write “always” if it is never too late.")
        return None
    return length


def span(field: Field, cure: str) -> timedelta | None:
    """Return a length of time such as "30 min", "24 h" or "3 days"; `cure` shows how it is written."""
    words = text(field)
    if words is None:
        return None
    found = _SPAN.fullmatch(words.casefold())
    if not found:
        field.fail(f"“{shorten(words)}” is not a length of time.", cure)
        return None
    number, unit = int(found[1]), found[2][0]
    return timedelta(**{{"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[unit]: number})


def yes_or_no(field: Field) -> bool | None:
    """Return whether a value says yes. A plan has no truth values of YAML's: these are its words."""
    word = text(field)
    if word is None:
        return None
    if word.casefold() in _TRUTHS:
        return _TRUTHS[word.casefold()]
    field.fail(f"“{shorten(word)}” is neither yes nor no.", "Write “yes” or “no”.")
    return None


def whole_number(lowest: int, highest: int) -> Parser[int]:
    """Return a parser of numbers from `lowest` to `highest`."""

    def parse(field: Field) -> int | None:
        words = text(field)
        if words is None:
            return None
        if re.fullmatch(r"[0-9]{1,9}", words) and lowest <= int(words) <= highest:
            return int(words)
        field.fail(
            f"“{shorten(words)}” is not a number from {lowest} to {highest}.",
            f"Write digits only, such as “{highest}”.",
        )
        return None

    return parse
