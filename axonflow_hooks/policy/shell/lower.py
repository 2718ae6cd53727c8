"""Lowers a command line to the simple commands that will run (Bash manual 3.2 to 3.7).

Every branch, loop body and function body counts as run: the engine asks what may happen. What a command hands on to
a shell (`bash -c`, `eval`, `| sh`, `find -exec`, `xargs`, …) is lowered in turn (see `unwrap`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell import expand
from axonflow_hooks.policy.shell.bounds import MAX_COMMANDS, MAX_NESTING, MAX_TREE_DEPTH, OutOfBoundsError
from axonflow_hooks.policy.shell.commands import UNKNOWN, Command, Redirect, Word
from axonflow_hooks.policy.shell.constants import READ_AS_TEXT
from axonflow_hooks.policy.shell.descriptors import reading, with_input
from axonflow_hooks.policy.shell.functions import called_body, define, is_function
from axonflow_hooks.policy.shell.launchers import launched, starts_nothing
from axonflow_hooks.policy.shell.loaded import CONSEQUENTIAL
from axonflow_hooks.policy.shell.memory import known_programs, known_scripts, program_of, remember
from axonflow_hooks.policy.shell.parameters import bind
from axonflow_hooks.policy.shell.parse import MAX_BYTES, parse
from axonflow_hooks.policy.shell.plain import MAX_JOINED, pipelines
from axonflow_hooks.policy.shell.recover import segments
from axonflow_hooks.policy.shell.redirects import (
    REDIRECTS,
    is_descriptor,
    misread_herestring,
    redirects_of,
    trailing_words,
)
from axonflow_hooks.policy.shell.reexpanded import evaluated
from axonflow_hooks.policy.shell.script import Script
from axonflow_hooks.policy.shell.started import Argv, Text
from axonflow_hooks.policy.shell.unwrap import unwrap
from axonflow_hooks.policy.shell.written import remember_files, with_files

if TYPE_CHECKING:
    from tree_sitter import Node

_PLAIN_DEPTH: Final = 8
"""Levels of the tree of a plain line, besides one for each operator that joins."""

_MAX_ROUNDS: Final = 8
_WORDS: Final = frozenset({
    "word", "number", "string", "raw_string", "ansi_c_string", "translated_string", "concatenation",
    "simple_expansion", "expansion", "command_substitution", "process_substitution", "arithmetic_expansion",
    "brace_expression", "test_operator", "regex", "==", "=~", "=",
})  # fmt: skip


def lower(source: str) -> list[Command]:
    """Take a command line and give its simple commands in order of appearance; raises OutOfBoundsError."""
    data = expand.prepare(source.replace(UNKNOWN, "?")).encode("utf-8", "surrogatepass")
    if len(data) > MAX_BYTES:
        raise OutOfBoundsError
    script = Script(source=data, commands=[], variables={})
    _source(script, ())
    return script.commands


def _source(script: Script, feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    """Lower the whole source; where the grammar does not follow it, its parts too, one by one."""
    if script.depth <= MAX_TREE_DEPTH - MAX_JOINED - _PLAIN_DEPTH:
        read = pipelines(script.source, script.place)
        if read is not None:
            return _plain(read, script, feeds)
    root = parse(script.source)
    out = statement(root, script, feeds)
    if (root.has_error or script.misread) and script.nesting < MAX_NESTING:
        parts = list(segments(script.source))
        for start, end in parts if len(parts) > 1 else ():
            part = script.part(script.source[start:end], script.place or (start, end), script.nesting + 1)
            part.budget.spend(end - start)
            statement(parse(part.source), part, ())
    return out


def _plain(read: list[list[list[Word]]], script: Script, feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    out: list[Command] = []
    for pipeline in read:
        ends: tuple[Command, ...] = ()
        fed = feeds
        for words in pipeline:
            script.budget.spend(sum([len(word.text) for word in words]))
            start, end = script.place or (words[0].start, words[-1].end)
            command = Command(tuple(words), start, end, feeds=fed, in_function=script.function, cwd=script.cwd)
            ends = _emit(command, script)
            fed = (*fed, *ends)
        out.extend(ends)
    return tuple(out)


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
        if child.is_named:
            previous = len(script.commands)
            out.extend(statement(child, script, feeds))
        elif child.type == "&":
            _mark_background(script, previous)
    return tuple(out)


def _mark_background(script: Script, start: int) -> None:
    for index in range(start, len(script.commands)):
        script.commands[index] = replace(script.commands[index], background=True)


def _pipeline(node: Node, script: Script, feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    out: tuple[Command, ...] = ()
    for child in node.named_children:
        if child.type == "list" and b"\n" in script.source[child.start_byte : child.end_byte]:
            # no pipeline has a list in it: behind three commands the grammar runs the next line into the last of them
            script.misread = True
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
    redirects, stdin = redirects_of(node.children, script, statement)
    if stdin is None:
        stdin = misread_herestring(node, script, statement)
    first = len(script.commands)
    out: tuple[Command, ...] = ()
    if body is None:
        span = script.span(node)
        out = _emit(Command(argv=(), start=span[0], end=span[1], redirects=redirects, feeds=feeds), script)
    elif body.type == "command":
        trailing = trailing_words([child for child in node.children if child.type == "file_redirect"])
        out = _command(body, script, feeds, redirects, stdin, trailing)
    else:
        read = (*feeds, *reading(redirects, stdin, script.span(node), script))
        out = _redirect_all(body, script, first, statement(body, script, read), redirects, stdin)
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
            remember_files(command, script)
    return tuple(redirected)


_HEREDOC_PARTS: Final = frozenset(
    {"heredoc_start", "heredoc_body", "heredoc_end", "file_descriptor", "file_redirect", "herestring_redirect"}
)


def _command(
    node: Node,
    script: Script,
    feeds: tuple[Command, ...],
    outer: tuple[Redirect, ...] = (),
    stdin: str | None = None,
    trailing: tuple[Node, ...] = (),
) -> tuple[Command, ...]:
    children = node.children
    redirects = [child for child in children if child.type in REDIRECTS]
    own, own_stdin = redirects_of(redirects, script, statement) if redirects else ((), None)
    assignments = {}
    words: list[Node] = []
    for child in children:
        if child.type == "variable_assignment":
            name, value = expand.assignment(child, script, statement)
            assignments[name] = value
        elif child.type == "command_name":
            words.extend(child.children)
        elif child.type in _WORDS and not (redirects and is_descriptor(child)):
            words.append(child)
    if redirects or trailing:
        words.extend((*trailing_words(redirects), *trailing))
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
    if command.redirects:
        command = with_input(command, script)
    if script.files and command.name in READ_AS_TEXT:
        command = with_files(command, script)
    program = program_of(command, script)
    if program is not None:
        command = replace(command, program=program)
    script.commands.append(command)
    remember(command, script)
    out = [command]
    if script.nesting >= MAX_NESTING:
        return (command,)
    script.nesting += 1
    followed = is_function(command, script) and script.budget.calls > 0
    body = called_body(command, script) if followed else None
    if body is not None:
        out.extend(_run_text(Text(body, reads_stdin=True, arguments=command.arguments), command, script))
    # a function may have a wrapper's name and `command` pass it by: only what nobody listed is left to the body
    for inner in () if starts_nothing(command) else (*unwrap(command), *(() if followed else launched(command))):
        if isinstance(inner, Argv):
            out.extend(_emit(_started(inner, command), script))
        else:
            out.extend(_nested(inner, command, script))
    for text in known_scripts(command, script):
        out.extend(_run_text(text, command, script))
    for argv in known_programs(command, script) if script.files else ():
        out.extend(_emit(_started(argv, command), script))
    script.nesting -= 1
    return tuple(out)


def _started(inner: Argv, command: Command) -> Command:
    assignments = {**command.assignments, **inner.assignments} if inner.assignments else command.assignments
    stdin = inner.stdin or command.stdin
    return replace(command, argv=inner.words, stdin=stdin, assignments=assignments, cwd=inner.cwd or command.cwd)


def _run_text(inner: Text, command: Command, script: Script) -> tuple[Command, ...]:
    script.running.append(inner.text)
    out = _nested(inner, command, script)
    script.running.pop()
    return out


def _nested(outer: Text, command: Command, script: Script) -> tuple[Command, ...]:
    text, reads_stdin = outer.text, outer.reads_stdin
    data = expand.prepare(text.replace(UNKNOWN, "${_}")).encode("utf-8", "surrogatepass")
    if len(data) > MAX_BYTES:
        raise OutOfBoundsError
    inner = script.inner(data, (command.start, command.end))
    if outer.arguments is not None:
        bind(inner, outer.arguments)
        inner.variables["0"] = outer.name or UNKNOWN
    inner.budget.spend(len(data))
    first = len(script.commands)
    out = _source(inner, command.feeds if reads_stdin else ())
    if command.redirects:
        for index in range(first, len(script.commands)):
            nested = script.commands[index]
            script.commands[index] = replace(nested, redirects=(*nested.redirects, *command.redirects))
    return out


def _assignment(node: Node, script: Script, _feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    name, value = expand.assignment(node, script, statement)
    script.variables[name] = value
    return _declared({name: value}, node, script)


def _declaration(node: Node, script: Script, _feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    for child in node.children:
        if child.type == "variable_assignment":
            _assignment(child, script, ())
        elif child.is_named:
            expand.fields([child], script, statement)
    return ()


def _declared(assignments: dict[str, str], node: Node, script: Script) -> tuple[Command, ...]:
    """Give the assignment of a variable that other programs go by as a command; it has no words."""
    if not CONSEQUENTIAL & assignments.keys():
        return ()
    start, end = script.span(node)
    return _emit(Command(argv=(), start=start, end=end, assignments=assignments, cwd=script.cwd), script)


def _function(node: Node, script: Script, feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    name = node.child_by_field_name("name")
    body = node.child_by_field_name("body")
    outer, script.function = script.function, script.text(name).lower() if name is not None else ""
    out = statement(body, script, feeds) if body is not None else ()
    script.function = outer
    if name is not None and body is not None:
        define(script.text(name), script.text(body), script)
    return out


def _unset(node: Node, script: Script, feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    start, end = script.span(node)
    words = expand.fields(list(node.named_children), script, statement)
    first = Word("unset", start, end)
    return _emit(Command((first, *words), start, end, feeds=feeds, cwd=script.cwd), script)


def _opened(node: Node, script: Script, _feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    """A redirect without a command, which prints the file in `$(< file)`."""
    redirects, stdin = redirects_of([node], script, statement)
    start, end = script.span(node)
    return _emit(Command(argv=(), start=start, end=end, redirects=redirects, stdin=stdin, cwd=script.cwd), script)


def _evaluation(node: Node, script: Script, feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    """`[[ … ]]`, `(( … ))`, which may evaluate what was quoted."""
    out = _sequence(node, script, feeds)
    if script.evaluated or b"$(" in (source := script.source[node.start_byte : node.end_byte]) or b"`" in source:
        expand.again(evaluated(script.text(node), script), node, script, statement)
    return out


def _for(node: Node, script: Script, feeds: tuple[Command, ...]) -> tuple[Command, ...]:
    variable = node.child_by_field_name("variable")
    words = expand.fields([child for child in node.children if child.type in _WORDS], script, statement)
    body = node.child_by_field_name("body")
    values = [word.text for word in words]
    # round by round where they are few, else all values at once
    rounds = values if 1 < len(values) <= _MAX_ROUNDS and script.budget.follow(len(values)) else [" ".join(values)]
    out: list[Command] = []
    for value in rounds:
        if variable is not None:
            script.variables[script.text(variable)] = value or UNKNOWN
        if body is not None:
            out.extend(statement(body, script, feeds))
    return tuple(out)


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
    "unset_command": _unset,
    "file_redirect": _opened,
    "test_command": _evaluation,
    "compound_statement": _evaluation,
    **dict.fromkeys(_WORDS, _word),
}
