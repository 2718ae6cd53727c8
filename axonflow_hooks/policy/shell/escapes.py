"""Programs with a way out to the shell of their own (`:!cmd`, `s///e`): editors, pagers, debuggers, clients."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.constants import input_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.policy.shell.commands import Command

_SED: Final = frozenset({"sed", "gsed"})
_LISP: Final = frozenset({"emacs", "emacsclient", "guile", "sbcl", "clisp", "ecl", "racket", "csi", "bb", "clojure"})
ESCAPING: Final = frozenset({
    "vi", "vim", "nvim", "view", "ex", "ed", "less", "more", "man", "gdb", "lldb", "ftp", "sftp", "mysql", "mariadb",
    "irb", "tar", "gnuplot", "rlwrap", "expect", "emacs", "ssh", "scp", "tcpdump", "zip", "tclsh",
    "wish", "socat", "dc", "m4", "bind", "ipython", "rsync", "tex", "latex", "pdftex", "pdflatex", "xelatex",
    "lualatex", "rpm", "redis-cli", *_LISP, *_SED,
})  # fmt: skip
"""Programs that read such a way out in an argument or on standard input."""

_ESCAPE: Final = re.compile(
    r"^\s*:?(?:(?:sil(?:ent)?!?\s+)?!|\\!|(?:platform\s+)?shell\s+|spawn\s+(?:-noecho\s+)?|exec\s+|system\s+|"
    r"(?:-o)?(?:ProxyCommand|LocalCommand|KnownHostsCommand)[= ])\s*(\S.*)"
    r"|^(?:--checkpoint-action=)?exec=(.+)|^\+:?!(.+)|^[\d,$]*e\s+(\S.*)|^[\d,$]+e(\S.*)"
    r"|^(?:exec|system|shell):(.+)|^\"[^\"]{1,40}\":\s*(\S.*)"
    r"|\((?:shell-command(?:-to-string)?|call-process-shell-command) \"([^\"]*)\""
    r"|\b(?:system|systemlist|os\.execute|termopen|jobstart|io\.popen)\(\s*(?:\"([^\"]*)\"|'([^']*)')"
    r"|\be?syscmd\(([^)]*)\)|\\write18\s*\{([^}]*)\}|^%\((.+)\)$",
    re.DOTALL | re.IGNORECASE,
)
_CALLS: Final = re.compile(
    r"\((?:[\w.-]+[:/]{1,2})?(?:call-process|start-process|process-file|make-process|system\*?|run-program|sh|shell)\s"
    r"((?:[^()]|'\([^()]*\))*)\)"
)
_STRING: Final = re.compile(r"\"([^\"]*)\"")
_DELETES: Final = re.compile(r"\(delete-directory \"([^\"]*)\" t\b")
_SUBSTITUTES: Final = re.compile(
    "|".join(rf"s{d}(?:[^{d}\\]|\\.)*{d}((?:[^{d}\\]|\\.)*){d}[gimI\d]*e[gimI\d]*" for d in ("/", r"\|", ",", "#", "@"))
)
_EXECUTES: Final = re.compile(r"(?:^|[;{\s])[\d,$]*e\s*$|^[\d,$]*e$")
_QUOTED: Final = re.compile(r"([\"'])(.*)\1", re.DOTALL)
_MAX_TEXTS: Final = 64


def escapes(command: Command) -> Iterator[str]:
    """Give the command lines that a program of ESCAPING starts by such a way out."""
    if command.name in _SED:
        yield from _sed(command)
    typed = (input_of(command) or "").split("\n") if command.name not in _SED else []
    for text in [*command.arguments, *typed][:_MAX_TEXTS]:
        match = _ESCAPE.search(text)
        if match is not None:
            found = next(group for group in match.groups() if group is not None).replace("\\/", "/")
            quoted = _QUOTED.fullmatch(found)
            yield found if quoted is None else quoted[2]
        if command.name in _LISP:
            yield from _lisp(text)


def _lisp(text: str) -> Iterator[str]:
    deleted = _DELETES.search(text)
    if deleted is not None:
        yield f"rm -r {shlex.quote(deleted[1])}"
    for call in _CALLS.findall(text)[:_MAX_TEXTS]:
        words = _STRING.findall(call)
        yield shlex.join(words) if len(words) > 1 else "".join(words)


def _sed(command: Command) -> Iterator[str]:
    """GNU sed runs what `s///e` makes of a line, and with `e` the line itself."""
    for text in command.arguments:
        substitute = _SUBSTITUTES.search(text)
        if substitute is not None:
            made = next(group for group in substitute.groups() if group is not None)
            yield re.sub(r"\\(.)", r"\1", made)
        if substitute is not None or _EXECUTES.search(text):
            line = input_of(command)
            if line is not None:
                yield line
