"""A result with many masks: while they are put in, other calls go on; and all of them are put in."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any, Final

import pytest

from axonflow_hooks.proxy import response_plane
from axonflow_hooks.proxy.response_plane import READ_AT_ONCE_CHARS, ResponsePlane
from axonflow_hooks.proxy.verdicts import OutputReply
from tests.proxy.conftest import DEADLINE_S
from tests.proxy.engine_agent import TARGET

if TYPE_CHECKING:
    from collections.abc import Callable

    from axonflow_hooks.proxy.response_plane import Checked

MASK: Final = "[REDACTED:x]"


class Masking:
    """Stands for the agent's side of the plane: masks a word wherever it stands."""

    def __init__(self) -> None:
        self.asked = 0

    async def check_output(self, _target: Any, *, rows: Any = None, message: Any = None, **_more: Any) -> OutputReply:
        """Take a question."""
        self.asked += 1
        masked: Any = message.replace("secret", MASK) if rows is None else None
        if rows is not None:
            masked = [{name: text.replace("secret", MASK) for name, text in row.items()} for row in rows]
        return OutputReply.model_validate(
            {"allowed": True, "redaction_evaluated": True, "decision_id": f"d{self.asked}", "redacted_data": masked}
        )


def check(agent: Masking, value: Any) -> Checked:
    """Have a value checked."""
    return asyncio.run(ResponsePlane(agent).check(TARGET, value, json.dumps(value)))  # type: ignore[arg-type]


@pytest.fixture
def waits_for_the_loop(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let each step that puts masks in wait until the loop has done something else; give the steps it did so in."""
    done: list[str] = []

    def wait_in(name: str, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        step = getattr(response_plane, name)

        def waiting(*args: Any) -> Any:
            turned = threading.Event()
            loop().call_soon_threadsafe(turned.set)
            assert turned.wait(DEADLINE_S), f"the loop stands still in {name}"
            done.append(name)
            return step(*args)

        monkeypatch.setattr(response_plane, name, waiting)

    running: list[asyncio.AbstractEventLoop] = []
    first_question = Masking.check_output

    async def noted(*args: Any, **more: Any) -> OutputReply:
        running.append(asyncio.get_running_loop())
        return await first_question(*args, **more)

    monkeypatch.setattr(Masking, "check_output", noted)
    for name in ("note_masks", "with_scalars_replaced"):
        wait_in(name, lambda: running[0])
    return done


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param([f"{number} secret" for number in range(READ_AT_ONCE_CHARS // 12)], id="different"),
        pytest.param(["secret"] * (READ_AT_ONCE_CHARS // 8), id="equal"),
    ],
)
def test_masks_are_put_in_beside_other_calls(waits_for_the_loop: list[str], texts: list[str]) -> None:
    agent = Masking()
    checked = check(agent, {"content": [], "structuredContent": {"n": texts}})
    assert set(waits_for_the_loop) == {"note_masks", "with_scalars_replaced"}
    assert json.loads(checked.raw)["structuredContent"]["n"] == [text.replace("secret", MASK) for text in texts]
    assert (checked.redactions, checked.decision_id) == (len(texts), "d1")


@pytest.mark.parametrize("count", [pytest.param(3, id="few"), pytest.param(READ_AT_ONCE_CHARS // 20, id="many")])
def test_all_masks_are_put_in(count: int) -> None:
    value = {"content": [], "structuredContent": {"rows": [{"id": n, "note": f"a secret {n}"} for n in range(count)]}}
    checked = check(Masking(), value)
    assert checked.raw == json.dumps(value).replace("secret", MASK)
    assert checked.redactions == count
