"""The paths of the routes by which a person runs an agent; the contract does not know them."""

from __future__ import annotations

from typing import Final

STATUS_PATH: Final = "/api/v1/agent/status"
CLIENTS_PATH: Final = "/api/v1/agent/clients"
