"""The structures of electronic seals, SESeal and SES_Signature, written and read in DER.

What a parsed value holds is cut out of the input, not spelt anew: `seal_info` and `to_sign` are the very bytes that
were signed. Reading is strict (see `cms_der`): an element too many, too few or of another kind is refused.

Wire format: version 4, GB/T 38540-2020 §6 and §7. Versions 1 (GM/T 0031-2014) and 5 (GM/T 0031-2025) are refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from signing.cms import der
from signing.errors import MalformedError

VERSION: Final = 4
SM2_WITH_SM3: Final = "1.2.156.10197.1.501"
SM3: Final = "1.2.156.10197.1.401"
CERTIFICATE_VALUES: Final = "1.2.840.113549.1.9.16.2.23"
"""Extension of a signature: the certificates between the signer's and an anchor (RFC 5126 §6.3.3, certValues). The
structure itself has room for one certificate only."""

MAX_BYTES: Final = 1 << 20
MAX_TEXT_BYTES: Final = 512
MAX_CERTIFICATES: Final = 64
_IA5: Final = 0x16
_EXPLICIT_0: Final = 0xA0
_FALSE: Final = b"\x00"
_SEAL_MARK: Final = "ES"
_LIST_OF_CERTIFICATES: Final = 1


@dataclass(frozen=True, slots=True)
class Picture:
    """What a seal looks like. `kind`: OFD, PNG, …; sizes in whole millimetres, as readers show it."""

    kind: str
    data: bytes = field(repr=False)
    width_mm: int
    height_mm: int


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal as its maker signed it: whose keys may use it, between when, and its picture."""

    raw: bytes = field(repr=False)
    """All of it, DER: what a file `Seal.esl` holds."""
    seal_info: bytes = field(repr=False)
    """What the maker signed."""
    vendor: str
    seal_id: str
    type: int
    name: str
    certificates: tuple[bytes, ...] = field(repr=False)
    created_at: datetime
    valid_from: datetime
    valid_until: datetime
    picture: Picture
    maker: bytes = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedData:
    """SES_Signature: a seal put on a document by one of the keys that may use it."""

    to_sign: bytes = field(repr=False)
    """What the signer signed."""
    seal: Seal
    signed_at: datetime
    digest: bytes
    location: str
    intermediates: tuple[bytes, ...] = field(repr=False)
    certificate: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    stamp: bytes | None = field(repr=False)


def seal_info(
    *,
    vendor: str,
    seal_id: str,
    type_number: int,
    name: str,
    certificates: Sequence[bytes],
    created_at: datetime,
    valid_from: datetime,
    valid_until: datetime,
    picture: Picture,
) -> bytes:
    """SES_SealInfo, for its maker to sign. Instants are written in UTC, to the second."""
    header = der.sequence(_ia5(_SEAL_MARK), der.integer(VERSION), _ia5(vendor))
    properties = der.sequence(
        der.integer(type_number),
        der.tlv(der.UTF8_STRING, name.encode()),
        der.integer(_LIST_OF_CERTIFICATES),
        der.sequence(*map(der.octets, certificates)),
        *map(der.generalized, (created_at, valid_from, valid_until)),
    )
    shown = der.sequence(
        _ia5(picture.kind),
        der.octets(picture.data),
        der.integer(picture.width_mm),
        der.integer(picture.height_mm),
    )
    return der.sequence(header, _ia5(seal_id), properties, shown)


def seal(info: bytes, *, maker: bytes, signature: bytes) -> bytes:
    """SESeal: what `seal_info` gave, the maker's certificate and DER signature over it."""
    return der.sequence(info, der.octets(maker), der.oid(SM2_WITH_SM3), _bits(signature))


def to_sign(*, seal: bytes, signed_at: datetime, digest: bytes, location: str, intermediates: Sequence[bytes]) -> bytes:
    """TBS_Sign, for the signer to sign. `intermediates`: DER, in order; none leaves the extensions away."""
    parts = [der.integer(VERSION), seal, der.generalized(signed_at), _bits(digest), _ia5(location)]
    if intermediates:
        values = der.octets(der.sequence(*intermediates))
        extension = der.sequence(der.oid(CERTIFICATE_VALUES), der.tlv(der.BOOLEAN, _FALSE), values)
        parts.append(der.tlv(_EXPLICIT_0, der.sequence(extension)))
    return der.sequence(*parts)


def sealed(to_sign: bytes, *, certificate: bytes, signature: bytes, stamp: bytes | None) -> bytes:
    """SES_Signature: what `to_sign` gave, the signer's certificate, DER signature, and a time-stamp over it."""
    parts = [to_sign, der.octets(certificate), der.oid(SM2_WITH_SM3), _bits(signature)]
    if stamp is not None:
        parts.append(der.tlv(_EXPLICIT_0, _bits(stamp)))
    return der.sequence(*parts)


def parse_seal(data: bytes) -> Seal:
    """Read an SESeal. Nothing in it is to be believed before `ses_check`.

    Raises: MalformedError ("der", "ses_version", "ses_algorithm", "ses_text", "ses_extension", "too_large").
    """
    _bounded(data)
    return _seal(der.read(data, tag=der.SEQUENCE))


def parse(data: bytes) -> SealedData:
    """Read an SES_Signature. Nothing in it is to be believed before `ses_check`.

    Raises: as `parse_seal`.
    """
    _bounded(data)
    to_be_signed, certificate, algorithm, signature, *more = _children(der.read(data), at_least=4, at_most=5)
    _check_algorithm(algorithm)
    version, seal_node, moment, digest, location, *extensions = _children(to_be_signed, at_least=5, at_most=6)
    _check_version(version)
    return SealedData(
        to_sign=to_be_signed.raw,
        seal=_seal(seal_node),
        signed_at=der.read_time(moment),
        digest=_read_bits(digest),
        location=_text(location, _IA5),
        intermediates=_intermediates(extensions[0]) if extensions else (),
        certificate=_octets(certificate),
        signature=_read_bits(signature),
        stamp=_read_bits(_explicit(more[0])) if more else None,
    )


def _seal(node: der.Node) -> Seal:
    info, maker, algorithm, signature = _children(node, at_least=4, at_most=4)
    _check_algorithm(algorithm)
    header, seal_id, properties, shown = _children(info, at_least=4, at_most=4)
    mark, version, vendor = _children(header, at_least=3, at_most=3)
    _check_version(version)
    if _text(mark, _IA5) != _SEAL_MARK:
        raise MalformedError("ses_version")
    type_number, name, list_type, certificates, *moments = _children(properties, at_least=7, at_most=7)
    # Type 2 lists digests of certificates; a digest says less about who may use the seal, and we never write it.
    if der.read_integer(list_type) != _LIST_OF_CERTIFICATES:
        raise MalformedError("ses_version")
    created_at, valid_from, valid_until = map(der.read_time, moments)
    kind, data, width, height = _children(shown, at_least=4, at_most=4)
    return Seal(
        raw=node.raw,
        seal_info=info.raw,
        vendor=_text(vendor, _IA5),
        seal_id=_text(seal_id, _IA5),
        type=der.read_integer(type_number, max_bytes=4),
        name=_text(name, der.UTF8_STRING),
        certificates=tuple(map(_octets, _children(certificates, at_least=1, at_most=MAX_CERTIFICATES))),
        created_at=created_at,
        valid_from=valid_from,
        valid_until=valid_until,
        picture=Picture(
            kind=_text(kind, _IA5),
            data=_octets(data),
            width_mm=der.read_integer(width, max_bytes=4),
            height_mm=der.read_integer(height, max_bytes=4),
        ),
        maker=_octets(maker),
        signature=_read_bits(signature),
    )


def _intermediates(node: der.Node) -> tuple[bytes, ...]:
    """Of the extensions only the certificates are understood; another one might change what the signature means."""
    (extension,) = _children(_explicit(node), at_least=1, at_most=1)
    identifier, critical, value = _children(extension, at_least=3, at_most=3)
    if der.read_oid(identifier) != CERTIFICATE_VALUES or (critical.tag, critical.body) != (der.BOOLEAN, _FALSE):
        raise MalformedError("ses_extension")
    values = _children(der.read(_octets(value)), at_least=1, at_most=3)
    return tuple(value.raw for value in values)


def _bounded(data: bytes) -> None:
    if len(data) > MAX_BYTES:
        raise MalformedError("too_large")


def _children(node: der.Node, *, at_least: int, at_most: int) -> list[der.Node]:
    found = der.children(node, tag=der.SEQUENCE)
    if not at_least <= len(found) <= at_most:
        raise MalformedError("der")
    return found


def _check_version(node: der.Node) -> None:
    if der.read_integer(node) != VERSION:
        raise MalformedError("ses_version")


def _check_algorithm(node: der.Node) -> None:
    # Before any key is looked at: nothing else signs seals here, whatever the structure says of itself.
    if der.read_oid(node) != SM2_WITH_SM3:
        raise MalformedError("ses_algorithm")


def _explicit(node: der.Node) -> der.Node:
    if node.tag != _EXPLICIT_0:
        raise MalformedError("der")
    return der.read(node.body)


def _octets(node: der.Node) -> bytes:
    if node.tag != der.OCTET_STRING:
        raise MalformedError("der")
    return node.body


def _bits(value: bytes) -> bytes:
    return der.tlv(der.BIT_STRING, b"\x00", value)


def _read_bits(node: der.Node) -> bytes:
    if node.tag != der.BIT_STRING or node.body[:1] != b"\x00":
        raise MalformedError("der")
    return node.body[1:]


def _ia5(text: str) -> bytes:
    return der.tlv(_IA5, text.encode("ascii"))


def _text(node: der.Node, tag: int) -> str:
    if node.tag != tag or len(node.body) > MAX_TEXT_BYTES:
        raise MalformedError("ses_text")
    try:
        text = node.body.decode("ascii" if tag == _IA5 else "utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("ses_text") from error
    if not text.isprintable():
        raise MalformedError("ses_text")
    return text
