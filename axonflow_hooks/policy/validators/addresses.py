"""Hosts in URLs, in every spelling that clients accept (RFC 3986, WHATWG URL: IPv4 parser)."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from axonflow_hooks.policy.matching import Haystack, compile_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.policy.matching import PatternSet
    from axonflow_hooks.policy.validators.candidate import Candidate

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA_NAMES: Final = frozenset({
    "metadata.google.internal", "metadata.goog", "metadata", "instance-data", "instance-data.ec2.internal",
    "metadata.tencentyun.com", "metadata.platformequinix.com", "rancher-metadata",
})  # fmt: skip
_METADATA_ADDRESSES: Final = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.169.253", "169.254.169.123", "169.254.0.23",
        "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
    )
)  # fmt: skip
_LOCAL_NAMES: Final = frozenset({"localhost", "ip6-localhost", "localhost.localdomain", "localtest.me", "lvh.me", "0"})
_LOCAL_SUFFIXES: Final = (
    ".localhost", ".localtest.me", ".lvh.me", ".internal", ".local", ".home.arpa", ".lan", ".corp", ".intranet",
    ".svc", ".consul",
)  # fmt: skip
"""Names that only resolve inside: RFC 6761, 6762 (with appendix G), 8375, ICANN's `.internal`, Kubernetes, Consul."""
_WILDCARD_NAMES: Final = (".nip.io", ".sslip.io", ".xip.io")
_AUTHORITY: Final = r"(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?[\\/]{2,}([^\s/\\?#\"'<>`|]+)|[#?\\&]@([^\s/\\?#\"'<>`|]+)"
_BARE: Final = (
    r"(?:^|[\s\"'=,(@])(\[[0-9a-fA-F:.]+\]|[0-9][0-9a-zA-Z.-]*|[a-zA-Z][0-9a-zA-Z-]*\.[0-9a-zA-Z.-]+)"
    r"(?::\d+)?(?:[/?]|[\s\"',)]|$)"
)
_SHORT: Final = 256
_HOST_SIGNS: Final = r"(?i)metadata|instance-data|%[0-9a-f]{2}|0x[0-9a-f]|\d\.\d|\d{8}|:[0-9a-f]{0,4}:|[^\x00-\x7f]"
"""What every spelling of a metadata service has: one of its names, an escape, or an address."""
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]*|\d+")
_MAX_LENGTH: Final = 8192


@lru_cache(maxsize=1)
def _host_set() -> PatternSet:
    return compile_set([_HOST_SIGNS, _AUTHORITY, _BARE])


def url_hosts(text: str) -> list[str]:
    """Give the hosts of the URLs in a text."""
    return [host for host in map(_host, _found(_AUTHORITY, text[:_MAX_LENGTH])) if host]


def bare_hosts(text: str) -> list[str]:
    """Give the words of a text that may be hosts without a scheme (`curl 10.0.0.1/x`).

    A word such as "metadata" is a host only behind a scheme.
    """
    return list(_found(_BARE, text[:_MAX_LENGTH]))


def _found(form: str, text: str) -> Iterator[str]:
    places = _host_set().find((_HOST_SIGNS, _AUTHORITY, _BARE).index(form), Haystack(text))
    return (text[start:end] for start, end in places)


def _host(authority: str) -> str:
    # behind `#@` and the like some clients see the host; the match then begins with that sign
    host = unquote(authority.rpartition("@")[2]).rpartition("@")[2]
    if not host.isascii():
        # clients map full-width digits, letters and dots (UTS 46)
        host = unicodedata.normalize("NFKC", host).replace("\u3002", ".")
    if host.startswith("["):
        return host[: host.find("]") + 1] if "]" in host else ""
    return host.partition(":")[0].rstrip(".")


def address_of(host: str) -> Address | None:
    """Take a host and give the IP address that a client would connect to, None for a name.

    Understands decimal, octal and hexadecimal numbers, one to four parts, IPv6 with IPv4 inside (mapped, compatible,
    NAT64, 6to4) and names that spell an address (nip.io).
    """
    host = host.strip("[]").partition("%")[0].lower().rstrip(".")
    if ":" in host:
        try:
            return _embedded(ipaddress.IPv6Address(host))
        except ValueError:
            return None
    for suffix in _WILDCARD_NAMES:
        if host.endswith(suffix):
            host = re.sub(r"^(?:.*[.-])?(\d+)[.-](\d+)[.-](\d+)[.-](\d+)$", r"\1.\2.\3.\4", host.removesuffix(suffix))
            host = re.sub(r"^(?:.*[.-])?([0-9a-f]{8})$", r"0x\1", host)
    return _ipv4(host)


def _ipv4(host: str) -> ipaddress.IPv4Address | None:
    parts = host.split(".")
    if not 1 <= len(parts) <= 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return None
    if len(parts) == 1 and numbers[0] < 1 << 24:
        return None  # a small number on its own is a number
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= 256 ** (5 - len(parts)):
        return None
    value = numbers[-1] + sum(number << (8 * (3 - index)) for index, number in enumerate(numbers[:-1]))
    return ipaddress.IPv4Address(value)


def _number(part: str) -> int:
    if part[:2].lower() == "0x":
        return int(part[2:] or "0", 16)
    if len(part) > 1 and part.startswith("0"):
        return int(part, 8)
    return int(part)


_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_TRANSLATED: Final = ipaddress.IPv6Network("::ffff:0:0:0/96")
"""IPv4-translated addresses (RFC 2765)."""
_NAT64_LOCAL: Final = ipaddress.IPv6Network("64:ff9b:1::/48")


def _embedded(address: ipaddress.IPv6Address) -> Address:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    value = int(address)
    if address in _NAT64 or address in _TRANSLATED:
        return ipaddress.IPv4Address(value & 0xFFFFFFFF)
    if address in _NAT64_LOCAL:  # RFC 6052 2.2, prefix of 48 bits: 16 address bits, the u octet, 16 address bits
        return ipaddress.IPv4Address(((value >> 64) & 0xFFFF) << 16 | (value >> 40) & 0xFFFF)
    if 1 < value < 1 << 32:
        return ipaddress.IPv4Address(value)
    return address


def is_metadata_host(host: str) -> bool:
    """Whether the host is a cloud's instance metadata service."""
    name = host.lower().rstrip(".")
    return name in _METADATA_NAMES or address_of(host) in _METADATA_ADDRESSES


def names_metadata_service(text: str) -> bool:
    """Whether a text holds a URL or host of a cloud's instance metadata service."""
    if len(text) > _SHORT and 0 not in _host_set().hits(Haystack(text)):
        return False
    return any(map(is_metadata_host, url_hosts(text))) or any(map(is_metadata_host, bare_hosts(text)))


def metadata_url(candidate: Candidate) -> bool:
    """The matched URL or address leads to a metadata service."""
    return names_metadata_service(candidate.value)


_SLASHES: Final = re.compile(r"[/\\]{2}")


def internal_url(candidate: Candidate) -> bool:
    """The matched URL leads to a loopback, private, link-local or otherwise internal address, or to localhost."""
    value = candidate.value
    hosts = url_hosts(value) if _SLASHES.search(value) else bare_hosts(value)
    return any(is_internal_host(host) for host in hosts)


def is_internal_host(host: str) -> bool:
    """Whether the host is localhost or an address that is not reachable from the Internet."""
    name = host.lower().rstrip(".")
    if name in _LOCAL_NAMES or name.endswith(_LOCAL_SUFFIXES):
        return True
    address = address_of(host)
    return address is not None and not _is_documentation(address) and not address.is_global


_DOCUMENTATION: Final = tuple(
    ipaddress.ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)


def _is_documentation(address: Address) -> bool:
    return any(address in network for network in _DOCUMENTATION if network.version == address.version)
