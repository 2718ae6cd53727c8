"""Large and malicious inputs end, and cost grows with their size."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.policy import load_engine
from axonflow_hooks.wire.words import Phase

ENGINE = load_engine()
MEGABYTE = 1_000_000
PIECES = {
    "letters": "a",
    "spaces": " ",
    "digits": "4111 1111 1111 1111 ",
    "emails": "joe@example.com ",
    "at-signs": "@",
    "umlauts": "ü",
    "quotes": "'\"",
    "comments": "/**/",
    "parentheses": "$(",
    "unions": "' union/**/",
    "begins": "-----BEGIN RSA PRIVATE KEY-----\n",
    "tokens": "eyJhbGciOiJIUzI1NiJ9.",
    "urls": "http://a",
    "dots": "../",
    "commands": "rm -rf x;\n",
    "braces": "{a,b}",
    "angles": "<",
    "nul": "\0",
    "numbers": "".join(random.Random(7).choices("0123456789 -.", k=MEGABYTE)),
    "identities": "resident id npwp bsn " + "".join(random.Random(8).choices("0123456789 ", k=60)),
}
PLANES: list[tuple[str, Phase]] = [
    ("claude_code.Bash", "request"),
    ("claude_code.Write", "request"),
    ("claude_code.mcp__db__query", "request"),
    ("gateway", "request"),
    ("claude_code.Bash", "response"),
]


@pytest.mark.parametrize("piece", PIECES)
def test_a_megabyte_of_anything_ends(piece: str) -> None:
    text = (PIECES[piece] * (MEGABYTE // len(PIECES[piece]) + 1))[:MEGABYTE]
    # a megabyte that is all findings costs seconds of checksums and placeholders on each plane: one is enough
    planes = PLANES[-1:] if piece in ("digits", "emails", "tokens", "identities") else PLANES
    for connector, phase in planes:
        evaluation = ENGINE.evaluate(text, phase=phase, connector_type=connector)
        assert evaluation.policies_evaluated > 0


@given(st.text(alphabet=st.sampled_from("0123456789 -.ABX@:/'\"=\\\nüé\u0661"), max_size=120))
def test_no_text_is_an_error(text: str) -> None:
    text = f"id number npwp nik sin dni nie hetu: {text}"
    for connector, phase in PLANES:
        ENGINE.evaluate(text, phase=phase, connector_type=connector)


@pytest.mark.parametrize("piece", ["digits", "commands", "quotes", "unions"])
def test_cost_is_linear(piece: str) -> None:
    def cost(size: int) -> float:
        text = (PIECES[piece] * size)[:size]
        best = float("inf")
        for _round in range(3):
            start = time.thread_time()  # what other processes take is not its cost
            ENGINE.evaluate(text, phase="request", connector_type="claude_code.mcp__db__query")
            best = min(best, time.thread_time() - start)
        return best

    # ten times the text: linear is 10, quadratic 100
    assert cost(200_000) < 50 * cost(20_000) + 0.05


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("bash -c '" * 5_000, id="nested-quotes"),
        pytest.param("(" * 20_000, id="parentheses"),
        pytest.param("`" * 20_001, id="backquotes"),
        pytest.param("${a:-" * 10_000, id="defaults"),
        pytest.param("a=xx;" + "a=$a$a;" * 200 + "echo $a", id="doubling"),
        pytest.param("parallel " * 50 + "a ::: " + "b " * 5_000, id="parallel"),
        pytest.param("echo " + "x " * 20_000 + "| xargs " * 20 + "rm", id="xargs"),
        pytest.param("find / " + "-exec find / " * 2_000, id="find"),
        pytest.param("<<A " * 5_000, id="heredocs"),
        pytest.param("eval " * 10_000 + "a", id="eval"),
        pytest.param("{a,b}" * 1_000, id="braces"),
    ],
)
def test_hostile_command_lines_end(source: str) -> None:
    evaluation = ENGINE.evaluate(source + "; rm -rf /", phase="request", connector_type="claude_code.Bash")

    assert evaluation.policies_evaluated > 0
