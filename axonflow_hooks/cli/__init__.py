"""The command `axonflow-hooks`: thin, one module per command group; what a command needs is imported when it runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal, TextIO

from axonflow_hooks.cli import app
from axonflow_hooks.errors import AxonFlowError


def main(argv: list[str] | None = None) -> int:
    """Run the command line (default: this process's) and give the exit status: 0 done, 1 failed, 2 wrong usage.

    130 stands for an interruption from the keyboard. An error is one line on stderr, never a traceback.
    """
    _open_streams()
    try:
        app.app(args=argv, prog_name="axonflow-hooks")
        sys.stdout.flush()
    except SystemExit as leaving:
        return _status(leaving.code)
    except AxonFlowError as error:
        sys.stderr.write(f"ERROR {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        return _failed(error)
    return 0


def _open_streams() -> None:
    """Give this process the streams that its parent has closed, before a file of ours gets the number of one."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, _nothing("r" if name == "stdin" else "w"))


def _failed(error: OSError) -> int:
    """Say what the system has refused, unless nobody reads any more (`| head -1`)."""
    reason = error.strerror or type(error).__name__
    if error.filename:
        sys.stderr.write(f"ERROR {error.filename} cannot be used ({reason}). Check its name, its mode and the disk.\n")
    elif isinstance(error, BrokenPipeError):
        _drop_output()
    else:
        sys.stderr.write(f"ERROR The output cannot be written ({reason}). Check where it goes.\n")
        _drop_output()
    return 1


def _drop_output() -> None:
    """Keep the interpreter from trying to write the rest once more when it ends."""
    sys.stdout = _nothing("w")


def _nothing(mode: Literal["r", "w"]) -> TextIO:
    return Path(os.devnull).open(mode, encoding="utf-8")


def _status(code: object) -> int:
    if code is None:
        return 0
    return code if isinstance(code, int) else 1
