"""What stands on a page before it is written: words and shapes at places in millimetres, from the top left corner."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from math import cos, pi, sin
from typing import Final, TypeAlias

from certificates.rendering.ofd.text import Ruler, Style

_KAPPA: Final = 0.5522847498
_QUARTERS: Final = ((1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0))


@dataclass(frozen=True, slots=True)
class Words:
    """One line of text; `y` is its base line. `turn`: degrees clockwise around (x, y)."""

    x: float
    y: float
    words: str = field(repr=False)
    style: Style
    turn: float = 0.0


@dataclass(frozen=True, slots=True)
class Shape:
    """A path in OFD's own operators (GB/T 33190 §9.3.2), coordinates relative to (x, y); filled or stroked."""

    x: float
    y: float
    width: float
    height: float
    path: str = field(repr=False)
    fill: str | None = None
    stroke: str | None = None
    line_mm: float = 0.3


Item: TypeAlias = Words | Shape


@dataclass(frozen=True, slots=True)
class Page:
    """A finished page: what lies under the words, the words, and what lies over them."""

    width: float
    height: float
    under: tuple[Item, ...]
    body: tuple[Item, ...]
    over: tuple[Item, ...]


def rectangle(
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    fill: str | None = None,
    stroke: str | None = None,
    line: float = 0.3,
) -> Shape:
    """A box, filled or outlined."""
    path = f"M 0 0 L {number(width)} 0 L {number(width)} {number(height)} L 0 {number(height)} C"
    return Shape(x, y, width, height, path, fill=fill, stroke=stroke, line_mm=line)


def rule(x: float, y: float, width: float, *, stroke: str, line: float) -> Shape:
    """A level line."""
    return Shape(x, y, width, line, f"M 0 0 L {number(width)} 0", stroke=stroke, line_mm=line)


def centred(ruler: Ruler, middle: float, y: float, words: str, style: Style) -> Words:
    """Words around a middle."""
    return Words(middle - ruler.width(words, style) / 2, y, words, style)


@lru_cache(maxsize=8)
def rosette(size: float, *, color: str, turns: int = 18) -> Shape:
    """Fine lines that a copying machine does not keep: ellipses turned around one centre; placed at (0, 0)."""
    half, flat = size / 2, size * 0.21
    path = " ".join(_ellipse(half, half, half, flat, step * pi / turns) for step in range(turns))
    return Shape(0, 0, size, size, path, stroke=color, line_mm=0.12)


def _ellipse(x: float, y: float, across: float, up: float, turn: float) -> str:
    def at(u: float, v: float) -> str:
        return f"{number(x + u * cos(turn) - v * sin(turn))} {number(y + u * sin(turn) + v * cos(turn))}"

    parts = [f"M {at(across, 0)}"]
    for a, b, c, d in _QUARTERS:
        # From (a, b) to (c, d), the control points leaning over by kappa.
        first = (across * (a + _KAPPA * c), up * (b + _KAPPA * d))
        second = (across * (c + _KAPPA * a), up * (d + _KAPPA * b))
        parts.append(f"B {at(*first)} {at(*second)} {at(across * c, up * d)}")
    return " ".join(parts) + " C"


def letters_of(pages: Iterable[Page]) -> Iterable[tuple[Style, str]]:
    """Every run of words on these pages with its style."""
    for page in pages:
        for item in (*page.under, *page.body, *page.over):
            if isinstance(item, Words):
                yield item.style, item.words


def number(value: float) -> str:
    """A length as OFD writes it: plain decimals, to a micrometre."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text in {"", "-0"} else text
