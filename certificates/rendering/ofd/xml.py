"""The XML files of an OFD. Values become text of a tree, never part of a string: escaping is the serialiser's.

Wire format. Source: GB/T 33190-2016 §7–§11, namespace of its schema files.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from math import cos, radians, sin
from typing import Final

from lxml import etree

from certificates.rendering.ofd.fonts import Font, Subset
from certificates.rendering.ofd.items import Item, Page, Shape, Words, number
from certificates.rendering.ofd.text import Ruler

NAMESPACE: Final = "http://www.ofdspec.org/2016"
_UNWRITABLE: Final = re.compile("[^\\t\\n\\r -\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""What XML 1.0 cannot carry, even escaped (§2.2)."""

_LAST_OF_PLANE: Final = "\uffff"
_ASCENT: Final = 1.0
_HEIGHT: Final = 1.36
"""Of a text object's box, in em: readers clip what stands out of it."""


class Node:
    """An element of the namespace; `add` returns the child."""

    __slots__ = ("_element",)

    def __init__(self, name: str, /, **attributes: str) -> None:
        """A root."""
        self._element = etree.Element(f"{{{NAMESPACE}}}{name}", attributes, {"ofd": NAMESPACE})

    def add(self, name: str, text: str | None = None, /, **attributes: str) -> "Node":
        """Append a child with this text."""
        child = object.__new__(Node)
        clean = {key: _UNWRITABLE.sub("�", value) for key, value in attributes.items()}
        child._element = etree.SubElement(self._element, f"{{{NAMESPACE}}}{name}", clean)
        if text is not None:
            child._element.text = _UNWRITABLE.sub("�", text)
        return child

    def to_bytes(self) -> bytes:
        """The document in UTF-8 with its declaration."""
        return b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(self._element, encoding="utf-8")


@dataclass(slots=True)
class Numbers:
    """Hands out the identifiers of one document, each once."""

    last: int = 0

    def next(self) -> str:
        """The next one."""
        self.last += 1
        return str(self.last)


@dataclass(frozen=True, slots=True)
class Embedded:
    """A font of the document: its identifier, and the subset whose glyphs text may name."""

    id: str
    subset: Subset = field(repr=False)


def page_xml(page: Page, *, ruler: Ruler, fonts: Mapping[Font, Embedded], numbers: Numbers) -> bytes:
    """A `Content.xml`: three layers, from the bottom up."""
    root = Node("Page")
    root.add("Area").add("PhysicalBox", _box(0, 0, page.width, page.height))
    content = root.add("Content")
    for kind, items in (("Background", page.under), ("Body", page.body), ("Foreground", page.over)):
        if items:
            layer = content.add("Layer", ID=numbers.next(), Type=kind)
            for item in items:
                _item(layer, item, ruler, fonts, numbers)
    return root.to_bytes()


def shape_object(layer: Node, item: Shape, numbers: Numbers, *, matrix: str | None = None) -> None:
    """A path object."""
    attributes = {"Boundary": _box(item.x, item.y, item.width, item.height), "LineWidth": number(item.line_mm)}
    if matrix is not None:
        attributes["CTM"] = matrix
    attributes |= {"Stroke": _boolean(item.stroke), "Fill": _boolean(item.fill)}
    node = layer.add("PathObject", ID=numbers.next(), **attributes)
    if item.fill is not None:
        node.add("FillColor", Value=item.fill)
    if item.stroke is not None:
        node.add("StrokeColor", Value=item.stroke)
    node.add("AbbreviatedData", item.path)


def _item(layer: Node, item: Item, ruler: Ruler, fonts: Mapping[Font, Embedded], numbers: Numbers) -> None:
    if isinstance(item, Shape):
        # Half of a line lies outside of its path, and readers clip at the box.
        shape_object(layer, _with_margin(item), numbers)
        return
    x = item.x
    size, tracking = item.style.size_mm, item.style.tracking_mm
    for run, font, widths in _runs(item, ruler):
        advances = [width * size + tracking for width in widths]
        _text_object(layer, item, run, x, advances, fonts[font], numbers)
        x += sum(advances)


def _runs(item: Words, ruler: Ruler) -> Iterable[tuple[str, Font, Sequence[float]]]:
    """Letters of one font together, with their widths in em; a letter outside the basic plane alone, since readers
    count it as one or as two.
    """
    placed = [ruler.fonts.place(item.style.use, letter) for letter in item.words]
    at = 0
    for (font, alone), group in groupby(
        zip(item.words, placed, strict=True), key=lambda pair: (pair[1][0], pair[0] > _LAST_OF_PLANE)
    ):
        end = at + len(list(group))
        for start, stop in [(one, one + 1) for one in range(at, end)] if alone else [(at, end)]:
            yield item.words[start:stop], font, [width for _, width in placed[start:stop]]
        at = end


def _text_object(
    layer: Node, item: Words, run: str, x: float, advances: Sequence[float], embedded: Embedded, numbers: Numbers
) -> None:
    style = item.style
    size = style.size_mm
    width = sum(advances) + size * 0.3
    top = item.y - size * _ASCENT
    attributes = {"Font": embedded.id, "Size": number(size)}
    if item.turn:
        # The box stays level, so it must hold the turned words; they turn around their own start.
        reach = 2 * (width + size)
        attributes["Boundary"] = _box(x - reach, item.y - reach, 2 * reach, 2 * reach)
        turn = radians(item.turn)
        parts = (cos(turn), sin(turn), -sin(turn), cos(turn))
        attributes["CTM"] = " ".join((*(f"{part:.6f}" for part in parts), number(reach), number(reach)))
        start_y = 0.0
    else:
        attributes["Boundary"] = _box(x, top, width, size * _HEIGHT)
        start_y = size * _ASCENT
    if style.stroke_mm:
        attributes |= {"Stroke": "true", "LineWidth": number(style.stroke_mm)}
    node = layer.add("TextObject", ID=numbers.next(), **attributes)
    # The colour's own alpha, not the object's: some readers know only this one.
    node.add("FillColor", Value=style.color, **({"Alpha": str(style.alpha)} if style.alpha < 255 else {}))
    if style.stroke_mm:
        node.add("StrokeColor", Value=style.color)
    if ord(run[0]) > 0xFFFF:
        glyph = embedded.subset.glyphs[run]
        node.add("CGTransform", CodePosition="0", CodeCount="1", GlyphCount="1").add("Glyphs", str(glyph))
    code = {"X": "0", "Y": number(start_y)}
    if len(run) > 1:
        code["DeltaX"] = _deltas(advances[:-1])
    node.add("TextCode", run, **code)


def _deltas(advances: Sequence[float]) -> str:
    """Distances, equal neighbours as `g count distance` (GB/T 33190 §11.3)."""
    parts = []
    for advance, group in groupby(advances):
        text, count = number(advance), len(list(group))
        parts.append(f"g {count} {text}" if count > 3 else " ".join([text] * count))
    return " ".join(parts)


def _with_margin(item: Shape) -> Shape:
    if item.stroke is None:
        return item
    margin = item.line_mm
    return Shape(
        item.x - margin,
        item.y - margin,
        item.width + 2 * margin,
        item.height + 2 * margin,
        _shifted(item.path, margin),
        fill=item.fill,
        stroke=item.stroke,
        line_mm=item.line_mm,
    )


@lru_cache(maxsize=64)
def _shifted(path: str, by: float) -> str:
    return " ".join(part if part.isalpha() else number(float(part) + by) for part in path.split(" "))


def _box(x: float, y: float, width: float, height: float) -> str:
    return " ".join(map(number, (x, y, width, height)))


def _boolean(color: str | None) -> str:
    return "false" if color is None else "true"
