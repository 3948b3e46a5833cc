"""Every test of the product has a day of its own: a campaign folder, and networks on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from product.days import Day, a_day


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    with a_day(tmp_path) as made:
        yield made
