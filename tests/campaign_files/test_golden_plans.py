"""What a check says about plans with mistakes, word for word: every `.yaml` in tests/data/schedules has its `.errors.txt`."""

import os
import shutil
from pathlib import Path

import pytest

from shareasm.campaign_files import load_campaign

PLANS = Path(__file__).resolve().parent.parent / "data" / "schedules"
CASES = sorted(path.stem for path in PLANS.glob("*.yaml"))


def said(folder: Path) -> str:
    findings = load_campaign(folder).findings
    assert all(len(one.message) > 10 and len(one.cure) > 10 for one in findings), (
        "each says what is wrong and what to do"
    )
    lines = (
        f"{Path(one.file).name}:{one.line}:{one.column}: {one.severity}: {one.message}\n    {one.cure}\n"
        for one in findings
    )
    return "".join(lines)


@pytest.mark.parametrize("case", CASES)
def test_every_mistake_is_named_with_its_place_and_its_cure(case: str, tmp_path: Path) -> None:
    folder = tmp_path / "day"
    shutil.copytree(PLANS / "good", folder)
    shutil.copyfile(PLANS.parent / "videos" / "upright.mp4", folder / "media" / "greeting.mp4")
    shutil.copyfile(PLANS / f"{case}.yaml", folder / f"{case.partition('-')[0]}.yaml")
    golden = PLANS / f"{case}.errors.txt"
    if "SHAREASM_WRITE_GOLDEN" in os.environ:
        golden.write_text(said(folder))
    assert said(folder) == golden.read_text()


def test_a_good_plan_has_no_findings() -> None:
    assert said(PLANS / "good") == ""


def test_no_golden_is_left_without_its_plan() -> None:
    assert [path.name.removesuffix(".errors.txt") for path in sorted(PLANS.glob("*.errors.txt"))] == CASES
