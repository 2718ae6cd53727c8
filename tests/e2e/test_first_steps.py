"""What a new user does first: the demo, and the smoke test against a running agent and against none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from devtools.live import ROOT, clean_environment, running_agent


def run_module(module: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_demo_shows_what_it_promises(tmp_path: Path) -> None:
    done = run_module("demo", clean_environment(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DENY  AxonFlow policy violation" in done.stdout
    assert "[REDACTED:ssn#1]" in done.stdout


def test_the_smoke_test_passes_against_a_running_agent(tmp_path: Path) -> None:
    environ = clean_environment(tmp_path)
    with running_agent(environ) as endpoint:
        done = run_module("devtools.smoke", {**environ, "AXONFLOW_ENDPOINT": endpoint})
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("PASS: AxonFlow policy violation")


def test_the_smoke_test_skips_where_no_agent_answers(tmp_path: Path) -> None:
    environ = {**clean_environment(tmp_path), "AXONFLOW_ENDPOINT": "http://127.0.0.1:9"}
    done = run_module("devtools.smoke", environ)
    assert done.returncode == 0
    assert done.stdout.startswith("SKIP:")
