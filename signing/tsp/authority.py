"""The built-in time-stamp authority (RFC 3161), for trying out: reads whatever request, grants a token or says why not.

It stamps under a policy of its own by which everybody can tell that the stamp is for trying out: `Stamp.trial`.

Not here: keeping serial numbers apart (`hub.issuing.stamping.service`). Wire format: DER; SHA-256, SHA-384, SHA-512.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from signing.canonical import sha256
from signing.cms import message as cms
from signing.cms.check import DIGESTS
from signing.cms.der import (
    BIT_STRING,
    BOOLEAN,
    INTEGER,
    NULL,
    OCTET_STRING,
    OID,
    SEQUENCE,
    UTF8_STRING,
    Node,
    children,
    generalized,
    integer,
    oid,
    read,
    read_integer,
    read_oid,
    sequence,
    tlv,
)
from signing.errors import MalformedError, SigningError
from signing.keys import Signer
from signing.suites import document_signature
from signing.tsp.tokens import TRIAL_POLICY

MAX_REQUEST_BYTES: Final = 4_096
_SIZES: Final = {"sha256": 32, "sha384": 48, "sha512": 64}
_TRUE: Final = b"\x01\x01\xff"

BAD_ALGORITHM: Final = 0
BAD_REQUEST: Final = 2
BAD_FORMAT: Final = 5
UNACCEPTED_POLICY: Final = 15
UNACCEPTED_EXTENSION: Final = 16


@dataclass(frozen=True, slots=True)
class Request:
    """A question to an authority."""

    imprint: bytes = field(repr=False)
    """The message imprint as it came: algorithm and digest."""
    nonce: int | None
    policy: str | None
    with_certificates: bool


@dataclass(frozen=True, slots=True)
class Authority:
    """The built-in authority. Its leaf must have the critical key purpose "time-stamping" and no other."""

    signer: Signer
    chain: tuple[bytes, ...]
    policy: str = TRIAL_POLICY
    accuracy_seconds: int = 1

    def answer(self, request: bytes, *, now: datetime, serial: int) -> bytes:
        """The answer to whatever request: granted with a token, or rejected with its reason (§2.4.2).

        Args:
            request: as it came from anybody.
            now: aware, the time that is stamped, to the second.
            serial: given to no other token of this authority; at most 20 bytes.
        """
        try:
            asked = read_request(request)
        except RequestError as error:
            return _rejected(error.failure, error.reason)
        except SigningError:
            return _rejected(BAD_FORMAT, "not a time-stamp request")
        if asked.policy not in {None, self.policy}:
            return _rejected(UNACCEPTED_POLICY, "no such policy here")
        return sequence(sequence(integer(0)), self.token(asked, now=now, serial=serial))

    def token(self, asked: Request, *, now: datetime, serial: int) -> bytes:
        """A token for a request that was read."""
        if now.tzinfo is None:
            raise ValueError("now must be an aware datetime")
        info = sequence(
            integer(1),
            oid(self.policy),
            asked.imprint,
            integer(serial),
            generalized(now),
            sequence(integer(self.accuracy_seconds)),
            b"" if asked.nonce is None else integer(asked.nonce),
        )
        made = cms.writer(self.chain, alg=self.signer.alg, content_type=cms.ID_TST_INFO)
        attributes = made.attributes(sha256(info))
        signature = document_signature(self.signer.alg, self.signer.sign(attributes))
        return made.envelope(attributes, signature, content=info, bare=not asked.with_certificates)


class RequestError(MalformedError):
    """A request that is readable and not to be granted; `failure` is the bit of PKIFailureInfo."""

    def __init__(self, failure: int, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure


def read_request(der: bytes) -> Request:
    """Read a request. Raises: RequestError, MalformedError ("der")."""
    if len(der) > MAX_REQUEST_BYTES:
        raise RequestError(BAD_REQUEST, "too_large")
    parts = children(read(der, tag=SEQUENCE))
    if len(parts) < 2 or read_integer(parts[0]) != 1:
        raise RequestError(BAD_REQUEST, "version")
    imprint, *rest = parts[1:]
    _check_imprint(imprint)
    policy = read_oid(rest.pop(0)) if rest and rest[0].tag == OID else None
    nonce = read_integer(rest.pop(0)) if rest and rest[0].tag == INTEGER else None
    wanted = bool(rest) and rest[0].tag == BOOLEAN and rest.pop(0).raw == _TRUE
    if rest:
        raise RequestError(UNACCEPTED_EXTENSION if rest[0].tag == 0xA0 else BAD_REQUEST, "extension")
    if nonce is not None and nonce < 0:
        raise RequestError(BAD_REQUEST, "nonce")
    return Request(imprint.raw, nonce, policy, wanted)


def _check_imprint(imprint: Node) -> None:
    parts = children(imprint, tag=SEQUENCE)
    if len(parts) != 2 or parts[1].tag != OCTET_STRING:
        raise RequestError(BAD_FORMAT, "imprint")
    algorithm = children(parts[0], tag=SEQUENCE)
    known = DIGESTS.get(read_oid(algorithm[0])) if algorithm else None
    if known is None:
        raise RequestError(BAD_ALGORITHM, "algorithm")
    if len(algorithm) > 2 or (algorithm[1:] and algorithm[1].raw != NULL) or len(parts[1].body) != _SIZES[known]:
        raise RequestError(BAD_FORMAT, "imprint")


def _rejected(failure: int, text: str) -> bytes:
    """PKIStatusInfo with status 2, a text and one bit of PKIFailureInfo."""
    bits = bytearray(failure // 8 + 1)
    bits[failure // 8] = 0x80 >> failure % 8
    info = tlv(BIT_STRING, bytes((7 - failure % 8,)), bytes(bits))
    return sequence(sequence(integer(2), sequence(tlv(UTF8_STRING, text.encode())), info))
