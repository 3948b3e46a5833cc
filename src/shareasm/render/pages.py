"""Pages: a template, a language and what it says become text. Templates query nothing and decide nothing: they say what
`domain.recaps` arranged.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound

from shareasm.domain.colours import NIGHT, PAPER, palette
from shareasm.domain.items import Item
from shareasm.domain.recaps import narrate
from shareasm.domain.whole_day import DayPart, Turn, day_page
from shareasm.errors import ConfigError
from shareasm.render.articles import UNSAID, Articles, Macro, Unsaid
from shareasm.render.catalogues import catalogue_of, languages
from shareasm.render.speech import ENGLISH, Speech, clock, utc
from shareasm.render.words import handle, held, host, iso, name_of, short
from shareasm.resources import template_folder


@dataclass(frozen=True, slots=True)
class Edition:
    """The pages of a recap in one language; all languages lie in one folder and share its pictures.

    The first has the plain names, `index.html` and `day-1.html`; the others `index.fr.html` and `day-1.fr.html`.
    """

    language: str = ENGLISH
    is_first: bool = True
    is_single: bool = False  # everything in one file (render.single): links stay on its one page

    @property
    def index(self) -> str:
        """The page of the story."""
        return self._named("index")

    @property
    def own_name(self) -> str:
        """What the language calls itself, as it begins a line."""
        name = Speech(self.language).language_name(self.language)
        return name[:1].title() + name[1:]

    @property
    def speech(self) -> Speech:
        """How its pages speak."""
        return Speech(self.language, catalogue_of(template_folder(), self.language))

    def part(self, part: DayPart | Turn) -> str:
        """Return the name of one page of the whole day."""
        return self._named(day_page(part.page))

    def place(self, item: Item) -> str:
        """Return where a post stands for ever: in the whole day."""
        return self.place_of(item.page, item.anchor)

    def place_of(self, page: str, anchor: str) -> str:
        """Return where a post stands for ever: on which page of the whole day, under which anchor."""
        return f"#{anchor}" if self.is_single else f"{self._named(day_page(page))}#{anchor}"

    def named(self, name: str, ending: str) -> str:
        """Return what a file of the recap is called in this language."""
        return f"{name}.{ending}" if self.is_first else f"{name}.{self.language}.{ending}"

    def _named(self, name: str) -> str:
        return self.named(name, "html")


def editions(wanted: Sequence[str]) -> tuple[Edition, ...]:
    """Return the editions of a campaign in the languages `wanted`: those that we speak, in its order; English where none."""
    known = languages(template_folder())
    spoken = [language for language in dict.fromkeys(wanted) if language in known] or [ENGLISH]
    return tuple(Edition(language, is_first=language == spoken[0]) for language in spoken)


def render_page(name: str, edition: Edition = Edition(), **context: Any) -> str:
    """Return the page that template `name` makes of `context`."""
    return "".join(pieces(name, context, edition))


def look(accent: str | None, *, hours: int, sheet: str = "") -> dict[str, Any]:
    """Return what the style sheet is filled in with: colours with enough contrast, and the hours that the day has.

    `sheet` is the paper that it prints on, "A4" or "A5"; "" leaves that to whoever prints.
    """
    return {
        "palette": palette(accent),
        "paper": PAPER,
        "night": NIGHT,
        "hours": max(hours, 1),
        "sheet": sheet,
    }


def pieces(name: str, context: dict[str, Any], edition: Edition = Edition()) -> Iterator[str]:
    """Yield the page piece by piece. Raises ConfigError for a template that is missing or does not work."""
    folder = template_folder()
    try:
        yield from _environment(folder, edition).get_template(name).generate(**context)
    except TemplateNotFound as error:
        raise ConfigError(
            f"the template {error.name} is missing from {folder}: install shareasm again, or put the file back"
        ) from error
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise ConfigError(f"the template does not work: {error}", file=f"templates/{name}", line=line) from error


@cache
def _environment(folder: Path, edition: Edition) -> Environment:
    """Return an environment in which templates speak as `edition` does."""
    speech = edition.speech
    environment = _speaking(folder, speech, edition.place)
    article = Articles(partial(_unsaid_article, folder), speech, edition.place_of)
    environment.globals.update(edition=edition, speech=speech, article=article)
    return environment


@cache
def _unsaid_article(folder: Path) -> Macro:
    article: Macro = _speaking(folder, UNSAID, UNSAID.place).get_template("post.html").module.article  # type: ignore[attr-defined]
    return article


def _speaking(folder: Path, speech: Speech | Unsaid, place: Callable[[Item], str]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.newstyle_gettext = True  # type: ignore[attr-defined]  # set by the extension: sentences keep their %(names)s
    environment.globals.update(_=speech.gettext, gettext=speech.gettext, ngettext=speech.ngettext)
    environment.filters.update(
        city=speech.city,
        clock=clock,
        country=speech.country,
        held=held,
        handle=handle,
        host=host,
        instant=speech.instant,
        iso=iso,
        language=speech.language_name,
        listed=speech.listed,
        long_day=speech.long_day,
        name=name_of,
        narrate=narrate,
        network=speech.network,
        number=speech.number,
        percent=speech.percent,
        place=place,
        said=speech.said,
        short=short,
        short_day=speech.short_day,
        utc=utc,
    )
    return environment
