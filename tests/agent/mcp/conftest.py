"""What tests of the MCP tools share with those of grants."""

from __future__ import annotations

from tests.agent.grants.conftest import governed as governed
