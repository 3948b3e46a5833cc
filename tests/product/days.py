"""A short day on stand-in networks: its campaign folder, its accounts, its secrets, and the program on it."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from string import Template
from typing import Any

import sqlalchemy as sa

from product.program import RUNNING, Ended, Program, run
from shareasm.clock import SystemClock
from shareasm.rehearsal.world import World, open_world

TAG = "smallDay"

CAMPAIGN = Template("""
name: "A small day"
hashtags: [smallDay, smallDay2]
on: "$on"
zone: Africa/Accra
window: {opens: "$opens", closes: "$closes"}
languages: [en, fr]
host: IIED
contact: "mailto:us@iied.example"
accounts:
  our-bluesky: {network: bluesky, server: "$pds", handle: $bluesky_handle, languages: [en, fr]}
  our-mastodon: {network: mastodon, server: "$mastodon", handle: "$mastodon_handle", languages: [en, fr]}
collect:
  - {mastodon: "$mastodon", account: our-mastodon}
  - {mastodon: "$other"}
  - {bluesky: "$pds", account: our-bluesky}
  - {jetstream: "$jetstream", appview: "$appview"}
resources:
  guide:
    authors: [Amina Said]
    year: 2025
    type: guide
    editions:
      en: {title: Coming home from work, url: "https://iied.example/guide"}
      fr: {title: Rentrer du travail, url: "https://iied.example/guide-fr"}
""")


@dataclass(frozen=True)
class Slot:
    """One line of a plan: `after` seconds after the start of the day."""

    id: str
    after: float
    texts: dict[str, str]
    more: str = ""  # further YAML of the slot, indented by four


def slot(id_: str, after: float = 0, more: str = "", **texts: str) -> Slot:
    """Return a slot; without texts it says its id under the tag."""
    return Slot(id_, after, texts or {"en": f"This is {id_} #{TAG}"}, more)


@dataclass
class Day:
    """A campaign folder, and the networks that its accounts and sources lie on."""

    world: World
    folder: Path  # the working folder; the campaign lies in `small-day` below it
    database_url: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    programs: list[Program] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bluesky = self.world.bluesky.account("iied.test", "IIED")
        self.mastodon = self.world.home.account("iied", "IIED")
        self.amina = self.world.bluesky.account("amina.test", "Amina")
        self.bakari = self.world.home.account("bakari", "Bakari")
        self.addresses = {
            "pds": self.world.bluesky.pds_url,
            "appview": self.world.bluesky.appview_url,
            "jetstream": self.world.bluesky.jetstream_url,
            "bluesky_handle": self.bluesky.handle,
            "mastodon": self.world.home.url,
            "mastodon_handle": self.mastodon.handle,
            "other": self.world.away.url,
        }
        self.environment |= {
            "SHAREASM_DATA": "data",
            "PORT": "0",
            "SHAREASM_TOKEN_OUR_BLUESKY": self.bluesky.password,
            "SHAREASM_TOKEN_OUR_MASTODON": self.mastodon.token,
        }
        if self.database_url:
            self.environment["DATABASE_URL"] = self.database_url

    @property
    def campaign(self) -> Path:
        return self.folder / "small-day"

    # ---- the plan ------------------------------------------------------------------------------------------------------

    def plan(self, *slots: Slot, lasts: float = 3600, since: float = 0) -> datetime:
        """Write a plan of a day that began `since` seconds ago and lasts so many more seconds; return when it began."""
        began = (datetime.now(UTC) - timedelta(seconds=since)).replace(microsecond=0)
        spoken = partial(_spoken, began)
        campaign = CAMPAIGN.substitute(
            self.addresses, on=f"{began:%Y-%m-%d}", opens=spoken(0), closes=spoken(since + lasts)
        )
        media = self.campaign / "media"
        media.mkdir(parents=True, exist_ok=True)
        (media / "dot.png").write_bytes(png(60, 40))
        (self.campaign / "campaign.yaml").write_text(campaign, encoding="utf-8")
        lines = ["defaults: {accounts: [our-bluesky, our-mastodon], late: always}", "slots:"]
        for each in slots:
            lines += [f"  - id: {each.id}", f'    at: "{spoken(each.after)}"', "    kind: news", "    text:"]
            lines += [f'      {language}: "{text}"' for language, text in each.texts.items()]
            lines += [each.more] if each.more else []
        if not slots:
            lines[-1] = "slots: []"
        (self.campaign / "schedule.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return began

    # ---- the program ---------------------------------------------------------------------------------------------------

    def start(self, command: str, *options: str, running: Sequence[str | Path] = RUNNING) -> Program:
        """Start a command on the campaign."""
        program = Program([command, self.campaign, *options], self.environment, self.folder, running)
        self.programs.append(program)
        return program

    def start_alone(self, *arguments: str | Path) -> Program:
        """Start a command whose campaign stands among its arguments."""
        program = Program(arguments, self.environment, self.folder, RUNNING)
        self.programs.append(program)
        return program

    def run(self, command: str, *options: str, seconds: float = 60) -> Ended:
        """Run a command on the campaign to its end."""
        return run([command, self.campaign, *options], self.environment, self.folder, seconds)

    def run_alone(self, *arguments: str | Path, seconds: float = 60) -> Ended:
        """Run a command that has no campaign, or another one, to its end."""
        return run(arguments, self.environment, self.folder, seconds)

    def end(self) -> None:
        for program in self.programs:
            program.end()

    # ---- what came of it -----------------------------------------------------------------------------------------------

    def on_bluesky(self) -> list[dict[str, Any]]:
        """Return our records on Bluesky, oldest first."""
        return [dict(post.value) for post in self.world.bluesky.posts(self.bluesky)]

    def on_mastodon(self) -> list[dict[str, Any]]:
        """Return our statuses on Mastodon, oldest first."""
        ours = [status for status in self.world.home.statuses() if status["account"]["acct"] == "iied"]
        return [dict(status) for status in ours]

    def texts(self) -> tuple[list[str], list[str]]:
        """Return what we said on Bluesky and on Mastodon."""
        return [post["text"] for post in self.on_bluesky()], [status["text"] for status in self.on_mastodon()]

    def rows(self, query: str) -> list[Any]:
        """Return what the store answers."""
        engine = sa.create_engine(self.database_url or f"sqlite:///{self.folder / 'data' / 'shareasm.db'}")
        try:
            with engine.connect() as connection:
                return list(connection.execute(sa.text(query)))
        finally:
            engine.dispose()


@contextmanager
def a_day(folder: Path, database_url: str | None = None) -> Iterator[Day]:
    """Give a day on networks of its own; its programs end with it."""
    folder.mkdir(parents=True, exist_ok=True)
    with open_world(SystemClock()) as world:
        day = Day(world, folder, database_url)
        try:
            yield day
        finally:
            day.end()


def _spoken(began: datetime, after: float) -> str:
    return f"{began + timedelta(seconds=after):%Y-%m-%d %H:%M:%S}"


def png(width: int, height: int) -> bytes:
    """Return a picture of one colour."""
    row = b"\x00" + b"\x8a\x4b\x08" * width

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b"")
