"""The page behind the link in a recovery mail: it changes nothing, a person has to press its button (wire 1.13)."""

from __future__ import annotations

from html import escape
from typing import Final

from starlette.responses import HTMLResponse

from axonflow_hooks.agent.registration.tenants import TOKEN, VERIFY_PATH

_HEADERS: Final = {
    # Nothing is loaded, nothing is run, nobody may frame it, and the token in its address goes nowhere.
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>AxonFlow tenant recovery</title></head>
<body><h1>AxonFlow tenant recovery</h1>{body}</body></html>
"""
_FORM: Final = """<p>This gives the tenant a new secret and ends the present one.</p>
<form method="post" action="{action}"><input type="hidden" name="token" value="{token}">
<button type="submit">Recover the tenant</button></form>"""
_EMPTY: Final = "<p>This link holds no recovery token. Ask for a new one.</p>"


def confirmation_page(token: str) -> HTMLResponse:
    """Give the page for a token, which is not looked up: whether it is good shows when it is used."""
    if not TOKEN.fullmatch(token):
        return HTMLResponse(_PAGE.format(body=_EMPTY), 400, headers=_HEADERS)
    form = _FORM.format(action=escape(VERIFY_PATH), token=escape(token))
    return HTMLResponse(_PAGE.format(body=form), headers=_HEADERS)
