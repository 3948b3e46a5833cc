"""What goes with the words of a post: pictures, a video or a poll. One of them, because no server takes two everywhere."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from shareasm.campaign_files import words
from shareasm.campaign_files.media import captions_below, picture_below, video_below
from shareasm.campaign_files.reading import Field, Row, items_of, row_of, text
from shareasm.campaign_files.tree import Fields
from shareasm.campaign_files.unfinished import warn_unfinished
from shareasm.domain.posts import Network
from shareasm.domain.richtext import grapheme_length
from shareasm.domain.schedules import Picture, Poll, Video

PICTURES_LIMIT = 4
"""Pictures in one post, on both networks (platform facts 2.3, 6.3)."""

OPTIONS_LEAST, OPTIONS_MOST = 2, 4
OPTION_LIMIT = 50  # characters
POLL_SHORTEST, POLL_LONGEST = timedelta(minutes=5), timedelta(days=30)
"""What a Mastodon server takes in a poll (platform facts 2.3)."""

PICTURE_KEYS = ("file", "alt", "credit", "licence", "focus")
_VIDEO_KEYS = ("file", "alt", "captions", "credit", "licence")
_POLL_KEYS = ("options", "open_for", "several")
_ALT_LIMITS = {Network.MASTODON: 1500, Network.BLUESKY: 2000}
_SPAN_CURE = "Write, for example: open_for: 24 h. It may be from 5 min to 30 days."


@dataclass(frozen=True, slots=True)
class Attachments:
    """What one post carries beside its words."""

    pictures: tuple[Picture, ...] = ()
    video: Video | None = None
    poll: Poll | None = None


def read_attachments(row: Row, languages: Sequence[str], networks: frozenset[Network], media: Path) -> Attachments:
    """Return what stands under `media`, `video` and `poll` of a post that is written in `languages` for `networks`."""
    several = [key for key in ("media", "video", "poll") if row.has(key)]
    if len(several) > 1:
        row.findings.error(
            row.place_of(several[1]),
            f"A post has {_PLAIN[several[0]]} or {_PLAIN[several[1]]}, not both: not every server takes them together.",
            "Put one of the two into a part of the “thread”.",
        )
    reader = _Reader(tuple(languages), min((_ALT_LIMITS[network] for network in networks), default=2000), media)
    pictures = (reader.picture(one) for one in row.rows("media", "a picture", PICTURE_KEYS, most=PICTURES_LIMIT))
    return Attachments(
        pictures=tuple(picture for picture in pictures if picture),
        video=reader.video(row.field("video")) if row.has("video") else None,
        poll=reader.poll(row.field("poll")) if row.has("poll") else None,
    )


def read_picture(row: Row, languages: Sequence[str], media: Path) -> Picture | None:
    """Return a picture that goes out with no post; None where something in it is wrong."""
    return _Reader(tuple(languages), min(_ALT_LIMITS.values()), media).picture(row)


_PLAIN = {"media": "pictures", "video": "a video", "poll": "a poll"}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads what goes with one post's words."""

    languages: tuple[str, ...]
    alt_limit: int  # characters
    media: Path

    def picture(self, row: Row) -> Picture | None:
        """Return one picture, or None where something in it is wrong."""
        file = row.need(
            "file", partial(picture_below, folder=self.media), "Name the file in “media”: file: dialogue.jpg."
        )
        alt = self._alt(row, "picture")
        credit, licence = _credit(row), _licence(row)
        focus = row.get("focus", _focus)
        return Picture(file, alt, credit, licence, focus) if file and alt and credit and licence else None

    def video(self, field: Field) -> Video | None:
        """Return the video, or None where something in it is wrong."""
        row = row_of(field, "a video", _VIDEO_KEYS)
        if row is None:
            return None
        file = row.need(
            "file", partial(video_below, folder=self.media), "Name the file in “media”: file: greeting.mp4."
        )
        alt = self._alt(row, "video")
        captions = dict(self._captions(row))
        if not row.has("captions"):
            row.findings.warn(
                row.place,
                "The video has no captions for those who cannot hear it.",
                f"Write: captions: {{{self.languages[0]}: greeting.{self.languages[0]}.vtt}}.",
            )
        credit, licence = _credit(row), _licence(row)
        return Video(file, alt, credit, licence, captions) if file and alt and credit and licence else None

    def _captions(self, row: Row) -> Iterator[tuple[str, str]]:
        if not row.has("captions"):
            return
        field = row.field("captions")
        if not isinstance(field.node, Fields):
            if text(field):
                field.fail("Which language are the captions in?", "Write: captions: {en: greeting.en.vtt}.")
            return
        for key, node in field.node.pairs:
            language = words.language(Field("captions", key, field.findings))
            file = captions_below(Field(key.text, node, field.findings), self.media)
            if language and file:
                yield language, file

    def _alt(self, row: Row, what: str) -> dict[str, str]:
        cure = 'Say in a sentence or two what it shows, for those who cannot see it: alt: "…".'
        if not row.has("alt"):
            row.findings.error(row.place_of("alt"), f"The {what} has no alt text.", cure)
            return {}
        field = row.field("alt")
        if not isinstance(field.node, Fields):
            alt = {"": text(field) or ""}
        else:
            alt = {
                language: said
                for key, node in field.node.pairs
                if (language := words.language(Field("alt", key, field.findings)))
                if (said := text(Field(key.text, node, field.findings)))
            }
            if missing := self._missing(alt):
                field.warn(
                    f"The alt text is missing in {', '.join(missing)}.", "Write it in every language of the slot."
                )
        for said in alt.values():
            warn_unfinished(field, said)
            if len(said) > self.alt_limit:
                field.fail(f"The alt text has {len(said)} characters; {self.alt_limit} is the most.", "Say it shorter.")
        return {language: said for language, said in alt.items() if said}

    def _missing(self, said: Mapping[str, object]) -> list[str]:
        return [language for language in self.languages if language not in said]

    # ---- polls -----------------------------------------------------------------------------------------------------------

    def poll(self, field: Field) -> Poll | None:
        """Return the poll, or None where something in it is wrong."""
        row = row_of(field, "a poll", _POLL_KEYS)
        if row is None:
            return None
        options = self._options(row)
        open_for = row.need("open_for", _open_for, _SPAN_CURE)
        is_multiple = row.get("several", words.yes_or_no)
        return Poll(options, open_for, bool(is_multiple)) if options and open_for else None

    def _options(self, row: Row) -> dict[str, tuple[str, ...]]:
        cure = f"Write from {OPTIONS_LEAST} to {OPTIONS_MOST}: options: [Yes, Not yet, No]."
        if not row.has("options"):
            row.findings.error(row.place, "The poll has no answers to choose from.", cure)
            return {}
        field = row.field("options")
        if not isinstance(field.node, Fields):
            return {"": found} if (found := _answers(row, "options", cure)) else {}
        languages = Row(field.node, "the poll's options", [key.text for key, _ in field.node.pairs], field.findings)
        options = {
            language: found
            for key, _ in field.node.pairs
            if (language := words.language(Field("options", key, field.findings)))
            if (found := _answers(languages, key.text, cure))
        }
        if missing := self._missing(options):
            field.fail(
                f"The poll's answers are missing in {', '.join(missing)}, or wrong there.",
                "Write them in every language of the slot, or one list for all.",
            )
            return {}
        return options


def _answers(row: Row, key: str, cure: str) -> tuple[str, ...]:
    """Return the answers of one list; none where they are too few, too many or too long."""
    found = row.each(key, _answer)
    count = len(items_of(row.field(key))) if row.has(key) else 0
    if not OPTIONS_LEAST <= count <= OPTIONS_MOST:
        row.findings.error(row.place_of(key), f"The poll has {count} answer{'s' * (count != 1)} to choose from.", cure)
    return found if len(found) == count and OPTIONS_LEAST <= count <= OPTIONS_MOST else ()


def _answer(field: Field) -> str | None:
    answer = text(field)
    if answer and (length := grapheme_length(answer)) > OPTION_LIMIT:
        field.fail(f"The answer has {length} characters; {OPTION_LIMIT} is the most.", "Say it shorter.")
        return None
    return answer


def _open_for(field: Field) -> timedelta | None:
    length = words.span(field, _SPAN_CURE)
    if length is not None and not POLL_SHORTEST <= length <= POLL_LONGEST:
        field.fail(f"A poll cannot be open for {text(field)}.", _SPAN_CURE)
        return None
    return length


def _credit(row: Row) -> str | None:
    return row.need("credit", text, "Say who made it: credit: Amina Said.")


def _licence(row: Row) -> str | None:
    return row.need("licence", text, "Say under which terms it may be shown: licence: CC BY 4.0.")


def _focus(field: Field) -> tuple[float, float] | None:
    """Return the point of a picture that stays in view when it is cut: two numbers from -1 to 1, across and up."""
    try:
        x, y = (float(text(item) or "") for item in items_of(field))
    except ValueError:
        x = y = 2.0
    if not (-1 <= x <= 1 and -1 <= y <= 1):
        field.fail(
            "“focus” is not a point in the picture.",
            "Write two numbers from -1 to 1: [0, 0.2] is a little above the middle.",
        )
        return None
    return x, y
