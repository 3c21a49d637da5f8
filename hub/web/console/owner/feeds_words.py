"""Words of the pages about feeds: states, outcomes, findings, and what is wrong with a declaration."""

from collections.abc import Mapping
from typing import Final

from hub.collection.errors import NotEntitledError
from hub.registry.meanings import Words, failure
from hub.registry.requests.errors import NoSecondPersonError
from hub.storage.errors import MissingError

Look = tuple[str, str, str]
STATES: Final[Mapping[str, Look]] = {
    "active": ("运行中", "active", "good"),
    "unconfirmed": ("待复核", "waits for a second person", "wait"),
    "ended": ("已终止", "ended", "off"),
}
RUNS: Final[Mapping[str, Look]] = {
    "running": ("归集中", "running", "wait"),
    "finished": ("已完成", "finished", "good"),
    "failed": ("未能归集", "failed", "bad"),
}
COMPARED: Final[Mapping[str, Look]] = {
    "agrees": ("一致", "agrees", "good"),
    "differs": ("不一致", "differs", "wait"),
    "too_many_missing": ("缺失过多，未作处理", "too many missing; nothing was done", "bad"),
    "not_wholly_read": ("未能完整读取，未作处理", "not wholly read; nothing was done", "bad"),
    "failed": ("未能对账", "failed", "bad"),
}
OUTCOMES: Final = (
    ("issued", "新发", "issued"),
    ("updated", "更新", "updated"),
    ("unchanged", "不变", "unchanged"),
    ("ended", "终止", "ended"),
    ("rejected", "退回", "rejected"),
    ("normalised", "规范化", "repaired"),
)
COUNTS: Final = (
    ("register", "登记簿行数", "rows of the register"),
    ("library", "有效证照", "licences that stand"),
    ("equal", "一致", "equal"),
    ("gaps", "缺口：有登记无证照", "gaps: records without a licence"),
    ("orphans", "孤立：有证照无登记", "orphans: licences without a record"),
    ("differing", "内容不同", "differing"),
    ("ended", "登记已终止而证照仍有效", "ended in the register, standing in the library"),
    ("stopped", "登记有效而证照已被撤销等", "in the register, stopped by an act"),
    ("newer", "读取后才产生", "newer than the reading"),
    ("unreadable", "不可读的行", "rows that cannot be read"),
    ("repeated", "重复的行", "repeated rows"),
    ("acted", "本次撤销", "revoked by it"),
)
SAID: Final[Mapping[str, Words]] = {
    "run": ("已排队，即将归集", "It is in line, and collected next"),
    "reconcile": ("已排队，即将对账", "It is in line, and reconciled next"),
    "end": ("已终止，不再询问数据源；已发证照不变", "Ended: its source is asked no more; its licences stay"),
    "confirm": ("已复核，开始运行", "Confirmed; it runs"),
}
REFUSED: Final[Mapping[type[Exception], Words]] = {
    MissingError: ("颁发机构或编码属于其他部门", "Issuer or code are another department's"),
    NotEntitledError: ("本部门无权颁发此类证照", "The department may not issue this type"),
    NoSecondPersonError: (
        "须由另一名审批人员复核，而本部门没有；请运行单位先指定一名",
        "An approver must confirm it, and the department has no other; the operator appoints one first",
    ),
}
_RULES: Final[Mapping[str, Words]] = {
    "unknown": ("没有此项，或不属于本部门", "no such thing, or not of this department"),
    "missing": ("没有 full，无法读取整个登记簿；请先修改登记", "no `full`: it cannot read its register whole"),
    "paged_by_offset": (
        "full 以 offset 翻页，读取时行会移动，可能漏行；请改用 after",
        "`full` is paged by `offset`: rows shift while they are read; page by `after`",
    ),
    "unknown_claim": ("证照类型没有这个字段", "the type has no such claim"),
    "required_claim_not_mapped": ("必填字段没有对应的列", "a required claim has no column"),
}


_PROBLEMS: Final[Mapping[str, tuple[Words, Words]]] = {
    "NotEntitledError": (REFUSED[NotEntitledError], ("运行单位：核对本部门可颁发的类型", "The operator: see which types it issues")),
    "TypeHaltedError": (("该类证照已停用", "The type is stopped for now"), ("运行单位：恢复后自动继续", "The operator: it goes on when the type does")),
    "MissingError": (("数据源已不在，或不属于本部门", "The source is gone, or not of this department"), ("本部门：修改登记内容", "The department: declare it anew")),
    "RunElsewhereError": (("另一进程正在归集同一任务", "Another process is collecting it"), ("无须处理，结束后自动继续", "Nobody: it goes on afterwards")),
}  # fmt: skip
_OWN: Final = (
    ("平台未能办理", "The hub could not do it"),
    ("无须处理，平台会再试；反复出现时请告诉运行单位", "Nobody: it is tried again. If it stays so, tell the operator"),
)


def problem(name: str) -> tuple[Words, Words]:
    """What stopped a run, by a source's code or the name of an error, and who must act."""
    return _PROBLEMS.get(name) or (failure(name) if name.islower() else _OWN)


def fault(pointer: str, rule: str) -> Words:
    """What is wrong at a place of a declaration."""
    place = pointer.strip("/") or "definition"
    zh, en = _RULES.get(rule) or (failure(rule)[0] if place == "source" else (rule, rule))
    return f"{place}：{zh}", f"{place}: {en}"
