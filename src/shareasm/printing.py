"""A page as PDF, printed by a browser of this machine: its print style is the page's own (A4, nothing to click)."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from shareasm.errors import ConfigError, StorageError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "microsoft-edge")
ENDS_WITHIN_S = 180.0
_SAID_AT_MOST = 400


def print_pdf(page: Path, pdf: Path) -> None:
    """Print `page`, a file that needs no other, to `pdf`. Raises ConfigError where no browser is there or it does not."""
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        raise ConfigError(
            f"no browser is there to print {pdf}: install chromium, or open the page and print it yourself"
        )
    with TemporaryDirectory() as profile:  # nothing of the user's own browser, nothing kept
        fresh = Path(profile) / "page.pdf"
        command = [
            program,
            "--headless",
            "--disable-gpu",
            "--no-sandbox",  # a container's root has none; the page runs no script and asks nobody
            "--no-first-run",
            "--disable-extensions",
            f"--user-data-dir={profile}",
            "--no-pdf-header-footer",
            f"--print-to-pdf={fresh}",
            page.resolve().as_uri(),
        ]
        try:
            ended = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=ENDS_WITHIN_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ConfigError(f"{program} did not print {pdf} within {ENDS_WITHIN_S:.0f} s") from error
        if ended.returncode or not fresh.is_file():
            said = " ".join(ended.stderr.split())[-_SAID_AT_MOST:]
            raise ConfigError(f"{program} did not print {pdf}: {said or 'it said nothing'}")
        try:
            _put(fresh, pdf)
        except OSError as error:
            raise StorageError(f"{pdf} cannot be written: {error.strerror}") from error


def _put(fresh: Path, pdf: Path) -> None:
    """Put a whole file in the place of another: whoever reads that meanwhile reads it to its end."""
    pdf.parent.mkdir(parents=True, exist_ok=True)
    beside = pdf.with_name(f".{pdf.name}.{os.getpid()}")
    try:
        shutil.copyfile(fresh, beside)
        beside.replace(pdf)
    finally:
        beside.unlink(missing_ok=True)
