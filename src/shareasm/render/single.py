"""The recap as one file that carries everything in itself: style, pictures and the whole day. To mail, to archive, to print."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from shareasm.domain.recaps import Recap
from shareasm.domain.whole_day import DayPart
from shareasm.errors import StorageError
from shareasm.render.files import write_file
from shareasm.render.pages import editions, look, render_page

_TYPES = {".webp": "image/webp", ".png": "image/png"}
_PICTURE = re.compile(r'(<img (?:class="[a-z]+" )?)src="(media/[\w.-]+)"(?: srcset="[^"]*" sizes="[^"]*")?')
"""What our templates write. Strangers' words cannot look like it: in them `<` is always escaped."""

_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="[^"]*">')
_STYLE = '<link rel="stylesheet" href="recap.css">'


def write_single(recap: Recap, file: Path, pictures: Path, *, with_whole_day: bool = True) -> bool:
    """Write `recap` as one file, in the campaign's first language; return whether it differs from what was there.

    `pictures` is the folder that `pictures.keep` filled. Without the whole day it is the story alone, as for paper. Raises
    ConfigError for a template that does not work, StorageError when the disk refuses.
    """
    try:
        return write_file(file, [single_page(recap, pictures, with_whole_day=with_whole_day)])
    except OSError as error:
        raise StorageError(f"the recap cannot be written to {file}: {error.strerror or error}") from error


def single_page(recap: Recap, pictures: Path, *, with_whole_day: bool = True) -> str:
    """Return the one page. A picture that is kept twice in two sizes comes once, in the larger one."""
    edition = replace(editions(recap.campaign.languages)[0], is_single=True)
    told = {item.ref for item in recap.told}
    rest = DayPart("", tuple(item for item in recap.items if item.ref not in told) if with_whole_day else ())
    parts = recap.parts if rest.items else ()
    said = {"recap": recap, "parts": parts, "editions": (edition,), "rest": rest if rest.items else None}
    page = render_page("recap/index.html", edition, **said)
    style = render_page("recap/recap.css", edition, **look(recap.campaign.look.accent, hours=len(recap.hours)))
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    page = _POLICY.sub(f'<meta http-equiv="Content-Security-Policy" content="{policy}">', page, count=1)
    page = page.replace(_STYLE, f"<style>{style}</style>", 1)
    return _PICTURE.sub(lambda found: f'{found[1]}src="{_as_data(pictures / found[2])}"', page)


def _as_data(file: Path) -> str:
    return f"data:{_TYPES[file.suffix]};base64,{b64encode(file.read_bytes()).decode()}"
