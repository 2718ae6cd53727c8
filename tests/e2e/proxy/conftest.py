"""One real agent for all tests here, with policies of its own and a person who can approve, and a desktop for each."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.grants.presence_key import enrol
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.private_files import make_private_dir
from devtools.fetched import NotAvailable
from devtools.live import clean_environment, running_agent
from devtools.mcpb import build
from tests.agent.grants.conftest import PACK, PASSPHRASE
from tests.e2e.claude_code.agents import LiveAgent
from tests.e2e.proxy.peers import Desktop, server
from tests.proxy.conftest import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAgent]:
    """The real embedded agent, which masks personal data, blocks `halt` and holds `permit`."""
    home = tmp_path_factory.mktemp("agent") / "home"
    paths = resolve_paths(clean_environment(home))
    make_private_dir(paths.agent_data_dir)
    packs = paths.config_dir / "policies"
    make_private_dir(packs)
    (packs / "test.toml").write_text(PACK, encoding="utf-8")
    enrol(paths.agent_data_dir, PASSPHRASE)
    with running_agent({**clean_environment(home), "PII_ACTION": "redact"}) as endpoint:
        yield LiveAgent(endpoint, home)


@pytest.fixture
def available() -> Callable[..., Any]:
    """Give a function that gets a peer, or skips the test with the reason why it cannot be had."""

    def get(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except NotAvailable as reason:
            pytest.skip(f"not to be had here: {reason}")

    return get


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give a function that packs a variant of the extension, once, and gives the file."""

    @functools.cache
    def packed(variant: str) -> Path:
        for last in (False, False, True):
            try:
                return build(variant, tmp_path_factory.mktemp("bundles"))
            except NotAvailable as reason:
                pytest.skip(f"not to be had here: {reason}")
            except SystemExit:  # what it is made of does not always come at the first try
                if last:
                    raise
        raise AssertionError("unreachable")

    return packed


@pytest.fixture
def desktop(agent: LiveAgent, available: Callable[..., Any], tmp_path: Path) -> Desktop:
    """A desktop with the three servers behind the proxy."""
    home, files = tmp_path / "home", tmp_path / "the files"
    for folder in (home, files):
        folder.mkdir()
    memory = {**available(server, "memory"), "env": {"MEMORY_FILE_PATH": str(home / "memory.jsonl")}}
    backends = [available(server, "everything", "stdio"), available(server, "filesystem", str(files)), memory]
    client_id, secret = agent.credential
    settings = {
        "AXONFLOW_ENDPOINT": agent.endpoint,
        "AXONFLOW_CLIENT_ID": client_id,
        "AXONFLOW_CLIENT_SECRET": secret,
        "AXONFLOW_LEADER_EMAIL": "leader@example.com",
        "AXONFLOW_SESSION_ID": "session-1",
    }
    return Desktop(home, files, backends, settings)


@pytest.fixture
def connect(desktop: Desktop) -> Iterator[Callable[..., Client]]:
    """Give a function that starts a proxy of that desktop, with settings changed, and gives a client of it."""
    clients: list[Client] = []

    def start(**settings: str) -> Client:
        client = Client(desktop.environ(**settings))
        clients.append(client)
        client.start(version="2025-11-25")
        return client

    yield start
    for client in clients:
        client.close()
