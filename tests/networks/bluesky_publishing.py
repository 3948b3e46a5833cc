"""A publisher on a fake PDS, for the tests of publishing, sign-in and video."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from networks.bluesky_pds import NOW, URL, FakePds
from shareasm.domain.posts import Network
from shareasm.domain.queue import Draft
from shareasm.networks.bluesky.client import Server
from shareasm.networks.bluesky.publisher import BlueskyPublisher
from shareasm.networks.bluesky.session import Session
from shareasm.networks.ports import Limits, PreparedImage, Ties

KEY = "3n2u5hgbu2227"


@dataclass
class Bench:
    """A publisher on a fake PDS, with its stored session, a password and a clock that can be set."""

    pds: FakePds = field(default_factory=FakePds)
    stored: str | None = None
    save_count: int = 0
    at: datetime = NOW
    password: str = "app-password"
    is_disk_full: bool = False

    def save(self, text: str) -> None:
        if self.is_disk_full:
            raise OSError(28, "No space left on device")
        self.stored = text
        self.save_count += 1

    def session(self, handle: str = "iied.example") -> Session:
        return Session(
            URL,
            handle,
            lambda: self.password,
            load=lambda: self.stored,
            save=self.save,
            now=lambda: self.at,
            transport=self.pds.transport,
        )

    def server(self) -> Server:
        return Server(URL, now=lambda: self.at, session=self.session(), transport=self.pds.transport)

    def publisher(self, **more: object) -> BlueskyPublisher:
        return BlueskyPublisher(self.server(), prepare=prepare, **more)  # type: ignore[arg-type]

    def frozen(self, text: str = "Hello #shareASM") -> str:
        return freeze(self.publisher(), draft(text))


def freeze(publisher: BlueskyPublisher, wanted: Draft, ties: Ties | None = None) -> str:
    return publisher.freeze(wanted, KEY, publisher.prepare(wanted, Path("media")), ties or Ties(), NOW)


def prepare(path: Path, limits: Limits) -> PreparedImage:
    return PreparedImage(f"picture {path.name}".encode(), "image/png", 640, 480)


def draft(text: str = "Hello #shareASM", **changes: object) -> Draft:
    return Draft(**{"network": Network.BLUESKY, "text": text, "language": "en", **changes})  # type: ignore[arg-type]
