"""Which of a tenant's policies are in use where all of them together do not compile: nearly all.

What changed last is left out first, so that what was in use before stays in use, here and on every replica.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from axonflow_hooks.policy import Policy

MAX_LEFT_OUT: Final = 8
"""Policies that are looked for one by one; where there are more, all that changed after them are left out."""


def fitting(
    own: Sequence[Policy], changed_at: Mapping[str, str], compiles: Callable[[Sequence[Policy]], bool]
) -> tuple[list[Policy], list[Policy]]:
    """Give the policies that compile together and those that are left out, each in the order of `own`.

    `changed_at` says by id when a policy was changed last. Fewer policies compile wherever more do.
    """
    waiting = sorted(own, key=lambda policy: (changed_at.get(policy.id, ""), policy.id))
    kept: set[str] = set()
    given_up = 0

    def fits(more: Sequence[Policy]) -> bool:
        chosen = kept | {policy.id for policy in more}
        return compiles([policy for policy in own if policy.id in chosen])

    while waiting and given_up < MAX_LEFT_OUT:
        count = _most(waiting, fits)
        kept |= {policy.id for policy in waiting[:count]}
        waiting = waiting[count + 1 :]
        given_up += 1
    return [policy for policy in own if policy.id in kept], [policy for policy in own if policy.id not in kept]


def _most(waiting: Sequence[Policy], fits: Callable[[Sequence[Policy]], bool]) -> int:
    """Give how many from the beginning fit."""
    if fits(waiting):
        return len(waiting)
    low, high = 0, len(waiting) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(waiting[:middle]) else (low, middle - 1)
    return low
