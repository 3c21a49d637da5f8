"""Words of objections, for the pages of holders and of those who answer."""

from collections.abc import Callable, Mapping
from typing import Final

from catalog.store import list_departments
from hub.registry.meanings import Words
from hub.runtime import Hub

KINDS: Final[Mapping[str, Words]] = {
    "licence": ("证照有误", "The licence is wrong"),
    "claim": ("证照上一项内容有误", "One thing on the licence is wrong"),
    "not_loading": ("证照打不开或不能用", "The licence does not load"),
    "missing": ("缺少一份记录", "A record is missing"),
    "field": ("部门给出的一项数据有误", "A value that a department gave is wrong"),
    "access": ("有一次查询我不认得", "A look that I do not know"),
    "rating": ("差评回访", "After a bad rating"),
}
STATES: Final[Mapping[str, tuple[str, str, str]]] = {
    "running": ("处理中", "under way", "wait"),
    "corrected": ("已更正", "corrected", "good"),
    "refused": ("不予更正", "not corrected", "bad"),
    "upheld": ("上级认定应予更正", "upheld: to be corrected", "good"),
    "answered": ("已答复", "answered", "good"),
    "withdrawn": ("已撤回", "withdrawn", "off"),
    "erased": ("已抹除", "erased", "off"),
}
FAULTS: Final[Mapping[tuple[str, str], Words]] = {
    ("/text", "missing"): ("请写明哪里不对", "Say what is wrong"),
    ("/text", "too_long"): ("最多 1000 字", "At most 1000 characters"),
    ("/claim", "unknown_field"): ("请选择有误的是哪一项", "Choose which value is wrong"),
    ("/claim", "unknown_claim"): ("请选择有误的是哪一项", "Choose which entry is wrong"),
    ("/type", "unknown_type"): ("请选择是哪一种证照", "Choose which kind of licence"),
    ("/type", "none_held"): ("此人没有这种证照，请改选“缺少一份记录”", "He has none of this kind: choose “missing”"),
    ("/department", "unknown_department"): ("请选择应由哪个部门提供", "Choose whose it would be"),
    ("/department", "same_department"): ("请选择另一个部门", "Choose another department"),
    ("/department", "handed_before"): (
        "已经转过这个部门，仍有分歧的请转给运行单位决定",
        "It went there before: if you still disagree, hand it to the operator, who decides",
    ),
    ("/department", "decided"): ("运行单位已决定由本部门答复", "The operator has decided that it is yours to answer"),
    ("/department", "not_handed"): (
        "差评回访、复核和上级责成更正的不能转给别的部门",
        "A follow-up of a rating, a review, and what a superior ordered stays where it is",
    ),
    ("/party", "unknown_party"): ("请选择是谁的", "Choose whose it is"),
    ("/party", "nothing_held"): (
        "平台还没有此人的任何记录，请其向发证部门提出",
        "The hub holds nothing of this person yet: the department that issues it takes this up",
    ),
    ("/id", "natural_person"): ("只为自然人更正，请读本人的身份证件", "Persons only: read the person's own card"),
    ("/number", "missing"): ("请输入纸质证照上的编号", "Enter the number that is printed on the paper"),
    ("/kind", "kind"): ("请选择是什么问题", "Choose what it is about"),
    ("/entry", "own_act"): ("这是您本人的操作", "That was your own doing"),
    ("/result", "nothing_corrected"): (
        "证照库在提出异议之后没有变化：请先在证照库更正或重新核发，再答复“已更正”",
        "Nothing in the library has changed since: correct or reissue the licence there first",
    ),
    ("/reason", "missing"): ("请写明理由", "Give the reason"),
    ("/stars", "range"): ("请选择几星", "Choose how many stars"),
    ("/brought", "range"): ("请填 0 到 99 的数", "A number from 0 to 99"),
    ("/next", "missing"): ("请写明不服的可以向谁提出", "Say where the person can go next"),
}
_OTHER: Final[Words] = ("请按要求填写", "Fill this in as it is asked")


def fault(pointer: str, rule: str) -> Words:
    """What is wrong, in words."""
    return FAULTS.get((pointer, rule), _OTHER)


async def missing_choices(hub: Hub, say: Callable[[str, str], str]) -> tuple[list[Words], list[Words]]:
    """Kinds of licences, and departments, to choose from, each with nothing first."""
    departments = await hub.database.read(list_departments)
    types = sorted((item.type.code, say(item.type.name.zh, item.type.name.en)) for item in hub.types.current().values())
    return [("", "—"), *types], [("", "—"), *((item.code, say(item.name_zh, item.name_en)) for item in departments)]
