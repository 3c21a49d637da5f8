"""Checking a sealed OFD: its package, every file's digest, and the seal over them. Whatever the input, only
SigningError leaves; nothing outside of the bytes given is read.

The order is that of GB/T 38540-2020 §7.3, in a package: (1) structure; the signature proper, signer, seal and document
digest (`ses_check`, steps 2–6); (6) goes on here: each file against its digest, and no file without one; then the
time-stamp (7). Strict beyond the standard, because a reader shows whatever it finds: one document, one signature, all
files covered but that signature's own two, and nothing that points outside of the package.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Generic, TypeVar

from lxml import etree

from certificates.rendering.ofd.document import BINDING, DOCUMENT, ENTRY, IDENTIFIER, ISSUER_CODE, SIGNATURES, TYPE_CODE
from certificates.rendering.ofd.sealing import SEAL, SIGNATURE, SIGNED_VALUE, written_time
from certificates.rendering.ofd.xml import NAMESPACE
from certificates.rendering.ofd.zip import read_package
from signing.errors import ClaimError, MalformedError, SignatureError
from signing.ses import asn1 as ses_asn1
from signing.ses import check as ses_check
from signing.ses.asn1 import SM2_WITH_SM3, SM3
from signing.sm2 import sm3

MAX_XML_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 16
_OWN_TWO: Final = frozenset({SIGNATURE, SIGNED_VALUE})
_DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_FORBIDDEN: Final = re.compile(rb"<!|<\?")
"""Document types, entities, comments, CDATA, processing instructions: we write none, and each has fooled a parser."""

_Stamp = TypeVar("_Stamp", bound=ses_check.Timed | None)


@dataclass(frozen=True, slots=True)
class CheckedOfd(Generic[_Stamp]):
    """What a sealed OFD proves: `sealed` says who and when; the rest is what the document says of itself.

    Whether that signer may say it is the caller's to judge (issuer code against organisation, type, entitlement).
    """

    sealed: ses_check.Sealed[_Stamp]
    identifier: str
    type_code: str
    issuer_code: str
    binding: str | None
    files: Mapping[str, bytes] = field(repr=False)


def check(
    package: bytes,
    *,
    anchors: Sequence[bytes],
    now: datetime,
    verify_stamp: Callable[[bytes, bytes], _Stamp],
) -> CheckedOfd[_Stamp]:
    """Check an OFD that this software made, here or at another hub.

    Args:
        package: at most 20 MiB; the bytes of another maker's zip are refused as `zip`.
        anchors, now, verify_stamp: as `ses_check.check`.
    Raises: SigningError: MalformedError ("zip", "zip_name", "zip_bomb", "too_large", "ofd_xml", "ofd_structure",
        "not_sealed"), SignatureError ("file_hash"), ClaimError ("uncovered_file", "seal_file", "signing_time",
        "identifier"), and what `ses_check.check` raises.
    """
    # (1) structure
    files = read_package(package)
    if SIGNATURE not in files or SIGNED_VALUE not in files:
        raise MalformedError("not_sealed")
    facts = _entry(_xml(files, ENTRY))
    _check_signatures(_xml(files, SIGNATURES))
    described = _signature(_xml(files, SIGNATURE))
    # (2)-(6) and (7); the digest in the seal is of Signature.xml, which holds those of all the rest
    sealed = ses_check.check(
        files[SIGNED_VALUE],
        data=files[SIGNATURE],
        location=f"/{SIGNATURE}",
        anchors=anchors,
        now=now,
        verify_stamp=verify_stamp,
    )
    # (6) every file, and the file that shows the seal against the seal that was used
    _check_references(described.references, files)
    if ses_asn1.parse(files[SIGNED_VALUE]).seal.raw != files.get(SEAL):
        raise ClaimError("seal_file")
    if described.signed_at != written_time(sealed.signed_at):
        raise ClaimError("signing_time")
    return CheckedOfd(sealed, facts[IDENTIFIER], facts[TYPE_CODE], facts[ISSUER_CODE], facts.get(BINDING), files)


def claimed_identifier(package: bytes) -> str:
    """The identifier that a sealed package claims to be of, unverified: to look up beforehand what is known of it.

    Raises: MalformedError, ClaimError as `check` at (1).
    """
    files = read_package(package)
    if SIGNATURE not in files or SIGNED_VALUE not in files:
        raise MalformedError("not_sealed")
    return _entry(_xml(files, ENTRY))[IDENTIFIER]


@dataclass(frozen=True, slots=True)
class _Described:
    signed_at: str
    references: tuple[tuple[str, bytes], ...]


def _check_references(references: Sequence[tuple[str, bytes]], files: Mapping[str, bytes]) -> None:
    covered = dict(references)
    if len(covered) != len(references) or not covered.keys() <= files.keys():
        raise MalformedError("ofd_structure")
    if files.keys() - covered.keys() != _OWN_TWO:
        raise ClaimError("uncovered_file")
    for name, digest in references:
        if sm3(files[name]) != digest:
            raise SignatureError("file_hash")


def _entry(root: etree._Element) -> dict[str, str]:
    """The document's own data, by name. One document in the package, its signatures where they are looked for."""
    (body,) = _found(root, "DocBody", count=1)
    (document,) = _found(body, "DocRoot", count=1)
    (signatures,) = _found(body, "Signatures", count=1)
    if (document.text, signatures.text) != (f"{DOCUMENT}/Document.xml", SIGNATURES):
        raise MalformedError("ofd_structure")
    nodes = _found(body, "DocInfo/CustomDatas/CustomData")
    facts = {node.get("Name", ""): node.text or "" for node in nodes}
    # A name given twice is read as the first here and as the last there; a text with elements in it, in part or whole.
    if (
        len(facts) != len(nodes)
        or any(len(node) for node in nodes)
        or not {IDENTIFIER, TYPE_CODE, ISSUER_CODE} <= facts.keys()
    ):
        raise ClaimError("identifier")
    return facts


def _check_signatures(root: etree._Element) -> None:
    (only,) = _found(root, "Signature", count=1)
    if only.get("BaseLoc") != f"/{SIGNATURE}" or only.get("Type") != "Seal":
        raise MalformedError("ofd_structure")


def _signature(root: etree._Element) -> _Described:
    (value,) = _found(root, "SignedValue", count=1)
    (method,) = _found(root, "SignedInfo/SignatureMethod", count=1)
    (moment,) = _found(root, "SignedInfo/SignatureDateTime", count=1)
    (references,) = _found(root, "SignedInfo/References", count=1)
    (seal,) = _found(root, "SignedInfo/Seal/BaseLoc", count=1)
    told = (value.text, method.text, references.get("CheckMethod"), seal.text)
    if told != (f"/{SIGNED_VALUE}", SM2_WITH_SM3, SM3, f"/{SEAL}"):
        raise MalformedError("ofd_structure")
    return _Described(moment.text or "", tuple(map(_reference, _found(references, "Reference"))))


def _reference(node: etree._Element) -> tuple[str, bytes]:
    (value,) = _found(node, "CheckValue", count=1)
    path, text = node.get("FileRef", ""), value.text or ""
    try:
        digest = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise MalformedError("ofd_structure") from error
    if not path.startswith("/") or len(digest) != 32 or base64.b64encode(digest).decode() != text:
        raise MalformedError("ofd_structure")
    return path[1:], digest


def _found(node: etree._Element, path: str, *, count: int | None = None) -> list[etree._Element]:
    found = node.findall("/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/")))
    if count is not None and len(found) != count:
        raise MalformedError("ofd_structure")
    return found


def _xml(files: Mapping[str, bytes], name: str) -> etree._Element:
    """A tree of a file in the one spelling we write: UTF-8, our declaration, elements and text."""
    raw = files.get(name)
    if raw is None:
        raise MalformedError("ofd_structure")
    body = raw.removeprefix(_DECLARATION)
    if len(raw) > MAX_XML_BYTES or body == raw or _FORBIDDEN.search(body):
        raise MalformedError("ofd_xml")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        body.decode("utf-8")
        root = etree.fromstring(body, parser)
    except (UnicodeDecodeError, etree.XMLSyntaxError) as error:
        raise MalformedError("ofd_xml") from error
    if any(sum(1 for _ in node.iterancestors()) > MAX_DEPTH for node in root.iter()):
        raise MalformedError("ofd_xml")
    return root
