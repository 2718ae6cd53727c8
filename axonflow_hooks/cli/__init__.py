"""The command `axonflow-hooks`: thin, one module per command group; what a command needs is imported when it runs."""

from __future__ import annotations

import sys

from axonflow_hooks.cli import app
from axonflow_hooks.errors import AxonFlowError


def main(argv: list[str] | None = None) -> int:
    """Run the command line (default: this process's) and give the exit status: 0 done, 1 failed, 2 wrong usage.

    130 stands for an interruption from the keyboard. An error is one line on stderr, never a traceback.
    """
    try:
        app.app(args=argv, prog_name="axonflow-hooks")
    except SystemExit as leaving:
        return _status(leaving.code)
    except AxonFlowError as error:
        sys.stderr.write(f"ERROR {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _status(code: object) -> int:
    if code is None:
        return 0
    return code if isinstance(code, int) else 1
