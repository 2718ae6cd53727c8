"""Renders a status report: lines for people, JSON for programs. Safe to share: no secret is in either."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.cli.status_grants import grant_lines, grants_value
from axonflow_hooks.client import one_line

if TYPE_CHECKING:
    from axonflow_hooks.cli.status_report import StatusReport
    from axonflow_hooks.settings import Settings

PASTE_HINT: Final = "Paste your tenant_id above into the 'AxonFlow tenant ID' custom field at checkout."
_RECOVERY_HINT: Final = "to bring an earlier tenant back, run /axonflow-recover"


def status_lines(report: StatusReport) -> list[str]:
    """Give the report as lines: OK facts, WARN what wants attention, ERROR what stops governance."""
    lines = []
    settings = report.settings
    if settings is not None:
        lines += [
            _endpoint_line(settings),
            _tenant_line(report, settings),
            f"OK tier={_tier(report)}{_tier_details(report)}",
            f"OK license_token={_license_state(report)}",
            f"OK upgrade_url={report.upgrade_url}",
            PASTE_HINT,
            f"OK mode={settings.mode}",
            _agent_line(report, settings),
            _last_decision_line(report),
            _count_line("ungoverned_calls_7d", report.ungoverned_calls, "ran without a verdict"),
            _count_line("unscanned_outputs_7d", report.unscanned_outputs, "were not scanned"),
            _spool_line(report),
            f"OK fail_mode={settings.fail_mode}",
            *(grant_lines(report.grants) if report.grants else ()),
        ]
    lines += [f"WARN {warning}" for warning in report.warnings]
    lines += [f"ERROR {error}" for error in report.errors]
    return lines


def status_json(report: StatusReport) -> str:
    """Give the report as one JSON object; a key whose value is not known is null."""
    settings, health, last = report.settings, report.health, report.last_decision
    claims = report.license.claims if report.license and report.license.token else None
    value: dict[str, Any] = {
        "endpoint": settings.endpoint or None if settings else None,
        "mode": settings.mode if settings else None,
        "tenant_id": report.credential.client_id if report.credential else None,
        "tenant_problem": report.tenant_problem or None,
        "credential_source": report.credential.source if report.credential else None,
        "tier": _tier(report) if settings else None,
        "license_token": _license_state(report) if settings else None,
        "license_state": report.license.state if report.license else None,
        "license_expires": (claims.last_day or None) if claims else None,
        "upgrade_url": report.upgrade_url,
        "agent": {
            "reachable": health is not None,
            "status": health.status if health else None,
            "version": (health.version or None) if health else None,
            "problem": report.agent_problem or None,
        },
        "last_decision": {
            "decision_id": last.decision_id,
            "verdict": last.verdict,
            "tool_name": last.tool_name,
            "at": _utc(last.at),
        }
        if last
        else None,
        "ungoverned_calls_7d": report.ungoverned_calls,
        "unscanned_outputs_7d": report.unscanned_outputs,
        "audit_backlog": report.spool.records if report.spool else None,
        "audit_dropped": report.spool.dropped if report.spool else None,
        "fail_mode": settings.fail_mode if settings else None,
        **grants_value(report.grants),
        "warnings": report.warnings,
        "errors": report.errors,
    }
    return json.dumps(value, indent=2)


def _spool_line(report: StatusReport) -> str:
    spool = report.spool
    if spool is None:
        return "WARN audit_backlog=unknown"
    since = f" (the oldest of {_utc(spool.oldest_at)})" if spool.oldest_at else ""
    if spool.dropped:
        return f"WARN audit_backlog={spool.records}{since}; {spool.dropped} dropped or lost, see resident.log"
    return f"OK audit_backlog={spool.records}{since}"


def _endpoint_line(settings: Settings) -> str:
    if settings.endpoint:
        return f"OK endpoint={settings.endpoint}"
    return "WARN endpoint=unset (no agent is configured and Community SaaS is off; set AXONFLOW_ENDPOINT)"


def _tenant_line(report: StatusReport, settings: Settings) -> str:
    if report.credential:
        if report.tenant_problem:
            return f"WARN tenant_id={report.credential.client_id} ({report.tenant_problem})"
        return f"OK tenant_id={report.credential.client_id}"
    if report.errors:
        return "WARN tenant_id=unset (the credential cannot be used: see the ERROR below)"
    if settings.mode == "community-saas":
        return f"WARN tenant_id=unset (the first governed tool call registers one; {_RECOVERY_HINT})"
    if settings.mode == "unconfigured":
        return "WARN tenant_id=unset (no agent is configured)"
    return "WARN tenant_id=unset (no credential for this agent; set AXONFLOW_AUTH if it asks for one)"


def _tier(report: StatusReport) -> str:
    return report.license.claims.tier if report.license and report.license.usable else "Free"


def _tier_details(report: StatusReport) -> str:
    found = report.license
    if found is None or not found.claims.last_day:
        return ""
    if found.state == "expired":
        return f" (licence: expiry {found.claims.last_day}, over)"
    return f" (licence: expiry {found.claims.last_day})" if found.usable else ""


def _license_state(report: StatusReport) -> str:
    if report.license is None:
        return "unset"
    return f"set ({report.license.masked})" if report.license.token else "unreadable"


def _agent_line(report: StatusReport, settings: Settings) -> str:
    if settings.mode == "unconfigured":
        return "WARN agent=none"
    if report.health is None:
        return f"WARN agent=unreachable ({one_line(report.agent_problem)})"
    version = f", version {one_line(report.health.version)}" if report.health.version else ""
    state = "OK" if report.health.status == "healthy" else "WARN"
    return f"{state} agent=reachable ({one_line(report.health.status)}{version})"


def _last_decision_line(report: StatusReport) -> str:
    last = report.last_decision
    if last is None:
        return "OK last_decision=none"
    decision = f", decision {one_line(last.decision_id)}" if last.decision_id else ""
    return f"OK last_decision={one_line(last.verdict)} ({one_line(last.tool_name)} at {_utc(last.at)}{decision})"


def _count_line(name: str, count: int, what: str) -> str:
    return f"WARN {name}={count} ({what} in the last 7 days)" if count else f"OK {name}=0"


def _utc(at: float) -> str:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    except (OverflowError, ValueError, OSError):
        return "an unknown time"
