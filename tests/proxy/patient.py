"""The proxy as it is, but for its waits: on a busy machine, too, what it waits for comes and is not given up.

Hosts have little patience, so the proxy waits in bounds. A test of something else must not depend on what a machine
gets done in that time: it has a proxy whose waits are long. A test of such a bound sets that one.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING, Final

from axonflow_hooks.proxy import start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

PATIENCE_S: Final = 110.0
"""Less than tests wait for an answer (see `conftest`), so that they are told what did not come."""

WAITS: Final[Mapping[str, float]] = dict.fromkeys(
    (
        "agent_link.IDLE_S",
        "backend.WAIT_FOR_RESTART_S",
        "direct_link.IDLE_S",
        "fleet.LIST_WAIT_S",
        "http_transport.CONNECT_S",
        "http_transport.NOTICE_S",
        "output_schema.DEADLINE_S",
        "output_schema.START_S",
        "output_schema.TURN_S",
        "pins.LOCK_TIMEOUT_S",
        "routes.REPORTS_S",
        "unknown_tools.ANSWER_S",
    ),
    PATIENCE_S,
)
SETTINGS: Final[Mapping[str, str]] = dict.fromkeys(
    ("AXONFLOW_BACKEND_TIMEOUT", "AXONFLOW_DECIDE_TIMEOUT"), f"{PATIENCE_S:g}s"
)


def places(waits: Mapping[str, float]) -> Iterator[tuple[ModuleType, str, float]]:
    """Give the module, the name and the seconds of each wait."""
    for name, seconds in waits.items():
        module, _, constant = name.partition(".")
        yield importlib.import_module(f"axonflow_hooks.proxy.{module}"), constant, seconds


def main(waits: str) -> int:
    """Be the proxy, with the waits of a JSON object instead of its own."""
    for module, constant, seconds in places(json.loads(waits)):
        assert type(getattr(module, constant)) is float, constant
        setattr(module, constant, seconds)
    return start.main()


if __name__ == "__main__":
    sys.exit(main(json.dumps(WAITS)))
