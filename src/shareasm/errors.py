"""The one exception tree. Every error that a person may meet says what happened, where, and what to do.

    ShareasmError
    ├── ConfigError          a file, a setting or an address that a person wrote is wrong
    ├── StorageError         the database or the disk refuses
    └── NetworkError         a network said no, or did not answer
        ├── Unauthorized     the token or password is refused: this account stops until it is mended
        │   └── StayAway     nothing was asked: the server's robots.txt does not want programs that are nobody's account
        ├── RateLimited      not done; ask again at `until`
        ├── Rejected         not done, and asking again will not help
        │   ├── NotThere     404 or 410: what was asked for is not there, or not for us
        │   ├── Occupied     our record key holds another record: never overwrite it
        │   └── Stale        what was uploaded for it is there no more: prepare it anew, then send that
        └── Unreachable      no usable answer; `is_outcome_unknown` says whether it may have been done
            └── LeftAlone    not asked at all: it failed so often that it is given a rest until `until`

Only `networks/*/client.py` raises network errors, always from their cause; only cli, worker and web catch broadly.
"""

from datetime import datetime


class ShareasmError(Exception):
    """Anything that shareasm itself has to say to a person."""


class ConfigError(ShareasmError):
    """A file or setting that a person wrote is wrong; points at the place when there is one."""

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None, column: int | None = None):
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return f"{place}: {self.message}" if place else self.message


class StorageError(ShareasmError):
    """The database or the disk refuses; nothing was half written."""


class NetworkError(ShareasmError):
    """A network said no or did not answer. `server` is its address, `ref` the post or account concerned."""

    def __init__(self, message: str, *, server: str, ref: str | None = None):
        super().__init__(message)
        self.message = message
        self.server = server
        self.ref = ref

    def __str__(self) -> str:
        about = f" ({self.ref})" if self.ref else ""
        cause = f": {_name_cause(self.__cause__)}" if self.__cause__ else ""
        return f"{self.server}{about}: {self.message}{cause}"


def _name_cause(cause: BaseException) -> str:
    """Return what kind of error it was, and the operating system's words where it has some.

    Never a library's own words: they quote headers and answers, and with them tokens, into consoles and the store.
    """
    inner: BaseException | None = cause
    for _ in range(8):  # deeper than any library wraps
        if isinstance(inner, OSError) and isinstance(inner.strerror, str):
            return f"{type(cause).__name__} ({inner.strerror})"
        inner = inner and (inner.__cause__ or inner.__context__)
    return type(cause).__name__


class Unauthorized(NetworkError):
    """The token or password is refused, or lacks the scope. Only this account stops."""


class StayAway(Unauthorized):
    """Nothing was asked: the server's robots.txt asks programs to stay away from what is open to all without sign-in."""


class RateLimited(NetworkError):
    """The request was not executed; the server asks for patience until `until` (aware UTC)."""

    def __init__(self, message: str, *, server: str, until: datetime, ref: str | None = None):
        super().__init__(message, server=server, ref=ref)
        self.until = until


class Rejected(NetworkError):
    """The request was understood and refused for good: the same request will be refused again."""


class NotThere(Rejected):
    """What was asked for is not there, or not for us."""


class Occupied(Rejected):
    """Another record lives at our record key (Bluesky `InvalidSwap`). Somebody else's words are never overwritten."""


class Stale(Rejected):
    """What was prepared cannot be used any more (uploads die after a day, and serve one post): not done; prepare anew.

    Only where no earlier attempt is open: uploads that hang on a post already may hang on ours, so it is looked up first.
    """


class Unreachable(NetworkError):
    """No usable answer. `is_outcome_unknown` is True where the server may have acted before the answer was lost."""

    def __init__(self, message: str, *, server: str, is_outcome_unknown: bool = False, ref: str | None = None):
        super().__init__(message, server=server, ref=ref)
        self.is_outcome_unknown = is_outcome_unknown


class LeftAlone(Unreachable):
    """Nothing was asked: the server failed several times in a row and is left alone until `until` (aware UTC)."""

    def __init__(self, message: str, *, server: str, until: datetime, ref: str | None = None):
        super().__init__(message, server=server, ref=ref)
        self.until = until
