"""Words of the dossier's pages: what came of asking a source, and what cannot be done now."""

from collections.abc import Mapping
from typing import Final

from hub.citizens.dossier.cards import Standing
from hub.collection.by_holder import Outcome
from hub.registry.meanings import Words
from hub.web.console.forms import FieldError

OUTCOMES: Final[Mapping[str, tuple[str, str, str]]] = {
    "": ("正在询问", "being asked", "info"),
    Outcome.ISSUED.value: ("归集到证照", "collected", "good"),
    Outcome.UNCHANGED.value: ("没有变化", "nothing new", "good"),
    Outcome.ENDED.value: ("登记已终止", "ended in the register", "off"),
    Outcome.NO_RECORD.value: ("没有查到记录", "no record found", "off"),
    Outcome.REJECTED.value: ("记录有缺漏，不能生成证照", "a record that is no licence yet", "wait"),
    Outcome.SOURCE_UNAVAILABLE.value: ("部门系统暂时不通", "the department is away", "wait"),
    Outcome.NOT_ALLOWED.value: ("没有询问", "not asked", "off"),
    Outcome.FAILED.value: ("没有成功，运行单位已收到告警", "failed; the operator was alarmed", "wait"),
}
"""Outcome → Chinese, English, look of its tag."""
STANDINGS: Final[Mapping[str, Words]] = {
    "": ("全部状态", "In any state"),
    Standing.STANDS.value: ("有效、暂扣", "In force, or suspended"),
    Standing.SOON.value: ("90 天内到期", "Ends within 90 days"),
    Standing.OVER.value: ("过期、失效、被取代", "Expired, ended, replaced"),
}
WRONG: Final[Mapping[str, FieldError]] = {
    "state": FieldError(
        "files",
        "证照现非有效，不出具版面；可以查看内容，下载 SD-JWT 或 JSON",
        "It is not in force now: no page of it is given out. What it says, SD-JWT and JSON are",
    ),
    "over": FieldError(
        "files",
        "证照现非有效，内容不再向来源部门查询",
        "It is in force no more, so its department is not asked what it says",
    ),
    "format": FieldError(
        "files", "此类证照或本平台不提供该格式", "This kind of licence, or this hub, does not offer the format"
    ),
    "hour": FieldError("again", "一小时内只能归集一次", "Once an hour"),
}
CONTRADICTS: Final[Mapping[str, Words]] = {
    "gone": ("该部门的系统里现在没有这份证照", "Its department's system has no such licence now"),
    "several": (
        "该部门的系统里有不止一份记录，分不清是哪一份",
        "Its department's system has more than one record of it",
    ),
    "other_record": ("该部门的系统给出的是另一个人的记录", "Its department's system answered about somebody else"),
    "other_number": ("该部门的系统给出的编号不同", "Its department's system gives another number"),
    "ended": ("该部门的系统写明这份证照已经失效", "Its department's system says that it is in force no more"),
    "other_end": ("该部门的系统写的有效期不同", "Its department's system gives another last day"),
}
"""What a source said that contradicts the index."""
