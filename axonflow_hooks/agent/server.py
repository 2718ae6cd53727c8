"""Starts the agent in the foreground and ends it cleanly."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from axonflow_hooks import __version__
from axonflow_hooks.account.agent_places import note_agent_folders
from axonflow_hooks.account.local_agent import ensure_credential
from axonflow_hooks.agent.access import access_of
from axonflow_hooks.agent.app import build_app
from axonflow_hooks.agent.clients import Clients
from axonflow_hooks.agent.faults import log_to_stderr
from axonflow_hooks.agent.grants.approvals import approval_ttl
from axonflow_hooks.agent.grants.presence import record_enrolment
from axonflow_hooks.agent.grants.presence_key import load_verifier
from axonflow_hooks.agent.http_server import run, server_of
from axonflow_hooks.agent.listening import bind, check_host, is_local, tls_context
from axonflow_hooks.agent.mcp.sessions import Sessions
from axonflow_hooks.agent.options import read_options
from axonflow_hooks.agent.policies.live import LivePolicies
from axonflow_hooks.agent.registration import Registrations
from axonflow_hooks.agent.runtime import Agent
from axonflow_hooks.agent.service.instance import Instance, announced, hold, process_start
from axonflow_hooks.agent.service.log_file import stderr_in
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.options import store_options
from axonflow_hooks.agent.store.writer import Writer
from axonflow_hooks.agent.tables.records import LOCAL_TENANT, now
from axonflow_hooks.agent.verification.sealed_rows import access_faults
from axonflow_hooks.errors import AxonFlowError
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.policy import PolicySource
from axonflow_hooks.settings import agent_environ, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import FrameType

    import uvicorn

    from axonflow_hooks.agent.listening import Tls
    from axonflow_hooks.paths import Paths
    from axonflow_hooks.policy import Engine

_SETTINGS: Final = ("PII_ACTION", "AXONFLOW_INTEGRATIONS")
"""The settings that are the agent's; where clients find it, and as whom they call, is not its business."""

_MAX_FAULTS_TOLD: Final = 20
"""Faults that are logged at the start; `agent status` and `audit verify` tell the others."""

logger: Final = logging.getLogger("axonflow.agent")

_GC_THRESHOLD: Final = (20_000, 20, 50)
"""Requests leave few cycles behind: the default would look for them after every second one."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an agent runs: its host as it was named, its endpoint as clients name it, its folder, the user's folders.

    `tls` is None where it is off.
    """

    host: str
    endpoint: str
    folder: Path
    paths: Paths
    tls: Tls | None


def serve(
    *,
    host: str,
    port: int,
    data_dir: Path | None,
    environ: Mapping[str, str],
    tls: Tls | None = None,
    log_file: Path | None = None,
) -> int:
    """Run the agent until SIGINT or SIGTERM, and give the exit status: 0, or 1 when it could not start.

    `host` is an address or `localhost`; `port` 0 takes a free one. `data_dir` defaults to the user's data folder. Once
    it accepts requests it says so in one line on stderr; why it cannot start is said there too. With a `log_file` it
    says all of that there.
    """
    with contextlib.ExitStack() as outer:
        try:
            if log_file is not None:
                outer.enter_context(stderr_in(log_file))
            log_to_stderr()
            with _signals() as stopping, contextlib.ExitStack() as stack:
                _run(stack, stopping, host, port, _checked_tls(tls), data_dir, environ)
        except (AxonFlowError, OSError) as error:
            _say(f"[AxonFlow] The agent cannot start: {error}")
            return 1
    return 0


def _checked_tls(tls: Tls | None) -> Tls | None:
    if tls is not None:
        tls_context(tls)
    return tls


def _run(
    stack: contextlib.ExitStack,
    stopping: list[int],
    host: str,
    port: int,
    tls: Tls | None,
    data_dir: Path | None,
    environ: Mapping[str, str],
) -> None:
    started = time.perf_counter()
    check_host(host)
    paths = resolve_paths(environ)
    folder = data_dir or paths.agent_data_dir
    stack.callback(hold(folder).release)
    sockets = bind(host, port)
    for bound in sockets:
        stack.callback(bound.close)
    place = _Place(host, _endpoint(host, sockets[0].getsockname()[1], tls), folder, paths, tls)
    agent = _start(stack, place, environ)
    if stopping:
        return

    async def ready(server: uvicorn.Server) -> None:
        await record_enrolment(agent)
        await agent.policies_of(LOCAL_TENANT)  # compiled now, not when a session's first call waits for it
        server.should_exit = bool(stopping)  # a signal that came before uvicorn listened for them
        if agent.instance is not None:
            stack.enter_context(announced(folder, agent.instance))
        _keep_what_is_loaded()
        _announce(agent, place, time.perf_counter() - started)
        for fault in (await agent.read(access_faults))[:_MAX_FAULTS_TOLD]:
            logger.warning("Who has access was changed past the agent: %s. See: axonflow-hooks audit verify", fault)

    run(server_of(build_app(agent), tls, ready).serve(sockets=sockets))


def _endpoint(host: str, port: int, tls: Tls | None) -> str:
    url_host = f"[{host}]" if ":" in host else host
    return f"{'http' if tls is None else 'https'}://{url_host}:{port}"


def _keep_what_is_loaded() -> None:
    gc.collect()
    gc.freeze()  # no collection needs to look at it
    gc.set_threshold(*_GC_THRESHOLD)


def _announce(agent: Agent, place: _Place, seconds: float) -> None:
    grants = "passphrase for grants set" if agent.presence else "no passphrase for grants"
    details = (
        f"{len(agent.engine.policies)} policies, {grants}, data in {place.folder}, ready in {seconds * 1000:.0f} ms"
    )
    _say(f"AxonFlow agent {__version__} listening on {place.endpoint} ({details})")
    for warning in _warnings(place.host, place.tls, agent):
        _say(f"[AxonFlow] warning: {warning}")


def _warnings(host: str, tls: Tls | None, agent: Agent) -> Iterator[str]:
    if not is_local(host) and tls is None:
        yield (
            f"listening on {host} without TLS: whoever can see the network reads credentials and statements. "
            "Use --tls-cert and --tls-key, or something in front of the agent that speaks TLS."
        )
    if agent.registrations is not None:
        yield "team mode: whoever reaches this port may register a tenant (AXONFLOW_AGENT_TEAM_MODE)."


def _start(stack: contextlib.ExitStack, place: _Place, environ: Mapping[str, str]) -> Agent:
    settings = load_settings({name: environ[name] for name in _SETTINGS if name in environ}, place.paths)
    environ = agent_environ(environ, place.paths)
    options = read_options(environ)
    source = PolicySource(place.paths.config_dir / "policies", pii_action=settings.pii_action)
    _warm(source.engine)
    stored = store_options(environ)
    database = open_database(place.folder, stored)
    stack.callback(database.close)
    note_agent_folders(place.paths, (place.folder, stored.key_dir or place.folder))
    clients = Clients(database)
    registrations = Registrations(place.folder, place.endpoint, clients) if options.team_mode else None
    credential = ensure_credential(place.paths, place.endpoint)
    access = access_of(
        place.endpoint,
        *credential,
        names=options.allowed_hosts,
        clients=clients,
        public=frozenset() if registrations is None else registrations.PUBLIC_PATHS,
    )
    writer = Writer(database.engine)
    stack.callback(writer.close)
    return Agent(
        base=source.engine,
        database=database,
        writer=writer,
        access=access,
        sessions=Sessions(),
        integrations=settings.integrations,
        options=options,
        policies=LivePolicies(source, database, writer),
        presence=load_verifier(stored.key_dir or place.folder),
        approval_ttl_s=approval_ttl(environ),
        registrations=registrations,
        instance=_instance(place),
    )


def _instance(place: _Place) -> Instance:
    return Instance(
        pid=os.getpid(),
        process_start=process_start(os.getpid()),
        endpoint=place.endpoint,
        started_at=now(),
        version=__version__,
        certificate="" if place.tls is None else str(place.tls.certificate.absolute()),
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
