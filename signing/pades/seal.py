"""The seal that people see on a page: a red ring, a star, the name along its rim. Vectors, so that it stays crisp.

The letters are drawn as outlines of a font that the caller gives: nothing is embedded, nothing can be missing on
another machine. A picture proves nothing; the signature behind it does.

Source: customary form of official seals (国发〔1999〕25号): the name in a ring from left to right, the star in the
middle, the kind of seal below it.
"""

import zlib
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import pairwise
from math import atan2, ceil, cos, hypot, pi, radians, sin
from typing import Any, Final

from signing.errors import MalformedError
from signing.pades.file import stream

RED: Final = b"0.86 0.08 0.12 rg 0.86 0.08 0.12 RG"
SIZE: Final = 1000.0
"""Width of a picture's own coordinates; a reader scales them to the rectangle on the page."""
MAX_LETTERS: Final = 40
_KAPPA: Final = 0.5522847498


@dataclass(frozen=True, slots=True)
class SealPicture:
    """Drawing operators inside a box from (0, 0); compressed once and used for as many files as wanted."""

    width: float
    height: float
    operators: bytes = field(repr=False)
    packed: bytes = field(repr=False)

    @classmethod
    def of(cls, width: float, height: float, operators: bytes) -> "SealPicture":
        """A picture of operators that need no resources: paths and colours."""
        return cls(width, height, operators, zlib.compress(operators, 9))

    def form(self) -> bytes:
        """The form XObject that a signature field shows."""
        box = b"[0 0 %.2f %.2f]" % (self.width, self.height)
        entries = b"/Type/XObject/Subtype/Form/BBox%b/Resources<<>>/Filter/FlateDecode" % box
        return stream(entries, self.packed)


class SealPen:
    """Draws seals with one font. To open a font takes long: keep the pen. Not for use by two threads at once."""

    def __init__(self, font: bytes) -> None:
        """Open a TrueType or OpenType font. Raises: MalformedError ("font")."""
        from fontTools.ttLib import TTFont, TTLibError

        try:
            opened = TTFont(BytesIO(font), lazy=True)
            self._glyphs: Any = opened.getGlyphSet()
            self._names: dict[int, str] = opened.getBestCmap() or {}
            self._em: int = opened["head"].unitsPerEm
        except (TTLibError, KeyError, ValueError) as error:
            raise MalformedError("font") from error

    def draw(self, text: str, *, foot: str = "", oval: bool = False) -> SealPicture:
        """A seal with a text around its star and another one below it.

        Raises: MalformedError ("seal_text"): more than 40 letters, or none; ("glyph"): the font lacks one of them.
        """
        letters = [letter for letter in text if not letter.isspace()]
        if not 1 <= len(letters) <= MAX_LETTERS or len(foot) > MAX_LETTERS:
            raise MalformedError("seal_text")
        height = 0.7 * SIZE if oval else SIZE
        lines = [RED, *_ring(height), _star(SIZE / 2, 0.52 * height, 0.165 * height)]
        lines += self._around(letters, height)
        if foot:
            lines += self._below(foot, height)
        return SealPicture.of(SIZE, height, b"\n".join(lines))

    def _around(self, letters: list[str], height: float) -> Iterator[bytes]:
        """Letters stand along the rim, feet inwards, at equal distances on an arc that is open below."""
        half = height / 2
        em = min(0.29 * half, 1.45 * (SIZE + height) / 2 / len(letters))
        inset = 0.1 * half + em / 2
        across, up = SIZE / 2 - inset, half - inset
        for letter, angle in zip(letters, _angles(len(letters), across, up, em), strict=True):
            x, y = SIZE / 2 + across * cos(angle), half + up * sin(angle)
            yield self._letter(letter, x, y, em, atan2(sin(angle) / up, cos(angle) / across) - pi / 2)

    def _below(self, foot: str, height: float) -> Iterator[bytes]:
        em = min(0.098 * height, 0.56 * SIZE / len(foot))
        left = SIZE / 2 - em * len(foot) / 2
        for index, letter in enumerate(foot):
            yield self._letter(letter, left + em * (index + 0.5), 0.215 * height, em, 0.0)

    def _letter(self, letter: str, x: float, y: float, em: float, turn: float) -> bytes:
        """The outline with its middle at (x, y), turned against the clock."""
        from fontTools.pens.basePen import BasePen

        name = self._names.get(ord(letter))
        if name is None:
            raise MalformedError("glyph")
        written: list[bytes] = []

        class Operators(BasePen):  # type: ignore[misc]
            """Path operators of ISO 32000-1 §8.5.2; a quadratic curve arrives here as a cubic one."""

            def _moveTo(self, pt: Any) -> None:  # noqa: N802  names of the library
                written.append(b"%.0f %.0f m" % tuple(pt))

            def _lineTo(self, pt: Any) -> None:  # noqa: N802
                written.append(b"%.0f %.0f l" % tuple(pt))

            def _curveToOne(self, pt1: Any, pt2: Any, pt3: Any) -> None:  # noqa: N802
                written.append(b"%.0f %.0f %.0f %.0f %.0f %.0f c" % (*pt1, *pt2, *pt3))

            def _closePath(self) -> None:  # noqa: N802
                written.append(b"h")

        glyph = self._glyphs[name]
        glyph.draw(Operators(self._glyphs))
        scale = em / self._em
        # The middle of a Chinese letter: half of its width, and 0.38 em above the base line.
        middle_x, middle_y = glyph.width / 2, 0.38 * self._em
        a, b = scale * cos(turn), scale * sin(turn)
        e, f = x - a * middle_x + b * middle_y, y - b * middle_x - a * middle_y
        # A little stroke as well: the letters of a seal are bold.
        matrix = b"q %.5f %.5f %.5f %.5f %.3f %.3f cm %d w" % (a, b, -b, a, e, f, 0.022 * self._em)
        return b"\n".join((matrix, *written, b"B Q"))


def _ring(height: float) -> Iterator[bytes]:
    width = ceil(0.022 * SIZE)
    yield b"%d w" % width
    yield _ellipse(SIZE / 2, height / 2, SIZE / 2 - width, height / 2 - width) + b" S"


def _ellipse(x: float, y: float, across: float, up: float) -> bytes:
    ax, ay = across * _KAPPA, up * _KAPPA
    numbers = (
        *(x + across, y),
        *(x + across, y + ay, x + ax, y + up, x, y + up),
        *(x - ax, y + up, x - across, y + ay, x - across, y),
        *(x - across, y - ay, x - ax, y - up, x, y - up),
        *(x + ax, y - up, x + across, y - ay, x + across, y),
    )
    curve = b" %.1f %.1f %.1f %.1f %.1f %.1f c"
    return (b"%.1f %.1f m" + curve * 4 + b" h") % numbers


def _star(x: float, y: float, radius: float) -> bytes:
    points = []
    for corner in range(10):
        reach = radius if corner % 2 == 0 else radius * 0.381966
        angle = pi / 2 + corner * pi / 5
        points.append((x + reach * cos(angle), y + reach * sin(angle)))
    lines = [b"%.1f %.1f %b" % (*point, b"m" if index == 0 else b"l") for index, point in enumerate(points)]
    return b"\n".join((*lines, b"h f"))


def _angles(count: int, across: float, up: float, em: float) -> list[float]:
    """Parameters of an ellipse at equal distances along it, symmetrical to its top, first the left one.

    A short name keeps its letters together; a long one fills the arc down to 28 degrees below the middle.
    """
    fine = [(pi / 2 + radians(118) * step / 720) for step in range(721)]
    lengths = [0.0]
    for before, after in pairwise(fine):
        lengths.append(lengths[-1] + hypot(across * (cos(after) - cos(before)), up * (sin(after) - sin(before))))
    gap = min(1.42 * em, 2 * lengths[-1] / max(1, count - 1))
    found = []
    for index in range(count):
        away = gap * ((count - 1) / 2 - index)
        place = min(bisect_left(lengths, abs(away)), len(fine) - 1)
        found.append(fine[place] if away >= 0 else pi - fine[place])
    return found
