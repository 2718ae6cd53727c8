"""The doctor on a healthy machine, and on machines with one thing broken each."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks import settings as settings_module
from axonflow_hooks.cli import doctor_report
from axonflow_hooks.cli.doctor_checks import agent as agent_checks
from axonflow_hooks.cli.doctor_checks import files, live, wiring
from axonflow_hooks.cli.doctor_checks import machine as machine_module
from axonflow_hooks.cli.doctor_checks.machine import Machine
from axonflow_hooks.paths import Paths, resolve_paths
from axonflow_hooks.resident.spool import Recipient, Record, Spool
from devtools.live import clean_environment, running_agent
from tests.conftest import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from axonflow_hooks.cli.doctor_checks.finding import Finding
    from tests.conftest import Received, StandIn

ROOT = Path(__file__).resolve().parents[2]
WRONG_SECRET = "not-the-secret-of-this-agent"
WHOLE = (
    "plugin, versions, hooks.json, launcher, mcp server, interpreter, environment, claude code, claude settings, "
    "settings, config folder, credential files, state folder, disk, audit spool, ungoverned, endpoint, agent, "
    "compatibility, credential, policies, live deny, live redaction, live audit, resident, hook time"
).split(", ")
LIVE = WHOLE[-5:]


@dataclass
class Desk:
    """A user's machine: a home that knows a running agent, a project folder, and this checkout as the plugin."""

    home: Path
    environ: dict[str, str]
    root: Path | None = ROOT
    found: dict[str, Finding] = field(default_factory=dict)

    @property
    def paths(self) -> Paths:
        return resolve_paths(self.environ)

    @property
    def project(self) -> Path:
        return self.home / "my project"

    def examine(self) -> dict[str, Finding]:
        machine = Machine(self.environ, self.root, self.project)
        self.found = {finding.name: finding for finding in doctor_report.examine(machine)}
        return self.found

    def copy_plugin(self) -> Path:
        """Use a copy of the plugin, in which something can be broken."""
        copy = self.home / "a plugin"
        for name in ("axonflow_hooks", "hooks", ".claude-plugin", "requirements"):
            shutil.copytree(ROOT / name, copy / name)
        shutil.copy(ROOT / ".mcp.json", copy)
        self.environ["AXONFLOW_PYTHON"] = sys.executable
        self.root = copy
        return copy

    def write(self, path: Path, content: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Give a real agent's endpoint and the file in which it has kept its credential."""
    home = tmp_path_factory.mktemp("agent")
    environ = clean_environment(home)
    with running_agent(environ) as endpoint:
        yield endpoint, resolve_paths(environ).agent_credentials_file


@pytest.fixture
def sockets() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="axf-", ignore_cleanup_errors=True) as folder:
        yield folder


@pytest.fixture
def desk(agent: tuple[str, Path], tmp_path: Path, sockets: str, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(machine_module, "AGENT_WAIT_S", 60.0)  # a busy machine is not what is examined
    endpoint, kept = agent
    environ = {
        **clean_environment(tmp_path),
        "AXONFLOW_ENDPOINT": endpoint,
        "AXONFLOW_RESIDENT_DIR": sockets,
        "AXONFLOW_RESIDENT_IDLE_S": "2",
    }
    made = Desk(tmp_path, environ)
    made.project.mkdir()
    made.paths.config_dir.mkdir(parents=True)
    shutil.copy2(kept, made.paths.agent_credentials_file)
    return made


def run(desk: Desk, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=desk.environ, cwd=desk.project, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_healthy_machine_through_the_launcher(desk: Desk) -> None:
    done = run(desk, "sh", str(ROOT / "hooks" / "run"), "cli", "doctor")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.partition(":")[0] for line in lines] == [f"OK   {name}" for name in WHOLE]
    assert str(ROOT) in lines[0]
    assert "[decision: " in done.stdout


def test_a_healthy_machine_as_json(desk: Desk) -> None:
    desk.environ["CLAUDE_PLUGIN_ROOT"] = str(ROOT)
    done = run(desk, str(Path(sys.executable).parent / "axonflow-hooks"), "doctor", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["healthy"], report["plugin_root"]) == (0, True, str(ROOT))
    assert [finding["name"] for finding in report["findings"]] == WHOLE
    assert {finding["level"] for finding in report["findings"]} == {"OK"}
    figures = report["findings"][-1]["figures"]
    assert 0 < figures["p50_ms"] <= figures["p95_ms"]
    assert figures["calls"] >= 2


def test_an_installed_plugin_in_a_terminal_that_knows_nothing_of_it(desk: Desk) -> None:
    copy = desk.copy_plugin()
    del desk.environ["AXONFLOW_PYTHON"]
    data = desk.home / ".claude" / "plugins" / "data" / "axonflow-axonflow"
    desk.write(data / "interpreter", f"{sys.executable}\n")
    done = run(desk, "sh", str(copy / "hooks" / "run"), "cli", "doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line[:4] for line in done.stdout.splitlines()] == ["OK  "] * len(WHOLE)
    assert f"OK   plugin: {copy}\n" in done.stdout
    assert f"({sys.executable})" in done.stdout


def test_a_working_folder_that_is_gone(desk: Desk) -> None:
    away = desk.home / "away"
    away.mkdir()
    # Not by the installed script: where its path has spaces, it starts a shell that complains of the folder by itself.
    start = "import sys; from axonflow_hooks.cli import main; sys.exit(main(['doctor']))"
    script = f"cd '{away}' && rmdir '{away}' && AXONFLOW_ENDPOINT=x exec '{sys.executable}' -I -c \"{start}\""
    done = run(desk, "sh", "-c", script)
    assert (done.returncode, done.stderr) == (1, "")
    assert "FAIL settings: AXONFLOW_ENDPOINT is not an http or https URL." in done.stdout


def test_a_failure_is_the_exit_status_and_the_fix_stands_below_it(desk: Desk) -> None:
    desk.environ["AXONFLOW_TIMEOUT_SECONDS"] = "soon"
    done = run(desk, str(Path(sys.executable).parent / "axonflow-hooks"), "doctor")
    lines = done.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("FAIL settings: "))
    assert "AXONFLOW_TIMEOUT_SECONDS" in lines[at]
    assert lines[at + 1] == "     fix: Give a number up to 12."
    assert (done.returncode, done.stderr) == (1, "")


# What is broken → which finding, its level, what its text says, what its fix says


def readable_credential(desk: Desk) -> None:
    desk.paths.agent_credentials_file.chmod(0o644)


def damaged_licence(desk: Desk) -> None:
    desk.write(desk.paths.license_file, "{")
    desk.paths.license_file.chmod(0o600)


def open_config_folder(desk: Desk) -> None:
    desk.paths.config_dir.chmod(0o777)


def malformed_timeout(desk: Desk) -> None:
    desk.environ["AXONFLOW_TIMEOUT_SECONDS"] = "soon"


def timeout_too_long(desk: Desk) -> None:
    desk.environ["AXONFLOW_TIMEOUT_SECONDS"] = "60"


def broken_config_file(desk: Desk) -> None:
    desk.write(desk.paths.config_file, "endpoint = \n")


def no_agent(desk: Desk) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        desk.environ["AXONFLOW_ENDPOINT"] = f"http://127.0.0.1:{unused.getsockname()[1]}"


def unknown_host(desk: Desk) -> None:
    desk.environ["AXONFLOW_ENDPOINT"] = "http://agent.invalid:8080"


def tls_where_there_is_none(desk: Desk) -> None:
    desk.environ["AXONFLOW_ENDPOINT"] = desk.environ["AXONFLOW_ENDPOINT"].replace("http:", "https:")


def nothing_configured(desk: Desk) -> None:
    del desk.environ["AXONFLOW_ENDPOINT"]
    desk.environ["AXONFLOW_COMMUNITY_SAAS"] = "0"


def wrong_credential(desk: Desk) -> None:
    desk.environ["AXONFLOW_AUTH"] = f"local:{WRONG_SECRET}"


def other_release(desk: Desk) -> None:
    manifest = desk.copy_plugin() / ".claude-plugin" / "plugin.json"
    desk.write(manifest, {**json.loads(manifest.read_text(encoding="utf-8")), "version": "1.9.0"})


def no_manifest(desk: Desk) -> None:
    (desk.copy_plugin() / ".claude-plugin" / "plugin.json").unlink()


def old_claude_code(desk: Desk) -> None:
    claude_that(desk, "echo '2.1.120 (Claude Code)'")


def claude_code_that_does_not_start(desk: Desk) -> None:
    claude_that(desk, "echo 'no such library' >&2; exit 127")


def claude_that(desk: Desk, does: str) -> None:
    program = desk.home / "bin" / "claude"
    desk.write(program, f"#!/bin/sh\n{does}\n")
    program.chmod(0o755)
    desk.environ["PATH"] = f"{program.parent}:{desk.environ['PATH']}"


def reads_not_covered(desk: Desk) -> None:
    wiring_file = desk.copy_plugin() / "hooks" / "hooks.json"
    text = wiring_file.read_text(encoding="utf-8")
    assert text.count("^(Read|") == 1
    desk.write(wiring_file, text.replace("^(Read|", "^(Reed|"))


def no_hooks_module(desk: Desk) -> None:
    (desk.copy_plugin() / "hooks" / "failed_output.js").unlink()


def damaged_hooks_json(desk: Desk) -> None:
    desk.write(desk.copy_plugin() / "hooks" / "hooks.json", '{"hooks": {')


def hook_group(desk: Desk, event: str, change: Callable[[dict[str, Any]], None]) -> None:
    file = desk.copy_plugin() / "hooks" / "hooks.json"
    value = json.loads(file.read_text(encoding="utf-8"))
    change(value["hooks"][event][0])
    desk.write(file, value)


def event_without_hook(desk: Desk) -> None:
    hook_group(desk, "PostToolUseFailure", lambda group: group.update(hooks=[]))


def tools_without_hook(desk: Desk) -> None:
    hook_group(desk, "PostToolUse", lambda group: group.update(hooks=[]))


def tool_not_covered(desk: Desk) -> None:
    hook_group(desk, "PreToolUse", lambda group: group.update(matcher="^(Write|Edit)$"))


def command_that_is_not_there(desk: Desk) -> None:
    args = ["${CLAUDE_PLUGIN_ROOT}/hooks/gone", "session-start"]
    hook_group(desk, "SessionStart", lambda group: group["hooks"][0].update(args=args))


def open_on_failure(desk: Desk) -> None:
    hook_group(desk, "PreToolUse", lambda group: group["hooks"][0].pop("onFailure"))


def no_launcher(desk: Desk) -> None:
    (desk.copy_plugin() / "hooks" / "run").unlink()


def noisy_launcher(desk: Desk) -> None:
    folder = desk.copy_plugin() / "hooks"
    (folder / "run").rename(folder / "real")
    noise = "#!/bin/sh\n[ \"$1\" != pre-tool-use ] || echo 'welcome back!'\n"
    desk.write(folder / "run", f'{noise}exec "{sys.executable}" -E -s "{folder}/dispatch.py" "$@"\n')


def no_mcp_server(desk: Desk) -> None:
    desk.write(desk.copy_plugin() / ".mcp.json", {"mcpServers": {}})


def python_that_is_not_there(desk: Desk) -> None:
    desk.environ["AXONFLOW_PYTHON"] = "/nonexistent/python3"


def python_without_packages(desk: Desk) -> None:
    desk.copy_plugin()
    bare = desk.home / "bare"
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", str(bare)], check=True)
    desk.environ["AXONFLOW_PYTHON"] = str(bare / "bin" / "python")


def file_in_place_of_state(desk: Desk) -> None:
    desk.write(desk.paths.state_dir, "in the way")


def hooks_disabled(desk: Desk) -> None:
    desk.write(desk.home / ".claude" / "settings.json", {"disableAllHooks": True})


def plugin_disabled_in_project(desk: Desk) -> None:
    switches = {"enabledPlugins": {"axonflow@axonflow": False}}
    desk.write(desk.project / ".claude" / "settings.local.json", switches)


def other_environment_in_hooks(desk: Desk) -> None:
    desk.write(desk.home / ".claude" / "settings.json", {"env": {"AXONFLOW_AUTH": WRONG_SECRET}})


def damaged_claude_settings(desk: Desk) -> None:
    desk.write(desk.project / ".claude" / "settings.json", "{,}")


def record(at: float) -> Record:
    gone = Recipient("http://127.0.0.1:9", "local")
    return Record(f"key-{at}", gone, "", "s", '{"tool_name": "Bash"}', at)


def waiting_records(desk: Desk) -> None:
    with contextlib.closing(Spool(desk.paths.spool_dir)) as spool:
        spool.append([record(time.time() - 7200), record(time.time() - 7199)])


def dropped_records(desk: Desk) -> None:
    with contextlib.closing(Spool(desk.paths.spool_dir)) as spool:
        spool.append([record(time.time() - 60 * 86_400)])
        spool.drop_old()


def ungoverned_calls(desk: Desk) -> None:
    line = {"at": time.time() - 60, "plane": "request", "session_id": "s", "tool_name": "Bash", "cause": "x"}
    desk.write(desk.paths.state_dir / "ungoverned.jsonl", json.dumps(line) + "\n")


BROKEN: list[tuple[Callable[[Desk], None], str, str, str, str]] = [
    (readable_credential, "credential files", "FAIL", "mode 0644", "chmod 600 '"),
    (damaged_licence, "credential files", "FAIL", "license-token.json is not a JSON object", "Restore it"),
    (open_config_folder, "config folder", "FAIL", "Other users can write", "chmod 700 '"),
    (malformed_timeout, "settings", "FAIL", "AXONFLOW_TIMEOUT_SECONDS", "Give a number up to 12."),
    (timeout_too_long, "settings", "WARN", "12 s are used", "Set it to 12 or less."),
    (broken_config_file, "settings", "FAIL", "config.toml is not valid TOML", "Repair or delete it."),
    (no_agent, "endpoint", "FAIL", "Nothing listens on port", "`axonflow-hooks agent`"),
    (unknown_host, "endpoint", "FAIL", "No address is known for agent.invalid", "AXONFLOW_ENDPOINT"),
    (tls_where_there_is_none, "endpoint", "FAIL", "does not speak TLS", "begin with http://"),
    (nothing_configured, "endpoint", "FAIL", "No agent is configured", "`axonflow-hooks agent`"),
    (wrong_credential, "credential", "FAIL", "refuses client local (setting)", "Set AXONFLOW_AUTH"),
    (other_release, "versions", "FAIL", "plugin.json 1.9.0", "Reinstall the plugin"),
    (no_manifest, "versions", "FAIL", "plugin.json", "Reinstall the plugin"),
    (old_claude_code, "claude code", "WARN", "Release 2.1.120 cannot replace", "Update Claude Code to 2.1.121"),
    (claude_code_that_does_not_start, "claude code", "WARN", "no such library", "claude doctor"),
    (reads_not_covered, "hooks.json", "FAIL", "does not cover Read", "Reinstall the plugin"),
    (no_hooks_module, "launcher", "FAIL", "hooks/failed_output.js", "Reinstall the plugin"),
    (damaged_hooks_json, "hooks.json", "FAIL", "not a JSON object", "Reinstall the plugin"),
    (event_without_hook, "hooks.json", "FAIL", "no hook for PostToolUseFailure", "Reinstall the plugin"),
    (tools_without_hook, "hooks.json", "FAIL", "The PostToolUse hook does not cover Bash", "Reinstall the plugin"),
    (tool_not_covered, "hooks.json", "FAIL", "does not cover Bash", "Reinstall the plugin"),
    (command_that_is_not_there, "hooks.json", "FAIL", "hooks/gone", "Reinstall the plugin"),
    (open_on_failure, "hooks.json", "WARN", "onFailure", "Reinstall the plugin"),
    (no_launcher, "launcher", "FAIL", "hooks/run", "Reinstall the plugin"),
    (noisy_launcher, "live deny", "FAIL", "something else than one JSON object", "Reinstall the plugin"),
    (no_mcp_server, "mcp server", "FAIL", "no server `axonflow`", "Reinstall the plugin"),
    (python_that_is_not_there, "interpreter", "FAIL", "AXONFLOW_PYTHON does not name", "Set AXONFLOW_PYTHON"),
    (python_without_packages, "interpreter", "FAIL", "typer", "Set AXONFLOW_PYTHON"),
    (file_in_place_of_state, "state folder", "FAIL", "is not a folder", "ls -ld"),
    (hooks_disabled, "claude settings", "FAIL", "(disableAllHooks)", "Remove disableAllHooks from"),
    (plugin_disabled_in_project, "claude settings", "FAIL", "settings.local.json", "Remove enabledPlugins.axonflow"),
    (other_environment_in_hooks, "claude settings", "WARN", "another AXONFLOW_AUTH", "Set the same here"),
    (damaged_claude_settings, "claude settings", "WARN", "cannot be read as a JSON object", "Repair it"),
    (waiting_records, "audit spool", "WARN", "2 audit records wait for the agent, the oldest for 2 hours", "reachable"),
    (dropped_records, "audit spool", "WARN", "1 audit records were dropped", "resident.log"),
    (ungoverned_calls, "ungoverned", "WARN", "1 calls without a verdict", "AXONFLOW_FAIL_MODE"),
]


@pytest.mark.parametrize(
    ("broken", "name", "level", "text", "fix"), [pytest.param(*b, id=b[0].__name__) for b in BROKEN]
)
def test_a_broken_machine(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[Desk], None],
    name: str,
    level: str,
    text: str,
    fix: str,
) -> None:
    if level == "WARN" or name != "live deny":
        # Governance in action has tests of its own; here it must only not hide what is broken.
        monkeypatch.setattr(doctor_report, "_LIVE", ())
    broken(desk)
    found = desk.examine()
    assert found[name].level == level, found[name]
    assert text in found[name].text
    assert fix in found[name].fix
    assert doctor_report.is_healthy(list(found.values())) is (level != "FAIL")
    # Nothing else is blamed: a finding beside it is a check that this one keeps from being made.
    others = {n: f for n, f in found.items() if f.level != "OK" and n != name}
    consequences = {"credential files": {"credential"}, "live deny": {"hook time"}}.get(name, set())
    assert [n for n, f in others.items() if n not in consequences and "Not checked" not in f.text] == []
    assert WRONG_SECRET not in "".join(map(doctor_report.line_of, found.values()))


def test_what_is_wrong_before_keeps_the_live_checks_from_misleading(desk: Desk) -> None:
    wrong_credential(desk)
    found = desk.examine()
    assert {(found[name].level, found[name].text) for name in LIVE} == {("WARN", "Not checked: see credential.")}
    assert not desk.paths.state_dir.exists(), "no hook was fired"


@pytest.mark.parametrize(
    ("managed", "level"),
    [
        pytest.param({"allowManagedHooksOnly": True}, "FAIL", id="only-managed-hooks"),
        pytest.param({"allowManagedHooksOnly": True, "enabledPlugins": {"axonflow@acme": True}}, "OK", id="ours-too"),
    ],
)
def test_the_administrators_settings_count(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, managed: dict[str, Any], level: str
) -> None:
    monkeypatch.setattr(wiring, "_managed_folder", lambda: desk.home / "managed")
    desk.write(desk.home / "managed" / "managed-settings.json", managed)
    desk.write(desk.home / ".claude" / "settings.json", {"allowManagedHooksOnly": True})  # not a user's to say
    found = wiring.settings_files(Machine(desk.environ, ROOT, desk.project))
    assert found.level == level
    assert ("managed-settings.json" in found.fix) is (level == "FAIL")


# Agents that are not as they should be


def scripted(desk: Desk, stand_in: StandIn, **health: Any) -> None:
    """Put in the agent's place one that allows and records everything, and finds nothing."""

    def answer(request: Received) -> Reply:
        call = request.json()
        result = {"allowed": True, "decision_id": "d-1", "policies_evaluated": 3, "recorded": True, "entries": []}
        content = [{"type": "text", "text": json.dumps(result)}]
        return Reply(200, {"jsonrpc": "2.0", "id": call["id"], "result": {"content": content}})

    stand_in.replies["/health"] = Reply(200, {"status": "healthy", **health})
    stand_in.replies["/api/v1/mcp-server"] = answer
    desk.environ["AXONFLOW_ENDPOINT"] = stand_in.url


def test_an_agent_that_lets_everything_through(desk: Desk, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "AUDIT_WAIT_S", 0.2)
    scripted(desk, stand_in)
    found = desk.examine()
    assert [found[name].level for name in LIVE] == ["FAIL", "FAIL", "FAIL", "OK", "OK"]
    assert "`rm -rf /` would run" in found["live deny"].text
    assert "list_policies" in found["live deny"].fix
    assert "PII_ACTION" in found["live redaction"].fix
    assert str(desk.paths.resident_log) in found["live audit"].fix


def test_outputs_that_are_not_to_be_masked_are_no_failure(desk: Desk, stand_in: StandIn) -> None:
    scripted(desk, stand_in)
    desk.environ["PII_ACTION"] = "warn"
    found = live.redaction(Machine(desk.environ, ROOT, desk.project))
    assert (found.level, found.fix) == ("WARN", "Set PII_ACTION=redact for the agent, or unset it.")


@pytest.mark.parametrize(
    ("said", "name", "level", "text"),
    [
        pytest.param({"status": "unhealthy"}, "agent", "FAIL", "says it is unhealthy", id="unhealthy"),
        pytest.param(
            {"plugin_compatibility": {"min_plugin_version": {"claude-code": "99.0"}}},
            "compatibility",
            "WARN",
            "older than the oldest release that the agent supports (99.0)",
            id="too-new",
        ),
        pytest.param({"policy_faults": 2}, "policies", "WARN", "2 policies or files of policies are not", id="unused"),
    ],
)
def test_what_the_agent_says_of_itself(
    desk: Desk,
    stand_in: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    said: dict[str, Any],
    name: str,
    level: str,
    text: str,
) -> None:
    monkeypatch.setattr(doctor_report, "_LIVE", ())
    scripted(desk, stand_in, **said)
    found = desk.examine()[name]
    assert (found.level, text in found.text, bool(found.fix)) == (level, True, True)


def test_policies_that_the_agent_cannot_use_are_named(
    tmp_path: Path, sockets: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_module, "AGENT_WAIT_S", 60.0)
    environ = clean_environment(tmp_path)
    packs = resolve_paths(environ).config_dir / "policies"
    packs.mkdir(parents=True, mode=0o700)
    (packs / "mine.toml").write_text("not a pack", encoding="utf-8")
    with running_agent(environ) as endpoint:
        machine = Machine({**environ, "AXONFLOW_ENDPOINT": endpoint, "AXONFLOW_RESIDENT_DIR": sockets}, None, tmp_path)
        found = agent_checks.policies(machine)
        (packs / "mine.toml").unlink()
        deadline = time.monotonic() + 60
        while (after := agent_checks.policies(machine)).level != "OK":
            assert time.monotonic() < deadline, after
    assert (found.level, found.text[:40]) == ("WARN", "1 policy or file of policies is not in u")
    assert "mine.toml: not valid TOML" in found.text
    assert "axonflow-hooks policy test FILE" in found.fix


def test_a_hanging_agent_is_not_waited_for(desk: Desk, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_module, "AGENT_WAIT_S", 0.3)
    stand_in.replies["/health"] = Reply(act="hang")
    desk.environ["AXONFLOW_ENDPOINT"] = stand_in.url
    found = desk.examine()["endpoint"]
    assert (found.level, "gave no answer within 0.3 s" in found.text) == ("FAIL", True)


def test_a_machine_is_not_registered_by_its_doctor(
    desk: Desk, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_module, "COMMUNITY_SAAS_ENDPOINT", stand_in.url)
    stand_in.replies["/health"] = Reply(200, {"status": "healthy"})
    del desk.environ["AXONFLOW_ENDPOINT"]
    found = desk.examine()
    assert found["credential"].level == "WARN"
    assert "axonflow-hooks recover" in found["credential"].fix
    assert {found[name].text for name in LIVE} == {"Not checked: see credential."}
    assert {request.path for request in stand_in.requests} == {"/health"}


# The doctor's own trouble


def test_a_package_without_the_plugin_says_so(desk: Desk) -> None:
    desk.root = None
    found = desk.examine()
    assert (found["plugin"].level, "--plugin-root" in found["plugin"].fix) == ("WARN", True)
    assert found["credential"].level == "OK"
    assert found.keys().isdisjoint({"hooks.json", "launcher", *LIVE})


def test_a_resident_that_cannot_be_had(desk: Desk) -> None:
    desk.environ["AXONFLOW_RESIDENT_DIR"] = str(desk.paths.config_file)
    desk.write(desk.paths.config_file, "")
    found = live.resident(Machine(desk.environ, ROOT, desk.project))
    assert (found.level, "AXONFLOW_RESIDENT_DIR" in found.fix) == ("WARN", True)


def test_a_full_disk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FULL_BYTES", 10**18)
    found = files.disk(Machine(desk.environ, ROOT, desk.project))
    assert (found.level, found.fix) == ("FAIL", "Free some space.")


def test_a_check_that_breaks_is_a_finding(desk: Desk) -> None:
    def breaks(_machine: Machine) -> Finding:
        raise KeyError(WRONG_SECRET)

    found = doctor_report._bounded("x", breaks, Machine(desk.environ, ROOT, desk.project))
    assert (found.level, found.text) == ("FAIL", "This check itself failed (KeyError).")


def test_a_check_that_hangs_is_a_finding(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(doctor_report, "CHECK_WAIT_S", 0.05)

    def hangs(_machine: Machine) -> Finding:
        over.wait()
        raise AssertionError

    found = doctor_report._bounded("x", hangs, Machine(desk.environ, ROOT, desk.project))
    over.set()
    assert (found.level, "no result within" in found.text) == ("FAIL", True)


@pytest.mark.parametrize("as_json", [False, True], ids=["lines", "json"])
def test_a_python_without_packages_is_a_finding_too(desk: Desk, as_json: bool) -> None:
    without = (
        "import sys; sys.modules['httpx'] = None; from axonflow_hooks.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = run(desk, sys.executable, "-c", without, "doctor", *(["--json"] if as_json else []))
    finding = json.loads(done.stdout)["findings"][0] if as_json else {"text": done.stdout}
    assert (done.returncode, done.stderr) == (1, "")
    assert "lacks httpx" in finding["text"]


def test_the_interpreter_tells_what_it_lacks() -> None:
    # By its path: the package of the command line needs what this interpreter lacks.
    facts = ROOT / "axonflow_hooks" / "cli" / "doctor_checks" / "python_facts.py"
    script = (
        f"import sys, runpy, json; sys.path.insert(0, {str(ROOT)!r}); "
        f"print(json.dumps(runpy.run_path({str(facts)!r})['describe_interpreter']()))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert set(said["missing"]) >= {"httpx", "pydantic", "typer"}
    assert Path(said["python"]).samefile(sys.executable)
