"""Expands the words of a command as far as their values are known (Bash manual 3.5)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.bounds import MAX_NESTING
from axonflow_hooks.policy.shell.commands import UNKNOWN, Command, Redirect, Word
from axonflow_hooks.policy.shell.constants import output_of
from axonflow_hooks.policy.shell.parameters import ENVIRONMENT, NEXT_FIELD, keep_array, parameter
from axonflow_hooks.policy.shell.parse import parse
from axonflow_hooks.policy.shell.quoting import ansi_c, double_quoted, expand_braces, unquoted
from axonflow_hooks.policy.shell.reexpanded import in_values, may_hold, substitutions
from axonflow_hooks.policy.shell.written import keep_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tree_sitter import Node

    from axonflow_hooks.policy.shell.script import Script

    Lower = Callable[[Node, Script, tuple[Command, ...]], tuple[Command, ...]]

_NAMES: Final = frozenset({"variable_name", "special_variable_name"})
_LISTS: Final = frozenset({"$@", "${@}"})
_BLANKS: Final = re.compile(f"[ \\t\\n{NEXT_FIELD}]+")
_IFS: Final = re.compile(r"\$IFS(?:\$[0-9@*])?|\$\{IFS[^}]{0,16}\}")
_BRACE_COMMAND: Final = re.compile(r"\{([^{}\s;'\"]*,[^{}\s;'\"]*)\}(?=[\s;&|)]|$)")
BACKSLASH: Final = "\x1e"
"""Stands for the backslash that a here document begins with: the grammar would take its first line for arguments."""
_BEGINS_WITH_BACKSLASH: Final = re.compile(r"(<<-?[ \t]*[\"']?\w+[\"']?[^\n]*\n)\\")
_READ_WRITE: Final = re.compile(r"<>(?=\s*[\"']?/dev/)")
_DEFAULT: Final = re.compile(r"^\$\{(\w+)(:?[-=+?])(.*)\}$", re.DOTALL)
_ASSIGNED: Final = re.compile(r"[A-Za-z_]\w*=")
_MAX_VALUE: Final = 64 * 1024
_MAX_FIELDS: Final = 256
_EXPANDED_IN_STRING: Final = re.compile(rb"[\\$`\"]")
_SIMPLE: Final = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_ONLY_SIMPLE: Final = re.compile(rb"[^\"\\$`]*(?:\$(?:[A-Za-z_]\w*|\{[A-Za-z_]\w*\})[^\"\\$`]*)+")
"""Literal text and variables by their names, and nothing else: most double-quoted strings."""
_EXPANDED_IN_WORD: Final = re.compile(rb"[\\$`\"'{\s]")

Piece = tuple[str, bool]
"""A part of a word: its value, and whether blanks in it separate fields."""


def prepare(source: str) -> str:
    """Rewrite what the grammar does not know, keeping every offset.

    `$IFS` becomes blanks, `<>/dev/…` a redirect, `{rm,-rf,/}` in a command's place the words that it expands to, a
    backslash at the very beginning of a here document BACKSLASH.
    """
    if "{" in source and "," in source:
        source = _BRACE_COMMAND.sub(_brace_command, source)
    if "<<" in source and "\n\\" in source:
        source = _BEGINS_WITH_BACKSLASH.sub(rf"\1{BACKSLASH}", source)
    if "<>" in source:
        source = _READ_WRITE.sub("> ", source)
    if "IFS" not in source or "IFS=" in source:
        return source
    return _IFS.sub(lambda match: " " * len(match[0]), source)


def _brace_command(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 64) : match.start()].rstrip(" ")
    begins = before.endswith((";", "&", "|", "(", "\n")) or (not before and match.start() < 64)
    return f" {match[1].replace(',', ' ')} " if begins else match[0]


def fields(nodes: list[Node], script: Script, lower: Lower) -> list[Word]:
    """Take the word nodes of a command and give its fields after expansion and splitting."""
    words: list[Word] = []
    end = -1
    for node in nodes:
        gap = script.source[end : node.start_byte] if end >= 0 else b" "
        if node.type == "process_substitution" and gap == b"" and words and _ASSIGNED.fullmatch(words[-1].text):
            expanded = [Word(_kept(node, script, lower), *script.span(node))]
        else:
            expanded = _expand(node, script, lower)
        # the grammar ends a word at an escaped blank that follows a quoted part
        if words and expanded and (gap == b"" or (gap[:1] == b"\\" and len(gap) > 1 and gap[1:2] != b"\n")):
            last, head = words.pop(), expanded[0]
            joined = last.text + unquoted(gap.decode("utf-8", "replace")) + head.text
            expanded[0] = Word(joined, last.start, head.end, last.sources + head.sources)
        words.extend(expanded)
        end = node.end_byte
    return words


def assignment(node: Node, script: Script, lower: Lower) -> tuple[str, str]:
    """Take a variable assignment and give name and value (UNKNOWN in it where it is not known); note an array's."""
    named = node.child_by_field_name("name")
    value = node.child_by_field_name("value")
    name = script.text(named) if named is not None else ""
    if "[" in name and named is not None:
        _visit(named, script, lower)
    if value is None:
        return name, ""
    nodes = value.named_children if value.type == "array" else [value]
    texts = [text for node in nodes for text in _values(node, script, lower)]
    more = len(node.children) > 1 and node.children[1].type == "+="
    if value.type == "array":
        keep_array(script, name, texts, more=more)
        return name, " ".join(script.arrays[name].values() if more else texts)[:_MAX_VALUE]
    text = " ".join(texts)
    if may_hold(text):
        script.evaluated.add(name)
    array, bracket, _subscript = name.partition("[")
    if bracket:
        keep_array(script, array, [f"[{_subscript}={text}"], more=True)
    return name, ((script.variables.get(name, "") if more else "") + text)[:_MAX_VALUE]


def _values(node: Node, script: Script, lower: Lower) -> list[str]:
    if node.type == "process_substitution":
        return [_kept(node, script, lower)]
    return [word.text for word in _expand(node, script, lower)]


def _kept(node: Node, script: Script, lower: Lower) -> str:
    """Lower a process substitution whose name a variable keeps; give a name under which its text is known as a file."""
    path = f"/dev/fd/{64 + node.start_byte}"
    first = len(script.commands)
    inner: list[Command] = []
    _substitution(node, script, lower, inner, quoted=True)
    ends = {id(command) for command in inner}
    written = Redirect(">", Word(path, *script.span(node)))
    for index in range(first, len(script.commands)):
        command = script.commands[index]
        if id(command) in ends:
            script.commands[index] = replace(command, redirects=(*command.redirects, written))
    texts = [text for text in map(output_of, inner) if text is not None]
    if texts:
        keep_file(path, "\n".join(texts), script)
    return path


def _expand(node: Node, script: Script, lower: Lower) -> list[Word]:
    start, end = node.start_byte, node.end_byte
    raw = script.source[start:end]
    plain = _plain(node.type, raw, script)
    start, end = script.place or (start, end)
    if plain is not None:
        script.budget.spend(len(plain))
        return [Word(plain, start, end)]
    sources: list[Command] = []
    pieces = _pieces(node, script, lower, sources, quoted=False)
    script.budget.spend(sum(len(text) for text, _splits in pieces))
    if b"{" in raw and b"," in raw and not set(b"\"'$`") & set(raw):
        texts = [unquoted(word) for word in expand_braces(raw.decode("utf-8", "replace"))]
    else:
        texts = _split(pieces, script.variables.get("IFS"))
    return [Word(text, start, end, tuple(sources)) for text in texts]


def _plain(kind: str, raw: bytes, script: Script) -> str | None:
    """Give the value of a word that is one field without a look at its parts: most of all words."""
    if kind in ("word", "number"):
        return None if _EXPANDED_IN_WORD.search(raw) else raw.decode("utf-8", "replace")
    if kind == "raw_string":
        return raw[1:-1].decode("utf-8", "replace")
    if kind != "string":
        return None
    if not _EXPANDED_IN_STRING.search(raw, 1, len(raw) - 1):
        return raw[1:-1].decode("utf-8", "replace")
    if _ONLY_SIMPLE.fullmatch(raw, 1, len(raw) - 1):
        return _SIMPLE.sub(lambda match: _known(match[1] or match[2], script), raw[1:-1].decode("utf-8", "replace"))
    return None


def _known(name: str, script: Script) -> str:
    value = script.variables.get(name)
    return ENVIRONMENT.get(name, UNKNOWN) if value is None else value


def _split(pieces: list[Piece], separators: str | None) -> list[str]:
    words, quoted = [""], False
    # an IFS of one's own beside the usual blanks: a word too many is looked at like any other
    blanks = _BLANKS if separators is None else re.compile(f"[ \t\n{NEXT_FIELD}{re.escape(separators)}]+")
    limit = 0 if separators is None else _MAX_FIELDS
    for text, splits in pieces:
        if not splits and NEXT_FIELD not in text:
            words[-1] += text
            quoted = True
            continue
        first, *rest = blanks.split(text, limit) if splits else text.split(NEXT_FIELD)
        words[-1] += first
        words.extend(rest)
    return words if quoted and words == [""] else [word for word in words if word]


def _pieces(node: Node, script: Script, lower: Lower, sources: list[Command], *, quoted: bool) -> list[Piece]:
    kind, text = node.type, script.text(node)
    if kind == "raw_string":
        return [(text[1:-1], False)]
    if kind == "ansi_c_string":
        return [(ansi_c(text[2:-1]), False)]
    if kind in ("string", "translated_string"):
        return _string(node, script, lower, sources)
    if kind == "concatenation":
        return [piece for child in node.children for piece in _pieces(child, script, lower, sources, quoted=quoted)]
    if kind in ("simple_expansion", "expansion"):
        value = _variable(node, text, script, lower, sources)
        return [(value, not quoted or (NEXT_FIELD not in value and (text in _LISTS or "[@]" in text)))]
    if kind in ("command_substitution", "process_substitution"):
        return [_substitution(node, script, lower, sources, quoted=quoted)]
    if kind == "arithmetic_expansion":
        _visit(node, script, lower)
        if script.evaluated:
            again(in_values(text, script), node, script, lower)
        return [(UNKNOWN, False)]
    return [(unquoted(text), False)]


def _string(node: Node, script: Script, lower: Lower, sources: list[Command]) -> list[Piece]:
    pieces: list[Piece] = []
    at = node.start_byte + (2 if node.type == "translated_string" else 1)
    for child in node.children:
        if not child.is_named or child.type == "string_content":
            continue
        if child.type == "string":
            return _string(child, script, lower, sources)
        pieces.append((double_quoted(script.source[at : child.start_byte].decode("utf-8", "replace")), False))
        pieces.extend(_pieces(child, script, lower, sources, quoted=True))
        at = child.end_byte
    end = max(node.end_byte - 1, at)
    pieces.append((double_quoted(script.source[at:end].decode("utf-8", "replace")), False))
    return pieces


def _variable(node: Node, text: str, script: Script, lower: Lower, sources: list[Command]) -> str:
    simple = _SIMPLE.fullmatch(text)
    if simple is not None:
        return _known(simple[1] or simple[2], script)
    name = next((script.text(child) for child in node.children if child.type in _NAMES), "")
    if child := next((child for child in node.children if child.type == "subscript"), None):
        name = script.text(child).partition("[")[0]
    value = parameter(text, script)
    if value is not None:
        return value
    if text in (f"${name}", f"${{{name}}}", f"${{{name}[@]}}", f"${{{name}[*]}}"):
        return _known(name, script)
    _visit(node, script, lower, sources)
    if text.endswith("@P}"):
        again(substitutions(script.variables.get(name, "")), node, script, lower)
    elif "`" in text and not sources:
        again(substitutions(text), node, script, lower)
    default = _DEFAULT.match(text)
    if default is not None and default[2] in (":?", "?"):
        return script.variables.get(default[1], ENVIRONMENT.get(default[1], UNKNOWN))
    if default is not None and default[2] in (":-", "-", ":=", "="):
        known = script.variables.get(default[1], ENVIRONMENT.get(default[1]))
        fallback = default[3]
        if known is not None:
            return known
        return fallback.strip("\"'") if "$" not in fallback and "`" not in fallback else UNKNOWN
    return UNKNOWN


def _substitution(node: Node, script: Script, lower: Lower, sources: list[Command], *, quoted: bool) -> Piece:
    inner: list[Command] = []
    for child in node.children:
        if child.is_named:
            inner.extend(lower(child, script, ()))
    sources.extend(inner)
    if node.type == "process_substitution":
        return UNKNOWN, False
    value = output_of(inner[-1]) if len(inner) == 1 else None
    if value is None:
        return UNKNOWN, False
    return value.rstrip("\n"), not quoted


def again(texts: Iterable[str], node: Node, script: Script, lower: Lower) -> None:
    """Lower the texts that the shell runs because it expands a node once more."""
    for text in texts:
        if script.nesting >= MAX_NESTING:
            return
        data = prepare(text.replace(UNKNOWN, "${_}")).encode("utf-8", "surrogatepass")
        script.budget.spend(len(data))
        lower(parse(data), script.part(data, script.span(node), script.nesting + 1), ())


def _visit(node: Node, script: Script, lower: Lower, sources: list[Command] | None = None) -> None:
    for child in node.children:
        if child.type in ("command_substitution", "process_substitution"):
            _substitution(child, script, lower, sources if sources is not None else [], quoted=True)
        else:
            _visit(child, script, lower, sources)
