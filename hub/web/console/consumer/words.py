"""Words of the consumer's pages: facets of the catalogue, steps of a request, what a case can show."""

from collections.abc import Mapping
from typing import Any, Final

from hub.registry.meanings import CORROBORATION, Words
from hub.web.console.owner.words import CYCLES, OUTCOMES, SHARING, STATES

FACETS: Final = (
    ("kind", "类型", "Kind"),
    ("department", "部门", "Department"),
    ("theme", "类目", "Category"),
    ("sharing", "共享属性", "Sharing"),
    ("update_cycle", "更新周期", "Update cycle"),
    ("state", "状态", "State"),
)
VALUES: Final[Mapping[str, Mapping[str, Words]]] = {
    "kind": {
        "interface": ("数据接口", "Interface"),
        "certificate_type": ("证照类型", "Certificate type"),
        "matter": ("事项", "Matter"),
        "department": ("部门", "Department"),
    },
    "sharing": {code: (zh, en) for code, zh, en in SHARING},
    "update_cycle": {code: (zh, en) for code, zh, en in CYCLES},
    "state": {code: (zh, en) for code, (zh, en, _) in STATES.items()},
}
SHARING_LOOKS: Final[Mapping[str, str]] = {"unconditional": "good", "conditional": "wait", "not_shared": "bad"}
ORIGIN_WORDS: Final[Mapping[str, Words]] = {
    "party.id_number": ("办件当事人的证件号码（平台填写）", "the party's number (the hub fills it in)"),
    "party.name": ("办件当事人的姓名或名称（平台填写）", "the party's name (the hub fills it in)"),
    "subject.code": ("办件标的编号（平台填写）", "the case's subject (the hub fills it in)"),
    "caller": ("由本系统填写", "your system gives it"),
}
CASE_KINDS: Final = (
    ("application", "依申请办理", "On application", "当事人提出申请的办件", "Cases that somebody applied for"),
    (
        "ex_officio",
        "依职权办理",
        "Ex officio",
        "须列明办理人员，由数据提供部门审批",
        "Names its officers; the owner always decides",
    ),
)
STEP_WORDS: Final[Mapping[str, Words]] = {
    "file": ("提交申请", "filed"),
    "ask_more": ("告知补充", "asked for more"),
    "supply": ("补充材料", "supplied"),
    "extend": ("延长期限", "time extended"),
    "approve": ("同意", "granted"),
    "refuse": ("不予同意", "refused"),
    "withdraw": ("撤回", "withdrawn"),
    "lapse": ("视为撤回", "lapsed"),
    "reopen": ("重新答复", "to be answered again"),
    "dispute.open": ("提出争议", "disputed"),
    "dispute.settle": ("协商一致", "settled"),
    "dispute.escalate": ("提请主管部门", "put to the operator"),
    "dispute.decide": ("主管部门决定", "decided"),
    "dispute.appeal": ("提请共同上级", "put to the superior"),
    "dispute.close": ("登记上级决定", "superior's decision recorded"),
}
ACTORS: Final[Mapping[str, Words]] = {
    "staff": ("工作人员", "staff"),
    "system": ("应用系统", "system"),
    "rule": ("平台按规则", "the hub, by rule"),
    "command": ("运行人员", "operator"),
}
FIELD_TYPES: Final[Mapping[str, Words]] = {
    "C": ("字符", "text"), "N": ("数值", "number"), "D": ("日期", "date"), "T": ("日期时间", "date and time"),
    "L": ("是/否", "yes or no"), "B": ("二进制", "binary"),
}  # fmt: skip
"""Types of the national guide."""
SHARED: Final[Mapping[str, Any]] = {
    "states": STATES,
    "outcomes": OUTCOMES,
    "values": VALUES,
    "sharing_looks": SHARING_LOOKS,
    "origins": ORIGIN_WORDS,
    "corroborations": {code: (zh, en) for code, zh, en in CORROBORATION},
    "case_kinds": {code: (zh, en) for code, zh, en, _, _ in CASE_KINDS},
    "steps_words": STEP_WORDS,
    "actors": ACTORS,
    "types": FIELD_TYPES,
}
"""What every template of the consumer's pages gets."""
