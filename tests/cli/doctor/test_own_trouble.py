"""The doctor when it lacks something itself, or one of its own checks fails."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.cli import doctor_report
from axonflow_hooks.cli.doctor_checks import files, live
from axonflow_hooks.cli.doctor_checks.machine import Machine
from tests.cli.doctor.conftest import LIVE, ROOT, WRONG_SECRET, run

if TYPE_CHECKING:
    from axonflow_hooks.cli.doctor_checks.finding import Finding
    from tests.cli.doctor.conftest import Desk


def test_a_package_without_the_plugin_says_so(desk: Desk) -> None:
    desk.root = None
    found = desk.examine()
    assert (found["plugin"].level, "--plugin-root" in found["plugin"].fix) == ("WARN", True)
    assert found["credential"].level == "OK"
    assert found.keys().isdisjoint({"hooks.json", "launcher", *LIVE})


def test_a_resident_that_cannot_be_had(desk: Desk) -> None:
    desk.environ["AXONFLOW_RESIDENT_DIR"] = str(desk.paths.config_file)
    desk.write(desk.paths.config_file, "")
    found = live.resident(Machine(desk.environ, desk.root, desk.project))
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
