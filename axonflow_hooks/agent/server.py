"""Starts the agent in the foreground and ends it cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Final

import uvicorn
from filelock import FileLock, Timeout

from axonflow_hooks import __version__
from axonflow_hooks.account.local_agent import ensure_credential
from axonflow_hooks.agent.access import loopback_access
from axonflow_hooks.agent.app import build_app
from axonflow_hooks.agent.errors import StartupError
from axonflow_hooks.agent.faults import log_to_stderr
from axonflow_hooks.agent.mcp.sessions import Sessions
from axonflow_hooks.agent.runtime import Agent
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.writer import Writer
from axonflow_hooks.errors import AxonFlowError, CredentialError
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.policy import load_engine
from axonflow_hooks.private_files import PRIVATE_FILE_MODE, make_private_dir
from axonflow_hooks.settings import is_loopback_url, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import FrameType

    from axonflow_hooks.paths import Paths
    from axonflow_hooks.policy import Engine

LOCK_NAME: Final = "agent.lock"
KEEP_ALIVE_S: Final = 120
"""Longer than clients keep idle connections, so that it is they who close them and never in the middle of a call."""

SHUTDOWN_S: Final = 5
_SETTINGS: Final = ("PII_ACTION", "AXONFLOW_INTEGRATIONS")
"""The settings that are the agent's; where clients find it, and as whom they call, is not its business."""


def serve(*, host: str, port: int, data_dir: Path | None, environ: Mapping[str, str]) -> int:
    """Run the agent until SIGINT or SIGTERM, and give the exit status: 0, or 1 when it could not start.

    `host` must be a loopback address or `localhost`; `port` 0 takes a free one. `data_dir` defaults to the user's data
    folder. Once it accepts requests it says so in one line on stderr; why it cannot start is said there too.
    """
    log_to_stderr()
    try:
        with _signals() as stopping, contextlib.ExitStack() as stack:
            _run(stack, stopping, host, port, data_dir, environ)
    except (AxonFlowError, OSError) as error:
        _say(f"[AxonFlow] The agent cannot start: {error}")
        return 1
    return 0


def _run(
    stack: contextlib.ExitStack,
    stopping: list[int],
    host: str,
    port: int,
    data_dir: Path | None,
    environ: Mapping[str, str],
) -> None:
    started = time.perf_counter()
    _check_host(host)
    paths = resolve_paths(environ)
    folder = data_dir or paths.agent_data_dir
    stack.callback(_lock(folder).release)
    sockets = _bind(host, port)
    for bound in sockets:
        stack.callback(bound.close)
    url_host = f"[{host}]" if ":" in host else host
    endpoint = f"http://{url_host}:{sockets[0].getsockname()[1]}"
    agent = _start(stack, folder, paths, endpoint, environ)
    if stopping:
        return

    async def announce() -> None:
        if announced:
            return
        announced.append(True)
        server.should_exit = bool(stopping)  # a signal that came before uvicorn listened for them
        milliseconds = (time.perf_counter() - started) * 1000
        details = f"{len(agent.engine.policies)} policies, data in {folder}, ready in {milliseconds:.0f} ms"
        _say(f"AxonFlow agent {__version__} listening on {endpoint} ({details})")

    announced: list[bool] = []
    config = uvicorn.Config(
        build_app(agent),
        http="h11",
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
        callback_notify=announce,  # first called when the server accepts
    )
    server = uvicorn.Server(config)
    asyncio.run(server.serve(sockets=sockets))


def _start(stack: contextlib.ExitStack, folder: Path, paths: Paths, endpoint: str, environ: Mapping[str, str]) -> Agent:
    settings = load_settings({name: environ[name] for name in _SETTINGS if name in environ}, paths)
    engine = load_engine(pii_action=settings.pii_action)
    _warm(engine)
    database = open_database(folder)
    stack.callback(database.close)
    host, _, port = endpoint.removeprefix("http://").rpartition(":")
    access = loopback_access(host, int(port), *ensure_credential(paths, endpoint))
    writer = Writer(database.engine)
    stack.callback(writer.close)
    return Agent(
        engine=engine,
        database=database,
        writer=writer,
        access=access,
        sessions=Sessions(),
        integrations=settings.integrations,
    )


def _warm(engine: Engine) -> None:
    """Evaluate something of each kind, so that the first call of a session does not pay for automata and parsers."""
    for connector_type in ("claude_code.Bash", "claude_code.Write", "claude_code.mcp__server__tool", "gateway"):
        engine.evaluate("query: ls -la | grep 1 > 'x'", phase="request", connector_type=connector_type)
    engine.evaluate("total 0", phase="response", connector_type="gateway")


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Note SIGINT and SIGTERM instead of dying of them: uvicorn hears of them too and ends by itself."""
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _check_host(host: str) -> None:
    if not is_loopback_url(f"http://[{host}]" if ":" in host else f"http://{host}"):
        raise StartupError(
            f"The agent listens on this machine only, not on {host!r}.", remedy="Use --host 127.0.0.1 (or ::1)."
        )


def _lock(folder: Path) -> FileLock:
    """Hold the data folder: it exists, is private, and no other agent uses it."""
    try:
        make_private_dir(folder)
        _check_folder(folder)
        lock = FileLock(folder / LOCK_NAME, mode=PRIVATE_FILE_MODE)
        lock.acquire(timeout=0)
    except Timeout:
        raise StartupError(
            f"Another agent uses the data folder {folder}.", remedy="Stop it first, or choose another --data-dir."
        ) from None
    except OSError as error:
        raise StartupError(
            f"The data folder {folder} cannot be used: {error.strerror}.", remedy="Choose another --data-dir."
        ) from None
    return lock


def _check_folder(folder: Path) -> None:
    status = folder.stat()
    if sys.platform == "win32":
        return
    if status.st_uid != os.getuid():
        raise CredentialError(f"The data folder {folder} belongs to another user.", remedy="Choose another --data-dir.")
    if status.st_mode & 0o077:
        raise CredentialError(f"The data folder {folder} is open to others.", remedy=f"Run: chmod 700 '{folder}'")


def _bind(host: str, port: int) -> list[socket.socket]:
    """Give listening sockets: for `localhost` on every loopback address, so that nobody else takes the other one."""
    addresses = ["127.0.0.1", "::1"] if host == "localhost" else [host]
    sockets: list[socket.socket] = []
    for address in addresses:
        try:
            bound = _bind_one(address, port or (sockets[0].getsockname()[1] if sockets else 0))
        except OSError as error:
            if sockets and error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                continue  # no IPv6 on this machine
            for taken in sockets:
                taken.close()
            raise _cannot_listen(address, port, error) from None
        sockets.append(bound)
    return sockets


def _bind_one(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named; else each answer takes 40 ms longer.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
        # Bound is not taken yet where SO_REUSEADDR is set: listen now, so that a second agent fails here.
        bound.listen(socket.SOMAXCONN)
    except BaseException:
        bound.close()
        raise
    return bound


def _cannot_listen(address: str, port: int, error: OSError) -> StartupError:
    if error.errno == errno.EADDRINUSE:
        return StartupError(
            f"Port {port} on {address} is taken: an agent runs already, or another program uses it.",
            remedy="Stop that program, or choose another --port.",
        )
    return StartupError(f"Cannot listen on {address} port {port}: {error.strerror}.", remedy="Choose another --port.")
