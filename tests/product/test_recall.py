"""What is said under the tag is found, all of it and nothing else, whatever goes wrong meanwhile."""

from pathlib import Path

import pytest

from product.recall import Case, a_recall_day

pytestmark = pytest.mark.product


def test_all_that_is_shown_is_stored_once_and_nothing_else(tmp_path: Path) -> None:
    with a_recall_day(Case(size=1000, seed=1), tmp_path) as day:
        outcome = day.live_through()
        assert outcome.is_perfect, f"{outcome}\n{day.said[-1]}"
