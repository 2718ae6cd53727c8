"""Team mode: tenants that register themselves, and get a lost credential back (wire 1.13). Off unless it is set."""

from __future__ import annotations

from axonflow_hooks.agent.registration.tenants import Registrations as Registrations
