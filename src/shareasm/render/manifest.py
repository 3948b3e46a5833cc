"""What each page of a recap was made of, kept beside the pages: one that would be the same is not made again."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

import msgspec

import shareasm
from shareasm.render.files import digest_of, write_file
from shareasm.resources import template_folder

MANIFEST = ".recap-manifest"  # hidden: it is not delivered


@dataclass(slots=True)
class Manifest:
    """The pages of one folder: name → what it was made of, and what its bytes were."""

    folder: Path
    before: dict[str, tuple[str, str]]
    now: dict[str, tuple[str, str]] = field(default_factory=dict)

    def write(self, name: str, key: str, pieces: Callable[[], Iterable[str]]) -> bool:
        """Make the page `name` unless it stands there as it would be made; return whether its file changed."""
        file = self.folder / name
        known = self.before.get(name)
        if known and known[0] == key and file.is_file() and digest_of(file).hex() == known[1]:
            self.now[name] = known
            return False
        is_changed = write_file(file, pieces())
        self.now[name] = key, digest_of(file).hex()
        return is_changed

    def keep(self) -> None:
        """Write down what was made, for the next time."""
        write_file(self.folder / MANIFEST, [json.dumps(self.now, indent=0, sort_keys=True)])


def read_manifest(folder: Path) -> Manifest:
    """Return what is known of the pages in `folder`; nothing where it is not known, or cannot be read."""
    try:
        known = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=dict[str, tuple[str, str]])
    except (OSError, msgspec.MsgspecError):
        known = {}
    return Manifest(folder, known)


@cache
def program() -> str:
    """Return a digest of what turns a recap into pages: our code, the templates, the libraries that say dates and fill in."""
    code = Path(shareasm.__file__).parent
    files = [*(code / "render").glob("*.py"), *(code / "domain").rglob("*.py"), *template_folder().rglob("*.*")]
    digest = blake2b(f"{version('babel')} {version('jinja2')}".encode(), digest_size=16)
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()
