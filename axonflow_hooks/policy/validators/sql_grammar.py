"""Whether a value continues the statement that it is put into: the shape of an injection, whatever its spelling.

The value is read three times: as if it stood outside of quotes, inside '…' and inside "…". What follows the point of
break-out must be an SQL expression, clause or statement from there to the end or to a comment that cuts the rest. Prose
fails at the first two words that follow each other without an operator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from axonflow_hooks.policy.validators.sql_tokens import Token, string_end, tokens

if TYPE_CHECKING:
    from axonflow_hooks.policy.validators.candidate import Candidate

MAX_FRAGMENT: Final = 1024
"""Characters of a value that is read as a fragment; what is longer holds a statement or prose."""

_LOGICAL: Final = frozenset({"or", "and", "xor", "||", "&&"})
_COMPARING: Final = frozenset({"=", "<>", "!=", "<", ">", "<=", ">=", "<=>", "==", "like", "rlike", "regexp", "in",
                               "is",
                               "between", "sounds"})  # fmt: skip
_BINARY_WORDS: Final = frozenset({"or", "and", "xor", "like", "rlike", "regexp", "is", "in", "between", "div", "mod",
                                  "sounds", "collate", "escape"})  # fmt: skip
_UNARY_WORDS: Final = frozenset({"not", "binary", "distinct", "all", "any", "some", "like", "interval"})
_VALUES: Final = frozenset({"null", "true", "false", "unknown"})
_FUNCTIONS: Final = frozenset(
    "ascii ord char chr substr substring mid md5 sha sha1 unhex hex conv soundex elt ifnull isnull coalesce nvl pi cos "
    "sin sleep benchmark version user database db_name system_user current_user session_user user_name load_file "
    "extractvalue updatexml concat concat_ws group_concat char_length bin rand floor pg_sleep exists if iif "
    "schema_name host_name lcase ucase utl_inaddr.get_host_name".split()
)
_CURLY: Final = str.maketrans(
    {"\u2032": "'", "\u2019": "'", "\u2018": "'", "\u00b4": "'", "\u201c": '"', "\u201d": '"'}
)
_STATEMENTS: Final[dict[str, frozenset[str]]] = {
    "drop": frozenset({"table", "database", "schema", "user", "view", "index", "procedure", "function", "login"}),
    "delete": frozenset({"from", "low_priority", "quick", "ignore", "top"}),
    "insert": frozenset({"into", "ignore", "low_priority"}),
    "truncate": frozenset({"table"}),
    "create": frozenset({"table", "user", "login", "or", "procedure", "function", "database"}),
    "alter": frozenset({"table", "user", "login", "database", "role"}),
    "begin": frozenset({"declare", "transaction"}),
    "copy": frozenset(),
}
_PROCEDURES: Final = ("sp_", "xp_", "master", "immediate", "dbms_", "sys.")


@dataclass(slots=True)
class Shape:
    """What a continuation consists of."""

    logical: int = 0
    compared: int = 0
    constant: bool = False
    functions: int = 0
    arithmetic: int = 0
    clause: bool = False
    statement: bool = False
    cut: bool = False
    open_quote: str = ""
    operands: list[Token] = field(default_factory=list)


class _Reader:
    """Reads tokens as the rest of an expression; `shape` is what was found, None when it is no SQL."""

    __slots__ = ("at", "depth", "shape", "tokens")

    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.at = 0
        self.depth = 0
        self.shape = Shape()

    def peek(self, ahead: int = 0) -> Token:
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else Token("end", "")

    def after_operand(self) -> bool:
        """Read on behind an operand, up to the end; tell whether it is SQL throughout."""
        while True:
            token = self.peek()
            self.at += 1
            if token.kind == "end":
                return True
            if token.kind == "comment":
                self.shape.cut = True
                return True
            if token.kind == ")":
                self.depth -= 1
            elif token.kind == ";":
                return self.next_statement()
            elif token.kind == ",":
                if not self.operand():
                    return False
            elif token.kind == "op" or token.text in _BINARY_WORDS or token.text == "not":
                if not self.binary(token):
                    return False
            elif token.kind == "word":
                return self.next_clause(token)
            else:
                return False

    def binary(self, token: Token) -> bool:
        text = token.text
        if text == "not":
            text = self.peek().text
            if text not in ("like", "in", "between", "rlike", "regexp"):
                return False
            self.at += 1
        left = self.shape.operands[-1:] or [Token("", "")]
        if text in _LOGICAL:
            self.shape.logical += 1
        elif text in _COMPARING:
            self.shape.compared += 1
        else:
            self.shape.arithmetic += 1
        if not self.operand():
            return False
        right = self.shape.operands[-1]
        if text in _COMPARING:
            self.shape.constant |= _decided(left[0], right)
        return True

    def operand(self) -> bool:
        """Read one operand with what stands before it; tell whether there is one."""
        while True:
            token = self.peek()
            self.at += 1
            if token.kind in ("num", "str", "var"):
                self.shape.operands.append(token)
                return True
            if token.kind == "open":
                self.shape.operands.append(token)
                self.shape.open_quote = token.text[0]
                return True
            if token.kind == "id":
                self.shape.operands.append(token)
                return self.call(token) if self.peek().kind == "(" else True
            if token.kind == "(":
                self.depth += 1
                if self.peek().text == "select":
                    return self.subselect()
                continue
            if token.kind == "op" and token.text in "+-~!*":
                continue
            if token.kind != "word" or not self.word(token):
                return False
            if token.text in _VALUES or token.text in ("if", "exists", "cast", "convert", "select", "case"):
                return True

    def word(self, token: Token) -> bool:
        if token.text in _VALUES:
            self.shape.operands.append(Token("num", token.text))
            return True
        if token.text in ("if", "exists", "cast", "convert", "replace", "mod") and self.peek().kind == "(":
            self.shape.functions += 1
            self.shape.operands.append(Token("id", token.text))
            return self.call(token)
        if token.text in ("select", "case"):
            if token.text == "case" and not any(later.text == "when" for later in self.tokens[self.at :]):
                return False
            self.shape.clause = True
            self.shape.operands.append(token)
            self.at = len(self.tokens)
            return True
        return token.text in _UNARY_WORDS

    def call(self, name: Token) -> bool:
        """Skip the arguments of a function."""
        if name.text.lower() in _FUNCTIONS:
            self.shape.functions += 1
        depth = 0
        while True:
            token = self.peek()
            self.at += 1
            if token.kind in ("end", "comment", "bad"):
                return token.kind == "end"
            if token.kind == "id" and token.text.lower() in _FUNCTIONS:
                self.shape.functions += 1
            if token.text == "select":
                self.shape.clause = True
            depth += (token.kind == "(") - (token.kind == ")")
            if depth == 0:
                return True

    def subselect(self) -> bool:
        self.shape.clause = True
        self.shape.operands.append(Token("id", "select"))
        self.at -= 1
        return self.call(Token("id", "select"))

    def next_clause(self, token: Token) -> bool:
        following = self.peek().text
        if token.text in ("order", "group"):
            self.at += 1
            if following != "by" or not self.operand():
                return False
        elif token.text in ("having", "where"):
            if not self.operand():
                return False
        elif token.text == "union":
            if following not in ("select", "all", "distinct") and self.peek().kind != "(":
                return False
            self.at = len(self.tokens)
        elif token.text == "into":
            if following not in ("outfile", "dumpfile"):
                return False
            self.at = len(self.tokens)
        elif token.text in ("limit", "offset", "procedure"):
            if not self.operand():
                return False
        elif token.text == "waitfor":
            return self.next_statement(token)
        else:
            return False
        self.shape.clause = True
        return self.after_operand()

    def next_statement(self, token: Token | None = None) -> bool:
        if token is None:
            token = self.peek()
            self.at += 1
        if token.kind in ("end", "comment"):
            self.shape.cut |= token.kind == "comment"
            return True
        self.shape.statement = _starts_statement(token, self.peek(), self.peek(1))
        return self.shape.statement


def _starts_statement(token: Token, following: Token, third: Token) -> bool:
    word, second = token.text.lower(), following.text.lower()
    if word in _STATEMENTS:
        return second in _STATEMENTS[word] if _STATEMENTS[word] else third.text in ("from", "to", "(")
    if word in ("exec", "execute"):
        return second.startswith(_PROCEDURES) or following.kind in ("str", "open", "var", "(")
    if word == "select":
        return (
            following.kind in ("num", "str", "var", "(", "op", "open")
            or third.kind in (",", "(")
            or third.text == "from"
        )
    if word == "update":
        return third.text == "set"
    if word == "declare":
        return following.kind == "var"
    if word == "if":
        return second in ("exists", "not") or following.kind in ("num", "(", "str")
    if word == "waitfor":
        return second in ("delay", "time")
    if word in ("grant", "revoke"):
        return third.text.lower() in ("to", "on", "from", "connect")
    if word == "use":
        return third.kind in ("end", "comment", ";") or third.text in ("exec", "execute")
    return word == "shutdown" and following.kind in ("end", "comment", ";", "word")


def _decided(left: Token, right: Token) -> bool:
    """Whether a comparison has the same result whatever the data."""
    constant = ("num", "str", "open")
    if left.kind in constant and right.kind in constant:
        return True
    return left.kind == right.kind == "id" and left.text.lower() == right.text.lower()


def continues_statement(candidate: Candidate) -> bool:
    """The value, put into a statement, would go on with SQL of its own."""
    text = candidate.text
    if not 2 <= len(text) <= MAX_FRAGMENT or text.count("\n") > 12:
        return False
    text = text.translate(_CURLY)
    if "%2" in text or "%3" in text:
        text = unquote(text)
    return _outside(text) or any(_breaks_out(text, quote) for quote in "'\"" if quote in text)


def _outside(text: str) -> bool:
    found = tokens(text)
    if not found:
        return False
    reader = _Reader(found)
    leading = found[0].text in _LOGICAL and found[0].kind == "word"
    while reader.peek().kind in (")", ";") and len(found) > reader.at + 1:
        if reader.peek().kind == ";":
            reader.at += 1
            return reader.next_statement() and reader.shape.statement and len(found) > 3
        reader.at += 1
    if found[0].text in ("order", "group", "having") or (not leading and not reader.at and not reader.operand()):
        return False
    if not reader.after_operand():
        return False
    shape = reader.shape
    if shape.statement:
        return True
    if shape.clause and not leading and found[0].kind in ("num", "str", "var", "op"):
        return shape.cut or shape.functions > 0 or shape.logical > 0
    if not shape.logical or not shape.compared:
        return leading and shape.functions > 0
    return leading or shape.constant or shape.functions > 0 or (shape.cut and found[0].kind == "num")


def _breaks_out(text: str, quote: str) -> bool:
    end = string_end(text, 0, quote)
    if end < 0:
        return False
    found = tokens(text, end)
    if not found:
        return False
    reader = _Reader(found)
    reader.shape.operands.append(Token("str", text[: end - 1]))
    if not reader.after_operand():
        return False
    shape = reader.shape
    if shape.statement or shape.clause:
        return True
    last = shape.operands[-1].text[1:] if shape.open_quote == quote else ""
    ends_open = 0 < len(last) <= 16 and last == last.strip() and not set(last) & set("&/?")
    if found[0].kind == "comment" or (shape.cut and all(token.kind in (")", ";", "comment") for token in found)):
        return end < 40 and not text[end:].lstrip("-# ;)(/*+").count(" ") and (end < 3 or " " not in text[: end - 1])
    if shape.logical:
        right = shape.operands[-1]
        return (
            shape.compared > 0
            or shape.cut
            or shape.functions > 0
            or right.kind == "num"
            or (shape.arithmetic > 0 and ends_open)
        )
    telling = shape.compared + shape.functions > 0 or (shape.arithmetic > 0 and ends_open)
    return telling and (shape.cut or ends_open) and len(shape.operands) > 1
