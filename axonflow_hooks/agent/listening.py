"""Where the agent listens: loopback sockets, others only where the operator names them, and TLS."""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from axonflow_hooks.agent.errors import StartupError
from axonflow_hooks.settings import is_loopback_url

if TYPE_CHECKING:
    from pathlib import Path

_CHOOSE_ADDRESS: Final = "Use --host 127.0.0.1 (or ::1), or an address of this machine."


@dataclass(frozen=True, slots=True)
class Tls:
    """The certificate (with its chain) and the key, in PEM files."""

    certificate: Path
    key: Path


def is_local(host: str) -> bool:
    """Tell whether an address or name means this machine only."""
    return is_loopback_url(f"http://[{host}]" if ":" in host else f"http://{host}")


def check_host(host: str) -> None:
    """Raise StartupError unless `host` is `localhost` or an address: names may mean another machine tomorrow."""
    if host == "localhost":
        return
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise StartupError(f"The agent cannot listen on {host!r}: it is no address.", remedy=_CHOOSE_ADDRESS) from None


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Give what uvicorn will serve with; made early, so that files that do not fit are told in words.

    Raises StartupError.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without a password callback OpenSSL would ask for one on the terminal.
        context.load_cert_chain(tls.certificate, tls.key, password=lambda: "")
    except (OSError, ssl.SSLError) as error:
        cause = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else "not a matching pair"
        raise StartupError(
            f"TLS cannot be served with {tls.certificate} and {tls.key} ({cause}).",
            remedy="Give a PEM certificate and its unencrypted key.",
        ) from None
    return context


def bind(host: str, port: int) -> list[socket.socket]:
    """Give listening sockets: for `localhost` on every loopback address, so that nobody else takes the other one.

    Raises StartupError.
    """
    addresses = ["127.0.0.1", "::1"] if host == "localhost" else [host]
    sockets: list[socket.socket] = []
    for address in addresses:
        try:
            bound = _bind_one(address, port or (sockets[0].getsockname()[1] if sockets else 0))
        except OSError as error:
            if sockets and error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                continue  # no IPv6 on this machine
            for taken in sockets:
                taken.close()
            raise _cannot_listen(address, port, error) from None
        sockets.append(bound)
    return sockets


def _bind_one(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named; else each answer takes 40 ms longer.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform == "win32":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)  # else others may bind it too
        else:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
        # Bound is not taken yet where SO_REUSEADDR is set: listen now, so that a second agent fails here.
        bound.listen(socket.SOMAXCONN)
    except BaseException:
        bound.close()
        raise
    return bound


def _cannot_listen(address: str, port: int, error: OSError) -> StartupError:
    if error.errno == errno.EADDRINUSE:
        return StartupError(
            f"Port {port} on {address} is taken: an agent runs already, or another program uses it.",
            remedy="Stop that program, or choose another --port.",
        )
    return StartupError(f"Cannot listen on {address} port {port}: {error.strerror}.", remedy="Choose another --port.")
