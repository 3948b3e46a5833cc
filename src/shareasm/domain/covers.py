"""The cover: which photograph leads the page, and stands beside links to it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from shareasm.domain.chapters import Day, Gone, Missing, named_by
from shareasm.domain.items import Item
from shareasm.domain.pictures import KeptPicture
from shareasm.domain.schedules import Picture
from shareasm.domain.sections import Photo, photos_of
from shareasm.domain.stories import StoryPlan


@dataclass(frozen=True, slots=True)
class OwnPhoto:
    """A picture of the team's that no post shows."""

    credit: Picture
    kept: KeptPicture
    language: str  # of its words, where they are the same for all

    @property
    def focus(self) -> tuple[float, float] | None:
        """What stays in view when it is cut."""
        return self.credit.focus

    def alt_in(self, language: str) -> tuple[str, str]:
        """Return what it shows, and in which language that is said."""
        alt = self.credit.alt
        said_in = next((one for one in (language, "") if one in alt), next(iter(alt)))
        return alt[said_in], said_in or self.language


def wanted_cover(plan: StoryPlan, own: KeptPicture | None, day: Day) -> Photo | OwnPhoto | None:
    """Return what the editor wants to lead the page, where it is there and may be shown; `own` is the plan's own file."""
    if isinstance(plan.cover, Picture):
        return OwnPhoto(plan.cover, own, day.language) if own else None
    items = named_by(plan.cover, day) if plan.cover else []
    return next((photo for item in items for photo in photos_of(item)), None)


def missing_cover(plan: StoryPlan, day: Day, gone: Gone) -> Missing | None:
    """Return the post that the editor named for the cover and that is not here."""
    if plan.cover is None or isinstance(plan.cover, Picture) or named_by(plan.cover, day):
        return None
    return Missing(plan.cover, gone.why(plan.cover))


def cover(items: Iterable[Item], chapters: Sequence[Collection[Item]]) -> Photo | None:
    """Return a wide photograph of ours for the head of the page: one that no chapter shows, else one that the first does not.

    `chapters` are the posts of each. Other people's pictures stand where they put them, unless the editor wants one here.
    """
    shown = [{file for item in chapter for file in _files(item)} for chapter in chapters] or [set()]
    ours = [photo for item in items for photo in photos_of(item) if photo.credit and _is_wide(photo.kept)]
    unseen = ({*shown[0]}.union(*shown), shown[0])
    return next((photo for avoided in unseen for photo in ours if not _files(photo.item) & avoided), None)


def _files(item: Item) -> set[str]:
    return {picture.file for picture in item.highlight.pictures} if item.highlight else set()


def _is_wide(kept: KeptPicture) -> bool:
    return kept.largest.width >= 1000 and kept.largest.width > 1.2 * kept.largest.height
