"""The agent as a program, in a new interpreter or forked from a process that has imported it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from axonflow_hooks.agent.listening import Tls
from axonflow_hooks.agent.server import serve
from tests.warm import Warm

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from tests.agent.programs import run
sys.exit(run(*sys.argv[1:]))
"""


def run(host: str, port: str, data_dir: str, *tls: str) -> int:
    """Serve until a signal comes; `data_dir` is "" for the default one, `tls` are two files or nothing."""
    return serve(
        host=host,
        port=int(port),
        data_dir=Path(data_dir) if data_dir else None,
        environ=os.environ,
        tls=Tls(*map(Path, tls)) if tls else None,
    )


def start_warm(arguments: Sequence[str], environ: dict[str, str]) -> Warm:
    """Start an agent that need not import anything."""
    return Warm(run, arguments, env=environ)


def start_cold(arguments: Sequence[str], environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start an agent in a new interpreter."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(ROOT), *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
