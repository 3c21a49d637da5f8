"""PEM (RFC 7468), written in one way and read strictly; several blocks only where they are asked for."""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Final

from signing.errors import MalformedError

_LINE: Final = 64
_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----")


def wrap(der: bytes, label: str) -> bytes:
    """One block."""
    text = b64encode(der)
    lines = b"\n".join(text[start : start + _LINE] for start in range(0, len(text), _LINE))
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label.encode(), lines, label.encode())


def unwrap(data: bytes, label: str) -> bytes:
    """The one block that these bytes are. Raises: MalformedError ("pem")."""
    found = _BLOCK.fullmatch(data.strip())
    if found is None or found[1] != label.encode():
        raise MalformedError("pem")
    return _decoded(found[2])


def blocks(data: bytes, label: str) -> list[bytes]:
    """Every block with this label, whatever stands between. Raises: MalformedError ("pem")."""
    return [_decoded(body) for found, body in _BLOCK.findall(data) if found == label.encode()]


def _decoded(body: bytes) -> bytes:
    text = b"".join(body.split())
    try:
        decoded = b64decode(text, validate=True)
    except Base64Error as error:
        raise MalformedError("pem") from error
    if b64encode(decoded) != text:  # bits behind the last byte: a second spelling
        raise MalformedError("pem")
    return decoded
