"""The pages are served while the worker writes: neither keeps the other waiting."""

from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from factories import campaign, schedule
from shareasm.settings import Settings
from shareasm.storage.engine import open_engine, transaction
from shareasm.storage.schema import upgrade
from shareasm.storage.tables import campaign_states
from shareasm.web.serving import serve
from shareasm.wiring import Plan


@pytest.mark.parametrize("path", ["/", "/healthz"])
def test_a_page_is_served_while_the_worker_holds_the_store(tmp_path: Path, path: str) -> None:
    settings = Settings(f"sqlite:///{tmp_path / 'x.db'}", tmp_path, None, {}, "127.0.0.1", 0)
    engine = open_engine(settings.database_url)
    upgrade(engine)
    plan = Plan(tmp_path, campaign(), schedule(), None)
    with serve(plan, settings, port=0) as address, transaction(engine) as connection:
        connection.execute(sa.insert(campaign_states), {"campaign": "other"})
        assert httpx.get(f"{address}{path[1:]}", timeout=5, trust_env=False).status_code == 200
    engine.dispose()
