"""A text of shell while it is lowered, and what is known at its present place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axonflow_hooks.policy.shell.bounds import Budget

if TYPE_CHECKING:
    from tree_sitter import Node

    from axonflow_hooks.policy.shell.commands import Command


@dataclass(slots=True)
class Script:
    """One text of shell being lowered: its bytes, where they stand in the outermost source, what is known so far.

    `arrays` are the elements of arrays by subscript, the positional parameters those of `@`; `functions` the bodies of
    the functions defined so far; `files` the texts that a file may hold, by its name without `./`; `opened` the files
    that descriptors with a number of their own write to; `evaluated` the variables whose values may run something when
    arithmetic evaluates them.
    """

    source: bytes
    commands: list[Command]
    variables: dict[str, str]
    place: tuple[int, int] | None = None
    nesting: int = 0
    depth: int = 0
    function: str = ""
    cwd: str | None = None
    aliases: dict[str, str] = field(default_factory=dict)
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    running: list[str] = field(default_factory=list)
    arrays: dict[str, dict[str, str]] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    opened: dict[str, str] = field(default_factory=dict)
    evaluated: set[str] = field(default_factory=set)
    misread: bool = False

    def file(self, path: str) -> tuple[str, ...]:
        """Give the texts that a file may hold, as far as this line wrote it."""
        return self.files.get(path.removeprefix("./"), ())

    def part(self, source: bytes, place: tuple[int, int], nesting: int) -> Script:
        """Give a text that this shell runs as a script of its own: what it assigns is known here too."""
        return Script(  # by hand: `replace` takes as long as parsing a line
            source=source,
            commands=self.commands,
            variables=self.variables,
            place=place,
            nesting=nesting,
            depth=self.depth,
            function=self.function,
            cwd=self.cwd,
            aliases=self.aliases,
            files=self.files,
            running=self.running,
            arrays=self.arrays,
            functions=self.functions,
            budget=self.budget,
            opened=self.opened,
            evaluated=self.evaluated,
        )

    def inner(self, source: bytes, place: tuple[int, int]) -> Script:
        """Give a text that this one hands to a shell of its own: what it assigns is not seen here."""
        part = self.part(source, place, self.nesting)
        part.variables, part.arrays, part.function = dict(self.variables), dict(self.arrays), ""
        return part

    def text(self, node: Node) -> str:
        """Give the source text of a node."""
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def span(self, node: Node) -> tuple[int, int]:
        """Give where a node stands in the outermost source."""
        return self.place or (node.start_byte, node.end_byte)
