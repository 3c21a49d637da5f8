"""Disclosures: the salted texts that an SD-JWT commits to by digest, and putting them back (RFC 9901 §4.2, §7.1).

Part of `sd_jwt`.
"""

import os
from collections.abc import Collection, Iterable
from json.encoder import encode_basestring
from typing import Any, Final

from signing.canonical import (
    MAX_INTEGER,
    b64u,
    canonical,
    check_characters,
    quick_canonical,
    sha256,
    strict_loads,
    unb64u,
)
from signing.errors import MalformedError
from signing.jose import MAX_TOKEN_BYTES

ALGORITHM: Final = "sha-256"
MAX_DEPTH: Final = 32
"""Cap on nested objects and arrays, the same for issuing and verifying."""

RESERVED: Final = frozenset({"_sd", "...", "_sd_alg"})
_NESTED: Final = frozenset({dict, list})
_SALT_BYTES: Final = 18  # at least 128 bits, and whole groups of base64
_SALT_CHARACTERS: Final = 24
_MIN_SALT_CHARACTERS: Final = 22  # 128 bits in base64url


def fresh_salts(count: int) -> list[str]:
    """144 random bits each, 24 characters of base64url."""
    text = b64u(os.urandom(_SALT_BYTES * count))  # one system call, one encoding
    return [text[start : start + _SALT_CHARACTERS] for start in range(0, len(text), _SALT_CHARACTERS)]


def checked_salts(salts: list[str]) -> list[str]:
    """The same salts, if they can be salts. Raises: ValueError."""
    if len(set(salts)) != len(salts) or any(len(salt) < _MIN_SALT_CHARACTERS for salt in salts):
        raise ValueError("salts must differ and have 22 characters or more")
    return salts


def encode(salt: str, name: str, value: Any) -> str:
    """Disclosure of one claim of an object; it must be read back by `decode`, which the caller makes sure of."""
    return b64u(canonical((salt, name, value)))


def write(salt: str, name: str, value: Any) -> bytes:
    """The canonical text that `encode` encodes; nothing where it takes the general writer."""
    if type(name) is not str:
        return b""
    if type(value) is not str:
        return quick_canonical((salt, name, value), reserved=RESERVED) or b""
    try:
        return f"[{encode_basestring(salt)},{encode_basestring(name)},{encode_basestring(value)}]".encode()
    except UnicodeEncodeError:
        return b""


def plain(texts: Iterable[bytes]) -> bool:
    """Whether what was written as these texts can be read back for certain; False asks to look closely.

    The texts are what `write` gave, and `quick_canonical` with names reserved: without floats, without those names in
    anything inside, and with an escape for every character that `strict_loads` refuses.
    """
    text = b"".join(texts)
    return b"\\" not in text and text.count(b"{") + text.count(b"[") <= MAX_DEPTH


def decode(disclosure: str) -> list[Any]:
    """Salt and value of an array element, or salt, name and value of a claim."""
    content = strict_loads(unb64u(disclosure), max_bytes=MAX_TOKEN_BYTES, max_depth=MAX_DEPTH)
    if not isinstance(content, list) or len(content) not in {2, 3}:
        raise MalformedError("disclosure")
    if not isinstance(content[0], str) or len(content[0]) < _MIN_SALT_CHARACTERS:
        raise MalformedError("salt")
    if len(content) == 3:
        if not isinstance(content[1], str):
            raise MalformedError("disclosure")
        if content[1] in RESERVED:
            raise MalformedError("reserved_name")
    return content


def digest(text: str) -> str:
    """Digest of the ASCII text as it travels, not of what it encodes (§4.2.3)."""
    return b64u(sha256(text.encode()))


def refuse_unreadable(value: Any, depth: int = 1) -> None:
    """Refuse claims that could be signed but not verified: what the format reserves, and what `strict_loads` refuses.

    Raises: MalformedError ("depth", "reserved_name", "character", "number", "not_canonical").
    """
    if depth > MAX_DEPTH:
        raise MalformedError("depth")
    if isinstance(value, dict):
        if not RESERVED.isdisjoint(value):
            raise MalformedError("reserved_name")
        try:
            names = "".join(value)
        except TypeError as error:
            raise MalformedError("not_canonical") from error
        if not names.isprintable():  # a quick answer, which nearly every string passes
            check_characters(names)
        value = value.values()
    for item in value:
        if isinstance(item, str):
            if not item.isprintable():
                check_characters(item)
        elif isinstance(item, (dict, list, tuple)):
            refuse_unreadable(item, depth + 1)
        elif isinstance(item, float) and abs(item) > MAX_INTEGER:
            raise MalformedError("number")


def reveal(payload: dict[str, Any], disclosures: Collection[str]) -> dict[str, Any]:
    """Put each disclosure where its digest stands, and remove what belongs to the format.

    Raises: MalformedError: a disclosure without a place, or anything that has two.
    """
    return _Disclosing(disclosures).reveal(payload)


class _Disclosing:
    """One pass over a payload that puts disclosures in place and counts every digest."""

    __slots__ = ("_disclosures", "_seen")

    def __init__(self, disclosures: Collection[str]) -> None:
        self._disclosures = {digest(disclosure): decode(disclosure) for disclosure in disclosures}
        if len(self._disclosures) != len(disclosures):
            raise MalformedError("duplicate_disclosure")
        self._seen: set[str] = set()

    def reveal(self, payload: dict[str, Any]) -> dict[str, Any]:
        if payload.get("_sd_alg", ALGORITHM) != ALGORITHM:
            raise MalformedError("sd_alg")
        members = payload.copy()
        members.pop("_sd_alg", None)
        claims = self._object(members, 1)
        if self._disclosures:
            raise MalformedError("unreferenced_disclosure")
        return claims

    def _object(self, node: dict[str, Any], depth: int) -> dict[str, Any]:
        if "..." in node or "_sd_alg" in node:
            raise MalformedError("reserved_name")
        digests = node.get("_sd", [])
        if not isinstance(digests, list):
            raise MalformedError("sd")
        result = node.copy()
        result.pop("_sd", None)
        for name, value in result.items():
            if type(value) in _NESTED:
                result[name] = self._value(value, depth)
        for committed in digests:
            content = self._take(committed)
            if content is None:  # withheld, or a decoy
                continue
            if len(content) != 3:
                raise MalformedError("disclosure")
            name = content[1]
            if name in result:
                raise MalformedError("claim_collision")
            value = content[2]
            result[name] = self._value(value, depth) if type(value) in _NESTED else value
        return result

    def _array(self, node: list[Any], depth: int) -> list[Any]:
        result = []
        for element in node:
            if not (isinstance(element, dict) and "..." in element):
                result.append(self._value(element, depth))
                continue
            if len(element) != 1:
                raise MalformedError("reserved_name")
            content = self._take(element["..."])
            if content is None:
                continue
            if len(content) != 2:
                raise MalformedError("disclosure")
            result.append(self._value(content[1], depth))
        return result

    def _value(self, value: Any, depth: int) -> Any:
        if type(value) not in _NESTED:
            return value
        # Each disclosure obeys the depth cap alone; a chain of disclosures inside disclosures must obey it as a whole.
        if depth >= MAX_DEPTH:
            raise MalformedError("depth")
        return self._object(value, depth + 1) if isinstance(value, dict) else self._array(value, depth + 1)

    def _take(self, committed: object) -> list[Any] | None:
        if not isinstance(committed, str):
            raise MalformedError("sd")
        if committed in self._seen:
            raise MalformedError("duplicate_digest")
        self._seen.add(committed)
        return self._disclosures.pop(committed, None)
