"""Every test of the product has a day of its own: a campaign folder, and networks on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from postgresql import Cluster, running_cluster
from product.days import Day, a_day


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    with a_day(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running PostgreSQL without databases."""
    with running_cluster() as running:
        yield running
