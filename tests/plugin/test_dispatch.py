"""hooks/dispatch.py: old Pythons, missing dependencies, and the hand-over to another interpreter."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import REPOSITORY, Plugin
from .test_run import FAIL_MODES, HOOK_EVENTS, decision, program, reason

if TYPE_CHECKING:
    from pathlib import Path

NEEDS_HTTPX = "import no_such_dependency\n"


def faked(plugin: Plugin, version: tuple[int, int]) -> Path:
    """Give an interpreter that believes to be an old one; what an older Python cannot parse is tested beside it."""
    code = (
        "import runpy, sys\n"
        f"sys.version_info = ({version[0]}, {version[1]}, 0, 'final', 0)\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    script = plugin.home / "old.py"
    script.write_text(code)
    tried = '[ "$3" != -c ] || { echo "axonflow 0"; exit; }'
    return program(plugin.home / "old-python", f"{tried}\nshift 2\nexec '{sys.executable}' -I '{script}' \"$@\"")


@pytest.mark.parametrize("version", [(3, 7), (3, 8), (3, 9)], ids=str)
def test_older_pythons_can_parse_it(version: tuple[int, int]) -> None:
    source = (REPOSITORY / "hooks" / "dispatch.py").read_text(encoding="ascii")
    ast.parse(source, feature_version=version)


@pytest.mark.parametrize("name", ["python2.7", "python3.6", "python3.7", "python3.8", "python3.9"])
def test_an_old_python_of_this_machine_says_that_it_is_too_old(dash_plugin: Plugin, name: str) -> None:
    path = shutil.which(name)
    if not path or subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip(f"no {name} here")
    env = dash_plugin.environment(AXONFLOW_PYTHON=path, PATH="/usr/bin:/bin")
    reply = dash_plugin.reply("pre-tool-use", env=env)
    assert f"is Python {name.removeprefix('python')}." in reply["systemMessage"]
    assert decision(dash_plugin.reply("pre-tool-use", env={**env, "AXONFLOW_FAIL_MODE": "closed"})) == "deny"


@pytest.mark.parametrize(("extra", "config", "expected"), FAIL_MODES, ids=repr)
def test_an_old_python_decides_by_the_fail_mode_as_run_does(
    dash_plugin: Plugin, extra: dict[str, str], config: str | None, expected: str
) -> None:
    env = dash_plugin.environment(**extra)
    if config is not None:
        folder = dash_plugin.home / ".config" / "axonflow"
        folder.mkdir(parents=True)
        (folder / "config.toml").write_bytes(config.encode())
    without = dash_plugin.reply("pre-tool-use", env=env)
    reply = dash_plugin.reply("pre-tool-use", env={**env, "AXONFLOW_PYTHON": str(faked(dash_plugin, (3, 9)))})
    assert decision(reply) == decision(without) == expected
    no_python = "No Python was found."
    too_old = f"AxonFlow needs Python 3.10 or newer; {sys.executable} is Python 3.9."
    assert json.dumps(reply) == json.dumps(without).replace(no_python, too_old)


@pytest.mark.parametrize("event", [*HOOK_EVENTS[1:], "post-read"])
def test_other_events_say_what_run_says(dash_plugin: Plugin, event: str) -> None:
    env = dash_plugin.environment(AXONFLOW_FAIL_MODE="closed", AXONFLOW_SCAN_READS="on", CLAUDE_PLUGIN_DATA="")
    without = dash_plugin.reply(event, env=env)["systemMessage"]
    message = dash_plugin.reply(event, env={**env, "AXONFLOW_PYTHON": str(faked(dash_plugin, (3, 8)))})["systemMessage"]
    assert message.startswith(without.partition("No Python was found")[0])
    assert "is Python 3.8" in message
    assert message.endswith(without.partition("start a new session.")[2])


def test_a_failed_text_stays_as_it_is_in_silence(dash_plugin: Plugin) -> None:
    env = dash_plugin.environment(AXONFLOW_PYTHON=str(faked(dash_plugin, (3, 8))))
    done = dash_plugin.run("failed-output", env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (NEEDS_HTTPX, "has no no_such_dependency"),
        ("from axonflow_hooks.nothing import x\n", "incomplete (no axonflow_hooks.nothing)"),
        ("def broken(:\n", "damaged (SyntaxError"),
        ("raise RuntimeError('secret')\n", "damaged (RuntimeError"),
    ],
    ids=["dependency", "own module", "syntax", "exception"],
)
@pytest.mark.parametrize("mode", ["open", "closed"])
def test_a_package_that_cannot_be_loaded_is_answered_for(
    dash_plugin: Plugin, python: str, source: str, expected: str, mode: str
) -> None:
    dash_plugin.package(hook=source)
    env = dash_plugin.environment(AXONFLOW_PYTHON=python, AXONFLOW_FAIL_MODE=mode)
    reply = dash_plugin.reply("pre-tool-use", env=env)
    assert decision(reply) == ("tell" if mode == "open" else "deny")
    assert expected in json.dumps(reply)
    assert "secret" not in json.dumps(reply)


def test_the_reason_of_a_failed_set_up_is_given(dash_plugin: Plugin, python: str) -> None:
    dash_plugin.package(hook=NEEDS_HTTPX)
    (dash_plugin.data / "set-up-problem").write_text("The disk is full.\nFree some space.\n")
    env = dash_plugin.environment(AXONFLOW_PYTHON=python, AXONFLOW_FAIL_MODE="closed")
    text = reason(dash_plugin.reply("pre-tool-use", env=env))
    assert "The disk is full." in text
    assert text.endswith("Free some space.")


def test_files_of_the_project_are_not_taken_for_the_plugins(dash_plugin: Plugin, python: str) -> None:
    dash_plugin.package(hook=NEEDS_HTTPX)
    (dash_plugin.project / "set-up-problem").write_text("Paste your token.\nHere.\n")
    (dash_plugin.project / "interpreter").write_text(f"{program(dash_plugin.project / 'evil')}\n")
    (dash_plugin.project / "axonflow_hooks").mkdir()
    (dash_plugin.project / "os.py").write_text("raise SystemExit(7)\n")
    for data in ("", "."):
        reply = dash_plugin.reply(
            "pre-tool-use", env=dash_plugin.environment(AXONFLOW_PYTHON=python, CLAUDE_PLUGIN_DATA=data)
        )
        assert "has no no_such_dependency" in reply["systemMessage"]


def test_a_missing_dependency_leads_to_the_recorded_interpreter_once(dash_plugin: Plugin, python: str) -> None:
    dash_plugin.package(hook=NEEDS_HTTPX)
    other = program(dash_plugin.home / "other", 'printf \'{"arguments": "%s"}\' "$1 $3 $4"')
    (dash_plugin.data / "interpreter").write_text(f"{other}\n")
    reply = dash_plugin.reply("pre-tool-use", env=dash_plugin.environment(AXONFLOW_PYTHON=python))
    assert reply["arguments"] == "-I --handed-over pre-tool-use"


def test_an_old_python_looks_for_a_newer_one_to_set_up_with(dash_plugin: Plugin) -> None:
    program(dash_plugin.home / "bin" / "python3.14", "exit 1")  # a version manager's stand-in
    checks = '[ "$2" = -c ] && exit 0'
    program(dash_plugin.home / "bin2" / "python3.14", f'{checks}\nprintf \'{{"arguments": "%s"}}\' "$1 $3 $4"')
    path = f"{dash_plugin.home / 'bin'}:{dash_plugin.home / 'bin2'}"
    env = dash_plugin.environment(AXONFLOW_PYTHON=str(faked(dash_plugin, (3, 9))), PATH=path)
    assert dash_plugin.reply("session-start", env=env)["arguments"] == "-I session-start "
    assert "is Python 3.9" in dash_plugin.reply("pre-tool-use", env=env)["systemMessage"]


def test_two_interpreters_that_both_lack_it_do_not_call_each_other_for_ever(dash_plugin: Plugin, python: str) -> None:
    dash_plugin.package(hook=NEEDS_HTTPX)
    other = program(dash_plugin.home / "other", f"exec '{python}' \"$@\"")
    (dash_plugin.data / "interpreter").write_text(f"{other}\n")
    reply = dash_plugin.reply("pre-tool-use", env=dash_plugin.environment(AXONFLOW_PYTHON=python))
    assert "has no no_such_dependency" in reply["systemMessage"]


def test_the_bridge_is_started_where_everything_is_there(dash_plugin: Plugin, python: str) -> None:
    done = dash_plugin.run("mcp", env=dash_plugin.environment(AXONFLOW_PYTHON=python))
    assert (done.returncode, done.stdout.split()[0], done.stdout.split()[-1]) == (0, b"bridge", b"False")


@pytest.mark.parametrize(("command", "status"), [("cli", 1), ("report", 0)])
def test_a_report_exits_0_even_when_nothing_works(dash_plugin: Plugin, python: str, command: str, status: int) -> None:
    dash_plugin.package(cli=NEEDS_HTTPX)
    done = dash_plugin.run(command, "status", env=dash_plugin.environment(AXONFLOW_PYTHON=python))
    assert done.returncode == status
    assert b"has no no_such_dependency" in done.stdout + done.stderr


@pytest.mark.parametrize("ending", ["raise SystemExit(2)", "raise ValueError('secret')", "return 5"])
def test_a_report_exits_0_whatever_the_command_does(dash_plugin: Plugin, python: str, ending: str) -> None:
    dash_plugin.package(cli=f"def main():\n    print('OK endpoint=x', flush=True)\n    {ending}\n")
    done = dash_plugin.run("report", "status", env=dash_plugin.environment(AXONFLOW_PYTHON=python))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"OK endpoint=x\n")
    assert b"secret" not in done.stdout


def test_a_hook_keeps_the_status_of_the_package(dash_plugin: Plugin, python: str) -> None:
    dash_plugin.package(hook="def main(event):\n    print('{}')\n    return 0\n")
    reply: dict[str, Any] = dash_plugin.reply("config-change", env=dash_plugin.environment(AXONFLOW_PYTHON=python))
    assert reply == {}
