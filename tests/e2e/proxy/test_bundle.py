"""The packed extensions, started as a host starts them: `getMcpConfigForManifest` of mcpb says how."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from axonflow_hooks import __version__
from devtools.fetched import NotAvailable, npm_folder, script_of
from devtools.live import ROOT
from devtools.mcpb import MCPB, UV, VARIANTS, manifest
from tests.e2e.agent_clients.programs import MCP_CLIENTS
from tests.e2e.proxy.peers import driven, node, stdio_command
from tests.e2e.proxy.test_real_peers import some_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.proxy.peers import Desktop

BARE_PATH: Final = "/usr/bin:/bin"
HOST: Final = """
import { pathToFileURL } from 'node:url';
import { readFileSync } from 'node:fs';
const { library, manifest, folder, userConfig, platform } = JSON.parse(readFileSync(0, 'utf8'));
Object.defineProperty(process, 'platform', { value: platform });
const { getMcpConfigForManifest } = await import(pathToFileURL(library));
const config = await getMcpConfigForManifest({
  manifest, extensionPath: folder, systemDirs: {}, userConfig, pathSeparator: platform === 'win32' ? '\\\\' : '/' });
process.stdout.write(JSON.stringify(config));
"""
FOR_PACKAGES: Final = ("SSL_CERT_FILE", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_FIND_LINKS", "UV_CACHE_DIR")
"""Where this machine gets packages from, where that is set."""


def as_a_host_starts_it(
    given_manifest: dict[str, Any], folder: str, chosen: dict[str, str], platform: str = sys.platform
) -> dict[str, Any]:
    library = npm_folder((MCPB,)) / "@anthropic-ai" / "mcpb" / "dist" / "index.js"
    given = {"manifest": given_manifest, "folder": folder, "userConfig": chosen, "platform": platform}
    done = subprocess.run(
        [node(), "--input-type=module", "--eval", HOST],
        input=json.dumps({"library": str(library), **given}), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    config: dict[str, Any] = json.loads(done.stdout)
    return config


def until_it_succeeds(command: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command that may have to download packages first, which do not always come at the first try."""
    for _ in range(3):
        done = subprocess.run(
            command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode == 0:
            break
    return done


@pytest.fixture(params=VARIANTS)
def unpacked(request: pytest.FixtureRequest, bundle: Callable[[str], Path], tmp_path: Path) -> Path:
    """An installed extension, in a folder with a blank in its name as hosts have it."""
    folder = tmp_path / "Claude Extensions" / "axonflow"
    with zipfile.ZipFile(bundle(request.param)) as archive:
        archive.extractall(folder)
    return folder


def test_only_what_is_needed_is_in_it(unpacked: Path) -> None:
    there = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert there >= {"manifest.json", "icon.png", "PRIVACY.md", "LICENSE", "server/main.py"}
    own = {name for name in there if not name.startswith("server/lib/")}
    assert not [name for name in own if "test" in name]
    unwanted = {"tests", "benchmarks", "__pycache__", ".git", ".venv"}
    assert not [name for name in there if unwanted & {*name.split("/")} or name.endswith((".pyc", ".lock"))]
    assert not [
        name for name in own if name.startswith(("server/axonflow_hooks/agent", "server/axonflow_hooks/policy"))
    ]
    here = (str(ROOT).encode(), str(Path.home()).encode())
    assert not [
        name for name in own if any(place in (unpacked / name).read_bytes() for place in here if len(place) > 5)
    ]
    assert json.loads((unpacked / "manifest.json").read_text(encoding="utf-8"))["version"] == __version__


@pytest.mark.skipif(sys.platform == "win32", reason="the bare PATH of a desktop is that of macOS and Linux")
def test_it_answers_as_the_command_does(unpacked: Path, desktop: Desktop, available: Callable[..., Any]) -> None:
    given = desktop.home / "the map.json"
    given.write_text(json.dumps({"backends": desktop.backends}), encoding="utf-8")
    chosen = {
        "endpoint": desktop.settings["AXONFLOW_ENDPOINT"],
        "client_id": desktop.settings["AXONFLOW_CLIENT_ID"],
        "client_secret": desktop.settings["AXONFLOW_CLIENT_SECRET"],
        "backends_file": str(given),
        "audit_log": str(desktop.audit_file),
        "fail_mode": "closed",
    }
    packed_manifest = json.loads((unpacked / "manifest.json").read_text(encoding="utf-8"))
    config = available(as_a_host_starts_it, packed_manifest, str(unpacked), chosen)
    path = BARE_PATH
    if config["command"] == "uv":  # the host brings it
        path = f"{available(script_of, UV, 'uv').parent}:{BARE_PATH}"
    kept = {name: os.environ[name] for name in FOR_PACKAGES if name in os.environ}
    environ = {**kept, "PATH": path, "HOME": str(desktop.home), **config["env"]}
    wanted = [*some_calls(desktop), ("filesystem__write_file", {"path": str(desktop.files / "b"), "content": "halt"})]
    command = [config["command"], *config["args"]]
    if config["command"] == "uv":
        command[0] = str(available(script_of, UV, "uv"))
        until_it_succeeds(command, environ)
    packed = available(driven, MCP_CLIENTS[0], command, environ, wanted)
    assert [row["verdict"] for row in desktop.rows("outcome")] == ["allow"] * (len(wanted) - 1) + ["deny"]
    (desktop.home / "memory.jsonl").unlink()
    plain = available(driven, MCP_CLIENTS[0], stdio_command(sys.executable), desktop.environ(), wanted)
    assert packed["tools"] == plain["tools"]
    assert packed["results"][:-1] == plain["results"][:-1]
    assert packed["results"][-1]["code"] == plain["results"][-1]["code"] == -32001


@pytest.mark.skipif(sys.platform == "win32", reason="the commands of macOS and Linux")
def test_the_command_for_a_person_runs_as_it_is_documented(
    unpacked: Path, tmp_path: Path, available: Callable[..., Any]
) -> None:
    commands = re.findall(r"`((?:sh|uv run) [^`]*<folder>[^`]*)`", (ROOT / "docs" / "desktop.md").read_text("utf-8"))
    uv = (unpacked / "pyproject.toml").exists()
    (command,) = [command for command in commands if command.startswith("uv") is uv]
    path = f"{available(script_of, UV, 'uv').parent}:{BARE_PATH}" if uv else BARE_PATH
    kept = {name: os.environ[name] for name in FOR_PACKAGES if name in os.environ}
    environ = {**kept, "PATH": path, "HOME": str(tmp_path)}
    done = until_it_succeeds(["/bin/sh", "-c", command.replace("<folder>", str(unpacked))], environ)
    assert (done.returncode, done.stdout) == (0, "Nothing waits for approval.\n"), done.stderr


@pytest.mark.parametrize("variant", VARIANTS)
def test_paths_of_windows_arrive_as_they_are(variant: str, available: Callable[..., Any]) -> None:
    folder = "C:\\Users\\First Last\\AppData\\Roaming\\Claude\\Claude Extensions\\axonflow-governance"
    chosen = {
        "backends_file": "C:\\Users\\First Last\\new\\map.json",
        "audit_log": "\\\\server\\share\\table.jsonl",
        "client_secret": 'back\\slash "quoted" $HOME ${user_config.org_id} %PATH%',
    }
    config = available(as_a_host_starts_it, manifest(variant), folder, chosen, "win32")
    started = {"uv": ("uv", "server/main.py"), "portable": ("py", f"{folder}/server/main.py")}
    assert (config["command"], config["args"][-1]) == started[variant]
    assert "-I" in config["args"]
    if variant == "uv":
        assert config["args"][config["args"].index("--directory") + 1] == folder
    assert config["env"]["AXONFLOW_BACKENDS_FILE"] == chosen["backends_file"]
    assert config["env"]["AXONFLOW_AUDIT_LOG"] == chosen["audit_log"]
    assert config["env"]["AXONFLOW_ENDPOINT"] == "http://localhost:8080"
    assert config["env"]["AXONFLOW_CLIENT_SECRET"].startswith('back\\slash "quoted" $HOME ')


@pytest.mark.skipif(sys.platform == "win32", reason="Windows starts Python by its own launcher")
@pytest.mark.parametrize("name", ["python3.10", "python3.11", "python3.12", "python3.13", "python3.14"])
def test_the_portable_one_starts_on_each_interpreter_there_is(
    bundle: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    python = real_interpreter(name)
    with zipfile.ZipFile(bundle("portable")) as archive:
        archive.extractall(tmp_path / "extension")
    environ = {
        "PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "AXONFLOW_PYTHON": python,
        "AXONFLOW_BACKENDS": json.dumps([{"id": "none", "command": "/bin/cat"}]),
    }  # fmt: skip
    launch = ["/bin/sh", str(tmp_path / "extension" / "server" / "launch")]
    checked = subprocess.run([*launch, "check"], env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert "backend none" in checked.stdout, checked.stderr
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    lines = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "id": 2, "method": "ping"},
    ]
    done = subprocess.run(
        launch, input="".join(json.dumps(line) + "\n" for line in lines), env=environ,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [1, 2], done.stderr
    assert done.returncode == 0


def real_interpreter(name: str) -> str:
    """Give an interpreter of that name, on PATH or among pyenv's; skips where there is none."""
    version = name.removeprefix("python")
    for program in (name, *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/{name}"))):
        tell = [program, "-I", "-c", "import sys; print(sys._base_executable)"]
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            return subprocess.run(tell, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    pytest.skip(f"there is no {name} on this machine")


def test_a_missing_tool_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotAvailable, match="node"):
        node()
