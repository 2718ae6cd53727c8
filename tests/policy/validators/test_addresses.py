from __future__ import annotations

import pytest

from axonflow_hooks.policy.validators import Candidate, addresses


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("169.254.169.254", "169.254.169.254"),
        ("2852039166", "169.254.169.254"),
        ("0xA9FEA9FE", "169.254.169.254"),
        ("0xa9.0xfe.0xa9.0xfe", "169.254.169.254"),
        ("0251.0376.0251.0376", "169.254.169.254"),
        ("169.254.43518", "169.254.169.254"),
        ("169.16689662", "169.254.169.254"),
        ("[::ffff:169.254.169.254]", "169.254.169.254"),
        ("[::ffff:a9fe:a9fe]", "169.254.169.254"),
        ("[64:ff9b::a9fe:a9fe]", "169.254.169.254"),
        ("[2002:a9fe:a9fe::]", "169.254.169.254"),
        ("169.254.169.254.nip.io", "169.254.169.254"),
        ("app-10-0-0-1.sslip.io", "10.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[fe80::1%25eth0]", "fe80::1"),
        ("example.com", None),
        ("256.1.1.1", None),
        ("1.2.3.4.5", None),
        ("08.1.1.1", None),
        ("123", None),
        ("[zz::1]", None),
    ],
)
def test_address_of(host: str, address: str | None) -> None:
    found = addresses.address_of(host)

    assert (None if found is None else str(found)) == address


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("http://169.254.169.254/latest/meta-data/", True),
        ("http://user:pw@169.254.169.254:80/", True),
        ("http://2852039166/", True),
        ("169.254.169.254/latest", True),
        ("http://metadata.google.internal/computeMetadata/v1/", True),
        ("http://metadata/computeMetadata/", True),
        ("http://100.100.100.200/latest/", True),
        ("http://[fd00:ec2::254]/latest/", True),
        ("http://169.254.169%2e254/", True),
        ("http:\\\\169.254.169.254\\x", True),
        ("http://\uff11\uff16\uff19.254.169\u3002254/", True),
        ("x " * 200 + "http://\u2460\u2465\u2468.254.169.254/", True),
        ("http://169.254.1.1/", False),
        ("https://example.com/169.254.169.254", False),
        ("metadata", False),
        ("--metadata=x", False),
        ("2852039166", True),
        ("https://example.com/?id=2852039167", False),
    ],
)
def test_names_metadata_service(text: str, names: bool) -> None:
    assert addresses.names_metadata_service(text) is names


@pytest.mark.parametrize(
    ("url", "internal"),
    [
        ("http://localhost:8080/", True),
        ("http://app.localhost/", True),
        ("http://10.1.2.3/", True),
        ("http://172.16.0.1/", True),
        ("http://192.168.1.1/", True),
        ("http://100.64.0.1/", True),
        ("http://0.0.0.0:9000/", True),
        ("http://[::1]/", True),
        ("http://[fc00::1]/", True),
        ("http://0x7f.1/", True),
        ("http://8.8.8.8/", False),
        ("http://192.0.2.1/", False),
        ("http://[2001:db8::1]/", False),
        ("https://localhost.example.com/", False),
        ("https://example.com/?u=http%3A%2F%2Flocalhost", False),
    ],
)
def test_internal_url(url: str, internal: bool) -> None:
    assert addresses.internal_url(Candidate.whole(url)) is internal
