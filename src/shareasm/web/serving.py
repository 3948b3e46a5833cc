"""Serves the web pages in a thread, and fills in what they ask: the place where pages and store meet."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import uvicorn
from sqlalchemy import text
from sqlalchemy.engine import Engine

from shareasm import recap, wiring
from shareasm.clock import SystemClock
from shareasm.errors import ConfigError, StorageError
from shareasm.settings import Settings
from shareasm.storage import days
from shareasm.storage.engine import open_engine, reading
from shareasm.web.app import NEWEST_SHOWN, Questions, make_app
from shareasm.wiring import Plan

GRACE_S = 1  # for answers under way when the process stops


@contextmanager
def serve(plan: Plan, settings: Settings, *, port: int) -> Iterator[str]:
    """Serve the pages of a campaign and yield their address; 0 takes any free port. Raises ConfigError for a taken one."""
    engine = open_engine(settings.database_url)
    listening = _listen(settings.host, port)
    app = make_app(_questions(plan, settings, engine), settings.data / "recaps")
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=GRACE_S))
    thread = threading.Thread(target=server.run, args=([listening],), name="web", daemon=True)
    thread.start()
    try:
        yield f"http://{settings.host}:{listening.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(GRACE_S + 0.5)
        engine.dispose()


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # before the address is told: the server itself begins a moment later
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"the web pages cannot listen on {host}:{port}: {error.strerror}. Choose another with --port or PORT"
        ) from error
    return listening


def _questions(plan: Plan, settings: Settings, engine: Engine) -> Questions:
    clock = SystemClock()
    materials = wiring.materials(plan, engine, settings, wiring.World(clock))
    return Questions(
        campaign=plan.campaign,
        so_far=lambda: recap.facts_so_far(materials, NEWEST_SHOWN),
        is_database_reachable=lambda: _is_reachable(engine),
        worker_seen_at=lambda: _worker_seen_at(engine, plan.campaign.slug),
        now=clock.now,
    )


def _is_reachable(engine: Engine) -> bool:
    try:
        with reading(engine) as connection:
            connection.execute(text("SELECT 1"))
    except StorageError:
        return False
    return True


def _worker_seen_at(engine: Engine, campaign: str) -> datetime | None:
    with reading(engine) as connection:
        return days.state(connection, campaign).heartbeat_at
