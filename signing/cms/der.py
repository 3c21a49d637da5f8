"""Distinguished encoding (DER): what CMS and time-stamps are written in, written and read strictly.

Reading is by hand and one level at a time: no recursion that a hostile nesting could drive, no lazily decoded value,
one length form only. What a `Node` holds is the input's own bytes, so that whatever was signed can be hashed again.

Wire format: X.690 §10. Indefinite lengths, long forms of short lengths and tags above 30 are refused.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from signing.errors import MalformedError

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = b"\x05\x00"
OID: Final = 0x06
UTF8_STRING: Final = 0x0C
GENERALIZED_TIME: Final = 0x18
SEQUENCE: Final = 0x30
SET: Final = 0x31
MAX_CHILDREN: Final = 1024
"""Of one node: a token has a dozen, a certificate list hundreds at most."""


@dataclass(frozen=True, slots=True)
class Node:
    """One element: its tag, its contents and all of its bytes."""

    tag: int
    body: bytes
    raw: bytes


def tlv(tag: int, *parts: bytes) -> bytes:
    """An element with these contents."""
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE."""
    return tlv(SEQUENCE, *parts)


def set_of(*parts: bytes) -> bytes:
    """SET OF, in the order that DER wants."""
    return tlv(SET, *sorted(parts))


def octets(value: bytes) -> bytes:
    """OCTET STRING."""
    return tlv(OCTET_STRING, value)


def integer(value: int) -> bytes:
    """INTEGER, not negative."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER. Raises: ValueError: not dotted numbers."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    encoded = b""
    for number in (first * 40 + second, *rest):
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(0x80 | (number & 0x7F))
        encoded += bytes(reversed(digits))
    return tlv(OID, encoded)


def generalized(moment: datetime) -> bytes:
    """GeneralizedTime in UTC, to the second (RFC 5280 §4.1.2.5.2)."""
    return tlv(GENERALIZED_TIME, moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode())


def read(data: bytes, *, tag: int | None = None) -> Node:
    """The one element these bytes are. Raises: MalformedError ("der")."""
    node, end = _read_at(data, 0)
    if end != len(data) or (tag is not None and node.tag != tag):
        raise MalformedError("der")
    return node


def read_padded(data: bytes, *, tag: int) -> Node:
    """The element at the start of bytes that may go on with zeros, as the hole in a PDF does.

    Raises: MalformedError ("der").
    """
    node, end = _read_at(data, 0)
    if node.tag != tag or data[end:].strip(b"\0"):
        raise MalformedError("der")
    return node


def children(node: Node, *, tag: int | None = None) -> list[Node]:
    """The elements inside. Raises: MalformedError ("der"): the node has another tag, or they do not fill it."""
    if (tag is not None and node.tag != tag) or not node.tag & 0x20:
        raise MalformedError("der")
    found, at = [], 0
    while at < len(node.body):
        child, at = _read_at(node.body, at)
        found.append(child)
        if len(found) > MAX_CHILDREN:
            raise MalformedError("der")
    return found


def read_oid(node: Node) -> str:
    """Dotted numbers. Raises: MalformedError ("der")."""
    body = node.body
    if node.tag != OID or not body or body[-1] & 0x80 or len(body) > 64:
        raise MalformedError("der")
    numbers, number = [], 0
    for position, byte in enumerate(body):
        if number == 0 and byte == 0x80:  # a zero in front: the same identifier spelt twice
            raise MalformedError("der", f"byte {position} of an object identifier")
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(str(part) for part in (first, numbers[0] - 40 * first, *numbers[1:]))


def read_integer(node: Node, *, max_bytes: int = 64) -> int:
    """A number, of either sign. Raises: MalformedError ("der")."""
    body = node.body
    if node.tag != INTEGER or not 1 <= len(body) <= max_bytes:
        raise MalformedError("der")
    if len(body) > 1 and body[0] in {0, 0xFF} and (body[0] ^ body[1]) < 0x80:
        raise MalformedError("der")
    return int.from_bytes(body, "big", signed=True)


def read_time(node: Node) -> datetime:
    """GeneralizedTime with or without a fraction, in UTC. Raises: MalformedError ("der")."""
    text = node.body.decode("ascii", "replace")
    whole, point, fraction = text.removesuffix("Z").partition(".")
    if node.tag != GENERALIZED_TIME or not text.endswith("Z") or not (whole.isdigit() and len(whole) == 14):
        raise MalformedError("der")
    if point and not (fraction.isdigit() and len(fraction) <= 9 and not fraction.endswith("0")):
        raise MalformedError("der")
    try:
        moment = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise MalformedError("der") from error
    return moment.replace(microsecond=int(fraction.ljust(6, "0")[:6])) if point else moment


def _read_at(data: bytes, at: int) -> tuple[Node, int]:
    head = data[at : at + 2]
    if len(head) != 2 or head[0] & 0x1F == 0x1F:
        raise MalformedError("der")
    start, size = at + 2, head[1]
    if size >= 0x80:
        count = size & 0x7F
        length = data[start : start + count]
        if not 1 <= count <= 4 or len(length) != count or length[0] == 0:
            raise MalformedError("der")
        start, size = start + count, int.from_bytes(length, "big")
        if size < 0x80:
            raise MalformedError("der")
    end = start + size
    if end > len(data):
        raise MalformedError("der")
    return Node(head[0], data[start:end], data[at:end]), end
