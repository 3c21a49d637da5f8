"""How a decision stands that was judged again, and the words for it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hub.intake.resolver import Resolution


class Judged(StrEnum):
    """How a decision stands."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_REPLAYABLE = "not_replayable"


class Because(StrEnum):
    """Why it differs, or cannot be judged again."""

    NONE = ""
    RULE = "rule"
    """The rules of its day give another answer."""
    MATTER_CHANGED = "matter_changed"
    """The stored version is not the one that the hub wrote, or not the one by which it was judged."""
    ANSWER_CHANGED = "answer_changed"
    """What is stored as the answer is not what the entry committed to."""
    ENTRY_CHANGED = "entry_changed"
    """The ledger's entry is not what was committed to."""
    GROUND_CHANGED = "ground_changed"
    """What is stored as its ground is not what the entry committed to."""
    CATALOGUE_CHANGED = "catalogue_changed"
    """A grant, a type, an interface or a licence is not what the hub wrote."""
    UNLISTED = "unlisted"
    """The version of the case has no such requirement."""
    STAND_IN_CHANGED = "stand_in_changed"
    """What stood in is not what was counted."""
    ANSWER_GONE = "answer_gone"
    ERASED = "erased"
    NO_GROUND = "no_ground"
    """It was decided before grounds were kept."""
    GROUND_GONE = "ground_gone"
    OTHER_ERASED = "other_erased"
    PARTY_CHANGED = "party_changed"
    MOMENTARY = "momentary"


WORDS: Final[dict[Because, tuple[str, str]]] = {
    Because.RULE: ("按当日规则和数据，结论不同", "the rules and data of its day give another answer"),
    Because.MATTER_CHANGED: (
        "事项版本已被改动，不是判定所依据的内容",
        "the matter's version is not what it was judged by",
    ),
    Because.ANSWER_CHANGED: ("存储的答复与账本承诺的内容不一致", "the stored answer is not what was committed to"),
    Because.ENTRY_CHANGED: ("账本条目与其承诺不一致", "the ledger's entry is not what was committed to"),
    Because.GROUND_CHANGED: (
        "存储的判定依据与账本承诺的内容不一致",
        "the stored ground is not what was committed to",
    ),
    Because.CATALOGUE_CHANGED: (
        "授权、类型、接口或证照记录已被改动",
        "a grant, type, interface or licence is not what the hub wrote",
    ),
    Because.UNLISTED: ("本办件适用的版本没有该材料", "the version of the case has no such requirement"),
    Because.STAND_IN_CHANGED: (
        "所依据的协查答复、共享件或承诺已不是当时的内容",
        "the officer's answer, sealed copy or promise is not what was counted",
    ),
    Because.ANSWER_GONE: ("答复已不再保存", "the answer is not stored any more"),
    Because.ERASED: ("当事人数据已抹除，账本条目不可读", "the person was erased; the entry cannot be read"),
    Because.NO_GROUND: ("作出时平台尚未留存判定依据", "it was decided before grounds were kept"),
    Because.GROUND_GONE: ("判定依据已不再保存", "its ground is not kept any more"),
    Because.OTHER_ERASED: (
        "取决于另一当事人的数据，该当事人已抹除",
        "it rests on what was told about somebody who was erased",
    ),
    Because.PARTY_CHANGED: ("当事人此后已更正", "the party was corrected since"),
    Because.MOMENTARY: (
        "规则与授权未见不一致；当时无法制作副本、进程中断，或在最后一刻被停用，无法重演",
        "rules and grants do not disagree; a failed copy, a process that ended or a last moment's stop cannot recur",
    ),
}


@dataclass(frozen=True, slots=True)
class Found:
    """How a decision stands, and by which rule: `now` is what the rules give, where they were asked."""

    judged: Judged
    because: Because = Because.NONE
    now: Resolution | None = None
