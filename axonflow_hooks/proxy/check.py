"""What would happen if the proxy were started with these settings: without starting anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axonflow_hooks.errors import SettingsError
from axonflow_hooks.proxy.audit_file import rotated_files, verify
from axonflow_hooks.proxy.backend_map import resolve
from axonflow_hooks.proxy.child_process import find_program, minimal_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from axonflow_hooks.proxy.backend_map import Backend
    from axonflow_hooks.proxy.settings import ProxySettings


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    good: bool
    text: str


def findings(settings: ProxySettings, backends: list[Backend], environ: Mapping[str, str]) -> Iterator[Finding]:
    """Give what is to be said about settings and backends; never a secret."""
    encrypted = "" if not settings.plain_http_to_remote else " (not encrypted: credentials and data cross the network)"
    yield Finding(not settings.plain_http_to_remote, f"agent {settings.endpoint}{encrypted}")
    identity = "client id and secret are set" if settings.basic else "no client id: a local agent's own credential"
    yield Finding(True, f"identity {identity}; gateway {settings.gateway_id}")
    yield Finding(True, f"fail mode {settings.fail_mode}; results are checked: {settings.redact_responses}")
    for backend in backends:
        yield _backend(backend, settings, environ, several=len(backends) > 1)
    if settings.audit_log is not None:
        yield _audit(settings.audit_log)


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


def _audit(path: Path) -> Finding:
    files = [*rotated_files(path), *([path] if path.exists() else [])]
    try:
        lines = [line for file in files for line in file.read_bytes().splitlines(keepends=True)]
    except OSError as error:
        return Finding(False, f"audit file {path} cannot be read: {error.strerror}")
    report = verify(lines)
    if report.fault:
        return Finding(False, f"audit file {path}: the chain is broken: {report.fault}")
    return Finding(True, f"audit file {path}: {report.rows} rows, the chain holds")
