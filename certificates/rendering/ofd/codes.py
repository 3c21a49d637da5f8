"""What a page is checked by: QR code and control code, and the offline code beside them."""

from collections.abc import Iterator
from typing import Final

from certificates.rendering.face import Face
from certificates.rendering.ofd.items import Item, Shape, Words, number, rectangle
from certificates.rendering.ofd.sheets import Sheet, rgb
from certificates.rendering.ofd.text import FAINT, INK, MM_PER_POINT, Style
from certificates.rendering.qr import qr_squares

_QUIET_MODULES: Final = 4
_CHECKING_MM: Final = 23.0
"""Height of the words beside the QR code."""
_BOTH_MM: Final = (20.0, 36.0)
"""Sides of the QR code and the offline code, when there are both."""


def checking(face: Face, sheet: Sheet, top: float) -> Iterator[Item]:
    """The QR code, and beside it the control code for typing."""
    side = sheet.qr_mm
    y = top + sheet.foot - side if sheet.template != "certificate" else top + (sheet.foot - side) / 2
    yield from _symbol(face.qr or "", sheet.left, y, side)
    x, y = sheet.left + side + 3, y + (side - _CHECKING_MM) / 2
    small = Style(6.3 * MM_PER_POINT, "sans", FAINT)
    yield Words(x, y + 3.4, "扫码核验", Style(9.5 * MM_PER_POINT, "sans", rgb(face.accent)))
    yield Words(x, y + 7, "Scan to verify", small)
    if face.control_code is not None:
        yield Words(x, y + 12, "核验码 Control code", small)
        for line, words in enumerate(_grouped(face.control_code)):
            yield Words(x, y + 15.6 + line * 3.6, words, Style(7.4 * MM_PER_POINT, "sans", INK))


def checking_both(face: Face, sheet: Sheet, top: float) -> Iterator[Item]:
    """The offline code is as wide as its squares need to be read from paper; what is for people stands under the
    other.
    """
    side, wide = _BOTH_MM
    y = top + sheet.foot - wide - 1
    yield from _symbol(face.qr or "", sheet.left, y - 2, side)
    small = Style(6 * MM_PER_POINT, "sans", FAINT)
    yield Words(sheet.left, y + side + 1.4, "扫码核验", Style(7.5 * MM_PER_POINT, "sans", rgb(face.accent)))
    yield Words(sheet.left, y + side + 4.2, "Scan to verify", small)
    yield Words(sheet.left, y + side + 7.4, "核验码 Control code", small)
    for line, words in enumerate(_grouped(face.control_code or "")):
        yield Words(sheet.left, y + side + 10.2 + line * 2.6, words, Style(6 * MM_PER_POINT, "sans", INK))
    x = sheet.left + side + 3
    yield Words(x, y - 0.6, "离线核验 Offline", small)
    yield from _symbol(face.offline_code or "", x, y, wide)


def _grouped(control_code: str) -> list[str]:
    """A control code in lines of three groups."""
    code = control_code.replace("-", "")
    groups = [code[at : at + 4] for at in range(0, len(code), 4)]
    return ["-".join(groups[at : at + 3]) for at in range(0, len(groups), 3)]


def _symbol(content: str, x: float, y: float, side: float) -> Iterator[Item]:
    """Black on white, with the quiet zone that the symbol's standard wants."""
    squares = qr_squares(content)
    module = side / (squares.side + 2 * _QUIET_MODULES)
    yield rectangle(x, y, side, side, fill="255 255 255")
    at = [number((index + _QUIET_MODULES) * module) for index in range(squares.side + 1)]
    drawn = []
    for column, line, length in squares.runs():
        left, right = at[column], at[column + length]
        drawn.append(f"M {left} {at[line]} L {right} {at[line]} L {right} {at[line + 1]} L {left} {at[line + 1]} C")
    yield Shape(x, y, side, side, " ".join(drawn), fill="0 0 0")
