"""Whatever stands in the files, reading them ends in findings with places, never in an exception."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from shareasm.campaign_files import load_campaign

GOOD = Path(__file__).resolve().parent.parent / "data" / "schedules" / "good"
NAMES = ("campaign.yaml", "schedule.yaml", "story.yaml")
PIECES = st.sampled_from(
    [
        *"[]{}:,#&*!|>%@`\"'-?\n\t\\~",
        "  ",
        "\n- ",
        ": ",
        "null",
        "<<: ",
        "\\u202E",
        "\x00",
        "\ufeff",
        "é",
        "😀",
        "2027",
        "09:00",
    ]
)


def check_that_it_is_told(changed: str, content: bytes) -> None:
    with TemporaryDirectory() as place:
        folder = Path(shutil.copytree(GOOD, Path(place) / "day"))
        (folder / changed).write_bytes(content)
        loaded = load_campaign(folder)
        for finding in loaded.findings:
            lines = (folder / Path(finding.file).name).read_bytes().count(b"\n") + 2
            assert 1 <= finding.line <= lines + content.count(b"\r")
            assert finding.column >= 1
            assert finding.message
            assert finding.cure
        if loaded.campaign is None or loaded.schedule is None:
            assert loaded.has_errors


@given(st.sampled_from(NAMES), st.binary(max_size=200))
def test_any_bytes_are_told(changed: str, content: bytes) -> None:
    check_that_it_is_told(changed, content)


@given(st.data())
def test_a_good_file_with_some_places_changed_is_told(data: st.DataObject) -> None:
    changed = data.draw(st.sampled_from(NAMES))
    text = (GOOD / changed).read_text()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        text = text[:start] + data.draw(PIECES) + text[start + length :]
    check_that_it_is_told(changed, text.encode())


@given(st.data())
def test_a_good_file_with_a_value_taken_away_is_told(data: st.DataObject) -> None:
    changed = data.draw(st.sampled_from(NAMES))
    lines = (GOOD / changed).read_text().splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    key, colon, _ = lines[number].partition(":")
    lines[number] = (
        key
        + colon
        + data.draw(st.sampled_from(["", " []", " {}", " x", " 0", " [[]]", " {a: b}", " ~", " [{}]", ' ""']))
    )
    check_that_it_is_told(changed, "\n".join(lines).encode())
