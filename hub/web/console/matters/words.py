"""Places of a matter's declaration, and its values, as people read them."""

from typing import Any, Final

import yaml

from hub.registry.meanings import Words
from hub.web.console.library.type_words import line_of

_PLACES: Final[dict[str, Words]] = {
    "alternatives": ("可用证照", "alternatives"),
    "choices": ("选项", "choices"),
    "department": ("部门", "department"),
    "facts": ("情形问题", "facts"),
    "in_force_from": ("施行日", "in force from"),
    "in_force_until": ("施行至", "in force until"),
    "legal_basis": ("法律依据", "legal basis"),
    "max_age_days": ("最长天数", "most days old"),
    "name": ("名称", "name"),
    "none_clears": ("查无记录是否算通过", "“none” clears"),
    "owed_clock": ("欠件期间时限", "clock while owed"),
    "papers": ("纸质份数", "papers"),
    "party": ("当事人", "party"),
    "prerequisites": ("前置事项", "prerequisites"),
    "requirements": ("申请材料", "requirements"),
    "reuse_days": ("已提交有效天数", "days that submitted counts"),
    "roles": ("当事人角色", "roles"),
    "situations": ("情形", "situations"),
    "title": ("标题", "title"),
    "when": ("适用条件", "condition"),
    "withdrawn": ("停办", "withdrawn"),
    "zh": ("中文", "Chinese"),
    "en": ("英文", "English"),
}
FATES: Final[dict[str, Words]] = {
    "bring": ("需要提供", "To bring"),
    "spared": ("不用提供", "Not to be brought"),
    "open": ("视情况", "Depends"),
}


def place_words(pointer: str) -> Words:
    """`/requirements/licence/legal_basis` in words; what has no word stands for itself."""
    steps = [_PLACES.get(step, (step, step)) for step in pointer.strip("/").split("/") if step]
    return " · ".join(zh for zh, _ in steps), " · ".join(en for _, en in steps)


def shown_value(value: Any) -> str:
    """A value of a declaration in a table of differences."""
    if value is None:
        return "—"
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False, default_flow_style=True, width=200).strip(" .\n")


def line_words(text: str, pointer: str) -> Words:
    """The line at which a place stands, to put before a finding; empty where nobody can say."""
    line = line_of(text, pointer) if pointer else None
    return (f"第 {line} 行，", f"line {line}, ") if line else ("", "")
