"""What became of a case, counted: a line for each requirement of each party, and what fed it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from catalog.matters.values import Matter
from catalog.waterfall import Counted, Waterfall, together
from hub.intake.outcomes import ASKED
from hub.scenarios.loading import Loaded
from hub.scenarios.values import CaseSpec, RefusedSpec

_TOLD: Final = frozenset({"declared_none", "source_unavailable"})
_SCANNED: Final = "copy_handed_in"


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one requirement: the line as it is counted, and the types that fed it.

    Attributes:
        given: slugs of types and codes of interfaces. Of what was fetched, those that it came from; of "there is none"
            and of what is owed, all that its requirement names: each was asked.
        insisted: the clerk asked for it all the same.
        scanned: it was brought, and is a sealed copy from now on.
    """

    counted: Counted
    title_zh: str
    title_en: str
    why: str
    given: tuple[str, ...]
    insisted: bool = False
    scanned: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a case ended otherwise than its pack says."""

    case: str
    about: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class CaseRun:
    """One case as it ended."""

    spec: CaseSpec
    lines: tuple[Line, ...]
    counted: Waterfall
    differences: tuple[Difference, ...]

    def fed_by(self, name: str) -> int:
        """Papers that this kept from being asked for: what its loss costs where nothing else can prove them."""
        return sum(line.counted.papers for line in self.lines if name in line.given and not line.counted.asked)


@dataclass(frozen=True, slots=True)
class FormRun:
    """The one form of a family.

    Attributes:
        apart: fields that its matters ask, each for itself.
        fields: fields of the one form; `filled` of them from records, `answered` by the person, once.
    """

    apart: int
    fields: int
    filled: int
    answered: int
    signatures: int


@dataclass(frozen=True, slots=True)
class FamilyRun:
    """One case with all its matters as one family."""

    spec: CaseSpec
    lines: tuple[Line, ...]
    counted: Waterfall
    form: FormRun | None
    results: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class RefusedRun:
    """An opening, and how it was refused; with nothing found it was not."""

    spec: RefusedSpec
    problem: str
    rule: str

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Where it was refused otherwise, or not at all."""
        said = [("problem", self.spec.problem, self.problem), ("rule", self.spec.rule, self.rule)]
        return tuple(
            Difference(self.spec.key, about, wanted, found) for about, wanted, found in said if wanted != found
        )


@dataclass(frozen=True, slots=True)
class PackRun:
    """All cases of a pack. `usual` is the first one, `total` all of them by weight."""

    loaded: Loaded
    cases: tuple[CaseRun, ...]
    withheld: tuple[str, ...] = ()
    families: tuple[FamilyRun, ...] = ()
    refused: tuple[RefusedRun, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def usual(self) -> CaseRun:
        """The case that the pack puts first."""
        return self.cases[0]

    @property
    def total(self) -> Waterfall:
        """All cases, each as often as the pack supposes."""
        return together((case.counted, case.spec.weight) for case in self.cases)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Everything that ended otherwise than expected; with types withheld nothing is compared."""
        if self.withheld:
            return ()
        found = [item for case in self.cases for item in case.differences]
        found += [item for family in self.families for item in family.differences]
        return (*found, *(item for refused in self.refused for item in refused.differences))


def line_of(loaded: Loaded, spec: CaseSpec, matter: Matter, item: Mapping[str, Any], *, needed: bool) -> Line:
    """One item of an answer, as it is counted; `needed`: whether the answer says that the person is to bring it.

    Raises: ValueError: the matter has no such requirement.
    """
    requirement = matter.requirement(item["code"])
    if requirement is None:
        raise ValueError(f"{item['code']}: an answer to what was not asked")
    evidence = [*([item["evidence"]] if "evidence" in item else []), *item.get("further_evidence", [])]
    items = (known for known in loaded.pack.before.items if known.requirement == requirement.code)
    shown = frozenset[str]().union(*(known.shown_by for known in items))
    scanned = item["why"]["code"] == _SCANNED
    counted = Counted(
        code=requirement.code,
        party=item["party"],
        authority=loaded.authorities[requirement.code],
        papers=requirement.papers,
        outcome=item["outcome"],
        rung=item["rung"],
        asked=(needed and item["outcome"] in ASKED) or scanned or not shown.isdisjoint(spec.corroboration),
    )
    if item["outcome"] in _TOLD:
        given = [loaded.slugs[code] for code in requirement.type_codes()] + list(requirement.interface_codes())
    else:
        given = [_origin(each, loaded.slugs) for each in evidence]
    titles = requirement.title_zh, requirement.title_en
    return Line(counted, *titles, item["why"]["text"], tuple(dict.fromkeys(given)), scanned=scanned)


def with_givers(matter: Matter, parties: Mapping[str, Any], lines: Sequence[Line]) -> list[Line]:
    """A party that an answer named would not be there without it: what gave the party gave what is known of it."""
    by = {
        given.role: line.given
        for line in lines
        if (requirement := matter.requirement(line.counted.code)) is not None
        for given in requirement.gives
    }
    return [
        replace(line, given=(*line.given, *by.get(line.counted.party, ())))
        if line.given and line.counted.party not in parties
        else line
        for line in lines
    ]


def differences(
    key: str, expect: Mapping[str, str], asked: int, lines: Sequence[Line], counted: Waterfall
) -> list[Difference]:
    """Where lines ended otherwise than expected: by code, or by code and party; and the sum."""
    found = []
    for line in lines:
        named = f"{line.counted.code}/{line.counted.party}"
        expected = expect.get(named, expect.get(line.counted.code, "satisfied"))
        if line.counted.outcome != expected:
            found.append(Difference(key, line.counted.code, expected, line.counted.outcome))
    if counted.asked != asked:
        found.append(Difference(key, "asked", str(asked), str(counted.asked)))
    return found


def _origin(evidence: Mapping[str, Any], slugs: Mapping[str, str]) -> str:
    """What a piece of evidence came from: the slug of a type, the code of an interface."""
    if "certificate" in evidence:
        return slugs[evidence["certificate"]["type"]]
    return str(evidence["interface"]["code"]) if "interface" in evidence else ""
