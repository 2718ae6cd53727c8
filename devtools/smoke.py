"""Fire one injection at a live agent through the hook; the answer must be a denial with its decision and risk.

The agent is AXONFLOW_ENDPOINT, else http://localhost:8080; the settings are the user's own. Exits 0 with `SKIP:` where
no agent answers, 1 where the answer is another.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import httpx

from devtools.live import Host

INJECTION = "psql -c \"SELECT * FROM users WHERE id = '1' UNION SELECT password FROM admins; DROP TABLE users; --\""


def main() -> int:
    """Run the smoke test and give its exit status."""
    endpoint = os.environ.get("AXONFLOW_ENDPOINT") or "http://localhost:8080"
    try:
        httpx.get(f"{endpoint.rstrip('/')}/health", timeout=5).raise_for_status()
    except httpx.InvalidURL as error:
        print(f"FAIL: AXONFLOW_ENDPOINT is not a URL ({error})")
        return 1
    except httpx.HTTPError as error:
        print(f"SKIP: no agent answers at {endpoint} ({type(error).__name__})")
        return 0
    with tempfile.TemporaryDirectory(prefix="axonflow-smoke-") as folder:
        host = Host(Path(folder), {**os.environ, "AXONFLOW_ENDPOINT": endpoint})
        reply = host.fire("PreToolUse", tool_name="Bash", tool_input={"command": INJECTION}, tool_use_id="toolu_smoke")
    answer = (reply or {}).get("hookSpecificOutput", {})
    reason = answer.get("permissionDecisionReason", "")
    if answer.get("permissionDecision") == "deny" and "decision:" in reason and "risk:" in reason:
        print(f"PASS: {reason}")
        return 0
    print(f"FAIL: expected a denial with decision: and risk:, got {json.dumps(reply)}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
