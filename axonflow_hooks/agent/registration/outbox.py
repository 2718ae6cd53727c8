"""Mail that waits to be sent: files in a private folder, which the operator sends as they see fit.

The agent speaks no SMTP and runs no program of others. A file is a whole message (RFC 5322), so that
`sendmail -t < FILE` sends it; it holds a recovery token, which is good for a quarter of an hour.
"""

from __future__ import annotations

import secrets
import time
from email.message import EmailMessage
from typing import TYPE_CHECKING, Final

from axonflow_hooks.private_files import write_private

if TYPE_CHECKING:
    from pathlib import Path

OUTBOX_NAME: Final = "outbox"
KEPT_S: Final = 3600.0
"""Messages that are older hold tokens that nobody can use any more: the next one replaces them."""

_BODY: Final = """Somebody, probably you, has asked for the credential of your AxonFlow tenant {tenant_id}.

Run this command, and paste the token when it asks:

    axonflow-hooks recover-verify -

Token: {token}

Or open this page and confirm: {url}?token={token}

The token is good for {minutes} minutes and for one use. The tenant's present secret
stops to work when you use it. If it was not you, do nothing.
"""


def put_recovery_mail(folder: Path, address: str, tenant_id: str, token: str, url: str, minutes: int) -> Path:
    """Write the mail with a recovery token into the outbox below a data folder. Raises OSError."""
    message = EmailMessage()
    message["To"] = address
    message["Subject"] = "Recovery of your AxonFlow tenant"
    message.set_content(_BODY.format(tenant_id=tenant_id, token=token, url=url, minutes=minutes))
    outbox = folder / OUTBOX_NAME
    _tidy(outbox)
    path = outbox / f"recovery-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(4)}.eml"
    write_private(path, message.as_bytes())
    return path


def _tidy(outbox: Path) -> None:
    for path in outbox.glob("recovery-*.eml"):
        if time.time() - path.stat().st_mtime > KEPT_S:
            path.unlink(missing_ok=True)
