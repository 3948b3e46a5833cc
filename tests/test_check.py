"""A check says what is wrong with a plan at this moment, and in which order the day runs."""

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shareasm.check import check, check_lines, check_to_json, check_to_text

ROOT = Path(__file__).resolve().parent.parent
GOOD = ROOT / "tests" / "data" / "schedules" / "good"
BEFORE = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOOD, tmp_path / "day"))


def test_a_good_plan_ends_in_its_running_order(folder: Path) -> None:
    assert check_to_text(check(folder, BEFORE)).splitlines() == [
        "Running order from 3 February 2027, times in Europe/London and UTC:",
        "  09:00:00  09:00:00 UTC  welcome  welcome  Good morning and welcome #shareASM",
        "                          → iied-bluesky (en, 2 parts), iied-mastodon (en fr es, 2 parts)",
        "  14:00:30  14:00:30 UTC  thanks   thanks   Thank you all #shareASM",
        "                          → iied-mastodon (en) (17:00 in Africa/Dar_es_Salaam)",
        "",
        "The plan is good: 2 slots, 9 posts.",
    ]


def test_days_are_named_where_there_is_more_than_one(folder: Path) -> None:
    text = (folder / "schedule.yaml").read_text().replace('"2027-02-03 17:00:30"', '"2027-02-04 17:00"')
    (folder / "schedule.yaml").write_text(text)
    lines = list(check_lines(check(folder, BEFORE)))
    assert lines[0].endswith(
        "warning: The slot is outside of the campaign's window (2027-02-03 06:00 to 2027-02-03 22:00 in Europe/London)."
    )
    assert lines[4].startswith("  Wed 03 09:00  Wed 03 09:00 UTC  welcome")
    assert lines[6].startswith("  Thu 04 14:00  Thu 04 14:00 UTC  thanks ")
    assert lines[-1] == "The plan is good: 2 slots, 9 posts, 1 warning."


def test_a_campaign_in_utc_needs_one_time_only(folder: Path) -> None:
    text = (folder / "campaign.yaml").read_text().replace("zone: Europe/London\nw", "zone: UTC\nw")
    (folder / "campaign.yaml").write_text(text)
    assert "  09:00:00  welcome  welcome" in check_to_text(check(folder, BEFORE))


def test_a_slot_in_the_past_is_a_warning_at_its_time(folder: Path) -> None:
    result = check(folder, datetime(2027, 2, 3, 9, 0, tzinfo=UTC))
    assert [(one.line, one.column, one.message) for one in result.findings] == [
        (4, 9, "“welcome” lies in the past (2027-02-03 09:00 UTC).")
    ]
    assert (result.error_count, result.warning_count) == (0, 1)


def test_a_day_that_is_over_is_said_once(folder: Path) -> None:
    result = check(folder, datetime(2027, 3, 1, tzinfo=UTC))
    assert [one.message for one in result.findings] == ["The day is over: it closed at 22:00 UTC on 2027-02-03."]


def test_a_broken_plan_has_no_running_order(folder: Path) -> None:
    (folder / "schedule.yaml").write_text("slots: [")
    result = check(folder, BEFORE)
    assert result.error_count == 1
    assert next(check_lines(result)).endswith(
        "schedule.yaml:1:9: error: A value is missing here, or a bracket before it is not closed."
    )
    assert list(check_lines(result))[-1] == "1 error, 0 warnings. Nothing is sent before the errors are mended."


def test_a_story_with_mistakes_does_not_hide_the_running_order(folder: Path) -> None:
    (folder / "story.yaml").write_text("titel: x\n")
    result = check(folder, BEFORE)
    assert result.error_count == 1
    assert len(result.rows) == 2


def test_other_programs_get_the_same_as_json(folder: Path) -> None:
    (folder / "story.yaml").write_text("titel: x\n")
    answer = json.loads(check_to_json(check(folder, BEFORE)))
    assert answer["findings"] == [
        {
            "severity": "error",
            "file": str(folder / "story.yaml"),
            "line": 1,
            "column": 1,
            "message": "The key “titel” is not known in story.yaml.",
            "cure": "Did you mean “title”?",
        }
    ]
    assert answer["running_order"][1] == {
        "slot": "thanks",
        "kind": "thanks",
        "due_at": "2027-02-03T14:00:30+00:00",
        "local": "2027-02-03T14:00:30+00:00",
        "postings": [
            {"account": "iied-mastodon", "languages": ["en"], "parts": 1},
        ],
        "words": "Thank you all #shareASM",
    }
    assert (answer["error_count"], answer["warning_count"], answer["post_count"], answer["zone"]) == (
        1,
        0,
        9,
        "Europe/London",
    )


def test_a_plan_that_cannot_be_read_is_json_too(tmp_path: Path) -> None:
    answer = json.loads(check_to_json(check(tmp_path, BEFORE)))
    assert (answer["zone"], answer["running_order"], answer["error_count"]) == (None, [], 2)


def test_a_check_loads_no_network_and_no_database() -> None:
    program = (
        "import sys, shareasm.check\n"
        "heavy = {'atproto', 'atproto_client', 'mastodon', 'sqlalchemy', 'httpx', 'requests', 'jinja2', 'pydantic'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False).stderr.strip()
        == ""
    )


def test_the_example_campaign_is_good() -> None:
    result = check(ROOT / "config" / "campaigns" / "shareasm-2027", BEFORE)
    assert [str(finding) for finding in result.findings] == []
    assert len(result.rows) >= 24
