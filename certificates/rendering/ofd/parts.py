"""What stands around the rows of a face: ornament, head, foot, marks, watermark, page number."""

from collections.abc import Iterator
from dataclasses import replace
from math import cos, radians, sin
from typing import Final

from certificates.rendering.face import Face
from certificates.rendering.ofd.codes import checking, checking_both
from certificates.rendering.ofd.items import Item, Shape, Words, centred, rectangle, rosette, rule
from certificates.rendering.ofd.sheets import AMBER, RED, Sheet, paler, rgb
from certificates.rendering.ofd.text import FAINT, INK, MM_PER_POINT, Ruler, Style
from certificates.rendering.words import written_day

_BAND_MM: Final = 42.0
_WATERMARK_TURN: Final = -28.0
_PALE_AMBER: Final = "244 229 214"


def ornament(face: Face, sheet: Sheet) -> Iterator[Item]:
    """What lies under the words of every page."""
    color, pale = rgb(face.accent), paler(face.accent, 0.09 if sheet.template == "card" else 0.12)
    if sheet.template == "card":
        yield rectangle(0, 0, _BAND_MM, sheet.height, fill=color)
        yield _placed(rosette(110, color=pale), sheet.width - 25, sheet.height / 2)
        return
    size = 120.0 if sheet.template == "letter" else 150.0
    yield _placed(rosette(size, color=pale), sheet.width / 2, sheet.height / 2)
    if sheet.template == "certificate":
        yield from _frame(sheet, color)


def head(face: Face, sheet: Sheet, ruler: Ruler) -> tuple[list[Item], float]:
    """The head of the first page, and where its rows begin."""
    items: list[Item] = [_number(face, sheet, ruler)]
    y = sheet.top
    if face.marks:
        items += marks(face, sheet, ruler, y)
        y += 8
    draw = {"card": _card_head, "letter": _letter_head}.get(sheet.template, _certificate_head)
    more, y = draw(face, sheet, ruler, y)
    return items + more, y


def running_head(face: Face, sheet: Sheet, ruler: Ruler) -> Iterator[Item]:
    """The head of later pages: what they belong to."""
    first, _ = _titles(face)
    yield Words(sheet.left, sheet.top + 4, first, _fitting(ruler, first, Style(4.6), sheet.inside))
    yield rule(sheet.left, sheet.top + 7, sheet.inside, stroke=rgb(face.accent), line=0.28)


def marks(face: Face, sheet: Sheet, ruler: Ruler, y: float) -> Iterator[Item]:
    """What must be seen at first sight, in boxes of its own colour; smaller when there are many."""
    words = [f"{mark.words.zh}　{mark.words.en}" for mark in face.marks]
    style = Style(7.5 * MM_PER_POINT, "sans", AMBER)
    total = sum(ruler.width(text, style) + 5.4 for text in words)
    if total > sheet.inside:
        style = replace(style, size_mm=style.size_mm * (sheet.inside - 5.4 * len(words)) / (total - 5.4 * len(words)))
    widths = [ruler.width(text, style) + 4 for text in words]
    x = sheet.left if sheet.template == "card" else sheet.middle - (sum(widths) + 1.4 * (len(words) - 1)) / 2
    for text, width in zip(words, widths, strict=True):
        yield rectangle(x, y, width, 5, stroke=AMBER, line=0.25)
        yield Words(x + 2, y + 2.5 + style.size_mm * 0.36, text, style)
        x += width + 1.4


def foot(face: Face, sheet: Sheet, ruler: Ruler) -> tuple[list[Item], tuple[float, float]]:
    """QR code and control code at the left, issuer and day at the right; and the corner where the seal goes."""
    top = sheet.height - sheet.bottom - sheet.foot
    draw = checking if face.offline_code is None else checking_both
    items = list(draw(face, sheet, top)) if face.qr is not None else []
    wide = 84.0
    left = sheet.left + sheet.inside - wide
    middle = left + 29
    style = Style((10.5 if len(face.issuer_name) > 14 else 12.5) * MM_PER_POINT)
    names = ruler.lines(face.issuer_name, style, 58)
    y = top + sheet.foot / 2 - 1 - 6 * (len(names) - 1)
    for line in names:
        items.append(centred(ruler, middle, y, line, style))
        y += 6
    items.append(centred(ruler, middle, y + 1.5, written_day(face.issued_on, face.language), Style(11 * MM_PER_POINT)))
    seal = (left + wide - sheet.seal_mm, top + (sheet.foot - sheet.seal_mm) / 2)
    return items, seal


def page_number(face: Face, sheet: Sheet, ruler: Ruler, page: int, pages: int) -> Iterator[Item]:
    """The last line of every page: identifier, binding, and which page of how many it is."""
    style = Style(6.6 * MM_PER_POINT, "sans", FAINT)
    y = sheet.height - sheet.bottom + (4 if sheet.template == "card" else 3)
    shown = f"证照标识 {face.identifier}"
    which = f"{page} / {pages}"
    room = sheet.inside - ruler.width(which, style) - 4
    yield Words(sheet.left, y, shown, _fitting(ruler, shown, style, room))
    yield Words(sheet.left + sheet.inside - ruler.width(which, style), y, which, style)
    if face.binding is not None:
        bound = f"数据摘要 {face.binding}"
        yield Words(sheet.left, y + 3.2, bound, _fitting(ruler, bound, replace(style, size_mm=1.9), sheet.inside))


def demonstration(face: Face, sheet: Sheet, ruler: Ruler) -> Iterator[Item]:
    """Across every page of a licence in sample data, once, above the codes; under the words, since it is pale and not
    transparent.
    """
    words = face.demonstration
    if words is None:
        return
    size = min(sheet.width, sheet.height) * min(0.13, 0.75 / len(words))
    style = Style(size, color=_PALE_AMBER, tracking_mm=size * 0.3)
    across = radians(-30)
    half = ruler.width(words, style) / 2
    # The middle of the letters, not of their line, is on the middle of the page.
    x = sheet.width / 2 - half * cos(across) - size * 0.36 * sin(across)
    y = sheet.height * 0.43 - half * sin(across) + size * 0.36 * cos(across)
    yield Words(x, y, words, style, turn=-30)


def watermark(face: Face, sheet: Sheet, ruler: Ruler) -> Iterator[Item]:
    """Across every page of a purpose copy, again and again: no corner can be cut out and passed on as an original."""
    if face.watermark is None:
        return
    words = "　".join(face.watermark.lines())
    style = Style(11 * MM_PER_POINT, "sans", "51 86 125", alpha=51)
    step_x = ruler.width(words, style) + 18
    across = radians(_WATERMARK_TURN)
    for row in range(-8, 9):
        for column in range(-3, 4):
            u = (column + (row % 2) / 2 - 0.5) * step_x
            v = row * 22.0
            x = sheet.width / 2 + u * cos(across) - v * sin(across)
            y = sheet.height / 2 + u * sin(across) + v * cos(across)
            reach_x, reach_y = x + step_x * cos(across), y + step_x * sin(across)
            if reach_x > 0 and x < sheet.width and y > 0 and reach_y < sheet.height:
                yield Words(x, y, words, style, turn=_WATERMARK_TURN)


def _certificate_head(face: Face, sheet: Sheet, ruler: Ruler, y: float) -> tuple[list[Item], float]:
    first, second = _titles(face)
    lying = sheet.width > sheet.height
    y += 4.0 if lying else 12.0
    size = (24 if len(face.title.zh) > 12 else 30 if lying else 34) * MM_PER_POINT
    style = replace(_heavy(size, 0.2 if face.language != "en" else 0.02), color=rgb(face.accent))
    small = Style(11 * MM_PER_POINT, color=FAINT, tracking_mm=0.3)
    items: list[Item] = [
        centred(ruler, sheet.middle, y + size * 0.7, first, _fitting(ruler, first, style, sheet.inside)),
        centred(ruler, sheet.middle, y + size + 6.5, second, _fitting(ruler, second, small, sheet.inside)),
    ]
    y += size + 11
    items.append(rule(sheet.middle - sheet.inside * 0.19, y, sheet.inside * 0.38, stroke=rgb(face.accent), line=0.28))
    return items, y + (4 if lying else 8)


def _letter_head(face: Face, sheet: Sheet, ruler: Ruler, y: float) -> tuple[list[Item], float]:
    first, second = _titles(face)
    size = (20 if len(face.issuer_name) > 14 else 27) * MM_PER_POINT
    style = replace(_heavy(size, 0.14), color=RED)
    items: list[Item] = [
        centred(
            ruler, sheet.middle, y + size, face.issuer_name, _fitting(ruler, face.issuer_name, style, sheet.inside)
        ),
        rule(sheet.left, y + size + 6, sheet.inside, stroke=RED, line=0.64),
        rule(sheet.left, y + size + 7.3, sheet.inside, stroke=RED, line=0.18),
    ]
    y += size + 18
    title = _heavy((19 if len(face.title.zh) > 14 else 24) * MM_PER_POINT, 0.12 if face.language != "en" else 0.01)
    items.append(centred(ruler, sheet.middle, y + 5, first, _fitting(ruler, first, title, sheet.inside)))
    small = Style(10 * MM_PER_POINT, color=FAINT)
    items.append(centred(ruler, sheet.middle, y + 13, second, _fitting(ruler, second, small, sheet.inside)))
    return items, y + 21


def _card_head(face: Face, sheet: Sheet, ruler: Ruler, y: float) -> tuple[list[Item], float]:
    items = list(_band_title(face, ruler))
    items.append(rule(sheet.left, y, sheet.inside, stroke=rgb(face.accent), line=0.28))
    return items, y + 2


def _band_title(face: Face, ruler: Ruler) -> Iterator[Item]:
    first, second = _titles(face)
    white, middle, y = "255 255 255", _BAND_MM / 2, 18.0
    room = _BAND_MM - 8
    if face.language == "en" or len(first) > 9:
        style = Style(17 * MM_PER_POINT, color=white)
        for line in ruler.lines(first, style, room):
            yield centred(ruler, middle, y, line, style)
            y += 8.4
    else:
        size = (20 if len(first) > 6 else 25) * MM_PER_POINT
        for letter in first:
            yield centred(ruler, middle, y, letter, Style(size, color=white, stroke_mm=size * 0.022))
            y += size + 3.2
    small = Style(8.5 * MM_PER_POINT, color=white)
    for line in ruler.lines(second, small, room):
        yield centred(ruler, middle, y + 1, line, small)
        y += 4.4


def _number(face: Face, sheet: Sheet, ruler: Ruler) -> Item:
    """At the top right, in the margin."""
    words = f"编号 No. {face.identifier}"
    style = _fitting(ruler, words, Style(7.6 * MM_PER_POINT, "sans", INK), sheet.inside)
    up = {"card": 1.6, "letter": 7.6}.get(sheet.template, 2.6)
    return Words(sheet.left + sheet.inside - ruler.width(words, style), sheet.top - up, words, style)


def _frame(sheet: Sheet, color: str) -> Iterator[Item]:
    outer, inner = 9.0, 10.7
    yield rectangle(outer, outer, sheet.width - 2 * outer, sheet.height - 2 * outer, stroke=color, line=0.56)
    yield rectangle(inner, inner, sheet.width - 2 * inner, sheet.height - 2 * inner, stroke=color, line=0.16)
    at, side = inner + 1.2, 6.5
    for right in (False, True):
        for low in (False, True):
            for part in (1.0, 0.62, 0.28):
                size = side * part
                x = sheet.width - at - size if right else at
                y = sheet.height - at - size if low else at
                filled = part < 0.5
                yield rectangle(
                    x, y, size, size, fill=color if filled else None, stroke=None if filled else color, line=0.16
                )


def _placed(shape: Shape, x: float, y: float) -> Shape:
    return replace(shape, x=x - shape.width / 2, y=y - shape.height / 2)


def _titles(face: Face) -> tuple[str, str]:
    return (face.title.en, face.title.zh) if face.language == "en" else (face.title.zh, face.title.en)


def _heavy(size: float, tracking: float) -> Style:
    return Style(size, tracking_mm=size * tracking, stroke_mm=size * 0.022)


def _fitting(ruler: Ruler, words: str, style: Style, room: float) -> Style:
    """The style, smaller if the words are wider than the room."""
    width = ruler.width(words, style)
    if width <= room:
        return style
    scale = room / width
    return replace(style, size_mm=style.size_mm * scale, tracking_mm=style.tracking_mm * scale)
