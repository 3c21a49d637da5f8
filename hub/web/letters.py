"""Letters that a device may have no font for: rare characters of names and places 生僻字."""

from collections.abc import Sequence
from typing import Final

_RARE: Final = ((0x3400, 0x4DBF), (0xE000, 0xF8FF), (0x20000, 0x10FFFF))
"""Extension A, private use, and every plane behind the first."""


def rare(text: str) -> Sequence[tuple[str, str]]:
    """Each such letter of a text once, in its order, with its place in Unicode as people look it up."""
    found = dict.fromkeys(letter for letter in text if any(first <= ord(letter) <= last for first, last in _RARE))
    return [(letter, f"U+{ord(letter):04X}") for letter in found]
