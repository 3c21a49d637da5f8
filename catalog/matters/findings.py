"""What may be found in a matter: the level of each finding, and its words. `linting` looks for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from catalog.errors import DefinitionError
from catalog.matters.asking import NoAsk


class Level(StrEnum):
    """Whether a finding blocks."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, where (a JSON pointer into the declaration), and what to do, in both languages."""

    level: Level
    code: str
    pointer: str
    zh: str
    en: str
    requirement: str = ""

    def as_json(self) -> dict[str, Any]:
        """As problems, commands and pages tell it."""
        return {
            "level": self.level.value, "rule": self.code, "pointer": self.pointer, "requirement": self.requirement,
            "zh": self.zh, "en": self.en,
        }  # fmt: skip


class MatterFaultsError(DefinitionError):
    """A matter that may not be published. `findings` are its errors."""

    def __init__(self, matter: str, findings: Sequence[Finding]) -> None:
        told = "; ".join(f"{item.requirement or matter}: {item.code}: {item.en}" for item in findings)
        super().__init__(f"matter {matter} cannot be published: {told}")
        self.findings = tuple(findings)


WORDS: Final[dict[str, tuple[Level, str, str]]] = {
    NoAsk.NO_BASIS: (
        Level.ERROR,
        "没有写明具体的法律依据或材料名称，不得要求提供；请写明法规名称与条款、材料名称，或删去",
        "no law, or no paper, is named: nobody may be asked for it; name both, or strike it out",
    ),
    NoAsk.OWN_DEPARTMENT: (
        Level.ERROR,
        "“{paper_zh}”由本部门核发，不得要求提供；请在 alternatives 中写明该证照，由平台调取",
        "{paper_en} is issued by this department itself: name the type in an alternative, and the hub fetches it",
    ),
    NoAsk.SUBMITTED: (
        Level.ERROR,
        "与 {other} 重复，同一材料不得要求提交两次",
        "{other} asks for it already: nobody may be asked twice",
    ),
    NoAsk.FINDABLE: (
        Level.ERROR,
        "“{paper_zh}”可由平台调取，不得要求提供；请在 alternatives 中写明该证照",
        "the hub can fetch {paper_en}: name the type in an alternative",
    ),
    "circular": (Level.ERROR, "互为前置：{ring}", "these matters are prerequisites of each other: {ring}"),
    "never_applies": (
        Level.ERROR,
        "条件在任何情形下都不成立；不再需要的，请写 in_force_until",
        "the condition can never hold; what is wanted no more gets in_force_until",
    ),
    "always_applies": (Level.WARNING, "条件在任何情形下都成立，可以删去", "the condition always holds: strike it out"),
    "maybe_findable": (
        Level.WARNING,
        "名称提到“{paper_zh}”，平台可以调取，但 alternatives 中没有",
        "the title speaks of {paper_en}, which the hub can fetch, and no alternative names it",
    ),
    "catch_all_wording": (
        Level.WARNING,
        "“{words}”是兜底表述，请逐项写明材料",
        "“{words}” is catch-all wording: name each paper",
    ),
    "unreachable_alternative": (
        Level.WARNING,
        "第 {first} 种方式要求更少，本方式永远用不到",
        "alternative {first} before it wants less: this one is never used",
    ),
    "more_than_needed": (
        Level.WARNING,
        "后面的第 {first} 种方式要求更少也已足够，应排在前面",
        "alternative {first} after it wants less and suffices: it comes first",
    ),
    "unknown_type": (Level.WARNING, "没有登记证照类型 {type}", "there is no certificate type {type}"),
    "unknown_interface": (Level.WARNING, "没有发布数据接口 {interface}", "no interface {interface} is published"),
    "unknown_field": (Level.WARNING, "该证照没有字段 {field}", "the type has no field {field}"),
    "where_never_fits": (
        Level.ERROR,
        "where 中的 {field} 与情形 {fact} 的类型不同，永远不会相符",
        "where: {field} and {fact} are of different kinds and can never be equal",
    ),
    "where_not_here": (
        Level.ERROR,
        "该证照的内容不在平台，where 无从比对；请改用其数据接口",
        "the content of this type lies elsewhere, and nothing can be compared: name its interface instead",
    ),
    "nobody_issues": (
        Level.WARNING,
        "各种方式都有无人核发的证照，只能由申请人提供",
        "every alternative has a type that nobody here issues: it will always be asked of the person",
    ),
    "promise_without_basis": (
        Level.ERROR,
        "告知承诺没有写明具体的法律依据，不得适用；请写明法规名称与条款",
        "no law lets a promise stand in: name it, or strike the commitment out",
    ),
    "unknown_verifier": (Level.WARNING, "没有登记协查部门 {department}", "there is no department {department} to ask"),
    "unread_fact": (Level.WARNING, "没有任何条件用到该情形，不必询问", "no condition reads it: it need not be asked"),
    "unknown_prerequisite": (Level.WARNING, "没有事项 {other}", "there is no matter {other}"),
    "english_missing": (Level.WARNING, "缺少英文", "this is not in English"),
}
"""By code: the level, and what is said."""


def errors(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Those that block."""
    return tuple(item for item in findings if item.level is Level.ERROR)


def unreadable(error: DefinitionError) -> Finding:
    """A declaration that cannot be read, as a finding."""
    return Finding(Level.ERROR, "unreadable", "", f"无法读取：{error}", f"it cannot be read: {error}")


def found(code: str, pointer: str, requirement: str = "", **params: object) -> Finding:
    """A finding in its words."""
    level, zh, en = WORDS[code]
    return Finding(level, str(code), pointer, zh.format(**params), en.format(**params), requirement)
