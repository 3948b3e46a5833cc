"""Files that only their owner may read: tokens, sign-ins, receipts of trials. Written whole or not at all."""

import os
import stat
from pathlib import Path

from shareasm.errors import ConfigError


def read_secret(file: Path) -> str | None:
    """Return what `file` says, None where there is none. Raises ConfigError where others than its owner may read it."""
    try:
        text = file.read_text(encoding="utf-8")
        _refuse_wide_rights(file.parent, "700")
        _refuse_wide_rights(file, "600")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"{file} cannot be read: {reason}") from error
    return text


def write_secret(file: Path, text: str) -> None:
    """Write `text` so that only this user can read it. Raises OSError; what was there before is then still there."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.parent.chmod(0o700)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)


def _refuse_wide_rights(path: Path, wanted: str) -> None:
    mode = path.stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(
            f"{path} holds a secret, and others than its owner may open it ({mode & 0o777:o}): chmod {wanted} {path}"
        )
