"""Redirections as the grammar has them, and the words that it mistakes for parts of them (Bash manual 3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell import expand
from axonflow_hooks.policy.shell.commands import Redirect, Word

if TYPE_CHECKING:
    from tree_sitter import Node

    from axonflow_hooks.policy.shell.expand import Lower
    from axonflow_hooks.policy.shell.script import Script


REDIRECTS: Final = frozenset({"file_redirect", "heredoc_redirect", "herestring_redirect"})
"""Nodes of the grammar that are redirections."""


def misread_herestring(node: Node, script: Script, lower: Lower) -> str | None:
    """Give the text of `> file <<< text`, which the grammar takes for an error and a redirect from a file."""
    wrong = [index for index, child in enumerate(node.children) if child.type == "ERROR" and script.text(child) == "<<"]
    for index in wrong:
        words = expand.fields(node.children[index + 1].named_children[:1], script, lower)
        if words and words[0].known:
            return words[0].text
    return None


def redirects_of(nodes: list[Node], script: Script, lower: Lower) -> tuple[tuple[Redirect, ...], str | None]:
    """Give the redirections among nodes, and the text of a here document or string that is the standard input."""
    found: list[Redirect] = []
    stdin: str | None = None
    for node in nodes:
        if node.type == "heredoc_redirect":
            document, inner = _heredoc(node, script, lower)
            found.extend(inner)
            stdin = document if document is not None else stdin
        elif node.type == "herestring_redirect":
            words = expand.fields([child for child in node.children if child.is_named], script, lower)
            before = node.prev_sibling
            number = script.text(before) if before is not None and is_descriptor(before) else ""
            found.extend(Redirect("<<<", word, number) for word in words)
            if number in ("", "0") and all(word.known for word in words):
                stdin = " ".join(word.text for word in words)
        elif node.type == "file_redirect":
            found.extend(file_redirect(node, script, lower))
    return tuple(found), stdin


def is_descriptor(node: Node) -> bool:
    """Whether a number is no argument but the descriptor of the here string that it touches (`3<<< text`)."""
    following = node.next_sibling if node.type == "number" else None
    return following is not None and following.type == "herestring_redirect" and following.start_byte == node.end_byte


def _heredoc(node: Node, script: Script, lower: Lower) -> tuple[str | None, tuple[Redirect, ...]]:
    """Give the text of a here document for the standard input, and the redirections that stand behind its mark."""
    body = next((child for child in node.children if child.type == "heredoc_body"), None)
    descriptor = next((script.text(child) for child in node.children if child.type == "file_descriptor"), "0")
    inner, _stdin = redirects_of(node.children, script, lower)
    if body is None:
        return None, inner
    lower(body, script, ())
    text = script.text(body).replace(expand.BACKSLASH, "\\")
    if descriptor == "0":
        return text, inner
    return None, (Redirect("<<<", Word(text, *script.span(body)), descriptor), *inner)


def file_redirect(node: Node, script: Script, lower: Lower) -> list[Redirect]:
    """Give the redirection that a node stands for; nothing when its target is not there."""
    operator = next((child.type for child in node.children if not child.is_named), ">")
    if operator == "<" and any(child.type == "ERROR" and script.text(child) == "<<" for child in node.children):
        operator = "<<<"  # the grammar knows no descriptor in front of a here string
    descriptor = next((script.text(child) for child in node.children if child.type == "file_descriptor"), "")
    words = expand.fields(_targets(node)[:1], script, lower)
    # the grammar puts words after the target into the redirect; they belong to the command
    return [Redirect(operator, word, descriptor) for word in words[:1]]


def trailing_words(nodes: list[Node]) -> tuple[Node, ...]:
    """Give the words of the command that the grammar puts behind the targets of redirects."""
    return tuple(child for node in nodes if node.type == "file_redirect" for child in _targets(node)[1:])


def _targets(node: Node) -> list[Node]:
    return [child for child in node.children if child.is_named and child.type not in ("file_descriptor", "ERROR")]
