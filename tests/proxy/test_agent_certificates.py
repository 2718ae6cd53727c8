"""Over https the proxy trusts certifi's authorities and the system's, or those that the environment names."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from axonflow_hooks.errors import AgentUnavailable
from axonflow_hooks.proxy.agent_link import tls_context
from axonflow_hooks.proxy.direct_link import DirectLink
from tests.proxy.conftest import DEADLINE_S
from tests.self_signed import self_signed


@pytest.fixture(autouse=True)
def no_authorities_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Give a file with a certificate for 127.0.0.1 that it has signed itself, and its key."""
    file = tmp_path / "agent.pem"
    file.write_bytes(b"".join(self_signed()))
    return file


def _ask(certificate: Path) -> tuple[bytes | AgentUnavailable, list[bytes]]:
    """Ask an agent that has this certificate; give its answer or why there is none, and what it was sent."""
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\nx"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await reader.read()
        writer.close()

    async def work() -> bytes | AgentUnavailable:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # a handshake that fails is told there
        link = DirectLink(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            return (await link.post("/p", {"Authorization": "Basic eDp5"}, {}, b"x", DEADLINE_S)).body
        except AgentUnavailable as error:
            return error
        finally:
            await link.aclose()
            server.close()

    return asyncio.run(work()), received


def test_authorities_are_known_where_the_interpreter_knows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> None:
        """Load nothing, as the Python of python.org for macOS does until its certificates are installed."""

    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", none)
    monkeypatch.setattr(ssl.SSLContext, "set_default_verify_paths", none)
    assert not ssl.create_default_context().get_ca_certs()
    context = tls_context()
    assert len(context.get_ca_certs()) > 20
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_authorities_of_the_environment_are_trusted(monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    answer, received = _ask(certificate)
    assert answer == b"ok"
    assert len(received) == 1


def test_authorities_of_the_system_are_trusted(monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    system = ssl.SSLContext.load_default_certs

    def and_a_companys_own(context: ssl.SSLContext, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH) -> None:
        system(context, purpose)
        context.load_verify_locations(certificate)

    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", and_a_companys_own)
    answer, _ = _ask(certificate)
    assert answer == b"ok"


def test_nobody_else_is_trusted(certificate: Path) -> None:
    answer, received = _ask(certificate)
    assert str(answer).endswith("cannot be reached (SSLCertVerificationError).")
    assert received == []


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "unreadable"])
def test_a_file_of_authorities_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, certificate: Path, content: str | None
) -> None:
    chosen = tmp_path / "authorities.pem"
    if content is not None:
        chosen.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(chosen))
    answer, received = _ask(certificate)
    assert isinstance(answer, AgentUnavailable)
    assert answer.message.startswith("The certificates of this environment cannot be used (")
    assert "SSL_CERT_FILE" in answer.remedy
    assert received == []
