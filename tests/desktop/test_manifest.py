"""What the Desktop Extension asks its user for is what the proxy reads, with the proxy's own defaults."""

from __future__ import annotations

import inspect
import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from axonflow_hooks import __version__
from axonflow_hooks.proxy.backend_map import load_backends
from axonflow_hooks.proxy.settings import load_proxy_settings
from devtools.mcpb import DESKTOP, VARIANTS, manifest

MAP = {"AXONFLOW_BACKENDS": '[{"id": "one", "command": "server"}]'}
FIXED = {"AXONFLOW_SESSION_ID": "s-1"}


def variables(variant: str) -> dict[str, str]:
    """Give {variable: option} of those that an option fills."""
    env = manifest(variant)["server"]["mcp_config"]["env"]
    found = {name: re.fullmatch(r"\$\{user_config\.(\w+)\}", value) for name, value in env.items()}
    return {name: match.group(1) for name, match in found.items() if match}


def expanded(variant: str, chosen: dict[str, str]) -> dict[str, str]:
    """Give the variables as a host sets them: what the user chose, else the default, else unexpanded."""
    options = manifest(variant)["user_config"]
    defaults = {name: str(option["default"]) for name, option in options.items() if "default" in option}
    values = {**defaults, **chosen}
    return {name: values.get(option, f"${{user_config.{option}}}") for name, option in variables(variant).items()}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_setting_of_the_proxy_is_an_option(variant: str) -> None:
    read = set(re.findall(r'"(AXONFLOW_[A-Z_]+)"', inspect.getsource(load_proxy_settings)))
    assert set(variables(variant)) - {"AXONFLOW_PYTHON"} == read
    assert set(variables(variant).values()) == set(manifest(variant)["user_config"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_secrets_are_marked_and_have_no_default(variant: str) -> None:
    options = manifest(variant)["user_config"]
    sensitive = {name for name, option in options.items() if option.get("sensitive")}
    assert sensitive == {"client_secret", "user_token"}
    assert not [name for name in sensitive if "default" in options[name]]


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_option_is_required(variant: str) -> None:
    # A host takes a required option for missing until it is saved, whatever its default, and starts nothing.
    assert not [name for name, option in manifest(variant)["user_config"].items() if option["required"]]


@pytest.mark.parametrize("left_alone", ["unexpanded", "empty"])
def test_options_that_are_left_alone_mean_the_defaults(left_alone: str) -> None:
    given = expanded("uv", {"backends": MAP["AXONFLOW_BACKENDS"], "session_id": "s-1"})
    if left_alone == "empty":
        given = {name: "" if value.startswith("${") else value for name, value in given.items()}
    assert load_proxy_settings(given) == load_proxy_settings({**MAP, **FIXED})


def test_chosen_options_arrive() -> None:
    given = expanded("portable", {"backends": "[]", "fail_mode": "open", "client_id": "a", "client_secret": "b"})
    found = load_proxy_settings(given)
    assert (found.fail_mode, found.backends_inline, found.basic) == ("open", "[]", "YTpi")


def test_the_example_map_is_one(tmp_path: Path) -> None:
    copied = tmp_path / "map.json"
    copied.write_text((DESKTOP / "config.example.json").read_text(encoding="utf-8"), encoding="utf-8")
    found = load_backends(load_proxy_settings({"AXONFLOW_BACKENDS_FILE": str(copied)}))
    assert [backend.id for backend in found] == ["files", "notes", "crm"]


def test_the_icon_has_the_size_that_hosts_ask_for() -> None:
    data = (DESKTOP / "icon.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == (512, 512)


def test_version_and_kind() -> None:
    kept: dict[str, Any] = json.loads((DESKTOP / "manifest.json").read_text(encoding="utf-8"))
    assert kept["version"] == __version__
    assert kept == manifest("uv")
    assert (kept["manifest_version"], kept["server"]["type"]) == ("0.4", "uv")
    assert manifest("portable")["server"]["type"] == "python"
