"""What the `policy` commands do with the engine."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, TextIO

from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.policy import Placeholders, builtin_packs, load_engine, load_packs, pack_files
from axonflow_hooks.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import BinaryIO

    from axonflow_hooks.policy import Engine, Evaluation, Policy
    from axonflow_hooks.wire.words import Phase

_ALLOWING = ("redact", "warn", "log", "none")
_INTEGRATIONS = {"claude_code": "claude-code", "codex": "codex", "cursor": "cursor", "openclaw": "openclaw"}
_EXAMPLE_INTEGRATIONS = frozenset(_INTEGRATIONS.values())
_MAX_SHOWN = 60


def policies(*, builtin: bool = False, environ: Mapping[str, str] = os.environ) -> tuple[Policy, ...]:
    """Give the built-in policies and the user's own; raises PolicyPackError for a pack that is not valid."""
    return local_engine(environ, builtin=builtin).policies


def local_engine(environ: Mapping[str, str], *, builtin: bool = False, pii_action: Any = None) -> Engine:
    """Compile the built-in policies and, unless `builtin`, the user's own. Raises PolicyPackError."""
    packs = builtin_packs()
    if not builtin:
        packs = (*packs, *load_packs(pack_files(resolve_paths(environ).config_dir / "policies")))
    return load_engine(pii_action=pii_action, packs=packs)


def described(policy: Policy) -> dict[str, Any]:
    """Give a policy as a JSON object."""
    return {
        "id": policy.id,
        "name": policy.name,
        "description": policy.description,
        "category": policy.category,
        "severity": policy.severity,
        "action": {phase: getattr(policy, f"action_{phase}") for phase in sorted(policy.phases)}
        | dict(policy.action_by_kind),
        "scope": sorted(policy.scope),
        "allow_override": policy.allow_override,
        "references": list(policy.references),
        "integration": policy.integration,
        "match": [
            {key: value for key, value in (
                ("pattern", matcher.pattern), ("effect", matcher.effect), ("validator", matcher.validator),
                ("context", matcher.context), ("near", matcher.near),
            ) if value is not None}
            for matcher in policy.matchers
        ],
        "flag": [example.text for example in policy.flag],
        "clean": [example.text for example in policy.clean],
    }  # fmt: skip


def failures(chosen: Sequence[Policy]) -> tuple[int, list[str]]:
    """Judge every example of the policies by themselves; give how many there are and what failed."""
    engine = load_engine(packs=[_as_pack(chosen)])
    count, faults = 0, []
    for policy in chosen:
        for kind, examples in (("flag", policy.flag), ("clean", policy.clean)):
            for number, example in enumerate(examples):
                count += 1
                found = engine.evaluate(
                    example.text,
                    phase=example.phase,
                    connector_type=example.connector_type,
                    integrations=_EXAMPLE_INTEGRATIONS | ({policy.integration} if policy.integration else set()),
                )
                if (policy.id in {match.policy_id for match in found.matches}) != (kind == "flag"):
                    faults.append(f"{policy.id}: {kind} example {number + 1}")
    return count, faults


def _as_pack(chosen: Sequence[Policy]) -> Any:
    from axonflow_hooks.policy import PolicyPack

    return PolicyPack(name="chosen", policies=tuple(chosen))


def explained(text: str, connector: str, phase: Phase, environ: Mapping[str, str] = os.environ) -> list[str]:
    """Say what the policies make of a text: the verdict, each match with its places, the commands understood."""
    settings = load_settings(environ, resolve_paths(environ))
    engine = local_engine(environ, pii_action=settings.pii_action)
    found = engine.evaluate(
        text, phase=phase, connector_type=connector, integrations=settings.integrations | integrations_of(connector)
    )
    lines = [f"{found.action}: {len(found.matches)} of {found.policies_evaluated} policies match"]
    for match in found.matches:
        places = ", ".join(f"{span.start}-{span.end}" for span in match.spans[:8])
        lines += [
            f"  {match.policy_id} ({match.category}, {match.severity}): {match.action}",
            f"    {match.description}",
            f"    at {places}",
        ]
    return [*lines, *_understood(text, connector, phase)]


def _understood(text: str, connector: str, phase: Phase) -> list[str]:
    from axonflow_hooks.policy.kinds import statement_kind
    from axonflow_hooks.policy.matching import Haystack
    from axonflow_hooks.policy.shell import CommandLine

    if statement_kind(connector, phase) != "shell":
        return []
    commands = CommandLine(Haystack(text)).commands
    if commands is None:
        return ["the command line is too large or too deep to be analysed; its spelling was checked"]
    lines = ["commands that will run:"]
    for command in commands[:_MAX_SHOWN]:
        unknown = sum(not word.known for word in command.argv)
        note = f"  ({unknown} of its words are only known when it runs)" if unknown else ""
        lines.append(f"  {command.name or '(assignment)'}, {len(command.arguments)} arguments{note}")
    return lines


def check_stream(lines: BinaryIO, out: TextIO, environ: Mapping[str, str], *, builtin: bool = False) -> None:
    """Read JSON lines and write one verdict a line, in order; a bad line is answered with `error`."""
    settings = load_settings(environ, resolve_paths(environ))
    engine = local_engine(environ, builtin=builtin, pii_action=settings.pii_action)
    placeholders = Placeholders()
    for verdict in _verdicts(engine, lines, placeholders, settings.integrations):
        out.write(json.dumps(verdict) + "\n")
        out.flush()


def _verdicts(
    engine: Engine, lines: Iterable[bytes], placeholders: Placeholders, integrations: frozenset[str]
) -> Iterable[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        try:
            connector, text, phase = _request(line)
        except (ValueError, RecursionError) as error:
            yield _refused(f"line {number}: {error}")
            continue
        yield _verdict(
            engine.evaluate(
                text,
                phase=phase,
                connector_type=connector,
                placeholders=placeholders,
                integrations=integrations | integrations_of(connector),
            )
        )


def _request(line: bytes) -> tuple[str, str, Phase]:
    try:
        request = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
    if not isinstance(request, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one kind of error for every bad line
    connector = request.get("connector_type")
    if not isinstance(connector, str) or not connector:
        raise ValueError("connector_type must be a string")
    given = [key for key in ("statement", "message") if request.get(key) is not None]
    if len(given) != 1:
        raise ValueError("needs either statement or message")
    text = request[given[0]]
    if not isinstance(text, str):
        raise ValueError(f"{given[0]} must be a string")  # noqa: TRY004 - as above
    if request.get("operation", "execute") not in ("execute", "query"):
        raise ValueError("operation must be execute or query")
    return connector, text, "request" if given[0] == "statement" else "response"


def integrations_of(connector: str) -> frozenset[str]:
    """Give the integration that a connector switches on by its name (wire 2.3)."""
    name = _INTEGRATIONS.get(connector.partition(".")[0].lower())
    return frozenset() if name is None else frozenset({name})


def _verdict(found: Evaluation) -> dict[str, Any]:
    verdict: dict[str, Any] = {
        "allowed": found.action in _ALLOWING,
        "action": found.action,
        "policy_matches": [
            {"policy_id": m.policy_id, "category": m.category, "severity": m.severity, "action": m.action}
            for m in found.matches
        ],
    }
    if found.redacted is not None:
        verdict["redacted"] = found.redacted
    return verdict


def _refused(error: str) -> dict[str, Any]:
    return {"allowed": False, "action": "none", "policy_matches": [], "error": error}
