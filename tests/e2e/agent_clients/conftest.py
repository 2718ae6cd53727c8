"""One running agent for all clients, and the official SDK as a process that makes calls."""

from __future__ import annotations

import contextlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from devtools.fetched import NotAvailable, python_with
from devtools.live import clean_environment, running_agent
from tests.e2e.agent_clients.programs import SDK, environment
from tests.e2e.claude_code.agents import LiveAgent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DRIVER: Final = Path(__file__).with_name("sdk_driver.py")


@dataclass(frozen=True, slots=True)
class Sdk:
    """The official SDK, connected to the agent."""

    process: subprocess.Popen[str]

    def __call__(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Make a call and give its value; asserts that it did not fail."""
        reply = self._exchange(method, arguments, named)
        assert "error" not in reply, reply
        return reply["value"]

    def failure(self, method: str, *arguments: Any, **named: Any) -> tuple[str, str]:
        """Make a call that must fail, and give the class and the text of the SDK's exception."""
        reply = self._exchange(method, arguments, named)
        return reply["error"], reply["message"]

    def _exchange(self, method: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        call = {"method": method, "arguments": arguments, "named": named}
        self.process.stdin.write(json.dumps(call) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the SDK's process has ended"
        reply: dict[str, Any] = json.loads(line)
        return reply


def model(name: str, /, **fields: Any) -> dict[str, Any]:
    """Give an argument that becomes the SDK's model of this name."""
    return {"$model": name, **fields}


@pytest.fixture(scope="session")
def installed() -> Callable[..., Any]:
    """Give a function that installs a client, or skips the test with the reason why it cannot be had."""

    def install(get: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return get(*arguments)
        except NotAvailable as reason:
            pytest.skip(f"not to be had here: {reason}")

    return install


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAgent]:
    """The real embedded agent, which masks personal data in requests too."""
    home = tmp_path_factory.mktemp("agent") / "home"
    home.mkdir()
    with running_agent({**clean_environment(home), "PII_ACTION": "redact"}) as endpoint:
        yield LiveAgent(endpoint, home)


@pytest.fixture(scope="module", params=["async", "sync"])
def sdk(request: pytest.FixtureRequest, agent: LiveAgent, installed: Callable[..., Any]) -> Iterator[Sdk]:
    """The SDK, once through its asynchronous and once through its synchronous client."""
    with connected(agent, installed(python_with, SDK), request.param) as client:
        yield client


@pytest.fixture(scope="module")
def async_sdk(agent: LiveAgent, installed: Callable[..., Any]) -> Iterator[Sdk]:
    """The SDK's asynchronous client, for methods that its synchronous one does not have."""
    with connected(agent, installed(python_with, SDK), "async") as client:
        yield client


@contextlib.contextmanager
def connected(agent: LiveAgent, python: Path, mode: str) -> Iterator[Sdk]:
    """Run the SDK in a process of its own."""
    client_id, client_secret = agent.credential
    where = {"endpoint": agent.endpoint, "client_id": client_id, "client_secret": client_secret, "mode": mode}
    command = [str(python), str(DRIVER)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(where) + "\n")
            process.stdin.flush()
            yield Sdk(process)
        finally:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=60)
            process.kill()
