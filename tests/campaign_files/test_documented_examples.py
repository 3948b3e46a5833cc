"""What the comms officer's page shows as examples is read by the program without an error, so it can be copied as it stands."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent, indent

from shareasm.campaign_files import Severity, load_campaign

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
PAGE = (ROOT / "docs" / "comms.md").read_text().partition("## schedule.yaml")[2].partition("## story.yaml")[0]
PARTNER = '  arm: {name: Alliance, role: civil society, accounts: ["@arm.example"]}\n'


def blocks() -> Iterator[str]:
    """Yield the page's examples, moved back to the left edge."""
    for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", PAGE, re.MULTILINE):
        yield dedent(block).strip("\n")


def plan() -> str:
    """Return the examples put together to one plan."""
    whole, *more = blocks()
    slots = (block if block.startswith("- id:") else as_slot(number, block) for number, block in enumerate(more))
    return "\n".join((whole, *(indent(slot, "  ") for slot in slots))) + "\n"


def as_slot(number: int, block: str) -> str:
    """Return a slot around the keys of an example."""
    texts = f'{{en: "Look {number} #shareASM", fr: "Voyez {number} #shareASM"}}'
    return f'- id: slot-{number}\n  at: "15:{number:02}"\n  kind: video\n  text: {texts}\n{indent(block, "  ")}'


def test_the_examples_of_a_plan_can_be_copied(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DATA / "schedules" / "good", tmp_path / "day"))
    (folder / "story.yaml").unlink()
    media = folder / "media"
    shutil.copyfile(media / "dialogue.png", media / "safe-work.png")
    shutil.copyfile(media / "greeting.en.vtt", media / "greeting.fr.vtt")
    shutil.copyfile(DATA / "videos" / "upright.mp4", media / "greeting.mp4")
    campaign = (folder / "campaign.yaml").read_text()
    (folder / "campaign.yaml").write_text(campaign.replace("partners:\n", f"partners:\n{PARTNER}"))
    (folder / "schedule.yaml").write_text(plan())
    loaded = load_campaign(folder)
    assert [str(finding) for finding in loaded.findings if finding.severity is Severity.ERROR] == []
    assert loaded.schedule
    assert {"osh-guide", "good-morning", "osh-guide-source", "osh-guide-again"} <= {
        slot.id for slot in loaded.schedule.slots
    }
    parts = [part for slot in loaded.schedule.slots for part in slot.parts]
    assert any(part.video for part in parts)
    assert any(part.poll for part in parts)
