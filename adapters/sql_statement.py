"""Statements of kind `sql`: exactly one SELECT with named parameters, told apart without a grammar.

What the lexers of two databases would read differently is refused, not guessed: a statement whose strings end elsewhere
for the server than for us could hide a second one. Comments never reach the server. This is the second fence; the
first is a database user who may only read, the third a read-only session.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from unicodedata import normalize

from adapters.errors import DefinitionFaultError

MAX_LENGTH: Final = 65_536
_WRITES: Final = frozenset(
    {"INTO", "INSERT", "UPDATE", "DELETE", "MERGE", "UPSERT", "CREATE", "ALTER", "DROP", "GRANT", "REVOKE"}
    | {"CALL", "EXEC", "EXECUTE", "COPY", "ATTACH", "PRAGMA"}
)
_LOCKS: Final = frozenset({"UPDATE", "SHARE", "NO", "KEY"})
_ROUTINES: Final = frozenset({"FUNCTION", "PROCEDURE"})
# Functions that reach files, other servers or the session's own read-only switch, whatever the user may do, and those
# that run a text as a query: nothing here reads that text.
_FUNCTIONS: Final = re.compile(
    r"set_config|load_file|load_extension|sys_exec|sys_eval|openrowset|openquery|opendatasource|openxml"
    r"|(?:http|db|xdb)uritype|urifactory|ts_stat|ts_rewrite|crosstab\w*|connectby|xpath_table"
    r"|dblink\w*|lo_\w+|pg_(?:read|ls|stat_file|file|terminate|cancel|reload|promote|switch|advisory|try_advisory)\w*"
    r"|pg_(?:logical|notify|create|drop|replication)\w*"
    r"|(?:utl|dbms|xp)_\w+|(?:query|cursor|table|schema|database)_to_xml\w*"
)
_WORD: Final = re.compile(r"[^\W\d][\w$]*")
_NUMBER: Final = re.compile(r"\d[\w.]*")
_PARAM: Final = re.compile(r":([A-Za-z_][A-Za-z0-9_]{0,63})(?![\w$])")
# What makes of the quote right after it something else than a plain one: E'…' has escapes, q'[…]' its own ends, and
# U&"…" and U&'…' write any letter as its number, so that a name is not the one that stands there.
_PREFIXES: Final = {"e": "'", "q": "'", "nq": "'", "u": "&"}
_DOLLAR: Final = re.compile(r"\$(?:[^\W\d]\w*)?\$")


@dataclass(frozen=True, slots=True)
class Syntax:
    """How one family of databases writes. `refused_words` are statements that follow another without a semicolon."""

    backticks: bool = False
    brackets: bool = False
    dollar_quotes: bool = False
    operators: str = ""
    refused_words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement cut at its parameters: `pieces` stand around `names`, in order; comments are gone."""

    pieces: tuple[str, ...]
    names: tuple[str, ...]

    def render(self, placeholder: Callable[[str], str]) -> str:
        """The text that the driver is given, with its own mark for each parameter."""
        marks = [placeholder(name) for name in self.names]
        return "".join(part for pair in zip(self.pieces, [*marks, ""], strict=True) for part in pair)


def read_statement(text: str, syntax: Syntax) -> Statement:
    """Read one statement.

    Raises: DefinitionFaultError at `/statement`: `not_select`, `several_statements`, `writes`, `locking`, `function`,
        `quote`, `backslash`, `comment`, `placeholder` (a mark that is not `:name`), `character`, `too_long`.
    """
    if len(text) > MAX_LENGTH:
        raise _fault("too_long")
    reader = _Reader(text, syntax)
    while reader.at < len(text):
        reader.step()
    if not reader.words or reader.first not in {"SELECT", "WITH"}:
        raise _fault("not_select")
    _check_words(reader.words, syntax)
    return Statement((*reader.pieces, "".join(reader.piece).rstrip()), tuple(reader.names))


def _check_words(words: list[str], syntax: Syntax) -> None:
    upper = [word.upper() for word in words]
    for word, follower in zip(upper, [*upper[1:], ""], strict=True):
        if (word == "FOR" and follower in _LOCKS) or (word == "LOCK" and follower == "IN"):
            raise _fault("locking")
        if word in _WRITES or word in syntax.refused_words or (word == "WITH" and follower in _ROUTINES):
            raise _fault("writes")
        # Some servers compare names without regard to width: ｓｅｔ is set.
        if _FUNCTIONS.fullmatch(normalize("NFKC", word).lower()):
            raise _fault("function")


def _fault(rule: str) -> DefinitionFaultError:
    return DefinitionFaultError("/statement", rule)


class _Reader:
    """One pass over the text; each step takes one token."""

    def __init__(self, text: str, syntax: Syntax) -> None:
        self.text = text
        self.syntax = syntax
        self.at = 0
        self.ended = False
        self.first = ""
        self.words: list[str] = []
        self.pieces: list[str] = []
        self.piece: list[str] = []
        self.names: list[str] = []

    def step(self) -> None:
        char = self.text[self.at]
        pair = self.text[self.at : self.at + 2]
        if char in " \t\r\n":
            self._take(self.at + 1)
        elif pair in {"--", "/*"}:
            self._comment(pair)
        elif self.ended:
            raise _fault("several_statements")
        elif char in "'\"" or (char == "`" and self.syntax.backticks) or (char == "[" and self.syntax.brackets):
            self._quoted("]" if char == "[" else char)
        elif word := _WORD.match(self.text, self.at) or _NUMBER.match(self.text, self.at):
            self._word(word)
        else:
            self._mark(char, pair)

    def _take(self, end: int) -> None:
        self.piece.append(self.text[self.at : end])
        self.at = end

    def _word(self, found: re.Match[str]) -> None:
        word = found.group()
        if not word.isprintable():
            raise _fault("character")
        # Older databases end a number before its first letter: 1E'…' is 1 and E'…'.
        mark = _PREFIXES.get(word.lower().lstrip("0123456789._"), "\0")
        after = self.text[found.end() : found.end() + 2]
        if after[:1] == mark and (mark == "'" or after[1:] in {"'", '"'}):
            raise _fault("quote")
        if not self.first:
            self.first = word.upper() if word.isascii() else "?"
        self.words.append(word)
        self._take(found.end())

    def _quoted(self, end: str) -> None:
        close = self.text.find(end, self.at + 1)
        while end != "]" and self.text[close + 1 : close + 2] == end and close >= 0:
            close = self.text.find(end, close + 2)
        body = self.text[self.at : close + 1]
        if close < 0 or (end == "]" and self.text[close + 1 : close + 2] == "]"):
            raise _fault("quote")
        self._check_quoted(body)
        if end != "'":
            self.words.append(body[1:-1])
        self.first = self.first or "?"
        self._take(close + 1)

    def _check_quoted(self, body: str) -> None:
        if "\\" in body:
            raise _fault("backslash")
        if "\0" in body:
            raise _fault("character")

    def _comment(self, pair: str) -> None:
        if pair == "--":
            # MySQL takes 5--1 for a subtraction.
            if self.text[self.at + 2 : self.at + 3] not in {"", " ", "\t", "\r", "\n"}:
                raise _fault("comment")
            ends = [place for place in (self.text.find(mark, self.at) for mark in "\r\n") if place >= 0]
            end = min(ends, default=len(self.text))
        else:
            # Hints and MySQL's versioned comments are executed; only PostgreSQL nests them.
            end = self.text.find("*/", self.at + 2) + 2
            body = self.text[self.at + 2 : end - 2]
            if end < 2 or "/*" in body or body[:1] in {"!", "+"} or body[:2] == "M!":
                raise _fault("comment")
        self.piece.append(" ")
        self.at = end

    def _mark(self, char: str, pair: str) -> None:
        if char == ";":
            self.ended = True
            self.at += 1
        elif char == ":":
            self._colon(pair)
        elif char == "$" and self.syntax.dollar_quotes:
            self._dollar_quote()
        elif char in "$?@#\\`{}" and char not in self.syntax.operators:
            raise _fault("backslash" if char == "\\" else "placeholder")
        elif not char.isprintable() or char.isspace():
            raise _fault("character")
        else:
            self.first = self.first or "?"
            self._take(self.at + 1)

    def _colon(self, pair: str) -> None:
        if pair == "::":
            self._take(self.at + 2)
            return
        found = _PARAM.match(self.text, self.at)
        if found is None:
            raise _fault("placeholder")
        self.pieces.append("".join(self.piece))
        self.piece = []
        self.names.append(found.group(1))
        self.at = found.end()

    def _dollar_quote(self) -> None:
        found = _DOLLAR.match(self.text, self.at)
        close = self.text.find(found.group(), found.end()) if found else -1
        if found is None or close < 0:
            raise _fault("placeholder" if found is None else "quote")
        self._check_quoted(self.text[self.at : close])
        self._take(close + len(found.group()))
