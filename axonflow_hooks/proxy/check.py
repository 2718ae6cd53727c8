"""What would happen if the proxy were started with these settings: without starting anything."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from axonflow_hooks.client import AgentClient, Connection, new_http_client, one_line
from axonflow_hooks.errors import AxonFlowError, SettingsError
from axonflow_hooks.proxy.audit_file import instances, verify_files
from axonflow_hooks.proxy.backend_map import resolve
from axonflow_hooks.proxy.child_process import find_program, minimal_environment
from axonflow_hooks.proxy.pdp import CLIENT
from axonflow_hooks.settings import is_loopback_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from axonflow_hooks.proxy.backend_map import Backend
    from axonflow_hooks.proxy.settings import ProxySettings
    from axonflow_hooks.wire.health import Health

_START: Final = "Start one with `axonflow-hooks agent start`, or set AXONFLOW_ENDPOINT to the agent that you use."
_ASK: Final = "Check AXONFLOW_ENDPOINT, and whether the agent runs."


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    good: bool
    text: str


def findings(settings: ProxySettings, backends: list[Backend], environ: Mapping[str, str]) -> Iterator[Finding]:
    """Give what is to be said about settings and backends; never a secret."""
    if settings.plain_http_to_remote:
        yield Finding(False, f"agent {settings.endpoint}: not encrypted: credentials and data cross the network")
    yield _agent(settings.endpoint, settings.decide_timeout_s)
    identity = "client id and secret are set" if settings.basic else "no client id: a local agent's own credential"
    yield Finding(True, f"identity {identity}; gateway {settings.gateway_id}")
    yield Finding(True, f"fail mode {settings.fail_mode}; results are checked: {settings.redact_responses}")
    for backend in backends:
        yield _backend(backend, settings, environ, several=len(backends) > 1)
    if settings.audit_log is not None:
        yield from _audit(settings.audit_log)


def _agent(endpoint: str, timeout_s: float) -> Finding:
    """Ask the agent whether it is there (wire 1.10), and wait as long as a call would. No credential is sent."""

    async def ask() -> Health:
        async with new_http_client(endpoint) as http:
            return await AgentClient(Connection(endpoint, client=CLIENT), http).health(timeout_s=timeout_s)

    try:
        health = asyncio.run(ask())
    except AxonFlowError as error:
        remedy = error.remedy or (_START if is_loopback_url(endpoint) else _ASK)
        return Finding(False, f"agent {endpoint}: {error.message} {remedy}")
    version = f", version {one_line(health.version)}" if health.version else ""
    if health.status != "healthy":
        return Finding(False, f"agent {endpoint}: it says that it is {one_line(health.status)}{version}")
    return Finding(True, f"agent {endpoint} is healthy{version}")


def _backend(backend: Backend, settings: ProxySettings, environ: Mapping[str, str], *, several: bool) -> Finding:
    names = f"tools as {backend.id}__<tool>" if several else "tools under their own names"
    limit = f"{backend.timeout_s(settings.backend_timeout_s):g} s a call"
    try:
        given = {name: resolve(value, f"env.{name}", environ) for name, value in backend.env.items()}
        for name, value in backend.headers.items():
            resolve(value, f"headers.{name}", environ)
        if backend.command is not None:
            where = find_program(backend.command, minimal_environment(environ, given), backend.id)
        else:
            where = (backend.url or "").partition("?")[0]
    except SettingsError as error:
        return Finding(False, f"backend {backend.id}: {error}")
    return Finding(True, f"backend {backend.id}: {where} ({names}, {limit}, images and blobs: {backend.binary})")


def _audit(path: Path) -> Iterator[Finding]:
    """Look at the audit file of each proxy that has written under this name."""
    for file in instances(path) or [path]:
        try:
            report = verify_files(file)
        except OSError as error:
            yield Finding(False, f"audit file {file} cannot be read: {error.strerror}")
            continue
        if report.fault:
            yield Finding(False, f"audit file {file}: the chain is broken: {report.fault}")
        elif not report.rows:
            yield Finding(True, f"audit file {file}: no rows yet")
        else:
            span = f"{report.rows} rows, the chain holds from row {report.first} to row {report.last}"
            yield Finding(True, f"audit file {file}: {span}; whether rows after that were removed, no file can tell")
