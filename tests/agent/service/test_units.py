"""Unit files: every word arrives as it was given, whatever is in it."""

from __future__ import annotations

import plistlib
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from axonflow_hooks.agent.service.units import carried_settings, launchd_plist, systemd_unit

ODD = "/home/A B/100%/$HOME/\"quoted\"/back\\slash/'x'"
COMMAND = ["/opt/a b/axonflow-hooks", "agent", "--data-dir", ODD]


def value_of(unit: str, key: str) -> str:
    (line,) = [line for line in unit.splitlines() if line.startswith(f"{key}=")]
    return line.partition("=")[2]


def test_systemd_words_arrive_as_they_were_given() -> None:
    unit = systemd_unit(COMMAND, {"PII_ACTION": "a $b %c"}, Path("/home/A B/agent.env"))
    # Quotes and escapes are those of a shell's double quotes; what is doubled besides is systemd's own.
    words = [word.replace("$$", "$").replace("%%", "%") for word in shlex.split(value_of(unit, "ExecStart"))]
    assert words == COMMAND
    assert shlex.split(value_of(unit, "Environment")) == ["PII_ACTION=a $b %%c"]
    assert value_of(unit, "EnvironmentFile") == "-/home/A B/agent.env"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "a b" / "axonflow-hooks"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "axonflow-agent.service"
    unit.write_text(systemd_unit([str(program), *COMMAND[1:]], {"PII_ACTION": "x y"}, tmp_path / "agent.env"))
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(unit)],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if "axonflow-agent" in line]) == (0, [])


def test_launchd_words_arrive_as_they_were_given() -> None:
    value = plistlib.loads(launchd_plist(COMMAND, {"PII_ACTION": "<&>"}, Path("/tmp/a b.log")))
    assert value["ProgramArguments"] == COMMAND
    assert value["EnvironmentVariables"] == {"PII_ACTION": "<&>"}
    assert value["StandardErrorPath"] == "/tmp/a b.log"
    assert value["KeepAlive"] == {"SuccessfulExit": False}
    assert value["Umask"] == 0o077


def test_a_line_end_cannot_add_a_line() -> None:
    with pytest.raises(ValueError, match="control character"):
        systemd_unit(["/bin/x\nExecStartPre=/bin/evil"], {}, Path("/x"))
    with pytest.raises(ValueError, match="control character"):
        systemd_unit(["/bin/x"], {"PII_ACTION": "a\nb"}, Path("/x"))
    with pytest.raises(ValueError, match="control character"):
        launchd_plist(["/bin/x\x00"], {}, Path("/x"))


def test_settings_that_are_carried() -> None:
    environ = {
        "PII_ACTION": "block",
        "AXONFLOW_CONFIG_DIR": "/c",
        "AXONFLOW_AGENT_TEAM_MODE": "1",
        "AXONFLOW_AGENT_DATABASE_URL": "postgresql://u:secret@h/db",
        "AXONFLOW_AUTH": "c2VjcmV0",
        "AXONFLOW_INTEGRATIONS": "",
        "PATH": "/bin",
    }
    assert carried_settings(environ) == {
        "AXONFLOW_AGENT_TEAM_MODE": "1",
        "AXONFLOW_CONFIG_DIR": "/c",
        "PII_ACTION": "block",
    }
