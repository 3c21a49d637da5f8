"""Reads a signature in CMS strictly: one signer, signed attributes, and the very certificate that the signer named.

Steps, in this order; `read_signed` does 1 to 3, `Signed.check` does 4 and 5:
 1. structure: ContentInfo, SignedData, one SignerInfo, no attribute twice, none that the caller does not know;
 2. content type: of the content and in the attributes, the one expected;
 3. leaf: the certificate whose hash is in the signing-certificate attribute; the signer identifier names the same one;
 4. digest: the attribute's is the document's;
 5. signature: over the attributes as they stand, under the leaf's key.
The caller still owes the path from the leaf to an anchor.

Source: RFC 5652 §5.4, §5.6; RFC 5035 §5.4.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from signing.cms import message as cms
from signing.cms.der import NULL, OCTET_STRING, SEQUENCE, SET, Node, children, read_integer, read_oid
from signing.errors import KeyPolicyError, MalformedError, SignatureError
from signing.x509.fields import Fields
from signing.x509.leaf import PARSE_ERRORS

MAX_CERTIFICATES: Final = 16
MAX_CERTIFICATE_BYTES: Final = 8_192
DIGESTS: Final = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_HASHES: Final = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_RSA_PLAIN: Final = "1.2.840.113549.1.1.1"
# Algorithm by identifier: kind of key, and the digest it brings along.
_SIGNATURES: Final = {
    "1.2.840.10045.4.3.2": ("ec", "sha256"),
    "1.2.840.10045.4.3.3": ("ec", "sha384"),
    "1.2.840.10045.4.3.4": ("ec", "sha512"),
    "1.2.840.113549.1.1.11": ("rsa", "sha256"),
    "1.2.840.113549.1.1.12": ("rsa", "sha384"),
    "1.2.840.113549.1.1.13": ("rsa", "sha512"),
}
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
DOCUMENT_ATTRIBUTES: Final = frozenset({cms.ID_CONTENT_TYPE, cms.ID_MESSAGE_DIGEST, cms.ID_SIGNING_CERTIFICATE_V2})
"""Those of a PAdES signature as we write it; a signing time among them is forbidden (EN 319 142-1 §6.3)."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that is read and not yet checked."""

    content: bytes | None
    chain: tuple[bytes, ...]
    """The leaf, then the other certificates as they came; nothing of it is to be believed yet."""
    hash_name: str
    digest: bytes
    attributes: bytes = field(repr=False)
    kind: str
    signature: bytes = field(repr=False)
    token: Node | None = field(repr=False)
    """The time-stamp over the signature, if there is one."""

    def check(self, document_digest: bytes) -> None:
        """Return if the leaf's key signed a document with this digest, made with `hash_name`.

        Raises: SignatureError ("digest", "signature"), KeyPolicyError ("key_type", "size"), MalformedError.
        """
        if document_digest != self.digest:
            raise SignatureError("digest")
        try:
            self._check_with(x509.load_der_x509_certificate(self.chain[0]).public_key())
        except InvalidSignature as error:
            raise SignatureError from error
        except PARSE_ERRORS as error:
            raise MalformedError("certificate") from error

    def _check_with(self, key: object) -> None:
        chosen = _HASHES[self.hash_name]
        if self.kind == "rsa" and isinstance(key, rsa.RSAPublicKey):
            if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
                raise KeyPolicyError("size")
            key.verify(self.signature, self.attributes, padding.PKCS1v15(), chosen)
        elif self.kind == "ec" and isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES):
            key.verify(self.signature, self.attributes, ec.ECDSA(chosen))
        else:
            raise KeyPolicyError("key_type")


def read_signed(info: Node, *, content_type: str, allowed: Collection[str] | None = None) -> Signed:
    """Read a ContentInfo with one signature (steps 1 to 3).

    Args:
        info: as `cms_der.read` gave it.
        content_type: what must have been signed.
        allowed: the only signed attributes there may be; None: others are passed over.
    Raises: MalformedError ("cms_…", "der"), SignatureError ("signing_certificate").
    """
    content, certificates, listed, signer = _signed_data(info, content_type)
    version, identifier, digest_algorithm, marked, algorithm, value, *unsigned = _exactly(signer, (6, 7))
    if marked.tag != 0xA0 or value.tag != OCTET_STRING or (unsigned and unsigned[0].tag != 0xA1):
        raise MalformedError("cms_signer")
    if read_integer(version) not in {1, 3}:
        raise MalformedError("cms_version")
    attributes = _attributes(marked)
    if allowed is not None and not attributes.keys() <= set(allowed):
        raise MalformedError("cms_attribute")
    if read_oid(_single(attributes, cms.ID_CONTENT_TYPE)) != content_type:
        raise MalformedError("cms_content_type")
    digest = _single(attributes, cms.ID_MESSAGE_DIGEST)
    hash_name = DIGESTS.get(_algorithm(digest_algorithm))
    # Readers that hash the content before they come to the signer know the digest from the list alone (§5.1).
    if digest.tag != OCTET_STRING or hash_name is None or _algorithm(digest_algorithm) not in listed:
        raise MalformedError("cms_digest")
    return Signed(
        content=content,
        chain=_chain(certificates, attributes, identifier),
        hash_name=hash_name,
        digest=digest.body,
        attributes=bytes((SET,)) + marked.raw[1:],
        kind=_kind(_algorithm(algorithm), hash_name),
        signature=value.body,
        token=_token(unsigned),
    )


def _signed_data(info: Node, content_type: str) -> tuple[bytes | None, list[bytes], set[str], Node]:
    """Content, certificates, digest algorithms listed, and the one SignerInfo."""
    kind, wrapped = _exactly(info, (2,))
    if read_oid(kind) != cms.ID_SIGNED_DATA:
        raise MalformedError("cms_type")
    data = children(_exactly(wrapped, (1,), tag=0xA0)[0], tag=SEQUENCE)
    if len(data) < 4 or read_integer(data[0]) not in {1, 3, 4, 5}:
        raise MalformedError("cms_version")
    encapsulated = _exactly(data[2], (1, 2))
    if read_oid(encapsulated[0]) != content_type:
        raise MalformedError("cms_content_type")
    content = None
    if len(encapsulated) == 2:
        carried = _exactly(encapsulated[1], (1,), tag=0xA0)[0]
        if carried.tag != OCTET_STRING:
            raise MalformedError("cms_content")
        content = carried.body
    # Some authorities put their own certificate in twice.
    certificates = list(dict.fromkeys(item.raw for item in children(data[3]))) if data[3].tag == 0xA0 else []
    if any(len(each) > MAX_CERTIFICATE_BYTES for each in certificates):
        raise MalformedError("cms_certificates")
    signers = children(data[-1], tag=SET)
    # [0] certificates, then possibly [1] revocation lists, then the signers.
    if not 1 <= len(certificates) <= MAX_CERTIFICATES or len(signers) != 1 or len(data) > 6:
        raise MalformedError("cms_signers")
    if len(data) == 6 and data[4].tag != 0xA1:
        raise MalformedError("cms_signers")
    return content, certificates, {_algorithm(each) for each in children(data[1], tag=SET)}, signers[0]


def _attributes(marked: Node) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    listed = children(marked)
    # They are signed in DER (§5.4): a reader that writes them anew puts them in order, and would find no signature.
    if [each.raw for each in listed] != sorted(each.raw for each in listed):
        raise MalformedError("cms_attribute", "order")
    for attribute in listed:
        name, values = _exactly(attribute, (2,))
        dotted = read_oid(name)
        if dotted in found:
            raise MalformedError("cms_attribute", "twice")
        found[dotted] = children(values, tag=SET)
    return found


def _single(attributes: dict[str, list[Node]], name: str) -> Node:
    values = attributes.get(name, [])
    if len(values) != 1:
        raise MalformedError("cms_attribute")
    return values[0]


def _chain(certificates: Sequence[bytes], attributes: dict[str, list[Node]], identifier: Node) -> tuple[bytes, ...]:
    """The leaf first. Another certificate over the same key must not take its place."""
    leaves = [each for each in certificates if _named(each, attributes)]
    if len(leaves) != 1 or not _identifies(identifier, leaves[0]):
        raise SignatureError("signing_certificate")
    return (leaves[0], *(each for each in certificates if each != leaves[0]))


def _named(certificate: bytes, attributes: dict[str, list[Node]]) -> bool:
    """Whether the signing-certificate attribute has this certificate's hash. Its first entry is the signer's."""
    if cms.ID_SIGNING_CERTIFICATE_V2 in attributes:
        name, hash_name = cms.ID_SIGNING_CERTIFICATE_V2, "sha256"
    else:  # RFC 2634, still what many authorities write; SHA-1 only tells certificates of one key apart here
        name, hash_name = cms.ID_SIGNING_CERTIFICATE, "sha1"
    listed = children(_single(attributes, name), tag=SEQUENCE)
    entries = children(listed[0], tag=SEQUENCE) if listed else []
    parts = children(entries[0], tag=SEQUENCE) if entries else []
    if parts and parts[0].tag == SEQUENCE and hash_name != "sha1":
        hash_name = DIGESTS.get(_algorithm(parts.pop(0)), "")
    if not hash_name or not parts or parts[0].tag != OCTET_STRING:
        raise MalformedError("cms_attribute")
    return hashlib.new(hash_name, certificate, usedforsecurity=False).digest() == parts[0].body


def _identifies(identifier: Node, certificate: bytes) -> bool:
    if identifier.tag == SEQUENCE:
        return identifier.raw == Fields.of(certificate).issuer_and_serial
    if identifier.tag != 0x80:
        return False
    try:
        extensions = x509.load_der_x509_certificate(certificate).extensions
        return extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest == identifier.body
    except PARSE_ERRORS:
        return False


def _token(unsigned: list[Node]) -> Node | None:
    """Of the unsigned attributes only the time-stamp means anything here; whoever adds another says nothing."""
    for attribute in children(unsigned[0]) if unsigned else []:
        name, values = _exactly(attribute, (2,))
        if read_oid(name) == cms.ID_SIGNATURE_TIME_STAMP:
            return _exactly(values, (1,), tag=SET)[0]
    return None


def _algorithm(node: Node) -> str:
    """An AlgorithmIdentifier without parameters, or with NULL."""
    name, *parameters = _exactly(node, (1, 2))
    if parameters and parameters[0].raw != NULL:
        raise MalformedError("cms_algorithm")
    return read_oid(name)


def _kind(algorithm: str, hash_name: str) -> str:
    if algorithm == _RSA_PLAIN:
        return "rsa"
    kind, brought = _SIGNATURES.get(algorithm, ("", ""))
    if not kind or brought != hash_name:
        raise MalformedError("cms_algorithm")
    return kind


def _exactly(node: Node, counts: tuple[int, ...], *, tag: int = SEQUENCE) -> list[Node]:
    found = children(node, tag=tag)
    if len(found) not in counts:
        raise MalformedError("cms_structure")
    return found
