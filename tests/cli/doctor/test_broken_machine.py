"""The doctor on machines with one thing broken each: found, named with its remedy, and nothing else is blamed."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.cli import doctor_report
from axonflow_hooks.cli.doctor_checks import wiring
from axonflow_hooks.cli.doctor_checks.machine import Machine
from axonflow_hooks.resident.spool import Recipient, Record, Spool
from tests.cli.doctor.conftest import LIVE, ROOT, WRONG_SECRET
from tests.conftest import UNKNOWN_HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.doctor.conftest import Desk

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
    desk.environ["AXONFLOW_ENDPOINT"] = f"http://127.0.0.1:{free_port()}"


def unknown_host(desk: Desk) -> None:
    desk.environ["AXONFLOW_ENDPOINT"] = f"http://{UNKNOWN_HOST}:8080"


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
    (unknown_host, "endpoint", "FAIL", f"No address is known for {UNKNOWN_HOST}", "AXONFLOW_ENDPOINT"),
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
@pytest.mark.usefixtures("unknown_host")
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
