"""Templates of faces: those that ship, and what is put in front of every one."""

import re
from functools import cache
from importlib import resources
from typing import Final

from certificates.errors import RenderingError

SHIPPED: Final = ("certificate", "letter", "card")
MAX_TEMPLATE_CHARACTERS: Final = 64 * 1024
_PART: Final = re.compile(r"^// For: (\w+)\n#let ([\w-]+).*?(?=\n\n)", re.MULTILINE | re.DOTALL)
"""A part of base.typ that not every face needs."""
_COMMENT: Final = re.compile(r"^ *//.*$", re.MULTILINE)


@cache
def shipped(name: str) -> str:
    """The text of a template that ships. Raises: RenderingError ("unknown_template")."""
    if name not in SHIPPED:
        raise RenderingError("unknown_template")
    return _text(name)


def whole_source(template: str, needs: frozenset[str] | None = None) -> str:
    """A template behind what it stands on. It needs no import: while faces are set, no file can be opened.

    Args:
        needs: which parts that not every face needs this one has a use for; None for all of them.
    """
    return (_base() if needs is None else _needed(needs)) + template


def own_line(line: int) -> int | None:
    """The line in the template of a line in `whole_source`; None for one of ours."""
    before = _base().count("\n")
    return line - before if line > before else None


@cache
def _base() -> str:
    return _text("base")


@cache
def _needed(needs: frozenset[str]) -> str:
    """As many lines as the whole: a fault is told by its line."""

    def kept(part: re.Match[str]) -> str:
        return part[0] if part[1] in needs else f"#let {part[2]}(..any) = none" + "\n" * part[0].count("\n")

    return _COMMENT.sub("", _PART.sub(kept, _base()))


def _text(name: str) -> str:
    folder = resources.files("certificates.rendering").joinpath("templates")
    return folder.joinpath(f"{name}.typ").read_text(encoding="utf-8")
