"""An entry about somebody as answers and files tell it: in JSON, and as a line of a table."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from hub.citizens.accesses import Access, Late
from hub.clock import rfc3339
from hub.registry.meanings import Words
from hub.web.templating import beijing

Told = Callable[[str, str], str]
"""Which of the Chinese and the English words are read."""
LOOKS: Final[Mapping[str, Words]] = {
    "look": ("看了信息", "data seen"),
    "nothing": ("未提供", "nothing given"),
    "own": ("本人操作", "by you"),
    "change": ("记录变动", "records changed"),
}
HEADS: Final[tuple[Words, ...]] = (
    ("时间（北京时间）", "When (Beijing time)"),
    ("类别", "Class"),
    ("部门", "Department"),
    ("做了什么", "What"),
    ("事项", "Matter"),
    ("办件", "Case"),
    ("用途", "Purpose"),
    ("证照", "Licences"),
    ("给出的内容", "Given"),
    ("依据", "Ground"),
    ("有关的人", "Person"),
    ("次数", "Times"),
    ("推迟告知", "Shown late"),
    ("与账本相符", "Matches the log"),
    ("账本编号", "Entry"),
)
"""What a table says of each entry: what its page says, and nothing else."""


def cells_of(item: Access, t: Told) -> list[str]:
    """One entry, as its line on the page reads."""

    def listed(words: Iterable[Words]) -> str:
        return t("、", ", ").join(t(*one) for one in words)

    return [
        beijing(item.at),
        t(*LOOKS[item.look]),
        t(*item.department),
        t(*item.what),
        t(*item.matter),
        item.case_no,
        item.purpose,
        listed(item.licences),
        listed(item.fields),
        t("；", "; ").join(item.ground),
        item.person,
        str(item.times),
        _late_cell(item.late, t) if item.late else "",
        t("是", "yes") if item.whole else t("否", "no"),
        item.id,
    ]


def access_json(item: Access, t: Told) -> dict[str, Any]:
    """As answers tell of an entry about somebody. Additive only."""
    return {
        "id": item.id,
        "at": rfc3339(item.at),
        "kind": item.kind,
        "class": item.look,
        "what": t(*item.what),
        "whole": item.whole,
        "department": t(*item.department),
        "matter": t(*item.matter),
        "case_no": item.case_no,
        "purpose": item.purpose,
        "person": item.person or None,
        "licences": [t(*words) for words in item.licences],
        "fields": [t(*words) for words in item.fields],
        "ground": list(item.ground),
        "times": item.times,
        "late": None if item.late is None else _late(item.late, t),
    }


def telling(language: str) -> Told:
    """In the language of a request."""
    return lambda zh, en: en if language == "en" else zh


def _late(item: Late, t: Told) -> dict[str, Any]:
    return {
        "department": t(*item.department),
        "reason": t(*item.reason),
        "ground": item.ground,
        "until": rfc3339(item.until),
    }


def _late_cell(item: Late, t: Told) -> str:
    return t("；", "; ").join([t(*item.department), t(*item.reason), item.ground, beijing(item.until)])
