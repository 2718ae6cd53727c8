"""One resident per address: the lock that the first one holds, and the socket that it listens on.

Runs before anything is imported that takes time: of fifty that start at once, forty-nine leave here.
"""

from __future__ import annotations

import _socket
import contextlib
import os
import sys
import time

LOCK_WAIT_S = 2.0
BACKLOG = 1024
MODE = 0o600


def take_lock(path: str) -> int | None:
    """Give the descriptor that holds the lock at `path` until it is closed, None where another holds it.

    The system lets go of it with the process, however that ends: a lock cannot become stale. Raises OSError.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags, MODE)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        os.close(descriptor)
        return None
    return descriptor


def claim(address: str) -> int | None:
    """Give the lock of the address, None when another resident serves it; waits for one that is just leaving."""
    until = time.monotonic() + LOCK_WAIT_S
    while True:
        lock = take_lock(f"{address}.lock")
        if lock is not None:
            os.ftruncate(lock, 0)
            os.write(lock, b"%d\n" % os.getpid())  # for people: the lock itself is the system's
            return lock
        if is_served(address) or time.monotonic() > until:
            return None
        time.sleep(0.02)


def is_served(address: str) -> bool:
    """Tell whether somebody listens at the address."""
    over_tcp = address.endswith(".tcp")
    probe = _socket.socket(_socket.AF_INET if over_tcp else _socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        probe.connect(("127.0.0.1", _port(address)) if over_tcp else address)
    except (OSError, ValueError, IndexError):
        return False
    finally:
        probe.close()
    return True


def _port(address: str) -> int:
    with open(address, "rb") as stream:  # noqa: PTH123 - pathlib takes longer to import than all of this
        return int(stream.read(200).split()[0])


def listen(address: str) -> tuple[_socket.socket, tuple[str, str] | None]:
    """Listen at the address, in place of what a former resident has left there.

    Gives the socket and, over TCP, (the proof that a caller has to give, the proof that it gets). Raises OSError.
    """
    if address.endswith(".tcp"):
        return _listen_tcp(address)
    remove(address)
    listening = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    listening.bind(address)  # below the umask of the process, 077
    listening.listen(BACKLOG)
    return listening, None


def _listen_tcp(address: str) -> tuple[_socket.socket, tuple[str, str]]:
    listening = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listening.bind(("127.0.0.1", 0))
    listening.listen(BACKLOG)
    proofs = os.urandom(16).hex(), os.urandom(16).hex()
    draft = f"{address}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), MODE)
    try:
        os.write(descriptor, f"{listening.getsockname()[1]} {proofs[0]} {proofs[1]} {os.getpid()}\n".encode())
    finally:
        os.close(descriptor)
    os.replace(draft, address)  # noqa: PTH105 - as below
    return listening, proofs


def remove(address: str) -> None:
    """Remove what is at the address, if anything."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(address)  # noqa: PTH108
