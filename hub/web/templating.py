"""The one Jinja environment of all pages: autoescaped, and a name that is not given is an error."""

from datetime import datetime
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from hub.clock import BEIJING

TEMPLATES: Final = Environment(
    loader=PackageLoader("hub.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def beijing(instant: datetime | None) -> str:
    """`2026-11-22 09:05`, Beijing time; an em dash for None. Say the zone once, in the caption or the label."""
    return "—" if instant is None else instant.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")


TEMPLATES.filters["beijing"] = beijing
