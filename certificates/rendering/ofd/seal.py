"""The picture of a seal as a small OFD of outlines: no font is needed to show it, and it stays crisp in print.

The drawing is the PDF's (`SealPen`); its operators are written anew in OFD's own, turned upside down, since OFD counts
from the top. A picture proves nothing; the seal's and the signer's signatures do.

Source: GB/T 38540-2020 §6.2, picture type "OFD"; sizes: 国发〔1999〕25号.
"""

from typing import Final

from certificates.rendering.ofd.items import Shape, number
from certificates.rendering.ofd.xml import Node, Numbers, shape_object
from certificates.rendering.ofd.zip import write_package
from signing.pades.seal import SIZE, SealPicture
from signing.ses.asn1 import Picture

WIDTH_MM: Final = 40
_RED: Final = "219 20 31"
_PATHS: Final = {b"m": "M", b"l": "L", b"c": "B"}
_NO_TURN: Final = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_KIND: Final = "OFD"
_FINE: Final = 6.0


def seal_picture(drawn: SealPicture, *, width_mm: int = WIDTH_MM) -> Picture:
    """A drawn seal as the picture of an electronic seal. Equal drawings give equal bytes.

    Raises: ValueError: operators that `SealPen` does not draw with.
    """
    height_mm = round(width_mm * drawn.height / drawn.width)
    files = {"OFD.xml": _entry(), "Doc_0/Document.xml": b"", "Doc_0/Pages/Page_0/Content.xml": b""}
    numbers = Numbers(1)
    page = Node("Page")
    page.add("Area").add("PhysicalBox", f"0 0 {width_mm} {height_mm}")
    layer = page.add("Content").add("Layer", ID=numbers.next(), Type="Body")
    for shape, matrix in _shapes(drawn, width_mm, height_mm):
        shape_object(layer, shape, numbers, matrix=" ".join(f"{part:.6f}" for part in matrix))
    files["Doc_0/Pages/Page_0/Content.xml"] = page.to_bytes()
    files["Doc_0/Document.xml"] = _document(width_mm, height_mm, numbers)
    return Picture(_KIND, write_package(files), width_mm, height_mm)


def _shapes(drawn: SealPicture, width_mm: int, height_mm: int) -> list[tuple[Shape, tuple[float, ...]]]:
    """One object for each painting operator: its path in its own units, its matrix down to millimetres."""
    scale = width_mm / SIZE
    shapes, path, line, turn = [], list[str](), 1.0, _NO_TURN
    operands: list[bytes] = []
    for token in drawn.operators.split():
        if token[0] in b"-.0123456789":
            operands.append(token)
            continue
        if token in _PATHS:
            path.append(" ".join((_PATHS[token], *(number(float(part)) for part in operands))))
        elif token == b"h":
            path.append("C")
        elif token == b"w":
            line = float(operands[0])
        elif token == b"cm":
            turn = tuple(map(float, operands))  # type: ignore[assignment]
        elif token in {b"f", b"S", b"B"}:
            shapes.append((_painted(" ".join(path), token, line, width_mm, height_mm), _down(turn, scale, height_mm)))
            path = []
        elif token == b"Q":
            turn = _NO_TURN
        elif token not in {b"q", b"rg", b"RG"}:
            raise ValueError("an operator that no seal is drawn with")
        operands = []
    return shapes


def _painted(path: str, operator: bytes, line: float, width_mm: int, height_mm: int) -> Shape:
    return Shape(
        0,
        0,
        width_mm,
        height_mm,
        path,
        fill=None if operator == b"S" else _RED,
        # A reader that fills nothing in a seal, and there is one, shall show the star's outline at least.
        stroke=_RED,
        line_mm=_FINE if operator == b"f" else line,
    )


def _down(turn: tuple[float, ...], scale: float, height_mm: int) -> tuple[float, ...]:
    """The matrix after it, from 1,000 units upwards to millimetres downwards."""
    a, b, c, d, e, f = turn
    return (a * scale, -b * scale, c * scale, -d * scale, e * scale, height_mm - f * scale)


def _entry() -> bytes:
    root = Node("OFD", DocType="OFD", Version="1.0")
    body = root.add("DocBody")
    body.add("DocInfo").add("DocID", "0" * 32)
    body.add("DocRoot", "Doc_0/Document.xml")
    return root.to_bytes()


def _document(width_mm: int, height_mm: int, numbers: Numbers) -> bytes:
    root = Node("Document")
    common = root.add("CommonData")
    common.add("MaxUnitID", str(numbers.last))
    common.add("PageArea").add("PhysicalBox", f"0 0 {width_mm} {height_mm}")
    root.add("Pages").add("Page", ID="1", BaseLoc="Pages/Page_0/Content.xml")
    return root.to_bytes()
