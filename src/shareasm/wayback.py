"""Copies at the Internet Archive of the research that the recap links to, asked for politely and only on request.

What is there already is not saved again; one page is asked for at a time, seldom; at the first word of too much it ends, and
the next run goes on. Never asked for: people's posts, and our own page, which shows them: a copy there would outlive a removal.

Availability: GET archive.org/wayback/available?url=… (archive.org/help/wayback_api.php). Saving: GET web.archive.org/save/URL,
which names the copy in its Location or Content-Location; three a minute for those without an account (read November 2026).
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin

import msgspec

from shareasm.domain.campaigns import Campaign
from shareasm.domain.stories import Reading, StoryPlan
from shareasm.errors import StorageError
from shareasm.render.files import write_file

if TYPE_CHECKING:
    import httpx

ASKED = "https://archive.org/wayback/available"
SAVED = "https://web.archive.org/save/"
PAUSE_S = 20.0  # between two pages to be saved
ANSWERS_WITHIN_S = 120.0  # the page is fetched there meanwhile

_COPY = re.compile(r"https?://web\.archive\.org/web/\d{14}/https?://\S+|/web/\d{14}/https?://\S+")


@dataclass(frozen=True, slots=True)
class Archived:
    """What came of one address."""

    url: str
    copy: str | None  # where the copy lies; None: there is none yet
    words: str = ""  # why not


def addresses(campaign: Campaign, story: StoryPlan | None) -> tuple[str, ...]:
    """Return the pages to keep: the campaign's research, in each language, and the background reading."""
    research = (edition.url for resource in campaign.resources for edition in resource.editions)
    further = (one.url for one in (story.reading if story else ()) if isinstance(one, Reading))
    return tuple(dict.fromkeys((*research, *further)))


def read_copies(file: Path) -> dict[str, str]:
    """Return what is remembered: address → its copy. Raises StorageError for a file that cannot be read."""
    if not file.is_file():
        return {}
    try:
        known = json.loads(file.read_text("utf-8"))
        return {str(url): str(copy) for url, copy in known.items() if _COPY.fullmatch(str(copy))}
    except (OSError, ValueError, AttributeError) as error:
        raise StorageError(f"{file} cannot be read: {error}. Take it away to ask the Internet Archive anew.") from error


class InternetArchive:
    """Asks for copies. `wait` waits so many seconds; the bases are there for tests."""

    def __init__(self, agent: str, wait: Callable[[float], object], *, asked: str = ASKED, saved: str = SAVED) -> None:
        self._agent = agent
        self._wait = wait
        self._asked = asked
        self._saved = saved

    def keep(self, wanted: Iterable[str], file: Path) -> Iterator[Archived]:
        """Yield what came of each address that has no copy in `file` yet; copies are noted there at once."""
        import httpx

        copies = read_copies(file)
        saved_count = 0
        with httpx.Client(headers={"User-Agent": self._agent}, timeout=ANSWERS_WITHIN_S) as client:
            for url in wanted:
                if url in copies:
                    continue
                try:
                    copy = self._look(client, url)
                    if copy is None:
                        if saved_count:
                            self._wait(PAUSE_S)
                        saved_count += 1
                        copy = self._save(client, url)
                except _Enough as enough:
                    yield Archived(url, None, str(enough))
                    return
                except (httpx.HTTPError, msgspec.MsgspecError) as error:
                    yield Archived(url, None, f"no usable answer: {str(error) or type(error).__name__}")
                    continue
                if copy:
                    copies[url] = copy
                    _write(file, copies)
                yield Archived(url, copy, "" if copy else "asked for, and not there yet: ask again tomorrow")

    def _look(self, client: "httpx.Client", url: str) -> str | None:
        answer = _checked(client.get(self._asked, params={"url": url}))
        closest = msgspec.json.decode(answer.content, type=_Answer).archived_snapshots.closest
        return _copy(closest.url) if closest and closest.available and closest.status == "200" else None

    def _save(self, client: "httpx.Client", url: str) -> str | None:
        answer = _checked(client.get(self._saved + quote(url, safe=":/?&=%#+,;@~!$'()*[]")))
        return _copy(answer.headers.get("Location") or answer.headers.get("Content-Location") or "")


class _Closest(msgspec.Struct):
    url: str
    available: bool = False
    status: str = "200"


class _Snapshots(msgspec.Struct):
    closest: _Closest | None = None


class _Answer(msgspec.Struct):
    archived_snapshots: _Snapshots


class _Enough(Exception):
    """The archive asks for patience."""


def _checked(answer: "httpx.Response") -> "httpx.Response":
    """Return a usable answer. Raises _Enough where it asks for patience, httpx.HTTPError for any other refusal."""
    if answer.status_code in {429, 503}:
        after = answer.headers.get("Retry-After", "")
        when = f"in {int(after) // 60 + 1} minutes" if after.isdigit() else "tomorrow"
        raise _Enough(
            f"the Internet Archive asks for patience ({answer.status_code}): go on {when} with the same command"
        )
    if answer.is_error:
        answer.raise_for_status()
    return answer


def _copy(address: str) -> str | None:
    if not _COPY.fullmatch(address):
        return None
    return urljoin("https://web.archive.org/", address).replace(
        "http://web.archive.org/", "https://web.archive.org/", 1
    )


def _write(file: Path, copies: Mapping[str, str]) -> None:
    try:
        write_file(file, [json.dumps(dict(sorted(copies.items())), ensure_ascii=False, indent=1) + "\n"])
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror or error}") from error
