"""The guardian ends what a proxy leaves behind, and nothing that it was told to forget."""

from __future__ import annotations

import subprocess
import sys

import pytest

from axonflow_hooks.proxy.guardian import Guardian
from tests.proxy.conftest import DEADLINE_S

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups")

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def _sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(SLEEP, start_new_session=True)


def test_what_is_still_watched_is_ended_and_the_rest_is_not() -> None:
    watched, forgotten = _sleeper(), _sleeper()
    try:
        guardian = Guardian()
        for process in (forgotten, watched):
            guardian.watch(process.pid)
        for _ in range(2):
            guardian.forget(forgotten.pid)
        guardian.close()
        assert watched.wait(DEADLINE_S) < 0
        assert forgotten.poll() is None
    finally:
        watched.kill()
        forgotten.kill()
        watched.wait()
        forgotten.wait()


def test_forgetting_what_was_never_watched_starts_nothing() -> None:
    guardian = Guardian()
    guardian.forget(1)
    assert guardian._process is None
    guardian.close()


def test_guardian_without_anything_left_ends_at_once() -> None:
    sleeper, guardian = _sleeper(), Guardian()
    try:
        guardian.watch(sleeper.pid)
        process = guardian._process
        assert process is not None
        guardian.forget(sleeper.pid)
        guardian.close()
        assert process.wait(DEADLINE_S) == 0
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()
