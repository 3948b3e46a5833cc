"""Plain text and addresses of strangers, made harmless: no control characters, no direction marks that reach too far."""

import re
import unicodedata

URL_LIMIT = 4096

# C0 and C1 controls but tab and line feed, surrogates, and the code points that no text may hold.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\ufff9-\ufffb]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_BIDI_OR_LINE_END = re.compile("[\u202a-\u202e\u2066-\u2069\n\u2028\u2029]")
_CLOSES = {"\u202c": "\u202a\u202b", "\u2069": "\u2066\u2067\u2068"}  # PDF ends embeddings, PDI isolates
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0\u034f\u180b"
_OVERRIDES = "\u202d\u202e"


def clean_text(text: str, limit: int) -> str:
    """Return `text` without control characters and with its direction marks in balance, at most `limit` code points.

    Every line end becomes a line feed. A direction isolate or embedding that is not closed in its line is taken out, as
    are all overrides: none can reach the text that follows.
    """
    if text.isprintable():  # most are, and to look takes a fraction of what the searches below take
        return text[:limit]
    return balance(without_controls(text)[:limit])


def without_controls(text: str) -> str:
    """Return `text` without the characters that no text may hold; every line end becomes a line feed where there are any."""
    if _FORBIDDEN.search(text):
        return _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return text


def clean_line(text: str, limit: int) -> str:
    """Return `text` cleaned and on one line: names, titles, labels."""
    return " ".join(clean_text(text[: 4 * limit], 4 * limit).split())[:limit].rstrip()


def is_blank(text: str) -> bool:
    """Return whether nothing of `text` can be seen: spaces, format characters and fillers only."""
    return all(char in _FILLERS or unicodedata.category(char) in {"Zs", "Zl", "Zp", "Cf", "Cc"} for char in text)


def balance(text: str) -> str:
    """Return `text` without the direction marks that are not closed in their line, and without overrides."""
    if not _BIDI.search(text):
        return text
    surplus: list[int] = []
    open_marks: list[int] = []
    for match in _BIDI_OR_LINE_END.finditer(text):
        at, mark = match.start(), match.group()
        if mark in _CLOSES:
            if open_marks and text[open_marks[-1]] in _CLOSES[mark]:
                open_marks.pop()
            else:
                surplus.append(at)
        elif mark in _OVERRIDES:
            surplus.append(at)
        elif _BIDI.match(mark):
            open_marks.append(at)
        else:  # the end of a paragraph closes whatever is open, so nothing that is open has its closer
            surplus += open_marks
            open_marks.clear()
    dropped = {*surplus, *open_marks}
    return "".join(char for at, char in enumerate(text) if at not in dropped)


# ---- addresses -------------------------------------------------------------------------------------------------------

_WEB_URL = re.compile(
    r"""https?://(?P<host>[^\s/?\#@\\<>"'`{}|^%\[\]:]+|\[[0-9a-f:.]+\])(?::\d{1,5})?(?:[/?\#][^\s<>"]*)?""",
    re.IGNORECASE,
)


def safe_url(url: object) -> str | None:
    """Return `url` when it is an http(s) address with a host and without credentials or odd characters, else None.

    Says nothing about where the address leads; `shareasm.strangers` checks that when it connects.
    """
    if not isinstance(url, str) or len(url) > URL_LIMIT:
        return None
    url = url.strip()
    if not url.isprintable() and (_FORBIDDEN.search(url) or _BIDI.search(url)):
        return None
    return url if _WEB_URL.fullmatch(url) else None


def url_host(url: str) -> str:
    """Return the lower-case host of an address that `safe_url` accepted; "" for anything else."""
    match = _WEB_URL.fullmatch(url)
    return match["host"].lower() if match else ""
