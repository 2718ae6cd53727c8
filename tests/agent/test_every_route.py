"""What holds for every REST route, whoever adds one: who is refused, and that no input is too much for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from axonflow_hooks.agent.mcp.registry import TOOLS
from axonflow_hooks.agent.registration import Registrations
from axonflow_hooks.agent.registration.tenants import RECOVER_PATH, REGISTER_PATH, VERIFY_PATH
from axonflow_hooks.agent.rest.registry import ENDPOINTS
from tests.agent.conftest import AgentStarter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from axonflow_hooks.agent.rest.endpoint import Endpoint
    from tests.agent.conftest import AgentProcess

MCP_PATH: Final = "/api/v1/mcp-server"


def named(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def path_of(endpoint: Endpoint, value: str = "unknown") -> str:
    return "/".join(value if part.startswith("{") else part for part in endpoint.path.split("/"))


@pytest.fixture(scope="module")
def running_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """Give one agent for the whole module, in team mode: then it serves all that it can serve."""
    starter = AgentStarter(tmp_path_factory.mktemp("agent"))
    yield starter(environ={"AXONFLOW_AGENT_TEAM_MODE": "1"})
    starter.stop_all()


PUBLIC: Final = (("POST", REGISTER_PATH), ("POST", RECOVER_PATH), ("GET", VERIFY_PATH), ("POST", VERIFY_PATH))
"""The routes that need no credential, besides /health; they are there in team mode only."""

every_route = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=named)
routes_with_body = pytest.mark.parametrize("endpoint", [e for e in ENDPOINTS if e.body is not None], ids=named)


@every_route
def test_without_a_credential_nobody_gets_in(running_agent: AgentProcess, endpoint: Endpoint) -> None:
    with running_agent.client(auth=None) as client:
        reply = client.request(endpoint.method, path_of(endpoint))
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"].startswith("Basic")


@every_route
@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
    ids=["host", "origin", "null origin"],
)
def test_a_web_page_does_not_get_in_even_with_the_credential(
    running_agent: AgentProcess, endpoint: Endpoint, headers: dict[str, str]
) -> None:
    with running_agent.client() as client:
        reply = client.request(endpoint.method, path_of(endpoint), headers=headers)
    assert reply.status_code == 403
    assert "access-control-allow-origin" not in reply.headers


def test_the_table_of_public_routes_is_whole() -> None:
    assert {path for _method, path in PUBLIC} == Registrations.PUBLIC_PATHS


@pytest.mark.parametrize(("method", "path"), PUBLIC)
@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}], ids=str
)
def test_a_web_page_does_not_get_at_public_routes(
    running_agent: AgentProcess, method: str, path: str, headers: dict[str, str]
) -> None:
    with running_agent.client(auth=None) as client:
        assert client.request(method, path, headers=headers).status_code == 403


@routes_with_body
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "json"]
)
def test_a_body_that_a_form_can_send_is_refused(
    running_agent: AgentProcess, endpoint: Endpoint, content_type: str
) -> None:
    with running_agent.client() as client:
        reply = client.request(
            endpoint.method, path_of(endpoint), content=b"{}", headers={"Content-Type": content_type}
        )
    assert reply.status_code == 415


NASTY_BODIES: Final[dict[str, bytes]] = {
    "no JSON": b"{",
    "no UTF-8": b'{"a": "\xff"}',
    "an array": b"[]",
    "a text": b'"text"',
    "null": b"null",
    "deep arrays": b'{"a": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "deep objects": b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    "NaN": b'{"a": NaN}',
    "a number beyond doubles": b'{"limit": 1e400}',
    "a number of 5000 digits": b'{"limit": ' + b"9" * 5_000 + b"}",
}
NASTY_VALUES: Final[dict[str, str]] = {
    "a huge number": "1" + "0" * 30,
    "a negative number": "-9223372036854775809",
    "a fraction": "1.5",
    "NUL": '"a\\u0000b"',
    "a lone surrogate": '"a\\ud800b"',
    "a lone low surrogate": '"\\udfff"',
    "a long text": '"' + "x" * 60_000 + '"',
    "beyond the BMP": '"\\ud83d\\ude00"',
    "empty text": '""',
    "blanks": '" \\t\\n "',
    "an object": '{"a": {"b": [1, null, true]}}',
    "an array": '[1, "a", null, {"b": []}]',
    "true": "true",
    "null": "null",
    "a date": '"9999-12-31T23:59:59.999999999Z"',
    "a date before all": '"0001-01-01T00:00:00+14:00"',
    "an impossible date": '"2026-02-30T25:61:61Z"',
    "SQL": '"\' OR 1=1; --"',
    "a format": '"%s%n{0}{x}"',
}


WORST_VALUES: Final = ("NUL", "a lone surrogate", "a huge number", "an object")


def in_turn(values: Sequence[str], number: int, share: int) -> Sequence[str]:
    """Give one of `share` parts of some values; neighbours get other parts, so that together they get all."""
    return values[number % share :: share]


def bodies_of(endpoint: Endpoint) -> list[tuple[str, bytes]]:
    """Give each nasty value in all fields at once; the worst, and a part of the others, in each field alone."""
    assert endpoint.body is not None
    fields = [*endpoint.body.model_fields, "unknown"]
    valid = _valid(endpoint)
    found = list(NASTY_BODIES.items())
    for name, value in NASTY_VALUES.items():
        found.append((name, ("{" + ",".join(f'"{field}": {value}' for field in fields) + "}").encode()))
    for number, field in enumerate(fields, len(endpoint.path)):
        for name in {*WORST_VALUES, *in_turn(tuple(NASTY_VALUES), number, 5)}:
            parts = [*(f'"{other}": {good}' for other, good in valid.items()), f'"{field}": {NASTY_VALUES[name]}']
            found.append((f"{name} in {field}", ("{" + ",".join(parts) + "}").encode()))  # often twice: the last counts
    return found


VALID: Final[dict[str, str]] = {
    "stage": '"tool"', "query": '"ls"', "connector_type": '"postgres"', "statement": '"SELECT 1"', "message": '"ok"',
    "context_id": '"c"', "client_id": '"c"', "provider": '"p"', "model": '"m"', "tool_name": '"Bash"', "input": "{}",
    "token_usage": '{"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}', "original_query": '"ls"',
    "request_type": '"mcp"', "policy_id": '"sys_x"', "policy_type": '"static"', "override_reason": '"because"',
    "name": '"n"', "pattern": '"x"', "category": '"custom"', "enabled": "true", "input_text": '"x"', "policies": "[]",
    "start_time": '"2026-01-01"', "end_time": '"2026-01-02"',
}  # fmt: skip
VALID_DYNAMIC: Final[dict[str, str]] = {
    "name": '"n"', "category": '"dynamic-risk"', "actions": '[{"type": "log"}]',
    "conditions": '[{"field": "query", "operator": "contains", "value": "x"}]',
}  # fmt: skip


def _valid(endpoint: Endpoint) -> dict[str, str]:
    assert endpoint.body is not None
    known = {**VALID, **VALID_DYNAMIC} if "dynamic" in endpoint.path else VALID
    return {name: known[name] for name in endpoint.body.model_fields if name in known}


@routes_with_body
def test_no_body_is_too_much(running_agent: AgentProcess, endpoint: Endpoint) -> None:
    sent, wrong = {"Content-Type": "application/json"}, {}
    with running_agent.client() as client:
        for name, body in bodies_of(endpoint):
            reply = client.request(endpoint.method, path_of(endpoint), content=body, headers=sent)
            if reply.status_code >= 500 or not _is_told(reply):
                wrong[name] = reply.status_code, reply.text[:200]
    assert not wrong


def test_no_recovery_is_too_much(running_agent: AgentProcess) -> None:
    sent, wrong = {"Content-Type": "application/json"}, {}
    bodies = {**NASTY_BODIES, **{name: f'{{"token": {value}}}'.encode() for name, value in NASTY_VALUES.items()}}
    with running_agent.client(auth=None) as client:
        for name, body in bodies.items():
            reply = client.post(VERIFY_PATH, content=body, headers=sent)
            if reply.status_code not in {400, 401, 413} or not _is_told(reply):
                wrong[name] = reply.status_code, reply.text[:200]
        for text in NASTY_TEXTS:
            for method in ("GET", "POST"):
                reply = client.request(method, f"{VERIFY_PATH}?token={text}")
                if reply.status_code not in {400, 415}:
                    wrong[f"{method} {text[:200]}"] = reply.status_code, reply.text[:200]
    assert not wrong


@pytest.mark.parametrize(("path", "names"), [(REGISTER_PATH, ("label", "email")), (RECOVER_PATH, ("email",))])
def test_no_registration_is_too_much(running_agent: AgentProcess, path: str, names: tuple[str, ...]) -> None:
    """Five an hour are looked at (wire 1.13), both routes together: those with which parsers have most trouble."""
    sent = {"Content-Type": "application/json"}
    with running_agent.client(auth=None) as client:
        for value in ("a lone surrogate", "NUL") if path == REGISTER_PATH else ("a lone surrogate", "an object", "NUL"):
            body = "{" + ",".join(f'"{name}": {NASTY_VALUES[value]}' for name in names) + "}"
            reply = client.post(path, content=body.encode(), headers=sent)
            assert (value, reply.status_code) == (value, 400)


NASTY_TEXTS: Final = (
    "%00", "%ED%A0%80", "%FF", "..%2f..%2fetc", "%27%20OR%201%3D1", "x" * 5_000, "9" * 400, "-1", "1e999", "%0d%0aX:y",
    "%F0%9F%98%80", "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "nan", "true", "",
)  # fmt: skip


@every_route
def test_no_path_and_no_query_is_too_much(running_agent: AgentProcess, endpoint: Endpoint) -> None:
    fields = [*(endpoint.query.model_fields if endpoint.query else ()), "unknown"]
    wrong = {}
    with running_agent.client() as client:
        for number, text in enumerate(NASTY_TEXTS, len(endpoint.path)):
            twice = f"{fields[0]}={text}&{fields[0]}={text}"
            path = path_of(endpoint, text or "%20")
            for query in (twice, *(f"{name}={text}" for name in in_turn(fields, number, 3))):
                reply = client.request(endpoint.method, f"{path}?{query}")
                if reply.status_code >= 500:
                    wrong[f"{query} {path}"[:200]] = reply.status_code, reply.text[:200]
    assert not wrong


NASTY_HEADERS: Final = (
    "X-Session-Id", "X-User-Email", "X-Axonflow-Client", "Idempotency-Key", "traceparent", "X-Axonflow-Presence",
    "X-Axonflow-Approval-Id", "X-Axonflow-PEP-Handshake", "Content-Type", "Accept", "X-User-Token",
)  # fmt: skip
NASTY_HEADER_VALUES: Final = (b"\xff\xfe", b"\x80\x9b2J", b"a" * 8_000, b"=cmd|' /C calc'!A0", b"", b"\xc3\xa9")


@every_route
def test_no_header_is_too_much(running_agent: AgentProcess, endpoint: Endpoint) -> None:
    content = None if endpoint.body is None else b"{}"
    wrong = {}
    with running_agent.client() as client:
        for number, value in enumerate(NASTY_HEADER_VALUES, len(endpoint.path)):
            for headers in (NASTY_HEADERS[:-4], *([header] for header in in_turn(NASTY_HEADERS, number, 6))):
                sent = {b"Content-Type": b"application/json", **{header.encode(): value for header in headers}}
                reply = client.request(endpoint.method, path_of(endpoint), content=content, headers=sent)
                if reply.status_code >= 500:
                    wrong[str(headers)] = value, reply.status_code
    assert not wrong


@pytest.mark.parametrize("name", TOOLS)
def test_no_argument_of_a_tool_is_too_much(running_agent: AgentProcess, name: str) -> None:
    schema: Any = TOOLS[name].input_schema
    fields = [*schema["properties"], "approval_id", "unknown"]
    sent, wrong = {"Content-Type": "application/json"}, {}
    with running_agent.client() as client:
        for number, (label, value) in enumerate(NASTY_VALUES.items()):
            alone = fields if label in WORST_VALUES else in_turn(fields, number, 5)
            for chosen in (fields, *([field] for field in alone)):
                valid = [f'"{field}": {VALID[field]}' for field in fields if field in VALID and field not in chosen]
                arguments = "{" + ",".join([*valid, *(f'"{field}": {value}' for field in chosen)]) + "}"
                call = f'{{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {{"name": "{name}", '
                reply = client.post(MCP_PATH, content=(call + f'"arguments": {arguments}}}}}').encode(), headers=sent)
                if reply.status_code >= 500 or reply.json().get("error", {}).get("code") == -32603:
                    wrong[f"{label} in {chosen}"] = reply.status_code, reply.text[:200]
    assert not wrong


def _is_told(reply: Any) -> bool:
    """Tell whether a refusal is JSON that says why."""
    return bool(reply.status_code < 400 or "error" in reply.json() or "block_reason" in reply.json())
