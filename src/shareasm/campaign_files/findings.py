"""Finding: one mistake in the plan, with its place and its cure. Nothing here knows what a campaign is."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error stops every command that acts; a warning is a person's to judge."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands. Lines and columns count from 1, columns in characters."""

    file: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, where, and how to mend it."""

    severity: Severity
    place: Place
    message: str  # what is wrong, one sentence
    cure: str  # what to do about it

    @property
    def file(self) -> str:
        """The file as its folder was named: a path that an editor can open."""
        return self.place.file

    @property
    def line(self) -> int:
        """Line, from 1."""
        return self.place.line

    @property
    def column(self) -> int:
        """Column in characters, from 1."""
        return self.place.column

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message} {self.cure}".rstrip()


class Findings:
    """Gathers findings while files are read, so that one run names every mistake. The same finding counts once."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}

    def error(self, place: Place, message: str, cure: str) -> None:
        """Note a mistake that stops every command that acts."""
        self._found.setdefault(Finding(Severity.ERROR, place, message, cure))

    def warn(self, place: Place, message: str, cure: str) -> None:
        """Note something that a person should look at."""
        self._found.setdefault(Finding(Severity.WARNING, place, message, cure))

    def has_errors_in(self, file: str) -> bool:
        """Return whether `file` has an error so far."""
        return any(finding.severity is Severity.ERROR and finding.file == file for finding in self._found)

    @property
    def has_errors(self) -> bool:
        """Whether there is an error so far."""
        return any(finding.severity is Severity.ERROR for finding in self._found)

    def in_order(self) -> tuple[Finding, ...]:
        """Return what was found, by file, line and column."""
        return tuple(sorted(self._found, key=lambda finding: finding.place))
