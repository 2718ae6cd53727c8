"""What may be stored: texts in which every secret and every piece of personal data is replaced by a placeholder.

Stricter than what a client gets back: whatever PII_ACTION lets pass, the audit trail does not keep.
"""

from __future__ import annotations

import hashlib
import json
import json.encoder
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.leaves import map_leaves
from axonflow_hooks.agent.scanning import as_read, examine, rank
from axonflow_hooks.policy.redaction import Masked, merge_spans
from axonflow_hooks.policy.views import TextViews

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from axonflow_hooks.agent.leaves import Leaf
    from axonflow_hooks.agent.scanning import Hit
    from axonflow_hooks.agent.store.database import Database
    from axonflow_hooks.policy import Engine, Placeholders, Policy, Span
    from axonflow_hooks.policy.model import PolicyMatch
    from axonflow_hooks.wire.words import Phase

EXCERPT_CHARS: Final = 500
EXCERPT_LEAD_CHARS: Final = 100
"""How much of the text before a match an excerpt shows, where the text does not fit as a whole."""

QUOTE_CHARS: Final = 120
"""How much of what a policy matched is quoted in an explanation."""

MAX_STORED_LEAF_CHARS: Final = 8_000
"""A longer text of an audited input or output is stored up to here, with a note of how much was left out."""

_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_quoted: Final = json.encoder.encode_basestring_ascii
_BLOCK_BYTES: Final = 64
_OUTPUT_PHASES: Final[tuple[Phase, ...]] = ("response",)
_STATEMENT_PHASES: Final[tuple[Phase, ...]] = ("response", "request")
_PRIVATE_CATEGORIES: Final = frozenset({"sensitive-data", "code-secrets", "pii_detection"})


def is_private_category(category: str) -> bool:
    """Tell whether policies of a category find secrets or personal data, whatever their action."""
    return category in _PRIVATE_CATEGORIES or category.startswith("pii-")


def is_private(match: PolicyMatch) -> bool:
    """Tell whether what a policy found is a secret or personal data, and so must not be stored."""
    return is_private_category(match.category) or match.action == "redact"


def masks_storage(policy: Policy) -> bool:
    """Tell whether what a policy finds is masked before it is stored, wherever it asks for what.

    What else a check has masked does not count: a dynamic policy, or a pattern that finds everything, is written with
    the credential alone, and would leave an audit trail of placeholders.
    """
    actions = {policy.action_request, policy.action_response, *policy.action_by_kind.values()}
    return is_private_category(policy.category) or "redact" in actions


def statement_hash(database: Database, value: Any) -> str:
    """Give the keyed hash under which a statement or output can be recognised, but not guessed."""
    inner, outer = _keyed(database.hash_key)
    inner, outer = inner.copy(), outer.copy()
    inner.update(_canonical(value).encode("ascii"))
    outer.update(inner.digest())
    return f"hmac-sha256:{database.hash_key_id}:{outer.hexdigest()}"


@lru_cache(maxsize=4)
def _keyed(key: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    """Give the inner and the outer hash of a key's HMAC (RFC 2104, 2) before any text: copies cost least."""
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\0")
    return hashlib.sha256(bytes(b ^ 0x36 for b in block)), hashlib.sha256(bytes(b ^ 0x5C for b in block))


def _canonical(value: Any) -> str:
    if isinstance(value, dict) and len(value) == 1:
        ((name, text),) = value.items()
        if isinstance(name, str) and isinstance(text, str):  # nearly every statement; it needs no encoder of its own
            return f"{{{_quoted(name)}:{_quoted(text)}}}"
    return _CANONICAL.encode(value)


@dataclass(frozen=True, slots=True)
class StorageRedactor:
    """Redacts what is about to be stored, with the placeholders of the caller's session.

    A text is looked at as an output; with `statements` also as the statement that it was. `views` are those of texts
    that were looked at before, by the text.
    """

    engine: Engine
    connector_type: str
    placeholders: Placeholders
    statements: bool = False
    views: Mapping[str, TextViews] = field(default_factory=dict)
    _last: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)

    def text(self, text: str, label: str = "") -> str:
        """Give a text without secrets and personal data; `label` is the key it stands under."""
        return self._rebuild(text, self._regions(text, label, ()), 0, len(text))

    def tree(self, value: Any, path: str) -> Any:
        """Give a JSON value whose leaves (and keys) hold no secrets and no personal data, long ones cut."""
        known: dict[tuple[str, str], str] = {}

        def stored(leaf: Leaf) -> str | None:
            key = (leaf.text, leaf.label)
            if key not in known:
                known[key] = _shortened(self.text(*key))
            return None if known[key] == leaf.text else known[key]

        return map_leaves(value, path, stored)

    def excerpt(self, text: str, label: str, matched_at: int, hits: Sequence[Hit] = ()) -> tuple[str, int]:
        """Give at most EXCERPT_CHARS of `text` around the character `matched_at`, redacted, and where it starts.

        `hits` were found in the text already; those of policies that mask what is stored count.
        """
        start = 0 if len(text) <= EXCERPT_CHARS else max(0, matched_at - EXCERPT_LEAD_CHARS)
        regions = self._regions(text, label, hits)
        if not regions:
            return text[start : start + EXCERPT_CHARS], start
        for region in regions:
            if region.start < start < region.end:
                start = region.start  # a secret is shown as a whole placeholder or not at all
        end = min(len(text), start + EXCERPT_CHARS)
        return self._rebuild(text, regions, start, end)[:EXCERPT_CHARS], start

    def quote(self, text: str, label: str, span: Span, hits: Sequence[Hit] = ()) -> str:
        """Give the part of `text` at a span, redacted and at most QUOTE_CHARS long; `hits` were found already."""
        regions = self._regions(text, label, hits)
        part = self._rebuild(text, regions, span.start, min(span.end, span.start + QUOTE_CHARS))
        return part if span.end - span.start <= QUOTE_CHARS else f"{part}…"

    def _regions(self, text: str, label: str, hits: Sequence[Hit]) -> Sequence[Masked]:
        if not text:
            return []
        if not self._last or self._last[0] is not text or self._last[1] != label or self._last[2] is not hits:
            # a quote of each policy and an excerpt are taken of the same text, one after the other
            self._last[:] = [text, label, hits, self._find_regions(text, label, hits)]
        regions: Sequence[Masked] = self._last[3]
        return regions

    def _find_regions(self, text: str, label: str, hits: Sequence[Hit]) -> Sequence[Masked]:
        masking = self.engine.narrowed(masks_storage)
        found = [hit for hit in hits if hit.match.policy_id in masking.ids] if hits else []
        read = as_read(label, text)
        views = self.views.get(read) or TextViews(read)
        if not found and masking.finds_nothing(views):
            return []
        for phase in _STATEMENT_PHASES if self.statements else _OUTPUT_PHASES:
            found += examine(masking, label, views, phase, self.connector_type, self.placeholders)[0]
        if not found:
            return []
        return merge_spans((rank(hit.match), span) for hit in found if is_private(hit.match) for span in hit.spans)

    def _rebuild(self, text: str, regions: Iterable[Masked], start: int, end: int) -> str:
        pieces: list[str] = []
        done = start
        for region in regions:
            if region.end <= done or region.start >= end:
                continue
            pieces.append(text[done : region.start])
            pieces.append(self.placeholders.placeholder(region.kind, text[region.start : region.end]))
            done = region.end
        pieces.append(text[done:end])
        return "".join(pieces)


def _shortened(text: str) -> str:
    left_out = len(text) - MAX_STORED_LEAF_CHARS
    return text if left_out <= 0 else f"{text[:MAX_STORED_LEAF_CHARS]}…[{left_out} characters left out]"
