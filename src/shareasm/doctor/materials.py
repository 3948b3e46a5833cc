"""What the doctor looks at, made by `wiring`. What may fail is made when it is looked at, so that its failure is a finding."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Engine

from shareasm.domain.campaigns import Campaign, CampaignAccount, Source
from shareasm.domain.schedules import Schedule
from shareasm.networks.ports import AccountFacts, AccountProbe, Limits, PreparedImage, Publisher, TagReader, TagStream

Prepare = Callable[[Path, Limits], PreparedImage]

Reading = TagReader | Callable[[], TagStream]

Examined = dict[str, AccountFacts]
"""What is known of the accounts that could be looked over, by their ids."""


@dataclass(frozen=True, slots=True)
class Materials:
    """What there is to look at. Words in the place of a part say why there is none."""

    campaign: Campaign
    schedule: Schedule
    media: Path
    data: Path
    recap: Path
    now: Callable[[], datetime]
    open_store: Callable[[], Engine]
    probe: Callable[[CampaignAccount], AccountProbe | str]
    publisher: Callable[[CampaignAccount], Publisher | None]
    reader: Callable[[Source], Reading | str]
    prepare: Prepare
    stream: Callable[[Source], Callable[[], TagStream] | None] = lambda _: None  # what is heard beside the reading
