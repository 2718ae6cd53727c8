"""An agent behind TLS and a long line: a TLS endpoint before a given port, with a delay on each way.

The delay is below TLS, so that a handshake costs round trips as it does over a real line. Needs the program openssl.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST = "0.0.0.0"
FAR_NAME = re.compile(rb"0\.0\.0\.0:\d+")


@contextmanager
def far_agent(port: int, round_trip_s: float, folder: Path) -> Iterator[tuple[str, Path]]:
    """Give the URL of an endpoint that leads to `port` of this machine, and the certificate to trust."""
    certificate, key = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def serve() -> int:
        async def decrypt(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # A local agent answers to local names only.
            await join(reader, writer, port, 0.0, lambda sent: FAR_NAME.sub(b"127.0.0.1:%d" % port, sent))

        near = await asyncio.start_server(decrypt, "127.0.0.1", 0, ssl=context)
        tls_port = near.sockets[0].getsockname()[1]

        async def delay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(round_trip_s)  # of the TCP handshake
            await join(reader, writer, tls_port, round_trip_s / 2, bytes)

        far = await asyncio.start_server(delay, "127.0.0.1", 0)
        port_number: int = far.sockets[0].getsockname()[1]
        return port_number

    async def stop() -> None:
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    try:
        yield f"https://{HOST}:{asyncio.run_coroutine_threadsafe(serve(), loop).result()}", certificate
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    port: int,
    delay_s: float,
    rewrite: Callable[[bytes], bytes],
) -> None:
    """Carry bytes both ways between a connection and a port of this machine, each way with a delay."""
    other_reader, other_writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(asyncio.CancelledError):
        await asyncio.gather(carry(reader, other_writer, delay_s, rewrite), carry(other_reader, writer, delay_s, bytes))


async def carry(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    delay_s: float,
    rewrite: Callable[[bytes], bytes],
) -> None:
    """Carry bytes one way; what comes later is not delayed by what came before."""
    loop = asyncio.get_running_loop()
    while received := await reader.read(65536):
        chunk = rewrite(received)
        if delay_s:
            loop.call_later(delay_s, writer.write, chunk)
        else:
            writer.write(chunk)
    loop.call_later(delay_s, writer.close)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for the endpoint, which is its own authority; give it and its key."""
    certificate, key = folder / "far.pem", folder / "far.key"
    request = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={HOST} -addext subjectAltName=IP:{HOST}"
    subprocess.run([*request.split(), "-keyout", key, "-out", certificate], capture_output=True, check=True)
    return certificate, key
