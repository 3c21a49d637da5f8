"""Values as people write and read them."""

import unicodedata
from datetime import date


def visible(text: str) -> str:
    """The text with every invisible or direction-changing character written out, as `[U+202E]`.

    Such a character makes a page say something else than the data that was signed.
    """
    return "".join(
        f"[U+{ord(character):04X}]" if _invisible(character) else character for character in text.replace("\r\n", "\n")
    )


def _invisible(character: str) -> bool:
    return character not in "\n\t" and unicodedata.category(character) in {"Cf", "Cc", "Co", "Cn", "Cs", "Zl", "Zp"}


def written_day(day: date | None, language: str) -> str:
    """A civil day in words; None is "long-term". Registers write 9999-12-31 for the same."""
    if day is None or day.year == 9999:
        return "长期" if language == "zh-CN" else "long-term"
    if language == "en":
        return day.isoformat()
    return f"{day.year}年{day.month}月{day.day}日"
