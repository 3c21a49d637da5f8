"""The no-ask rules 不得要求提供: what no matter may be published with, and what no clerk may ask for.

Only what is certain is an objection. A guess would be argued with, and then the rule would be switched off.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from catalog.matters.values import Matter, Need, Requirement


class NoAsk(StrEnum):
    """Why a paper may not be asked for."""

    NO_BASIS = "no_basis"
    """No law wants it 没有法律法规依据."""
    OWN_DEPARTMENT = "own_department"
    """The asking department issued it 本部门核发."""
    SUBMITTED = "submitted"
    """The person has handed it in already 已经提交."""
    FINDABLE = "findable"
    """It lies in the library or in a department's system 能够查询或核验."""


_NO_KINDS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class KnownType:
    """A certificate type in force, and the departments that issue it, by code.

    `aliases` are what else people call it; a title with one of these is a hint, no proof.
    """

    code: str
    name_zh: str
    name_en: str
    fields: frozenset[str]
    issuers: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=lambda: _NO_KINDS, hash=False)
    """Of fields whose JSON type is known, that."""
    elsewhere: bool = False
    """Whether its content lies with its department and the hub keeps an index alone."""


@dataclass(frozen=True, slots=True)
class KnownDepartment:
    """A department; `successor` is the code of the one that took its place."""

    name_zh: str
    name_en: str
    successor: str | None = None


_NO_TYPES: Final[Mapping[str, KnownType]] = MappingProxyType({})
_NO_DEPARTMENTS: Final[Mapping[str, KnownDepartment]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Known:
    """What the hub could fetch itself, by code. Empty: nothing is known, and nothing is objected to for it."""

    types: Mapping[str, KnownType] = field(default_factory=lambda: _NO_TYPES)
    departments: Mapping[str, KnownDepartment] = field(default_factory=lambda: _NO_DEPARTMENTS)
    interfaces: Mapping[str, KnownType] = field(default_factory=lambda: _NO_TYPES)
    """Those that answer, each by the department whose system does; fields are those that it shares."""

    def today(self, department: str) -> str:
        """The department itself, or the last of its successors."""
        for _ in range(len(self.departments)):
            found = self.departments.get(department)
            if found is None or found.successor is None:
                break
            department = found.successor
        return department

    def issuers(self, type_code: str) -> tuple[str, ...]:
        """Who answers for a type today; nobody for an unknown one."""
        found = self.types.get(type_code)
        return () if found is None else tuple(dict.fromkeys(self.today(code) for code in found.issuers))

    def provider(self, need: Need) -> KnownType | None:
        """The type or interface of a need."""
        return self.types.get(need.type_code) if need.interface is None else self.interfaces.get(need.interface)

    def givers(self, need: Need) -> tuple[str, ...]:
        """Who issues the type, or whose system answers; nobody where it is not known."""
        found = self.provider(need)
        return () if found is None else tuple(dict.fromkeys(self.today(code) for code in found.issuers))

    def fetchable(self, requirement: Requirement) -> bool:
        """Whether some alternative consists of what somebody here issues or tells."""
        return any(all(self.givers(need) for need in needs) for needs in requirement.alternatives)


@dataclass(frozen=True, slots=True)
class Objection:
    """A demand that may not be published. `paper` is the certificate that it is, where it is one."""

    requirement: str
    rule: NoAsk
    pointer: str
    paper: KnownType | None = None
    other: str = ""
    """The requirement that has asked for it already."""


_FILLER: Final = re.compile(
    r"(?:依照|按照|依据|根据|参照|遵照|依|按|国家|本省|本市|我省|我市|省|市|县|相关|有关|现行|上级|主管部门|法律|法规|规章|制度|政策"
    r"|规定|规范性|文件|要求|办理|执行|其他|其它|以及|等|的|和|与|及|[、，。；,;\s])+"
)
_FILLER_EN: Final = re.compile(
    r"(?:as|per|in|accordance|with|according|to|under|by|the|a|and|or|of|other|any|all|relevant|applicable|related|state"
    r"|national|local|laws?|regulations?|rules?|provisions?|requirements?|required|polic(?:y|ies)|documents?|[\s,.;])+",
    re.IGNORECASE,
)
_EMPTY_TITLE: Final = re.compile(
    r"(?:法律|法规|规章|规定|要求|认为|需要|所需|必需|必要|应当|提交|提供|审批机关|登记机关|主管部门|本机关|部门|其他|其它"
    r"|相关|有关|补充|证明|材料|文件|资料|证件|手续|的|等|和|及|、)+"
)
_ANYTHING: Final = re.compile(r"其他|其它|相关|有关|必要|需要|所需|必需|补充|规定|要求")
_ASIDE: Final = re.compile(r"[（(][^（）()]*[)）]")
_LEAD: Final = re.compile(
    r"^(?:提交|提供|出具|申请人|申请单位|本人|配偶|企业|单位|法定代表人|经办人|代理人|受托人|及其|的)+"
)
_TAIL: Final = re.compile(r"(?:原件|复印件|扫描件|副本|正本|电子版|[一二两三四五0-9]+份|及|和|与|或|、|/|的)+$")


def publishing_objections(matter: Matter, known: Known) -> tuple[Objection, ...]:
    """Every requirement that no department may publish, with the rule that forbids it; at most one a requirement.

    A requirement is a demand for a certificate when its Chinese title is the certificate's name, whoever it is of and
    in whatever copies, and none of its alternatives names that certificate: the hub would never look for it.

    Not checked: whether the law that is named says so; departments of one system at other levels.
    """
    found = [_objection(matter, place, known) for place in range(len(matter.requirements))]
    return tuple(item for item in found if item is not None)


def asking_objection(
    requirement: Requirement, *, own: bool, findable: bool, submitted_on: date | None, within_days: int, today: date
) -> NoAsk | None:
    """Why a clerk may not ask for this paper now; None where nothing forbids it. Whoever asks all the same says why.

    Args:
        own: the asking department issues it.
        findable: the hub has it, or could fetch it.
        submitted_on: when the person last handed it in, in whatever case.
        within_days: for how many days that counts.
    """
    if unfounded(requirement.legal_basis) or empty_title(requirement.title_zh):
        return NoAsk.NO_BASIS
    if own:
        return NoAsk.OWN_DEPARTMENT
    if submitted_on is not None and today <= submitted_on + timedelta(days=within_days):
        return NoAsk.SUBMITTED
    return NoAsk.FINDABLE if findable else None


def unfounded(legal_basis: str) -> bool:
    """Whether a legal basis names no law: empty, or nothing but "as the relevant rules require" 依照有关规定."""
    said = legal_basis.strip()
    return not said or bool(_FILLER.fullmatch(said) or _FILLER_EN.fullmatch(said))


def empty_title(title: str) -> bool:
    """Whether a Chinese title names no paper at all, as 其他材料 and 相关证明 do."""
    said = _ASIDE.sub("", title).strip()
    return bool(_EMPTY_TITLE.fullmatch(said) and _ANYTHING.search(said))


def core_title(title: str) -> str:
    """The paper that a title names: without whose it is, in what copies, and what stands in brackets."""
    return _TAIL.sub("", _LEAD.sub("", _ASIDE.sub("", title).strip())).strip()


def names_of(kind: KnownType) -> frozenset[str]:
    """How titles name a type."""
    name = core_title(kind.name_zh)
    return frozenset({name, name.removeprefix("居民")})


def _objection(matter: Matter, place: int, known: Known) -> Objection | None:
    requirement, pointer = matter.requirements[place], f"/requirements/{place}"
    if unfounded(requirement.legal_basis):
        return Objection(requirement.code, NoAsk.NO_BASIS, f"{pointer}/legal_basis")
    if empty_title(requirement.title_zh):
        return Objection(requirement.code, NoAsk.NO_BASIS, f"{pointer}/title/zh")
    paper = _unnamed_paper(requirement, known)
    if paper is not None:
        own = known.today(matter.department_code) in known.issuers(paper.code)
        rule = NoAsk.OWN_DEPARTMENT if own else NoAsk.FINDABLE
        return Objection(requirement.code, rule, f"{pointer}/alternatives", paper)
    twice = next((item for item in matter.requirements[:place] if _same_paper(item, requirement)), None)
    return Objection(requirement.code, NoAsk.SUBMITTED, pointer, other=twice.code) if twice else None


def _unnamed_paper(requirement: Requirement, known: Known) -> KnownType | None:
    cores = {core_title(requirement.title_zh), core_title(requirement.own_paper_zh)} - {""}
    meant = [kind for kind in known.types.values() if cores & names_of(kind) and known.issuers(kind.code)]
    named = set(requirement.type_codes())
    return meant[0] if meant and not any(kind.code in named for kind in meant) else None


def _same_paper(first: Requirement, second: Requirement) -> bool:
    """Whether both ask one party for one paper of every case: the same name, the same evidence, no condition."""
    if first.when is not None or second.when is not None or not _overlap(first, second):
        return False
    if (first.party, core_title(first.title_zh)) != (second.party, core_title(second.title_zh)):
        return False
    return first.alternatives == second.alternatives


def _overlap(first: Requirement, second: Requirement) -> bool:
    begin = max(item.in_force_from or date.min for item in (first, second))
    return begin <= min(item.in_force_until or date.max for item in (first, second))
