"""Which integration a caller belongs to: its policies count once it is seen (wire 2.3)."""

from __future__ import annotations

from typing import Final

_BY_CONNECTOR: Final = {
    "claude_code": "claude-code",
    "codex": "codex",
    "cursor": "cursor",
    "openclaw": "openclaw",
}


def integration_of_connector(connector_type: str) -> frozenset[str]:
    """Take a connector (`claude_code.Bash`) and give the integration that its prefix names, if it names one."""
    name = _BY_CONNECTOR.get(connector_type.partition(".")[0].lower())
    return frozenset() if name is None else frozenset({name})


def integration_of_client(client_name: object) -> frozenset[str]:
    """Take `clientInfo.name` of an `initialize` and give the integration it names, if it names one."""
    if not isinstance(client_name, str):
        return frozenset()
    words = client_name.lower().replace("_", "-").replace(" ", "-")
    return frozenset(name for name in _BY_CONNECTOR.values() if words == name or words.startswith(f"{name}-"))
