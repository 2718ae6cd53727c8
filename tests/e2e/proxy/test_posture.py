"""What becomes of personal data in arguments and results under each PII_ACTION of the real agent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from axonflow_hooks.account.local_agent import credential_for
from axonflow_hooks.paths import resolve_paths
from devtools.live import clean_environment, running_agent
from tests.proxy.conftest import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Endpoint = tuple[str, str, Path]

NIK = "NIK " + "3171" + "0127" + "0990" + "0001"
SSN = "ssn 536-90-" + "4399"


class Posture(NamedTuple):
    """A desktop whose agent has one PII_ACTION."""

    action: str
    world: World


@pytest.fixture(params=["redact", "block", "warn", "log"], scope="module")
def endpoint(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str, Path]]:
    home = tmp_path_factory.mktemp(request.param) / "home"
    home.mkdir()
    with running_agent({**clean_environment(home), "PII_ACTION": request.param}) as url:
        yield request.param, url, home


@pytest.fixture
def posture(endpoint: Endpoint, tmp_path: Path) -> Iterator[Posture]:
    action, url, home = endpoint
    pair = credential_for(resolve_paths({"HOME": str(home)}), url)
    assert pair is not None
    folder, own = tmp_path / "backends", tmp_path / "home"
    for place in (folder, own):
        place.mkdir()
    world = World(own, url, folder, {"AXONFLOW_CLIENT_ID": pair[0], "AXONFLOW_CLIENT_SECRET": pair[1]})
    yield Posture(action, world)
    for client in world.clients:
        client.close()


@pytest.mark.parametrize("value", [NIK, SSN], ids=["nik", "ssn"])
def test_personal_data_in_arguments(posture: Posture, value: str) -> None:
    client = posture.world.client()
    answer = client.call("count", {"text": f"look up {value} please"})
    calls = [json.loads(line)["text"] for line in posture.world.lines("one", "count.txt")]
    if posture.action == "block":
        assert answer["error"]["code"] == -32001
        assert answer["error"]["data"]["evaluated_policies"]
        assert calls == []
    else:
        assert "result" in answer, answer
        (sent,) = calls
        assert (value in sent) is (posture.action != "redact")
        assert sent.startswith("look up ")


@pytest.mark.parametrize("value", [NIK, SSN], ids=["nik", "ssn"])
def test_personal_data_in_results(posture: Posture, value: str) -> None:
    (posture.world.folder / "one").mkdir()
    (posture.world.folder / "one" / "resource.txt").write_text(f"found {value} there", encoding="utf-8")
    client = posture.world.client(posture.world.backend("one", "offer=all"))
    answer: dict[str, Any] = client.request("resources/read", {"uri": "test://one/a"})
    row = posture.world.rows("outcome")[-1]
    if posture.action == "block":
        assert (answer["error"]["code"], answer["error"]["data"]["executed"]) == (-32001, True)
        assert value not in json.dumps(answer)
        assert row["verdict"] == "deny"
        return
    shown = answer["result"]["contents"][0]["text"]
    assert shown.startswith("found ")
    assert shown.endswith(" there")
    assert (value in shown) is (posture.action != "redact")
    assert ("[REDACTED" in shown) is (posture.action == "redact")
    assert (row["verdict"], row["redaction_count"]) == ("allow", int(posture.action == "redact"))
