"""From text to a tree: tokens and precedence. Kinds are checked in `compiling`.

A strict subset of CEL's syntax, so that whoever knows CEL reads it; what is left out could loop, build texts, or
compare what cannot be compared.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from catalog.errors import DefinitionError

MOST_CHARACTERS: Final = 1_000
MOST_NODES: Final = 200
MOST_DEPTH: Final = 24
MOST_LISTED: Final = 100
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<decimal>[0-9]{1,18}\.[0-9]{1,18})
      | (?P<integer>[0-9]{1,18}(?![0-9.\w]))
      | (?P<text>"(?:[^"\\\x00-\x1f]|\\["\\])*")
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
      | (?P<sign>\|\||&&|==|!=|<=|>=|[!<>()\[\],+-])
    )""",
    re.VERBOSE,
)
_PRECEDENCE: Final = {
    "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "in": 3, "+": 4, "-": 4,
}  # fmt: skip
_COMPARING: Final = 3


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text. `kind` is a group of the pattern, or `end`."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """A literal or a name."""

    token: Token


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of literals."""

    items: tuple[Token, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Branch:
    """An operator or a function with what it is applied to."""

    operator: str
    parts: "tuple[Tree, ...]"
    at: int


Tree: TypeAlias = Leaf | Listed | Branch


def parse(source: str, *, where: str) -> Tree:
    """Read a condition. Raises: DefinitionError naming the character, counted from 1."""
    if len(source) > MOST_CHARACTERS:
        raise DefinitionError(f"{where}: a condition has at most {MOST_CHARACTERS} characters")
    return _Parser(tuple(_tokens(source, where)), where).whole()


def _tokens(source: str, where: str) -> Iterator[Token]:
    at = 0
    end = len(source.rstrip())
    while at < end:
        match = _TOKEN.match(source, at)
        if match is None or match.lastgroup is None:
            raise DefinitionError(f"{where}: character {at + 1} cannot be read")
        start = match.start(match.lastgroup)
        yield Token(match.lastgroup, match[match.lastgroup], start + 1)
        at = match.end()
    yield Token("end", "", end + 1)


class _Parser:
    """Precedence climbing, with a count of nodes and of depth: a text of brackets must not exhaust the stack."""

    def __init__(self, tokens: tuple[Token, ...], where: str) -> None:
        self._tokens = tokens
        self._next = 0
        self._where = where
        self._nodes = 0
        self._depth = 0

    def whole(self) -> Tree:
        tree = self._expression(1)
        if self._seen.kind != "end":
            raise self._wrong("an operator or the end is expected")
        return tree

    @property
    def _seen(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._seen
        self._next += 1
        return token

    def _expression(self, least: int) -> Tree:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise self._wrong(f"nested deeper than {MOST_DEPTH}")
        left = self._operand()
        while (rank := _PRECEDENCE.get(self._seen.text, 0)) >= least and self._seen.kind in {"sign", "name"}:
            operator = self._take()
            if rank == _COMPARING and isinstance(left, Branch) and _PRECEDENCE.get(left.operator) == _COMPARING:
                raise self._wrong("comparisons do not chain: write a < b && b < c")
            left = self._counted(Branch(operator.text, (left, self._expression(rank + 1)), operator.at))
        self._depth -= 1
        return left

    def _operand(self) -> Tree:
        token = self._take()
        if token.text == "!" and token.kind == "sign":
            return self._counted(Branch("!", (self._deeper(),), token.at))
        if token.text == "(" and token.kind == "sign":
            inner = self._expression(1)
            self._expect(")")
            return Branch("()", (inner,), token.at) if _is_comparison(inner) else inner
        if token.text == "[" and token.kind == "sign":
            return self._counted(self._list(token))
        if token.kind == "name" and self._seen.text == "(" and self._seen.kind == "sign":
            return self._counted(self._call(token))
        if token.kind in {"integer", "decimal", "text", "name"} and token.text not in _PRECEDENCE:
            return self._counted(Leaf(token))
        self._next -= 1
        raise self._wrong("a value is expected")

    def _deeper(self) -> Tree:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise self._wrong(f"nested deeper than {MOST_DEPTH}")
        tree = self._operand()
        self._depth -= 1
        return tree

    def _list(self, opened: Token) -> Listed:
        items = [self._item()]
        while self._seen.text == "," and self._seen.kind == "sign":
            self._take()
            items.append(self._item())
        self._expect("]")
        if len(items) > MOST_LISTED:
            raise self._wrong(f"a list holds at most {MOST_LISTED}")
        return Listed(tuple(items), opened.at)

    def _item(self) -> Token:
        if self._seen.kind != "text":  # also the end: nothing is taken beyond it
            raise self._wrong("a list holds texts")
        return self._take()

    def _call(self, name: Token) -> Branch:
        self._expect("(")
        parts = [self._expression(1)]
        while self._seen.text == "," and self._seen.kind == "sign":
            self._take()
            parts.append(self._expression(1))
        self._expect(")")
        return Branch(f"{name.text}()", tuple(parts), name.at)

    def _counted(self, tree: Tree) -> Tree:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise self._wrong(f"more than {MOST_NODES} parts")
        return tree

    def _expect(self, sign: str) -> None:
        if self._seen.text != sign or self._seen.kind != "sign":
            raise self._wrong(f"{sign} is expected")
        self._next += 1

    def _wrong(self, what: str) -> DefinitionError:
        return DefinitionError(f"{self._where}: character {self._seen.at}: {what}")


def _is_comparison(tree: Tree) -> bool:
    return isinstance(tree, Branch) and _PRECEDENCE.get(tree.operator) == _COMPARING
