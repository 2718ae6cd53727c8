"""What the values of settings may be, and that all who read settings read them the same way."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from axonflow_hooks.account.local_agent import normalised_endpoint
from axonflow_hooks.errors import SettingsError
from axonflow_hooks.setting_values import (
    absolute_path,
    duration,
    email,
    encode_basic,
    header,
    is_email,
    listed,
    one_of,
    read,
    seconds,
    set_in,
    switch,
    url,
    whole_number,
)
from axonflow_hooks.settings import is_loopback_url

if TYPE_CHECKING:
    from collections.abc import Callable

PAIR = "client-1:s3cr3t-value"
BASIC = base64.b64encode(PAIR.encode()).decode()
LONG = "client-1:AXON-" + "k" * 90
ENTRIES = listed(re.compile(r"[a-z]+"), "word", "List words.")
DAYS = whole_number(1, 36_500, "days", "Set it to 1 to 36500.")
URL = url("Put them elsewhere.")


def test_what_an_environment_sets() -> None:
    environ = {"A": " x ", "B": "  ", "C": "", "D": "not asked for"}
    assert set_in(environ, ("A", "B", "C", "E")) == {"A": ("x", "A")}


def test_a_default_is_not_parsed() -> None:
    given = {"a": ("1", "A")}
    assert read(given, "a", switch, None) is True
    assert read(given, "b", switch, None) is None


@pytest.mark.parametrize("word", ["1", "true", "YES", "On"])
def test_on(word: str) -> None:
    assert switch(word, "X") is True


@pytest.mark.parametrize("word", ["0", "False", "no", "OFF"])
def test_off(word: str) -> None:
    assert switch(word, "X") is False


def test_words_have_no_case() -> None:
    assert one_of(("open", "On-Failure"))("OPEN", "X") == "open"


def test_entries() -> None:
    assert ENTRIES(" B, a,,B ,", "X") == ("b", "a", "b")
    assert ENTRIES(",", "X") == ()


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("36500", 36_500), ("007", 7), ("000000001234", 1234)],
    ids=["least", "most", "zeros", "many-zeros"],
)
def test_whole_numbers(text: str, number: int) -> None:
    assert DAYS(text, "X") == number


@pytest.mark.parametrize(("text", "number"), [("3", 3.0), ("0.5", 0.5), ("60", 60.0), ("1e1", 10.0)])
def test_seconds(text: str, number: float) -> None:
    assert seconds(12.0)(text, "X") == number


@pytest.mark.parametrize(
    ("text", "number"), [("500ms", 0.5), ("10s", 10.0), ("1.5s", 1.5), ("2m", 120.0), ("10m", 600.0)]
)
def test_durations(text: str, number: float) -> None:
    assert duration(text, "X") == number


def test_the_home_folder_of_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert absolute_path("~/keys", "X") == tmp_path / "keys"


def test_what_a_header_carries() -> None:
    assert header()("x" * 8192, "X") == "x" * 8192
    assert header(5)("a ~ b", "X") == "a ~ b"
    assert email()("dev@example.com", "X") == "dev@example.com"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("a@b", True), ("a.b+c@d.example", True), ("a", False), ("a@b c", False), ("a@b\n", False), ("a@b@c", False)],
)
def test_is_email(text: str, is_one: bool) -> None:
    assert is_email(text) is is_one


@pytest.mark.parametrize(
    ("value", "decoded"),
    [
        pytest.param(BASIC, PAIR, id="base64"),
        pytest.param(PAIR, PAIR, id="plain"),
        pytest.param("a:b:c", "a:b:c", id="colons-in-the-secret"),
        pytest.param(base64.encodebytes(LONG.encode()).decode(), LONG, id="base64-in-lines"),
        pytest.param("client:päss", "client:päss", id="not-ascii"),
        pytest.param(base64.b64encode("client:päss".encode()).decode(), "client:päss", id="base64-of-not-ascii"),
    ],
)
def test_basic(value: str, decoded: str) -> None:
    assert base64.b64decode(encode_basic(value, "X")).decode() == decoded


@pytest.mark.parametrize(
    ("parse", "value", "said"),
    [
        pytest.param(switch, "of", "on or off", id="switch"),
        pytest.param(one_of(("open", "closed")), "ajar", "open, closed", id="word"),
        pytest.param(ENTRIES, "a,b c", "'b c', which is no word", id="entry"),
        pytest.param(DAYS, "0", "days", id="number-too-small"),
        pytest.param(DAYS, "36501", "days", id="number-too-large"),
        pytest.param(DAYS, "9" * 5000, "days", id="number-that-int-refuses"),
        pytest.param(DAYS, "٣", "days", id="digits-of-another-script"),
        pytest.param(DAYS, "-1", "days", id="negative"),
        pytest.param(seconds(12.0), "0", "up to 12", id="no-seconds"),
        pytest.param(seconds(12.0), "nan", "up to 12", id="nan"),
        pytest.param(seconds(12.0), "1e999", "up to 12", id="endless"),
        pytest.param(seconds(12.0), "10s", "up to 12", id="unit"),
        pytest.param(duration, "10", "unit", id="no-unit"),
        pytest.param(duration, "601s", "600 seconds", id="too-long"),
        pytest.param(duration, "0ms", "unit", id="no-time"),
        pytest.param(absolute_path, "keys", "whole path", id="relative"),
        pytest.param(absolute_path, "~nobody-has-this-name/keys", "whole path", id="home-of-nobody"),
        pytest.param(header(), "é", "header", id="not-ascii"),
        pytest.param(header(), "a\nb", "header", id="line-end"),
        pytest.param(header(), "x" * 8193, "8192 characters", id="header-too-long"),
        pytest.param(header(5), "x" * 6, "5 characters", id="longer-than-asked"),
        pytest.param(email(), "me", "e-mail", id="no-address"),
        pytest.param(email(10), "me@example.com", "e-mail", id="address-too-long"),
        pytest.param(encode_basic, "s3cr3t", "base64", id="no-base64"),
        pytest.param(URL, "https://a:s3cr3t@b", "Put them elsewhere", id="credentials"),
    ],
)
def test_an_error_names_the_setting_the_fault_and_the_remedy(
    parse: Callable[[str, str], Any], value: str, said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(value, "AXONFLOW_SETTING")
    assert caught.value.message.startswith("AXONFLOW_SETTING ")
    assert caught.value.remedy
    assert said in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        pytest.param("http://localhost:8080/", "http://localhost:8080", id="trailing-slash"),
        pytest.param("https://a.example/axonflow//", "https://a.example/axonflow", id="path"),
        pytest.param("HTTP://Agent.Example:8080/Path", "http://agent.example:8080/Path", id="case"),
        pytest.param("http://[::1]:8080", "http://[::1]:8080", id="ipv6"),
        pytest.param("http://münchen.example", "http://xn--mnchen-3ya.example", id="host-beyond-ascii"),
        pytest.param("http://MÜNCHEN.example:80", "http://xn--mnchen-3ya.example:80", id="its-case-and-port"),
        pytest.param("http://xn--mnchen-3ya.example", "http://xn--mnchen-3ya.example", id="its-ascii-form"),
        # IDNA 2008 has a name of its own for it, where IDNA 2003 (Python's codec) made another one of it.
        pytest.param("https://straße.example", "https://xn--strae-oqa.example", id="sharp-s"),
        pytest.param("https://日本語。jp:8443", "https://xn--wgv71a119e.jp:8443", id="ideographic-full-stop"),
        pytest.param("http://127。0。0。1:8080", "http://127.0.0.1:8080", id="address-in-other-dots"),
        pytest.param("http://a/ü/%20", "http://a/%C3%BC/%20", id="path-beyond-ascii"),
    ],
)
def test_urls(text: str, endpoint: str) -> None:
    assert URL(text, "X") == endpoint
    assert URL(endpoint, "X") == endpoint


@pytest.mark.parametrize(
    "text",
    [
        "localhost:8080",
        "ftp://a",
        "http://",
        "http://a:port",
        "http://a:0",
        "http://a:70000",
        "http://[::1",
        "http://a/?x=1",
        "http://a/#x",
        "http://a b",
        "http://a\\b",
        "http://a\x00",
        "http://a/\x1f",
        "http://a/\udcff",
        "http://\udcff.example",
        "http://\uff4cocalhost",
        "http://☃.example",
        "http://ü_x.example",
        "http://ü..example",
        "http://" + "ü" * 70 + ".example",
        "http://a\u200bb",
        "http://[fe80::1%25ü]",
    ],
    ids=ascii,
)
def test_a_url_that_is_none(text: str) -> None:
    with pytest.raises(SettingsError, match="AXONFLOW_ENDPOINT") as caught:
        URL(text, "AXONFLOW_ENDPOINT")
    assert caught.value.remedy
    str(caught.value).encode()  # it can be shown


@pytest.mark.parametrize(
    ("text", "in_ascii"),
    [
        ("http://münchen.example:8080", "http://xn--mnchen-3ya.example:8080"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("http://127。0。0。1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_all_who_look_at_an_endpoint_see_one_host(text: str, in_ascii: str) -> None:
    endpoint = URL(text, "X")
    assert httpx.URL(endpoint).raw_host.decode() == urlsplit(endpoint).hostname
    assert httpx.URL(endpoint).raw_host == httpx.URL(text).raw_host
    assert normalised_endpoint(endpoint) == normalised_endpoint(in_ascii)
    assert is_loopback_url(endpoint) is is_loopback_url(in_ascii)


HOOK = """
import sys
from pathlib import Path
from axonflow_hooks.paths import Paths
from axonflow_hooks.settings import load_settings
folder = Path(sys.argv[1])
settings = load_settings({"AXONFLOW_ENDPOINT": sys.argv[2]}, Paths(folder, folder, folder, folder))
dear = ("asyncio", "httpx", "idna", "pydantic", "ssl", "tomli", "tomllib")
print(settings.endpoint, *(name for name in dear if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("text", "endpoint", "loads_more"),
    [
        pytest.param("http://a.example", "http://a.example", False, id="ascii"),
        pytest.param("http://ü.example", "http://xn--tda.example", True, id="beyond-ascii"),
    ],
)
def test_a_hook_loads_no_more_than_its_settings_need(
    tmp_path: Path, text: str, endpoint: str, loads_more: bool
) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", HOOK, str(tmp_path), text],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        check=True,
        timeout=60,
    )
    shown, *loaded = done.stdout.decode().split()
    assert (shown, bool(loaded)) == (endpoint, loads_more), loaded
