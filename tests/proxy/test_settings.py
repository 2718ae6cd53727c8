"""The proxy's settings."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.errors import SettingsError
from axonflow_hooks.proxy.settings import default_gateway_id, load_proxy_settings
from axonflow_hooks.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from axonflow_hooks.paths import Paths
    from axonflow_hooks.proxy.settings import ProxySettings
    from axonflow_hooks.settings import Settings

BASE = {"AXONFLOW_BACKENDS": "[]"}


def test_defaults() -> None:
    settings = load_proxy_settings(BASE)
    assert settings.endpoint == "http://localhost:8080"
    assert (settings.fail_mode, settings.redact_responses) == ("closed", "always")
    assert (settings.decide_timeout_s, settings.backend_timeout_s) == (10.0, 30.0)
    assert settings.gateway_id == default_gateway_id()
    assert settings.gateway_id.startswith("claude_desktop.")
    assert settings.session_id.startswith("cd-")
    assert settings.session_id != load_proxy_settings(BASE).session_id
    assert settings.basic == ""


@pytest.mark.parametrize("unset", ["", "  ", "${user_config.fail_mode}"])
def test_fields_that_a_host_leaves_unset(unset: str) -> None:
    names = (
        "ENDPOINT CLIENT_ID CLIENT_SECRET USER_TOKEN TENANT_ID ORG_ID GATEWAY_ID SESSION_ID AI_AGENT FAIL_MODE "
        "REDACT_RESPONSES LEADER_EMAIL BACKENDS_FILE AUDIT_LOG DECIDE_TIMEOUT BACKEND_TIMEOUT"
    )
    settings = load_proxy_settings({**{f"AXONFLOW_{name}": unset for name in names.split()}, **BASE})
    assert settings.fail_mode == "closed"
    assert settings.audit_log is None


def test_credentials_become_basic_authentication() -> None:
    settings = load_proxy_settings({**BASE, "AXONFLOW_CLIENT_ID": "me", "AXONFLOW_CLIENT_SECRET": "a:b"})
    assert base64.b64decode(settings.basic) == b"me:a:b"
    alone = load_proxy_settings({**BASE, "AXONFLOW_CLIENT_ID": "me"})
    assert base64.b64decode(alone.basic) == b"me:"
    assert "a:b" not in repr(settings)
    assert settings.basic not in repr(settings)


def test_durations() -> None:
    environ = {**BASE, "AXONFLOW_DECIDE_TIMEOUT": " 500ms ", "AXONFLOW_BACKEND_TIMEOUT": "2m"}
    settings = load_proxy_settings(environ)
    assert (settings.decide_timeout_s, settings.backend_timeout_s) == (0.5, 120.0)


@pytest.mark.parametrize(
    "text",
    [
        "https://axonflow.example.com",
        " HTTPS://AxonFlow.Example.com:8443/path/ ",
        "http://[::1]:8080",
        "http://münchen.example:8080",
        "http://127。0。0。1:8080",
        "http://a/ü",
        "http://☃.example",
        "http://a\x00",
        "\x00http://a",
        "http://a/\x7f",
        "http://a b",
        "http://a:0",
        "http://a/?b",
        "axonflow.example.com",
    ],
    ids=ascii,
)
def test_an_endpoint_is_here_what_it_is_for_the_hooks(paths: Paths, text: str) -> None:
    environ = {**BASE, "AXONFLOW_ENDPOINT": text}
    assert endpoint_or_fault(lambda: load_proxy_settings(environ)) == endpoint_or_fault(
        lambda: load_settings(environ, paths)
    )


def endpoint_or_fault(load: Callable[[], ProxySettings | Settings]) -> tuple[str, str]:
    try:
        return "endpoint", load().endpoint
    except SettingsError as error:
        return "fault", str(error)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AXONFLOW_ENDPOINT", "axonflow.example.com"),
        ("AXONFLOW_ENDPOINT", "ftp://axonflow.example.com"),
        ("AXONFLOW_ENDPOINT", "https://me:hush@axonflow.example.com"),
        ("AXONFLOW_ENDPOINT", "https://axonflow.example.com/?a=b"),
        ("AXONFLOW_ENDPOINT", "https://axonflow.example.com:99999"),
        ("AXONFLOW_ENDPOINT", "https://axonflow.example.com\\@evil.example"),
        ("AXONFLOW_CLIENT_ID", "a:b"),
        ("AXONFLOW_CLIENT_SECRET", "secret-without-id"),
        ("AXONFLOW_USER_TOKEN", "line\nend"),
        ("AXONFLOW_TENANT_ID", "\u00e9"),
        ("AXONFLOW_ORG_ID", "\u00e9"),
        ("AXONFLOW_ORG_ID", "line\nend"),
        ("AXONFLOW_AI_AGENT", "a" * 257),
        ("AXONFLOW_AI_AGENT", "a\x1b[2Jb"),
        ("AXONFLOW_AI_AGENT", "a\u202eb"),
        ("AXONFLOW_GATEWAY_ID", "g" * 129),
        ("AXONFLOW_SESSION_ID", "s" * 257),
        ("AXONFLOW_FAIL_MODE", "local"),
        ("AXONFLOW_REDACT_RESPONSES", "sometimes"),
        ("AXONFLOW_LEADER_EMAIL", "nobody"),
        ("AXONFLOW_BACKENDS_FILE", "relative/map.json"),
        ("AXONFLOW_BACKENDS_FILE", "/both/are/set.json"),
        ("AXONFLOW_AUDIT_LOG", "audit.jsonl"),
        ("AXONFLOW_DECIDE_TIMEOUT", "10"),
        ("AXONFLOW_DECIDE_TIMEOUT", "0s"),
        ("AXONFLOW_DECIDE_TIMEOUT", "-1s"),
        ("AXONFLOW_BACKEND_TIMEOUT", "1h"),
        ("AXONFLOW_BACKEND_TIMEOUT", "11m"),
    ],
)
def test_wrong_values_name_the_setting_and_the_remedy(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_proxy_settings({**BASE, name: value})
    assert name in raised.value.message
    assert raised.value.remedy
    assert "hush" not in str(raised.value)
    assert "secret-without-id" not in str(raised.value)


@pytest.mark.parametrize(
    ("endpoint", "plain"),
    [
        ("http://localhost:8080", False),
        ("http://127.0.0.1", False),
        ("https://a.example", False),
        ("http://a.example", True),
    ],
)
def test_unencrypted_remote_endpoints_are_noticed(endpoint: str, plain: bool) -> None:
    assert load_proxy_settings({**BASE, "AXONFLOW_ENDPOINT": endpoint}).plain_http_to_remote is plain
