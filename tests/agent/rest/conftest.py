"""What tests of the routes share with those of grants."""

from __future__ import annotations

from tests.agent.grants.conftest import governed as governed
