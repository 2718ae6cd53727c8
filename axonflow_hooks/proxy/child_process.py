"""How a backend's program is started: with an environment of its own, in a process group that ends as one."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PASSED_ON: Final = (
    "PATH HOME USER LOGNAME SHELL TERM LANG LANGUAGE TZ TMPDIR XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_CACHE_HOME "
    "XDG_DATA_HOME SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY "
    "http_proxy https_proxy all_proxy no_proxy DISPLAY WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS "
    "APPDATA COMSPEC HOMEDRIVE HOMEPATH LOCALAPPDATA NUMBER_OF_PROCESSORS PATHEXT PROCESSOR_ARCHITECTURE "
    "PROGRAMDATA PROGRAMFILES SYSTEMDRIVE SYSTEMROOT TEMP TMP USERNAME USERPROFILE WINDIR"
).split()

# Where users' programs lie that a desktop session's bare PATH leaves out.
_USUAL_PLACES: Final = (
    "~/.local/bin",
    "~/.cargo/bin",
    "~/.bun/bin",
    "~/.deno/bin",
    "~/.volta/bin",
    "~/.asdf/shims",
    "~/.local/share/mise/shims",
    "/opt/homebrew/bin",
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
)


def minimal_environment(environ: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Take the proxy's environment and what the map gives a backend, give the backend's whole environment.

    None of the proxy's own settings and secrets is in it, nor anything else that a program does not need to run.
    """
    kept = {name: environ[name] for name in _PASSED_ON if environ.get(name)}
    kept |= {name: value for name, value in environ.items() if name.startswith("LC_")}
    home = kept.get("HOME") or kept.get("USERPROFILE") or ""
    places = [place for place in kept.get("PATH", "").split(os.pathsep) if place]
    for usual in _USUAL_PLACES if sys.platform != "win32" else ():
        place = usual.replace("~", home, 1) if home else usual
        if place not in places and Path(place).is_dir():
            places.append(place)
    kept["PATH"] = os.pathsep.join(places)
    return {**kept, **given}


def find_program(command: str, environment: Mapping[str, str], backend: str) -> str:
    """Give the path of a backend's program. Raises SettingsError when there is none."""
    try:
        found = shutil.which(str(Path(command).expanduser()), path=environment.get("PATH"))
    except (RuntimeError, ValueError):  # nobody's home; a NUL
        found = None
    if found is None:
        raise SettingsError(
            f"The program of backend {backend!r} is not found: {command}.",
            remedy="Give its whole path in the backend map, or install it.",
        )
    return found


def group_options() -> dict[str, Any]:
    """Give the options that start a process as the leader of a group of its own."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def end_group(pid: int, *, kill: bool) -> None:
    """End all of a process group, its leader's grandchildren too: asked to (SIGTERM), or at once."""
    if sys.platform == "win32":
        command = ["taskkill", "/T", "/PID", str(pid), *(["/F"] if kill else [])]
        subprocess.run(command, capture_output=True, check=False)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL if kill else signal.SIGTERM)
