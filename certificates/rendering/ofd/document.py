"""The OFD of a face (GB/T 33190-2016): the same words as its PDF, every letter embedded, the same bytes every time.

`write` makes the files of a package without a signature, and says where the seal goes; `ofd_sealing` puts it on. What
the hub must find again stands in the document's own information: identifier, type, issuer and binding.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from certificates.rendering.face import Face
from certificates.rendering.ofd.fonts import Font, Fonts, fonts
from certificates.rendering.ofd.items import Page, letters_of, number
from certificates.rendering.ofd.pages import Place, compose
from certificates.rendering.ofd.text import Ruler
from certificates.rendering.ofd.xml import Embedded, Node, Numbers, page_xml
from certificates.rendering.ofd.zip import write_package

ENTRY: Final = "OFD.xml"
DOCUMENT: Final = "Doc_0"
SIGNATURES: Final = f"{DOCUMENT}/Signs/Signatures.xml"
CREATOR: Final = "Yizheng"
IDENTIFIER, TYPE_CODE, ISSUER_CODE, BINDING = "证照标识", "证照类型代码", "证照颁发机构代码", "数据摘要"
"""Names of the document's own data: those of GB/T 36903, and the digest that all renditions of a version share."""


@dataclass(frozen=True, slots=True)
class Information:
    """What an OFD says of itself (CT_DocInfo)."""

    document_id: str
    title: str
    author: str
    created_on: str
    data: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Unsigned:
    """The files of an OFD in their order, and where its seal goes (`page_id`: the page in them)."""

    files: dict[str, bytes] = field(repr=False)
    seal: Place
    page_id: str
    information: Information = field(repr=False)

    def to_bytes(self) -> bytes:
        """The package without any signature, for a preview."""
        return write_package(self.files)


def write(face: Face, *, own_fonts: Fonts | None = None) -> Unsigned:
    """Set a face and write its files. Takes ten milliseconds, and more for letters never seen before: use a thread.

    Raises: RenderingError ("missing_character", "qr_too_long").
    """
    ruler = Ruler(own_fonts or fonts())
    composed = compose(face, ruler)
    numbers = Numbers()
    page_ids = [numbers.next() for _ in composed.pages]
    embedded, resources = _fonts(composed.pages, ruler, numbers)
    contents = [page_xml(page, ruler=ruler, fonts=embedded, numbers=numbers) for page in composed.pages]
    files = {
        ENTRY: b"",
        f"{DOCUMENT}/Document.xml": _document(composed.pages, page_ids, numbers),
        f"{DOCUMENT}/PublicRes.xml": _public_resources(embedded),
        **resources,
        **{_page(index): content for index, content in enumerate(contents)},
    }
    information = face_information(face, _document_id(files))
    files[ENTRY] = entry(information, signed=False)
    return Unsigned(files, composed.seal, page_ids[composed.seal.page], information)


def face_information(face: Face, document_id: str) -> Information:
    """The information of a face; a purpose copy has no binding."""
    data = [(IDENTIFIER, face.identifier), (TYPE_CODE, face.type_code), (ISSUER_CODE, face.issuer_code)]
    if face.binding is not None:
        data.append((BINDING, face.binding))
    return Information(document_id, face.title.zh, face.issuer_name, face.issued_on.isoformat(), tuple(data))


def entry(information: Information, *, signed: bool) -> bytes:
    """`OFD.xml`, with or without its pointer to the signatures (§7.4)."""
    root = Node("OFD", DocType="OFD", Version="1.0")
    body = root.add("DocBody")
    info = body.add("DocInfo")
    info.add("DocID", information.document_id)
    info.add("Title", information.title)
    info.add("Author", information.author)
    info.add("CreationDate", information.created_on)
    info.add("Creator", CREATOR)
    kept = info.add("CustomDatas")
    for name, value in information.data:
        kept.add("CustomData", value, Name=name)
    body.add("DocRoot", f"{DOCUMENT}/Document.xml")
    if signed:
        body.add("Signatures", SIGNATURES)
    return root.to_bytes()


def _fonts(pages: tuple[Page, ...], ruler: Ruler, numbers: Numbers) -> tuple[dict[Font, Embedded], dict[str, bytes]]:
    letters: dict[Font, set[str]] = {}
    for style, words in letters_of(pages):
        for letter in words:
            letters.setdefault(ruler.fonts.place(style.use, letter)[0], set()).add(letter)
    embedded = {font: Embedded(numbers.next(), font.subset(found)) for font, found in letters.items()}
    return embedded, {f"{DOCUMENT}/Res/{_font_file(made)}": made.subset.data for made in embedded.values()}


def _font_file(made: Embedded) -> str:
    return f"font_{made.id}.ttf"


def _public_resources(embedded: dict[Font, Embedded]) -> bytes:
    root = Node("Res", BaseLoc="Res")
    listed = root.add("Fonts")
    for font, made in embedded.items():
        node = listed.add("Font", ID=made.id, FontName=font.family, FamilyName=font.family)
        node.add("FontFile", _font_file(made))
    return root.to_bytes()


def _document(pages: tuple[Page, ...], page_ids: list[str], numbers: Numbers) -> bytes:
    root = Node("Document")
    common = root.add("CommonData")
    common.add("MaxUnitID", str(numbers.last))
    common.add("PageArea").add("PhysicalBox", f"0 0 {number(pages[0].width)} {number(pages[0].height)}")
    common.add("PublicRes", "PublicRes.xml")
    listed = root.add("Pages")
    for index, page_id in enumerate(page_ids):
        listed.add("Page", ID=page_id, BaseLoc=f"Pages/Page_{index}/Content.xml")
    return root.to_bytes()


def _page(index: int) -> str:
    return f"{DOCUMENT}/Pages/Page_{index}/Content.xml"


def _document_id(files: dict[str, bytes]) -> str:
    """32 hexadecimal digits that stand for these very contents (§7.4 wants a UUID's; a random one would differ)."""
    whole = sha256()
    for name, data in files.items():
        whole.update(name.encode() + b"\0" + len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()[:32]
