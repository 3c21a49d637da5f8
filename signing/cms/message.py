"""Signatures in CMS (RFC 5652) as PAdES and time-stamps want them, written directly.

Everything that does not depend on the document is encoded once per leaf: per signature there are one hash of the
attributes, the signature itself and some joining of bytes. Signed attributes: content type, message digest, and the
signing certificate by its hash (ESS, RFC 5035), without which another certificate over the same key could be put
beside the signature. A signing time is not among them: PAdES forbids it (EN 319 142-1 §6.3, `M` of the dictionary).

Wire format: SignedData, SHA-256, ECDSA on P-256 or RSA with PKCS #1 v1.5. Reading is in `cms_check`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from signing.canonical import sha256
from signing.cms.der import NULL, integer, octets, oid, sequence, set_of, tlv
from signing.errors import KeyPolicyError
from signing.keys import Signer
from signing.suites import document_signature
from signing.x509.fields import Fields

ID_DATA: Final = "1.2.840.113549.1.7.1"
ID_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
ID_TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
ID_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
ID_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
ID_SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.12"
ID_SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
ID_SIGNATURE_TIME_STAMP: Final = "1.2.840.113549.1.9.16.2.14"
ID_SHA256: Final = "2.16.840.1.101.3.4.2.1"
_SHA256: Final = sequence(oid(ID_SHA256))

# The algorithm that a signer's name stands for in CMS; RSA carries its NULL (RFC 4055 §5), ECDSA nothing.
_ALGORITHMS: Final = {
    "ES256": sequence(oid("1.2.840.10045.4.3.2")),
    "RS256": sequence(oid("1.2.840.113549.1.1.11"), NULL),
}
MAX_ECDSA_BYTES: Final = 72
MAX_RSA_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes SignedData for one leaf and its chain."""

    alg: str
    content_type: str
    certificates: bytes
    identifier: bytes
    before_digest: bytes
    after_digest: bytes

    def attributes(self, digest: bytes) -> bytes:
        """What is signed for a document with this SHA-256: the attributes as SET OF (RFC 5652 §5.4)."""
        return self.before_digest + digest + self.after_digest

    def envelope(
        self,
        attributes: bytes,
        signature: bytes,
        *,
        token: bytes | None = None,
        content: bytes | None = None,
        bare: bool = False,
    ) -> bytes:
        """ContentInfo with one SignerInfo.

        Args:
            attributes: as `attributes` gave them.
            signature: as CMS carries it: `suites.document_signature` of what the signer gave.
            token: a time-stamp token over the SHA-256 of the signature.
            content: what was signed, carried inside; None for a detached signature.
            bare: leave the certificates out; who reads it must have them.
        """
        inner = b"" if content is None else tlv(0xA0, octets(content))
        unsigned = b""
        if token is not None:
            unsigned = tlv(0xA1, sequence(oid(ID_SIGNATURE_TIME_STAMP), set_of(token)))
        signer_info = sequence(
            integer(1),
            self.identifier,
            _SHA256,
            b"\xa0" + attributes[1:],
            _ALGORITHMS[self.alg],
            octets(signature),
            unsigned,
        )
        signed = sequence(
            integer(1 if self.content_type == ID_DATA else 3),
            set_of(_SHA256),
            sequence(oid(self.content_type), inner),
            b"" if bare else tlv(0xA0, self.certificates),
            set_of(signer_info),
        )
        return sequence(oid(ID_SIGNED_DATA), tlv(0xA0, signed))

    def size(self) -> int:
        """Upper limit in bytes of a detached envelope without a token."""
        largest = MAX_ECDSA_BYTES if self.alg == "ES256" else MAX_RSA_BYTES
        return len(self.certificates) + len(self.identifier) + len(self.attributes(b"\0" * 32)) + largest + 160


def writer(chain: Sequence[bytes], *, alg: str, content_type: str = ID_DATA) -> Writer:
    """The writer of a chain, DER, leaf first; remembered, since encoding it costs more than a signature.

    Raises: KeyPolicyError ("cms_alg"): a suite that PDF readers do not know. MalformedError: no certificate.
    """
    return _writer(tuple(chain), alg, content_type)


def sign_digest(digest: bytes, *, signer: Signer, chain: Sequence[bytes]) -> bytes:
    """A detached signature over a document of which this is the SHA-256 (CAdES B-B).

    Raises: KeyPolicyError ("cms_alg"), MalformedError ("der").
    """
    made = writer(chain, alg=signer.alg)
    attributes = made.attributes(digest)
    return made.envelope(attributes, document_signature(signer.alg, signer.sign(attributes)))


@lru_cache(maxsize=256)
def _writer(chain: tuple[bytes, ...], alg: str, content_type: str) -> Writer:
    return new_writer(chain, alg=alg, content_type=content_type)


def new_writer(chain: Sequence[bytes], *, alg: str, content_type: str = ID_DATA) -> Writer:
    """As `writer`, and not remembered: for the chains of strangers."""
    if alg not in _ALGORITHMS:
        raise KeyPolicyError("cms_alg")
    placeholder = b"\0" * 32
    attributes = set_of(
        sequence(oid(ID_CONTENT_TYPE), set_of(oid(content_type))),
        sequence(oid(ID_MESSAGE_DIGEST), set_of(octets(placeholder))),
        # SHA-256 is the default of ESSCertIDv2 and therefore left out; so is the issuer (EN 319 122-1 §5.2.2.3).
        sequence(oid(ID_SIGNING_CERTIFICATE_V2), set_of(sequence(sequence(sequence(octets(sha256(chain[0]))))))),
    )
    # The three differ in their lengths, so that their order does not depend on the digest.
    before, after = attributes.split(placeholder)
    return Writer(alg, content_type, b"".join(sorted(chain)), Fields.of(chain[0]).issuer_and_serial, before, after)
