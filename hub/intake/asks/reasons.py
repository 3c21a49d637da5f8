"""Why a clerk asks all the same: a closed list, each by one key; and the words of the rules."""

from enum import StrEnum
from typing import Any, Final

from catalog.matters.asking import NoAsk


class Reason(StrEnum):
    """Why, in the order of the keys."""

    DATA_WRONG = "data_wrong"
    DATA_STALE = "data_stale"
    ORIGINAL = "original_wanted"
    OFFERED = "offered"
    FAILED = "hub_failed"
    INSTRUCTED = "instructed"
    OTHER = "other"


REASONS: Final[dict[Reason, tuple[str, str, str]]] = {
    Reason.DATA_WRONG: ("1", "调取的数据与实际不符", "what was fetched is not so"),
    Reason.DATA_STALE: ("2", "部门数据尚未更新", "the department's data are not up to date"),
    Reason.ORIGINAL: ("3", "法规要求查验原件", "the law wants the original seen"),
    Reason.OFFERED: ("4", "当事人主动提供", "the person offered it"),
    Reason.FAILED: ("5", "平台或部门系统无应答", "the hub or a department's system did not answer"),
    Reason.INSTRUCTED: ("6", "本部门内部要求", "my department wants it so"),
    Reason.OTHER: ("9", "其他原因", "another reason"),
}
"""By reason: the key, Chinese, English."""

RULES: Final[dict[NoAsk, tuple[str, str]]] = {
    NoAsk.NO_BASIS: ("没有法律依据，或依规定本办件不需要", "no law wants it, or not of this case"),
    NoAsk.OWN_DEPARTMENT: ("本部门核发，不得要求提供", "the asking department issues it itself"),
    NoAsk.SUBMITTED: ("有效期内已经提交", "it was handed in already, within its period"),
    NoAsk.FINDABLE: ("平台可以查询或核验", "it can be found in the library or in a department's system"),
}
"""What is said of a rule that an ask breaks."""


def told_reasons(language: str) -> list[dict[str, Any]]:
    """The list as a clerk's page shows it."""
    place = 2 if language == "en" else 1
    return [{"reason": reason.value, "key": words[0], "title": words[place]} for reason, words in REASONS.items()]


def told_rule(rule: NoAsk | None, language: str) -> dict[str, str] | None:
    """A rule with its words."""
    if rule is None:
        return None
    return {"code": rule.value, "text": RULES[rule][1 if language == "en" else 0]}
