"""What needs a holder, for the top of his first page: in words, with a link to where he deals with it; the most urgent
first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hub.citizens.authorising.values import Asked
from hub.citizens.licences import Licence
from hub.registry.meanings import Words
from hub.web.console.library.words import STATUSES

MOST: Final = 3
"""Licences that are named one by one; further ones are counted."""
_TROUBLED: Final = frozenset({"suspended", "expired"})
"""States that somebody can do something about. What was revoked or replaced is told by a notice."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line. `tag`: a word and its look."""

    path: str
    words: Words
    tag: tuple[Words, str]


def waiting(*, asked: Sequence[Asked], answers: int, unread: int, licences: Sequence[Licence]) -> list[Waiting]:
    """Questions that are open, new answers, licences that end or do not stand, notices not read."""
    found = []
    if questions := sum(1 for item in asked if item.state == "asked" and item.runs):
        words = (f"{questions} 件事征求您同意", f"Asked for your agreement: {questions}")
        found.append(Waiting("/me/authorisations", words, (("等您决定", "yours to decide"), "wait")))
    if answers:
        words = (f"{answers} 条异议答复", f"Answers to objections: {answers}")
        found.append(Waiting("/me/objections", words, (("新答复", "new"), "info")))
    found += _of_licences([item for item in licences if item.ends_soon or item.status in _TROUBLED])
    if unread:
        words = (f"{unread} 条通知", f"Notices: {unread}")
        found.append(Waiting("/me/notices", words, (("未读", "unread"), "info")))
    return found


def _of_licences(troubled: Sequence[Licence]) -> list[Waiting]:
    lines = []
    for item in troubled[:MOST]:
        zh, en, look = STATUSES[item.status]
        tag = (("即将到期", "ends soon"), "wait") if item.ends_soon else ((zh, en), look)
        words: Words = (item.type_zh, item.type_en)
        if item.ends_soon and item.days_left is not None:
            words = (f"{item.type_zh}：还有 {item.days_left} 天", f"{item.type_en}: days left {item.days_left}")
        lines.append(Waiting(f"/me/licences/{item.identifier}", words, tag))
    if (more := len(troubled) - MOST) > 0:
        words = (f"另有 {more} 份证照", f"Further licences: {more}")
        lines.append(Waiting("/me/licences", words, (("请查看", "see"), "wait")))
    return lines
