"""Matters and life events by the names that people know them by 事项名称: a code is for programs."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from hub.registry.meanings import Words
from hub.runtime import Hub

Names = Mapping[str, Words]
"""By code, what it is called."""
_BETWEEN: Final = re.compile(r"[,，、;；\n]")


async def names_of(hub: Hub) -> Names:
    """Of all matters, and of the life events in force."""
    matters = {item["code"]: (item["name"]["zh"], item["name"]["en"]) for item in await hub.registry.matters.public()}
    return matters | {item.code: (item.title_zh, item.title_en) for item in await hub.life_events.listed()}


async def titles_in(hub: Hub, codes: Iterable[str] | None, language: str) -> list[str]:
    """What these are called; empty for none, and nothing is asked."""
    return titles(codes, await names_of(hub), language) if codes else []


def codes_in(text: str, names: Names) -> frozenset[str] | None:
    """The codes of names or codes with commas between (codes also with spaces); None: nothing was written."""
    if not text.strip():
        return None
    known = {word.casefold(): code for code, words in names.items() for word in words}
    parts = [part.strip() for part in _BETWEEN.split(text)]
    return frozenset(
        code
        for part in parts
        for code in ([known[part.casefold()]] if part.casefold() in known else part.split())
    )  # fmt: skip


def titles(codes: Iterable[str], names: Names, language: str) -> list[str]:
    """What they are called, sorted; one that is none any more by its code."""
    return sorted(names[code][language == "en"] if code in names else code for code in codes)
