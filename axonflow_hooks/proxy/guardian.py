"""Ends the backends of a proxy that cannot do it any more: one that was killed (SIGKILL), or has crashed.

Most backends end when their input does; some do not, and what they have started may not. A shell of our own outlives
the proxy by the length of its pipe: when that closes, it ends the process groups that it was told of and not told off.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Final

SHELL: Final = "/bin/sh"
END_S: Final = 5.0

# Who ends by itself is given a second for it, and another one after SIGTERM.
_SCRIPT: Final = """
trap '' HUP INT TERM
groups=' '
while read -r what group; do
  case "$what $groups" in
    +*) groups="$groups$group " ;;
    -*" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;;
  esac
done
[ "$groups" = ' ' ] && exit 0
sleep 1
for group in $groups; do kill -TERM "-$group"; done
sleep 1
for group in $groups; do kill -KILL "-$group"; done
"""


@dataclass(slots=True)
class Guardian:
    """Watches over process groups, each named by its leader's id. Where there is no shell nothing is watched over."""

    _process: subprocess.Popen[bytes] | None = None

    def watch(self, group: int) -> None:
        """Take a group under its watch."""
        if self._process is None and sys.platform != "win32":
            with contextlib.suppress(OSError):
                self._process = subprocess.Popen(
                    [SHELL, "-c", _SCRIPT],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={"PATH": "/usr/bin:/bin"},
                    cwd="/",
                    start_new_session=True,
                    bufsize=0,
                )
        self._tell("+", group)

    def forget(self, group: int) -> None:
        """Leave a group alone: it has ended, and its id may become another's."""
        self._tell("-", group)

    def close(self) -> None:
        """End the watch; what is still under it is ended, which takes two seconds."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_S)

    def _tell(self, what: str, group: int) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                os.write(self._process.stdin.fileno(), f"{what} {group}\n".encode())
