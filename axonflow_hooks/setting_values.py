"""What the values of settings may be: each parser takes a text and where it stands, and gives what it means.

The plugin's settings, the proxy's and the embedded agent's are read by these. A parser raises SettingsError, which
names the place, what is wrong and the remedy. Every hook loads this module: it imports what a hook needs anyway.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote, urlsplit

from axonflow_hooks.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Given = Mapping[str, tuple[str, str]]
    """What was set: {key: (text, where it stands)}."""

ValueT = TypeVar("ValueT")
DefaultT = TypeVar("DefaultT")
WordT = TypeVar("WordT", bound=str)

MAX_HEADER_CHARS: Final = 8192
MAX_DURATION_S: Final = 600.0

_ON: Final = frozenset({"1", "true", "yes", "on"})
_OFF: Final = frozenset({"0", "false", "no", "off"})
_EMAIL: Final = re.compile(r"[^\s@,;<>\"\x00-\x1f\x7f]{1,128}@[^\s@,;<>\"\x00-\x1f\x7f]{1,190}")
_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0}
_NOT_IN_URL: Final = re.compile(r"[\s\x00-\x1f\x7f\\]")
_ASCII: Final = "".join(map(chr, range(128)))


def set_in(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Give what an environment sets of these names; blanks around a value do not count, an empty one is none."""
    texts = {name: environ.get(name, "").strip() for name in names}
    return {name: (text, name) for name, text in texts.items() if text}


def read(given: Given, key: str, parse: Callable[[str, str], ValueT], default: DefaultT) -> ValueT | DefaultT:
    """Give the value of one setting, or the default where it is not set. Raises what the parser raises."""
    return parse(*given[key]) if key in given else default


def switch(value: str, name: str) -> bool:
    """Take on or off, in one of its spellings."""
    word = value.lower()
    if word in _ON | _OFF:
        return word in _ON
    raise SettingsError(f"{name} is neither on nor off: {value[:40]!r}.", remedy="Use on or off (1 or 0).")


def one_of(words: tuple[WordT, ...]) -> Callable[[str, str], WordT]:
    """Give the parser for one of some words, which have no case."""

    def parse(value: str, name: str) -> WordT:
        for word in words:
            if word == value.lower():
                return word
        raise SettingsError(f"{name} is not known: {value[:40]!r}.", remedy=f"Use one of {', '.join(words)}.")

    return parse


def listed(entry: re.Pattern[str], what: str, remedy: str) -> Callable[[str, str], tuple[str, ...]]:
    """Give the parser for entries with commas between them; each is lower case and matches `entry`, as a `what`."""

    def parse(value: str, name: str) -> tuple[str, ...]:
        entries = tuple(part.strip().lower() for part in value.split(",") if part.strip())
        for part in entries:
            if not entry.fullmatch(part):
                raise SettingsError(f"{name} holds {part[:40]!r}, which is no {what}.", remedy=remedy)
        return entries

    return parse


def whole_number(least: int, most: int, what: str, remedy: str) -> Callable[[str, str], int]:
    """Give the parser for a number of `what`, in ASCII digits."""

    def parse(value: str, name: str) -> int:
        digits = value.lstrip("0") or "0"  # int() has a limit of its own for the length
        if value.isascii() and value.isdigit() and len(digits) <= len(str(most)) and least <= int(digits) <= most:
            return int(digits)
        raise SettingsError(f"{name} is not a number of {what}: {value[:40]!r}.", remedy=remedy)

    return parse


def seconds(most: float) -> Callable[[str, str], float]:
    """Give the parser for a number of seconds above 0; `most` stands in the remedy only."""

    def parse(value: str, name: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if 0 < number < float("inf"):
            return number
        raise SettingsError(
            f"{name} is not a number of seconds above 0: {value[:40]!r}.", remedy=f"Give a number up to {most:g}."
        )

    return parse


def duration(value: str, name: str) -> float:
    """Take "500ms", "10s" or "2m" and give seconds."""
    match = _DURATION.fullmatch(value.strip())
    number = float(match.group(1)) * _UNITS[match.group(2)] if match else 0.0
    if not 0 < number <= MAX_DURATION_S:
        raise SettingsError(
            f"{name} is not a duration: {value[:40]!r}.",
            remedy=f'Give a number and a unit, such as "500ms" or "10s", up to {MAX_DURATION_S:g} seconds.',
        )
    return number


def absolute_path(value: str, name: str) -> Path:
    """Take an absolute path; `~` is the user's home folder."""
    try:
        path = Path(value).expanduser()
    except RuntimeError:  # of a user that there is not
        path = Path(value)
    if not path.is_absolute():
        raise SettingsError(f"{name} is not an absolute path: {value[:200]!r}.", remedy="Give the whole path.")
    return path


def header(limit: int = MAX_HEADER_CHARS) -> Callable[[str, str], str]:
    """Give the parser for what an HTTP header is to carry (RFC 9110, 5.5), `limit` characters at most."""

    def parse(value: str, name: str) -> str:
        if not value.isascii() or not value.isprintable():
            raise SettingsError(f"{name} holds characters that no header can carry.", remedy="Correct or unset it.")
        if len(value) > limit:
            raise SettingsError(f"{name} is longer than {limit} characters.", remedy="Shorten it.")
        return value

    return parse


def email(limit: int = MAX_HEADER_CHARS) -> Callable[[str, str], str]:
    """Give the parser for an e-mail address that a header is to carry, `limit` characters at most."""
    carried = header()

    def parse(value: str, name: str) -> str:
        if not is_email(carried(value, name)) or len(value) > limit:
            raise SettingsError(f"{name} is not an e-mail address.", remedy="Correct or unset it.")
        return value

    return parse


def is_email(text: str) -> bool:
    """Tell whether a text can be an e-mail address; whether it is one, only its owner knows."""
    return _EMAIL.fullmatch(text) is not None


def encode_basic(value: str, name: str) -> str:
    """Take `id:secret` or its base64 and give the base64 of Basic authentication (wire 1.1).

    `name` says where the value stands. Raises SettingsError, without the value, when it is neither.
    """
    remedy = 'Give base64 of "client-id:client-secret", without the word Basic.'
    try:
        decoded = value if ":" in value else _decode_basic(value)
        encoded = base64.b64encode(decoded.encode()).decode("ascii")
    except (binascii.Error, ValueError):
        raise SettingsError(f"{name} is not valid base64.", remedy=remedy) from None
    if ":" not in decoded:
        raise SettingsError(f"{name} holds no client id and secret.", remedy=remedy)
    if any(not char.isprintable() for char in decoded):
        raise SettingsError(
            f"{name} holds a line end or another control character.",
            remedy="Encode it without one: printf %s 'client-id:client-secret' | base64",
        )
    return encoded


def _decode_basic(value: str) -> str:
    # `base64` of GNU breaks its output into lines of 76 characters.
    return base64.b64decode("".join(value.split()), validate=True).decode("utf-8")


def url(credentials: str) -> Callable[[str, str], str]:
    """Give the parser for an http or https URL; `credentials` is the remedy where it holds some.

    The URL has neither query, fragment nor a slash at its end. It is ASCII, as all that use it need it: a host beyond
    that is given in its IDNA form, a path percent-encoded (RFC 3987, 3.1).
    """

    def parse(value: str, name: str) -> str:
        remedy = "Give a URL such as https://axonflow.example.com, without credentials, query or fragment."
        try:
            parts = urlsplit(value)
            path = quote(parts.path, safe=_ASCII)
            usable = parts.port != 0 and parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            raise SettingsError(f"{name} is not a URL.", remedy=remedy) from None
        if "@" in parts.netloc:
            raise SettingsError(f"{name} holds credentials.", remedy=credentials)
        if not usable or parts.query or parts.fragment or _NOT_IN_URL.search(value):
            raise SettingsError(f"{name} is not an http or https URL.", remedy=remedy)
        # Scheme and host have no case (RFC 3986, 6.2.2.1); the code that compares them need not know.
        netloc = _ascii_netloc(parts.netloc.lower(), name)
        return parts._replace(netloc=netloc, path=path).geturl().rstrip("/")

    return parse


def _ascii_netloc(netloc: str, name: str) -> str:
    """Give a host and its port with the host as DNS, certificates and credential files name it (RFC 5891)."""
    if netloc.isascii():
        return netloc
    import httpx  # only such a host needs it here, and what httpx would make of it is what all shall use

    host, colon, port = netloc.partition(":")
    found = b""
    if not host.isascii():  # else it is the zone of an IPv6 address
        with contextlib.suppress(httpx.InvalidURL, ValueError):
            found = httpx.URL(f"http://{host}").raw_host
    if not found:
        raise SettingsError(
            f"{name} names a host that is no domain name: {host[:80]!r}.",
            remedy="Correct it, or write it in its ASCII form, which begins with xn--.",
        )
    return found.decode("ascii") + colon + port
