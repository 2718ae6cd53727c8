"""What inline code does by calling the operating system, as lines of shell: programs it starts, files it deletes."""

from __future__ import annotations

import re
import shlex
from bisect import bisect_left
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.matching import Haystack, compile_set
from axonflow_hooks.policy.shell.commands import UNKNOWN
from axonflow_hooks.policy.shell.values import Call, Reader, Value, flat, read_value, text_of, tokens_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from axonflow_hooks.policy.matching import PatternSet

_STARTS: Final = frozenset({
    "system", "popen", "popen2", "popen3", "popen4", "exec", "execsync", "execfile", "execfilesync", "spawn",
    "spawnsync", "run", "call", "check_call", "check_output", "getoutput", "getstatusoutput", "shell_exec", "passthru",
    "proc_open", "pcntl_exec", "command", "create_subprocess_shell", "create_subprocess_exec", "execute", "sh", "cmd",
    "shell", "startprocess", "run_command", "commandline", "processbuilder",
    "execa", "execasync", "capture2", "capture3", "process", "$", "bun.$",
})  # fmt: skip
_STARTS_WITH_NAME: Final = re.compile(r"^(?:exec[vl]p?e?|spawn[vl]p?e?|posix_spawnp?)$")
"""Functions whose arguments begin with the file and go on with the words, the first of which is the name again."""
_COMMON: Final = frozenset({
    "run", "call", "sh", "cmd", "shell", "execute", "command", "process", "exec", "spawn", "check_call", "check_output",
    "$", "rm", "unlink", "write", "open",
})  # fmt: skip
_MODULES: Final = frozenset({"subprocess", "sp", "os", "cp", "child_process", "childprocess", "exec", "process"})
_DELETES: Final = frozenset({
    "rmtree", "rmsync", "rmdirsync", "rm_rf", "rm_r", "remove_dir", "remove_dir_all", "remove_tree",
    "remove_entry_secure", "removesync", "removeall", "rimraf", "rimrafsync", "unlink", "unlinksync", "emptydirsync",
    "remove_entry", "rm_f", "rmdir_p", "deltree", "removeitem",
})  # fmt: skip
_DELETES_OF: Final = re.compile(
    r"^(?:(?:\w+\.)*(?:fs|fsp|promises|deno|os|file)\.)(?:rm|remove|rmdir|rm_rf|delete)$|^rm$"
)
_WRITES: Final = frozenset({"writefilesync", "writefile", "appendfilesync", "appendfile", "file_put_contents",
                            "writetextfilesync", "writetextfile", "createwritestream"})  # fmt: skip
_WRITES_ITSELF: Final = frozenset({"write_text", "write_bytes", "truncate", "write"})
_PIPE_MODES: Final = ("|-", "-|")
_PIPES: Final = re.compile(r"^(?:\|-|-\||\|\s*\w.*|\w.*\|)$", re.DOTALL)
"""How Perl's `open` says that it starts a program."""
_OPEN_MODE: Final = re.compile(r"^[rbt]*[wax][bt+]*$|^[rbt]*\+[bt]*$|^>{1,2}$")
_IMPORT: Final = re.compile(r"\b([\w.]+)\s+as\s+(\w+)")
_BRANCHES: Final = re.compile(
    r"\b(?:if|unless)\b[^\n]{0,120}(?:with|suffix|\.name|ext|match|search|time|size|==|\bin\b|~)|\b(?:filter|grep|select)\b"
)
"""Signs that only some of the files in a directory are meant."""
_CODE_RUNNERS: Final = frozenset({"exec", "eval"})
_FOLLOWS: Final = frozenset({"string", "words", "name"})
_BLOCK: Final = re.compile(
    r"(?P<list>[\w.:]{1,80}\([^()\n]{0,200}\)|\[[^\[\]\n]{0,200}\])\.(?:each\w*\s*(?:\{|do)\s*\|(?P<ruby>\w+)\||"
    r"(?:forEach|map)\(\s*\(?(?P<script>\w+)\)?\s*=>)"
)
_MAX_CALLS: Final = 100
_MAX_DEPTH: Final = 2
_MAX_STEPS: Final = 10_000


@lru_cache(maxsize=1)
def _signs() -> PatternSet:
    named = sorted((name for name in _STARTS | _DELETES | _WRITES if name.isidentifier()), reverse=True)
    calls = rf"(?i)(?:^|[^a-z_])(?:{'|'.join(named)}|exec[vl]\w*|spawn[vl]\w*|posix_spawnp?)[!?]?"
    calls += r"(?:\s*[({\"'`]|\s+(?:as\b|[%@$\"'\[]|q[qwx]?\W|glob\b))"
    methods = r"(?i)\b(?:fs|fsp|promises|deno|os|file)\.(?:rm|remove|rmdir|delete)\w*|write_(?:text|bytes)"
    others = r"\brm\(|\bkill\(|\$`|getattr|array_map|getline|\.(?:write|execute)\(|Command::new\("
    others += r"|\bopen[\s(].*[\"']\||\|[\"']"
    writes = r"\bopen\([^)\n]*,\s*(?:mode=)?[\"'](?:[rbt]*[wax]|[rbt]+\+|>)"
    return compile_set([calls, methods, others, writes])


def _sign_lines(code: str) -> set[int]:
    """Give the numbers of the lines, from 0 on, in which a call may be that does something."""
    haystack, patterns = Haystack(code), _signs()
    found = {start for index in patterns.hits(haystack) for start, _end in patterns.find(index, haystack)}
    if not found:
        return set()
    breaks = [match.start() for match in re.finditer("\n", code)]
    # a pattern may begin with the line break before
    return {line for start in found for line in (bisect_left(breaks, start), bisect_left(breaks, start + 1))}


def read_calls(code: str, depth: int = 0, *, qualified: bool = False) -> Iterator[str]:
    """Take inline code and give lines of shell that do what its calls do, as far as their arguments are constants.

    With `qualified` a function of a common name (`run`, `execute`) counts only as one of a module that starts programs.
    """
    lines = _sign_lines(code)
    if not lines:
        return
    reader = Reader(tokens_of(code), aliases={new: old for old, new in _IMPORT.findall(code[:8192])})
    reader.branches = _BRANCHES.search(code) is not None
    _read_constants(reader)
    _read_blocks(reader, code)
    reader.calls.clear()
    steps = 0
    for index, token in enumerate(reader.tokens):
        if token.line not in lines and token.text not in reader.aliases:
            continue
        following = reader.at(index + 1)
        if token.text == "|" and following.text == "getline" and index:
            yield text_of(reader.constants.get(reader.at(index - 1).text, UNKNOWN))
        begins = token.kind == "name" and (following.text in ("(", ".") or following.kind in _FOLLOWS)
        if begins or token.text == "[" or (token.kind == "string" and following.text == "."):
            reader.steps = 0
            read_value(reader, index)
            steps += reader.steps
        if len(reader.calls) > _MAX_CALLS or steps > _MAX_STEPS:
            break
    for call in dict.fromkeys(reader.calls):
        if qualified and _may_be_own(call):
            continue
        yield from _lines(call)
        if depth < _MAX_DEPTH and call.name in _CODE_RUNNERS and call.arguments:
            yield from read_calls(text_of(call.arguments[0]), depth + 1)


def _may_be_own(call: Call) -> bool:
    owner, _dot, name = call.name.lower().replace("::", ".").rpartition(".")
    return name in _COMMON and owner.rpartition(".")[2] not in _MODULES


def _read_constants(reader: Reader) -> None:
    """Note what is assigned to names, and what loops run over."""
    seen = 0
    for index, token in enumerate(reader.tokens):
        following = reader.at(index + 1).text
        if token.kind == "name" and following in ("=", ":=") and reader.at(index + 2).text != "=":
            names, start = [token.text], index + 2
        elif token.text == "with":
            names, start = _opened_as(reader, index)
        elif token.text in ("for", "foreach", "each"):
            names, start = _loop(reader, index)
        else:
            continue
        seen += 1
        if not start or seen > _MAX_CALLS:
            continue
        reader.steps = 0
        value, _end = read_value(reader, start, 1)
        if names and value != UNKNOWN:
            # what a loop hands over stands for the place it runs over, further names for what is in it
            reader.constants[names[0]] = value
            reader.constants.update(dict.fromkeys(names[1:], ""))


def _read_blocks(reader: Reader, code: str) -> None:
    """Note what a block or function is called with for each element (`x.each { |f| … }`, `x.forEach(f => …)`)."""
    for match in islice(_BLOCK.finditer(code), _MAX_DEPTH * 4):
        inner = Reader(tokens_of(match["list"]), constants=reader.constants, branches=reader.branches)
        value, _end = read_value(inner, 0, 1)
        if value != UNKNOWN:
            reader.constants[match["ruby"] or match["script"]] = value


def _opened_as(reader: Reader, index: int) -> tuple[list[str], int]:
    """Read `with open(path, mode) as name` (Python)."""
    end = next((at for at in range(index + 1, index + 16) if reader.at(at).text == "as"), 0)
    return ([reader.at(end + 1).text], index + 1) if end else ([], 0)


def _loop(reader: Reader, index: int) -> tuple[list[str], int]:
    names: list[str] = []
    if reader.at(index).text == "foreach":
        # PHP: the name stands behind the list
        end = next((at for at in range(index + 1, index + 24) if reader.at(at).text == "as"), index)
        return ([reader.at(end + 1).text], index + 2) if end > index else ([], 0)
    for at in range(index + 1, index + 12):
        token = reader.at(at)
        if token.text in ("in", "of"):
            return names, at + 1
        if token.kind == "name":
            names.append(token.text)
    return [], 0


def _lines(call: Call) -> Iterator[str]:
    name = call.name.lower().replace("::", ".").replace("->", ".").rstrip("!?")
    short = name.rpartition(".")[2]
    arguments = call.arguments
    texts = [text_of(argument) for argument in arguments]
    if short == "execute" and not arguments and call.on != UNKNOWN:
        yield call.on if isinstance(call.on, str) else _line(call.on)  # Groovy: a text is a command line
    elif short in _STARTS or name in _STARTS:
        yield from _started(arguments)
    elif _STARTS_WITH_NAME.match(short):
        words = list(flat(argument for argument in arguments if argument != UNKNOWN))
        if len(words) > 1:
            yield _line([words[0], *words[2:]])
    elif short in _DELETES or _DELETES_OF.match(name):
        on = [text_of(call.on)] if call.on != UNKNOWN else []
        given = flat(arguments[:1]) if arguments else on
        yield from (_line(["rm", "-rf", "--", path]) for path in given if path not in ("", UNKNOWN))
    elif short in _WRITES and texts:
        yield _written(texts[0], texts[1:], ">")
    elif short in _WRITES_ITSELF and call.on != UNKNOWN:
        yield from _kept(short, text_of(call.on), texts)
    elif short == "open":
        yield from _opened(texts)
    elif short == "kill" and texts[:1] == ["-1"]:
        yield "kill -9 -1"
    elif short in ("array_map", "array_walk", "map") and len(texts) > 1:
        yield from _lines(Call(texts[0], arguments[1:]))
    elif short == "getattr" and len(texts) > 2:
        yield from _lines(Call(texts[1], arguments[2:]))


def _opened(texts: list[str]) -> Iterator[str]:
    if _PIPES.search("\n".join(texts[1:2] or texts)):
        yield " ".join(texts[2:]) if texts[1:2] and texts[1] in _PIPE_MODES else texts[-1].strip("| ")
    elif len(texts) > 1 and _OPEN_MODE.match(texts[1]):
        yield f": {'>>' if 'a' in texts[1] else '>'} {_quoted(texts[0])}"


def _kept(name: str, path: str, texts: list[str]) -> Iterator[str]:
    if name != "write":
        yield _written(path, texts, ">")
    elif texts and UNKNOWN not in texts[0]:
        yield _written(path, texts, ">>")  # what opened the file has a line of its own


def _written(path: str, texts: list[str], operator: str) -> str:
    """Give the line that writes a file, with the text in it where that is known: a later command may run it."""
    if texts[:1] and UNKNOWN not in texts[0]:
        return f"printf %s {_quoted(texts[0])} {operator} {_quoted(path)}"
    return f": {operator} {_quoted(path)}"


def _started(arguments: tuple[Value, ...]) -> Iterator[str]:
    if not arguments or arguments[0] == UNKNOWN:
        return
    if len(arguments) == 1 and isinstance(arguments[0], str):
        yield arguments[0]
        return
    words = list(flat(arguments))
    if isinstance(arguments[0], str) and " " in arguments[0]:
        yield arguments[0]
    else:
        yield _line(words)


def _line(words: Iterable[str]) -> str:
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    return UNKNOWN.join(shlex.quote(part) if part else "" for part in word.split(UNKNOWN)) or "''"
