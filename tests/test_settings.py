from __future__ import annotations

import base64

import pytest

from axonflow_hooks.errors import CredentialError, SettingsError
from axonflow_hooks.paths import Paths
from axonflow_hooks.settings import (
    COMMUNITY_SAAS_ENDPOINT,
    Settings,
    agent_environ,
    is_loopback_url,
    load_settings,
)

PAIR = "client-1:s3cr3t-value"
BASIC = base64.b64encode(PAIR.encode()).decode()


def write_config(paths: Paths, text: str, mode: int = 0o600) -> None:
    paths.config_dir.mkdir(parents=True, exist_ok=True)
    paths.config_file.write_text(text, encoding="utf-8")
    paths.config_file.chmod(mode)


@pytest.mark.parametrize(
    ("environ", "mode", "endpoint"),
    [
        pytest.param({}, "community-saas", COMMUNITY_SAAS_ENDPOINT, id="nothing-set"),
        pytest.param({"AXONFLOW_COMMUNITY_SAAS": "0"}, "unconfigured", "", id="saas-off"),
        pytest.param({"AXONFLOW_COMMUNITY_SAAS": "off"}, "unconfigured", "", id="saas-off-in-words"),
        pytest.param({"AXONFLOW_ENDPOINT": "http://a:1"}, "self-hosted", "http://a:1", id="endpoint"),
        pytest.param({"AXONFLOW_AUTH": PAIR}, "self-hosted", "http://localhost:8080", id="auth-alone"),
        pytest.param({"AXONFLOW_AUTH": PAIR, "AXONFLOW_ENDPOINT": "https://a"}, "self-hosted", "https://a", id="both"),
        pytest.param(
            {"AXONFLOW_ENDPOINT": "https://a", "AXONFLOW_COMMUNITY_SAAS": "0"},
            "self-hosted",
            "https://a",
            id="endpoint-with-saas-off",
        ),
        pytest.param(
            {"AXONFLOW_ENDPOINT": "  ", "AXONFLOW_AUTH": ""},
            "community-saas",
            COMMUNITY_SAAS_ENDPOINT,
            id="blank-is-unset",
        ),
    ],
)
def test_mode(paths: Paths, environ: dict[str, str], mode: str, endpoint: str) -> None:
    settings = load_settings(environ, paths)
    assert (settings.mode, settings.endpoint) == (mode, endpoint)


def test_defaults(paths: Paths) -> None:
    settings = load_settings({}, paths)
    assert (settings.pre_tool_use_timeout_s, settings.post_tool_use_timeout_s) == (8, 5)
    assert settings.telemetry
    assert settings.plugin_version_check
    assert settings.fail_mode == "open"
    assert settings.upgrade_url == "https://getaxonflow.com/pro"
    assert settings.checkpoint_url == "https://checkpoint.getaxonflow.com/v1/ping"
    assert (settings.auth, settings.license_token, settings.user_email, settings.pii_action) == ("", "", "", None)
    assert settings.integrations == frozenset()
    assert not settings.scan_reads


def test_endpoint_is_normalised(paths: Paths) -> None:
    assert load_settings({"AXONFLOW_ENDPOINT": " HTTP://Agent.Example:8080/ "}, paths).endpoint == (
        "http://agent.example:8080"
    )


@pytest.mark.parametrize("name", ["AXONFLOW_ENDPOINT", "AXONFLOW_CHECKPOINT_URL", "AXONFLOW_UPGRADE_URL"])
@pytest.mark.parametrize("text", ["localhost:8080", "http://user:s3cr3t-value@a", "http://ü_x.example"])
def test_a_url_that_is_none(paths: Paths, name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({name: text}, paths)
    assert name in caught.value.message
    assert caught.value.remedy
    assert "s3cr3t-value" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        pytest.param("s3cr3t-value", "base64", id="no-base64"),
        pytest.param(f"Basic {BASIC}", "without the word Basic", id="with-the-word-basic"),
        pytest.param(base64.b64encode(b"s3cr3t-value").decode(), "client-id:client-secret", id="no-colon"),
        pytest.param(base64.b64encode(b"\xff:\xfe").decode(), "base64", id="no-utf-8"),
        pytest.param("\udcff:s3cr3t-value", "base64", id="bytes-that-are-no-text"),
        pytest.param(base64.b64encode(b"a:s3cr3t-value\n").decode(), "printf", id="line-end-encoded"),
        pytest.param("ключ", "base64", id="not-ascii"),
    ],
)
def test_an_auth_that_is_none(paths: Paths, value: str, remedy: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"AXONFLOW_AUTH": value}, paths)
    assert "AXONFLOW_AUTH" in caught.value.message
    assert remedy in caught.value.remedy
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "seconds", "clamped"),
    [
        pytest.param("3", 3, False, id="whole"),
        pytest.param("0.5", 0.5, False, id="part"),
        pytest.param("12", 12, False, id="most"),
        pytest.param("60", 12, True, id="clamped"),
    ],
)
def test_timeout(paths: Paths, value: str, seconds: float, clamped: bool) -> None:
    settings = load_settings({"AXONFLOW_TIMEOUT_SECONDS": value}, paths)
    assert settings.pre_tool_use_timeout_s == settings.post_tool_use_timeout_s == seconds
    assert settings.timeout_clamped is clamped


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AXONFLOW_TIMEOUT_SECONDS", "abc"),
        ("AXONFLOW_TIMEOUT_SECONDS", "0"),
        ("AXONFLOW_TIMEOUT_SECONDS", "-1"),
        ("AXONFLOW_TIMEOUT_SECONDS", "nan"),
        ("AXONFLOW_TIMEOUT_SECONDS", "inf"),
        ("AXONFLOW_TIMEOUT_SECONDS", "1e999"),
        ("AXONFLOW_TELEMETRY", "of"),
        ("AXONFLOW_COMMUNITY_SAAS", "maybe"),
        ("AXONFLOW_PLUGIN_VERSION_CHECK", "2"),
        ("AXONFLOW_FAIL_MODE", "close"),
        ("PII_ACTION", "mask"),
        ("AXONFLOW_SCAN_READS", "some"),
        ("AXONFLOW_INTEGRATIONS", "claude code"),
        ("AXONFLOW_USER_EMAIL", "me"),
        ("AXONFLOW_USER_EMAIL", "mé@example.com"),
        ("AXONFLOW_LICENSE_TOKEN", "AXON-\x00"),
        ("AXONFLOW_LICENSE_TOKEN", "x" * 9000),
        ("AXONFLOW_UPGRADE_URL", "getaxonflow.com"),
        ("AXONFLOW_CHECKPOINT_URL", "checkpoint"),
    ],
)
def test_a_value_that_cannot_be_used_names_its_setting_and_a_remedy(paths: Paths, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({name: value}, paths)
    assert name in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("word", ["off", "OFF", "0", "false", "no"])
def test_switches(paths: Paths, word: str) -> None:
    settings = load_settings({"AXONFLOW_TELEMETRY": word, "AXONFLOW_PLUGIN_VERSION_CHECK": word}, paths)
    assert not settings.telemetry
    assert not settings.plugin_version_check


def test_do_not_track_is_no_setting_of_ours(paths: Paths) -> None:
    assert load_settings({"DO_NOT_TRACK": "1"}, paths).telemetry


def test_other_values(paths: Paths) -> None:
    settings = load_settings(
        {
            "AXONFLOW_FAIL_MODE": "Closed",
            "PII_ACTION": "BLOCK",
            "AXONFLOW_SCAN_READS": "on",
            "AXONFLOW_INTEGRATIONS": "Claude-Code, cursor,",
            "AXONFLOW_USER_EMAIL": "dev@example.com",
        },
        paths,
    )
    assert (settings.fail_mode, settings.pii_action, settings.user_email) == ("closed", "block", "dev@example.com")
    assert settings.integrations == {"claude-code", "cursor"}
    assert settings.scan_reads


CONFIG = """
endpoint = "https://agent.example.com/"
auth = "client-1:s3cr3t-value"
timeout_seconds = 3
telemetry = false
integrations = ["claude-code", "cursor"]

[proxy]
whatever = 1
"""


def test_config_file(paths: Paths) -> None:
    write_config(paths, CONFIG)
    settings = load_settings({}, paths)
    assert (settings.mode, settings.endpoint, settings.auth) == ("self-hosted", "https://agent.example.com", BASIC)
    assert (settings.timeout_s, settings.telemetry) == (3, False)
    assert settings.integrations == {"claude-code", "cursor"}


def test_the_environment_wins_over_the_file(paths: Paths) -> None:
    write_config(paths, CONFIG)
    environ = {"AXONFLOW_ENDPOINT": "http://localhost:1", "AXONFLOW_TELEMETRY": "on", "AXONFLOW_TIMEOUT_SECONDS": ""}
    settings = load_settings(environ, paths)
    assert (settings.endpoint, settings.telemetry, settings.timeout_s) == ("http://localhost:1", True, 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param('endpiont = "x"', "endpiont", id="unknown-setting"),
        pytest.param('fail_mode = "ajar"', "fail_mode in ", id="value"),
    ],
)
def test_a_config_file_that_cannot_be_used(paths: Paths, text: str, said: str) -> None:
    write_config(paths, text)
    with pytest.raises(SettingsError, match=said) as caught:
        load_settings({}, paths)
    assert str(paths.config_file) in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("key", ["auth", "license_token", "agent_database_url"])
def test_a_config_file_with_a_secret_must_be_private(paths: Paths, key: str) -> None:
    write_config(paths, f'{key} = "a:s3cr3t-value"', mode=0o644)
    with pytest.raises(CredentialError, match="chmod 600") as caught:
        load_settings({}, paths)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost:8080", True),
        ("http://LOCALHOST", True),
        ("http://localhost.", True),
        ("http://agent.localhost", True),
        ("http://127.0.0.1", True),
        ("http://127.9.9.9:1", True),
        ("http://[::1]:8080", True),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://10.0.0.1", False),
        ("http://[::2]", False),
        ("https://try.getaxonflow.com", False),
    ],
)
def test_loopback(url: str, loopback: bool) -> None:
    assert is_loopback_url(url) is loopback


@pytest.mark.parametrize(
    ("endpoint", "plain"),
    [
        ("http://agent.example.com", True),
        ("HTTP://agent.example.com", True),
        ("https://agent.example.com", False),
        ("http://localhost:8080", False),
    ],
)
def test_plain_http_to_remote(paths: Paths, endpoint: str, plain: bool) -> None:
    assert load_settings({"AXONFLOW_ENDPOINT": endpoint}, paths).plain_http_to_remote is plain


def test_secrets_are_not_part_of_the_representation() -> None:
    shown = repr(Settings(mode="self-hosted", endpoint="http://a", auth=BASIC, license_token="AXON-s3cr3t-value"))
    assert "http://a" in shown
    assert BASIC not in shown
    assert "s3cr3t" not in shown


AGENT_CONFIG = """
agent_database_url = "postgresql://u:s3cr3t@h/d"
agent_key_dir = "/srv/keys"
agent_audit_retention_days = 90
agent_approval_ttl_seconds = 120
agent_rate_limit_per_minute = 60
agent_allowed_hosts = ["agent.example", "agent.example:8443"]
agent_team_mode = true
decision_context_allowlist = ["x-team", "x-acme-*"]
endpoint = "http://localhost:8080"
"""


def test_settings_of_the_agent_may_stand_in_the_file(paths: Paths) -> None:
    write_config(paths, AGENT_CONFIG)
    environ = {"HOME": "/home/dev", "AXONFLOW_AGENT_KEY_DIR": "/mnt/keys", "AXONFLOW_AGENT_RATE_LIMIT_PER_MINUTE": " "}
    assert agent_environ(environ, paths) == {
        "HOME": "/home/dev",
        "AXONFLOW_AGENT_DATABASE_URL": "postgresql://u:s3cr3t@h/d",
        "AXONFLOW_AGENT_KEY_DIR": "/mnt/keys",
        "AXONFLOW_AGENT_AUDIT_RETENTION_DAYS": "90",
        "AXONFLOW_AGENT_APPROVAL_TTL_SECONDS": "120",
        "AXONFLOW_AGENT_RATE_LIMIT_PER_MINUTE": "60",
        "AXONFLOW_AGENT_ALLOWED_HOSTS": "agent.example,agent.example:8443",
        "AXONFLOW_AGENT_TEAM_MODE": "1",
        "AXONFLOW_DECISION_CONTEXT_ALLOWLIST": "x-team,x-acme-*",
    }
    assert load_settings({}, paths).endpoint == "http://localhost:8080"


def test_a_database_url_in_a_file_that_others_can_read_is_refused(paths: Paths) -> None:
    write_config(paths, 'agent_database_url = "postgresql://u:s3cr3t@h/d"', mode=0o644)
    with pytest.raises(CredentialError) as caught:
        agent_environ({}, paths)
    assert "s3cr3t" not in str(caught.value)
