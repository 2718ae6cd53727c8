"""One agent for the whole suite, and a fresh desk for every scenario on every release."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devtools.fetched import NotAvailable
from tests.e2e.claude_code.agents import LiveAgent, live_agent
from tests.e2e.claude_code.desk import Desk, set_desk
from tests.e2e.claude_code.versions import VERSIONS, claude_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "scenario(title, fallback): a row of docs/compatibility.md")
    config.addinivalue_line("markers", "package_index: slow, and needs a package index to install from")


@pytest.fixture(scope="session", params=VERSIONS)
def release(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """A pinned release of Claude Code: its version and its program."""
    version: str = request.param
    try:
        return version, claude_program(version)
    except NotAvailable as reason:
        pytest.skip(f"Claude Code {version} is not to be had here: {reason}")


@pytest.fixture(scope="session")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAgent]:
    """The real embedded agent."""
    with live_agent(tmp_path_factory.mktemp("agent") / "home") as running:
        yield running


@pytest.fixture
def desk(release: tuple[str, Path], agent: LiveAgent, tmp_path: Path) -> Desk:
    """A new home and project, governed by the real agent, with this repository as the plugin."""
    version, program = release
    made = set_desk(version, program, tmp_path, {"AXONFLOW_ENDPOINT": agent.endpoint})
    agent.give_credential_to(made.home)
    return made
