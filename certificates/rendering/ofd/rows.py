"""The rows of a face, set into columns and broken over pages: what is too long for one page goes on behind."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from certificates.claims import Bilingual
from certificates.rendering.face import Face, Row
from certificates.rendering.ofd.items import Item, Words, rule
from certificates.rendering.ofd.sheets import Sheet, paler
from certificates.rendering.ofd.text import FAINT, MM_PER_POINT, Ruler, Style
from certificates.rendering.words import written_day

_CLOSINGS = {"proof": ("特此证明。", "This is hereby certified."), "approval": ("特此批复。", "Approved as above.")}
_CLOSING_MM = 11.0
_VALUE_LEADING = 1.42
_BRIEF_LETTERS = 22
_FEWEST_LINES = 2
"""A value that is split leaves at least so many lines on each page."""


@dataclass(frozen=True, slots=True)
class _Cell:
    title: Bilingual
    lines: tuple[str, ...] = field(repr=False)
    x: float
    continued: bool = False


def all_rows(face: Face) -> tuple[Row, ...]:
    """The rows of a face, and after them from when until when it is valid."""
    between = " to " if face.language == "en" else " 至 "
    value = between.join(written_day(day, face.language) for day in (face.valid_from, face.valid_until))
    return (*face.rows, Row("validity", Bilingual("有效期", "Valid"), value))


def set_rows(face: Face, sheet: Sheet, ruler: Ruler, first_top: float) -> Iterator[tuple[Item, ...]]:
    """The items of each page's rows; the first page's begin at `first_top` and leave room for its foot."""
    setter = _Setter(face, sheet, ruler, first_top)
    for cells in _bands(face, sheet, ruler):
        yield from setter.place(cells)
    if sheet.template == "letter" and face.kind in _CLOSINGS:
        yield from setter.close(_CLOSINGS[face.kind][face.language == "en"])
    yield tuple(setter.items)


def _bands(face: Face, sheet: Sheet, ruler: Ruler) -> Iterator[list[_Cell]]:
    """Rows beside each other where the sheet has two columns and both are brief."""
    waiting: Row | None = None
    for row in all_rows(face):
        brief = sheet.columns == 2 and len(row.value) <= _BRIEF_LETTERS and "\n" not in row.value
        if brief and waiting is not None:
            yield [_cell(waiting, sheet, ruler, 0, wide=False), _cell(row, sheet, ruler, 1, wide=False)]
            waiting = None
        elif brief:
            waiting = row
        else:
            if waiting is not None:
                yield [_cell(waiting, sheet, ruler, 0, wide=False)]
            waiting = None
            yield [_cell(row, sheet, ruler, 0, wide=True)]
    if waiting is not None:
        yield [_cell(waiting, sheet, ruler, 0, wide=False)]


def _cell(row: Row, sheet: Sheet, ruler: Ruler, column: int, *, wide: bool) -> _Cell:
    width = (sheet.inside if wide else sheet.column_width) - sheet.label_mm
    lines = ruler.lines(row.value, _value_style(sheet), width)
    return _Cell(row.title, tuple(lines), sheet.left + column * (sheet.column_width + sheet.gutter))


class _Setter:
    """Goes down the pages; `items` are those of the page it is on."""

    def __init__(self, face: Face, sheet: Sheet, ruler: Ruler, top: float) -> None:
        self.items: list[Item] = []
        self._face, self._sheet, self._ruler = face, sheet, ruler
        self._y = top
        self._end = sheet.first_end
        self._leading = sheet.value_mm * _VALUE_LEADING

    def place(self, cells: Sequence[_Cell]) -> Iterator[tuple[Item, ...]]:
        """Set one band; yields each page that it filled."""
        waiting = list(cells)
        while waiting:
            room = self._room()
            longest = max(len(cell.lines) for cell in waiting)
            count = longest if longest <= room else min(room, longest - _FEWEST_LINES)
            if count == longest or count >= _FEWEST_LINES:
                waiting = self._band(waiting, count)
            if waiting:
                yield self._turn()

    def close(self, words: str) -> Iterator[tuple[Item, ...]]:
        """The closing sentence of a letter, indented, below the last row."""
        if self._y + _CLOSING_MM > self._end:
            yield self._turn()
        self.items.append(Words(self._sheet.left + 8.8, self._y + 9, words, Style(12.5 * MM_PER_POINT)))

    def _turn(self) -> tuple[Item, ...]:
        done = tuple(self.items)
        self.items, self._y, self._end = [], self._sheet.next_top, self._sheet.next_end
        return done

    def _room(self) -> int:
        """How many lines of values still fit on this page."""
        free = self._end - self._y - 2 * self._sheet.padding - self._sheet.label_above
        # The label beside a value is two lines high itself.
        lowest = 0.0 if self._sheet.stacked else self._sheet.label_size * 2.1
        return 0 if free < lowest else int((free + 0.01) / self._leading)

    def _band(self, cells: Sequence[_Cell], count: int) -> list[_Cell]:
        """Draw `count` lines of these cells; returns what is left of them."""
        sheet, left = self._sheet, []
        top = self._y + sheet.padding
        for cell in cells:
            self.items += _label(cell, sheet, self._face, self._ruler, top)
            x = cell.x + sheet.label_mm
            base = top + sheet.label_above + sheet.value_mm * 0.95
            for index, line in enumerate(cell.lines[:count]):
                if line:
                    self.items.append(Words(x, base + index * self._leading, line, _value_style(sheet)))
            if cell.lines[count:]:
                left.append(_Cell(cell.title, cell.lines[count:], cell.x, continued=True))
        lowest = 0.0 if sheet.stacked else sheet.label_size * 2.1
        self._y = top + max(lowest, sheet.label_above + count * self._leading) + sheet.padding
        if not sheet.stacked:
            self.items.append(rule(sheet.left, self._y, sheet.inside, stroke=paler(self._face.accent), line=0.14))
        return left


def _label(cell: _Cell, sheet: Sheet, face: Face, ruler: Ruler, top: float) -> Iterator[Item]:
    first, second = (cell.title.en, cell.title.zh) if face.language == "en" else (cell.title.zh, cell.title.en)
    if cell.continued:
        first += " (cont.)" if face.language == "en" else "（续）"
    size = sheet.label_size
    large, small = Style(size, "sans", sheet.label_color(face)), Style(size * 0.66, "sans", FAINT)
    if sheet.stacked:
        yield Words(cell.x, top + size * 0.9, first, large)
        yield Words(cell.x + ruler.width(first, large) + size, top + size * 0.9, second, small)
        return
    room = sheet.label_mm - 3
    yield Words(cell.x, top + size * 0.95, first, _fitted(ruler, first, large, room))
    yield Words(cell.x, top + size * 2.0, second, _fitted(ruler, second, small, room))


def _fitted(ruler: Ruler, words: str, style: Style, room: float) -> Style:
    """The style, smaller if the words would run into the value."""
    width = ruler.width(words, style)
    return style if width <= room else Style(style.size_mm * room / width, style.use, style.color)


def _value_style(sheet: Sheet) -> Style:
    return Style(sheet.value_mm)
