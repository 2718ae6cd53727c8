"""hooks/set_up.py: builds once, under concurrency too, from a real wheel; a failure leaves nothing but its reason."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import HOOK, REPOSITORY, Plugin
from .test_run import program, reason

if TYPE_CHECKING:
    from types import ModuleType


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("set_up", REPOSITORY / "hooks" / "set_up.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


set_up: Any = load()
SYSTEM_PATH = "/usr/bin:/bin"


def wheel(folder: Path) -> tuple[Path, str]:
    """Build the smallest wheel; give its path and its hash."""
    files = {
        "tiny_dependency.py": b"ANSWER = 42\n",
        "tiny_dependency-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny-dependency\nVersion: 1.0\n",
        "tiny_dependency-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(data)}")
    rows.append("tiny_dependency-1.0.dist-info/RECORD,,")
    folder.mkdir()
    path = folder / "tiny_dependency-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr("tiny_dependency-1.0.dist-info/RECORD", "\n".join(rows) + "\n")
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def installable(dash_plugin: Plugin) -> Plugin:
    """Give a plugin whose only requirement is a wheel of this machine."""
    path, digest = wheel(dash_plugin.home / "wheels")
    (dash_plugin.root / "requirements").mkdir()
    require(dash_plugin, f"tiny-dependency==1.0 --hash=sha256:{digest}\n")
    dash_plugin.package(hook=f"import tiny_dependency\n{HOOK}")
    assert path.exists()
    return dash_plugin


QUICK_UV = """
import os, sys, venv, zipfile
from pathlib import Path
home = Path({home!r})
with open(home / "installations", "a") as log:
    log.write(sys.argv[1] + "\\n")
if sys.argv[1] == "venv":
    venv.create(sys.argv[-1], with_pip=False)
elif not (home / "wheels" / "tiny_dependency-1.0-py3-none-any.whl").exists():
    sys.exit("error: Request failed: dns error")
else:
    environment = Path(sys.argv[sys.argv.index("--python") + 1]).parents[1]
    site = next(environment.glob("lib/python*/site-packages"))
    zipfile.ZipFile(next((home / "wheels").iterdir())).extractall(site)
"""


@pytest.fixture
def quick(installable: Plugin, python: str) -> Plugin:
    """Give a plugin whose set-up finds a `uv` that installs in a moment: for what does not depend on the installer."""
    script = installable.home / "uv.py"
    script.write_text(QUICK_UV.format(home=str(installable.home)))
    program(installable.home / "bin" / "uv", f"exec '{python}' -I '{script}' \"$@\"")
    return installable


def require(plugin: Plugin, lines: str) -> None:
    (plugin.root / "requirements" / "plugin.txt").write_text(lines)


def environment(plugin: Plugin, python: str, **extra: str) -> dict[str, str]:
    """Give what a session would: a plain Python on PATH, and pip's own way to be told of a mirror."""
    python3 = plugin.home / "bin" / "python3"
    if not python3.exists():
        program(python3, f"exec '{python}' \"$@\"")
    mirror = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": (plugin.home / "wheels").as_uri()}
    mirror["PIP_LOG"] = str(plugin.home / "pip.log")
    return plugin.environment(PATH=f"{python3.parent}:{SYSTEM_PATH}", **{**mirror, **extra})


def start(plugin: Plugin, env: dict[str, str]) -> subprocess.Popen[bytes]:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import set_up; print(set_up.prepare(*sys.argv[2:]))"
    arguments = [str(plugin.root / "hooks"), str(plugin.root), str(plugin.data)]
    return subprocess.Popen([sys.executable, "-I", "-c", code, *arguments], env=env, stdout=subprocess.PIPE)


def results(processes: list[subprocess.Popen[bytes]]) -> list[str]:
    return [process.communicate(timeout=240)[0].decode().strip() for process in processes]


def installations(plugin: Plugin) -> int:
    return (plugin.home / "installations").read_text().count("pip")


def problem(plugin: Plugin) -> str:
    return str((plugin.data / "set-up-problem").read_text())


def test_the_first_session_builds_the_environment_and_the_next_ones_use_it(installable: Plugin, python: str) -> None:
    env = environment(installable, python)
    first = installable.reply("session-start", env=env, stdin=b'{"session_id": "s"}\n')
    assert (first["event"], first["stdin"]) == ("session-start", 20)
    assert Path(first["python"]).is_relative_to(installable.data / "environments")
    again = installable.reply("session-start", env=env)
    tool = installable.reply("pre-tool-use", env={**env, "PATH": "/nonexistent"})
    assert again["python"] == tool["python"] == first["python"]
    assert (installable.home / "pip.log").read_text().count("Looking in links") == 1
    for name in ("interpreter", "set-up.log"):
        assert (installable.data / name).stat().st_mode & 0o077 == 0


def test_four_sessions_at_once_build_one_environment(quick: Plugin, python: str) -> None:
    env = environment(quick, python)
    paths = results([start(quick, env) for _ in range(4)])
    assert len(set(paths)) == 1
    assert installations(quick) == 1
    done = subprocess.run(
        [paths[0], "-I", "-c", "import tiny_dependency as t; print(t.ANSWER)"], capture_output=True, check=True
    )
    assert done.stdout.strip() == b"42"


def test_four_sessions_at_once_meet_a_failure_once(quick: Plugin, python: str) -> None:
    (quick.home / "wheels" / "tiny_dependency-1.0-py3-none-any.whl").unlink()
    env = environment(quick, python)
    assert results([start(quick, env) for _ in range(4)]) == ["None"] * 4
    assert installations(quick) == 1
    assert list((quick.data / "environments").iterdir()) == []
    assert not (quick.data / "interpreter").exists()
    assert "cannot be reached" in problem(quick)


def test_a_package_with_another_hash_is_not_installed(installable: Plugin, python: str) -> None:
    require(installable, f"tiny-dependency==1.0 --hash=sha256:{'0' * 64}\n")
    env = environment(installable, python)
    message = installable.reply("session-start", env=env)["systemMessage"]
    assert "not the one that this plugin was tested with" in message
    assert str(installable.data / "set-up.log") in message
    assert list((installable.data / "environments").iterdir()) == []


def test_a_failed_set_up_is_told_by_every_hook_and_tried_again_in_the_next_session(quick: Plugin, python: str) -> None:
    dependency = next((quick.home / "wheels").iterdir())
    dependency.rename(quick.home / dependency.name)
    env = environment(quick, python, AXONFLOW_FAIL_MODE="closed")
    message = quick.reply("session-start", env=env)["systemMessage"]
    assert "cannot be reached" in message
    assert message.endswith("Until then tool calls are blocked.")
    assert "cannot be reached" in reason(quick.reply("pre-tool-use", env=env))
    assert installations(quick) == 1
    (quick.home / dependency.name).rename(dependency)
    assert quick.reply("session-start", env=env)["event"] == "session-start"
    assert not (quick.data / "set-up-problem").exists()


def test_new_requirements_get_their_own_environment_and_the_old_one_stays(quick: Plugin, python: str) -> None:
    env = environment(quick, python)
    first = quick.reply("session-start", env=env)["python"]
    require(quick, (quick.root / "requirements" / "plugin.txt").read_text() + "# a new release\n")
    second = quick.reply("session-start", env=env)["python"]
    assert second != first
    assert Path(first).exists()


def test_a_torso_and_a_lost_interpreter_are_rebuilt(quick: Plugin, python: str) -> None:
    env = environment(quick, python)
    path = Path(quick.reply("session-start", env=env)["python"])
    path.unlink()
    assert quick.reply("session-start", env=env)["python"] == str(path)
    (path.parents[1] / ".ready").unlink()
    next(path.parents[1].rglob("tiny_dependency.py")).unlink()
    assert quick.reply("session-start", env=env)["python"] == str(path)
    assert installations(quick) == 3


def test_an_environment_that_lost_a_package_is_rebuilt_in_the_next_session(quick: Plugin, python: str) -> None:
    env = environment(quick, python)
    path = Path(quick.reply("session-start", env=env)["python"])
    for file in path.parents[1].rglob("tiny_dependency*"):
        if file.is_file():
            file.unlink()
    assert "has no tiny_dependency" in quick.reply("session-start", env=env)["systemMessage"]
    assert quick.reply("session-start", env=env)["event"] == "session-start"


def test_a_development_checkout_is_left_alone(quick: Plugin, python: str) -> None:
    (quick.root / ".venv").mkdir()
    reply = quick.reply("session-start", env=environment(quick, python))
    assert "has no tiny_dependency" in reply["systemMessage"]
    assert not (quick.data / "environments").exists()


def test_a_chosen_interpreter_that_has_everything_is_used_as_it_is(installable: Plugin, python: str) -> None:
    installable.package(hook=HOOK)
    env = environment(installable, python, AXONFLOW_PYTHON=python)
    assert os.path.realpath(installable.reply("session-start", env=env)["python"]) == python
    assert not (installable.data / "environments").exists()


def test_a_chosen_interpreter_that_lacks_something_is_built_upon(quick: Plugin, python: str) -> None:
    env = environment(quick, python, AXONFLOW_PYTHON=python)
    built = quick.reply("session-start", env=env)["python"]
    assert Path(built).is_relative_to(quick.data / "environments")
    assert quick.reply("pre-tool-use", env=env)["python"] == built


def test_uv_is_told_all_that_pip_is(quick: Plugin, python: str) -> None:
    calls = quick.home / "uv calls"
    real = quick.home / "bin" / "uv"
    real.rename(quick.home / "uv")
    program(real, f"echo \"$@\" >>'{calls}'\necho noise\nexec '{quick.home / 'uv'}' \"$@\"")
    built = results([start(quick, environment(quick, python))])
    assert built == [str(path) for path in quick.data.glob("environments/*/bin/python")]
    venv, install = calls.read_text().splitlines()
    assert venv.startswith("venv --quiet --no-project --python ")
    assert "--require-hashes --only-binary :all: --no-deps" in install


def test_the_installers_get_no_credential_and_no_foreign_target(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AXONFLOW_AUTH", "PIP_TARGET", "UV_SYSTEM_PYTHON", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "x")
    kept = set_up.installer_environment()
    assert {"AXONFLOW_AUTH", "PIP_TARGET", "UV_SYSTEM_PYTHON"}.isdisjoint(kept)
    assert (kept["HTTPS_PROXY"], kept["PIP_USER"]) == ("x", "0")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("because ensurepip is not available.  On Debian/Ubuntu systems, you need", "python3-venv"),
        ("/usr/bin/python3: No module named venv", "python3-venv"),
        ("/usr/bin/python3: No module named pip", "no pip"),
        (
            "NewConnectionError: Temporary failure in name resolution\nNo matching distribution found",
            "cannot be reached",
        ),
        ("error: Request failed\n  Caused by: dns error", "cannot be reached"),
        ("ssl.SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED", "certificate"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "tested with"),
        ("ERROR: No matching distribution found for google-re2", "no ready-made package"),
        ("PermissionError: [Errno 13] Permission denied", "cannot be written"),
        ("https://user:pass@mirror.example something else", "set-up.log"),
    ],
    ids=lambda value: value[:25],
)
def test_what_an_installer_prints_is_put_into_words(said: str, expected: str) -> None:
    error = set_up.explain_failure(said, Path("/data/set-up.log"))
    assert expected in f"{error.problem} {error.remedy}"
    assert "pass@" not in f"{error.problem} {error.remedy}"
    assert "\n" not in error.problem + error.remedy


def test_a_data_folder_that_cannot_be_written_is_a_reason_and_no_traceback(installable: Plugin, python: str) -> None:
    (installable.data / "environments").write_text("a file")
    reply = installable.reply("session-start", env=environment(installable, python))
    assert "Setting up AxonFlow's Python environment failed." in reply["systemMessage"]


def test_an_installer_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    child = tmp_path / "child"
    hanging = program(tmp_path / "installer", f"sleep 600 & echo $! >'{child}'; wait")
    for seconds in (2.0, 8.0, 32.0):  # a busy machine may not have begun it yet
        with pytest.raises(set_up.SetUpError, match="took too long"):
            set_up.run_installer([str(hanging)], tmp_path / "set-up.log", time.time() + seconds)
        if child.exists() and child.read_text():
            break
    deadline = time.monotonic() + 60
    while is_running(int(child.read_text())):
        assert time.monotonic() < deadline


def is_running(pid: int) -> bool:
    """Tell whether a process lives; one that nobody has collected yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except FileNotFoundError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path("/proc/self").exists()


def test_only_environments_that_nobody_can_use_are_removed(tmp_path: Path) -> None:
    day = 24 * 3600.0
    for name, age in (("current", 0.0), ("previous", 40 * day), ("recent", 3 * day), ("older", 50 * day)):
        (tmp_path / name).mkdir()
        stamp = tmp_path / name / ".ready"
        stamp.touch()
        os.utime(stamp, (time.time() - age, time.time() - age))
    (tmp_path / "torso").mkdir()
    set_up.remove_unused(tmp_path / "current")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "recent"]


def test_the_previous_environment_stays_however_old_it_is(tmp_path: Path) -> None:
    for name in ("current", "previous"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ".ready").touch()
    os.utime(tmp_path / "previous" / ".ready", (1.0, 1.0))
    set_up.remove_unused(tmp_path / "current")
    assert (tmp_path / "previous" / ".ready").exists()
