from __future__ import annotations

import os
import pwd
import sys
from pathlib import Path

import pytest

from axonflow_hooks.errors import SettingsError
from axonflow_hooks.paths import resolve_paths

HOME = Path("/home/some one")
REGISTERED = Path(pwd.getpwuid(os.getuid()).pw_dir)


def test_files_that_sister_plugins_share_stand_where_they_look() -> None:
    paths = resolve_paths({"HOME": str(HOME), "XDG_CONFIG_HOME": "/elsewhere", "XDG_CACHE_HOME": "/elsewhere"})
    assert paths.registration_file == HOME / ".config/axonflow/try-registration.json"
    assert paths.license_file == HOME / ".config/axonflow/license-token.json"
    assert paths.self_hosted_auth_file == HOME / ".config/axonflow/self-hosted-auth.json"
    assert paths.telemetry_stamp == HOME / ".cache/axonflow/claude-code-plugin-telemetry-sent"
    assert paths.register_backoff_stamp == HOME / ".cache/axonflow/claude-code-plugin-register-backoff"
    assert paths.disclosure_stamp == HOME / ".cache/axonflow/claude-code-plugin-disclosure-shown"
    assert paths.throttle_stamp == HOME / ".cache/axonflow/throttle-until"


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="the XDG folders are those of Linux")
@pytest.mark.parametrize(
    ("environ", "state", "data"),
    [
        pytest.param({}, HOME / ".local/state/axonflow", HOME / ".local/share/axonflow", id="defaults"),
        pytest.param(
            {"XDG_STATE_HOME": "/s", "XDG_DATA_HOME": "/d"}, Path("/s/axonflow"), Path("/d/axonflow"), id="xdg"
        ),
        pytest.param(
            {"XDG_STATE_HOME": "relative", "XDG_DATA_HOME": ""},
            HOME / ".local/state/axonflow",
            HOME / ".local/share/axonflow",
            id="a-relative-xdg-folder-is-ignored",
        ),
    ],
)
def test_new_files_follow_the_platform(environ: dict[str, str], state: Path, data: Path) -> None:
    paths = resolve_paths({"HOME": str(HOME), **environ})
    assert (paths.state_dir, paths.data_dir) == (state, data)
    assert paths.agent_data_dir == data / "agent"


def test_a_chosen_folder_takes_all_but_the_stamps() -> None:
    paths = resolve_paths({"HOME": str(HOME), "AXONFLOW_CONFIG_DIR": "/srv/axonflow"})
    assert paths.config_dir == Path("/srv/axonflow")
    assert (paths.state_dir, paths.data_dir) == (Path("/srv/axonflow/state"), Path("/srv/axonflow/data"))
    assert paths.cache_dir == HOME / ".cache/axonflow"


def test_a_chosen_folder_takes_the_stamps_too_where_there_is_no_home() -> None:
    paths = resolve_paths({"AXONFLOW_CONFIG_DIR": "/srv/axonflow"})
    assert paths.cache_dir == Path("/srv/axonflow/cache")


def test_a_chosen_folder_must_be_absolute() -> None:
    with pytest.raises(SettingsError, match="AXONFLOW_CONFIG_DIR"):
        resolve_paths({"HOME": str(HOME), "AXONFLOW_CONFIG_DIR": "axonflow"})


@pytest.mark.parametrize(
    "environ", [pytest.param({}, id="unset"), pytest.param({"HOME": ""}, id="empty"), pytest.param(None, id="own")]
)
def test_without_home_the_system_is_asked(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str] | None) -> None:
    monkeypatch.setenv("HOME", "")
    assert resolve_paths(environ).config_dir == REGISTERED / ".config/axonflow"


@pytest.mark.parametrize("home", ["relative", "~"])
def test_a_home_that_is_no_absolute_path_is_an_error(home: str) -> None:
    with pytest.raises(SettingsError, match="HOME"):
        resolve_paths({"HOME": home})


def test_a_user_the_system_does_not_know_gets_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(SettingsError, match="AXONFLOW_CONFIG_DIR"):
        resolve_paths({})


def test_nothing_is_created(tmp_path: Path) -> None:
    resolve_paths({"HOME": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []
