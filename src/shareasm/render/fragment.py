"""The story as a fragment for the body of a WordPress post, which its sanitiser leaves as it is.

WordPress reads a post's body on: square brackets call its plugins, a bare address in a paragraph becomes a frame of that
site, a line end a break. Strangers' words must do none of it, so what could is written as entities, and lines end between
blocks only.
"""

import re

from shareasm.domain.colours import palette
from shareasm.domain.recaps import Recap
from shareasm.domain.retelling import retold
from shareasm.render.pages import Edition, editions, render_page

_TAG = re.compile(r'(<(?:"[^"]*"|[^">])*>)')
_LINES_WITHIN = re.compile(r"\s*\n\s*")
_BLOCK = r"/?(?:article|blockquote|details|div|figcaption|figure|h2|li|ol|p|section|summary|ul)\b[^<>]*"
_PRE = re.compile(r"<pre\b.*?</pre>", re.DOTALL)
_IDLE_SPACE = re.compile(rf"(?<=>)\s+(?=<{_BLOCK}>)")


def fragment(recap: Recap, edition: Edition | None = None) -> str:
    """Return the story as HTML for the body of another page, in the campaign's first language or another `edition`'s.

    Its pictures lie where the campaign says that readers open the recap; where it does not, none are shown.
    """
    base = recap.campaign.publication.url
    every = editions(recap.campaign.languages)
    edition = edition or every[0]
    recap = retold(recap, edition.language)
    accent = palette(recap.campaign.look.accent).on_paper
    said = {"recap": recap, "editions": every, "base": base or "", "pictured": base is not None, "accent": accent}
    return settled(render_page("recap/fragment.html", edition, **said))


def left_out_pictures_count(recap: Recap) -> int:
    """Return how many pictures of the story the fragment must leave out, because nobody knows their public address."""
    if recap.campaign.publication.url is not None:
        return 0
    return sum(bool(item.shown.picture_of(media)) for item in recap.told for media in item.post.media)


def settled(html: str) -> str:
    """Return our HTML so that nothing in it means anything to WordPress.

    >>> settled('<p>[gallery]</p>\\n<p>https://video.example/1</p>')
    '<p>&#91;gallery&#93;</p>\\n<p>https:&#47;/video.example/1</p>\\n'
    """
    html = _PRE.sub(lambda found: found[0].replace("\n", "&#10;"), html.strip())
    pieces = _TAG.split(_IDLE_SPACE.sub("\n", html))
    for place, piece in enumerate(pieces):
        pieces[place] = _tag(piece) if place % 2 else _words(piece)
    return "".join(pieces) + "\n"


def _tag(tag: str) -> str:
    inner = tag[1:-1].replace("<", "&lt;").replace(">", "&gt;")
    return f"<{_LINES_WITHIN.sub(' ', _without_brackets(inner))}>"


def _words(words: str) -> str:
    if words.isspace() and "\n" in words:
        return "\n"
    return _without_brackets(_LINES_WITHIN.sub(" ", words)).replace("://", ":&#47;/")


def _without_brackets(text: str) -> str:
    return text.replace("[", "&#91;").replace("]", "&#93;")
