"""Lowers a command line to the simple commands that will run (Bash manual 3.2 to 3.7).

Every branch, loop body and function body counts as run: the engine asks what may happen. What a command hands on to
a shell (`bash -c`, `eval`, `| sh`, `find -exec`, `xargs`, …) is lowered in turn (see `unwrap`).
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell import expand
from axonflow_hooks.policy.shell.bounds import MAX_COMMANDS, MAX_NESTING, MAX_TREE_DEPTH, Budget, OutOfBoundsError
from axonflow_hooks.policy.shell.code import runs_programs
from axonflow_hooks.policy.shell.commands import UNKNOWN, Command, Redirect
from axonflow_hooks.policy.shell.constants import output_of
from axonflow_hooks.policy.shell.parse import MAX_BYTES, parse
from axonflow_hooks.policy.shell.unwrap import SHELLS, Argv, unwrap

if TYPE_CHECKING:
    from tree_sitter import Node

_REDIRECTS: Final = frozenset({"file_redirect", "heredoc_redirect", "herestring_redirect"})
_WORDS: Final = frozenset({
    "word", "number", "string", "raw_string", "ansi_c_string", "translated_string", "concatenation",
    "simple_expansion", "expansion", "command_substitution", "process_substitution", "arithmetic_expansion",
    "brace_expression", "test_operator", "regex", "==", "=~", "=",
})  # fmt: skip


@dataclass(slots=True)
class Script:
    """One text of shell being lowered: its bytes, where they stand in the outermost source, what is known so far."""

    source: bytes
    commands: list[Command]
    variables: dict[str, str]
    place: tuple[int, int] | None = None
    nesting: int = 0
    depth: int = 0
    function: str = ""
    cwd: str | None = None
    aliases: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)

    def text(self, node: Node) -> str:
        """Give the source text of a node."""
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def span(self, node: Node) -> tuple[int, int]:
        """Give where a node stands in the outermost source."""
        return self.place or (node.start_byte, node.end_byte)


def lower(source: str) -> list[Command]:
    """Take a command line and give its simple commands in order of appearance; raises OutOfBoundsError."""
    data = expand.prepare(source.replace(UNKNOWN, "?")).encode("utf-8", "surrogatepass")
    if len(data) > MAX_BYTES:
        raise OutOfBoundsError
    script = Script(source=data, commands=[], variables={})
    statement(parse(data), script, ())
    return script.commands


def statement(node: Node, script: Script, feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    """Lower a statement that reads from `feeds`; give the commands whose output leaves it."""
    script.depth += 1
    if script.depth > MAX_TREE_DEPTH or len(script.commands) > MAX_COMMANDS:
        raise OutOfBoundsError
    try:
        handler = _HANDLERS.get(node.type, _sequence)
        return handler(node, script, feeds)
    finally:
        script.depth -= 1


def _sequence(node: Node, script: Script, feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    out: list[Command] = []
    previous = 0
    for child in node.children:
        if child.type == "&":
            _mark_background(script, previous)
        if child.is_named:
            previous = len(script.commands)
            out.extend(statement(child, script, feeds))
    return tuple(out)


def _mark_background(script: Script, start: int) -> None:
    for index in range(start, len(script.commands)):
        script.commands[index] = replace(script.commands[index], background=True)


def _pipeline(node: Node, script: Script, feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    out: tuple[Command, ...] = ()
    for child in node.children:
        if child.is_named:
            out = statement(child, script, feeds)
            feeds = (*feeds, *out)
    return out


def _redirected(node: Node, script: Script, feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    body = node.child_by_field_name("body")
    before: tuple[Command, ...] = ()
    while body is not None and body.type == "list":
        # the grammar redirects the whole of `a && b > file`, the shell its last command
        *earlier, body = [child for child in body.children if child.is_named]
        for child in earlier:
            before = (*before, *statement(child, script, feeds))
    redirects, stdin = _redirects([child for child in node.children if child.type in _REDIRECTS], script)
    first = len(script.commands)
    out: tuple[Command, ...] = ()
    if body is None:
        span = script.span(node)
        out = _emit(Command(argv=(), start=span[0], end=span[1], redirects=redirects, feeds=feeds), script)
    elif body.type == "command":
        trailing = _trailing_words([child for child in node.children if child.type == "file_redirect"])
        out = _command(body, script, feeds, redirects, stdin, trailing)
    else:
        out = _redirect_all(body, script, first, statement(body, script, feeds), redirects, stdin)
    for child in node.children:
        if child.type == "heredoc_redirect":
            for inner in child.children:
                if inner.is_named and inner.type not in _HEREDOC_PARTS:
                    out = statement(inner, script, (*feeds, *out))
    return (*before, *out)


def _redirect_all(
    body: Node,
    script: Script,
    first: int,
    out: tuple[Command, ...],
    redirects: tuple[Redirect, ...],
    stdin: str | None,
) -> tuple[Command, ...]:
    """Redirect the commands lowered since `first`: of a pipeline those at its end, of a compound command all."""
    ends = {id(command) for command in out}
    redirected: list[Command] = []
    for index in range(first, len(script.commands)):
        command = script.commands[index]
        is_end = id(command) in ends
        if is_end or body.type != "pipeline":
            command = replace(command, redirects=(*command.redirects, *redirects), stdin=command.stdin or stdin)
            script.commands[index] = command
        if is_end:
            redirected.append(command)
    return tuple(redirected)


_HEREDOC_PARTS: Final = frozenset(
    {"heredoc_start", "heredoc_body", "heredoc_end", "file_descriptor", "file_redirect", "herestring_redirect"}
)


def _redirects(nodes: list[Node], script: Script) -> tuple[tuple[Redirect, ...], str | None]:
    found: list[Redirect] = []
    stdin: str | None = None
    for node in nodes:
        if node.type == "heredoc_redirect":
            body = next((child for child in node.children if child.type == "heredoc_body"), None)
            if body is not None:
                stdin = script.text(body)
                _sequence(body, script, ())
            inner, _stdin = _redirects([child for child in node.children if child.type in _REDIRECTS], script)
            found.extend(inner)
        elif node.type == "herestring_redirect":
            words = expand.fields([child for child in node.children if child.is_named], script, statement)
            stdin = " ".join(word.text for word in words) if all(word.known for word in words) else stdin
        else:
            found.extend(_file_redirect(node, script))
    return tuple(found), stdin


def _file_redirect(node: Node, script: Script) -> list[Redirect]:
    operator = next((child.type for child in node.children if not child.is_named), ">")
    descriptor = next((script.text(child) for child in node.children if child.type == "file_descriptor"), "")
    targets = [child for child in node.children if child.is_named and child.type != "file_descriptor"]
    words = expand.fields(targets[:1], script, statement)
    # the grammar puts words after the target into the redirect; they belong to the command
    return [Redirect(operator, word, descriptor) for word in words[:1]]


def _trailing_words(nodes: list[Node]) -> tuple[Node, ...]:
    return tuple(
        child
        for node in nodes
        if node.type == "file_redirect"
        for child in [part for part in node.children if part.is_named and part.type != "file_descriptor"][1:]
    )


def _command(
    node: Node,
    script: Script,
    feeds: tuple[Command, ...],
    outer: tuple[Redirect, ...] = (),
    stdin: str | None = None,
    trailing: tuple[Node, ...] = (),
) -> tuple[Command, ...]:
    redirects = [child for child in node.children if child.type in _REDIRECTS]
    own, own_stdin = _redirects(redirects, script)
    assignments = {}
    words: list[Node] = []
    for child in node.children:
        if child.type == "variable_assignment":
            name, value = expand.assignment(child, script, statement)
            assignments[name] = value
        elif child.type == "command_name":
            words.extend(child.children)
        elif child.type in _WORDS:
            words.append(child)
    words.extend((*_trailing_words(redirects), *trailing))
    argv = expand.fields(words, script, statement)
    start, end = script.span(node)
    return _emit(
        Command(
            argv=tuple(argv),
            start=start,
            end=end,
            redirects=(*own, *outer),
            feeds=feeds,
            stdin=own_stdin if own_stdin is not None else stdin,
            assignments=assignments,
            in_function=script.function,
            cwd=script.cwd,
        ),
        script,
    )


def _emit(command: Command, script: Script) -> tuple[Command, ...]:
    if len(script.commands) > MAX_COMMANDS:
        raise OutOfBoundsError
    program = _program(command, script)
    if program is not None:
        command = replace(command, program=program)
    script.commands.append(command)
    _remember(command, script)
    out = [command]
    if script.nesting >= MAX_NESTING:
        return (command,)
    script.nesting += 1
    for inner in unwrap(command):
        if isinstance(inner, Argv):
            out.extend(_emit(replace(command, argv=inner.words, stdin=inner.stdin or command.stdin), script))
        else:
            out.extend(_nested(inner.text, command, script, inner.reads_stdin))
    text = _known_script(command, script)
    if text is not None:
        out.extend(_nested(text, command, script, reads_stdin=True))
    script.nesting -= 1
    return tuple(out)


def _remember(command: Command, script: Script) -> None:
    """Note what later commands depend on: the working directory, aliases, files written with known content."""
    if command.name == "cd" and command.argv[1:] and command.argv[1].known:
        script.cwd = command.argv[-1].text
    elif command.name == "alias":
        definitions = (argument.partition("=") for argument in command.arguments)
        script.aliases.update({name: value for name, _equals, value in definitions if value})
    written = [item.target.text for item in command.redirects if item.operator in (">", ">>", ">|")]
    if written:
        text = output_of(command)
        if text is not None:
            script.files[written[-1]] = script.files.get(written[-1], "") + text + "\n"
            script.budget.spend(len(script.files[written[-1]]))


def _program(command: Command, script: Script) -> str | None:
    """Give the text of a program file that this command line wrote and that an interpreter or compiler now runs."""
    if not script.files or not runs_programs(command):
        return None
    return next((script.files[path] for path in command.operands() if path in script.files), None)


def _known_script(command: Command, script: Script) -> str | None:
    """Give the shell script behind an alias, or in a file that this command line wrote and now runs."""
    if command.name in script.aliases:
        return " ".join((script.aliases[command.name], *map(shlex.quote, command.arguments)))
    if command.name in SHELLS or command.name in ("source", "."):
        return next((script.files[path] for path in command.operands()[:1] if path in script.files), None)
    path = command.argv[0].text if command.argv else ""
    return script.files.get(path, script.files.get(path.removeprefix("./")))


def _nested(text: str, command: Command, script: Script, reads_stdin: bool) -> tuple[Command, ...]:
    data = expand.prepare(text.replace(UNKNOWN, "${_}")).encode("utf-8", "surrogatepass")
    if len(data) > MAX_BYTES:
        raise OutOfBoundsError
    inner = Script(
        source=data,
        commands=script.commands,
        variables=dict(script.variables),
        place=(command.start, command.end),
        nesting=script.nesting,
        depth=script.depth,
        cwd=script.cwd,
        aliases=script.aliases,
        files=script.files,
        budget=script.budget,
    )
    inner.budget.spend(len(data))
    first = len(script.commands)
    out = statement(parse(data), inner, command.feeds if reads_stdin else ())
    for index in range(first, len(script.commands)):
        nested = script.commands[index]
        script.commands[index] = replace(nested, redirects=(*nested.redirects, *command.redirects))
    return out


def _assignment(node: Node, script: Script, _feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    name, value = expand.assignment(node, script, statement)
    script.variables[name] = value
    return ()


def _declaration(node: Node, script: Script, _feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    for child in node.children:
        if child.type == "variable_assignment":
            _assignment(child, script, ())
        elif child.is_named:
            expand.fields([child], script, statement)
    return ()


def _function(node: Node, script: Script, feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    name = node.child_by_field_name("name")
    body = node.child_by_field_name("body")
    outer, script.function = script.function, script.text(name) if name is not None else ""
    out = statement(body, script, feeds) if body is not None else ()
    script.function = outer
    return out


def _for(node: Node, script: Script, feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    variable = node.child_by_field_name("variable")
    values = [child for child in node.children if child.type in _WORDS]
    words = expand.fields(values, script, statement)
    if variable is not None:
        script.variables[script.text(variable)] = " ".join(word.text for word in words) or UNKNOWN
    body = node.child_by_field_name("body")
    return statement(body, script, feeds) if body is not None else ()


def _word(node: Node, script: Script, _feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    expand.fields([node], script, statement)
    return ()


_HANDLERS: Final = {
    "pipeline": _pipeline,
    "redirected_statement": _redirected,
    "command": _command,
    "variable_assignment": _assignment,
    "declaration_command": _declaration,
    "function_definition": _function,
    "for_statement": _for,
    **dict.fromkeys(_WORDS, _word),
}
