"""What looks like a secret. A plan is shared, printed and kept in version control, so it must never hold one."""

import re

_KEY = re.compile(
    r"pass(word|wd|phrase)?|.*(password|secret|token|api[_-]?key|credential|private[_-]?key).*", re.IGNORECASE
)
_APP_PASSWORD = re.compile(r"(?<![\w./-])[a-z2-7]{4}(?:-[a-z2-7]{4}){3}(?![\w/-])")  # Bluesky's, base32
_KNOWN_SHAPES = re.compile(
    r"\bBearer\s+[\w.~+/-]{16,}"
    r"|\beyJ[\w-]{10,}\.[\w-]{10,}"  # a JSON web token
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b(?:gh[pousr]_|github_pat_|glpat-|xox[abp]-|sk-)\w{16,}"
    r"|\b[a-z][a-z0-9+.-]*://[^\s/@:]+:[^\s/@]+@"  # a password inside an address
)
_LONG_WORD = re.compile(r"(?<![\w/.=&?%@#-])[\w-]{40,128}(?![\w/.@-])")  # Mastodon's access tokens have 43 letters


def is_secret_key(key: str) -> bool:
    """Return whether a value under this key would be a secret: `password`, `app_password`, `access-token`, …"""
    return _KEY.fullmatch(key.strip()) is not None


def has_secret(text: str) -> bool:
    """Return whether `text` holds what looks like an app password, an access token or a key."""
    if _KNOWN_SHAPES.search(text):
        return True
    if any(match[0] == text.strip() or re.search(r"\d", match[0]) for match in _APP_PASSWORD.finditer(text)):
        return True
    return any(_looks_random(match[0]) for match in _LONG_WORD.finditer(text))


def _looks_random(word: str) -> bool:
    """Return whether a long word mixes digits, small and capital letters as no word of a language does."""
    digits = sum(letter.isdigit() for letter in word)
    return digits >= 3 and word != word.lower() and word != word.upper() and word.isascii()
