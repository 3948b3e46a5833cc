"""Runs the program on a SQLite file that cannot grow: SQLite is told that the disk ends where the file ends now."""

import sqlite3
import sys
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from shareasm.cli import main


@event.listens_for(Engine, "connect")
def full(connection: sqlite3.Connection, _record: Any) -> None:
    """Leave no page to spare, whatever was freed since."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")


main(sys.argv[1:], prog_name="shareasm")
