"""How a command gets a secret: from stdin or an unechoed prompt, so that it need not stand in the arguments."""

from __future__ import annotations

import getpass
import sys

from axonflow_hooks.errors import AccountError

MAX_SECRET_CHARS = 16_384


def read_secret(argument: str | None, what: str) -> str:
    """Give the secret that an argument names: itself, or for `-` or none, the first line of stdin.

    `what` names it to the user; on a terminal they are asked for it, without echo. Raises AccountError when there is
    none.
    """
    if argument not in {None, "-"}:
        secret = argument or ""
    elif sys.stdin is not None and sys.stdin.isatty():
        secret = getpass.getpass(f"{what}: ")
    else:
        secret = sys.stdin.readline(MAX_SECRET_CHARS) if sys.stdin is not None else ""
    if not secret.strip():
        raise AccountError(f"No {what} was given.", remedy="Give it on standard input, or as the argument.")
    return secret.strip()
