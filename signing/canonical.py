"""One reading and one writing of JSON, base64url and digests, for everything that is signed or hashed.

Two parsers that disagree about one document are a forgery waiting to happen, so reading refuses whatever JSON
libraries disagree about, and writing has exactly one result.
"""

import hashlib
import json
import math
import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any, Final

import rfc8785

from signing.errors import MalformedError

MAX_INTEGER: Final = 2**53 - 1
"""Largest integer that survives a double, the only number some JSON readers have (RFC 8785 §3.2.2.3)."""

_SHAPES: Final[dict[tuple[str, ...], tuple[tuple[str, str], ...]]] = {}
"""Objects' names as `_shape` sorted and quoted them."""
_MAX_SHAPES: Final = 256
_SHAPE_CHARACTERS: Final = 1024
_WHITE_SPACE: Final = " \t\n\r"
_NONE: Final[frozenset[str]] = frozenset()
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_+/=", b"+/!!!")  # the standard alphabet and padding become junk
_LAST_CHARACTER: Final = {2: b"AQgw", 3: b"AEIMQUYcgkosw048"}
"""By length modulo 4: the last characters whose unused bits are zero."""

# Possessive, and the closing quote is optional: an unterminated string costs one pass, not one per quote.
_STRING_OR_BRACKET: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{\]}]', re.DOTALL)
_FORBIDDEN_CHARACTER: Final = re.compile("[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f]")


def sha256(data: bytes) -> bytes:
    """SHA-256 digest, 32 bytes."""
    return hashlib.sha256(data).digest()


def b64u(data: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode("ascii")  # a call less than `b64u_bytes`


def b64u_bytes(data: bytes) -> bytes:
    """As `b64u`, for those who go on with bytes."""
    return b2a_base64(data, newline=False).translate(_TO_URL, b"=")


def unb64u(text: str | bytes) -> bytes:
    """Decode base64url; each byte string has exactly one accepted text.

    Padding, white space, the standard alphabet and non-zero trailing bits are refused: with any of them one signature
    has many spellings.

    Raises: MalformedError ("base64url").
    """
    try:
        raw = text.encode("ascii") if isinstance(text, str) else text
        rest = len(raw) % 4
        if rest and raw[-1] not in _LAST_CHARACTER[rest]:
            raise MalformedError("base64url")
        return a2b_base64(raw.translate(_FROM_URL) + b"=="[: -rest % 4], strict_mode=True)
    except (UnicodeEncodeError, KeyError, Base64Error) as error:
        raise MalformedError("base64url") from error


def strict_loads(data: bytes | str, *, max_bytes: int, max_depth: int = 32) -> Any:
    """Read JSON that every conforming reader reads alike, or refuse it.

    Refused beyond RFC 8259: duplicate names, NaN and infinities (also `1e400`), numbers beyond ±(2**53-1), lone
    surrogates, control characters in strings except tab, line feed and carriage return, byte order marks, anything but
    UTF-8. Size and depth are checked before the first byte is parsed.

    Args:
        data: one JSON document.
        max_bytes: cap on the UTF-8 length.
        max_depth: cap on nested arrays and objects; a flat object has depth 1.
    Raises: MalformedError ("too_large", "encoding", "depth", "duplicate_name", "number", "character", "json").
    """
    if len(data) > max_bytes:
        raise MalformedError("too_large")
    try:
        raw, text = (data.encode(), data) if isinstance(data, str) else (data, data.decode())
    except UnicodeError as error:
        raise MalformedError("encoding") from error
    if len(raw) > max_bytes:
        raise MalformedError("too_large")
    if raw.count(b"[") + raw.count(b"{") > max_depth:
        _check_depth(raw, max_depth)
    try:
        # Twice as fast on short documents as `decode`, which looks for white space with a regular expression.
        bare = text.strip(_WHITE_SPACE)
        value, end = _DECODER.raw_decode(bare)
        if end != len(bare):
            raise MalformedError("json")
    except (ValueError, RecursionError) as error:
        raise MalformedError("json") from error
    # Only an escape can bring in a forbidden character: raw ones were refused by the UTF-8 and JSON decoders.
    if "\\" in text:
        check_characters(value)
    return value


def check_characters(value: Any) -> None:
    """Refuse the characters `strict_loads` refuses, in every string and name of a JSON value.

    Raises: MalformedError ("character").
    """
    if isinstance(value, str):
        if _FORBIDDEN_CHARACTER.search(value):
            raise MalformedError("character")
    elif isinstance(value, dict):
        for name, item in value.items():
            check_characters(name)
            check_characters(item)
    elif isinstance(value, list):
        for item in value:
            check_characters(item)


def canonical(value: Any) -> bytes:
    """Write a JSON value in its one canonical form (RFC 8785).

    Raises: MalformedError ("not_canonical"): not a JSON value, an integer beyond ±(2**53-1), NaN, a lone surrogate.
    """
    quick = quick_canonical(value)
    if quick is not None:
        return quick
    try:
        return rfc8785.dumps(value)
    except (ValueError, RecursionError) as error:
        raise MalformedError("not_canonical") from error


def quick_canonical(value: Any, *, reserved: frozenset[str] = _NONE) -> bytes | None:
    """As `canonical`, for strings, integers, booleans, nulls and what holds them; None leaves all else to it.

    None also where an object inside the value, not the value itself, has one of the `reserved` names.
    """
    pieces: list[str] = []
    try:
        _write(value, pieces.append, reserved)
        return "".join(pieces).encode()
    except (TypeError, ValueError, RecursionError):
        return None


def _write(value: Any, put: Callable[[str], None], reserved: frozenset[str]) -> None:
    """RFC 8785 for what licences are made of, several times faster than the general writer.

    Raises: TypeError: floats, and whatever else the general writer must decide about.
    """
    kind = type(value)
    if kind is str:
        put(encode_basestring(value))
    elif kind is dict:
        names = tuple(value)
        for name, prefix in _SHAPES.get(names) or _shape(names):
            item = value[name]
            if type(item) is str:
                put(prefix + encode_basestring(item))
            else:
                put(prefix)
                _write_inside(item, put, reserved)
        put("}" if value else "{}")
    elif kind is list or kind is tuple:
        separator = "["
        for item in value:
            if type(item) is str:
                put(separator + encode_basestring(item))
            else:
                put(separator)
                _write_inside(item, put, reserved)
            separator = ","
        put("]" if value else "[]")
    elif value is None:
        put("null")
    elif kind is bool:
        put("true" if value else "false")
    elif kind is int and -MAX_INTEGER <= value <= MAX_INTEGER:
        put(str(value))
    else:
        raise TypeError


def _write_inside(value: Any, put: Callable[[str], None], reserved: frozenset[str]) -> None:
    if type(value) is dict and not reserved.isdisjoint(value):
        raise TypeError
    _write(value, put, reserved)


def _shape(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The names in canonical order, each with what stands between the value before it and its own."""
    joined = "".join(names)
    # RFC 8785 sorts by UTF-16 code unit, Python by code point; the orders agree below the surrogates.
    if not joined.isascii() and max(joined) >= "\ud800":
        raise TypeError
    shape = tuple((name, f"{',' if at else '{'}{encode_basestring(name)}:") for at, name in enumerate(sorted(names)))
    # What we write has few shapes; what others sent may have any number of names of any length.
    if len(joined) <= _SHAPE_CHARACTERS:
        if len(_SHAPES) >= _MAX_SHAPES:
            _SHAPES.clear()
        _SHAPES[names] = shape
    return shape


def _check_depth(raw: bytes, max_depth: int) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(raw):
        token = match[0]
        if token in b"[{":
            depth += 1
            if depth > max_depth:
                raise MalformedError("depth")
        elif token in b"]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise MalformedError("duplicate_name")
    return result


def _integer(text: str) -> int:
    # The length first: int() of a long numeral takes quadratic time.
    if len(text) > 17 or not -MAX_INTEGER <= (value := int(text)) <= MAX_INTEGER:
        raise MalformedError("number")
    return value


def _real(text: str) -> float:
    value = float(text)
    # RFC 8785 writes 1e20 as an integer, which could not be read back here.
    if not math.isfinite(value) or abs(value) > MAX_INTEGER:
        raise MalformedError("number")
    return value


def _constant(_: str) -> Any:
    raise MalformedError("number")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_real, parse_constant=_constant
)
