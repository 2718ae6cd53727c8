"""What is looked at of what should be base64, in all the ways in which it is written."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy import leaves
from axonflow_hooks.proxy.binaries import LARGE_CHARS, forms_of_binary, refuse_binaries
from axonflow_hooks.proxy.refusals import Refusal

if TYPE_CHECKING:
    from tests.proxy.conftest import World

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


@pytest.mark.parametrize("size", [10, LARGE_CHARS], ids=["small", "large"])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        pytest.param({"content": [{"type": "text", "text": "a"}]}, None, id="text"),
        pytest.param({"content": [{"type": "audio", "data": plain(TEXT.encode())}]}, None, id="text inside"),
        pytest.param({"content": [{"type": "image", "data": plain(IMAGE)}]}, -32001, id="image"),
        pytest.param({"contents": [{"uri": "x://y", "blob": plain(IMAGE)}]}, -32001, id="blob"),
        pytest.param({"data": [{"type": "image", "data": plain(IMAGE)}]}, -32001, id="anywhere"),
        pytest.param(["a"] * 20, -32003, id="too many texts to tell"),
    ],
)
def test_refused_binaries(monkeypatch: pytest.MonkeyPatch, value: Any, code: int | None, size: int) -> None:
    monkeypatch.setattr(leaves, "MAX_LEAVES", 10)
    if code is None:
        asyncio.run(refuse_binaries(value, size, "t"))
        return
    with pytest.raises(Refusal) as refused:
        asyncio.run(refuse_binaries(value, size, "t"))
    assert refused.value.code == code
    assert refused.value.data["executed"] is True


@pytest.mark.parametrize("mode", ["always", "on-obligation", "off"])
@pytest.mark.parametrize(("binary", "code"), [("withhold", -32001), ("forward", None)])
@pytest.mark.parametrize("tool", ["reply", "fail", "resource"])
def test_declared_policy_holds_in_every_mode(world: World, mode: str, binary: str, code: int | None, tool: str) -> None:
    client = world.client(world.backend("one", "offer=all", binary=binary), AXONFLOW_REDACT_RESPONSES=mode)
    image = {"type": "image", "mimeType": "image/png", "data": plain(IMAGE)}
    if tool == "resource":
        (world.folder / "one" / "resource.json").write_text(json.dumps({"blob": plain(IMAGE)}))
        answer = client.request("resources/read", {"uri": "test://one/a"})
    elif tool == "fail":
        answer = client.call("fail", {"message": "look", "data": image})
    else:
        answer = client.call("reply", {"result": {"content": [image]}})
    assert (plain(IMAGE) in str(answer)) is (code is None)
    if code is not None:
        assert answer["error"]["code"] == code
        assert "images and blobs are withheld" in answer["error"]["message"]
        assert world.rows("outcome")[-1]["verdict"] == "deny"
    elif tool != "fail":
        assert "result" in answer


@pytest.mark.parametrize("mode", ["always", "off"])
def test_texts_pass_where_images_are_withheld(world: World, mode: str) -> None:
    client = world.client(world.backend(binary="withhold"), AXONFLOW_REDACT_RESPONSES=mode)
    result = {"content": [{"type": "text", "text": "data"}], "structuredContent": {"data": plain(IMAGE)}}
    assert client.call("reply", {"result": result})["result"] == result
