"""A look at a command line before it is parsed: whether any of its commands can have an effect at all.

The answer "no" is safe, because everything that an effect needs leaves a trace in the spelling:

- A command's name is literal text, apart from quotes and backslashes: once those are deleted it stands there as a word.
  What could make a name in another way (variables, substitutions, `$'…'`, brace expansion) shows a `$`, a backquote or
  a `{`; what could make it from data (decoders, xargs, a shell reading its input, aliases apart, whose text is literal)
  needs a program that is on the list.
- Variables that other programs go by (`PAGER`, `LD_PRELOAD`) are named where they are assigned, and a makefile that is
  read from somewhere by an option of make.
- Redirects show `<` or `>`; discarding output and joining descriptors (`2>&1`, `>/dev/null`) is left out of account.
- Functions that call themselves show `()` or `function`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.matching import Haystack, compile_set
from axonflow_hooks.policy.shell.effects import PROGRAMS
from axonflow_hooks.policy.shell.loaded import CONSEQUENTIAL
from axonflow_hooks.policy.shell.unwrap import SCRIPT_RUNNERS

if TYPE_CHECKING:
    from axonflow_hooks.policy.matching import PatternSet

_MAKES_WORDS: Final = re.compile(rb"[$`{<\0]|\(\s*\)|\\\\\n|function")
_HARMLESS_REDIRECT: Final = re.compile(
    rb">(?:(?<=[\s;&|(]>)|(?<=[\s;&|(][012&]>))>?(?:&[012]|[ \t]*/dev/null)(?![^\s;&|)])"
)
_JOINED_LINE: Final = re.compile(rb"\\\r?\n")
_QUOTING: Final = b"'\"\\"
_NAMED: Final = re.compile(r"[a-z]")
_UNNAMED: Final = r"(?:^|[\s;&|(!])\.\s"
"""`.`, which reads a script, is the one program without letters."""
_TRANSLATED: Final = r"(?i)\bcmd(?:\.exe)?\s[^\n]*//?[ckr]\s|\bremove_directory\b|\bstate=absent\b"
"""Commands that delete under a name of their own."""
_MAKE_READS: Final = r"make\b[^\n]*\s(?:-\w*[fE]|--(?:f|m|ev)\w*)"
"""A makefile that is read from somewhere may come out of a decoder."""


@lru_cache(maxsize=1)
def _programs() -> PatternSet:
    names = sorted(name for name in PROGRAMS | SCRIPT_RUNNERS if _NAMED.match(name))
    # stems: a name may go on with a version or an ending (`python3.11`, `mkfs.ext4`, `cmd.exe`)
    variables = "|".join(sorted(CONSEQUENTIAL))
    return compile_set(
        [
            rf"(?i)(?:^|[^a-zA-Z0-9]|[^\w]-[a-zA-Z])(?:{'|'.join(map(re.escape, names))})(?:[^a-zA-Z]|$)",
            _UNNAMED,
            _MAKE_READS,
            _TRANSLATED,
            rf"\b(?:{variables})\+?=",
        ]
    )


def may_have_effects(source: Haystack) -> bool:
    """Tell whether a command of the line may have an effect; False is certain, True means that it must be parsed."""
    data = source.data
    if _MAKES_WORDS.search(data):
        return True
    if b">" in data:
        data = _HARMLESS_REDIRECT.sub(b" ", data)
        if b">" in data:
            return True
    if b"\\" in data:
        # in quotes a backslash stays, and is a separator of directories
        plain = _JOINED_LINE.sub(b"", data).translate(None, _QUOTING)
        plain += b"\n" + data.replace(b"\\", b"\n").translate(None, _QUOTING)
    else:
        plain = data.translate(None, _QUOTING)
    if plain != source.data:
        source = Haystack(plain.decode("utf-8", "surrogatepass"))
    return bool(_programs().hits(source))
