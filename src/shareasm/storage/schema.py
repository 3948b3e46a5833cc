"""Brings a database to the present tables, from empty or from any earlier release (Alembic revisions beside this file)."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection, Engine

from shareasm.errors import StorageError
from shareasm.storage.engine import place, reading, storage_errors

_LOCK = 7_304_411_026  # any fixed number: two processes that start at once migrate one after the other (PostgreSQL)


def upgrade(engine: Engine) -> str:
    """Bring the tables up to date and return the revision they are at. Harmless when they are already.

    Raises StorageError, also for a database that a newer release has brought further than this one knows.
    """
    with reading(engine) as connection:  # most starts find nothing to do, and keep nobody waiting to see that
        revision = _revision(connection)
    if revision == newest_revision():
        return revision
    if revision and revision not in _known_revisions():
        raise StorageError(
            f"{place(engine)} belongs to a newer shareasm (its tables are at {revision}, this release knows "
            f"{newest_revision()}): run that one, or name another database in DATABASE_URL"
        )
    return _migrate(engine)


def _migrate(engine: Engine) -> str:
    with storage_errors(engine), engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if (
            is_sqlite
        ):  # a batch migration drops and renames parents; with foreign keys on that would delete their children
            _pragma(connection, "foreign_keys=OFF")
        try:
            with connection.begin():
                if not is_sqlite:
                    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
                command.upgrade(_config(connection), "head")
                if is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise StorageError(
                        "the new tables do not fit the old rows; nothing was changed. Please report this."
                    )
                revision = _revision(connection)
        finally:
            if is_sqlite:
                _pragma(connection, "foreign_keys=ON")
    return revision


def newest_revision() -> str:
    """Return the revision that this release works on."""
    return ScriptDirectory(str(_folder())).get_current_head() or ""


def _known_revisions() -> set[str]:
    return {script.revision for script in ScriptDirectory(str(_folder())).walk_revisions()}


def _revision(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_folder()))
    config.attributes["connection"] = connection
    return config


def _folder() -> Path:
    return Path(__file__).parent / "migrations"


def _pragma(connection: Connection, setting: str) -> None:
    # On the driver's own connection: through SQLAlchemy a transaction would have begun, where this pragma does nothing.
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(f"PRAGMA {setting}")
