"""Our own videos made ready for sending: looked into, what they say of camera and place blanked, nothing encoded anew.

A video that cannot be sent as it is, is refused with what to do about it: encoding would need a program of its own.
"""

from io import BytesIO
from pathlib import Path
from typing import Protocol

from shareasm.domain.captions import read_captions
from shareasm.domain.pictures import PreparedVideo, Refusal
from shareasm.domain.videos import blank, read_video
from shareasm.errors import ConfigError


class Limits(Protocol):
    """What a server takes of a video; `networks.ports.Limits` is one."""

    @property
    def video_bytes(self) -> int | None:
        """The most bytes of one video; None: it takes none."""


def prepare_video(path: Path, limits: Limits) -> PreparedVideo:
    """Return our video as a server with `limits` takes it, without its metadata: no camera, no place, no title.

    Raises ConfigError where the file is missing, too large or no video for the networks: the team's to mend.
    """
    most = limits.video_bytes
    if most is None:
        raise ConfigError("the server takes no videos: leave it out there, or send a picture of it", file=str(path))
    data = bytearray(_read(path, most, "video"))
    facts = read_video(BytesIO(data))
    if isinstance(facts, Refusal):
        raise ConfigError(f"the video {facts.reason}. {facts.cure}", file=str(path))
    blank(data, facts.metadata)
    return PreparedVideo(bytes(data), "video/mp4", facts.width, facts.height, facts.seconds)


def prepare_captions(path: Path) -> bytes:
    """Return our captions (WebVTT in UTF-8) as a server takes them. Raises ConfigError as `prepare_video`."""
    data = _read(path, 1_000_000, "captions file")
    captions = read_captions(data)
    if isinstance(captions, Refusal):
        raise ConfigError(f"the captions file {captions.reason}. {captions.cure}", file=str(path))
    return data.removeprefix(b"\xef\xbb\xbf")


def _read(path: Path, most: int, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise ConfigError(f"the {what} cannot be read: {error.strerror}", file=str(path)) from error
    if len(data) > most:
        cure = "save it smaller, 1280 pixels wide, or shorter"
        raise ConfigError(f"the {what} is larger than the {most:,} bytes that its server takes: {cure}", file=str(path))
    return data
