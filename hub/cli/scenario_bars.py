"""A waterfall as a picture in text: what was asked for before, what falls away at each step, and what is left. Pure."""

from typing import Final

from catalog.waterfall import Step, Waterfall

WIDTH: Final = 40
_FULL, _HALF, _THIN = "█", "▌", "▏"


def bars(found: Waterfall, width: int = WIDTH) -> list[str]:
    """The bar of the list before, then one of each step, each where the last one left off; the last stands on the
    ground. A step that took something is never invisible.
    """
    whole, left = found.before or 1, found.before
    drawn = [_bar(0, left, whole, width)]
    for step in Step:
        papers = found.steps[step]
        drawn.append(_bar(left - papers, left, whole, width) if papers else "")
        left -= papers
    return drawn


def _bar(start: int, end: int, whole: int, width: int) -> str:
    """Drawn in halves of a character, the left edge on a whole one; less than half a one is a hair."""
    first = int(start * width / whole)
    if 2 * (end - start) * width < whole:
        return " " * first + _THIN
    halves = round(2 * end * width / whole) - 2 * first
    return " " * first + _FULL * (halves // 2) + (_HALF if halves % 2 else "")
