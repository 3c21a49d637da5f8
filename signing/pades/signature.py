"""Signatures in PDF files (PAdES): an appended revision with one certification signature and its visible seal.

The signature certifies the file with `P 1`: no change whatever is allowed afterwards. Only validation data and document
time-stamps may follow (`pades_archive`), which ISO 32000-2 §12.8.2.2 exempts. The file's own bytes are not touched.

Levels of EN 319 142-1: B-B as it is, B-T with a stamp. What others appended is judged by `pades_check`, never here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from signing.canonical import sha256
from signing.cms.message import Writer, writer
from signing.errors import MalformedError
from signing.keys import Signer
from signing.pades.file import PdfFile, Update, read_file
from signing.pades.objects import Value, text_string
from signing.pades.seal import SealPicture
from signing.suites import document_signature

Stamp: TypeAlias = Callable[[bytes], bytes]
"""A SHA-256 in, a time-stamp token over it out (DER). What it raises passes through; nothing is signed then."""

TOKEN_ROOM: Final = 8_192
"""Bytes kept for a token. Ours has 1.3 KiB, one with a chain of three RSA certificates about 6 KiB."""
FIELD_NAME: Final = "Signature1"
_RANGE_WIDTH: Final = 40
_WIDGET_FLAGS: Final = 132  # printed, locked
_DOC_MDP: Final = (
    b"/Reference[<</Type/SigRef/TransformMethod/DocMDP/TransformParams<</Type/TransformParams/P 1/V/1.2>>>>]"
)
_EXTENSIONS: Final = b"/Extensions<</ESIC<</BaseVersion/1.7/ExtensionLevel 1>>>>"


@dataclass(frozen=True, slots=True)
class SealBox:
    """Where the seal is seen: the page (0 is the first) and left, bottom, right, top in points from its lower left."""

    page: int
    rectangle: tuple[float, float, float, float]
    picture: SealPicture


def sign(
    pdf: bytes,
    *,
    signer: Signer,
    chain: Sequence[bytes],
    now: datetime,
    reason: str,
    name: str,
    location: str | None,
    seal: SealBox | None,
    stamp: Stamp | None,
    certify: bool = True,
    room: int | None = None,
) -> bytes:
    """The file with a signature appended; the first bytes are the file's own.

    Not checked: whether the chain leads anywhere, whether the leaf is the signer's, what the page says.

    Args:
        pdf: a file as Typst writes it, without forms or signatures.
        signer: ES256 or RSA.
        chain: DER, leaf first, root left out.
        now: aware; becomes the claimed time of signing, to the second. A stamp proves it.
        seal: None for a signature that is not seen.
        stamp: gives level B-T; its error leaves no signed file.
        certify: False makes an approval signature, which `pades_check` refuses.
        room: bytes kept for a token that `attach_stamp` puts in later; by default as many as a stamp needs, or none.
    Raises: MalformedError ("pdf_…"): a file of another kind, or one that has a form already; ("hole_too_small"): the
        token is larger than its room. KeyPolicyError ("cms_alg"). ValueError: naive `now`.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    file = read_file(pdf)
    made = writer(chain, alg=signer.alg)
    kept = (0 if stamp is None else TOKEN_ROOM) if room is None else room
    update = Update(file)
    number = update.reserve()
    entries = b"/Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached"
    told = b"/M(D:%b)/Name%b/Reason%b" % (
        now.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode(),
        text_string(name),
        text_string(reason),
    )
    if location is not None:
        told += b"/Location" + text_string(location)
    update.put(number, hollow(entries, made.size() + kept, told + (_DOC_MDP if certify else b"")))
    _add_field(file, update, signature=number, seal=seal, certify=certify)
    whole = Hollow.of(file, update, number)
    return whole.filled(_envelope(made, whole.digest(), signer, stamp))


def _envelope(made: Writer, digest: bytes, signer: Signer, stamp: Stamp | None) -> bytes:
    attributes = made.attributes(digest)
    signature = document_signature(signer.alg, signer.sign(attributes))
    token = None if stamp is None else stamp(sha256(signature))
    return made.envelope(attributes, signature, token=token)


def hollow(entries: bytes, size: int, rest: bytes = b"") -> bytes:
    """A signature dictionary with a hole for `size` bytes, and blanks where its byte range will stand."""
    return b"<<%b/ByteRange%b/Contents<%b>%b>>" % (entries, b" " * _RANGE_WIDTH, b"0" * (2 * size), rest)


@dataclass(frozen=True, slots=True)
class Hollow:
    """A file whose signature is missing, its byte range already in place. Sizes in bytes."""

    before: bytes
    size: int
    after: bytes

    @classmethod
    def of(cls, file: PdfFile, update: Update, number: int) -> "Hollow":
        """The file with the update, of which this object has the hole."""
        appended, offsets = update.written()
        base = len(file.data)
        blank = appended.index(b"/ByteRange", offsets[number] - base) + len(b"/ByteRange")
        begin = blank + _RANGE_WIDTH + len(b"/Contents")
        end = appended.index(b">", begin) + 1
        told = b"[0 %d %d %d]" % (base + begin, base + end, len(appended) - end)
        before = appended[:blank] + told.ljust(_RANGE_WIDTH) + appended[blank + _RANGE_WIDTH : begin]
        return cls(file.data + before, end - begin - 2, appended[end:])

    def digest(self) -> bytes:
        """SHA-256 of all but the hole, its brackets included in the hole (ISO 32000-1 §12.8.1)."""
        return sha256(self.before + self.after)

    def filled(self, content: bytes) -> bytes:
        """The file with these bytes in its hole. Raises: MalformedError ("hole_too_small")."""
        if 2 * len(content) > self.size:
            raise MalformedError("hole_too_small")
        return b"".join((self.before, b"<", content.hex().encode().ljust(self.size, b"0"), b">", self.after))


def _add_field(file: PdfFile, update: Update, *, signature: int, seal: SealBox | None, certify: bool) -> None:
    """The field that holds the signature, on its page; the form with this field; the catalog that names both."""
    page = file.page(0 if seal is None else seal.page)
    field = update.reserve()
    place = b"/Rect[0 0 0 0]"
    if seal is not None:
        picture = update.add(seal.picture.form())
        place = b"/Rect[%b]/AP<</N %d 0 R>>" % (b" ".join(b"%.3f" % each for each in seal.rectangle), picture)
    update.put(
        field,
        b"<</Type/Annot/Subtype/Widget/FT/Sig/T%b/V %d 0 R/P %d 0 R/F %d%b>>"
        % (text_string(FIELD_NAME), signature, page, _WIDGET_FLAGS, place),
    )
    update.put(page, _with_annotation(file, page, field))
    form = update.add(b"<</Fields[%d 0 R]/SigFlags 3>>" % field)
    added = b"/AcroForm %d 0 R%b" % (form, _EXTENSIONS)
    if certify:
        added += b"/Perms<</DocMDP %d 0 R>>" % signature
    update.put(file.root, with_entries(file, file.root, added, unless=("AcroForm", "Perms", "Extensions", "DSS")))


def with_entries(file: PdfFile, number: int, added: bytes, *, unless: Sequence[str]) -> bytes:
    """A dictionary's own text with entries added. Raises: MalformedError ("pdf_form"): it has one of them already."""
    reader = file.at(number)
    reader.space()
    begin = reader.at
    values, _ = reader.dictionary()
    if any(key in values for key in unless):
        raise MalformedError("pdf_form")
    return file.data[begin : reader.at - 2] + added + b">>"


def _with_annotation(file: PdfFile, page: int, field: int) -> bytes:
    reader = file.at(page)
    reader.space()
    begin = reader.at
    values, spans = reader.dictionary()
    annotations: Value = values.get("Annots")
    if annotations is None:
        return file.data[begin : reader.at - 2] + b"/Annots[%d 0 R]>>" % field
    if not isinstance(annotations, list):  # Typst writes them in place
        raise MalformedError("pdf_pages", "Annots")
    end = spans["Annots"][1] - 1
    return file.data[begin:end] + b" %d 0 R]" % field + file.data[end + 1 : reader.at]
