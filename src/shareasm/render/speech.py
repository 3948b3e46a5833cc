"""Speech: how a page speaks in one language. Its words come from gettext catalogues, its dates and numbers from Babel.

Posts keep their own language; this is about the words that are ours. Every sentence of the templates goes through
`gettext` or `ngettext`; the few that the rules of `domain` say (reasons, kinds, roles) are looked up as they are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from functools import cache, cached_property
from gettext import NullTranslations
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError, parse_locale
from babel.core import get_global
from babel.dates import format_date, format_skeleton, get_timezone_location
from babel.numbers import format_decimal, format_percent
from markupsafe import Markup, escape

from shareasm.domain.posts import Network

ENGLISH = "en"
"""The language in which the templates are written: it needs no catalogue."""

_HABITS: Mapping[str, str] = {ENGLISH: "en_GB"}
"""Whose dates and numbers a language has, where it has several."""


@dataclass(frozen=True)
class Speech:
    """One language of our pages. Everything that it says is safe in HTML: values are escaped, catalogues are ours."""

    language: str  # a tag such as "fr"
    catalogue: NullTranslations = field(default_factory=NullTranslations)  # without one it says what the templates say

    @cached_property
    def _locale(self) -> Locale:
        return Locale.parse(_HABITS.get(self.language, self.language), sep="_" if self.language in _HABITS else "-")

    @property
    def direction(self) -> str:
        """How the page runs: `ltr` or `rtl`."""
        return self._locale.text_direction

    @property
    def with_country(self) -> str:
        """The language and the country where most speak it, as Open Graph wants them; the language alone where it has none.

        >>> Speech("fr").with_country, Speech("eo").with_country
        ('fr_FR', 'eo')
        """
        country = (
            self._locale.territory or parse_locale(get_global("likely_subtags").get(self.language, self.language))[1]
        )
        return f"{self._locale.language}_{country}" if country and country.isalpha() else self._locale.language

    # ---- words -------------------------------------------------------------------------------------------------------

    def gettext(self, message: str, **values: object) -> Markup:
        """Return a sentence with its %(values)s filled in."""
        return Markup(self.catalogue.gettext(message)) % values  # noqa: S704  a sentence of ours

    def ngettext(self, one: str, many: str, count: int, **values: object) -> Markup:
        """Return the sentence that fits a count; %(num)s in it is the count as people write it."""
        said = Markup(self.catalogue.ngettext(one, many, count))  # noqa: S704  a sentence of ours
        return said % {"num": self.number(count), **values}

    def said(self, word: str | None) -> str:
        """Return what a word of the rules is called here, such as a reason or a role; unknown words stay as they are."""
        return self.catalogue.gettext(word) if word else ""

    def listed(self, words: Iterable[object]) -> Markup:
        """Return `words` as a list in a sentence.

        >>> str(Speech("en").listed(["Bluesky", "Mastodon", "<the web>"]))
        'Bluesky, Mastodon and &lt;the web&gt;'
        """
        said = [escape(word) for word in words]
        if len(said) < 2:
            return Markup("").join(said)
        patterns = {name: Markup(pattern) for name, pattern in self._locale.list_patterns["standard"].items()}  # noqa: S704
        if len(said) == 2:
            return patterns["2"].format(*said)
        result = patterns["end"].format(said[-2], said[-1])
        for word in said[-3:0:-1]:
            result = patterns["middle"].format(word, result)
        return patterns["start"].format(said[0], result)

    # ---- numbers, times and names ------------------------------------------------------------------------------------

    def number(self, count: int) -> str:
        """Return a count as people write it.

        >>> Speech("en").number(2150)
        '2,150'
        """
        return str(count) if -1000 < count < 1000 else format_decimal(count, locale=self._locale)

    def percent(self, part: float) -> str:
        """Return a part of 1 as people write it.

        >>> Speech("en").percent(0.456), Speech("es").percent(0.456)
        ('46%', '46\\xa0%')
        """
        return format_percent(part, locale=self._locale)

    def long_day(self, day: date | datetime, zone: ZoneInfo | None = None) -> str:
        """Return the day in full, such as “Wednesday 3 February 2027”."""
        return _date(day.astimezone(zone).date() if isinstance(day, datetime) else day, "full", self._locale)

    def short_day(self, day: date | datetime, zone: ZoneInfo | None = None) -> str:
        """Return day and month, such as “3 Feb”."""
        return _skeleton(day.astimezone(zone).date() if isinstance(day, datetime) else day, "MMMd", self._locale)

    def instant(self, at: datetime, zone: ZoneInfo) -> str:
        """Return an instant in full, such as “Wednesday 3 February 2027, 10:05 London time, 10:05 UTC”."""
        return f"{self.long_day(at, zone)}, {clock(at, zone)} {self.city(zone)}, {utc(at)}"

    def city(self, zone: ZoneInfo) -> str:
        """Return how people call the time of a zone, such as “London time”."""
        if zone.key.rpartition("/")[2] in {"UTC", "GMT"}:
            return zone.key.rpartition("/")[2]
        return str(self.gettext("%(city)s time", city=_city(zone, self._locale)))

    def language_name(self, tag: str) -> str:
        """Return what a language is called here; the tag itself when nobody knows it.

        >>> Speech("en").language_name("fr"), Speech("en").language_name("xx-odd"), Speech("en").language_name("")
        ('French', 'xx-odd', 'not declared')
        """
        return _language(tag, self._locale) if tag else str(self.gettext("not declared"))

    def country(self, code: str) -> str:
        """Return what a country is called here, by its ISO 3166-1 code.

        >>> Speech("en").country("TZ"), Speech("en").country("XQ")
        ('Tanzania', 'XQ')
        """
        return str(self._locale.territories.get(code.upper(), code))

    def network(self, network: Network) -> str:
        """Return the network's name as people write it."""
        return NAMES.get(network) or str(self.gettext("the web"))


def clock(at: datetime, zone: tzinfo) -> str:
    """Return the time of day in `zone`, as 24 hours and minutes: so it is written in all our languages."""
    local = at.astimezone(zone)
    return f"{local.hour:02}:{local.minute:02}"


def utc(at: datetime) -> str:
    """Return the time of day in UTC, saying so."""
    return f"{clock(at, UTC)} UTC"


NAMES = {Network.BLUESKY: "Bluesky", Network.MASTODON: "Mastodon"}
"""Of networks: names are not translated."""


@cache
def _date(day: date, style: str, locale: Locale) -> str:
    return format_date(day, style, locale=locale)


@cache
def _skeleton(day: date, skeleton: str, locale: Locale) -> str:
    return format_skeleton(skeleton, day, locale=locale)


@cache
def _city(zone: ZoneInfo, locale: Locale) -> str:
    return get_timezone_location(zone, locale=locale, return_city=True)


@cache
def _language(tag: str, locale: Locale) -> str:
    try:
        return Locale.parse(tag, sep="-").get_language_name(locale) or tag
    except (UnknownLocaleError, ValueError, TypeError):
        return tag
