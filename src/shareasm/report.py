"""The report for whoever paid for the day: plan against actual, who acted, what was shared, and how well we saw.

    facts → evidence rows → figures → report.html, report.xlsx, figures.csv beside evidence.csv

Every figure is counted from the rows of the evidence and from nothing else, so another person can count it again. Nothing is
said of reach or impressions: no network tells them, and what others compute is a guess. The same day gives the same bytes.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from shareasm.domain.cells import as_cell
from shareasm.domain.evidence import COLUMNS, Evidence, Kind, Row, as_values, by_hour, by_slot, gather
from shareasm.domain.figures import Figure
from shareasm.domain.recaps import Facts
from shareasm.errors import StorageError
from shareasm.recap import Materials, facts_of_day
from shareasm.render import render_page
from shareasm.render.files import write_file

EVIDENCE = "evidence.csv"

LIMITS = (
    "Posts that were never public under the hashtag, and posts that no watched server showed us, are not known to us.",
    "People are counted by accounts: two of one person count as two unless a bridge or the campaign ties them together.",
    "Reactions are numbers that networks give; they are not followed to persons, and bridged ones are not counted twice.",
    "Languages and countries are what authors and the campaign declare. Nobody's place or language is guessed.",
    "Reach and impressions are not reported: no open network measures them.",
    "What authors deleted, or asked not to be shown, is counted by reason alone and stands nowhere in the evidence.",
)
"""What a reader of the figures must know."""


class Made(NamedTuple):
    """The written report."""

    folder: Path
    evidence: Evidence
    digest: str  # SHA-256 of evidence.csv, hexadecimal


def is_written(folder: Path) -> bool:
    """Return whether a report lies in `folder`."""
    return (folder / EVIDENCE).is_file()


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A table of the report."""

    name: str
    head: tuple[str, ...]
    rows: Sequence[Sequence[str | int]]


def make_report(materials: Materials, folder: Path) -> Made:
    """Write the report of a campaign into `folder`. Raises ConfigError and StorageError."""
    facts = facts_of_day(materials)
    evidence = gather(facts)
    proof = _table(COLUMNS, (as_values(row).values() for row in evidence.rows))
    digest = sha256(proof.encode()).hexdigest()
    figures = _figures(evidence)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / EVIDENCE, [proof])
        write_file(folder / "figures.csv", [_table(figures.head, figures.rows)])
        write_file(folder / "report.html", [_page(facts, evidence, digest)])
        _write_workbook(folder / "report.xlsx", facts, evidence, digest)
    except OSError as error:
        raise StorageError(f"the report cannot be written to {folder}: {error.strerror or error}") from error
    return Made(folder, evidence, digest)


def _figures(evidence: Evidence) -> _Sheet:
    rows = [(one.group, one.label, one.value, one.method, one.recipe) for one in evidence.figures]
    return _Sheet("Figures", ("group", "figure", "value", "how it is counted", "in evidence.csv"), rows)


def _plan(evidence: Evidence) -> _Sheet:
    head = ("slot", "network", "due (UTC)", "sent (UTC)", "planned", "sent", "not sent", "answers")
    rows = [
        (
            line.slot,
            line.network,
            line.due_at,
            line.sent_at,
            line.planned_count,
            line.sent_count,
            line.states,
            line.answers_count,
        )
        for line in by_slot(evidence.rows)
    ]
    return _Sheet("Plan against actual", head, rows)


def _sharing(facts: Facts, evidence: Evidence) -> _Sheet:
    titles = {resource.id: resource.editions[0].title for resource in facts.campaign.resources}
    rows = [
        (titles[row.resource], row.edition, row.account, row.network, row.said_at, row.url)
        for row in evidence.rows
        if row.kind is Kind.SHARED
    ]
    return _Sheet("Shared", ("resource", "language", "by", "network", "when (UTC)", "address"), sorted(rows))


def _hours(evidence: Evidence) -> _Sheet:
    return _Sheet("Hours", ("hour (campaign's zone)", "ours", "others"), by_hour(evidence.rows))


def _gaps(evidence: Evidence) -> _Sheet:
    head = ("source", "from (UTC)", "to (UTC)", "minutes", "why", "posts found later")
    rows = [
        (row.source, row.from_at, row.to_at or "to the end", row.minutes, row.reason, row.found_later)
        for row in evidence.rows
        if row.kind is Kind.GAP
    ]
    return _Sheet("Gaps", head, rows)


# ---- files -------------------------------------------------------------------------------------------------------------


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    writer.writerow(head)
    writer.writerows([as_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _page(facts: Facts, evidence: Evidence, digest: str) -> str:
    groups = [(group, list(figures)) for group, figures in groupby(evidence.figures, key=_group_of)]
    return render_page(
        "report/report.html",
        campaign=facts.campaign,
        groups=groups,
        figure=evidence.figure,
        sheets=[sheet for sheet in _sheets(facts, evidence) if sheet.rows],
        limits=LIMITS,
        digest=digest,
        row_count=len(evidence.rows),
        checked_at=facts.checked_at,
    )


def _group_of(figure: Figure) -> str:
    return figure.group


def _sheets(facts: Facts, evidence: Evidence) -> list[_Sheet]:
    return [_plan(evidence), _sharing(facts, evidence), _hours(evidence), _gaps(evidence)]


def _write_workbook(path: Path, facts: Facts, evidence: Evidence, digest: str) -> None:
    import xlsxwriter

    campaign = facts.campaign
    fresh = path.with_name(f".{path.name}.new")
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(str(fresh), options) as book:
        # The day's own date, not today's: the same day gives the same bytes.
        made = datetime(campaign.on.year, campaign.on.month, campaign.on.day, tzinfo=UTC).replace(tzinfo=None)
        book.set_properties({"title": f"{campaign.name}: report", "author": campaign.host, "created": made})
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        plain = book.add_format({"text_wrap": True, "valign": "top"})
        notes = [(line,) for line in (*LIMITS, f"SHA-256 of evidence.csv: {digest}")]
        sheets = [
            _figures(evidence),
            *_sheets(facts, evidence),
            _evidence(evidence.rows),
            _Sheet("Method", ("limits",), notes),
        ]
        for sheet in sheets:
            page = book.add_worksheet(sheet.name)
            page.freeze_panes(1, 0)
            page.set_column(0, len(sheet.head) - 1, 24 if len(sheet.head) > 1 else 110)
            for row_number, row in enumerate([sheet.head, *sheet.rows]):
                for column, value in enumerate(row):
                    page.write(row_number, column, value, plain if row_number else bold)
    fresh.replace(path)


def _evidence(rows: Iterable[Row]) -> _Sheet:
    return _Sheet("Evidence", COLUMNS, [tuple(as_values(row).values()) for row in rows])
