"""Settings in `config.toml`: what the file holds, as the environment would hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.config_file import read_config_file
from axonflow_hooks.errors import CredentialError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = ("endpoint", "auth", "names")
SECRET = ("auth",)


def written(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "config.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('" http://a "', "http://a"),
        ("true", "1"),
        ("false", "0"),
        ("3", "3"),
        ("0.5", "0.5"),
        ('["a", "b"]', "a,b"),
    ],
    ids=["text", "on", "off", "whole", "part", "list"],
)
def test_values_are_read_as_the_environment_would_hold_them(tmp_path: Path, value: str, text: str) -> None:
    path = written(tmp_path, f"endpoint = {value}\n[proxy]\nwhatever = 1\n")
    assert read_config_file(path, KNOWN, SECRET) == {"endpoint": (text, f"endpoint in {path}")}


@pytest.mark.parametrize("text", ["", 'endpoint = ""', 'endpoint = "  "', "names = []", "[proxy]\nx = 1"])
def test_what_sets_nothing(tmp_path: Path, text: str) -> None:
    assert read_config_file(written(tmp_path, text), KNOWN, SECRET) == {}


def test_no_file_sets_nothing(tmp_path: Path) -> None:
    assert read_config_file(tmp_path / "config.toml", KNOWN, SECRET) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("endpoint = ", "not valid TOML", id="toml"),
        pytest.param('endpiont = "x"', "endpiont", id="unknown-setting"),
        pytest.param("endpoint = 2020-01-01", "wrong kind", id="wrong-kind"),
        pytest.param("names = [1]", "wrong kind", id="list-of-numbers"),
        pytest.param(b"\xff\xfe", "cannot be read", id="no-text"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str | bytes, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError, match=said) as caught:
        read_config_file(path, KNOWN, SECRET)
    assert str(path) in caught.value.message
    assert caught.value.remedy


def test_a_place_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_config_file(tmp_path / "file" / "config.toml", KNOWN, SECRET)


def test_a_file_with_a_secret_must_be_private(tmp_path: Path) -> None:
    path = written(tmp_path, 'auth = "a:s3cr3t"', mode=0o644)
    with pytest.raises(CredentialError, match="chmod 600") as caught:
        read_config_file(path, KNOWN, SECRET)
    assert "s3cr3t" not in str(caught.value)
    path.chmod(0o600)
    assert read_config_file(path, KNOWN, SECRET)["auth"][0] == "a:s3cr3t"


def test_a_file_without_a_secret_need_not_be_private(tmp_path: Path) -> None:
    path = written(tmp_path, 'endpoint = "http://a"', mode=0o644)
    assert read_config_file(path, KNOWN, SECRET)["endpoint"][0] == "http://a"
