"""The tables of docs/lifecycle.md, made from the code; `make docs` writes them, a test shows that nothing differs."""

from pathlib import Path
from typing import Final

from certificates.lifecycle.rules import REASON_WORDS, RULES, By, Link
from certificates.lifecycle.states import MAKING, STATUS_BITS, TRANSITIONS, Operation, Status

PAGE: Final = Path("docs/lifecycle.md")
_BEGIN: Final = (
    "<!-- Made from certificates/lifecycle*.py by `make docs`; changes down to the end mark are overwritten. -->"
)
_END: Final = "<!-- end -->"
_STATES: Final = {
    Status.VALID: "有效",
    Status.SUSPENDED: "暂扣",
    Status.SUPERSEDED: "已更新",
    Status.REVOKED: "撤销",
    Status.WITHDRAWN: "吊销",
    Status.CANCELLED: "注销",
    Status.EXPIRED: "失效",
    Status.TRANSFERRING: "办理转出",
    Status.TRANSFERRED: "已转出",
    Status.OTHER: "其他",
}
_BITS: Final = ("0 valid", "1 invalid", "2 suspended", "3 superseded")
_BY: Final = {By.ISSUER: "issuer 发证部门", By.OPERATOR: "operator 运行", By.REGISTER: "register 登记"}
_LINKS: Final = {
    Link.NONE: "",
    Link.PREDECESSOR: "the version it replaces",
    Link.ORIGIN: "`origin`, or `predecessor` in this hub",
}


def written(page: str) -> str:
    """The page with its tables as the code has them. Raises: ValueError without the two marks."""
    before, rest = page.split(_BEGIN)
    _, after = rest.split(_END)
    return f"{before}{_BEGIN}\n{tables()}\n{_END}{after}"


def tables() -> str:
    """States, operations, steps, reasons."""
    parts = (_states(), _operations(), _steps(), _reasons())
    return "\n\n".join(parts)


def _states() -> str:
    rows = [f"| `{status}` | {_STATES[status]} | {_BITS[STATUS_BITS[status]]} |" for status in Status]
    return "\n".join(["### States 状态", "", "| state | 状态 | on a status list |", "|---|---|---|", *rows])


def _operations() -> str:
    rows = []
    for operation, rule in RULES.items():
        by = ", ".join(_BY[item] for item in By if item in rule.by)
        reasons = " ".join(f"`{reason}`" for reason in REASON_WORDS if reason in rule.reasons)
        makes = "a new version" if operation in MAKING else ""
        rows.append(f"| `{operation}` | {rule.title} | {by} | {makes} | {_LINKS[rule.link]} | {reasons} |")
    head = "| operation | 操作 | who | makes | names | reason codes |"
    return "\n".join(["### Operations 操作", "", head, "|---|---|---|---|---|---|", *rows])


def _steps() -> str:
    """Which operation leads from which state to which."""
    rows = []
    for status in Status:
        steps = [f"`{item}` → {TRANSITIONS[status, item]}" for item in Operation if (status, item) in TRANSITIONS]
        rows.append(f"| `{status}` | {', '.join(steps) or 'nothing'} |")
    return "\n".join(["### What may follow 状态转换", "", "| from | operation → state |", "|---|---|", *rows])


def _reasons() -> str:
    rows = [f"| `{reason}` | {zh} | {en} |" for reason, (zh, en) in REASON_WORDS.items()]
    return "\n".join(["### Reasons 原因", "", "| code | 原因 | |", "|---|---|---|", *rows])
