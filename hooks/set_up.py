"""Builds the plugin's own Python environment below CLAUDE_PLUGIN_DATA, once for each set of requirements.

    environments/KEY/       a virtual environment; KEY stands for the requirements, the Python and the platform
    environments/KEY/.ready written last: without it the environment is a torso, and is rebuilt
    interpreter             the path of the environment's Python, replaced in one step: what `run` reads
    set-up-problem          why the last set-up failed and the remedy, one line each; gone after a success
    set-up.log              what the installer printed

Standard library only, Python 3.10 or newer. Nothing here prints: the hook's standard output belongs to its answer.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BUDGET_S = 270.0
"""The host ends the hook after 300 s; the rest is for the session's own start."""
KEEP_S = 14 * 24 * 3600.0
"""A session may run for days: an environment that one started with is kept this long."""
KEY_LENGTH = 16
AGAIN = "Start a new session to try again."


class SetUpError(Exception):
    """The environment could not be built: what happened and what the user can do, one sentence or two each."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


def prepare(root: str, data: str) -> str | None:
    """Take the plugin's root and its data folder and give the environment's Python, building it when needed.

    Gives None when that failed; `set-up-problem` in the data folder then says why. Safe under concurrency: one
    process builds, the others wait and use what it built.
    """
    folder = Path(data)
    started = time.time()
    try:
        environment = folder / "environments" / environment_key(Path(root) / "requirements" / "plugin.txt")
        if not is_ready(environment):
            make_folder(environment.parent)
            with locked(folder / "set-up.lock", started + BUDGET_S):
                if not is_ready(environment):
                    same_problem_again(folder, started)
                    build(environment, Path(root) / "requirements" / "plugin.txt", started + BUDGET_S)
                    remove_unused(environment)
        (environment / ".ready").touch()  # its time is the last session that began with this environment
        record(folder, environment)
    except SetUpError as error:
        report(folder, error)
        return None
    except OSError as error:
        report(folder, explain_os_error(error, folder))
        return None
    (folder / "set-up-problem").unlink(missing_ok=True)
    return str(python_of(environment))


def environment_key(requirements: Path) -> str:
    """Give the name of the environment for these requirements on this Python and platform. Raises SetUpError."""
    try:
        pinned = requirements.read_bytes()
    except OSError:
        raise SetUpError("The plugin is incomplete: requirements/plugin.txt is missing.", "Reinstall it.") from None
    python = f"{sys.implementation.cache_tag}{getattr(sys, 'abiflags', '')} {sysconfig.get_platform()}"
    return hashlib.sha256(pinned + b"\0" + python.encode()).hexdigest()[:KEY_LENGTH]


def python_of(environment: Path) -> Path:
    """Give the path of an environment's interpreter, whether or not it exists."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_ready(environment: Path) -> bool:
    """Tell whether an environment was built to the end and its interpreter, often a link, is still there."""
    return (environment / ".ready").exists() and os.access(python_of(environment), os.X_OK)


def make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def replace_file(path: Path, text: str) -> None:
    """Write a private file in one step: a reader sees the old text or the new one, never a part. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(draft, "w", encoding="utf-8", opener=private) as stream:
        stream.write(text)
    draft.replace(path)


def private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def record(folder: Path, environment: Path) -> None:
    """Tell `run` which interpreter to take."""
    target = folder / "interpreter"
    line = python_of(environment).as_posix() + "\n"  # a shell on Windows reads it: no backslashes
    with contextlib.suppress(OSError):
        if target.read_text(encoding="utf-8") == line:
            return
    replace_file(target, line)


def report(folder: Path, error: SetUpError) -> None:
    """Leave the reason where the hooks find it; on a full or read-only disk they name a general one instead."""
    with contextlib.suppress(OSError):
        replace_file(folder / "set-up-problem", f"{error.problem}\n{error.remedy}\n")


def same_problem_again(folder: Path, started: float) -> None:
    """Raise the problem that another process met while this one waited for it: trying again would end the same."""
    try:
        problem = folder / "set-up-problem"
        if problem.stat().st_mtime <= started:
            return
        lines = problem.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    if len(lines) == 2:
        raise SetUpError(*lines)


@contextlib.contextmanager
def locked(path: Path, deadline: float) -> Iterator[None]:
    """Hold the set-up's lock, waiting for it until the deadline (seconds since the epoch). Raises SetUpError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not try_lock(descriptor):
            if time.time() > deadline:
                raise SetUpError("Another session has been setting AxonFlow up for too long.", AGAIN)
            time.sleep(0.1)
        yield
    finally:
        os.close(descriptor)  # releases the lock, as the end of the process does


def try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def build(environment: Path, requirements: Path, deadline: float) -> None:
    """Create the environment and install the pinned requirements; nothing is left of a failed attempt.

    Raises SetUpError and OSError.
    """
    import shutil

    log = environment.parents[1] / "set-up.log"
    log.unlink(missing_ok=True)
    if environment.exists():
        shutil.rmtree(environment)
    try:
        for command in install_commands(environment, requirements):
            run_installer(command, log, deadline)
        (environment / ".ready").touch()
    except BaseException:
        shutil.rmtree(environment, ignore_errors=True)
        raise


def install_commands(environment: Path, requirements: Path) -> list[list[str]]:
    """Give the commands that build the environment: uv's where it is on PATH, else those of venv and pip."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    python = str(python_of(environment))
    pinned = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", str(requirements)]
    uv = on_path("uv")
    if uv:
        return [
            [uv, "venv", "--quiet", "--no-project", "--python", base, str(environment)],
            [uv, "pip", "install", "--quiet", "--python", python, "--compile-bytecode", *pinned],
        ]
    pip = [python, "-I", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    return [
        [base, "-I", "-m", "venv", str(environment)],
        [*pip, "--retries", "2", "--timeout", "15", *pinned],
    ]


def on_path(name: str) -> str | None:
    """Give the full path of a program on PATH; a relative entry of PATH would be the project's own program."""
    import shutil

    folders = [entry for entry in os.environ.get("PATH", "").split(os.pathsep) if Path(entry).is_absolute()]
    return shutil.which(name, path=os.pathsep.join(folders))


def installer_environment() -> dict[str, str]:
    """Give the environment of uv and pip: the user's mirrors and proxies, but no credential of this product."""
    elsewhere = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX", "VIRTUAL_ENV"}
    kept = {k: v for k, v in os.environ.items() if k not in elsewhere and not k.startswith("AXONFLOW_")}
    return {**kept, "PIP_USER": "0"}


def run_installer(command: list[str], log: Path, deadline: float) -> None:
    """Run one command with its output in the log, and end it with its children at the deadline. Raises SetUpError."""
    import subprocess

    with open(log, "ab", opener=private) as output:
        start = output.tell()
        process = subprocess.Popen(
            command,
            cwd=log.parent,  # the project's folder could configure the installers
            env=installer_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            status = process.wait(timeout=max(1.0, deadline - time.time()))
        except BaseException as error:
            end(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise SetUpError("Installing its Python packages took too long.", AGAIN) from None
            raise
    if status != 0:
        said = log.read_bytes()[start:].decode("utf-8", "replace")
        raise explain_failure(said, log)


def end(process: object) -> None:
    """Kill an installer and what it started."""
    import signal
    import subprocess

    if not isinstance(process, subprocess.Popen):
        return
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


# What installers print when … → what happened, the remedy. The first that fits counts: pip names the network last.
CAUSES = (
    (
        ("No space left on device", "Disk quota exceeded", "os error 28"),
        "The disk is full.",
        f"Free some space (about 100 MB are needed). {AGAIN}",
    ),
    (
        (
            "ensurepip is not available",
            "No module named ensurepip",
            "No module named 'ensurepip'",
            "No module named venv",
        ),
        "This Python cannot create virtual environments.",
        f"Install its venv module (Debian, Ubuntu: sudo apt install python3-venv) or uv. {AGAIN}",
    ),
    (
        ("No module named pip",),
        "This Python has no pip.",
        f"Install pip (Debian, Ubuntu: sudo apt install python3-venv python3-pip) or uv. {AGAIN}",
    ),
    (
        ("DO NOT MATCH THE HASHES", "Hash mismatch"),
        "A downloaded package is not the one that this plugin was tested with; nothing was installed.",
        f"If a package mirror is configured, ask its operator. {AGAIN}",
    ),
    (
        ("CERTIFICATE_VERIFY_FAILED", "invalid peer certificate", "SSLError"),
        "The package index could not be trusted (TLS certificate).",
        f"Give pip or uv your organisation's certificate (PIP_CERT or SSL_CERT_FILE). {AGAIN}",
    ),
    (
        (
            "Temporary failure in name resolution",
            "Name or service not known",
            "nodename nor servname",
            "getaddrinfo failed",
            "Failed to establish a new connection",
            "Connection refused",
            "Network is unreachable",
            "ConnectTimeoutError",
            "ReadTimeoutError",
            "ProxyError",
            "RemoteDisconnected",
            "dns error",
            "error sending request",
            "client error (Connect)",
            "Connection reset",
        ),
        "The package index cannot be reached.",
        f"Check the network or the proxy (HTTPS_PROXY), or name a mirror (PIP_INDEX_URL, UV_DEFAULT_INDEX). {AGAIN}",
    ),
    (
        ("No matching distribution found", "no wheels with a matching", "No solution found", "has no usable wheels"),
        "There is no ready-made package for this Python and platform.",
        "Set AXONFLOW_PYTHON to the full path of another Python (3.10 to 3.14), and start a new session.",
    ),
    (
        ("Permission denied", "Read-only file system", "os error 13", "os error 30"),
        "The plugin's data folder cannot be written.",
        f"Make it writable by your user. {AGAIN}",
    ),
)


def explain_failure(said: str, log: Path) -> SetUpError:
    """Take what an installer printed and give the problem and the remedy; the text itself stays in the log."""
    for signs, problem, remedy in CAUSES:
        if any(sign in said for sign in signs):
            return SetUpError(f"Setting up AxonFlow's Python environment failed. {problem}", f"{remedy} Details: {log}")
    return SetUpError("Setting up AxonFlow's Python environment failed.", f"See {log}. {AGAIN}")


def explain_os_error(error: OSError, folder: Path) -> SetUpError:
    """Put an error of the file system into words."""
    said = f"{os.strerror(error.errno)}" if error.errno else type(error).__name__
    explained = explain_failure(said, folder / "set-up.log")
    return SetUpError(f"{explained.problem} ({said}: {folder})", explained.remedy)


def remove_unused(current: Path) -> None:
    """Remove environments that no running session can be using: all but this one, the previous and recent ones."""
    import shutil

    others = [(ready_time(path), path) for path in current.parent.iterdir() if path != current]
    newest_first = sorted(others, reverse=True)
    for used, path in newest_first[1:]:
        if used < time.time() - KEEP_S:
            shutil.rmtree(path, ignore_errors=True)


def ready_time(environment: Path) -> float:
    """Give when a session last began with an environment (seconds since the epoch), 0.0 for a torso."""
    try:
        return (environment / ".ready").stat().st_mtime
    except OSError:
        return 0.0
