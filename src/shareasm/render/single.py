"""The recap as one file that carries everything in itself: style, pictures and the whole day. To mail, to archive, to print."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from markupsafe import escape

from shareasm.domain.recaps import Recap
from shareasm.domain.retelling import retold
from shareasm.domain.whole_day import DayPart
from shareasm.render.pages import Edition, editions, look, render_page

_TYPES = {".webp": "image/webp", ".png": "image/png"}
_PICTURE = re.compile(r'(<img (?:class="[a-z ]+" )?)src="(media/[\w.-]+)"(?: srcset="[^"]*" sizes="[^"]*")?')
"""What our templates write. Strangers' words cannot look like it: in them `<` is always escaped."""

_PLACE = re.compile(r' href="#(p-[0-9a-f]+)"')

_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="[^"]*">')
_STYLE = '<link rel="stylesheet" href="recap.css">'


def single_page(
    recap: Recap,
    pictures: Path,
    *,
    edition: Edition | None = None,
    beside: Mapping[str, str] = MappingProxyType({}),
    sheet: str = "",
) -> str:
    """Return the one page, in the campaign's first language or another `edition`'s.

    `pictures` is the folder that `pictures.keep` filled; a picture that is kept in two sizes comes once, in the larger one.
    `beside` are the same pages in every language, language → name of the file. For a `sheet` of paper, "A4" or "A5", it is the
    story alone: nobody prints a whole day. Raises ConfigError for a template that does not work.
    """
    every = editions(recap.campaign.languages)
    edition = replace(edition or every[0], is_single=True)
    recap = retold(recap, edition.language)
    told = {item.ref for item in recap.told}
    rest = DayPart("", tuple(item for item in recap.items if item.ref not in told) if not sheet else ())
    parts = recap.parts if rest.items else ()
    others = [replace(one, is_single=True) for one in every if one.language in beside]
    said = {"recap": recap, "parts": parts, "editions": others, "beside": beside, "rest": rest if rest.items else None}
    page = render_page("recap/index.html", edition, **said)
    looks = look(recap.campaign.look.accent, hours=len(recap.hours), sheet=sheet)
    style = render_page("recap/recap.css", edition, **looks)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    if sheet:
        page = _led_out(page, recap, replace(edition, is_single=False))
    page = _POLICY.sub(f'<meta http-equiv="Content-Security-Policy" content="{policy}">', page, count=1)
    page = page.replace(_STYLE, f"<style>{style}</style>", 1)
    return _PICTURE.sub(lambda found: f'{found[1]}src="{_as_data(pictures / found[2])}"', page)


def _led_out(page: str, recap: Recap, edition: Edition) -> str:
    """Return a page whose links to posts that do not stand in it lead to the published pages; where there are none, nowhere."""
    base = recap.campaign.publication.url
    there = set(re.findall(r'id="(p-[0-9a-f]+)"', page))
    places = {item.anchor: f"{base}{edition.place(item)}" for item in recap.items if item.anchor not in there}
    return _PLACE.sub(
        lambda found: found[0] if found[1] not in places else f' href="{escape(places[found[1]])}"' if base else "",
        page,
    )


def _as_data(file: Path) -> str:
    return f"data:{_TYPES[file.suffix]};base64,{b64encode(file.read_bytes()).decode()}"
