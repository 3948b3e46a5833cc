"""Init: the files of a new campaign, which pass `check` as they are; or of a new edition of an old one."""

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from shareasm.campaign_files import Loaded, Severity, load_campaign
from shareasm.domain.campaigns import Campaign, EarlierEdition
from shareasm.domain.schedules import Schedule, Slot
from shareasm.errors import ConfigError
from shareasm.resources import template_folder

LEAD_TIME = timedelta(days=30)
"""How far ahead the day of a new campaign is, when nothing is said."""

_STARTER_SLOTS = {"welcome", "question-hour", "thanks"}  # those that templates/campaign/schedule.yaml writes
_CARRIED = (
    "zone",
    "window",
    "languages",
    "host",
    "contact",
    "policy",
    "about",
    "moderation",
    "blocked",
    "accounts",
    "collect",
    "partners",
    "look",
)
_KEY_LINE = re.compile(r"([a-z_]+):")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person said about the new campaign; None and nothing where the default will do."""

    name: str | None = None
    hashtag: str | None = None  # without #
    on: date | None = None
    zone: str | None = None
    languages: tuple[str, ...] = ()


def init(folder: Path, wishes: Wishes, now: datetime, from_campaign: Path | None = None) -> tuple[Path, ...]:
    """Write a new campaign into `folder` and return its files. Raises ConfigError, and writes nothing, where it cannot be.

    With `from_campaign` the accounts, partners, look and so on of that campaign are carried over, with their comments.
    """
    files = _new_edition(folder, wishes, now, from_campaign) if from_campaign else _starter(folder, wishes, now)
    _try_out(folder.name, files)
    for name in files:
        if (folder / name).exists():
            raise ConfigError(f"{folder / name} is there already, and nothing is overwritten. Choose another folder.")
    written = []
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(content)
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
        written.append(path)
    return tuple(written)


def _try_out(slug: str, files: Mapping[str, bytes]) -> None:
    """Raise ConfigError where `files` would not pass a check: an option has a value that no plan may have."""
    with TemporaryDirectory() as place:
        folder = Path(place) / slug
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        loaded = load_campaign(folder)
    wrong = [finding for finding in loaded.findings if finding.severity is Severity.ERROR]
    if wrong:
        raise ConfigError(f"{wrong[0].message} {wrong[0].cure}")


# ---- from nothing ------------------------------------------------------------------------------------------------------


def _starter(folder: Path, wishes: Wishes, now: datetime) -> dict[str, bytes]:
    slug = folder.resolve().name
    hashtag = (wishes.hashtag or _tag_of(slug)).removeprefix("#")
    values = {
        "folder": quote(str(folder)),
        "name": wishes.name or slug.replace("-", " ").replace("_", " ").strip().capitalize() or "Our digital day",
        "hashtag": hashtag,
        "on": wishes.on or (now + LEAD_TIME).date(),
        "zone": wishes.zone or "UTC",
        "languages": wishes.languages or ("en",),
        "accounts": ("our-bluesky", "our-mastodon"),
        "skeletons": (),
    }
    names = ("campaign.yaml", "schedule.yaml", "story.yaml")
    return {**{name: _render(name, values) for name in names}, "media/welcome.png": _picture(hashtag)}


def _tag_of(slug: str) -> str:
    """Return a hashtag made of a folder's name: my-day → MyDay. Capitals let screen readers tell the words apart."""
    words = re.findall(r"[A-Za-z0-9]+", slug)
    tag = "".join(word if word != word.lower() else word.capitalize() for word in words)
    return tag if re.match(r"[A-Za-z]", tag) else f"Day{tag}"


def _render(name: str, values: Mapping[str, object]) -> bytes:
    # Imported here: `check` and `--help` should not pay for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateNotFound

    environment = Environment(
        loader=FileSystemLoader(template_folder() / "campaign"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  YAML, not HTML; values that need it are quoted
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = _quoted
    try:
        return environment.get_template(name).render(values).encode()
    except TemplateNotFound as error:
        raise ConfigError(
            f"The template {name} is missing in {template_folder() / 'campaign'}: install shareasm anew."
        ) from error


def _quoted(words: str) -> str:
    """Return `words` in the double quotes of YAML, whose escapes are those of JSON."""
    return json.dumps(words, ensure_ascii=False)


def _picture(hashtag: str) -> bytes:
    """Return a PNG with the tag in large letters, so that a new campaign has a picture to try."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (1200, 675), "#f4ecdf")
    draw = ImageDraw.Draw(image)
    for row, colour in enumerate(("#8a4b08", "#c98a2b", "#4f6d5a", "#2d3f4a")):
        draw.rectangle((0, 535 + 35 * row, 1200, 570 + 35 * row), fill=colour)
    words = f"#{hashtag}"
    size = min(150, int(1900 / max(len(words), 1)))
    draw.text((600, 270), words, fill="#3b2208", font=ImageFont.load_default(size), anchor="mm")
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


# ---- from an old one ---------------------------------------------------------------------------------------------------


def _new_edition(folder: Path, wishes: Wishes, now: datetime, old_folder: Path) -> dict[str, bytes]:
    loaded = load_campaign(old_folder)
    if loaded.campaign is None or loaded.schedule is None:
        raise ConfigError(
            f"The campaign in {old_folder} has mistakes: mend what `shareasm check {quote(str(old_folder))}` names first."
        )
    old = loaded.campaign
    on = wishes.on or _next_date(old.on, now)
    wishes = replace(wishes, name=wishes.name or old.name.replace(str(old.on.year), str(on.year)))
    blocks = dict(_top_blocks((old_folder / "campaign.yaml").read_bytes().decode("utf-8-sig")))
    blocks |= _wished_blocks(wishes)
    if re.search(r"\d{4}-\d", blocks.get("window", "")):
        del blocks["window"]  # it names last time's dates
    languages = wishes.languages or old.languages
    hashtag = wishes.hashtag or old.hashtags[0].replace(str(old.on.year), str(on.year))
    values = {
        "folder": quote(str(folder)),
        "before": old.name,
        "name": wishes.name,
        "hashtag": hashtag,
        "hashtags": f"hashtags: [{hashtag}]"
        if wishes.hashtag
        else blocks["hashtags"].strip().replace(str(old.on.year), str(on.year)),
        "on": on,
        "blocks": "".join(blocks[key] for key in blocks if key in _CARRIED).strip("\n"),
        "earlier": _earlier(old),
        "languages": languages,
        "accounts": [account.id for account in old.accounts],
        "skeletons": tuple(_skeletons(loaded.schedule, old.zone)),
    }
    files = {
        "campaign.yaml": _render("carried.yaml", values),
        "schedule.yaml": _render("schedule.yaml", values),
        "story.yaml": _render("story.yaml", values),
        "media/welcome.png": _picture(hashtag),
    }
    return files | _logo(loaded)


def _next_date(on: date, now: datetime) -> date:
    """Return the same date of the first later year that is still to come; 29 February becomes the 28th."""
    year = on.year + 1
    while True:
        following = on.replace(year=year, day=28) if (on.month, on.day) == (2, 29) else on.replace(year=year)
        if following > now.astimezone(UTC).date():
            return following
        year += 1


def _top_blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield (key, lines) of a YAML file's outermost keys as they stand there, each with the comments above it.

    The comment at the head of the file belongs to the file, not to its first key.
    """
    key = ""
    own: list[str] = []  # the lines of `key`
    waiting: list[str] = []  # comments and empty lines: they belong to what comes next
    for line in text.replace("\r\n", "\n").splitlines(keepends=True):
        found = _KEY_LINE.match(line)
        if found:
            if key:
                yield key, "".join(own)
            key, own, waiting = found[1], [*(waiting if key else []), line], []
        elif not line.strip() or line.startswith("#"):
            waiting.append(line)
        else:
            own, waiting = [*own, *waiting, line], []
    yield key, "".join(own)


def _wished_blocks(wishes: Wishes) -> dict[str, str]:
    blocks = {}
    if wishes.zone:
        blocks["zone"] = f"zone: {wishes.zone}\n"
    if wishes.languages:
        blocks["languages"] = f"languages: [{', '.join(wishes.languages)}]\n"
    return blocks


def _earlier(old: Campaign) -> str:
    """Return the block of earlier editions, with the one that was last at its head."""
    editions = (EarlierEdition(old.name, old.on.year), *old.earlier)
    return "\n".join(("earlier:", *(_earlier_line(edition) for edition in editions)))


def _earlier_line(edition: EarlierEdition) -> str:
    url = f", url: {_quoted(edition.url)}" if edition.url else ""
    return f"  - {{title: {_quoted(edition.title)}, year: {edition.year}{url}}}"


def _skeletons(schedule: Schedule, zone: ZoneInfo) -> Iterator[dict[str, object]]:
    """Yield last time's slots without their words, in the order of the clock."""
    for slot in schedule.slots:
        if slot.id not in _STARTER_SLOTS:
            yield {
                "id": slot.id,
                "at": _at(slot, zone),
                "kind": slot.kind,
                "theme": slot.theme,
                "partner": slot.partner,
                "languages": slot.languages,
            }


def _at(slot: Slot, zone: ZoneInfo) -> str:
    """Return a slot's time as its team would write it in a campaign on the clock of `zone`."""
    if slot.own_dues:
        return f"{slot.due_at.astimezone(ZoneInfo(slot.zone)):%H:%M} in each partner's zone"
    return f"{slot.due_at.astimezone(zone):%H:%M}"


def _logo(loaded: Loaded) -> dict[str, bytes]:
    logo = loaded.campaign.look.logo if loaded.campaign else None
    return {logo: (loaded.folder / logo).read_bytes()} if logo else {}
