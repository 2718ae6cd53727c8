"""The doctor as its users start it: on a healthy machine, and what it says and gives back where something fails."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cli.doctor.conftest import WHOLE, run

if TYPE_CHECKING:
    from tests.cli.doctor.conftest import Desk


def test_a_healthy_machine_through_the_launcher(desk: Desk) -> None:
    done = run(desk, "sh", f"{desk.root}/hooks/run", "cli", "doctor")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.partition(":")[0] for line in lines] == [f"OK   {name}" for name in WHOLE]
    assert str(desk.root) in lines[0]
    assert "[decision: " in done.stdout


def test_a_healthy_machine_as_json(desk: Desk) -> None:
    desk.environ["CLAUDE_PLUGIN_ROOT"] = str(desk.root)
    done = run(desk, str(Path(sys.executable).parent / "axonflow-hooks"), "doctor", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["healthy"], report["plugin_root"]) == (0, True, str(desk.root))
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
