"""The one Jinja environment of all pages: autoescaped, and a name that is not given is an error."""

import json
from datetime import datetime, timedelta
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from hub.clock import BEIJING
from hub.settings import Settings
from hub.web.letters import rare
from hub.web.static_files import static

TEMPLATES: Final = Environment(
    loader=PackageLoader("hub.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def foot_of(settings: Settings) -> dict[str, Any]:
    """What stands at the foot of every page: the operator's lines, whom to call, whether the data are invented."""
    return {
        "footer": settings.site_footer,
        "telephone": settings.site_telephone,
        "report_url": settings.site_report_url,
        "demonstration": (settings.home / "sample").exists(),
    }


def beijing(instant: datetime | None) -> str:
    """`2026-11-22 09:05`, Beijing time; an em dash for None. Say the zone once, in the caption or the label."""
    return "—" if instant is None else instant.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")


TEMPLATES.filters["beijing"] = beijing
TEMPLATES.filters["rare"] = rare
TEMPLATES.globals["static"] = static


def instant_beijing(text: str | None) -> str:
    """The same for an instant as JSON has it."""
    return beijing(datetime.fromisoformat(text) if text else None)


def pretty(value: object) -> str:
    """JSON for people to read; escaped by the template like any other text."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def last_day(instant: datetime | None) -> str:
    """The last civil day, inclusive, of something that ends at an instant; an em dash for None."""
    return "—" if instant is None else (instant - timedelta(microseconds=1)).astimezone(BEIJING).date().isoformat()


TEMPLATES.filters["last_day"] = last_day
TEMPLATES.filters["instant_beijing"] = instant_beijing
TEMPLATES.filters["tojson_pretty"] = pretty
