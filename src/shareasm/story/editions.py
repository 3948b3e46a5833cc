"""An old story as a page of its own, in the recap's look, so that earlier days stand beside the new one.

Its posts are quotations: what Storify kept of them, with the original's address. Nothing is fetched but the pictures, where a
person asks for it; they are kept as the recap keeps them.
"""

import re
import unicodedata
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from shareasm.domain.campaigns import Campaign
from shareasm.domain.pictures import KeptPicture, Refusal
from shareasm.errors import ConfigError, StorageError
from shareasm.pictures import keep
from shareasm.render import is_of_a_recap, look, render_page
from shareasm.render.files import write_file
from shareasm.render.pages import editions
from shareasm.story.storify import SIZE_LIMIT, OldChapter, OldPost, OldStory, OldText, read_storify

FOLDER = "earlier"
"""Below the recap's folder; each old story has a folder of its own there, which needs nothing around it."""

Fetch = Callable[[str], bytes | Refusal]


@dataclass(frozen=True, slots=True)
class Brought:
    """An old story that was brought home."""

    index: Path
    story: OldStory
    left_out_count: int  # posts that a person asked to leave out
    missing_pictures_count: int  # that could not be had; none where nobody asked for pictures

    @property
    def address(self) -> str:
        """The page's place relative to the recap."""
        return f"{FOLDER}/{self.index.parent.name}/index.html"


def bring_home(
    file: Path,
    campaign: Campaign,
    recap: Path,
    *,
    without: Iterable[str] = (),
    fetch: Fetch | None = None,
) -> Brought:
    """Write the story of Storify's export `file` as a page below the folder of a recap.

    `without` names authors or posts that are left out, as handles or addresses; brought home again, nothing of them stays.
    With `fetch` pictures are kept beside the page and shown; without it the page links to them. Raises ConfigError for a file
    that is no export, StorageError for the disk.
    """
    whole = read_storify(_text(file))
    story = leave_out(whole, without)
    folder = recap / FOLDER / slug_of(story, file)
    try:
        kept = _pictures(story, fetch, folder) if fetch else {}
        shown = {url: picture for url, picture in kept.items() if isinstance(picture, KeptPicture)}
        write_file(folder / "recap.css", [render_page("recap/recap.css", **look(campaign.look.accent, hours=1))])
        edition = editions(campaign.languages)[0]
        page = render_page("recap/earlier.html", edition, story=story, campaign=campaign, pictures=shown)
        write_file(folder / "index.html", [page])
        _remove_others(folder, {file.path for picture in shown.values() for file in picture.files})
    except OSError as error:
        raise StorageError(f"the page cannot be written to {folder}: {error.strerror or error}") from error
    return Brought(
        folder / "index.html",
        story,
        len(whole.posts) - len(story.posts),
        sum(isinstance(one, Refusal) for one in kept.values()),
    )


def leave_out(story: OldStory, without: Iterable[str]) -> OldStory:
    """Return a story without the posts of these authors, or at these addresses."""
    wishes = {wish.strip().rstrip("/").lstrip("@").casefold() for wish in without}

    def stays(block: OldText | OldPost) -> bool:
        return isinstance(block, OldText) or not wishes & {block.handle.casefold(), block.link.rstrip("/").casefold()}

    chapters = (OldChapter(one.heading, tuple(filter(stays, one.blocks))) for one in story.chapters)
    return replace(story, chapters=tuple(chapters))


def slug_of(story: OldStory, file: Path) -> str:
    """Return the name of a story's folder: as its address on Storify ended, else as its title or its file is called."""
    for words in (story.link.rpartition("/")[2], story.title, file.stem):
        plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().casefold()
        if slug := re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60]:
            return slug
    return "story"


def _pictures(story: OldStory, fetch: Fetch, folder: Path) -> Mapping[str, KeptPicture | Refusal]:
    addresses = dict.fromkeys(post.picture for post in story.posts if post.picture)
    data = {url: fetch(url) for url in addresses}
    return {url: one if isinstance(one, Refusal) else keep(one, folder) for url, one in data.items()}


def _remove_others(folder: Path, shown: Container[str]) -> None:
    """Remove the pictures that the page showed before and shows no more."""
    for file in folder.glob("media/*"):
        name = file.relative_to(folder).as_posix()
        if name not in shown and is_of_a_recap(name):
            file.unlink(missing_ok=True)


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(4 * SIZE_LIMIT)
    except OSError as error:
        raise ConfigError(f"it cannot be read: {error.strerror}", file=str(file)) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")  # a page that a browser saved long ago
