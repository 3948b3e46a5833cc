"""Sentences that only count: what a drafted story says of the day. An editor writes others in their place."""

from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shareasm.render.speech import Speech, clock


class Heard(NamedTuple):
    """What was counted of some posts."""

    post_count: int
    author_count: int
    language_count: int  # declared ones
    begins_at: datetime
    ends_at: datetime


def said_of_the_day(speech: Speech, counts: tuple[int, int, int], tag: str, on: date) -> str:
    """Return the first words of a story; `counts` are posts, accounts and languages."""
    posts, accounts, languages = _posts(speech, counts[0]), _accounts(speech, counts[1]), _languages(speech, counts[2])
    values = {"posts": posts, "accounts": accounts, "languages": languages, "tag": tag, "day": speech.long_day(on)}
    if not counts[2]:
        return _plain(speech.gettext("We saw %(posts)s by %(accounts)s under #%(tag)s on %(day)s.", **values))
    return _plain(
        speech.gettext("We saw %(posts)s by %(accounts)s in %(languages)s under #%(tag)s on %(day)s.", **values)
    )


def said_of_voices(speech: Speech, heard: Heard, zone: ZoneInfo) -> str:
    """Return what a chapter of voices says of itself."""
    values = {
        "posts": _posts(speech, heard.post_count),
        "accounts": _accounts(speech, heard.author_count),
        "languages": _languages(speech, heard.language_count),
        "time": _span(speech, heard, zone),
    }
    if not heard.language_count:
        return _plain(speech.gettext("%(posts)s by %(accounts)s, %(time)s.", **values))
    return _plain(speech.gettext("%(posts)s by %(accounts)s in %(languages)s, %(time)s.", **values))


def said_of_ours(speech: Speech, heard: Heard, answering_count: int, zone: ZoneInfo) -> str:
    """Return what a chapter of our own programme says of itself; `answering_count` is how many accounts answered."""
    ours = speech.ngettext(
        "%(num)s post of our programme, %(time)s.",
        "%(num)s posts of our programme, %(time)s.",
        heard.post_count,
        time=_span(speech, heard, zone),
    )
    if not answering_count:
        return _plain(ours)
    answered = speech.ngettext("%(num)s account answered.", "%(num)s accounts answered.", answering_count)
    return f"{_plain(ours)} {_plain(answered)}"


def _posts(speech: Speech, count: int) -> str:
    return speech.ngettext("%(num)s post", "%(num)s posts", count)


def _accounts(speech: Speech, count: int) -> str:
    return speech.ngettext("%(num)s account", "%(num)s accounts", count)


def _languages(speech: Speech, count: int) -> str:
    return speech.ngettext("%(num)s language", "%(num)s languages", count)


def _span(speech: Speech, heard: Heard, zone: ZoneInfo) -> str:
    first, last = clock(heard.begins_at, zone), clock(heard.ends_at, zone)
    if first == last:
        return speech.gettext("at %(time)s", time=first)
    return speech.gettext("between %(first)s and %(last)s", first=first, last=last)


def _plain(said: str) -> str:
    """Return a sentence as words: a speech says everything ready for HTML."""
    unescape = getattr(said, "unescape", None)
    return unescape() if unescape else said
