"""The database opens, migrates, keeps instants, and says in a sentence what is wrong with it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import Engine

from shareasm.errors import ConfigError, StorageError
from shareasm.storage.engine import open_engine, reading, transaction
from shareasm.storage.schema import newest_revision, upgrade
from shareasm.storage.tables import metadata, source_states


def test_the_migrations_make_exactly_the_tables_of_this_release(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == newest_revision()


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    assert upgrade(engine) == newest_revision()


def test_a_table_without_rowid_is_made_so_by_the_migrations(tmp_path: Path) -> None:
    migrated, declared = open_engine(f"sqlite:///{tmp_path / 'a.db'}"), open_engine(f"sqlite:///{tmp_path / 'b.db'}")
    upgrade(migrated)
    metadata.create_all(declared)
    ours = sa.text("SELECT name FROM pragma_table_list WHERE wr = 1 ORDER BY name")
    with migrated.connect() as left, declared.connect() as right:
        assert left.execute(ours).all() == right.execute(ours).all() != []
    migrated.dispose()
    declared.dispose()


def test_an_instant_comes_back_in_utc_whatever_its_offset_was(engine: Engine) -> None:
    written = datetime(2027, 2, 3, 12, tzinfo=timezone(timedelta(hours=3)))
    row = {"campaign": "c", "source": "s", "last_ok_at": written, "failure_count": 0}
    with transaction(engine) as connection:
        connection.execute(source_states.insert(), row)
        query = sa.select(source_states.c.last_ok_at).where(source_states.c.last_ok_at == written.astimezone(UTC))
        read = connection.execute(query).scalar_one()
    assert read == written
    assert read.utcoffset() == timedelta(0)


def test_a_naive_datetime_is_refused(engine: Engine) -> None:
    row = {"campaign": "c", "source": "s", "last_ok_at": datetime(2027, 2, 3), "failure_count": 0}  # noqa: DTZ001
    with pytest.raises(StorageError, match="naive"), transaction(engine) as connection:
        connection.execute(source_states.insert(), row)


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    row = {"campaign": "c", "source": "s", "failure_count": 0}
    with pytest.raises(RuntimeError), transaction(engine) as connection:
        connection.execute(source_states.insert(), row)
        raise RuntimeError
    with transaction(engine) as connection:
        assert connection.execute(sa.select(source_states)).all() == []


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://localhost/x", "http://localhost/x", "oracle://x", "postgresql+nothing://x/y"]
)
def test_an_address_that_is_no_database_of_ours_is_a_config_error_that_names_the_setting(url: str) -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL"):
        open_engine(url)


def test_the_address_that_platforms_still_hand_out_is_understood() -> None:
    engine = open_engine("postgres://u:secret@host.example/name")
    assert engine.url.get_backend_name() == "postgresql"
    engine.dispose()


def test_a_server_that_is_not_there_is_one_sentence_without_the_password() -> None:
    engine = open_engine("postgresql://u:secret@127.0.0.1:1/name")
    with pytest.raises(StorageError) as caught:
        upgrade(engine)
    assert "nothing answers there" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is a letter, not a database " * 100)
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(StorageError, match="not a SQLite database"):
        upgrade(engine)
    engine.dispose()


def test_a_database_without_tables_says_what_to_run(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(StorageError, match="shareasm db upgrade"), transaction(engine) as connection:
        connection.execute(sa.select(source_states))
    engine.dispose()


def test_a_full_disk_is_said_to_be_full_and_goes_on_when_there_is_space(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    rows = [{"campaign": "c", "source": f"{n}", "failure_count": 0, "note": "x" * 5000} for n in range(100)]
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with pytest.raises(StorageError, match="the disk is full"), transaction(engine) as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")  # what SQLite meets when the disk is full
        connection.execute(source_states.insert(), rows)
    with transaction(engine) as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1073741823")
        connection.execute(source_states.insert(), rows)
    engine.dispose()


def test_a_reader_keeps_no_writer_waiting_and_sees_one_moment(engine: Engine, database_url: str) -> None:
    row = {"campaign": "c", "source": "s", "failure_count": 0}
    count = sa.select(sa.func.count()).select_from(source_states)
    other = open_engine(database_url)
    with reading(engine) as reader:
        assert reader.execute(count).scalar_one() == 0
        with transaction(other) as writer:  # would wait ten seconds, and fail
            writer.execute(source_states.insert(), row)
        if engine.dialect.name == "sqlite":
            assert reader.execute(count).scalar_one() == 0
    with reading(engine) as reader:
        assert reader.execute(count).scalar_one() == 1
    other.dispose()


def test_threads_of_one_process_write_one_after_the_other_and_never_wait_for_the_file(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    upgrade(engine)
    engine.dispose()
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 0"))
    all_there = threading.Barrier(4)

    def write(number: int) -> None:
        all_there.wait(10)
        for each in range(10):
            with transaction(engine) as connection:
                row = {"campaign": "c", "source": f"{number} {each}", "failure_count": 0}
                connection.execute(source_states.insert(), row)

    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(write, range(4)))) == 4
    engine.dispose()


def test_a_reader_does_not_wait_for_a_writer(engine: Engine, database_url: str) -> None:
    other = open_engine(database_url)
    with transaction(other) as writer:
        writer.execute(source_states.insert(), {"campaign": "c", "source": "s", "failure_count": 0})
        with reading(engine) as reader:
            assert reader.execute(sa.select(source_states)).all() == []
    other.dispose()


def test_a_database_that_is_up_to_date_is_opened_while_another_writes(engine: Engine, database_url: str) -> None:
    other = open_engine(database_url)
    with transaction(other) as writer:
        writer.execute(source_states.insert(), {"campaign": "c", "source": "s", "failure_count": 0})
        assert upgrade(engine) == newest_revision()
    other.dispose()


def test_a_database_of_a_newer_release_is_said_to_be_one(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="belongs to a newer shareasm"):
        upgrade(engine)


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg2", "pg8000"])
def test_a_driver_that_is_not_ours_is_a_config_error_with_the_cure(driver: str) -> None:
    with pytest.raises(ConfigError, match=rf"driver {driver}.*write postgresql://"):
        open_engine(f"postgresql+{driver}://u:secret@host.example/name")
