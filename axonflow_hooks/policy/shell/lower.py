"""Lowers a command line to the simple commands that will run (Bash manual 3.2 to 3.7).

Every branch, loop body and function body counts as run: the engine asks what may happen. What a command hands on to
a shell (`bash -c`, `eval`, `| sh`, `find -exec`, `xargs`, …) is lowered in turn (see `unwrap`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell import expand
from axonflow_hooks.policy.shell.bounds import MAX_COMMANDS, MAX_NESTING, MAX_TREE_DEPTH, Budget, OutOfBoundsError
from axonflow_hooks.policy.shell.commands import UNKNOWN, Command, Redirect, Word
from axonflow_hooks.policy.shell.launchers import launched, starts_nothing
from axonflow_hooks.policy.shell.memory import known_scripts, program_of, remember
from axonflow_hooks.policy.shell.parse import MAX_BYTES, parse
from axonflow_hooks.policy.shell.plain import MAX_JOINED, pipelines
from axonflow_hooks.policy.shell.recover import segments
from axonflow_hooks.policy.shell.unwrap import Argv, unwrap

if TYPE_CHECKING:
    from tree_sitter import Node

_PLAIN_DEPTH: Final = 8
"""Levels of the tree of a plain line, besides one for each operator that joins."""

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
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    running: list[str] = field(default_factory=list)
    budget: Budget = field(default_factory=Budget)
    misread: bool = False

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
            part = replace(
                script, source=script.source[start:end], place=script.place or (start, end), nesting=script.nesting + 1
            )
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
    redirects, stdin = _redirects([child for child in node.children if child.type in _REDIRECTS], script)
    if stdin is None:
        stdin = _misread_herestring(node, script)
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


def _misread_herestring(node: Node, script: Script) -> str | None:
    """Give the text of `> file <<< text`, which the grammar takes for an error and a redirect from a file."""
    wrong = [index for index, child in enumerate(node.children) if child.type == "ERROR" and script.text(child) == "<<"]
    for index in wrong:
        words = expand.fields(node.children[index + 1].named_children[:1], script, statement)
        if words and words[0].known:
            return words[0].text
    return None


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
            found.extend(Redirect("<<<", word) for word in words)
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
    children = node.children
    redirects = [child for child in children if child.type in _REDIRECTS]
    own, own_stdin = _redirects(redirects, script) if redirects else ((), None)
    assignments = {}
    words: list[Node] = []
    for child in children:
        if child.type == "variable_assignment":
            name, value = expand.assignment(child, script, statement)
            assignments[name] = value
        elif child.type == "command_name":
            words.extend(child.children)
        elif child.type in _WORDS:
            words.append(child)
    if redirects or trailing:
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
    program = program_of(command, script)
    if program is not None:
        command = replace(command, program=program)
    script.commands.append(command)
    remember(command, script)
    out = [command]
    if script.nesting >= MAX_NESTING:
        return (command,)
    script.nesting += 1
    for inner in () if starts_nothing(command) else (*unwrap(command), *launched(command)):
        if isinstance(inner, Argv):
            out.extend(_emit(replace(command, argv=inner.words, stdin=inner.stdin or command.stdin), script))
        else:
            out.extend(_nested(inner.text, command, script, inner.reads_stdin))
    for text in known_scripts(command, script):
        script.running.append(text)
        out.extend(_nested(text, command, script, reads_stdin=True))
        script.running.pop()
    script.nesting -= 1
    return tuple(out)


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
        running=script.running,
        budget=script.budget,
    )
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
    outer, script.function = script.function, script.text(name).lower() if name is not None else ""
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
