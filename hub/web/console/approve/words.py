"""Words of the approver's pages."""

from typing import Any, Final

STAGES: Final = {
    "filed": ("已登记", "filed", "off"),
    "accepted": ("已受理，待审批", "accepted, waits for a decision", "wait"),
    "decided": ("已审批", "decided", "good"),
    "closed": ("已办结", "closed", "good"),
}
DECISIONS: Final = {
    "granted": ("准予", "granted"),
    "refused": ("不予批准", "refused"),
    "not_accepted": ("不予受理", "not accepted"),
}
STEPS: Final = {
    "amend": ("更正", "amended"),
    "accept": ("受理", "accepted"),
    "ask_more": ("一次性告知补正", "what is missing was told"),
    "supplied": ("已补正", "supplied"),
    "decide": ("审批", "decided"),
    "facts": ("补充情况", "questions answered"),
    "notice": ("出具通知", "a notice was given"),
    "dead_end": ("转“办不成事”窗口", "sent to the desk for what could not be done"),
}
CLOCKS: Final = {"accept": ("受理期限", "to accept"), "decide": ("审批期限", "to decide")}
FIELDS: Final = {
    "filled": ("来自记录", "from records", "good"),
    "chosen": ("记录不一致，当事人选定", "records differ; chosen by the person", "wait"),
    "changed": ("当事人修改，与记录不同", "the person says what no record says", "wait"),
    "answered": ("当事人填写", "the person's word", "off"),
}
"""How the value of a signed form came to be; a state that is not here is of no signed form."""
SHARED: Final[dict[str, Any]] = {
    "stages": STAGES,
    "decisions": DECISIONS,
    "steps": STEPS,
    "clock_names": CLOCKS,
    "field_states": FIELDS,
}
