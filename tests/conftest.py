"""Fixtures that every test may use. The cast: Amina and Bakari post, Chinara asks, IIED runs the day."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of test data."""
    return ROOT / "tests" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The corpora beside a developer's checkout; a clone without them leaves these tests out, saying so."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the corpora in ../shared are not here; tests/data covers the same rules with fewer cases")
    return folder
