"""What is looked at of what should be base64, in all the ways in which it is written."""

from __future__ import annotations

import base64

import pytest

from axonflow_hooks.proxy.binaries import forms_of_binary

TEXT = "so: caf\u00e9 \u07ff\u07ff>"
IMAGE = b"\x89PNG\xff\xfe\xfb\xef" * 12


def plain(content: bytes) -> str:
    return base64.b64encode(content).decode()


def unpadded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.mark.parametrize(
    ("data", "forms", "unseen"),
    [
        pytest.param(plain(TEXT.encode()), [(TEXT, True)], False, id="text"),
        pytest.param(plain(IMAGE), [], True, id="image"),
        pytest.param(plain(b"a\x00b"), [], True, id="NUL is no text"),
        pytest.param(plain(TEXT.encode("utf-16")), [], True, id="another encoding"),
        pytest.param("", [("", True)], False, id="nothing"),
        pytest.param("poison!", [("poison!", False)], False, id="not base64"),
        pytest.param("two words", [("two words", False)], False, id="words"),
        pytest.param(unpadded(TEXT.encode()), [(unpadded(TEXT.encode()), False), (TEXT, True)], False, id="URL-safe"),
        pytest.param(unpadded(IMAGE), [(unpadded(IMAGE), False)], True, id="URL-safe image"),
        pytest.param(
            base64.encodebytes(IMAGE).decode(), [(base64.encodebytes(IMAGE).decode(), False)], True, id="lines"
        ),
        pytest.param("YQ==\r\n", [("YQ==\r\n", False), ("a", True)], False, id="line end"),
    ],
)
def test_forms(data: str, forms: list[tuple[str, bool]], unseen: bool) -> None:
    assert forms_of_binary(data) == (forms, unseen)
