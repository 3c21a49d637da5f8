"""One rule, three products: the applicant's guide, the clerk's script, the approver's checklist.

Each is a pure function over the same lines: what the guide spares the applicant, the script never asks for.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from catalog.matters.asking import Known
from catalog.matters.lines import Fate, Line, Question, Setting, judged, lines_of, open_questions
from catalog.matters.saying import role_words
from catalog.matters.values import Matter, Requirement


@dataclass(frozen=True, slots=True)
class Guide:
    """For the applicant. `papers_spared` counts what the hub fetches and what does not apply. `situations` are choices
    that answer several open questions at once.
    """

    matter: str
    name: str
    on: str
    identity: str
    bring: tuple[Line, ...]
    spared: tuple[Line, ...]
    open: tuple[Line, ...]
    questions: tuple[Question, ...]
    papers: int
    papers_spared: int
    situations: tuple[dict[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As the API answers."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the clerk does, and what to say.

    Attributes:
        act: `greet`, `situation` (which of these is it), `ask`, `spare` (it may not be asked for), `depends` (wait for
            an answer), `request`, `close`.
    """

    act: str
    say: str
    fact: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    requirement: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """For the clerk, in order."""

    matter: str
    name: str
    steps: tuple[Step, ...]

    def as_json(self) -> dict[str, Any]:
        """As the API answers."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the approver's checklist. `applies` None: that is not known yet."""

    code: str
    title: str
    party: str
    applies: bool | None
    condition: str
    legal_basis: str
    ways: tuple[tuple[str, ...], ...]
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checklist:
    """For the approver."""

    matter: str
    name: str
    on: str
    checks: tuple[Check, ...]

    def as_json(self) -> dict[str, Any]:
        """As the API answers."""
        return asdict(self)


def guide(matter: Matter, setting: Setting, known: Known, language: str) -> Guide:
    """What the applicant needs, what is not to be brought and why, and the questions that are open."""
    lines = lines_of(matter, setting, known, language)
    by = {fate: tuple(line for line in lines if line.fate == fate.value) for fate in Fate}
    spared = (*by[Fate.FETCHED], *by[Fate.NOT_NEEDED])
    return Guide(
        matter=matter.code,
        name=matter.name(language),
        on=setting.on.isoformat(),
        identity=_identity(matter, setting, language),
        bring=by[Fate.BRING],
        spared=spared,
        open=by[Fate.OPEN],
        questions=open_questions(matter, setting, language),
        papers=sum(line.papers for line in by[Fate.BRING]),
        papers_spared=sum(line.papers for line in spared),
        situations=_offered(matter, setting, language),
    )


def script(matter: Matter, setting: Setting, known: Known, language: str) -> Script:
    """The questions in order, then what may not be asked for, then what is."""
    told = guide(matter, setting, known, language)
    english = language == "en"
    steps = [Step("greet", told.identity)]
    if told.situations:
        offered = tuple((item["code"], item["title"]) for item in told.situations)
        say = "Which of these is it?" if english else "请问属于哪种情形？"
        steps.append(Step("situation", say, choices=offered))
    for item in told.questions:
        say = f"May I ask: {item.title}" if english else f"请问：{item.title}"
        steps.append(Step("ask", say, item.fact, item.choices))
    parts = (
        ("spare", told.spared, "不用提供", "Not to be brought"),
        ("depends", told.open, "视情况", "Depends"),
        ("request", told.bring, "请提供", "Please give us"),
    )
    for act, lines, zh, en in parts:
        for line in lines:
            why = line.legal_basis if act == "request" else line.why
            say = (
                f"{en}: {line.title} ({line.party}): {why}" if english else f"{zh}：{line.title}（{line.party}）：{why}"
            )
            steps.append(Step(act, say, requirement=line.code))
    if not told.bring and not told.open:
        steps.append(Step("close", "Nothing else is needed." if english else "其他材料都不用提供。"))
    return Script(told.matter, told.name, tuple(steps))


def checklist(matter: Matter, setting: Setting, known: Known, language: str) -> Checklist:
    """Every requirement in force: of whom, under which condition, on which law, shown by what."""
    found = {item.requirement.code: item for item in judged(matter, setting)}
    checks = []
    for line in lines_of(matter, setting, known, language):
        condition = line.condition or _unconditional(found[line.code].requirement, matter, language)
        applies, rules = found[line.code].applies.value, _rules(found[line.code].requirement, language)
        checks.append(Check(line.code, line.title, line.party, applies, condition, line.legal_basis, line.ways, rules))
    return Checklist(matter.code, matter.name(language), setting.on.isoformat(), tuple(checks))


def _offered(matter: Matter, setting: Setting, language: str) -> tuple[dict[str, Any], ...]:
    """The situations that would answer something that nobody has answered."""
    told = (item for item in matter.situations if not setting.facts.keys() >= item.sets.keys())
    return tuple(item.said(language) for item in told)


def _identity(matter: Matter, setting: Setting, language: str) -> str:
    roles: Sequence[str] = [role for role in matter.roles if role == matter.roles[0] or role in (setting.parties or ())]
    said = ("、" if language != "en" else ", ").join(role_words(role, language) for role in roles)
    if language == "en":
        return f"One ID of each who takes part: {said}"
    return f"请出示证件，每人一件：{said}"


def _unconditional(requirement: Requirement, matter: Matter, language: str) -> str:
    if requirement.party == matter.roles[0]:
        return "always" if language == "en" else "一律适用"
    role = role_words(requirement.party, language)
    return f"where there is one: {role}" if language == "en" else f"有{role}的"


def _rules(requirement: Requirement, language: str) -> tuple[str, ...]:
    """What besides its being there the approver looks at."""
    english = language == "en"
    rules = []
    if requirement.max_age_days is not None:
        days = requirement.max_age_days
        rules.append(f"issued at most {days} days ago" if english else f"签发不超过 {days} 天")
    if not requirement.none_clears:
        rules.append("“no such record” does not clear it" if english else "“查无记录”不算通过")
    for day, zh, en in (
        (requirement.in_force_from, "自 {} 起施行", "in force from {}"),
        (requirement.in_force_until, "施行至 {}", "in force until {}"),
    ):
        if day is not None:
            rules.append((en if english else zh).format(day.isoformat()))
    return tuple(rules)
