"""The backend map: what is accepted, and how an error names its line and its remedy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.errors import SettingsError
from axonflow_hooks.proxy.backend_map import EnvReference, FileReference, load_backends, parse_backends, resolve
from axonflow_hooks.proxy.settings import load_proxy_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('[{"id":"a","command":"x"}]', id="array"),
        pytest.param('{"backends":[{"id":"a","command":"x","args":["1"],"cwd":"/"}]}', id="object"),
        pytest.param('[{"id":"a","type":"stdio","command":"x"}]', id="type"),
        pytest.param('[{"id":"a","url":"https://x.example/mcp","headers":{"X-Team":"blue"}}]', id="url"),
        pytest.param('[{"id":"a","command":"x","timeout":"5s","binary":"withhold","allow":["*"],"deny":[]}]', id="all"),
    ],
)
def test_good_maps(text: str) -> None:
    assert [backend.id for backend in parse_backends(text, "map")] == ["a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('[\n{"id":"a","command":"x"},\n]', "line 3", id="comma"),
        pytest.param('[\n\n{"id":"a",\n"command":5}]', "line 4", id="kind"),
        pytest.param('{"backends":[{"id":"a"\n,"comand":"x"}]}', "line 2: backend 1, comand", id="misspelt"),
        pytest.param('[{"id":"a"}]', "either command", id="no transport"),
        pytest.param('[{"id":"a","command":"x","url":"http://y"}]', "either command", id="two transports"),
        pytest.param('[{"id":"a","type":"http","command":"x"}]', "type http does not fit", id="type"),
        pytest.param('[{"id":"a","url":"y.example"}]', "http or https URL", id="url"),
        pytest.param('[{"id":"a","url":"http://y.example:99999/mcp"}]', "valid host and port", id="port"),
        pytest.param('[{"id":"a","url":"http://[::1/mcp"}]', "valid host and port", id="open bracket"),
        pytest.param('[{"id":"a","command":"x\\u0000y"}]', "NUL", id="NUL in a command"),
        pytest.param('[{"id":"a","command":"x","cwd":"\\u0000"}]', "NUL", id="NUL in cwd"),
        pytest.param('[{"id":"a","command":"x","args":["\\u0000"]}]', "NUL", id="NUL in an argument"),
        pytest.param('[{"id":"a","command":"x","env":{"A":"\\u0000"}}]', "NUL", id="NUL in a variable"),
        pytest.param('[{"id":"a","command":"x","env":{"A=B":"c"}}]', "holds =", id="name of a variable"),
        pytest.param('[{"id":"a","url":"https://y","headers":{"X-Team":"bl\u00fc"}}]', "printable ASCII", id="header"),
        pytest.param('[{"id":"a","url":"https://y","headers":{"X-Team":"a\\nb"}}]', "printable ASCII", id="line end"),
        pytest.param('[{"id":"a","url":"https://me:pw@y.example"}]', "without credentials", id="credentials in url"),
        pytest.param(
            '[{"id":"a","command":"x","env":{"A":{"env":"AXONFLOW_USER_TOKEN"}}}]', "proxy's own setting", id="own"
        ),
        pytest.param('[{"id":"a","command":"x","env":{"A":{"env":"A B"}}}]', "env.A.env", id="name of a reference"),
        pytest.param(
            '[{"id":"a","command":"x","env":{"A":{"env":"B","file":"/c"}}}]', "env.A.env", id="two references"
        ),
        pytest.param('[{"id":"a","command":"x","env":{"A":5}}]', "valid string", id="number for a variable"),
        pytest.param('[{"id":"a","url":"https://y","env":{"A":"b"}}]', "belong to a command", id="env of url"),
        pytest.param('[{"id":"a","command":"x","headers":{"A":"b"}}]', "belong to a url", id="headers of command"),
        pytest.param('[{"id":"a","url":"https://y","headers":{"X-Api-Key":"pw"}}]', "is a secret", id="literal secret"),
        pytest.param('[{"id":"a","url":"https://y","headers":{"Host":"z"}}]', "cannot be set", id="transport header"),
        pytest.param('[{"id":"a__b","command":"x"}]', "id", id="two underscores"),
        pytest.param('[{"id":"a","command":"x"},\n{"id":"A","command":"y"}]', "line 2", id="same id"),
        pytest.param('[{"id":"a","command":"x","timeout":"soon"}]', "timeout", id="timeout"),
        pytest.param('[{"id":"a","id":"b","command":"x"}]', "twice", id="doubled key"),
        pytest.param("[]", "1 to 64", id="empty"),
        pytest.param('{"mcpServers":{}}', "neither an array", id="other shape"),
        pytest.param('{"backends":[],"more":1}', "neither an array", id="more keys"),
        pytest.param("nonsense", "line 1", id="not JSON"),
    ],
)
def test_bad_maps_name_the_line_and_the_remedy(text: str, expected: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parse_backends(text, "the map")
    assert "the map" in raised.value.message
    assert expected in raised.value.message
    assert raised.value.remedy
    assert "pw" not in str(raised.value)
    assert ".." not in str(raised.value)


def test_map_file(tmp_path: Path) -> None:
    settings = load_proxy_settings({"AXONFLOW_BACKENDS_FILE": str(tmp_path / "map.json")})
    with pytest.raises(SettingsError, match="AXONFLOW_BACKENDS_FILE"):
        load_backends(settings)
    (tmp_path / "map.json").write_bytes(b'\xef\xbb\xbf[{"id":"a","command":"x"}]')
    assert load_backends(settings)[0].command == "x"
    (tmp_path / "map.json").write_bytes(b"\xff\xff")
    with pytest.raises(SettingsError, match="UTF-8"):
        load_backends(settings)
    inline = replace(settings, backends_file=None, backends_inline='[{"id":"b","command":"y"}]')
    assert load_backends(inline)[0].id == "b"


def test_references(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(" s3cret \n")
    path.chmod(0o600)
    assert resolve(FileReference(file=str(path)), "x", {}) == "s3cret"
    assert resolve(EnvReference(env="A", prefix="Bearer "), "x", {"A": "b"}) == "Bearer b"
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        resolve(FileReference(file=str(path)), "x", {})
    for reference in (EnvReference(env="A"), FileReference(file=str(tmp_path / "none"))):
        with pytest.raises(SettingsError, match="the header needs"):
            resolve(reference, "the header", {"A": ""})
    with pytest.raises(SettingsError) as raised:
        resolve(EnvReference(env="A"), "x", {"A": "hush\nhush"})
    assert "hush" not in str(raised.value)
