"""Offline codes 离线码: what a page says, signed, as the text of a second QR code that needs no hub to be checked.

`YZ1:` and RFC 9285 (base45) of: name of the key (8 bytes), signature (64), canonical JSON, deflated (RFC 1951). The
alphabet is a QR code's alphanumeric one, and no code ends in a space, so that what was pasted may be trimmed. The
signature is over prefix, name and the deflated bytes: what nobody signed is never believed, and unpacks to no more
than 4 KiB.

A page's own key signs its code; what a holder shows without a network is signed by the hub. Names of members are one
letter (`_LICENCE`, `_COPY`, `_SHOWING`); docs/faces.md lists them.
"""

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from certificates.claims import RESERVED_CLAIMS
from signing.canonical import b64u, canonical, strict_loads, unb64u
from signing.errors import MalformedError
from signing.keys import SIGNATURE_BYTES, Signer

PREFIX: Final = "YZ1:"
MOST_CHARACTERS: Final = 970
"""What a QR code of version 20, correction M, holds: at 36 mm its squares are 0.34 mm wide."""
MOST_READ: Final = 4296
"""More no QR code holds."""
MAX_CONTENT_BYTES: Final = 4096
KEY_NAME_BYTES: Final = 8
_FIXED_BYTES: Final = KEY_NAME_BYTES + SIGNATURE_BYTES
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}
_RAW: Final = -15
_LICENCE: Final = frozenset("bcdinst")
_COPY: Final = frozenset("acdeinpt")
_SHOWING: Final = frozenset("cdeintu")
_SHOWN_FOR: Final = _SHOWING | {"g"}
_BINDING_BYTES: Final = 32
LONGEST_SHOWING: Final = 86_400
"""Seconds. Whoever has a photograph of one can show it, too: until its end, and no longer."""
SHOWING_VCT: Final = "urn:yizheng:showing"


@dataclass(frozen=True, slots=True)
class OfflineCode:
    """A code taken apart, strictly; nothing in it is verified.

    Attributes:
        key_name: of the key that signed, base64url; see `key_name`.
        message: what the signature is over.
        content: the members as they stand in the code.
    """

    key_name: str
    message: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    content: Mapping[str, Any] = field(repr=False)


def licence_content(
    payload: Mapping[str, Any], *, shown: Collection[str], type_name: str, binding: str, at: int
) -> dict[str, Any]:
    """What a licence's code says. `payload` is what was signed, disclosures opened.

    Args:
        shown: claims that stand in the code: of those on the page.
        binding: hexadecimal, as on the page.
        at: Unix seconds, when the page was made.
    """
    entry = payload["status"]["status_list"]
    return _common(payload, shown, type_name, at) | {
        "b": b64u(bytes.fromhex(binding)),
        "s": [entry["uri"], entry["idx"]],
    }


def copy_content(payload: Mapping[str, Any], *, shown: Collection[str], type_name: str, at: int) -> dict[str, Any]:
    """What a purpose copy's code says: for whom, for what, until when, and no binding."""
    purpose = payload["purpose"]
    return _common(payload, shown, type_name, at) | {
        "a": payload["aud"],
        "e": payload["exp"],
        "p": [purpose["text"], purpose["case_no"], purpose["matter"]],
    }


def showing_content(
    payload: Mapping[str, Any],
    *,
    shown: Collection[str],
    type_name: str,
    at: int,
    until: int,
    purpose: str,
    behalf: Sequence[str] | None = None,
) -> dict[str, Any]:
    """What a holder shows without a network says: the claims that he picked, that the licence was in force at `at`,
    until when he shows it, and for what. It is for whoever sees it.

    Args:
        at, until: Unix seconds, at most a day apart.
        behalf: where somebody shows it for another: on what ground, for whom, who; names and numbers masked.
    """
    named = {"g": list(behalf)} if behalf else {}
    return _common(payload, shown, type_name, at) | {"e": until, "u": purpose} | named


def fits(content: Mapping[str, Any], room: int = MOST_CHARACTERS) -> bool:
    """Whether all of it has room, and can be read again: of what somebody picked nothing is left out."""
    return _well_formed(content) and _characters(_FIXED_BYTES + len(_deflated(canonical(dict(content))))) <= room


def write_offline_code(content: Mapping[str, Any], *, signer: Signer, room: int = MOST_CHARACTERS) -> str | None:
    """The signed code; None for what does not fit. Of claims that do not all fit the longest are left out.

    Blocks for one signature, if any. Raises: what the signer raises.
    """
    body = _fitted(dict(content), room)
    if body is None:
        return None
    name = unb64u(key_name(signer.public.thumbprint))
    return PREFIX + _base45(name + signer.sign(_message(name, body)) + body)


def read_offline_code(text: bytes) -> OfflineCode:
    """Take a code apart. One spelling of everything but the signature, which ECDSA itself gives two.

    Raises: MalformedError ("too_large", "base45", "offline_code", "zip_bomb", and those of strict JSON).
    """
    if len(text) > MOST_READ:
        raise MalformedError("too_large")
    if not text.startswith(PREFIX.encode()):
        raise MalformedError("offline_code")
    data = _unbase45(text[len(PREFIX) :].decode("latin-1"))
    name, rest = data[:KEY_NAME_BYTES], data[KEY_NAME_BYTES:]
    signature, body = rest[:SIGNATURE_BYTES], rest[SIGNATURE_BYTES:]
    content = strict_loads(_inflated(body), max_bytes=MAX_CONTENT_BYTES, max_depth=3)
    if not _well_formed(content):
        raise MalformedError("offline_code")
    return OfflineCode(b64u(name), _message(name, body), signature, content)


def key_name(thumbprint: str) -> str:
    """The name of a key in codes: the first 8 bytes of its thumbprint (RFC 7638), base64url."""
    return b64u(unb64u(thumbprint)[:KEY_NAME_BYTES])


def _common(payload: Mapping[str, Any], shown: Collection[str], type_name: str, at: int) -> dict[str, Any]:
    described = payload["certificate"]
    return {
        "c": {name: payload[name] for name in shown if name in payload},
        "d": [described["issued_on"], described["valid_from"], described["valid_until"]],
        "i": described["identifier"],
        "n": type_name,
        "t": at,
    }


def _fitted(content: dict[str, Any], room: int) -> bytes | None:
    claims: dict[str, Any] = content["c"]
    by_length = sorted(claims, key=lambda name: (len(str(claims[name]).encode()), name))
    while True:
        kept = content | {"c": {name: claims[name] for name in by_length}}
        body = _deflated(canonical(kept))
        if _characters(_FIXED_BYTES + len(body)) <= room:
            return body
        if not by_length:
            return None
        by_length.pop()


def _message(name: bytes, body: bytes) -> bytes:
    # No token and no document begins like this: a signature made for one is none for the other.
    return PREFIX.encode() + name + body


def _well_formed(content: Any) -> bool:
    match content:
        case {"c": dict() as claims, "d": [str(), str(), (str() | None)], "i": str(), "n": str(), "t": int()}:
            members = content.keys()
        case _:
            return False
    if RESERVED_CLAIMS & claims.keys() or any(type(value) not in {str, int} for value in claims.values()):
        return False
    match content:
        case {"b": str() as binding, "s": [str(), int() as index]}:
            return bool(members == _LICENCE) and len(unb64u(binding)) == _BINDING_BYTES and type(index) is int
        case {"a": str(), "e": int(), "p": [str(), str(), str()]}:
            return bool(members == _COPY)
        case {"e": int() as until, "u": str()}:
            known = members == _SHOWING or (members == _SHOWN_FOR and _is_behalf(content["g"]))
            return known and 0 < until - content["t"] <= LONGEST_SHOWING
    return False


def _is_behalf(said: object) -> bool:
    return isinstance(said, list) and len(said) == 3 and all(isinstance(each, str) for each in said)


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, _RAW)
    return packer.compress(data) + packer.flush()


def _inflated(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(_RAW)
    try:
        found = unpacker.decompress(data, MAX_CONTENT_BYTES + 1)
    except zlib.error as error:
        raise MalformedError("offline_code") from error
    if len(found) > MAX_CONTENT_BYTES:
        raise MalformedError("zip_bomb")
    if not unpacker.eof or unpacker.unused_data:
        raise MalformedError("offline_code")
    return found


def _characters(count: int) -> int:
    return len(PREFIX) + count // 2 * 3 + count % 2 * 2


def _base45(data: bytes) -> str:
    """RFC 9285 §4. The last character of a group stands for at most 32 or 5, and a space for 36."""
    out = []
    for at in range(0, len(data) - 1, 2):
        high, low = divmod(data[at] << 8 | data[at + 1], 45)
        out += [_ALPHABET[low], _ALPHABET[high % 45], _ALPHABET[high // 45]]
    if len(data) % 2:
        out += [_ALPHABET[data[-1] % 45], _ALPHABET[data[-1] // 45]]
    return "".join(out)


def _unbase45(text: str) -> bytes:
    """Every text of bytes is the only one: what RFC 9285 §4 lets a reader refuse is refused."""
    try:
        values = [_VALUES[character] for character in text]
    except KeyError as error:
        raise MalformedError("base45") from error
    out = bytearray()
    for at in range(0, len(values), 3):
        group = values[at : at + 3]
        number = sum(value * 45**place for place, value in enumerate(group))
        width = len(group) - 1
        if width == 0 or number >= 256**width:
            raise MalformedError("base45")
        out += number.to_bytes(width, "big")
    return bytes(out)
