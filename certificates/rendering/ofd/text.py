"""Words on a page of fixed width: how wide they are, and where a line may end.

Chinese breaks between any two letters, words and numbers do not break; punctuation that closes never begins a line and
one that opens never ends it (GB/T 15834-2011 §5, CLREQ §3.1.2). What is too long for a line by itself breaks anywhere.

All lengths are millimetres; letters stand at the advances of their font, without kerning.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from certificates.rendering.ofd.fonts import Fonts, Use

INK: Final = "29 29 31"
FAINT: Final = "107 107 112"
MM_PER_POINT: Final = 25.4 / 72

_CLOSING: Final = "，。、；：？！）》〉」』】〕〗”’％‰…—·,.;:?!)]}%℃°"
_OPENING: Final = "（《〈「『【〔〖“‘([{￥$"
_WORD: Final = "!-~\u00c0-\u024f"
_UNIT: Final = re.compile(
    rf"[{re.escape(_OPENING)}]*(?:[{_WORD}]+|[^ \t\u3000{_WORD}]|[{re.escape(_OPENING)}])[{re.escape(_CLOSING)}]*"
    r"[ \t\u3000]*|[ \t\u3000]+"
)
_TAB: Final = "    "
_SPACES: Final = " \t\u3000"


@dataclass(frozen=True, slots=True)
class Style:
    """How words look. `stroke_mm`: an outline in the text's own colour, for want of a bold face."""

    size_mm: float
    use: Use = "serif"
    color: str = INK
    tracking_mm: float = 0.0
    stroke_mm: float = 0.0
    alpha: int = 255


@dataclass(frozen=True, slots=True)
class Ruler:
    """Measures and breaks words in the fonts of one face."""

    fonts: Fonts

    def advance(self, letter: str, style: Style) -> float:
        """From this letter to the next."""
        return self.fonts.place(style.use, letter)[1] * style.size_mm + style.tracking_mm

    def width(self, words: str, style: Style) -> float:
        """From the first letter's left to the last one's right."""
        return self._length(words, style) - (style.tracking_mm if words else 0.0)

    def lines(self, words: str, style: Style, width: float) -> list[str]:
        """Break words into lines; a line feed always breaks. At least one line, which may be empty."""
        return [
            line for paragraph in words.replace("\t", _TAB).split("\n") for line in self._wrap(paragraph, style, width)
        ]

    def _wrap(self, paragraph: str, style: Style, width: float) -> Iterator[str]:
        line, length = "", 0.0
        for unit in _UNIT.findall(paragraph):
            # Spaces at a line's end may stand out of it.
            if length + self.width(unit.rstrip(_SPACES), style) > width:
                if line:
                    yield line.rstrip(_SPACES)
                *full, line = self._split(unit, style, width)
                yield from full
                length = self._length(line, style)
            else:
                line += unit
                length += self._length(unit, style)
        yield line.rstrip(_SPACES)

    def _length(self, words: str, style: Style) -> float:
        place, use = self.fonts.place, style.use
        return sum(place(use, letter)[1] for letter in words) * style.size_mm + len(words) * style.tracking_mm

    def _split(self, unit: str, style: Style, width: float) -> Iterator[str]:
        part = ""
        for letter in unit:
            if part and self.width((part + letter).rstrip(_SPACES), style) > width:
                yield part
                part = ""
            part += letter
        yield part
