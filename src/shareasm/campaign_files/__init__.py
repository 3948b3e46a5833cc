"""The campaign folder: `campaign.yaml`, `schedule.yaml`, `story.yaml` and `media/`, read whole or refused whole.

    bytes ──source──► text ──tree──► words with places ──reading──► Campaign, Schedule, StoryPlan ──posts──► findings

Reads files and nothing else; never raises for what a person wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from shareasm.campaign_files.campaign import Sketch, no_campaign, read_campaign
from shareasm.campaign_files.drafted import is_as_drafted
from shareasm.campaign_files.findings import Finding, Findings, Place, Severity
from shareasm.campaign_files.places import Places, is_stand_in
from shareasm.campaign_files.posts import check_posts
from shareasm.campaign_files.schedule import read_schedule
from shareasm.campaign_files.story import Named, read_story
from shareasm.campaign_files.tree import read_tree
from shareasm.domain.campaigns import Campaign
from shareasm.domain.schedules import Schedule
from shareasm.domain.stories import StoryPlan

__all__ = ["Finding", "Loaded", "Place", "Severity", "load_campaign"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a campaign folder says. A part is None where errors make it impossible; the findings say which."""

    folder: Path
    campaign: Campaign | None
    schedule: Schedule | None
    story: StoryPlan | None  # None also where there is no story.yaml: the recap makes its own
    findings: tuple[Finding, ...]  # by file, line and column
    where: Mapping[str, Place]  # slot id → where its time stands, for findings that come later
    places: Places  # where everything else of the plan stands, for the same

    @property
    def has_errors(self) -> bool:
        """Whether anything must be mended before a command may act."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def media(self) -> Path:
        """The folder of the pictures."""
        return self.folder / "media"


def load_campaign(folder: Path) -> Loaded:
    """Read the campaign in `folder` and return it with every mistake in it. Raises nothing for what a person wrote."""
    findings = Findings()
    fields = read_tree(folder, "campaign.yaml", findings)
    sketch = read_campaign(fields, folder, findings) if fields else no_campaign(folder)
    fields = read_tree(folder, "schedule.yaml", findings)
    schedule, places = read_schedule(fields, folder, sketch, findings) if fields else (None, Places())
    if schedule is not None:
        check_posts(sketch.campaign, schedule, places, findings)
    fields = read_tree(folder, "story.yaml", findings) if (folder / "story.yaml").exists() else None
    named = replace(
        _named(schedule, places, sketch, findings), languages=sketch.campaign.languages, media=folder / "media"
    )
    story = read_story(fields, named, findings) if fields else None
    if story is not None:
        story = replace(story, is_drafted=is_as_drafted(folder))
    return Loaded(
        folder=folder,
        campaign=None if findings.has_errors_in(str(folder / "campaign.yaml")) else sketch.campaign,
        schedule=None if findings.has_errors_in(str(folder / "schedule.yaml")) else schedule,
        story=None if findings.has_errors_in(str(folder / "story.yaml")) else story,
        findings=findings.in_order(),
        where=places.times,
        places=replace(places, on=sketch.on_place, servers=sketch.server_places),
    )


def _named(schedule: Schedule | None, places: Places, sketch: Sketch, findings: Findings) -> Named:
    """Return what the story may name: wrong slots count too, they are told already."""
    if schedule is None or not places.slots:
        return Named(resources=sketch.resources, partners=sketch.partners, places=places.rules)
    themes = tuple(sorted({slot.theme for slot in schedule.slots if slot.theme}))
    is_whole = not any(findings.has_errors_in(place.file) for place in places.slots.values())
    slots = tuple(slot for slot in places.slots if not is_stand_in(slot))
    return Named(slots, themes if is_whole else None, sketch.resources, sketch.partners, places.rules)
