"""Whose certificates the clients of an agent trust."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import certifi
import pytest

from axonflow_hooks.client import new_http_client


@pytest.mark.parametrize(
    ("endpoint", "trusts"),
    [("http://127.0.0.1:8080", False), ("http://localhost:8080", False), ("https://localhost:8443", True)],
)
def test_without_tls_no_certificate_is_trusted(endpoint: str, trusts: bool) -> None:
    http = new_http_client(endpoint)
    transport: Any = http._transport
    for used in (transport,) if trusts else (transport.proven, transport.others):
        context: ssl.SSLContext = used._pool._ssl_context
        assert bool(context.get_ca_certs()) is trusts
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.check_hostname
    asyncio.run(http.aclose())


def test_an_agent_of_this_machine_may_have_a_certificate_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authorities, end = Path(certifi.where()).read_text(), "-----END CERTIFICATE-----\n"
    one = tmp_path / "one.pem"
    one.write_text(authorities[authorities.index("-----BEGIN") : authorities.index(end) + len(end)])
    monkeypatch.setenv("SSL_CERT_FILE", str(one))
    http = new_http_client("https://127.0.0.1:8443")
    transport: Any = http._transport
    assert len(transport._pool._ssl_context.get_ca_certs()) == 1
    asyncio.run(http.aclose())
