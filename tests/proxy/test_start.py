"""The first stage: `initialize` answered before anything is loaded, started or even valid."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy.start import initialize_result, read_initialize
from tests.proxy.conftest import DEADLINE_S, START

if TYPE_CHECKING:
    from tests.proxy.conftest import World


def _line(**changes: object) -> bytes:
    params = {"protocolVersion": "2025-06-18", "capabilities": {"a": [1, "}"]}, "clientInfo": {"name": 'q"\\'}}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params, **changes}).encode()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(_line(), ("1", "2025-06-18"), id="plain"),
        pytest.param(_line(id="a-1"), ('"a-1"', "2025-06-18"), id="text id"),
        pytest.param(b" " + _line().replace(b": ", b" :\t"), ("1", "2025-06-18"), id="blanks"),
        pytest.param(_line(method="ping"), None, id="another method"),
        pytest.param(_line(id=None), None, id="null id"),
        pytest.param(_line(id='"'), None, id="escaped id"),
        pytest.param(_line(jsonrpc="1.0"), None, id="old version"),
        pytest.param(_line(params={}), None, id="no version"),
        pytest.param(_line(params=[]), None, id="params of another kind"),
        pytest.param(_line()[:-5], None, id="cut"),
        pytest.param(b"\xff", None, id="not UTF-8"),
        pytest.param(b"", None, id="empty"),
        pytest.param(b'{"a":{"jsonrpc":"2.0","method":"initialize","id":1}}', None, id="deeper"),
        pytest.param(b'{"id":1,"id":2,"jsonrpc":"2.0","method":"initialize"}', None, id="doubled"),
    ],
)
def test_first_line_is_read_without_a_parser(line: bytes, expected: object) -> None:
    assert read_initialize(line) == expected


@pytest.mark.parametrize(
    ("requested", "agreed"),
    [
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2024-11-05", "2025-11-25"),
        ("2099-01-01", "2025-11-25"),
        (None, "2025-11-25"),
    ],
)
def test_version_is_negotiated(requested: object, agreed: str) -> None:
    result = json.loads(initialize_result(requested, "1.2.3"))
    assert result["protocolVersion"] == agreed
    assert result["serverInfo"]["version"] == "1.2.3"
    assert set(result["capabilities"]) == {"completions", "logging", "prompts", "resources", "tools"}


def test_initialize_is_answered_by_built_in_modules_alone() -> None:
    """The process is held at the moment after the answer; what it has loaded by then is all that may cost time."""
    code = (
        "import sys, builtins\n"
        "before = set(sys.modules)\n"
        "real = builtins.__import__\n"
        "def watch(name, *rest):\n"
        "    if name == 'axonflow_hooks.proxy.run':\n"
        "        sys.stderr.write(' '.join(sorted(set(sys.modules) - before)))\n"
        "        raise SystemExit(0)\n"
        "    return real(name, *rest)\n"
        "builtins.__import__ = watch\n"
        f"path = {str(START)!r}\n"
        "exec(compile(open(path).read(), path, 'exec'), {'__name__': '__main__', '__file__': path})\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], input=_line() + b"\n", capture_output=True, check=True, timeout=60
    )
    assert json.loads(done.stdout)["result"]["protocolVersion"] == "2025-06-18"
    assert set(done.stderr.decode().split()) <= {"axonflow_hooks"}


def test_initialize_is_answered_while_no_backend_is_up(world: World) -> None:
    client = world.connect(world.backend("one", f"gate={world.folder / 'never'}"))
    assert client.start()["serverInfo"]["name"] == "axonflow-governance"
    assert client.request("ping")["result"] == {}


@pytest.mark.parametrize("how", ["script", "module", "command"])
def test_every_way_to_start(world: World, how: str) -> None:
    commands = {
        "script": [sys.executable, "-I", str(START)],
        "module": [sys.executable, "-m", "axonflow_hooks.proxy"],
        "command": [sys.executable, "-c", "import sys; from axonflow_hooks.cli import main; sys.exit(main())", "proxy"],
    }
    with subprocess.Popen(
        commands[how], env=world.environ(world.backend()), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(_line() + b"\n")
            tools: list[Any] = []
            while not tools:  # on a busy machine the first list may come before the backend is up
                process.stdin.write(b'{"jsonrpc":"2.0","id":2,"method":"tools/list"}\n')
                process.stdin.flush()
                answers = map(json.loads, process.stdout)
                answer = next((answer for answer in answers if answer.get("id") == 2), None)
                assert answer is not None, "the proxy has ended"
                tools = answer["result"]["tools"]
            process.stdin.close()
            assert process.wait(DEADLINE_S) == 0
        finally:
            process.kill()


def test_odd_but_valid_initialize_is_answered_by_the_second_stage(world: World) -> None:
    client = world.connect()
    escaped = _line().decode().replace('"initialize"', '"\\u0069nitialize"')
    client.write(f"{escaped}\n".encode())
    assert client.answer(1)["result"]["protocolVersion"] == "2025-06-18"


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        pytest.param({"AXONFLOW_FAIL_MODE": "opne"}, ["AXONFLOW_FAIL_MODE", "closed, open"], id="fail mode"),
        pytest.param({"AXONFLOW_BACKENDS": ""}, ["AXONFLOW_BACKENDS_FILE"], id="no map"),
        pytest.param({"AXONFLOW_BACKENDS": '[{"id":"a"}]'}, ["AXONFLOW_BACKENDS, line 1", "command"], id="map"),
        pytest.param({"AXONFLOW_AUDIT_LOG": "/proc/none/a.jsonl"}, ["AXONFLOW_AUDIT_LOG"], id="audit log"),
    ],
)
def test_wrong_settings_end_the_start_and_say_why(world: World, settings: dict[str, str], names: list[str]) -> None:
    client = world.connect(**settings)
    client.start()
    error = client.request("tools/list")["error"]
    assert error["code"] == -32003
    client.until(lambda: all(name in "".join(client.errors) for name in names))
    assert client.close() == 2
    for name in names:
        assert name in error["message"]
        assert name in "".join(client.errors)
