"""The parser behind the lowering: tree-sitter with the Bash grammar, within bounds."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import tree_sitter
import tree_sitter_bash

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_BYTES: Final = 64 * 1024
"""A longer command line is not parsed: the raw checks of `shell.raw` look at it instead."""

_LANGUAGE: Final = tree_sitter.Language(tree_sitter_bash.language())
_parsers = threading.local()


def parse(source: bytes) -> Node:
    """Take at most MAX_BYTES of shell and give the syntax tree; errors in the source are nodes, never exceptions."""
    parser = getattr(_parsers, "parser", None)
    if parser is None:
        parser = _parsers.parser = tree_sitter.Parser(_LANGUAGE)
    tree: tree_sitter.Tree = parser.parse(source)
    return tree.root_node
