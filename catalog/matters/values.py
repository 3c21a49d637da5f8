"""A matter as it is judged: AND over requirements, OR over alternatives, AND inside an alternative."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final

from catalog.expressions.compiling import Expression
from catalog.expressions.values import Kind, Value
from catalog.forms.values import NO_FORM, Form
from catalog.matters.feeding import NO_ORDER, NO_YIELDS, Gives
from catalog.matters.results import Result
from catalog.matters.roles import NO_RULES, RoleRule
from catalog.matters.situations import Situation
from catalog.matters.standing_in import NO_STAND_INS, Assurance, StandIns

NO_PARAMS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Need:
    """Fields of one certificate type, or of one interface; then the type is "".

    Attributes:
        reads: fields for the hub's own eyes, that other requirements depend on: they stand in no copy.
        subject: of an interface that is asked about a subject of the case, the kind of that.
        params: of an interface, the values of the parameters that a caller gives.
        where: by field, the fact of the case that a record must say too, as `facts.CODE`: see `narrowing`.
        one: of several records of a source one is meant, and somebody says which; of licences that is always so.
    """

    type_code: str
    fields: tuple[str, ...]
    interface: str | None = None
    reads: tuple[str, ...] = ()
    subject: str | None = None
    params: Mapping[str, str] = field(default_factory=lambda: NO_PARAMS, hash=False)
    where: Mapping[str, str] = field(default_factory=lambda: NO_PARAMS, hash=False)
    one: bool = False

    @property
    def code(self) -> str:
        """Of the certificate type or the interface."""
        return self.type_code if self.interface is None else self.interface

    @property
    def wanted(self) -> tuple[str, ...]:
        """Everything that is read of it, each once: what is granted has to cover this."""
        return tuple(dict.fromkeys((*self.fields, *self.reads)))

    @property
    def single(self) -> bool:
        """Whether one record alone can meet it."""
        return self.interface is None or self.one or bool(self.where)

    @property
    def choice_of(self) -> str:
        """Under what a choice among its records is remembered: of the same type, one narrowed otherwise is another."""
        narrowed = "&".join(f"{name}={fact}" for name, fact in sorted(self.where.items()))
        return f"{self.code}?{narrowed}" if narrowed else self.code


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a question about a case."""

    value: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A question about the case that narrows it 情形引导, and the kind of its answer; with choices, one of these."""

    code: str
    kind: Kind
    title_zh: str
    title_en: str
    choices: tuple[Choice, ...] = ()

    def title(self, language: str) -> str:
        """The question in `zh-CN` or `en`."""
        return self.title_en if language == "en" else self.title_zh

    def allows(self, value: Value) -> bool:
        """Whether a value of its kind is among its choices; without choices any is."""
        allowed = {choice.value for choice in self.choices}
        return not allowed or allowed.issuperset(value if isinstance(value, tuple) else (str(value),))


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing a matter asks to see proven, about one party.

    `alternatives` are tried in order, least intrusive first; each is a set of needs that must all be met. It applies
    `when` its condition holds, on the days from `in_force_from` to `in_force_until`, both included.

    Attributes:
        none_clears: whether "there is no such record" is an answer; False where the record itself is what is wanted.
        max_age_days: how many days ago a certificate may have been issued, at most.
        papers: how many pieces of paper it was.
        material: its code among the materials of whoever handles the matter; a system may have its own.
        stand_ins: what may stand in where nobody has it; none at high assurance.
        own_paper_zh: what paper it is that no department has; `alternatives` may be empty then, or with a stand-in.
        reuse_days: for how many days what was shown once counts as handed in already 已经提交.
        yields: claims in its answer that conditions of other requirements may read, with their kinds.
        gives: parties that its answer names.
    """

    code: str
    title_zh: str
    title_en: str
    party: str
    alternatives: tuple[tuple[Need, ...], ...]
    legal_basis: str
    when: Expression | None = None
    in_force_from: date | None = None
    in_force_until: date | None = None
    none_clears: bool = True
    max_age_days: int | None = None
    papers: int = 1
    material: str | None = None
    assurance: Assurance = Assurance.LOW
    stand_ins: StandIns = NO_STAND_INS
    own_paper_zh: str = ""
    own_paper_en: str = ""
    reuse_days: int = 0
    yields: Mapping[str, Kind] = field(default_factory=lambda: NO_YIELDS, hash=False)
    gives: tuple[Gives, ...] = ()

    def title(self, language: str) -> str:
        """The title in `zh-CN` or `en`."""
        return self.title_en if language == "en" else self.title_zh

    def type_codes(self) -> tuple[str, ...]:
        """Every type that some alternative names, in order."""
        return tuple(dict.fromkeys(need.type_code for need in self._needs() if need.interface is None))

    def interface_codes(self) -> tuple[str, ...]:
        """Every interface that some alternative names, in order."""
        return tuple(dict.fromkeys(need.interface for need in self._needs() if need.interface is not None))

    @property
    def narrows(self) -> frozenset[str]:
        """The facts by which needs are narrowed, as `facts.CODE`."""
        return frozenset(fact for need in self._needs() for fact in need.where.values())

    def _needs(self) -> Iterator[Need]:
        return (need for needs in self.alternatives for need in needs)

    def recent(self, since: date, today: date) -> bool:
        """Whether what is of this day is young enough. A day that has not come yet is a register's mistake, and shows
        nothing to be recent.
        """
        return self.max_age_days is None or 0 <= (today - since).days <= self.max_age_days

    def in_force(self, on: date) -> bool:
        """Whether the law wants it of a case filed on this day."""
        begun = self.in_force_from is None or self.in_force_from <= on
        return begun and (self.in_force_until is None or on <= self.in_force_until)


NO_FACTS: Final[Mapping[str, Fact]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Matter:
    """A service. `roles` are the parties a case of it may have; the first is required.

    `prerequisites` are codes of matters whose result is wanted first. `owed_clock`: whether the statutory clock of
    whoever handles a case `runs` or `pauses` while a department owes it something. This version judges cases filed from
    `in_force_from` to `in_force_until`, both included.
    """

    code_system: str
    code: str
    name_zh: str
    name_en: str
    department_code: str
    roles: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    facts: Mapping[str, Fact] = field(default_factory=lambda: NO_FACTS, hash=False)
    prerequisites: tuple[str, ...] = ()
    owed_clock: str = "pauses"
    after: Mapping[str, frozenset[str]] = field(default_factory=lambda: NO_ORDER, hash=False)
    """By code, the requirements whose answers one waits for; empty where none waits."""
    form: Form = NO_FORM
    results: tuple[Result, ...] = ()
    in_force_from: date | None = None
    in_force_until: date | None = None
    situations: tuple[Situation, ...] = ()
    rules: Mapping[str, RoleRule] = field(default_factory=lambda: NO_RULES, hash=False)
    """Of the roles that have some."""
    accept_days: int | None = None
    """Working days within which a case of it is accepted or refused; None: nobody counts."""
    decide_days: int | None = None
    withdrawn: bool = False
    """From its first day on no case is opened: the last version of a matter that there is no more."""

    @property
    def ruled(self) -> bool:
        """Whether some requirement looks at what is said of the case."""
        return any(item.when is not None or item.narrows for item in self.requirements)

    def name(self, language: str) -> str:
        """The name in `zh-CN` or `en`."""
        return self.name_en if language == "en" else self.name_zh

    def requirement(self, code: str) -> Requirement | None:
        """The listed requirement of this code."""
        return next((item for item in self.requirements if item.code == code), None)
