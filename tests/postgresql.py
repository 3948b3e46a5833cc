"""A PostgreSQL for the length of a test run: its own cluster in a temporary folder, on a Unix socket, gone at the end."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

_FAST = {  # nobody needs these databases after a power cut
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "jit": "off",
    "listen_addresses": "",
    "max_connections": "50",
    "shared_buffers": "32MB",
    "synchronous_commit": "off",
}


@dataclass(frozen=True)
class Cluster:
    """A running PostgreSQL. `folder` holds its socket."""

    folder: Path
    user: str
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Make an empty database, or a copy of the database `template`; give its name; drop it at the end."""
        name = f"test_{next(self._numbers)}"
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield name
        finally:
            self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def url(self, database: str) -> str:
        """Return what DATABASE_URL would say."""
        return f"postgresql://{self.user}@/{database}?host={self.folder}"

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(dbname="postgres", user=self.user, host=str(self.folder), autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Start this machine's PostgreSQL. It ends with the tests, however they end."""
    programs = _programs()
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="shareasm-pg-", dir="/tmp"))  # short: a socket's path has at most 107 bytes
    cluster = Cluster(folder, account.pw_name)
    try:
        os.chown(folder, account.pw_uid, account.pw_gid)
        as_account = _becoming(account)
        initdb = [*as_account, programs / "initdb", "--pgdata", folder / "data", "--username", account.pw_name]
        options = ["--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C.UTF-8"]
        made = subprocess.run([*initdb, *options], capture_output=True, text=True, cwd=folder, check=False)
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr.strip()}")
        settings = [part for name, value in _FAST.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [*as_account, programs / "postgres", "-D", folder / "data", "-k", folder, *settings],
                stdout=log,
                stderr=log,
                cwd=folder,
            )
        try:
            _wait_for(cluster, server)
            yield cluster
        finally:
            server.send_signal(signal.SIGINT)  # the fast shutdown
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """Return the folder of initdb and postgres. Debian keeps them off the PATH, one folder a version."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not folders:
        raise RuntimeError("these tests need PostgreSQL's server programs: apt-get install postgresql")
    return folders[-1].parent


def _account() -> pwd.struct_passwd:
    """Return who runs it: us, or an unprivileged account where we are root, as which PostgreSQL refuses to run."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    known = {account.pw_name: account for account in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def _becoming(account: pwd.struct_passwd) -> list[str]:
    """Return the words before a command that run it as `account`, and end it with us even if we are killed."""
    words = ["setpriv", "--pdeathsig", "INT"]
    if account.pw_uid != os.getuid():
        words += ["--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), "--clear-groups"]
    return [*words, "--"]


def _wait_for(cluster: Cluster, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(dbname="postgres", user=cluster.user, host=str(cluster.folder)).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(
                    f"PostgreSQL did not start: {(cluster.folder / 'log').read_text()[-2000:]}"
                ) from None
            time.sleep(0.05)
        else:
            return
