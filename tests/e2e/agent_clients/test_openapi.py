"""A fuzzer that reads the agent's OpenAPI document: no server error, no answer that the document does not describe.

By default a few generated examples for each operation; AXONFLOW_TEST_EXAMPLES asks for more.
"""

from __future__ import annotations

import base64
import os
import subprocess
from typing import TYPE_CHECKING, Any, Final

from devtools.fetched import script_of
from tests.e2e.agent_clients.programs import SCHEMATHESIS, environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.claude_code.agents import LiveAgent

EXAMPLES: Final = os.environ.get("AXONFLOW_TEST_EXAMPLES", "3")
# A body may fit its schema and still be refused: times, ranges and what goes with what are no matter of a schema.
LEFT_OUT: Final = "positive_data_acceptance"
# One worker: with more, `ast.parse` of CPython 3.11 raises SystemError now and then (python/cpython#106905).


def test_the_document_holds(agent: LiveAgent, installed: Callable[..., Any], tmp_path: Path) -> None:
    basic = base64.b64encode(":".join(agent.credential).encode()).decode("ascii")
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(f'headers = {{ Authorization = "Basic {basic}" }}\n', encoding="utf-8")
    settings.chmod(0o600)
    command = [str(installed(script_of, SCHEMATHESIS, "schemathesis")), "--config-file", str(settings), "run"]
    done = subprocess.run(
        [
            *command, f"{agent.endpoint}/api/v1/openapi.json",
            "--phases", "coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", "1",
            "--exclude-checks", LEFT_OUT, "--continue-on-failure", "--no-color", "--workers", "1",
        ],
        capture_output=True, text=True, timeout=900, check=False, env=environment(), cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
