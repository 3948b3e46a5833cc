"""Where killed days post: an account on a server whose posts are counted afterwards, by a clock that can be moved."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from bluesky_network.network import BlueskyNetwork
from shareasm.clock import Clock, SystemClock
from shareasm.rehearsal.bluesky import StandInBluesky
from shareasm.rehearsal.mastodon import Budgets, Flavour, MastodonServer


@dataclass(frozen=True)
class Standing:
    """One of our posts as its server has it."""

    text: str
    parent: str  # the text that it answers; nothing for none
    root: str  # the text that its thread begins with, where the server keeps that
    pictures: tuple[str, ...]  # ids of uploads


class Ground(Protocol):
    """An account of ours, and what stands there."""

    network: str
    server: str
    handle: str
    secret: str
    needs_pictures: bool  # in every post
    attaches_once: bool  # an upload belongs to one post; else the same bytes are the same upload

    def standing(self) -> list[Standing]: ...


class MastodonGround:
    network = "mastodon"
    attaches_once = True

    def __init__(self, server: MastodonServer, name: str) -> None:
        self._server = server
        self._person = server.account(name, "IIED", visibility="public")
        self.server, self.handle, self.secret = server.url, self._person.handle, self._person.token
        self.needs_pictures = server.instance.rules.needs_media

    def standing(self) -> list[Standing]:
        instance = self._server.instance
        with instance.lock:
            rows = [row for row in instance.living() if row.account.id == self._person.id]
            return [
                Standing(
                    row.text,
                    row.in_reply_to.text if row.in_reply_to else "",
                    "",
                    tuple(each.id for each in row.attachments),
                )
                for row in rows
            ]


class _BlueskyGround:
    network = "bluesky"
    needs_pictures = False
    attaches_once = False

    def _standing(self, records: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Standing]:
        said = dict(records)
        texts = {uri: str(value["text"]) for uri, value in said.items()}
        found = []
        for value in said.values():
            reply = value.get("reply") or {}
            parent, root = (texts[reply[end]["uri"]] if reply else "" for end in ("parent", "root"))
            images = value.get("embed", {}).get("images", ())
            pictures = tuple(str(image["image"]["ref"]["$link"]) for image in images)
            found.append(Standing(str(value["text"]), parent, root, pictures))
        return found


class StandInGround(_BlueskyGround):
    """On the stand-in Bluesky."""

    def __init__(self, sky: StandInBluesky, name: str) -> None:
        self._sky = sky
        self._person = sky.account(f"{name}.test", "IIED")
        self.server, self.handle, self.secret = sky.pds_url, self._person.handle, self._person.password

    def standing(self) -> list[Standing]:
        return self._standing((post.uri, post.value) for post in self._sky.posts(self._person))


class RealGround(_BlueskyGround):
    """On the real Bluesky servers."""

    def __init__(self, network: BlueskyNetwork, name: str) -> None:
        self._network = network
        self._account = network.account(name)
        made = network.call(
            "com.atproto.server.createAppPassword", body={"name": "shareasm"}, token=self._account.token
        )
        self.server, self.handle, self.secret = network.pds, self._account.handle, str(made["password"])

    def standing(self) -> list[Standing]:
        return self._standing((post["uri"], post["value"]) for post in self._network.records(self._account))


def unlimited_mastodon(clock: Clock, flavour: str) -> MastodonServer:
    """Return a server (a flavour, and its version where that matters: `mastodon 4.6.5`) that takes any number of requests."""
    program, _, version = flavour.partition(" ")
    budgets = Budgets(**dict.fromkeys(each.name for each in fields(Budgets)))
    return MastodonServer(clock, flavour=Flavour(program), version=version or None, budgets=budgets)


class MovedClock(SystemClock):
    """Real time, moved by whole steps. Programs read from `file` by how much they are to be ahead of the machine's clock."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._shift_s = 0.0
        self._error_s = 0.0
        file.write_bytes(struct.pack("d", 0))

    def now(self) -> Any:
        return super().now() + timedelta(seconds=self._shift_s)

    def pass_by(self, duration: timedelta) -> None:
        """Let so much time pass at once, everywhere."""
        self._shift_s += duration.total_seconds()
        self._tell()

    def mislead(self, duration: timedelta) -> None:
        """Let the programs' clock alone be wrong by so much."""
        self._error_s = duration.total_seconds()
        self._tell()

    @property
    def told(self) -> Any:
        """What time the programs believe it is."""
        return self.now() + timedelta(seconds=self._error_s)

    def _tell(self) -> None:
        with self.file.open("r+b") as file:
            file.write(struct.pack("d", self._shift_s + self._error_s))
