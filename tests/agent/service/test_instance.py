"""Which agent runs: told by its lock and by its process, never by a number alone."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.agent.errors import StartupError
from axonflow_hooks.agent.service import control
from axonflow_hooks.agent.service.instance import (
    RECORD_NAME,
    Instance,
    announced,
    find_instance,
    hold,
    is_held,
    process_start,
)
from axonflow_hooks.errors import AxonFlowError, CredentialError
from axonflow_hooks.private_files import write_private

if TYPE_CHECKING:
    from pathlib import Path


def instance(pid: int, start: str) -> Instance:
    return Instance(pid=pid, process_start=start, endpoint="http://127.0.0.1:1", started_at="", version="0")


def test_nothing_runs_where_nothing_is(tmp_path: Path) -> None:
    folder = tmp_path / "none"
    assert (is_held(folder), find_instance(folder), control.stop(folder)) == (False, None, None)
    assert not folder.exists()


def test_the_one_that_holds_the_folder_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    lock = hold(folder)
    me = instance(os.getpid(), process_start(os.getpid()))
    with announced(folder, me):
        assert (is_held(folder), find_instance(folder)) == (True, me)
        with pytest.raises(StartupError, match="Another agent"):
            hold(folder)
    assert (is_held(folder), find_instance(folder)) == (True, None)
    assert not (folder / RECORD_NAME).exists()
    lock.release()
    assert not is_held(folder)


def test_a_record_that_was_left_behind_counts_for_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    left = instance(os.getpid(), process_start(os.getpid()))
    write_private(folder / RECORD_NAME, left.model_dump_json().encode())
    assert find_instance(folder) is None
    assert control.stop(folder) is None


@pytest.mark.skipif(sys.platform != "linux", reason="needs a process of another number")
def test_a_number_that_is_another_processes_by_now_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    lock = hold(folder)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        with announced(folder, instance(other.pid, "1")):
            assert find_instance(folder) is None
            with pytest.raises(AxonFlowError, match="cannot be told which process"):
                control.stop(folder)
        assert other.poll() is None
        other.communicate(b"\n")
    lock.release()


def test_the_start_of_a_process_tells_it_from_others() -> None:
    mine = process_start(os.getpid())
    assert mine == process_start(os.getpid()) != ""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        assert process_start(other.pid) != ""
        other.communicate(b"\n")
    assert process_start(other.pid) == ""


def test_a_record_that_others_can_read_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    lock = hold(folder)
    with announced(folder, instance(os.getpid(), "")):
        (folder / RECORD_NAME).chmod(0o644)
        with pytest.raises(CredentialError, match="chmod 600"):
            find_instance(folder)
    lock.release()
