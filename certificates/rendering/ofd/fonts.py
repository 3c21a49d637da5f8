"""Fonts for OFD pages: how wide a letter is, and a small TrueType font with just the letters of one document.

A reader must show the page as it was signed, on a machine with no Chinese font, so every letter is embedded. Of the cut
typefaces outlines are copied; those of other fonts are converted once per letter and process and remembered.

Wire format of `Font.subset`: TrueType outlines (the only kind that every OFD reader draws), see `sfnt`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal

from certificates.errors import RenderingError
from certificates.rendering.fonts import TYPEFACES
from certificates.rendering.ofd.sfnt import Letter, Metrics, write_font

Use = Literal["serif", "sans"]

MAX_ERROR_EM: Final = 0.001
"""How far a converted outline may be from the font's own."""
_PACKAGE: Final = "pylopdf_fonts_zh_cn"
_NOTDEF: Final = ".notdef"
_SIMPLE: Final = b"\x7f\xff"
"""More contours than this: a negative number, which marks an outline made of others."""
_SUFFIXES: Final = frozenset({".otf", ".ttf", ".ttc", ".otc"})


@dataclass(frozen=True, slots=True)
class Subset:
    """A font for one document. `glyphs`: index of each letter in it, for text that names glyphs."""

    data: bytes = field(repr=False)
    glyphs: dict[str, int] = field(repr=False)


class Font:
    """A font file, opened when first needed. Safe for use by several threads."""

    def __init__(self, family: str, data: bytes) -> None:
        """`data`: TrueType or OpenType, with a character map for Unicode."""
        self.family = family
        self._data = data
        self._lock = Lock()
        self._opened: _Opened | None = None
        self._letters: dict[str, Letter] = {}

    def has(self, letter: str) -> bool:
        """Whether the font draws this letter."""
        return ord(letter) in self._open().names

    def advance(self, letter: str) -> float:
        """How far the next letter is away, in em; a letter that is lacking is as wide as the box drawn for it."""
        opened = self._open()
        return opened.widths[opened.names.get(ord(letter), _NOTDEF)][0] / opened.metrics.units

    def subset(self, letters: Iterable[str]) -> Subset:
        """A font of these letters only; equal sets give equal bytes. Letters that are lacking are left out."""
        opened = self._open()
        chosen = [letter for letter in sorted(set(letters)) if ord(letter) in opened.names]
        with self._lock:
            notdef = self._letter(opened, _NOTDEF)
            drawn = {ord(letter): self._letter(opened, opened.names[ord(letter)]) for letter in chosen}
        return Subset(
            write_font(self.family, opened.metrics, notdef, drawn),
            {letter: index for index, letter in enumerate(chosen, start=1)},
        )

    def _open(self) -> "_Opened":
        with self._lock:
            if self._opened is None:
                self._opened = _Opened.of(self._data)
            return self._opened

    def _letter(self, opened: "_Opened", name: str) -> Letter:
        known = self._letters.get(name)
        if known is None:
            outline = opened.copied(name)
            known = Letter(opened.widths[name][0], opened.drawn(name) if outline is None else outline)
            self._letters[name] = known
        return known


@dataclass(frozen=True, slots=True)
class _Opened:
    names: dict[int, str]
    widths: dict[str, tuple[int, int]]
    glyphs: Any
    metrics: Metrics
    outlines: bytes
    """Table glyf; empty for a font with outlines of another kind."""
    places: Sequence[int]
    index_of: Callable[[str], int]

    @classmethod
    def of(cls, data: bytes) -> "_Opened":
        from fontTools.ttLib import TTFont

        font: Any = TTFont(BytesIO(data), lazy=True, fontNumber=0)
        head, lines = font["head"], font["hhea"]
        drawn = "glyf" in font
        return cls(
            names=font.getBestCmap(),
            widths=font["hmtx"].metrics,
            glyphs=font.getGlyphSet(),
            metrics=Metrics(head.unitsPerEm, lines.ascent, lines.descent, (head.xMin, head.yMin, head.xMax, head.yMax)),
            outlines=font.reader["glyf"] if drawn else b"",
            places=font["loca"].locations if drawn else (),
            index_of=font.getGlyphID,
        )

    def copied(self, name: str) -> bytes | None:
        """The outline as the font has it; None for one of another kind, or that is made of others."""
        if not self.outlines:
            return None
        index = self.index_of(name)
        outline = self.outlines[self.places[index] : self.places[index + 1]]
        return None if outline[:2] > _SIMPLE else outline

    def drawn(self, name: str) -> bytes:
        """The outline, converted."""
        from fontTools.pens.cu2quPen import Cu2QuPen
        from fontTools.pens.filterPen import DecomposingFilterPen
        from fontTools.pens.ttGlyphPen import TTGlyphPen

        pen = TTGlyphPen(None)
        most = MAX_ERROR_EM * self.metrics.units
        self.glyphs[name].draw(
            DecomposingFilterPen(Cu2QuPen(pen, most, reverse_direction=not self.outlines), self.glyphs)
        )
        made: bytes = pen.glyph().compile(None)
        return made


@dataclass(frozen=True, slots=True)
class Fonts:
    """The fonts of a face by use; for a letter that a use's own font lacks, the others are asked in order."""

    serif: tuple[Font, ...]
    sans: tuple[Font, ...]
    others: tuple[Font, ...] = ()
    _places: dict[tuple[Use, str], tuple[Font, float]] = field(default_factory=dict, repr=False, compare=False)
    """Every letter that was ever set: no more than the fonts have. A letter measured twice is the same."""

    def place(self, use: Use, letter: str) -> tuple[Font, float]:
        """The font that draws this letter, and its advance in em.

        Raises: RenderingError ("missing_character"): none does; a name with an empty box in it is not the name.
        """
        known = self._places.get((use, letter))
        if known is None:
            font = self._font(use, letter)
            known = self._places[use, letter] = (font, font.advance(letter))
        return known

    def _font(self, use: Use, letter: str) -> Font:
        own, other = (self.serif, self.sans) if use == "serif" else (self.sans, self.serif)
        for font in (*own, *other, *self.others):
            if font.has(letter):
                return font
        raise RenderingError("missing_character", characters=(letter,))


@lru_cache(maxsize=4)
def fonts(own: Path | None = None) -> Fonts:
    """The cut typefaces, behind each the whole font with its rare letters, then the fonts of a folder of the hub's own.

    Opened when first needed and kept: 15 MB, and 80 MB more after the first rare letter.
    """
    shipped = resources.files(_PACKAGE)
    return Fonts(
        serif=(
            Font("Yizheng Serif", (TYPEFACES / "YizhengSerif.ttf").read_bytes()),
            Font("Noto Serif SC", (shipped / "NotoSerifSC-Regular.otf").read_bytes()),
        ),
        sans=(
            Font("Yizheng Sans", (TYPEFACES / "YizhengSans.ttf").read_bytes()),
            Font("Noto Sans SC", (shipped / "NotoSansSC-Regular.otf").read_bytes()),
        ),
        others=tuple(
            Font(path.stem, path.read_bytes())
            for path in sorted(own.iterdir() if own else ())
            if path.suffix.lower() in _SUFFIXES
        ),
    )
