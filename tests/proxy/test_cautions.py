"""What policy warns of: which warnings take a text for an injection, and the note beside a result."""

from __future__ import annotations

import json
from typing import Any

import pytest

from axonflow_hooks.claude_code.cautions import Caution
from axonflow_hooks.proxy.cautions import NOTE, Warned, injections, warned_of, with_note
from axonflow_hooks.proxy.verdicts import OutputReply

CAUTION = Caution("p", "Policy", "d-1")
WARNED = (Warned(CAUTION, "security-dangerous"),)


def _match(policy: str, action: str = "warn", category: str = "security-dangerous") -> dict[str, Any]:
    return {"policy_id": policy, "policy_name": policy.upper(), "action": action, "category": category}


def _info(*matches: dict[str, Any]) -> dict[str, Any]:
    return {"matched_policies": list(matches)}


@pytest.mark.parametrize(
    ("more", "warned", "injected"),
    [
        pytest.param({}, [], [], id="nothing"),
        pytest.param({"policy_matches": [_match("a")], "policy_info": _info(_match("a"))}, ["a"], ["a"], id="both"),
        pytest.param({"policy_info": _info(_match("a"))}, ["a"], ["a"], id="info alone"),
        pytest.param({"policy_matches": [_match("a")]}, ["a"], ["a"], id="no categories: it may be one"),
        pytest.param({"policy_info": _info(_match("a", "log"))}, [], [], id="noted"),
        pytest.param({"policy_info": _info(_match("a", category="pii-us"))}, ["a"], [], id="personal data"),
        pytest.param({"policy_matches": [_match("a")], "policy_info": _info()}, ["a"], [], id="of no category"),
        pytest.param({"policy_info": _info(_match("a"), _match("a"))}, ["a"], ["a"], id="named twice"),
        pytest.param({"policy_info": {"matched_policies": ["a", {}]}}, [], [], id="no policies"),
    ],
)
def test_warnings_of_an_answer(more: dict[str, Any], warned: list[str], injected: list[str]) -> None:
    reply = OutputReply.model_validate({"allowed": True, "decision_id": "d-1", "redaction_evaluated": True, **more})
    found = warned_of(reply)
    assert [item.caution.policy_id for item in found] == warned
    assert [caution.policy_id for caution in injections(found)] == injected
    assert {item.caution.decision_id for item in found} <= {"d-1"}


@pytest.mark.parametrize(
    "raw",
    [
        '{"content":[{"type":"text","text":"a"}]}',
        '{ "content" : [ {"type":"text","text":"\\u00e4"} ] , "structuredContent": {"n": 1.10, "m": 1e400} }',
        '{"isError":true,"content":[],"_meta":{"a":[1]}}',
        '{"content": [ ] }',
    ],
)
def test_note_is_the_last_block_and_all_else_stays_as_it_was(raw: str) -> None:
    value = json.loads(raw)
    noted = with_note(raw, value, WARNED * 2)
    result = json.loads(noted)
    note = result["content"].pop()
    assert result == value
    assert note["type"] == "text"
    assert note["text"].startswith(f"{NOTE} ")
    assert note["text"].count("Policy (p) [decision: d-1]") == 1
    for kept in ("1.10", "1e400", "\\u00e4"):
        assert (kept in noted) is (kept in raw)


@pytest.mark.parametrize(
    "raw", ['{"contents":[]}', '{"content":"text"}', '{"content":{"type":"text"}}', '{"messages":[]}', "{}", "[]"]
)
def test_results_without_a_list_of_blocks_stay_as_they_are(raw: str) -> None:
    assert with_note(raw, json.loads(raw), WARNED) == raw


def test_results_that_nobody_warns_of_stay_as_they_are() -> None:
    assert with_note('{"content": []}', {"content": []}, ()) == '{"content": []}'
