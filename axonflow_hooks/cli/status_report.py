"""Gathers what `status` shows, without changing anything and without any secret."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axonflow_hooks.account.credentials import Credential, known_credential, resolve_connection
from axonflow_hooks.account.license_token import License, load_license
from axonflow_hooks.account.registration import expiry_warning, load_registration
from axonflow_hooks.claude_code.ledger import LastDecision, last_decision, ungoverned_since
from axonflow_hooks.cli.status_grants import Grants, gather_grants
from axonflow_hooks.client import AgentClient, Connection, new_http_client
from axonflow_hooks.errors import AxonFlowError, SettingsError
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.resident.spool import Backlog, backlog
from axonflow_hooks.settings import DEFAULT_UPGRADE_URL, MAX_TIMEOUT_S, load_settings
from axonflow_hooks.upkeep.version_check import version_warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.paths import Paths
    from axonflow_hooks.settings import Settings
    from axonflow_hooks.wire.health import Health

HEALTH_TIMEOUT_S = 3.0
WEEK_S = 7 * 24 * 3600.0


@dataclass(slots=True)
class StatusReport:
    """Everything `status` shows. `settings` is None when they cannot be used; then `errors` says why."""

    settings: Settings | None = None
    upgrade_url: str = DEFAULT_UPGRADE_URL
    credential: Credential | None = None
    tenant_problem: str = ""
    license: License | None = None
    health: Health | None = None
    agent_problem: str = ""
    last_decision: LastDecision | None = None
    ungoverned_calls: int = 0
    unscanned_outputs: int = 0
    spool: Backlog | None = None
    grants: Grants | None = None
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


async def gather_status(environ: Mapping[str, str]) -> StatusReport:
    """Take an environment and give the report; takes at most 6 s, never raises for what a user can get wrong."""
    report = StatusReport()
    try:
        paths = resolve_paths(environ)
        settings = load_settings(environ, paths)
    except SettingsError as error:
        report.errors.append(str(error))
        return report
    report.settings, report.upgrade_url = settings, settings.upgrade_url
    _add_account(report, settings, paths)
    _add_ledger(report, paths)
    _add_setting_warnings(report, settings)
    await _add_agent(report, settings, paths)
    return report


def _add_account(report: StatusReport, settings: Settings, paths: Paths) -> None:
    try:
        report.credential = known_credential(settings, paths)
        if settings.mode == "community-saas":
            registration = load_registration(settings, paths)
            report.tenant_problem = expiry_warning(registration) if registration else ""
    except SettingsError as error:
        report.errors.append(str(error))
    tenant_id = report.credential.client_id if report.credential else ""
    report.license = load_license(settings, paths, tenant_id=tenant_id)
    if report.license and report.license.problem:
        report.warnings.append(report.license.problem)


def _add_ledger(report: StatusReport, paths: Paths) -> None:
    since = time.time() - WEEK_S
    report.last_decision = last_decision(paths)
    report.ungoverned_calls = ungoverned_since(paths, since)
    report.unscanned_outputs = ungoverned_since(paths, since, "response")
    try:
        report.spool = backlog(paths)
    except (OSError, sqlite3.Error) as error:
        report.warnings.append(f"{paths.spool_dir} cannot be read ({type(error).__name__}): records may wait there.")


def _add_setting_warnings(report: StatusReport, settings: Settings) -> None:
    if settings.plain_http_to_remote:
        report.warnings.append(
            f"{settings.endpoint} is reached over plain http: credentials and statements cross the network "
            "unencrypted. Use https."
        )
    if settings.timeout_clamped:
        report.warnings.append(f"AXONFLOW_TIMEOUT_SECONDS is more than a hook has; {MAX_TIMEOUT_S:g} s are used.")


async def _add_agent(report: StatusReport, settings: Settings, paths: Paths) -> None:
    if settings.mode == "unconfigured":
        return
    try:
        async with new_http_client(settings.endpoint) as http:
            health = await AgentClient(Connection(settings.endpoint), http).health(timeout_s=HEALTH_TIMEOUT_S)
            credential = report.credential
            if credential is not None and credential.source == "agent-credentials.json":
                connection = await resolve_connection(settings, paths, http=http, timeout_s=HEALTH_TIMEOUT_S)
                report.grants = await gather_grants(AgentClient(connection, http), paths)
    except AxonFlowError as error:
        report.agent_problem = str(error)
        return
    report.health = health
    warning = version_warning(health) if settings.plugin_version_check else ""
    news = report.grants.news if report.grants else ""
    report.warnings += [text for text in (warning, news) if text]
