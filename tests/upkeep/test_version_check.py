from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.settings import Settings
from axonflow_hooks.upkeep import version_check
from axonflow_hooks.upkeep.version_check import is_due, record_check, version_warning
from axonflow_hooks.wire.health import Health

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths

SETTINGS = Settings(mode="self-hosted", endpoint="http://localhost:8080")
HOUR = 3600.0


def health(oldest: Any = None, recommended: Any = None) -> Health:
    compatibility = {
        "min_plugin_version": {"claude-code": oldest, "cursor": "99.0.0"},
        "recommended_plugin_version": {"claude-code": recommended},
    }
    return Health.model_validate({"status": "healthy", "plugin_compatibility": compatibility})


@pytest.mark.parametrize(
    ("version", "oldest", "recommended", "said"),
    [
        pytest.param("2.0.0", "1.4.0", "1.13.0", "", id="newer"),
        pytest.param("2.0.0", "2.0.0", "2.0.0", "", id="equal"),
        pytest.param("2.0.0", "1.4.0", "2.0.1", "recommended: 2.0.1", id="below-recommended"),
        pytest.param("2.0.0", "2.1.0", "2.2.0", "older than the oldest", id="below-oldest"),
        pytest.param("2.9.0", "2.10.0", "2.10.0", "older than the oldest", id="numbers-not-text"),
        pytest.param("2.0.0rc1", "2.0.0", None, "older than the oldest", id="release-candidate"),
        pytest.param("2.0.0", None, None, "", id="not-told"),
        pytest.param("2.0.0", "newest", "", "", id="no-versions"),
        pytest.param("2.0.0", 3, ["4"], "", id="wrong-kinds"),
    ],
)
def test_warning(version: str, oldest: Any, recommended: Any, said: str) -> None:
    warning = version_warning(health(oldest, recommended), version=version)
    assert said in warning
    assert bool(warning) is bool(said)
    if said:
        assert "plugin update" in warning


@pytest.mark.parametrize("compatibility", [None, "2.0.0", [], {}, {"min_plugin_version": "2.0.0"}])
def test_an_agent_that_does_not_tell(compatibility: Any) -> None:
    told = Health.model_validate({"status": "healthy", "plugin_compatibility": compatibility})
    assert version_warning(told, version="0.0.1") == ""


@pytest.mark.parametrize(("reached", "hours"), [(True, 24), (False, 1)])
def test_looks_again_after_a_while(paths: Paths, reached: bool, hours: float) -> None:
    assert is_due(SETTINGS, paths)
    record_check(SETTINGS, paths, reached=reached)
    assert not is_due(SETTINGS, paths)
    assert not is_due(SETTINGS, paths, now=time.time() + (hours - 0.1) * HOUR)
    assert is_due(SETTINGS, paths, now=time.time() + (hours + 0.1) * HOUR)


def test_looks_again_after_an_upgrade(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    record_check(SETTINGS, paths, reached=True)
    monkeypatch.setattr(version_check, "__version__", "2.0.1")
    assert is_due(SETTINGS, paths)


def test_looks_again_at_another_endpoint(paths: Paths) -> None:
    record_check(SETTINGS, paths, reached=True)
    assert is_due(Settings(mode="self-hosted", endpoint="http://localhost:8081"), paths)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(Settings(mode="unconfigured", endpoint=""), id="unconfigured"),
        pytest.param(
            Settings(mode="self-hosted", endpoint="http://localhost:8080", plugin_version_check=False), id="off"
        ),
    ],
)
def test_never(paths: Paths, settings: Settings) -> None:
    assert not is_due(settings, paths)
