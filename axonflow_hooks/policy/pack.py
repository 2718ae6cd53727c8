"""Reads policy packs (TOML) strictly: what is not understood is an error that names file, policy and fault.

A pack has a `group` (patterns of one group are scanned together) and policies:

    group = "pii"
    on = "gateway"                                      # optional: the connector of examples that name none

    [[policy]]
    id = "sys_pii_ssn"
    name = "SSN Detection"
    description = "One sentence for the developer: what was found and why it matters."
    category = "pii-us"
    severity = "critical"
    kind = "ssn"                                        # names the placeholder; default: the id
    action = { request = "warn", response = "redact" }  # a plane that is missing is not looked at; a kind of
                                                        # statement (`file = "warn"`) beats its plane
    scope = ["shell", "file", "mcp", "output", "text"]  # default: all kinds of the planes
    match = [{ pattern = '…', validator = "us_ssn", context = '…' }, { effect = "…" }]
    # near = 'ssn|social[ _-]?security': words of which one must stand beside the match or head its column
    flag = ["an example", { text = "another", on = "claude_code.Write", phase = "request" }]
    clean = ["…"]

`{{}}` in an example is removed: it keeps secret scanners from firing at examples.
"""

from __future__ import annotations

import functools
import re
import sys
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, get_args

from axonflow_hooks.errors import PolicyPackError
from axonflow_hooks.policy import validators
from axonflow_hooks.policy.matching import pattern_fault
from axonflow_hooks.policy.model import STATEMENT_KINDS, Example, Matcher, Policy, PolicyPack
from axonflow_hooks.policy.shell.effects import EFFECTS
from axonflow_hooks.wire.words import ACTIONS_BY_STRENGTH, Phase, RiskLevel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXAMPLE_JOINT: Final = "{{}}"
GROUPS: Final = ("commands", "sql", "pii", "secrets", "urls", "injection", "config")

_DEFAULT_CONNECTOR: Final = {
    "shell": "claude_code.Bash",
    "file": "claude_code.Write",
    "mcp": "claude_code.mcp__server__tool",
    "output": "claude_code.Bash",
    "text": "gateway",
}
_PHASES: Final = get_args(Phase)
_SEVERITIES: Final = get_args(RiskLevel)
_POLICY_KEYS: Final = {
    "id": str, "name": str, "description": str, "category": str, "severity": str, "kind": str, "action": dict,
    "scope": list, "match": list, "flag": list, "clean": list, "allow_override": bool, "references": list,
    "integration": str, "enabled": bool,
}  # fmt: skip
_REQUIRED: Final = ("name", "description", "category", "severity", "action", "match", "flag", "clean")
_MATCH_KEYS: Final = {
    "pattern": str, "effect": str, "validator": str, "context": str, "near": str, "standalone": bool, "letters": bool,
    "scope": list, "phases": list,
}  # fmt: skip
_EXAMPLE_KEYS: Final = {"text": str, "on": str, "phase": str}


@functools.cache
def builtin_packs() -> tuple[PolicyPack, ...]:
    """Give the packs that ship with the package, in the order of their file names."""
    folder = resources.files("axonflow_hooks.policy") / "packs"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)
    return tuple(
        parse_pack(entry.read_text(encoding="utf-8"), name=entry.name, check_patterns=False) for entry in files
    )


def load_packs(paths: Iterable[Path]) -> tuple[PolicyPack, ...]:
    """Read the packs at `paths`; raises PolicyPackError for the first that is not readable or not valid."""
    packs = []
    for path in paths:
        try:
            source = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyPackError(f"{path.name}: cannot be read: {error}") from error
        packs.append(parse_pack(source, name=path.name))
    return tuple(packs)


def parse_pack(source: str, *, name: str, check_patterns: bool = True) -> PolicyPack:
    """Take the text of a pack and give it validated; raises PolicyPackError naming `name`, policy, fault and line.

    `check_patterns` compiles every pattern on its own to name the one that is refused; without it, a pattern that is
    refused is found when the engine is made.
    """
    try:
        document = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise PolicyPackError(f"{name}: not valid TOML: {error}") from error
    _refuse(document.keys() - {"group", "on", "policy"}, "unknown keys", name)
    group = document.get("group")
    if group not in GROUPS:
        raise PolicyPackError(f"{name}: group must be one of {', '.join(GROUPS)}, not {group!r}")
    tables = document.get("policy")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise PolicyPackError(f"{name}: has no [[policy]] tables")
    default_connector = document.get("on")
    if not isinstance(default_connector, str | None):
        raise PolicyPackError(f"{name}: on must be a str")
    policies = []
    for number, table in enumerate(tables):
        try:
            policies.append(_policy(table, group, default_connector, name))
            if check_patterns:
                _check_patterns(policies[-1], name)
        except PolicyPackError as error:
            raise PolicyPackError(f"{error} (line {_line(source, number, str(error))})") from None
    check_unique(policies, name)
    return PolicyPack(name=name, policies=tuple(policies))


def _check_patterns(policy: Policy, name: str) -> None:
    for matcher in policy.matchers:
        for text in (matcher.pattern, matcher.context, matcher.near):
            fault = None if text is None else pattern_fault(text)
            if fault is not None:
                raise PolicyPackError(f"{name}: policy {policy.id}: match: pattern {text!r} is refused: {fault}")


_HEADER: Final = re.compile(r"^[ \t]*\[\[\s*policy\s*\]\]", re.MULTILINE)
_KEY: Final = re.compile(r"^\s*([\w-]+)\s*=")


def _line(source: str, number: int, fault: str) -> int:
    """Give the line of the `number`th policy, or of its key that the fault names."""
    headers = [source.count("\n", 0, match.start()) + 1 for match in _HEADER.finditer(source)]
    if number >= len(headers):
        return 1
    start = headers[number]
    end = headers[number + 1] if number + 1 < len(headers) else None
    words = set(re.findall(r"[\w-]+", fault.partition(": policy ")[2].partition(": ")[2].partition(",")[0]))
    if "example" in words:
        words.add("flag")
    for offset, line in enumerate(source.split("\n")[start - 1 : None if end is None else end - 1]):
        key = _KEY.match(line)
        if key is not None and key[1] in words:
            return start + offset
    return start


def check_unique(policies: Sequence[Policy], where: str) -> None:
    """Raise PolicyPackError when two policies share an id."""
    seen: set[str] = set()
    for policy in policies:
        if policy.id in seen:
            raise PolicyPackError(f"{where}: policy {policy.id}: the id is used twice")
        seen.add(policy.id)


def _policy(table: dict[str, Any], group: str, connector: str | None, name: str) -> Policy:
    if not isinstance(table.get("id"), str) or not table["id"]:
        raise PolicyPackError(f"{name}: a policy has no id")
    where = f"{name}: policy {table['id']}"
    _check_table(table, _POLICY_KEYS, where)
    _refuse([key for key in _REQUIRED if not table.get(key)], "missing or empty", where)
    severity = _one_of(table["severity"], _SEVERITIES, "severity", where)
    phases, actions = _actions(table["action"], where)
    scope = _scope(table, phases, where)
    return Policy(
        id=table["id"],
        name=table["name"],
        description=table["description"],
        category=table["category"],
        severity=severity,  # type: ignore[arg-type]
        phases=phases,
        scope=scope,
        action_request=actions.get("request", "none"),
        action_response=actions.get("response", "none"),
        allow_override=table.get("allow_override", severity != "critical"),
        group=group,
        kind=table.get("kind", table["id"]),
        matchers=tuple(_matcher(entry, where) for entry in table["match"]),
        flag=tuple(_example(entry, scope, connector, where) for entry in table["flag"]),
        clean=tuple(_example(entry, scope, connector, where) for entry in table["clean"]),
        action_by_kind={kind: action for kind, action in actions.items() if kind not in _PHASES},
        references=tuple(_words(table.get("references", []), "references", where)),
        integration=table.get("integration"),
        enabled=table.get("enabled", True),
    )


def _actions(table: Mapping[str, Any], where: str) -> tuple[frozenset[Phase], dict[Any, Any]]:
    for key, action in table.items():
        _one_of(key, (*_PHASES, *STATEMENT_KINDS), "a key of action", where)
        _one_of(action, ACTIONS_BY_STRENGTH, f"action.{key}", where)
    phases = frozenset(phase for phase in _PHASES if phase in table)
    if not phases:
        raise PolicyPackError(f"{where}: action names neither request nor response")
    return phases, dict(table)


def _scope(table: Mapping[str, Any], phases: frozenset[Phase], where: str) -> frozenset[Any]:
    possible = {kind for kind in STATEMENT_KINDS if ("response" if kind == "output" else "request") in phases}
    if "scope" not in table:
        return frozenset(possible)
    scope = frozenset(_words(table["scope"], "scope", where))
    _refuse(scope - possible, "scope names kinds that its planes never see:", where)
    if not scope:
        raise PolicyPackError(f"{where}: scope is empty")
    return scope


def _matcher(entry: Any, where: str) -> Matcher:
    where = f"{where}: match"
    if not isinstance(entry, dict):
        raise PolicyPackError(f"{where} must be a table")
    _check_table(entry, _MATCH_KEYS, where)
    pattern, effect = entry.get("pattern"), entry.get("effect")
    if (pattern is None) == (effect is None):
        raise PolicyPackError(f"{where} needs either pattern or effect")
    if effect is not None:
        _one_of(effect, tuple(EFFECTS), "effect", where)
    if "validator" in entry:
        _one_of(entry["validator"], tuple(validators.VALIDATORS), "validator", where)
    kinds = [_one_of(kind, STATEMENT_KINDS, "scope", where) for kind in entry.get("scope", [])]
    phases = [_one_of(phase, _PHASES, "phases", where) for phase in entry.get("phases", [])]
    return Matcher(
        pattern=pattern,
        effect=effect,
        validator=entry.get("validator"),
        context=entry.get("context"),
        near=entry.get("near"),
        standalone=entry.get("standalone", False),
        letters=entry.get("letters", False),
        scope=frozenset(kinds) or None,  # type: ignore[arg-type]
        phases=frozenset(phases) or None,  # type: ignore[arg-type]
    )


def _example(entry: Any, scope: frozenset[Any], connector: str | None, where: str) -> Example:
    where = f"{where}: example"
    table = {"text": entry} if isinstance(entry, str) else entry
    if not isinstance(table, dict) or "text" not in table:
        raise PolicyPackError(f"{where} must be a string or a table with text")
    _check_table(table, _EXAMPLE_KEYS, where)
    first = next(kind for kind in STATEMENT_KINDS if kind in scope)
    phase = table.get("phase", "response" if first == "output" else "request")
    _one_of(phase, _PHASES, "phase", where)
    text = table["text"].replace(EXAMPLE_JOINT, "")
    return Example(text=text, connector_type=table.get("on", connector or _DEFAULT_CONNECTOR[first]), phase=phase)


def _check_table(table: Mapping[str, Any], keys: Mapping[str, type], where: str) -> None:
    _refuse(table.keys() - keys.keys(), "unknown keys", where)
    for key, value in table.items():
        if type(value) is not keys[key]:
            raise PolicyPackError(f"{where}: {key} must be a {keys[key].__name__}, not {type(value).__name__}")


def _words(values: Iterable[Any], key: str, where: str) -> list[str]:
    words = list(values)
    if not all(isinstance(word, str) for word in words):
        raise PolicyPackError(f"{where}: {key} must be a list of strings")
    return words


def _one_of(value: Any, allowed: Sequence[str], key: str, where: str) -> str:
    if value not in allowed:
        raise PolicyPackError(f"{where}: {key} is {value!r}, not one of {', '.join(allowed)}")
    return str(value)


def _refuse(names: Iterable[Any], fault: str, where: str) -> None:
    found = sorted(map(str, names))
    if found:
        raise PolicyPackError(f"{where}: {fault} {', '.join(found)}")
