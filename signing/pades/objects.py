"""Values of a PDF file: the small part of its syntax in which signatures are written and read.

Strict where readers disagree with each other: no comments, no escaped names (`/#50erms` is another spelling of
`/Perms`), no repeated keys, no numbers with a sign in the middle. What is refused here is refused, never repaired.

Source: ISO 32000-1 §7.2, §7.3.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from signing.errors import MalformedError

MAX_DEPTH: Final = 16
MAX_ITEMS: Final = 20_000
"""Values of one object; a page with that many links is not one of ours."""
MAX_STRING_BYTES: Final = 32_767
"""Of a string in parentheses (ISO 32000-1 annex C); they are read byte by byte."""


class Name(str):
    """A name, without its slash."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """An indirect object by its number; the generation is always 0."""

    number: int


Value: TypeAlias = "bool | int | float | bytes | Name | Reference | list[Value] | dict[str, Value] | None"

_SPACE: Final = re.compile(rb"[\x00\t\n\x0c\r ]*")
_NAME: Final = re.compile(rb"/([!\"$&'*+,\-.0-9:;=?@A-Z\\^_`a-z|~]{1,127})")
_REFERENCE: Final = re.compile(rb"([1-9][0-9]{0,9})[ ]0[ ]R(?![A-Za-z0-9])")
_NUMBER: Final = re.compile(rb"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(?![0-9A-Za-z.+-])")
_HEX: Final = re.compile(rb"<([0-9A-Fa-f]*)>")
_WORD: Final = re.compile(rb"(?:true|false|null)(?![A-Za-z0-9])")
_WORDS: Final = {b"true": True, b"false": False, b"null": None}
_ESCAPES: Final = {"n": b"\n", "r": b"\r", "t": b"\t", "b": b"\b", "f": b"\f", "(": b"(", ")": b")", "\\": b"\\"}


class Reader:
    """Reads values out of a file. `spans` of the last dictionary tell where each of its values stands."""

    __slots__ = ("_data", "_items", "at")

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._items = 0
        self.at = at

    def value(self, depth: int = 0) -> Value:
        """The value here. Raises: MalformedError ("pdf_object")."""
        self._items += 1
        if depth > MAX_DEPTH or self._items > MAX_ITEMS:
            raise MalformedError("pdf_object", "depth or size")
        self.space()
        start = self._data[self.at : self.at + 2]
        if start == b"<<":
            return self.dictionary(depth)[0]
        if start[:1] == b"[":
            return self._array(depth)
        if start[:1] == b"(":
            return self._literal()
        if found := _HEX.match(self._data, self.at):
            self.at = found.end()
            digits = found[1].decode()
            return bytes.fromhex(digits + "0" * (len(digits) % 2))
        return self._word()

    def dictionary(self, depth: int = 0) -> tuple[dict[str, Value], dict[str, tuple[int, int]]]:
        """The dictionary here, and where each value of it begins and ends."""
        self.expect(b"<<")
        values: dict[str, Value] = {}
        spans: dict[str, tuple[int, int]] = {}
        while not self.take(b">>"):
            name = self._name()
            if name in values:
                raise MalformedError("pdf_object", "repeated key")
            self.space()
            begin = self.at
            values[name] = self.value(depth + 1)
            spans[name] = begin, self.at
        return values, spans

    def take(self, token: bytes) -> bool:
        """Whether the token stands here; then it is passed."""
        self.space()
        found = self._data.startswith(token, self.at)
        if found:
            self.at += len(token)
        return found

    def expect(self, token: bytes) -> None:
        """Pass a token. Raises: MalformedError ("pdf_object")."""
        if not self.take(token):
            raise MalformedError("pdf_object")

    def space(self) -> None:
        """Pass white space."""
        if self._data[self.at : self.at + 1] <= b" ":  # most often there is none
            found = _SPACE.match(self._data, self.at)
            if found is not None:
                self.at = found.end()

    def _name(self) -> Name:
        found = _NAME.match(self._data, self.at)
        if found is None or self._data[found.end() : found.end() + 1] == b"#":
            raise MalformedError("pdf_object", "name")
        self.at = found.end()
        return Name(found[1].decode())

    def _array(self, depth: int) -> list[Value]:
        self.expect(b"[")
        items: list[Value] = []
        while not self.take(b"]"):
            items.append(self.value(depth + 1))
        return items

    def _word(self) -> Value:
        if self._data[self.at : self.at + 1] == b"/":
            return self._name()
        for pattern in (_REFERENCE, _NUMBER, _WORD):
            if found := pattern.match(self._data, self.at):
                self.at = found.end()
                if pattern is _REFERENCE:
                    return Reference(int(found[1]))
                if pattern is _WORD:
                    return _WORDS[found[0]]
                return float(found[0]) if b"." in found[0] else int(found[0])
        raise MalformedError("pdf_object")

    def _literal(self) -> bytes:
        """A string in parentheses. Octal escapes are left as they stand: only equality of strings matters here."""
        data, at, level, out = self._data, self.at + 1, 1, bytearray()
        while at < len(data) and len(out) <= MAX_STRING_BYTES:
            byte = data[at : at + 1]
            if byte == b"\\":
                following = data[at + 1 : at + 2]
                out += _ESCAPES.get(following.decode("latin-1"), b"\\" + following)
                at += 2
                continue
            level += {b"(": 1, b")": -1}.get(byte, 0)
            at += 1
            if level == 0:
                self.at = at
                return bytes(out)
            out += byte
        raise MalformedError("pdf_object", "string")


def text_string(text: str) -> bytes:
    """A text as UTF-16 in hexadecimal: nothing in it can end the string."""
    return b"<FEFF" + text.encode("utf-16-be", "replace").hex().upper().encode() + b">"


def read_text(value: Value) -> str:
    """A text string's text; empty for what is none."""
    if not isinstance(value, bytes):
        return ""
    if value.startswith(b"\xfe\xff"):
        return value[2:].decode("utf-16-be", "replace")
    return value.decode("latin-1")


def reference(values: Mapping[str, Value], key: str) -> int:
    """The number of the object that this entry points to. Raises: MalformedError ("pdf_object")."""
    value = values.get(key)
    if not isinstance(value, Reference):
        raise MalformedError("pdf_object", key)
    return value.number
