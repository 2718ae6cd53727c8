"""The export formats: each is a function of entries that gives pieces of text. The mappings stand in docs/audit.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from axonflow_hooks.agent.audit_trail.formats.entry import Entry

FormatName = Literal["jsonl", "csv", "cef", "ocsf", "otlp"]
FORMAT_NAMES: Final[tuple[FormatName, ...]] = get_args(FormatName)


def formatter(name: FormatName) -> Callable[[Iterable[Entry]], Iterator[str]]:
    """Give the function that writes a format."""
    from axonflow_hooks.agent.audit_trail.formats import cef, ocsf, otlp, table

    return {
        "jsonl": table.json_lines,
        "csv": table.csv_lines,
        "cef": cef.cef_lines,
        "ocsf": ocsf.ocsf_lines,
        "otlp": otlp.otlp_lines,
    }[name]
