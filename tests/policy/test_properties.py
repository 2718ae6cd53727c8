"""What holds for every text: hidden commands stay found, mentioned ones stay clean, redaction is exact, parsers end."""

from __future__ import annotations

import base64
import shlex
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from axonflow_hooks.errors import PolicyPackError
from axonflow_hooks.policy import Placeholders, load_engine
from axonflow_hooks.policy.json_text import is_json, leaf_parts, leaves
from axonflow_hooks.policy.model import Span
from axonflow_hooks.policy.pack import parse_pack
from axonflow_hooks.policy.redaction import redact
from axonflow_hooks.policy.shell.places import normalise
from axonflow_hooks.policy.shell.recover import segments
from axonflow_hooks.policy.validators.addresses import address_of, bare_hosts, is_internal_host, url_hosts
from axonflow_hooks.policy.validators.candidate import Candidate
from axonflow_hooks.policy.validators.sql_statements import at_statement, unbounded_change
from eval.evasions import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable

ENGINE = load_engine()
BASES = [command for name, command in COMMANDS.items() if name not in ("force-push", "stop-governance")]
quote = shlex.quote

HIDING: dict[str, Callable[[str], str]] = {
    "subshell": lambda c: f"(\n{c}\n)",
    "group": lambda c: f"{{\n{c}\n}}",
    "condition": lambda c: f"if true; then\n{c}\nfi",
    "loop": lambda c: f"for i in 1 2; do\n{c}\ndone",
    "after": lambda c: f"cd /tmp; true && {c}",
    "nested shell": lambda c: f"bash -c {quote(c)}",
    "login shell": lambda c: f"sudo -u root sh -lc {quote(c)}",
    "eval": lambda c: f"eval {quote(c)}",
    "variable": lambda c: f"X={quote(c)}; eval \"$X\"",
    "heredoc": lambda c: f"bash <<'END{len(c)}'\n{c}\nEND{len(c)}",
    "herestring": lambda c: f"bash <<< {quote(c)}",
    "piped": lambda c: f"echo {quote(c)} | sh",
    "base64": lambda c: f"echo {base64.b64encode(c.encode()).decode()} | base64 -d | bash",
    "hex": lambda c: f"echo {c.encode().hex()} | xxd -r -p | sh",
    "remote": lambda c: f"ssh host {quote(c)}",
    "timeout": lambda c: f"timeout 5 bash -c {quote(c)}",
    "env": lambda c: f"env -i A=1 sh -c {quote(c)}",
    "watch": lambda c: f"watch -n 1 {quote(c)}",
    "file": lambda c: f"echo {quote(c)} > s.sh; sh s.sh",
    "substitution": lambda c: f"echo \"$(\n{c}\n)\"",
    "container": lambda c: f"docker exec web sh -c {quote(c)}",
}  # fmt: skip
MENTIONING: dict[str, Callable[[str], str]] = {
    "echo": lambda c: f"echo {quote(c)}",
    "commit": lambda c: f"git commit -m {quote(c)}",
    "pattern": lambda c: f"grep -rn {quote(c)} src | head",
    "issue": lambda c: f"gh issue create --title t --body {quote(c)}",
    "variable": lambda c: f"NOTE={quote(c)}",
    "prose": lambda c: f"cat > notes.md <<'END'\nDo not run this:\n{c}\nEND",
    "comment": lambda c: "ls " + " ".join(f"# {line}" for line in c.split("\n")[:1]),
    "printed": lambda c: f"printf '%s\\n' {quote(c)} >> log.txt",
}


def action(text: str) -> str:
    return ENGINE.evaluate(text, phase="request", connector_type="claude_code.Bash").action


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(BASES), st.lists(st.sampled_from(list(HIDING)), min_size=1, max_size=4))
def test_a_command_stays_found_however_it_is_wrapped(command: str, ways: list[str]) -> None:
    text = command
    for way in ways:
        text = HIDING[way](text)

    assert action(text) in ("block", "warn"), text


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(BASES), st.lists(st.sampled_from(list(HIDING)), max_size=2), st.sampled_from(list(MENTIONING)))
def test_a_command_that_is_only_mentioned_stays_clean(command: str, ways: list[str], mention: str) -> None:
    text = command
    for way in ways:
        text = HIDING[way](text)
    if mention in ("prose", "comment") and "\n" in text:
        text = command

    assert action(MENTIONING[mention](text)) not in ("block", "warn"), text


ranges = st.tuples(st.integers(0, 60), st.integers(1, 12))


@given(st.text(alphabet=st.characters(exclude_characters="[]#"), max_size=60), st.lists(ranges, min_size=1, max_size=6))
def test_redaction_hides_every_span_and_touches_nothing_else(text: str, places: list[tuple[int, int]]) -> None:
    text = f"x: {text}"  # no JSON, whose strings are masked leaf by leaf
    spans = [
        (rank, Span(start % len(text), min(start % len(text) + length, len(text)), "p", "kind"))
        for rank, (start, length) in enumerate(places)
    ]
    hidden = {index for _rank, span in spans for index in range(span.start, span.end)}
    kept = "".join(character for index, character in enumerate(text) if index not in hidden)

    redacted = redact(text, spans, Placeholders())

    assert redacted is not None
    outside = "".join(part.partition("]")[2] if number else part for number, part in enumerate(redacted.split("[")))
    assert outside == kept


sources = st.text(alphabet=st.sampled_from("ab1/.-_~$(){}[]<>|&;:@%\"'`\\\n\t *!=#,?\0é\u0430"), max_size=120)


@settings(max_examples=300, deadline=None)
@given(sources)
def test_no_source_breaks_a_parser(source: str) -> None:
    data = source.encode("utf-8")
    assert all(0 <= start < end <= len(data) for start, end in segments(data))
    for host in (*url_hosts(source), *bare_hosts(source), source):
        address_of(host)
        is_internal_host(host)
    assert "//" not in normalise(source).strip("/")
    candidate = Candidate(f"delete {source}", 0, 6)
    assert at_statement(candidate) in (True, False)
    assert unbounded_change(candidate) in (True, False)
    if is_json(source):
        places = leaves(source)
        assert all(
            0 <= start <= end <= len(source) for start, end, _inside in leaf_parts(source, places, 0, len(source))
        )


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("[]{}=\"'#\n policymatchgroup.id1,\\"), max_size=150))
def test_a_pack_is_read_or_refused(source: str) -> None:
    fault = ""
    try:
        parse_pack(source, name="p.toml")
    except PolicyPackError as error:
        fault = str(error)

    assert fault == "" or fault.startswith("p.toml: ")
