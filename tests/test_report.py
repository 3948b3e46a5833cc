"""The report: one page, one workbook, and the evidence from which every number can be counted again."""

import csv
import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clocks import FixedClock
from factories import CLOSES, NOON, campaign, minutes, schedule, seen, source
from shareasm import collect
from shareasm.collect import Desk
from shareasm.domain.figures import count
from shareasm.domain.pictures import Refusal
from shareasm.errors import StorageError
from shareasm.networks.ports import Page
from shareasm.publish import bring_in_line
from shareasm.recap import Materials
from shareasm.report import make_report
from shareasm.storage.engine import open_engine
from shareasm.storage.schema import upgrade


@pytest.fixture
def materials(tmp_path: Path) -> Iterator[Materials]:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    made = Materials(
        engine=engine,
        campaign=campaign(),
        schedule=schedule(),
        story=None,
        campaign_folder=tmp_path,
        files=tmp_path / "pictures",
        fetch=lambda url: Refusal("nothing is fetched for a report"),
        now=lambda: CLOSES + minutes(5),
    )
    bring_in_line(engine, made.campaign, made.schedule)
    words = ("=HYPERLINK(1) #shareASM", "<script>alert(1)</script> #shareASM", "مرحبا #shareASM")
    posts = [seen(text, uri=f"https://memory.example/users/amina/statuses/{n}") for n, text in enumerate(words)]
    collect.store(Desk(engine, made.campaign, FixedClock(CLOSES)), source(), Page(posts=tuple(posts)), "shareasm")
    yield made
    engine.dispose()


def test_every_figure_of_the_report_is_counted_again_from_its_evidence(materials: Materials, tmp_path: Path) -> None:
    made = make_report(materials, tmp_path / "out")
    proof = (tmp_path / "out" / "evidence.csv").read_bytes()
    assert hashlib.sha256(proof).hexdigest() == made.digest
    rows = list(csv.DictReader(proof.decode().splitlines()))
    assert len(rows) == len(made.evidence.rows)
    assert [count(figure, rows) for figure in made.evidence.figures] == [one.value for one in made.evidence.figures]
    assert made.evidence.figure("posts.others").value == 3
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert made.digest in page
    assert all(figure.label in page.replace("&#39;", "'") for figure in made.evidence.figures)


def test_the_same_day_gives_the_same_bytes(materials: Materials, tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_report(materials, tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["evidence.csv", "figures.csv", "report.html", "report.xlsx"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_strangers_words_run_in_no_page_and_no_spreadsheet(materials: Materials, tmp_path: Path) -> None:
    make_report(materials, tmp_path)
    assert "<script>alert" not in (tmp_path / "report.html").read_text("utf-8")
    assert ",=HYPERLINK" not in (tmp_path / "evidence.csv").read_text("utf-8")
    with zipfile.ZipFile(tmp_path / "report.xlsx") as book:
        sheets = [book.read(name) for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    assert len(sheets) >= 5
    assert any(b"HYPERLINK" in sheet for sheet in sheets)
    assert not any(b"<f>" in sheet or b"<hyperlink" in sheet for sheet in sheets)


def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(materials: Materials, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StorageError, match=r"report cannot be written to .*taken"):
        make_report(materials, tmp_path / "taken")


def test_a_day_that_goes_on_is_reported_as_far_as_it_has_come(materials: Materials, tmp_path: Path) -> None:
    made = make_report(replace(materials, now=lambda: NOON), tmp_path)
    assert made.evidence.figure("posts").value == 3
