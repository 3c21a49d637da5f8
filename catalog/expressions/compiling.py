"""Checking a condition when it is published: what it reads, and that it compares only what can be compared.

Everything that could go wrong in a case goes wrong here, before anybody is judged by it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from catalog.errors import DefinitionError
from catalog.expressions.syntax import Branch, Leaf, Listed, Token, Tree, parse
from catalog.expressions.values import NUMBERS, ORDERED, Kind, Scope, Value

_ORDERING: Final = frozenset({"<", "<=", ">", ">="})
_EQUALITY: Final = frozenset({"==", "!="})
_JOINING: Final = frozenset({"&&", "||"})
_SPANS: Final = frozenset({"years()", "days()"})
_CONSTANTS: Final[dict[str, bool]] = {"true": True, "false": False}
_DATE: Final = "date()"
_ARGUMENTS: Final = 2


@dataclass(frozen=True, slots=True)
class Node:
    """A checked part: its kind, and either its value, its name, or an operator over further parts."""

    kind: Kind
    operator: str = ""
    parts: "tuple[Node, ...]" = ()
    name: str = ""
    value: Value | None = None


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition that is sound. `names` are what it reads; `source` is its text, by which two are equal."""

    source: str
    names: frozenset[str] = field(compare=False)
    tree: Node = field(repr=False, compare=False)


def compile_expression(source: str, scope: Scope, *, where: str) -> Expression:
    """Compile a condition over these names.

    Not checked: whether it can ever be true.

    Raises: DefinitionError: it cannot be read, is too large, reads a name outside the scope, or compares two kinds.
    """
    tree = _Checker(scope, where).node(parse(source, where=where))
    if tree.kind is not Kind.BOOLEAN:
        raise DefinitionError(f"{where}: a condition is true or false, and this is {tree.kind.value}")
    return Expression(source, frozenset(_names(tree)), tree)


def _names(node: Node) -> set[str]:
    return ({node.name} if node.name else set()).union(*(_names(part) for part in node.parts))


class _Checker:
    def __init__(self, scope: Scope, where: str) -> None:
        self._scope = scope
        self._where = where

    def node(self, tree: Tree) -> Node:
        if isinstance(tree, Leaf):
            return self._leaf(tree.token)
        if isinstance(tree, Listed):
            return Node(Kind.TEXTS, value=tuple(_plain(item.text) for item in tree.items))
        if tree.operator == "()":
            return self.node(tree.parts[0])
        if tree.operator == _DATE:
            return self._date(tree)
        parts = tuple(self.node(part) for part in tree.parts)
        check = self._check_of(tree)
        return Node(check(tree, parts), tree.operator, parts)

    def _check_of(self, tree: Branch) -> "Callable[[Branch, tuple[Node, ...]], Kind]":
        operator = tree.operator
        if operator in _JOINING or operator == "!":
            return self._joined
        if operator in _EQUALITY:
            return self._equal
        if operator in _ORDERING:
            return self._ordered
        if operator == "in":
            return self._among
        if operator in {"+", "-"}:
            return self._sum
        if operator in _SPANS:
            return self._span
        raise self._wrong(tree.at, f"there is no function {operator[:-2]}")

    def _leaf(self, token: Token) -> Node:
        match token.kind:
            case "integer":
                return Node(Kind.INTEGER, value=int(token.text))
            case "decimal":
                return Node(Kind.DECIMAL, value=Decimal(token.text))
            case "text":
                return Node(Kind.TEXT, value=_plain(token.text))
        if token.text in _CONSTANTS:
            return Node(Kind.BOOLEAN, value=_CONSTANTS[token.text])
        if token.text not in self._scope:
            raise self._wrong(token.at, f"it may not read {token.text}")
        return Node(self._scope[token.text], name=token.text)

    def _date(self, tree: Branch) -> Node:
        inner = tree.parts[0] if len(tree.parts) == 1 else None
        if not isinstance(inner, Leaf) or inner.token.kind != "text":
            raise self._wrong(tree.at, 'a date is written date("2026-01-31")')
        try:
            return Node(Kind.DATE, value=date.fromisoformat(_plain(inner.token.text)))
        except ValueError:
            raise self._wrong(tree.at, "there is no such day") from None

    def _joined(self, tree: Branch, parts: tuple[Node, ...]) -> Kind:
        if any(part.kind is not Kind.BOOLEAN for part in parts):
            raise self._wrong(tree.at, f"{tree.operator} is between what is true or false")
        return Kind.BOOLEAN

    def _equal(self, tree: Branch, parts: tuple[Node, ...]) -> Kind:
        left, right = parts[0].kind, parts[1].kind
        if Kind.TEXTS in {left, right} or (left is not right and not {left, right} <= NUMBERS):
            raise self._wrong(tree.at, f"{left.value} and {right.value} cannot be compared")
        return Kind.BOOLEAN

    def _ordered(self, tree: Branch, parts: tuple[Node, ...]) -> Kind:
        left, right = parts[0].kind, parts[1].kind
        if left not in ORDERED or right not in ORDERED or (left is not right and not {left, right} <= NUMBERS):
            raise self._wrong(tree.at, f"{left.value} and {right.value} have no order")
        return Kind.BOOLEAN

    def _among(self, tree: Branch, parts: tuple[Node, ...]) -> Kind:
        if (parts[0].kind, parts[1].kind) != (Kind.TEXT, Kind.TEXTS):
            raise self._wrong(tree.at, "in is between a text and a list of texts")
        return Kind.BOOLEAN

    def _sum(self, tree: Branch, parts: tuple[Node, ...]) -> Kind:
        if any(part.kind not in NUMBERS for part in parts):
            raise self._wrong(tree.at, f"{tree.operator} is between numbers")
        return Kind.DECIMAL if Kind.DECIMAL in {part.kind for part in parts} else Kind.INTEGER

    def _span(self, tree: Branch, parts: tuple[Node, ...]) -> Kind:
        if len(parts) != _ARGUMENTS or any(part.kind is not Kind.DATE for part in parts):
            raise self._wrong(tree.at, f"{tree.operator[:-2]} is between two dates")
        return Kind.INTEGER

    def _wrong(self, at: int, what: str) -> DefinitionError:
        return DefinitionError(f"{self._where}: character {at}: {what}")


def _plain(literal: str) -> str:
    return literal[1:-1].replace('\\"', '"').replace("\\\\", "\\")
