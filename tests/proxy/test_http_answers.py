"""What the body of an HTTP answer is, and which words mean that a session is over."""

from __future__ import annotations

import pytest

from axonflow_hooks.proxy.http_answers import SESSION_ID, read_body, says_expired

ERROR = '"error":{"code":-32000,"message":"no"}'


@pytest.mark.parametrize(
    ("text", "answers", "error", "said"),
    [
        pytest.param('{"jsonrpc":"2.0","id":7,"result":{}}', True, False, "", id="result"),
        pytest.param(f'{{"jsonrpc":"2.0","id":7,{ERROR}}}', True, False, "no", id="error"),
        pytest.param(f'{{"jsonrpc":"2.0","id":null,{ERROR}}}', False, True, "no", id="error of nobody"),
        pytest.param(f'{{"jsonrpc":"2.0",{ERROR}}}', False, True, "no", id="error without id"),
        pytest.param(f'{{"jsonrpc":"2.0","id":"server-error",{ERROR}}}', False, True, "no", id="error of the server"),
        pytest.param(f'{{"jsonrpc":"2.0","id":8,{ERROR}}}', False, False, "", id="error of another"),
        pytest.param('{"jsonrpc":"2.0","id":8,"result":{}}', False, False, "", id="result of another"),
        pytest.param('{"jsonrpc":"2.0","id":"7","result":{}}', False, False, "", id="id of another kind"),
        pytest.param('{"jsonrpc":"2.0","id":null,"result":{}}', False, False, "", id="result of nobody"),
        pytest.param('{"jsonrpc":"2.0","id":7,"method":"ping","result":{}}', False, False, "", id="request"),
        pytest.param('{"error":"declined"}', False, False, "", id="another kind of error"),
        pytest.param('{"jsonrpc":"2.0","id":[],"error":{}}', False, False, "", id="list as id"),
        pytest.param('{"ok":true}', False, False, "", id="no answer"),
        pytest.param(" Invalid session ID\n", False, False, "Invalid session ID", id="text"),
        pytest.param("", False, False, "", id="nothing"),
    ],
)
def test_bodies(text: str, answers: bool, error: bool, said: str) -> None:
    body = read_body(text, 7)
    assert (body.answer is not None, body.error is not None, body.said) == (answers, error, said)


@pytest.mark.parametrize(
    ("said", "expired"),
    [
        ("Session not found", True),
        ("session not found", True),
        ("Session not found: 0b5e-77", True),
        ("Bad Request: No valid session ID provided", True),
        ("Bad Request: Missing session ID", True),
        ("Not Found: Invalid or expired session ID", True),
        ("Not Found: Session has been terminated", True),
        ("Bad Request: Mcp-Session-Id header is required", True),
        ("Session ID required in mcp-session-id header", True),
        ("Invalid or missing session ID", True),
        ("Bad Request: Server not initialized", True),
        ("card declined, checkout session closed after charge", False),
        ("booked, but the training session is full", False),
        ("Invalid session ID for the workshop", False),
        ("Session not found in the conference programme", False),
        ("no session", False),
        ("", False),
        ("Session not found: " + "x" * 300, False),
    ],
)
def test_words_for_a_session_that_is_over(said: str, expired: bool) -> None:
    assert says_expired(said) is expired


@pytest.mark.parametrize(
    ("identifier", "visible"), [("s-1~!", True), ("", False), ("s 1", False), ("s\u00e9", False), ("s\x7f", False)]
)
def test_session_ids_are_visible_ascii(identifier: str, visible: bool) -> None:
    assert (SESSION_ID.fullmatch(identifier) is not None) is visible
