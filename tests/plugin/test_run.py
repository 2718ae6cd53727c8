"""hooks/run, as real shells run it: finding the interpreter, and answering where there is none."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Plugin

HOOK_EVENTS = ("pre-tool-use", "post-tool-use", "post-tool-use-failure", "session-start", "config-change")


STAND_IN = 'if [ "$3" = -c ]; then echo "axonflow 1"; else echo "$0"; fi'


def program(path: Path, text: str = STAND_IN) -> Path:
    """Create a shell script that can be executed; without `text` one that says to be a Python, and gives its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def decision(reply: dict[str, Any]) -> str:
    """Give what a PreToolUse reply does: deny, or tell (the tool runs and the user reads), or nothing."""
    output = reply.get("hookSpecificOutput")
    if output:
        assert output["hookEventName"] == "PreToolUse"
        assert output["permissionDecisionReason"].startswith("AxonFlow governance blocked: ")
        return str(output["permissionDecision"])
    return "tell" if "systemMessage" in reply else "nothing"


def reason(reply: dict[str, Any]) -> str:
    return str(reply["hookSpecificOutput"]["permissionDecisionReason"])


def recorded(plugin: Plugin, interpreter: Path) -> None:
    (plugin.data / "interpreter").write_text(f"{interpreter}\n")


@pytest.mark.parametrize("event", [*HOOK_EVENTS, "failed-output"])
def test_it_hands_the_event_over_without_any_other_program(plugin: Plugin, python: str, event: str) -> None:
    reply = plugin.reply(event, env=plugin.environment(AXONFLOW_PYTHON=python), stdin=b"x" * 5_000_000)
    assert reply["event"] == event
    assert reply["stdin"] == 5_000_000
    assert Path(reply["cwd"]).samefile(plugin.project)


def test_a_recorded_interpreter_in_a_folder_with_spaces_is_used(plugin: Plugin) -> None:
    recorded(plugin, program(plugin.home / "an 'env' é" / "python"))
    done = plugin.run("pre-tool-use", env=plugin.environment())
    assert done.stdout.decode().strip() == str(plugin.home / "an 'env' é" / "python")


def test_the_order_of_interpreters(plugin: Plugin) -> None:
    on_path = program(plugin.home / "bin" / "python3")
    env = plugin.environment(PATH=str(on_path.parent))

    def chosen(**extra: str) -> str:
        return plugin.run("pre-tool-use", env={**env, **extra}).stdout.decode().strip()

    assert chosen() == str(on_path)
    checkout = program(plugin.root / ".venv" / "bin" / "python")
    assert chosen() == str(checkout)
    recorded(plugin, program(plugin.home / "recorded"))
    assert chosen() == str(plugin.home / "recorded")
    named = program(plugin.home / "named")
    assert chosen(AXONFLOW_PYTHON=str(named)) == str(named)
    assert chosen(AXONFLOW_PYTHON="python3") == str(on_path)
    assert chosen(AXONFLOW_PYTHON="") == str(plugin.home / "recorded")


@pytest.mark.parametrize("line", ["", "\n", "relative/python\n", "/no/such/python\n"], ids=repr)
def test_a_useless_record_is_passed_over(plugin: Plugin, line: str) -> None:
    (plugin.data / "interpreter").write_text(line)
    on_path = program(plugin.home / "bin" / "python3")
    done = plugin.run("pre-tool-use", env=plugin.environment(PATH=str(on_path.parent)))
    assert done.stdout.decode().strip() == str(on_path)


def test_python_is_taken_where_there_is_no_python3(plugin: Plugin) -> None:
    on_path = program(plugin.home / "bin" / "python")
    done = plugin.run("pre-tool-use", env=plugin.environment(PATH=str(on_path.parent)))
    assert done.stdout.decode().strip() == str(on_path)


def test_the_alias_of_the_windows_store_comes_last(plugin: Plugin) -> None:
    alias = program(plugin.home / "WindowsApps" / "python3")
    env = plugin.environment(PATH=f"{alias.parent}:{plugin.home / 'bin'}")
    assert plugin.run("pre-tool-use", env=env).stdout.decode().strip() == str(alias)
    real = program(plugin.home / "bin" / "python")
    assert plugin.run("pre-tool-use", env=env).stdout.decode().strip() == str(real)


def test_a_program_of_the_project_is_never_the_interpreter(plugin: Plugin) -> None:
    program(plugin.project / "python3")
    program(plugin.project / "bin" / "python3")
    (plugin.project / "interpreter").write_text(f"{plugin.project / 'python3'}\n")
    for extra in ({"PATH": ".:bin:"}, {"PATH": "", "CLAUDE_PLUGIN_DATA": "."}, {"AXONFLOW_PYTHON": "bin/python3"}):
        reply = plugin.reply("session-start", env=plugin.environment(**extra))
        assert "governance is not working" in reply["systemMessage"]


@pytest.mark.parametrize("mode", ["open", "local", "closed"])
@pytest.mark.parametrize("value", ["/no/such/python", "no-such-python", "bin/python3", ".", "/", "~/python"])
def test_a_malformed_interpreter_setting_denies_in_every_mode(plugin: Plugin, mode: str, value: str) -> None:
    recorded(plugin, program(plugin.home / "recorded"))
    env = plugin.environment(AXONFLOW_PYTHON=value, AXONFLOW_FAIL_MODE=mode)
    reply = plugin.reply("pre-tool-use", env=env)
    assert decision(reply) == "deny"
    assert "AXONFLOW_PYTHON" in reason(reply)
    assert reason(reply).endswith("Fix AxonFlow configuration to restore tool access.")


@pytest.mark.parametrize("event", HOOK_EVENTS[1:])
def test_a_malformed_interpreter_setting_is_told_at_other_events(plugin: Plugin, event: str) -> None:
    reply = plugin.reply(event, env=plugin.environment(AXONFLOW_PYTHON="/no/such/python"))
    assert list(reply) == ["systemMessage"]
    assert "AXONFLOW_PYTHON" in reply["systemMessage"]


def test_a_file_that_is_not_executable_is_no_interpreter(plugin: Plugin) -> None:
    file = plugin.home / "python"
    file.write_text("#!/bin/sh\n")
    assert decision(plugin.reply("pre-tool-use", env=plugin.environment(AXONFLOW_PYTHON=str(file)))) == "deny"


NO_PYTHON = {
    "ends well": "exit 0",
    "ends badly": "exit 1",
    "noise in its place": "echo noise",
    "noise before it": 'echo noise; exec "{python}" "$@"',
    "an empty line before it": 'echo; exec "{python}" "$@"',
    "noise without end": "while :; do echo noise; done",
    "killed": "kill -9 $$",
    "a message on stderr": "echo 'no such version' >&2; exit 127",
}


@pytest.mark.parametrize("event", [*HOOK_EVENTS, "failed-output"])
@pytest.mark.parametrize("text", NO_PYTHON.values(), ids=NO_PYTHON.keys())
def test_a_program_that_is_no_python_is_a_malformed_setting(plugin: Plugin, python: str, text: str, event: str) -> None:
    named = program(plugin.home / "named", text.replace("{python}", python))
    done = plugin.run(event, env=plugin.environment(AXONFLOW_PYTHON=str(named)))
    assert (done.returncode, done.stderr) == (0, b"")
    reply = json.loads(done.stdout or "{}")
    if event == "pre-tool-use":
        assert decision(reply) == "deny"
        assert "AXONFLOW_PYTHON does not name a Python that can be run." in reason(reply)
    elif event == "failed-output":
        assert reply == {}
    else:
        assert list(reply) == ["systemMessage"]
        assert "AXONFLOW_PYTHON" in reply["systemMessage"]


@pytest.mark.parametrize(("mode", "expected"), [("open", "tell"), ("local", "deny"), ("closed", "deny")])
def test_for_one_on_the_path_that_is_no_python_the_fail_mode_decides(plugin: Plugin, mode: str, expected: str) -> None:
    on_path = program(plugin.home / "bin" / "python3", "echo 'version not installed' >&2; exit 127")
    env = plugin.environment(PATH=str(on_path.parent), AXONFLOW_FAIL_MODE=mode)
    reply = plugin.reply("pre-tool-use", env=env)
    assert decision(reply) == expected
    assert "The Python that was found cannot be started." in json.dumps(reply)


def test_a_program_that_hangs_is_ended_and_answered_for(dash_plugin: Plugin) -> None:
    named = program(dash_plugin.home / "named", "while :; do :; done")
    env = dash_plugin.environment(AXONFLOW_PYTHON=str(named), PATH=os.environ["PATH"])
    assert decision(dash_plugin.reply("pre-tool-use", env=env)) == "deny"


def test_an_interpreter_is_tried_once_and_again_when_it_has_changed(plugin: Plugin) -> None:
    named = program(plugin.home / "named", f"{STAND_IN}; echo \"$3\" >>'{plugin.home}/calls'")
    env = plugin.environment(AXONFLOW_PYTHON=str(named))

    def trials() -> int:
        assert plugin.run("pre-tool-use", env=env).stdout.decode().strip() == str(named)
        return (plugin.home / "calls").read_text().split().count("-c")

    os.utime(named, (1_000_000_000, 1_000_000_000))
    assert [trials(), trials(), trials()] == [1, 1, 1]
    os.utime(named, (4_000_000_000, 4_000_000_000))
    assert trials() == 2
    os.utime(named, (1_000_000_000, 1_000_000_000))
    (plugin.data / "python-tried").write_text("/another/python\n")
    assert [trials(), trials()] == [3, 3]


@pytest.mark.parametrize("folder", ["", "missing", "/"], ids=repr)
def test_where_nothing_can_be_noted_it_is_tried_each_time(plugin: Plugin, python: str, folder: str) -> None:
    data = {"": "", "missing": str(plugin.home / "missing"), "/": "/proc"}[folder]
    env = plugin.environment(AXONFLOW_PYTHON=python, CLAUDE_PLUGIN_DATA=data)
    for _ in range(2):
        assert plugin.reply("pre-tool-use", env=env)["event"] == "pre-tool-use"


def test_one_that_was_tried_gets_the_fast_way(plugin: Plugin) -> None:
    (plugin.root / "hooks" / "relay.py").touch()
    named = program(plugin.home / "named", 'if [ "$3" = -c ]; then echo "axonflow 1"; else echo "$@"; fi')
    done = plugin.run("pre-tool-use", env=plugin.environment(AXONFLOW_PYTHON=str(named)))
    assert done.stdout.decode().split("\n")[0].startswith("-I -S ")
    old = program(plugin.home / "old", 'if [ "$3" = -c ]; then echo "axonflow 0"; else echo "$@"; fi')
    done = plugin.run("pre-tool-use", env=plugin.environment(AXONFLOW_PYTHON=str(old)))
    assert "dispatch.py" in done.stdout.decode()


FAIL_MODES = [
    ({}, None, "tell"),
    ({"AXONFLOW_FAIL_MODE": ""}, None, "tell"),
    ({"AXONFLOW_FAIL_MODE": "open"}, None, "tell"),
    ({"AXONFLOW_FAIL_MODE": " Open "}, None, "tell"),
    ({"AXONFLOW_FAIL_MODE": "local"}, None, "deny"),
    ({"AXONFLOW_FAIL_MODE": "closed"}, None, "deny"),
    ({"AXONFLOW_FAIL_MODE": "CLOSED"}, None, "deny"),
    ({"AXONFLOW_FAIL_MODE": "strict"}, None, "deny"),
    ({"AXONFLOW_FAIL_MODE": 'x"y\\'}, None, "deny"),
    ({}, 'fail_mode = "closed"\n', "deny"),
    ({}, "fail_mode='closed'", "deny"),
    ({}, '\r\n# why\r\n\t fail_mode\t=\t"closed"  # "open"\r\n', "deny"),
    ({}, '"fail_mode" = "local"\n', "deny"),
    ({}, 'fail_mode = "strict"\n', "deny"),
    ({}, "fail_mode = closed\n", "deny"),
    ({}, 'fail_mode = "open"\n', "tell"),
    ({}, 'endpoint = "http://localhost:8080"\n', "tell"),
    ({}, '# fail_mode = "closed"\nxfail_mode = "closed"\n', "tell"),
    ({}, '[other]\nfail_mode = "closed"\n', "tell"),
    ({"AXONFLOW_FAIL_MODE": "open"}, 'fail_mode = "closed"\n', "tell"),
    ({"AXONFLOW_FAIL_MODE": "closed"}, 'fail_mode = "open"\n', "deny"),
]


@pytest.mark.parametrize(("extra", "config", "expected"), FAIL_MODES, ids=repr)
def test_the_fail_mode_decides_where_there_is_no_python(
    plugin: Plugin, extra: dict[str, str], config: str | None, expected: str
) -> None:
    if config is not None:
        folder = plugin.home / ".config" / "axonflow"
        folder.mkdir(parents=True)
        (folder / "config.toml").write_bytes(config.encode())
    reply = plugin.reply("pre-tool-use", env=plugin.environment(**extra))
    assert decision(reply) == expected
    assert "Install Python 3.10" in json.dumps(reply) or "must be open, local or closed" in reason(reply)


def test_a_configuration_that_cannot_be_read_denies(plugin: Plugin) -> None:
    (plugin.home / "settings" / "config.toml").mkdir(parents=True)
    env = plugin.environment(AXONFLOW_CONFIG_DIR=str(plugin.home / "settings"))
    assert "config.toml" in reason(plugin.reply("pre-tool-use", env=env))


@pytest.mark.parametrize("event", HOOK_EVENTS[1:])
def test_other_events_only_tell_where_there_is_no_python(plugin: Plugin, event: str) -> None:
    reply = plugin.reply(event, env=plugin.environment(AXONFLOW_FAIL_MODE="closed"), stdin=b"x" * 1_000_000)
    assert list(reply) == ["systemMessage"]
    assert "Install Python 3.10" in reply["systemMessage"]


SCAN_READS = [
    ({}, None, False),
    ({"AXONFLOW_SCAN_READS": ""}, None, False),
    ({"AXONFLOW_SCAN_READS": "1"}, None, True),
    ({"AXONFLOW_SCAN_READS": " On "}, None, True),
    ({"AXONFLOW_SCAN_READS": "Off"}, None, False),
    ({"AXONFLOW_SCAN_READS": "0"}, None, False),
    ({"AXONFLOW_SCAN_READS": "maybe"}, None, True),
    ({}, "scan_reads = true\n", True),
    ({}, "scan_reads = false\n", False),
    ({}, 'fail_mode = "closed"\n"scan_reads" = "on" # why\n', True),
    ({}, "[other]\nscan_reads = true\n", False),
    ({"AXONFLOW_SCAN_READS": "no"}, "scan_reads = true\n", False),
]


@pytest.mark.parametrize(("extra", "config", "scanned"), SCAN_READS, ids=repr)
def test_reads_are_handed_over_only_where_the_user_wants_it(
    plugin: Plugin, python: str, extra: dict[str, str], config: str | None, scanned: bool
) -> None:
    if config is not None:
        folder = plugin.home / ".config" / "axonflow"
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text(config)
    reply = plugin.reply("post-read", env=plugin.environment(AXONFLOW_PYTHON=python, **extra))
    assert (reply.get("event") == "post-read") is scanned
    told = plugin.reply("post-read", env=plugin.environment(**extra))
    assert ("systemMessage" in told) is scanned


def test_a_configuration_that_cannot_be_read_is_for_the_package_to_judge(plugin: Plugin, python: str) -> None:
    (plugin.home / "settings" / "config.toml").mkdir(parents=True)
    env = plugin.environment(AXONFLOW_CONFIG_DIR=str(plugin.home / "settings"), AXONFLOW_PYTHON=python)
    assert plugin.reply("post-read", env=env)["event"] == "post-read"


@pytest.mark.parametrize("mode", ["open", "closed"])
def test_without_python_a_failed_text_stays_as_it_is_in_silence(plugin: Plugin, mode: str) -> None:
    assert plugin.reply("failed-output", env=plugin.environment(AXONFLOW_FAIL_MODE=mode)) == {}


@pytest.mark.parametrize(("mode", "then"), [("open", "run ungoverned"), ("local", "are blocked"), ("?", "are blocked")])
def test_the_start_of_a_session_says_what_happens_to_tools(plugin: Plugin, mode: str, then: str) -> None:
    reply = plugin.reply("session-start", env=plugin.environment(AXONFLOW_FAIL_MODE=mode))
    assert reply["systemMessage"].endswith(f"Until then tool calls {then}.")


def test_ungoverned_calls_are_told_once_in_a_session_and_denials_always(plugin: Plugin) -> None:
    env = plugin.environment(CLAUDE_CODE_SESSION_ID="one")
    assert decision(plugin.reply("pre-tool-use", env=env)) == "tell"
    assert plugin.reply("pre-tool-use", env=env) == {}
    assert plugin.reply("post-tool-use", env=env) == {}
    assert decision(plugin.reply("pre-tool-use", env={**env, "CLAUDE_CODE_SESSION_ID": "two"})) == "tell"
    for _ in range(2):
        assert decision(plugin.reply("pre-tool-use", env={**env, "AXONFLOW_FAIL_MODE": "closed"})) == "deny"


def test_a_data_folder_that_is_missing_changes_nothing(plugin: Plugin) -> None:
    env = plugin.environment(CLAUDE_CODE_SESSION_ID="one", CLAUDE_PLUGIN_DATA=str(plugin.home / "missing"))
    for _ in range(2):
        assert decision(plugin.reply("pre-tool-use", env=env)) == "tell"


@pytest.mark.parametrize(("mode", "expected"), [("open", "tell"), ("closed", "deny")])
def test_an_interpreter_that_cannot_be_started_is_answered_for(plugin: Plugin, mode: str, expected: str) -> None:
    broken = plugin.home / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    recorded(plugin, broken)
    env = plugin.environment(AXONFLOW_FAIL_MODE=mode)
    assert decision(plugin.reply("pre-tool-use", env=env)) == expected
    assert decision(plugin.reply("pre-tool-use", env={**env, "AXONFLOW_PYTHON": str(broken)})) == "deny"


@pytest.mark.parametrize(("command", "status", "stream"), [("mcp", 1, "err"), ("cli", 1, "err"), ("report", 0, "out")])
def test_commands_say_it_in_plain_text(plugin: Plugin, command: str, status: int, stream: str) -> None:
    done = plugin.run(command, "status", env=plugin.environment())
    said, silent = (done.stderr, done.stdout) if stream == "err" else (done.stdout, done.stderr)
    assert (done.returncode, silent) == (status, b"")
    assert b"No Python was found. Install Python 3.10" in said


def test_commands_find_the_environment_without_the_plugins_variables(plugin: Plugin, python: str) -> None:
    record = plugin.home / ".claude" / "plugins" / "data" / "axonflow-axonflow" / "interpreter"
    record.parent.mkdir(parents=True)
    record.write_text(f"{python}\n")
    done = plugin.run("cli", "login", "-", env={"PATH": "/nonexistent", "HOME": str(plugin.home)})
    assert done.stdout.decode().strip() == "cli ['axonflow-hooks', 'login', '-']"
    assert done.returncode == 3
    assert plugin.run("report", "status", env=plugin.environment(AXONFLOW_PYTHON=python)).returncode == 0
