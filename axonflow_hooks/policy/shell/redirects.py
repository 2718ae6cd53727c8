"""Redirections as the grammar has them, and the words that it mistakes for parts of them (Bash manual 3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axonflow_hooks.policy.shell import expand
from axonflow_hooks.policy.shell.commands import Redirect

if TYPE_CHECKING:
    from tree_sitter import Node

    from axonflow_hooks.policy.shell.expand import Lower
    from axonflow_hooks.policy.shell.script import Script


def misread_herestring(node: Node, script: Script, lower: Lower) -> str | None:
    """Give the text of `> file <<< text`, which the grammar takes for an error and a redirect from a file."""
    wrong = [index for index, child in enumerate(node.children) if child.type == "ERROR" and script.text(child) == "<<"]
    for index in wrong:
        words = expand.fields(node.children[index + 1].named_children[:1], script, lower)
        if words and words[0].known:
            return words[0].text
    return None


def file_redirect(node: Node, script: Script, lower: Lower) -> list[Redirect]:
    """Give the redirection that a node stands for; nothing when its target is not there."""
    operator = next((child.type for child in node.children if not child.is_named), ">")
    descriptor = next((script.text(child) for child in node.children if child.type == "file_descriptor"), "")
    targets = [child for child in node.children if child.is_named and child.type != "file_descriptor"]
    words = expand.fields(targets[:1], script, lower)
    # the grammar puts words after the target into the redirect; they belong to the command
    return [Redirect(operator, word, descriptor) for word in words[:1]]


def trailing_words(nodes: list[Node]) -> tuple[Node, ...]:
    """Give the words of the command that the grammar puts behind the targets of redirects."""
    return tuple(
        child
        for node in nodes
        if node.type == "file_redirect"
        for child in [part for part in node.children if part.is_named and part.type != "file_descriptor"][1:]
    )
