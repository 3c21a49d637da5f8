"""Grounds and scopes of acting for somebody else, as people read them; and what is wrong with a delegation."""

from collections.abc import Mapping
from typing import Final

from hub.citizens.acting.errors import DelegationError
from hub.citizens.acting.values import Ground, Scope
from hub.citizens.values import BODIES
from hub.intake.counter.lines import masked_name
from hub.issuing.shelf import masked_number
from hub.registry.meanings import Words
from hub.web.console.forms import FieldError

GROUNDS: Final[Mapping[str, Words]] = {
    Ground.LEGAL_REPRESENTATIVE: ("法定代表人", "legal representative"),
    Ground.PARENT: ("监护人", "parent or guardian"),
    Ground.HEIR: ("近亲属（已故）", "next of kin of the dead"),
    Ground.DELEGATE: ("受托代办", "delegate"),
}
SCOPES: Final[Mapping[str, Words]] = {
    Scope.LICENCES: ("看证照清单", "see the list of licences"),
    Scope.OPEN: ("打开证照，看内容和以前的版本", "open licences: what they say, and said before"),
    Scope.ACCESSES: ("看谁看过、看异议", "see who looked, and objections"),
    Scope.FILE: ("到窗口代为办件", "open cases at a counter"),
    Scope.SHOW: ("代为亮证（对方会看到由谁代）", "show licences (the other side is told who does)"),
    Scope.AGREE: ("同意、撤回授权", "agree to uses, and withdraw"),
    Scope.OBJECT: ("提出异议", "object to data"),
    Scope.FILES: ("看版面，下载证照文件", "see their faces, and take files"),
    Scope.COLLECT: ("一键归集", "have licences collected"),
}
STATES: Final[Mapping[str, tuple[Words, str]]] = {
    "stands": (("有效", "in force"), "good"),
    "over": (("已失效", "over"), "off"),
    "withdrawn": (("已撤回", "withdrawn"), "off"),
}
USES: Final[Mapping[str, Words]] = {
    "acting.begun": ("开始代办", "began to act"),
    "acting.saw_licences": ("看了证照清单", "saw the list of licences"),
    "acting.saw_licence": ("看了一份证照的状态和经过", "saw how a licence stands, and its history"),
    "certificate.opened_by_agent": ("打开了一份证照的内容", "opened what a licence says"),
    "certificate.not_opened_by_agent": (
        "向来源部门询问证照内容，没有看到",
        "asked a licence's source, and was shown nothing",
    ),
    "acting.saw_accesses": ("看了谁看过", "saw who had looked"),
    "acting.saw_objections": ("看了异议", "saw the objections"),
    "acting.presented": ("生成了出示码", "made a code"),
    "acting.showing_made": ("准备出示证照", "made a code to show licences"),
    "acting.showing_given": ("答应对方的请求，出示证照", "agreed to show what was asked for"),
    "acting.showing_declined": ("没有答应对方的出示请求", "declined to show what was asked for"),
    "acting.showing_offline": ("生成了离线码", "made an offline code"),
    "acting.showing_taken": ("出示的证照被查看", "showed licences, and they were seen"),
    "acting.filed": ("窗口为其开立了办件", "a counter opened a case for it"),
}
_FIELDS: Final = {"/to": "id_number", "/to/id_number": "id_number", "/to/name": "name"}
_RULES: Final[Mapping[tuple[str, str], Words]] = {
    ("/to", "unconfirmed"): (
        "号码和姓名没有通过核对，请请对方出示证件再填",
        "Number and name were not confirmed: copy them from the card",
    ),
    ("/to", "self"): ("不能授权给自己", "That is yourself"),
    ("/to/id_number", "missing"): ("请填写对方身份证号码", "Enter their identity number"),
    ("/to/name", "missing"): ("请填写对方姓名", "Enter the name"),
    ("/scope", "missing"): ("请至少选一项", "Choose at least one"),
    ("/scope", "without_list"): (
        "要让对方打开证照，请同时选“看证照清单”",
        "To open licences they need the list: choose that, too",
    ),
    ("/matters", "missing"): ("请填写事项，或留空表示全部", "Name matters, or leave it empty for all"),
    ("/matters", "unknown_matter"): (
        "没有这个事项：名称要与“办什么事”里的一致",
        "There is no such matter: name it as “What you need” does",
    ),
    ("/matters", "too_many"): ("最多 50 项", "50 at most"),
    ("/until", "kind"): ("请填写日期，例如 2027-01-31", "Enter a day, as 2027-01-31"),
    ("/until", "out_of_range"): ("从今天起，最长一年", "From today on, a year at most"),
    ("/reason", "missing"): ("请写明原因", "Say why"),
    ("/reason", "too_long"): ("最多 200 字", "200 characters at most"),
    ("", "too_many"): ("同时有效的授权过多，请先撤回几项", "Too many are in force: withdraw some first"),
}
_NUMBER: Final[Words] = ("身份证号码有误", "The number is not right")


def wrong(error: DelegationError) -> FieldError:
    """What is wrong, beside the field of the form."""
    name = _FIELDS.get(error.pointer, error.pointer.removeprefix("/"))
    zh, en = _RULES.get((error.pointer, error.rule), _NUMBER)
    return FieldError(name, zh, en)


def whom(id_type: str, number: str, name: str) -> str:
    """Somebody as a page names him: a company as it is, a person masked."""
    shown = name if id_type in BODIES else masked_name(name)
    return f"{shown} {masked_number(id_type, number)}"
