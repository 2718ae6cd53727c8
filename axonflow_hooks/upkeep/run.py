"""All upkeep in one call, for the start of a session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from axonflow_hooks.client import AgentClient, Connection, new_http_client
from axonflow_hooks.errors import AxonFlowError
from axonflow_hooks.upkeep import telemetry, version_check
from axonflow_hooks.upkeep.disclosure import take_disclosure

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths
    from axonflow_hooks.settings import Settings
    from axonflow_hooks.wire.health import Health


async def run_upkeep(settings: Settings, paths: Paths, *, timeout_s: float) -> list[str]:
    """Do what is due and give the messages for the user; never raises, and ends within `timeout_s` seconds.

    In the mode unconfigured nothing is sent. Where nothing is due, nothing but a few files is looked at.
    """
    disclosure = take_disclosure(settings, paths)
    messages = [disclosure] if disclosure else []
    try:
        await asyncio.wait_for(_network_upkeep(settings, paths, timeout_s, messages), timeout_s)
    except (asyncio.TimeoutError, AxonFlowError, OSError):
        pass
    except Exception:  # noqa: BLE001, S110 - whatever goes wrong here must not cost a session its governance
        pass
    return messages


async def _network_upkeep(settings: Settings, paths: Paths, timeout_s: float, messages: list[str]) -> None:
    """Do what is due, adding to `messages` as it goes, since the time may be over at any point."""
    check_due = version_check.is_due(settings, paths)
    heartbeat_due = telemetry.is_due(settings, paths)
    if not check_due and not heartbeat_due:
        return
    health = await _health(settings, timeout_s / 2)
    if check_due:
        version_check.record_check(settings, paths, reached=health is not None)
        warning = version_check.version_warning(health) if health else ""
        if warning:
            messages.append(warning)
    if heartbeat_due:
        version = health.version if health else ""
        await telemetry.send_heartbeat(settings, paths, platform_version=version or None)


async def _health(settings: Settings, timeout_s: float) -> Health | None:
    try:
        async with new_http_client(settings.endpoint) as http:
            return await AgentClient(Connection(settings.endpoint), http).health(timeout_s=timeout_s)
    except AxonFlowError:
        return None
