"""Every test of the store runs twice: on a SQLite file, and on the PostgreSQL that this test run starts.

The tables are made once per kind, by the migrations as anybody would, and copied for each test.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from postgresql import Cluster, running_cluster
from shareasm.storage.engine import open_engine
from shareasm.storage.schema import upgrade

KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running PostgreSQL without databases."""
    with running_cluster() as running:
        yield running


@pytest.fixture(scope="session")
def postgresql_template(cluster: Cluster) -> Iterator[str]:
    """The name of a database with our tables in it."""
    with cluster.database() as name:
        _migrate(cluster.url(name))
        yield name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with our tables in it."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrate(f"sqlite:///{file}")
    return file


def _migrate(url: str) -> None:
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()


@pytest.fixture(params=KINDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """DATABASE_URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    with cluster.database() as name:
        yield cluster.url(name)


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """DATABASE_URL of a database with our tables and no rows."""
    if request.param == "sqlite":
        file = tmp_path / "shareasm.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    with cluster.database(template=request.getfixturevalue("postgresql_template")) as name:
        yield cluster.url(name)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a database with our tables and no rows."""
    opened = open_engine(database_url)
    yield opened
    opened.dispose()
