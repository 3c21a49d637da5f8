"""What may follow a signature in a PDF file: a stamp put into its hole later, validation data, document time-stamps.

Each is a revision of its own that redefines nothing but the catalog (to name the validation data once) and the form (to
name the new stamp's field). `pades_check` accepts exactly what is written here. Stamping again before the certificate
of the last stamp ends keeps a file provable for as long as somebody does it (EN 319 142-1 §5.4, §5.5: B-LT, B-LTA).
"""

from collections.abc import Sequence
from typing import Final

from signing.cms import message as cms
from signing.cms.der import SEQUENCE, SET, Node, children, oid, read_padded, sequence, set_of, tlv
from signing.errors import MalformedError
from signing.pades.file import PdfFile, Update, read_file, stream
from signing.pades.objects import Reference, Value, reference, text_string
from signing.pades.signature import TOKEN_ROOM, Hollow, Stamp, hollow, with_entries

STAMP_FIELD: Final = b"<</Type/Annot/Subtype/Widget/Rect[0 0 0 0]/F 132/FT/Sig/T%b/V %d 0 R>>"
"""A field on no page: nothing that is seen changes."""


def attach_stamp(pdf: bytes, token: bytes) -> bytes:
    """The file with a time-stamp token in its signature, for which room was left when it was signed: level B-T.

    The token is over the SHA-256 of `signature_value`. Not checked here: `pades_check`. Of a file with later revisions
    nothing may be changed any more; it gets a document time-stamp instead.

    Raises: MalformedError ("hole_too_small", "pdf_changed", "cms_structure", "pdf_…").
    """
    begin, end, info = _certification(pdf)
    data, signer = _signer(info)
    if len(signer) != 6:
        raise MalformedError("cms_structure", "stamped already")
    unsigned = tlv(0xA1, sequence(oid(cms.ID_SIGNATURE_TIME_STAMP), set_of(token)))
    signed = sequence(*(each.raw for each in data[:-1]), set_of(sequence(*(each.raw for each in signer), unsigned)))
    whole = Hollow(pdf[:begin], end - begin - 2, pdf[end:])
    return whole.filled(sequence(oid(cms.ID_SIGNED_DATA), tlv(0xA0, signed)))


def signature_value(pdf: bytes) -> bytes:
    """The signature as it stands in the file; a time-stamp for `attach_stamp` is over its SHA-256.

    Raises: MalformedError.
    """
    _, _, info = _certification(pdf)
    return _signer(info)[1][5].body


def add_validation(
    pdf: bytes, *, certificates: Sequence[bytes], crls: Sequence[bytes] = (), ocsps: Sequence[bytes] = ()
) -> bytes:
    """The file with what its check will need, DER, beside what is there already (DSS): level B-LT.

    Not checked: whether it is the right data, or enough.

    Raises: MalformedError ("pdf_…").
    """
    file = read_file(pdf)
    update = Update(file)
    present = file.dictionary(file.root).get("DSS")
    if present is None:
        number, known = update.reserve(), dict[str, Value]()
        update.put(file.root, with_entries(file, file.root, b"/DSS %d 0 R" % number, unless=("DSS",)))
    elif isinstance(present, Reference):
        number, known = present.number, file.dictionary(present.number)
    else:
        raise MalformedError("pdf_form", "DSS")
    parts = [b"<</Type/DSS"]
    for kind, added in (("Certs", certificates), ("CRLs", crls), ("OCSPs", ocsps)):
        numbers = [*_numbers(known.get(kind)), *(update.add(stream(b"", each)) for each in added)]
        if numbers:
            parts.append(b"/%b[%b]" % (kind.encode(), b" ".join(b"%d 0 R" % each for each in numbers)))
    update.put(number, b"".join((*parts, b">>")))
    return pdf + update.written()[0]


def add_document_stamp(pdf: bytes, *, stamp: Stamp, room: int = TOKEN_ROOM) -> bytes:
    """The file with a time-stamp over all of it, signature and validation data included: level B-LTA.

    Raises: MalformedError ("pdf_…", "hole_too_small"); what the stamp raises.
    """
    file = read_file(pdf)
    update = Update(file)
    form = reference(file.dictionary(file.root), "AcroForm")
    fields = _numbers(file.dictionary(form).get("Fields"))
    if not fields:
        raise MalformedError("pdf_form", "not signed")
    number = update.reserve()
    update.put(number, hollow(b"/Type/DocTimeStamp/Filter/Adobe.PPKLite/SubFilter/ETSI.RFC3161", room))
    name = stamp_name(len(fields))
    field = update.add(STAMP_FIELD % (name, number))
    listed = b" ".join(b"%d 0 R" % each for each in (*fields, field))
    update.put(form, b"<</Fields[%b]/SigFlags 3>>" % listed)
    whole = Hollow.of(file, update, number)
    return whole.filled(stamp(whole.digest()))


def stamp_name(number: int) -> bytes:
    """The name of a stamp's field, as it is written."""
    return text_string(f"Timestamp{number}")


def _numbers(value: Value) -> list[int]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise MalformedError("pdf_form")
    return [each.number for each in value if isinstance(each, Reference)]


def _certification(pdf: bytes) -> tuple[int, int, Node]:
    """Where the hole of the certification signature is, its brackets included, and what is in it."""
    file = read_file(pdf)
    if len(file.revisions) != 2:
        raise MalformedError("pdf_changed")
    number = _certifying(file)
    values, spans = file.at(number).dictionary()
    content = values.get("Contents")
    if not isinstance(content, bytes):
        raise MalformedError("pdf_form")
    begin, end = spans["Contents"]
    info = read_padded(content, tag=SEQUENCE)
    return begin, end, info


def _signer(info: Node) -> tuple[list[Node], list[Node]]:
    """What is in the SignedData, and in its one SignerInfo."""
    parts = children(info)
    wrapped = children(parts[1]) if len(parts) == 2 else []
    data = children(wrapped[0], tag=SEQUENCE) if wrapped else []
    signers = children(data[-1], tag=SET) if data else []
    signer = children(signers[0], tag=SEQUENCE) if len(signers) == 1 else []
    if len(signer) < 6:
        raise MalformedError("cms_structure")
    return data, signer


def _certifying(file: PdfFile) -> int:
    permissions = file.dictionary(file.root).get("Perms")
    if not isinstance(permissions, dict):
        raise MalformedError("pdf_form", "not certified")
    return reference(permissions, "DocMDP")
