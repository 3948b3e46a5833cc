"""The whole day in pages: which posts stand on each, and where each leads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from shareasm.domain.items import Item
from shareasm.domain.placing import hour_of


def day_page(page: str) -> str:
    """Return how a page of the whole day is named: `page` is an Item's."""
    return f"day-{page}"


@dataclass(frozen=True, slots=True)
class DayPart:
    """One page of the whole day."""

    page: str  # "1", "9", "9-2": see Item.page
    items: tuple[Item, ...]
    withdrawn: tuple[str, ...] = ()  # anchors of posts that stood here and are no longer shown

    @property
    def name(self) -> str:
        """The page's name in the recap's folder, without language and ending."""
        return day_page(self.page)

    def by_hour(self, zone: ZoneInfo) -> list[tuple[datetime, list[Item]]]:
        """Return the page's posts under the hour of `zone` in which they were said."""
        groups = groupby(self.items, key=lambda item: hour_of(item.post.created_at, zone))
        return [(hour, list(items)) for hour, items in groups]


@dataclass(frozen=True, slots=True)
class Turn:
    """A page of the whole day that another one leads to."""

    number: int  # 1… among all
    page: str
    begins: str  # the time of day of its first post


NEAR = 3
"""Pages before and after its own that a page of the whole day leads to, beside the first and the last."""


def turning(parts: Sequence[DayPart], place: int, zone: ZoneInfo) -> tuple[Turn, ...]:
    """Return where the page at `place` leads: what goes elsewhere in a long day changes nothing on it."""
    near = {0, len(parts) - 1, *range(max(place - NEAR, 0), min(place + NEAR + 1, len(parts)))}
    return tuple(
        Turn(one + 1, parts[one].page, f"{parts[one].items[0].post.created_at.astimezone(zone):%H:%M}")
        for one in sorted(near)
    )
