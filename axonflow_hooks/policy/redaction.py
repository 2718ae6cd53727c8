"""Replaces spans by placeholders; every character outside of them stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from axonflow_hooks.policy.json_text import is_json, leaf_parts, leaves

if TYPE_CHECKING:
    from collections.abc import Iterable

    from axonflow_hooks.policy.model import Span
    from axonflow_hooks.policy.placeholders import Placeholders


class Masked(NamedTuple):
    """A merged region `start:end` of the text and the kind of its placeholder."""

    start: int
    end: int
    kind: str


def merge_spans(ranked: Iterable[tuple[int, Span]]) -> list[Masked]:
    """Take (rank, span) pairs, rank 0 the most severe; give disjoint regions in order.

    Spans that overlap become one region, named by the most severe, then the longest, then the first of them.
    """
    regions: list[tuple[Masked, tuple[int, int, int]]] = []
    for rank, span in sorted(ranked, key=lambda pair: (pair[1].start, -pair[1].end, pair[0])):
        if span.start >= span.end:
            continue
        weight = (rank, span.start - span.end, span.start)
        if regions and span.start < regions[-1][0].end:
            region, best = regions[-1]
            kind = span.kind if weight < best else region.kind
            regions[-1] = (Masked(region.start, max(region.end, span.end), kind), min(weight, best))
        else:
            regions.append((Masked(span.start, span.end, span.kind), weight))
    return [region for region, _weight in regions]


def redact(text: str, ranked: Iterable[tuple[int, Span]], placeholders: Placeholders) -> str | None:
    """Give `text` with the (merged) spans replaced, None when there is nothing to replace; JSON stays JSON."""
    regions = merge_spans(ranked)
    if not regions:
        return None
    if is_json(text):
        return _redact_json(text, regions, placeholders)
    pieces: list[str] = []
    done = 0
    for region in regions:
        pieces.append(text[done : region.start])
        pieces.append(placeholders.placeholder(region.kind, text[region.start : region.end]))
        done = region.end
    pieces.append(text[done:])
    return "".join(pieces)


def _redact_json(text: str, regions: list[Masked], placeholders: Placeholders) -> str:
    places = leaves(text)
    pieces: list[str] = []
    done = 0
    for region in regions:
        for start, end, bare in leaf_parts(text, places, region.start, region.end):
            if start < done:
                continue  # a number that two regions touch is masked once
            placeholder = placeholders.placeholder(region.kind, text[start:end])
            pieces += (text[done:start], f'"{placeholder}"' if bare else placeholder)
            done = end
    pieces.append(text[done:])
    return "".join(pieces)
