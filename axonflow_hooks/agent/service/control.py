"""Starts an agent in the background, and ends the one that runs: that process and no other."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from axonflow_hooks.agent.errors import StartupError
from axonflow_hooks.agent.service.health import is_answering
from axonflow_hooks.agent.service.instance import Instance, find_instance, is_held, process_start
from axonflow_hooks.errors import AxonFlowError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

START_S: Final = 30.0
STOP_S: Final = 20.0
"""Longer than the agent gives the requests that are under way (5 s) and the last commits."""

_POLL_S: Final = 0.05
_LOG_LINES: Final = 20
_SCRIPT: Final = "axonflow-hooks.exe" if sys.platform == "win32" else "axonflow-hooks"
_INLINE: Final = "import sys; from axonflow_hooks.cli import main; sys.exit(main())"


@dataclass(frozen=True, slots=True)
class Started:
    """An agent that listens; `already` when it did so before."""

    instance: Instance
    already: bool


def command_line(arguments: Sequence[str]) -> list[str]:
    """Give the command that runs `axonflow-hooks` with these arguments, whatever PATH says."""
    script = Path(sysconfig.get_path("scripts")) / _SCRIPT
    return [str(script), *arguments] if script.is_file() else [sys.executable, "-c", _INLINE, *arguments]


def start(folder: Path, arguments: Sequence[str], log_file: Path, environ: Mapping[str, str]) -> Started:
    """Start `axonflow-hooks agent` with these arguments on a data folder, and wait until it answers.

    It has no terminal and outlives this process. Raises StartupError with what it said when it ends or does not answer
    within half a minute.
    """
    if is_held(folder):
        return Started(_wait_for(folder, None, log_file, 0), already=True)
    said_before = log_file.stat().st_size if log_file.exists() else 0
    # Windows: a process group of its own, and no console.
    detached = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "DETACHED_PROCESS", 0)
    process = subprocess.Popen(
        [*command_line(arguments), "--log-file", str(log_file)],
        cwd=Path("/"),
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        creationflags=detached,
    )
    instance = _wait_for(folder, process, log_file, said_before)
    _leave_it_to(instance, process)
    # Two that start at once: the second process has ended, and the first one's agent is there.
    already = process.poll() is not None
    process.returncode = process.returncode or 0  # it outlives this process: nobody will wait for it
    return Started(instance, already)


def _leave_it_to(instance: Instance, process: subprocess.Popen[bytes]) -> None:
    """End the process that was started where another one is the agent: it would take over once that one is stopped."""
    # On Windows a virtual environment's python starts another process, so that the numbers say nothing.
    if sys.platform != "win32" and process.pid != instance.pid and process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)


def stop(folder: Path) -> Instance | None:
    """End the agent on a data folder as SIGTERM does and wait until it is gone; give what it was, None for none.

    Raises AxonFlowError when it cannot be told which process it is, or when it does not end in time.
    """
    instance = find_instance(folder)
    if instance is None:
        if is_held(folder):
            raise AxonFlowError(
                f"An agent holds {folder}, but it cannot be told which process it is.", remedy="Try again in a moment."
            )
        return None
    if not _terminate(instance):
        raise AxonFlowError(f"Process {instance.pid} cannot be ended.", remedy="End it as the user that started it.")
    deadline = time.monotonic() + STOP_S
    while is_held(folder):
        if time.monotonic() > deadline:
            raise AxonFlowError(f"The agent (process {instance.pid}) does not end.", remedy="See its log.")
        time.sleep(_POLL_S)
    return instance


def _terminate(instance: Instance) -> bool:
    """Send SIGTERM to exactly that process: the number alone may be another's by now."""
    if hasattr(signal, "pidfd_send_signal"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            descriptor = os.pidfd_open(instance.pid)
            try:
                if process_start(instance.pid) == instance.process_start:
                    signal.pidfd_send_signal(descriptor, signal.SIGTERM)
                return True  # else it has ended meanwhile
            except ProcessLookupError:
                return True
            except PermissionError:
                return False
            finally:
                os.close(descriptor)
        return process_start(instance.pid) != instance.process_start
    try:
        if process_start(instance.pid) == instance.process_start:
            os.kill(instance.pid, signal.SIGTERM)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return True


def _wait_for(folder: Path, process: subprocess.Popen[bytes] | None, log_file: Path, said_before: int) -> Instance:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        ended = process is not None and process.poll() is not None
        instance = find_instance(folder)
        if instance is not None and is_answering(instance):
            return instance
        if ended and not is_held(folder):
            raise StartupError(_last_words(log_file, said_before))
        time.sleep(_POLL_S)
    raise StartupError(f"The agent does not answer after {START_S:.0f} s.", remedy=f"See its log: {log_file}")


def _last_words(log_file: Path, said_before: int) -> str:
    """Give what an agent that could not start has written to its log, as one line."""
    try:
        with log_file.open("rb") as stream:
            stream.seek(said_before)
            lines = stream.read(100_000).decode("utf-8", "replace").splitlines()
    except OSError:
        return f"The agent ended at once, and its log cannot be written: {log_file}. Choose another --log-file."
    said = " ".join(lines[-_LOG_LINES:]).removeprefix("[AxonFlow] ").strip()
    return said or f"The agent ended at once. See its log: {log_file}"
