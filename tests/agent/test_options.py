"""The agent's settings for its routes."""

from __future__ import annotations

import pytest

from axonflow_hooks.agent.options import IDENTITY_KEYS, Options, read_options
from axonflow_hooks.errors import SettingsError


def test_nothing_set() -> None:
    assert read_options({}) == Options(IDENTITY_KEYS, None)


def test_what_is_set() -> None:
    environ = {
        "AXONFLOW_DECISION_CONTEXT_ALLOWLIST": " X-Team ,x-acme-*,, ",
        "AXONFLOW_AGENT_RATE_LIMIT_PER_MINUTE": " 20 ",
    }
    assert read_options(environ) == Options((*IDENTITY_KEYS, "x-team", "x-acme-*"), 20)


@pytest.mark.parametrize("zero", ["0", "000"])
def test_zero_is_no_limit(zero: str) -> None:
    assert read_options({"AXONFLOW_AGENT_RATE_LIMIT_PER_MINUTE": zero}).rate_per_minute is None


@pytest.mark.parametrize("number", ["-1", "1.5", "many", "1000001", "9" * 5000], ids=lambda text: text[:8])
def test_a_rate_that_is_none(number: str) -> None:
    with pytest.raises(SettingsError, match="AXONFLOW_AGENT_RATE_LIMIT_PER_MINUTE") as caught:
        read_options({"AXONFLOW_AGENT_RATE_LIMIT_PER_MINUTE": number})
    assert caught.value.remedy


@pytest.mark.parametrize("entry", ["*", "x team", "x-*-y", "é", "a*b"])
def test_a_key_that_is_none_is_named(entry: str) -> None:
    with pytest.raises(SettingsError, match="AXONFLOW_DECISION_CONTEXT_ALLOWLIST"):
        read_options({"AXONFLOW_DECISION_CONTEXT_ALLOWLIST": f"x-team,{entry}"})


def test_hosts_and_team_mode_are_read() -> None:
    found = read_options(
        {"AXONFLOW_AGENT_ALLOWED_HOSTS": " Agent.Example , [fd00::1]:8443,", "AXONFLOW_AGENT_TEAM_MODE": "1"}
    )
    assert (found.allowed_hosts, found.team_mode) == (("agent.example", "[fd00::1]:8443"), True)
    assert (read_options({}).allowed_hosts, read_options({}).team_mode) == ((), False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AXONFLOW_AGENT_ALLOWED_HOSTS", "http://agent.example"),
        ("AXONFLOW_AGENT_ALLOWED_HOSTS", "agent.example:0"),
        ("AXONFLOW_AGENT_ALLOWED_HOSTS", "*"),
        ("AXONFLOW_AGENT_ALLOWED_HOSTS", "a b"),
        ("AXONFLOW_AGENT_TEAM_MODE", "maybe"),
    ],
)
def test_hosts_and_switches_that_are_none(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_options({name: value})
