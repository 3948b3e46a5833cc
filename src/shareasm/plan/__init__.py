"""The plan on the day: what a changed plan means for the queue, taken; what was sent and says something else now, edited."""

from shareasm.plan.editing import edit_sent
from shareasm.plan.showing import Overview, overview_facts, overview_lines, read_overview
from shareasm.plan.taking import compare, digest_of, take
from shareasm.plan.telling import difference_lines, summary

__all__ = [
    "Overview",
    "compare",
    "difference_lines",
    "digest_of",
    "edit_sent",
    "overview_facts",
    "overview_lines",
    "read_overview",
    "summary",
    "take",
]
