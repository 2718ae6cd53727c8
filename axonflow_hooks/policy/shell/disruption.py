"""Effects on what is running: every process of a user, the machine, its scheduled jobs."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from axonflow_hooks.policy.shell.commands import Command

KILLERS: Final = frozenset({"kill", "pkill", "killall", "killall5", "loginctl"})
STOPPERS: Final = frozenset({
    "shutdown", "reboot", "poweroff", "halt", "init", "telinit", "systemctl", "crontab", "stop-computer",
    "restart-computer",
})  # fmt: skip
_SIGNAL: Final = re.compile(r"^-(?:\d{1,2}|(?:SIG)?[A-Z]+)$")
_ONLY_SHOWN: Final = frozenset({"-l", "-L", "-0", "--list", "--help", "--version", "-c", "-k", "-w", "--wtmp-only"})
_STOPPING_UNITS: Final = frozenset({"poweroff", "reboot", "halt", "kexec", "rescue", "emergency"})


def kills_everything(command: Command) -> bool:
    """A signal to every process that its user may signal (kill(2): process -1), to all of a user's, or to init."""
    name, arguments = command.name, command.arguments
    if name == "killall5" or name not in KILLERS:
        return name == "killall5"
    if name == "kill":
        return bool({"-1", "1"} & set(_processes(arguments)))
    if name == "loginctl":
        return arguments[:1] in (("kill-user",), ("terminate-user",), ("kill-session",), ("terminate-session",))
    ends_all = not _ONLY_SHOWN & set(arguments)
    users = [value for option, value in pairwise(arguments) if option in ("-u", "-U", "--euid", "--uid", "--user")]
    if name == "pkill":
        # without a pattern every process of the user is meant
        patterns = [word for word in command.operands() if word not in users]
        return ends_all and bool(users) and all(pattern in (".", ".*", "") for pattern in patterns)
    return ends_all and bool(users) and not [word for word in command.operands() if word not in users]


def _processes(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Give the operands of kill: what stands behind the signal."""
    if not arguments or arguments[0] in ("-l", "-L", "-0"):
        return ()
    rest = arguments
    if rest[0] in ("-s", "-n", "--signal"):
        if rest[1:2] == ("0",):
            return ()
        rest = rest[2:]
    elif _SIGNAL.match(rest[0]) and len(rest) > 1:
        rest = rest[1:]
    elif rest[0] == "-1":
        return ()  # a signal without a process
    return rest[1:] if rest[:1] == ("--",) else rest


def stops_machine(command: Command) -> bool:
    """The machine shut down or started anew, or the user's whole table of scheduled jobs removed."""
    name, arguments = command.name, command.arguments
    if name == "crontab":
        return any(re.match(r"^-[a-z]*r", argument) for argument in arguments)
    if _ONLY_SHOWN & set(arguments):
        return False
    if name == "systemctl":
        operands = command.operands()
        return operands[:1] != [] and (
            operands[0] in _STOPPING_UNITS
            or (operands[0] == "isolate" and any(unit.partition(".")[0] in _STOPPING_UNITS for unit in operands[1:]))
        )
    if name in ("init", "telinit"):
        return arguments in (("0",), ("6",), ("1",))
    return name in STOPPERS
