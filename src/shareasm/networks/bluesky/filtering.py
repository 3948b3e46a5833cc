"""Which events of a whole network's stream can matter, told from their bytes. Pure.

No server filters by text: in catching up after an outage hundreds of thousands of posts a second pass here for one that
carries a tag, and to decode an event takes longer than all else that is done with it. So a few searches go over everything
that the socket gave at once, and only an event with something in it is looked at by itself. What cannot matter is refused,
and nothing else: the filter may let through too much, never too little (tests hold it to the slow way).

A post can carry a tag only where it has a # (in its words, or in the type of a facet: `…facet#tag`), a full-width ＃, a hidden
list (`"tags"`), or an escape that may spell one of them. Sources: `translate.read_hashtags`, `domain.richtext.find_hashtags`.
"""

import re
from collections.abc import Iterator, Sequence

from shareasm.domain.richtext import fold_hashtag
from shareasm.networks.bluesky.line import Block

_CREATE = b'"operation":"create"'
_SIGNS_OF_A_TAG = (b'"tags"', "＃".encode(), b"\\u")
"""Beside the #. An event with one of these is rare; each event has a # before its operation, in its own type."""

_ASCII = bytes(range(128))
_FOLDS_TO_ASCII = re.compile(
    rb"\xc2[\xaa\xb2\xb3\xb9\xba\xbc-\xbe]|\xc3|\xc4|\xc5|\xc7|\xc8"  # ª ² ½, Latin letters with accents
    rb"|\xcc|\xcd"  # accents that stand alone
    rb"|\xca[\xb0-\xbf]|\xcb[\x80-\xbf]|\xe1[\xb4-\xb6\xba]"  # modifier and phonetic letters
    rb"|\xe2(?:[\x81\x82\x84\x85\x91-\x93\xb1]|\x86[\x80-\x8f])|\xe3[\x88-\x8b\x8d-\x8f]"  # letters in circles, as signs
    rb"|\xea\x9f|\xef(?:[\xac\xb9\xbc\xbd]|\xb8[\xb3\xb4])"  # ligatures, full-width letters
    rb"|\xf0(?:\x90\x9e|\x9d|\x9f[\x84-\x86\xaf])"  # mathematical and boxed letters
)
"""Matches the UTF-8 of every character whose fold has an ASCII letter, digit or underscore (a test tries all of Unicode)."""
_HIDING_ESCAPE = re.compile(rb"\\u(?!003[ceCE]|0026|202[89])")
"""A JSON escape, but for those with which servers spell < > & and line ends."""


class Filter:
    """Says of events' bytes which of them can lead to anything, for one set of tags."""

    def __init__(self, tags: Sequence[str]) -> None:
        self.names = frozenset(fold_hashtag(tag) for tag in tags) - {""}
        cores = [_ascii_core(name) for name in self.names]
        self._cores = tuple(core.encode() for core in cores) if all(cores) else ()  # a name without one: all with a #

    def events(self, block: Block) -> Iterator[bytes]:
        """Yield the events of `block` that may matter.

        Left out is only the creation of a post that cannot carry any of the tags, however they are spelled.
        """
        data = block.data
        find = data.find
        signs = [len(data), *sorted(_places(data), reverse=True)]
        usual = 0  # how far into an event the operation stands: mostly where it stood in the one before
        for start, end in block.bounds:
            while signs[-1] < start:
                signs.pop()
            at = start + usual
            if data[at : at + len(_CREATE)] != _CREATE:
                at = _creation(data, start, end)
                if at < 0:
                    yield data[start:end]
                    continue
                usual = at - start
            if (signs[-1] < end or find(b"#", at, end) >= 0) and self._may_carry(data[at:end]):
                yield data[start:end]

    def names_a_tag(self, frame: bytes) -> bool:
        """True when a tag stands in the frame in plain letters, wherever that is."""
        lowered = frame.lower()  # ASCII letters only: the rest of the UTF-8 stays what it is
        for core in self._cores:  # noqa: SIM110  a loop is three times as fast as any(), and every post with a # comes by
            if core in lowered:
                return True
        return False

    def _may_carry(self, rest: bytes) -> bool:
        """Return whether the rest of an event, from its operation on, may name one of the tags, in whatever letters."""
        if not self._cores or self.names_a_tag(rest):
            return True
        if not rest.isascii() and _FOLDS_TO_ASCII.search(rest.translate(None, _ASCII)):
            return True
        return b"\\u" in rest and _HIDING_ESCAPE.search(rest) is not None


def _creation(data: bytes, start: int, end: int) -> int:
    """Return where an event says that it is the creation of a post, -1 where it does not.

    Two objects are open by then, the frame and its payload: a record may have a field of that name too.
    """
    at = data.find(_CREATE, start, end)
    return at if at >= 0 and data.count(b"{", start, at) == 2 else -1


def _places(data: bytes) -> Iterator[int]:
    """Yield where in `data` a sign of a tag other than the # stands."""
    for sign in _SIGNS_OF_A_TAG:
        at = data.find(sign)
        while at >= 0:
            yield at
            at = data.find(sign, at + 1)


def _ascii_core(name: str) -> str:
    """Return the longest run of ASCII in `name`, "" where it is too short to tell posts apart."""
    longest = max(re.findall(r"[a-z0-9_]+", name) or [""], key=len)
    return longest if len(longest) >= 3 else ""
