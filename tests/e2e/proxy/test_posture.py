"""What becomes of personal data in arguments and results under each PII_ACTION of the real agent."""

from __future__ import annotations

import json
import re
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
BARE = "53690" + "4399"
NIK_DIGITS = NIK.removeprefix("NIK ")
PASSPORT = "C01X" + "00T47"


_PLACEHOLDER = re.compile(r"\[REDACTED:(\w+)#\d+\]")


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


@pytest.mark.parametrize(
    ("arguments", "masked"),
    [
        pytest.param({"ssn": BARE}, {"ssn": "ssn"}, id="text"),
        pytest.param({"ssn": int(BARE), "n": 7}, {"ssn": "ssn", "n": 7}, id="number"),
        pytest.param({"of": {"social_security_number": BARE}}, {"of": {"social_security_number": "ssn"}}, id="deep"),
        pytest.param({"text": f"ssn {BARE}", "ssn": [BARE]}, {"text": "ssn ssn", "ssn": ["ssn"]}, id="twice"),
        pytest.param({"text": f"ssn {BARE}\nand no more"}, {"text": "ssn ssn\nand no more"}, id="another line below"),
        pytest.param({"nik": NIK_DIGITS}, {"nik": "nik"}, id="nik"),
        pytest.param({"nik": int(NIK_DIGITS)}, {"nik": "nik"}, id="nik as a number"),
        pytest.param({"passport": PASSPORT}, {"passport": "passport"}, id="passport"),
        pytest.param({"field": "ssn", "value": BARE}, {"field": "ssn", "value": "ssn"}, id="named by a neighbour"),
        pytest.param({"sql": "ssn = ?", "params": [BARE]}, {"sql": "ssn = ?", "params": ["ssn"]}, id="sql"),
        pytest.param({f"ssn {BARE}": 1}, None, id="in a name"),
    ],
)  # fmt: skip
def test_arguments_named_by_their_keys(posture: Posture, arguments: Any, masked: Any) -> None:
    client = posture.world.client()
    answer = client.call("count", arguments)
    calls = [json.loads(line) for line in posture.world.lines("one", "count.txt")]
    refused = -32001 if posture.action == "block" else None
    if posture.action == "redact" and masked is None:
        refused = -32003
    assert answer.get("error", {}).get("code") == refused
    if refused is not None:
        assert calls == []
    elif posture.action == "redact":
        assert json.loads(_PLACEHOLDER.sub(r"\1", json.dumps(calls[0]))) == masked
        assert posture.world.rows("outcome")[-1]["redaction_count"] == json.dumps(calls[0]).count("[REDACTED")
    else:
        assert calls == [arguments]


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        pytest.param({"SSN# (us)": int(BARE), "n": 7}, {"SSN# (us)": "ssn", "n": 7}, id="odd key"),
        pytest.param({"Número de SSN": BARE}, {"Número de SSN": "ssn"}, id="other letters"),
        pytest.param({"ssn": {"value": int(BARE)}}, {"ssn": {"value": "ssn"}}, id="below its key"),
        pytest.param({"field": "ssn", "value": BARE}, {"field": "ssn", "value": "ssn"}, id="named by a neighbour"),
        pytest.param({"columns": ["id", "ssn"], "rows": [["1", BARE], ["2", BARE]]},
                     {"columns": ["id", "ssn"], "rows": [["1", "ssn"], ["2", "ssn"]]}, id="table"),
        pytest.param({"note": "his social security number:", "x": int(BARE)},
                     {"note": "his social security number:", "x": "ssn"}, id="named by a note"),
        pytest.param({"order_id": int(BARE), "build": 5}, {"order_id": int(BARE), "build": 5}, id="clean"),
    ],
)  # fmt: skip
def test_structured_results(posture: Posture, value: Any, masked: Any) -> None:
    (posture.world.folder / "one").mkdir()
    held = {"content": [], "structuredContent": value}
    (posture.world.folder / "one" / "reply.json").write_text(json.dumps(held), encoding="utf-8")
    answer = posture.world.client().call("reply")
    if posture.action == "block" and value != masked:
        assert (answer["error"]["code"], answer["error"]["data"]["executed"]) == (-32001, True)
        assert BARE not in json.dumps(answer)
        return
    shown = answer["result"]["structuredContent"]
    if posture.action == "redact":
        assert json.loads(_PLACEHOLDER.sub(r"\1", json.dumps(shown))) == masked
        assert posture.world.rows("outcome")[-1]["redaction_count"] == json.dumps(shown).count("[REDACTED")
    else:
        assert shown == value


def test_result_with_escapes_in_a_text(posture: Posture) -> None:
    hidden = "".join(f"\\u{ord(digit):04x}" for digit in BARE)
    (posture.world.folder / "one").mkdir()
    text = f'Result of caf\\u00e9: {{"ssn":"{hidden}"}}'
    held = {"content": [{"type": "text", "text": text}]}
    (posture.world.folder / "one" / "reply.json").write_text(json.dumps(held), encoding="utf-8")
    answer = posture.world.client().call("reply")
    if posture.action == "block":
        assert answer["error"]["code"] == -32001
        return
    shown = answer["result"]["content"][0]["text"]
    assert shown == (text.replace(hidden, "[REDACTED:ssn#1]") if posture.action == "redact" else text)
