"""What a user is told on stderr when a proxy starts with less protection than it could have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.proxy.conftest import World

REDACT = "WARNING AXONFLOW_REDACT_RESPONSES=off: results are neither checked nor masked."
PLAIN = "WARNING http://agent.example is not encrypted: credentials and data cross the network."
OPEN = "WARNING AXONFLOW_FAIL_MODE=open: calls run without a decision while the agent is down."
HEADERS = "WARNING backend web: its headers cross the network unencrypted."
WEB = {"id": "web", "headers": {"X-Key": {"env": "WEB_KEY"}}}


@pytest.mark.parametrize(
    ("settings", "backend", "told"),
    [
        pytest.param({}, None, [], id="nothing"),
        pytest.param({"AXONFLOW_REDACT_RESPONSES": "off"}, None, [REDACT], id="results unchecked"),
        pytest.param({"AXONFLOW_REDACT_RESPONSES": "on-obligation"}, None, [], id="results checked when obliged"),
        pytest.param({"AXONFLOW_ENDPOINT": "http://agent.example"}, None, [PLAIN], id="plain http"),
        pytest.param({"AXONFLOW_ENDPOINT": "https://agent.example"}, None, [], id="https"),
        pytest.param({"AXONFLOW_FAIL_MODE": "open"}, None, [OPEN], id="fail open"),
        pytest.param({}, {**WEB, "url": "http://web.example/mcp"}, [HEADERS], id="headers in the clear"),
        pytest.param({}, {**WEB, "url": "https://web.example/mcp"}, [], id="headers over https"),
        pytest.param(
            {
                "AXONFLOW_REDACT_RESPONSES": "off",
                "AXONFLOW_FAIL_MODE": "open",
                "AXONFLOW_ENDPOINT": "http://agent.example",
            },
            None,
            [PLAIN, REDACT, OPEN],
            id="all at once",
        ),
    ],
)
def test_less_protection_is_told(
    world: World, settings: dict[str, str], backend: dict[str, Any] | None, told: list[str]
) -> None:
    client = world.connect(backend or world.backend(), WEB_KEY="hush", **settings)
    assert client.request("ping")["result"] == {}  # no server is started before the handshake
    client.until(lambda: any("Governing 1 server(s)" in line for line in client.errors))
    client.until(lambda: len([line for line in client.errors if "WARNING" in line]) >= len(told))
    assert client.close() == 0
    said = [line.strip().removeprefix("[AxonFlow] ") for line in client.errors]
    assert [line for line in said if "WARNING" in line] == told
    assert "hush" not in "".join(said)
