"""What the doctor finds, and how it is told: as aligned lines that need no colour, and as plain data."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Light(StrEnum):
    """How a thing stands."""

    GREEN = "green"  # as it should be
    YELLOW = "yellow"  # the day can go on with it, and somebody should know
    RED = "red"  # something of the day will not happen


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    light: Light
    about: str  # account, source or part of the machine
    check: str  # what was looked at, in a word or two
    message: str
    cure: str = ""  # what to do; "" where there is nothing to do


def worst(findings: Sequence[Finding]) -> Light:
    """Return the light of the whole: green where nothing was found."""
    order = [*Light]
    return max((finding.light for finding in findings), key=order.index, default=Light.GREEN)


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield a line each, with its cure below, and a summary."""
    about = max((len(finding.about) for finding in findings), default=0)
    check = max((len(finding.check) for finding in findings), default=0)
    for finding in findings:
        yield f"{finding.light:<6}  {finding.about:<{about}}  {finding.check:<{check}}  {finding.message}"
        if finding.cure:
            yield f"{'':<6}  {'':<{about}}  {'':<{check}}  → {finding.cure}"
    yield ""
    yield _summary(findings)


def _summary(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.light for finding in findings)
    told = ", ".join(f"{counts[light]} {light}" for light in Light)
    verdict = {
        Light.GREEN: "Ready for the day.",
        Light.YELLOW: "The day can begin; look at what is yellow.",
        Light.RED: "Not ready: mend what is red, then ask again.",
    }
    return f"{told}. {verdict[worst(findings)]}"


def to_facts(findings: Sequence[Finding], campaign: str, at: datetime) -> dict[str, object]:
    """Return the same as plain data, for `--json`."""
    return {
        "campaign": campaign,
        "at": at.isoformat(),
        "light": worst(findings).value,
        "findings": [
            {
                "light": finding.light.value,
                "about": finding.about,
                "check": finding.check,
                "message": finding.message,
                "cure": finding.cure,
            }
            for finding in findings
        ],
    }
