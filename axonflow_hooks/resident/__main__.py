"""__main__.py ADDRESS: the process of the resident, started by path with `-I -S` by the relay.

It listens within some 20 ms and imports what it answers with afterwards: who comes meanwhile waits in the backlog.
Leaves with 0 when another resident serves the address.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120


NO_PACKAGES = 3
"""This interpreter lacks what a resident needs: no use in trying again."""


def main(address: str) -> int:
    """Serve at the address until there is a reason to leave, and give the exit status."""
    sys.path.insert(0, ROOT)
    import gc

    from axonflow_hooks.resident import instance

    gc.disable()  # importing makes much and no garbage: until it listens, looking for some is in vain
    detach()
    lock = instance.claim(address)
    if lock is None:
        return 0
    import site

    site.main()  # the packages of this interpreter's environment, which -S has kept out
    if not all(importlib.machinery.PathFinder.find_spec(name) for name in ("httpx", "pydantic", "filelock")):
        return NO_PACKAGES
    listening, proofs = instance.listen(address)
    skipped: dict[str, Any] = {"httpx._main": None}  # httpx's command line: a third of its import time
    if importlib.machinery.PathFinder.find_spec("sniffio") is None:
        skipped["sniffio"] = None  # httpcore looks for it all over the path, with each request
    sys.modules.update(skipped)
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "1"  # looking for them costs more than all of our models
    from axonflow_hooks.resident.server import serve

    serve(ROOT, address, listening.detach(), proofs)
    return 0


def detach() -> None:
    """Leave the session of the hook that started this process, its working folder and its open files."""
    os.umask(0o077)
    os.chdir(ROOT if sys.platform == "win32" else "/")
    if sys.platform != "win32":
        import signal

        os.setsid()
        os.closerange(3, 1024)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
