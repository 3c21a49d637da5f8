"""The waterfall 材料清单演变: where each paper that used to be asked for has gone, counted so that the sums must close.

A paper is a requirement of one party for one receiving authority, as many times as the requirement has pieces. What was
asked for before comes from a list with a label; what became of it comes from answers, and from nothing else.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Label(StrEnum):
    """Where a list of what was asked for before comes from."""

    PUBLISHED = "published"
    """A guide that was published, named and dated."""
    RECONSTRUCTED = "reconstructed"
    """Put together from what such services used to ask for; no parity with a report can be claimed from it."""


class Step(StrEnum):
    """What became of a paper, in the order in which the waterfall falls."""

    ABOLISHED = "abolished"
    MERGED = "merged"
    NOT_APPLICABLE = "not_applicable"
    CERTIFICATE = "certificate"
    SHARED_DATA = "shared_data"
    VERIFIED = "verified"
    COPY_REUSED = "copy_reused"
    PROMISED = "promised"
    OWED = "owed"
    ASKED = "asked"


TITLES: Final[Mapping[Step, tuple[str, str]]] = MappingProxyType(
    {
        Step.ABOLISHED: ("取消", "abolished"),
        Step.MERGED: ("合并", "merged: asked once"),
        Step.NOT_APPLICABLE: ("不适用", "not applicable"),
        Step.CERTIFICATE: ("调取电子证照", "fetched: certificate"),
        Step.SHARED_DATA: ("调取共享数据", "fetched: shared data"),
        Step.VERIFIED: ("部门协查", "verified by officers"),
        Step.COPY_REUSED: ("共享件复用", "sealed copy reused"),
        Step.PROMISED: ("告知承诺", "promised: asked later"),
        Step.OWED: ("部门欠件", "owed by the hub"),
        Step.ASKED: ("仍需本人提供", "asked of the person"),
    }
)
"""Chinese and English."""

_BY_RUNG: Final = MappingProxyType(
    {
        "held": Step.MERGED,
        "certificate": Step.CERTIFICATE,
        "shared_data": Step.SHARED_DATA,
        "verification": Step.VERIFIED,
        "sealed_copy": Step.COPY_REUSED,
        "commitment": Step.PROMISED,
    }
)
_MET: Final = frozenset({"satisfied", "declared_none"})
_OWED: Final = frozenset({"source_unavailable", "pending"})


@dataclass(frozen=True, slots=True)
class BeforeItem:
    """One entry of the list: of so many papers, either a requirement that is judged today or gone by decision.

    Attributes:
        requirement: its code; empty for what is no requirement any more, and then `fate` says why.
        fate: ABOLISHED or MERGED; None where a requirement says.
        reason_zh: the act that abolished it, or what it was merged into; so too `reason_en`.
        shown_by: kinds of corroboration that are this paper, shown: who shows a card brought it, whatever is fetched.
    """

    title_zh: str
    title_en: str
    papers: int = 1
    requirement: str = ""
    fate: Step | None = None
    reason_zh: str = ""
    reason_en: str = ""
    shown_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Before:
    """What was asked for before, by whom it is said, and as of when."""

    label: Label
    source_zh: str
    source_en: str
    items: tuple[BeforeItem, ...]
    on: date | None = None

    @property
    def papers(self) -> int:
        """All of the list, each requirement with one party."""
        return sum(item.papers for item in self.items)


@dataclass(frozen=True, slots=True)
class Counted:
    """One requirement of one party for one authority, as an answer told of it.

    Attributes:
        asked: whether the person was prompted for it, shown originals included; that counts whatever else is true.
    """

    code: str
    party: str
    authority: str
    papers: int
    outcome: str
    rung: str | None
    asked: bool


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Papers by step; `before` is their sum. Of several cases, both are sums over cases."""

    label: Label
    source_zh: str
    source_en: str
    steps: Mapping[Step, int]
    on: date | None = None
    cases: int = 1

    @property
    def before(self) -> int:
        """What was asked for before."""
        return sum(self.steps.values())

    @property
    def asked(self) -> int:
        """What the person brought."""
        return self.steps[Step.ASKED]

    def as_json(self) -> dict[str, object]:
        """For programs; the label goes with the figures, always."""
        return {
            "before": {
                "papers": self.before,
                "label": self.label.value,
                "source": {"zh": self.source_zh, "en": self.source_en},
                "on": self.on.isoformat() if self.on else None,
            },
            "steps": {step.value: self.steps[step] for step in Step},
            "asked": self.asked,
            "cases": self.cases,
        }


def waterfall(before: Before, lines: Sequence[Counted]) -> Waterfall:
    """Count one case.

    Raises: ValueError: the list and the answers do not cover each other, paper for paper; or a line ended in no step.
    """
    steps: Counter[Step] = Counter()
    listed: Counter[str] = Counter()
    for item in before.items:
        if item.requirement:
            listed[item.requirement] += item.papers
        elif item.fate in {Step.ABOLISHED, Step.MERGED}:
            steps[item.fate] += item.papers
        else:
            raise ValueError(f"before: {item.title_en}: neither a requirement nor abolished or merged")
    if len({(line.code, line.party, line.authority) for line in lines}) != len(lines):
        raise ValueError("a paper is counted twice")
    answered = {line.code for line in lines}
    if unanswered := sorted(listed.keys() - answered):
        raise ValueError(f"before: nothing says what became of {', '.join(unanswered)}")
    for line in lines:
        if line.papers < 1:
            raise ValueError(f"{line.code}: less than a paper")
        if listed[line.code] != line.papers:
            raise ValueError(f"{line.code}: {line.papers} papers today, {listed[line.code]} in the list before")
        steps[step_of(line)] += line.papers
    return Waterfall(before.label, before.source_zh, before.source_en, _all(steps), before.on)


def step_of(line: Counted) -> Step:
    """Where one line ends. Being asked outweighs everything: what was brought was brought.

    Raises: ValueError: it was not cleared, nobody owes it, and nobody was asked for it.
    """
    if line.asked:
        return Step.ASKED
    if line.outcome == "not_applicable":
        return Step.NOT_APPLICABLE
    if line.outcome in _OWED:
        return Step.OWED
    step = _BY_RUNG.get(line.rung or "")
    if line.outcome in _MET and step is not None:
        return step
    raise ValueError(f"{line.code}: {line.outcome} on rung {line.rung}, and nobody was asked")


def together(parts: Iterable[tuple[Waterfall, int]]) -> Waterfall:
    """Several cases of one list, each as often as its weight says.

    Raises: ValueError: none, a weight below one, or lists that are not the same.
    """
    given = list(parts)
    if not given or any(weight < 1 for _, weight in given):
        raise ValueError("a sum needs cases, each at least once")
    first = given[0][0]
    if len({(part.label, part.source_zh, part.source_en, part.on) for part, _ in given}) != 1:
        raise ValueError("the cases were counted against different lists")
    steps: Counter[Step] = Counter()
    for part, weight in given:
        for step, papers in part.steps.items():
            steps[step] += papers * weight
    cases = sum(part.cases * weight for part, weight in given)
    return Waterfall(first.label, first.source_zh, first.source_en, _all(steps), first.on, cases)


def said(found: Waterfall, language: str) -> str:
    """The result in one sentence, in `zh-CN` or `en`. Against a reconstructed list it says so beside the figure."""
    share = f"{100 * (found.asked - found.before) / found.before:+.1f}" if found.before else "0"
    rebuilt = found.label is Label.RECONSTRUCTED
    if language == "en":
        cases = f" in {found.cases} cases" if found.cases > 1 else ""
        kind = "a reconstructed list: not comparable with any report" if rebuilt else "a published list"
        return f"{found.before} → {found.asked} papers{cases} ({share} %), against {kind} ({_source(found, language)})"
    cases = f"（{found.cases} 件办件合计）" if found.cases > 1 else ""
    kind = "重构清单，不可与任何报告比较" if rebuilt else "已公布清单"
    return f"{found.before} 份 → {found.asked} 份{cases}（{share}%），对照{kind}（{_source(found, language)}）"


def _source(found: Waterfall, language: str) -> str:
    text = found.source_en if language == "en" else found.source_zh
    return f"{text}, {found.on.isoformat()}" if found.on else text


def _all(steps: Mapping[Step, int]) -> Mapping[Step, int]:
    return MappingProxyType({step: steps.get(step, 0) for step in Step})
