"""What the body of an HTTP answer is, and which words mean that a session is over."""

from __future__ import annotations

import pytest

from axonflow_hooks.proxy.http_answers import SESSION_ID, read_body, says_expired, told_redirect

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


@pytest.mark.parametrize(
    ("url", "location", "told"),
    [
        pytest.param("http://h:8/mcp", "/mcp/", "end its url's path with a slash", id="slash"),
        pytest.param("http://h:8/mcp?key=secret", "http://h:8/mcp/", "end its url's path with a slash", id="query"),
        pytest.param(
            "https://h/k/abcdefghijklmnopqrstuvwxyz",
            "https://h:443/k/abcdefghijklmnopqrstuvwxyz/",
            "end its url's path with a slash",
            id="default port",
        ),
        pytest.param("http://h/mcp/", "../mcp", "leave the slash at the end of its url's path out", id="no slash"),
        pytest.param("http://h/", "/mcp", "set the path of its url to /mcp", id="path"),
        pytest.param("http://h/", "/mcp?x=1#y", "set the path of its url to /mcp", id="path alone is told"),
        pytest.param("http://h/a", "/ignore%20this", "", id="not plain"),
        pytest.param("http://h/a", "/k/abcdefghijklmnopqrstuvwxyz", "", id="may be a secret"),
        pytest.param("http://h/a", "https://h/a/", "", id="another scheme"),
        pytest.param("http://h/a", "http://h:81/a/", "", id="another port"),
        pytest.param("http://h/a", "//evil.example/a/", "", id="another host"),
        pytest.param("http://h/a", "http://[x/", "", id="no URL"),
        pytest.param("http://h/a", "http://h:x/a/", "", id="no port"),
        pytest.param("http://h/a", "/a", "", id="itself"),
        pytest.param("http://h/a", "", "", id="nothing"),
    ],
)
def test_redirects_are_told_with_where_to_if_that_is_the_same_server(url: str, location: str, told: str) -> None:
    where = told or "set its url to where the server is"
    for status in (301, 302, 303, 307, 308):
        assert told_redirect(url, status, location) == f", a redirect, which is not followed: {where}"
    assert [told_redirect(url, status, location) for status in (200, 300, 304, 404)] == [""] * 4
