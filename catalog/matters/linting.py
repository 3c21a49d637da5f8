"""What is wrong with a matter although it can be read: demands that no matter may make, and slips in its rules.

An error keeps it from being published. A warning is told, and its department decides.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from catalog.expressions.values import Kind
from catalog.matters.asking import Known, core_title, empty_title, names_of, publishing_objections, unfounded
from catalog.matters.findings import Finding, Level, found
from catalog.matters.narrowing import FACTS
from catalog.matters.settling import Always, settled
from catalog.matters.values import Matter, Need, Requirement

_CATCH_ALL: Final = re.compile(
    r"(?:其他|其它)(?:相关|有关|必要|必需|所需|需要)?的?(?:证明)?(?:材料|文件|资料|证件|证明|手续)"
    r"|等(?:其他)?(?:相关|有关)?(?:证明)?(?:材料|文件|资料|证件|证明)"
    r"|(?:相关|有关)的?(?:证明)?(?:材料|文件|资料|证件|证明|手续)|其他有关|^(?:证明)?(?:材料|文件|资料|证件)$"
    r"|\b(?:other|relevant|related|necessary|supporting)(?: \w+)? (?:documents?|materials?|papers?|evidence|proofs?)\b"
    r"|\betc\b",
    re.IGNORECASE,
)
_CHINESE: Final = re.compile(r"[㐀-鿿]")
_COMPARED: Final[Mapping[str, tuple[Kind, ...]]] = {
    "string": (Kind.TEXT, Kind.DATE, Kind.DECIMAL),
    "integer": (Kind.INTEGER, Kind.DECIMAL),
    "boolean": (Kind.BOOLEAN,),
}
"""By the JSON type of a field, the kinds of facts that it can equal."""
_LEAST_NAME: Final = 3
"""Shorter names stand in too many titles that mean something else."""


def lint(matter: Matter, known: Known, others: Sequence[Matter]) -> tuple[Finding, ...]:
    """Everything that is wrong, errors first.

    Args:
        known: what the hub could fetch itself; what it does not know is not objected to.
        others: the matters in force, of which one with this matter's code is left out.
    """
    told = [
        *_objections(matter, known),
        *(item for place in range(len(matter.requirements)) for item in _requirement(matter, place, known)),
        *_results(matter, known),
        *_facts(matter),
        *_prerequisites(matter, others),
        *_english(matter),
    ]
    return tuple(sorted(told, key=lambda item: item.level is not Level.ERROR))


def _objections(matter: Matter, known: Known) -> Iterator[Finding]:
    for item in publishing_objections(matter, known):
        paper = {"paper_zh": item.paper.name_zh, "paper_en": item.paper.name_en} if item.paper else {}
        yield found(item.rule, item.pointer, item.requirement, other=item.other, **paper)


def _requirement(matter: Matter, place: int, known: Known) -> Iterator[Finding]:
    requirement, pointer = matter.requirements[place], f"/requirements/{place}"
    code = requirement.code
    titles = {
        "title/zh": requirement.title_zh,
        "title/en": requirement.title_en,
        "own_paper/zh": requirement.own_paper_zh,
        "own_paper/en": requirement.own_paper_en,
    }
    for member, title in titles.items():
        words = _CATCH_ALL.search(title)
        if words is not None and not (member == "title/zh" and empty_title(title)):
            yield found("catch_all_wording", f"{pointer}/{member}", code, words=words.group())
    if requirement.when is not None:
        always = settled(requirement.when, matter)
        if always is not None:
            named = "always_applies" if always is Always.TRUE else "never_applies"
            yield found(named, f"{pointer}/when", code)
    yield from _stand_ins(requirement, pointer, known)
    yield from _order(requirement, pointer)
    if known.types:
        yield from _providers(requirement, pointer, known)
        yield from _narrowed(matter, requirement, pointer, known)


def _stand_ins(requirement: Requirement, pointer: str, known: Known) -> Iterator[Finding]:
    rule, promise = requirement.stand_ins.verification, requirement.stand_ins.commitment
    if rule is not None and known.departments and rule.department not in known.departments:
        where = f"{pointer}/stand_ins/verification/department"
        yield found("unknown_verifier", where, requirement.code, department=rule.department)
    if promise is not None and unfounded(promise.legal_basis):
        yield found("promise_without_basis", f"{pointer}/stand_ins/commitment/legal_basis", requirement.code)


def _results(matter: Matter, known: Known) -> Iterator[Finding]:
    """What comes of the matter can be made: else granting it would silently make nothing, or fill nothing."""
    for place, result in enumerate(matter.results if known.types else ()):
        kind, where = known.types.get(result.type_code), f"/results/{place}"
        if kind is None:
            yield found("unknown_type", f"{where}/type", type=result.type_code)
            continue
        for claim in sorted(set(result.fill) - kind.fields):
            yield found("unknown_field", f"{where}/fill", field=claim)


def _order(requirement: Requirement, pointer: str) -> Iterator[Finding]:
    listed = requirement.alternatives
    for place, needs in enumerate(listed):
        where = f"{pointer}/alternatives/{place}"
        less = next((at for at in range(place) if _suffices(listed[at], needs)), None)
        if less is not None:
            yield found("unreachable_alternative", where, requirement.code, first=less + 1)
            continue
        less = next((at for at in range(place + 1, len(listed)) if _less(listed[at], needs)), None)
        if less is not None:
            yield found("more_than_needed", where, requirement.code, first=less + 1)


def _providers(requirement: Requirement, pointer: str, known: Known) -> Iterator[Finding]:
    strange = False
    for place, needs in enumerate(requirement.alternatives):
        for at, need in enumerate(needs):
            where = f"{pointer}/alternatives/{place}/{at}"
            kind = known.provider(need)
            if kind is None and need.interface is not None:
                strange = True
                yield found("unknown_interface", f"{where}/interface", requirement.code, interface=need.interface)
                continue
            if kind is None:
                strange = True
                yield found("unknown_type", f"{where}/type", requirement.code, type=need.type_code)
                continue
            for name in sorted(set(need.wanted) - kind.fields):
                yield found("unknown_field", f"{where}/fields", requirement.code, field=name)
    if requirement.alternatives and not strange and not known.fetchable(requirement):
        yield found("nobody_issues", f"{pointer}/alternatives", requirement.code)
    named = set(requirement.type_codes())
    for kind in known.types.values():
        names = {name for name in (*names_of(kind), *kind.aliases) if len(name) >= _LEAST_NAME}
        if kind.code in named or not known.issuers(kind.code) or core_title(requirement.title_zh) in names_of(kind):
            continue
        if any(name in requirement.title_zh for name in names):
            paper = {"paper_zh": kind.name_zh, "paper_en": kind.name_en}
            yield found("maybe_findable", f"{pointer}/alternatives", requirement.code, **paper)


def _narrowed(matter: Matter, requirement: Requirement, pointer: str, known: Known) -> Iterator[Finding]:
    for place, needs in enumerate(requirement.alternatives):
        for at, need in enumerate(needs):
            kind, where = known.provider(need), f"{pointer}/alternatives/{place}/{at}/where"
            if kind is None or not need.where:
                continue
            if kind.elsewhere:
                yield found("where_not_here", where, requirement.code)
            for field, fact in need.where.items():
                said, asked = kind.kinds.get(field), matter.facts[fact.removeprefix(FACTS)].kind
                if said is not None and asked not in _COMPARED.get(said, ()):
                    yield found("where_never_fits", f"{where}/{field}", requirement.code, field=field, fact=fact)


def _facts(matter: Matter) -> Iterator[Finding]:
    read = {name for item in matter.requirements if item.when is not None for name in item.when.names}
    read |= {fact for item in matter.requirements for fact in item.narrows}
    for code in matter.facts:
        if f"facts.{code}" not in read:
            yield found("unread_fact", f"/facts/{code}")


def _prerequisites(matter: Matter, others: Sequence[Matter]) -> Iterator[Finding]:
    leads = {item.code: item.prerequisites for item in others} | {matter.code: matter.prerequisites}
    for place, code in enumerate(matter.prerequisites):
        if code not in leads:
            yield found("unknown_prerequisite", f"/prerequisites/{place}", other=code)
            continue
        way = _way(code, matter.code, leads)
        if way:
            yield found("circular", f"/prerequisites/{place}", ring=" → ".join((matter.code, *way)))


def _way(begin: str, end: str, leads: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The shortest way along prerequisites; empty where there is none."""
    ways: list[tuple[str, ...]] = [(begin,)]
    seen = {begin}
    for way in ways:
        if way[-1] == end:
            return way
        for code in leads.get(way[-1], ()):
            if code not in seen:
                seen.add(code)
                ways.append((*way, code))
    return ()


def _english(matter: Matter) -> Iterator[Finding]:
    if _CHINESE.search(matter.name_en):
        yield found("english_missing", "/name/en")
    for place, item in enumerate(matter.requirements):
        if _CHINESE.search(item.title_en):
            yield found("english_missing", f"/requirements/{place}/title/en", item.code)
    for code, fact in matter.facts.items():
        if _CHINESE.search(fact.title_en):
            yield found("english_missing", f"/facts/{code}/title/en")
        for place, choice in enumerate(fact.choices):
            if _CHINESE.search(choice.en):
                yield found("english_missing", f"/facts/{code}/choices/{place}/en")
    for place, situation in enumerate(matter.situations):
        if _CHINESE.search(situation.title_en):
            yield found("english_missing", f"/situations/{place}/title/en")


def _suffices(needs: tuple[Need, ...], of: tuple[Need, ...]) -> bool:
    """Whether whoever can meet `of` can always meet `needs`."""
    return all(any(_within(need, other) for other in of) for need in needs)


def _less(needs: tuple[Need, ...], than: tuple[Need, ...]) -> bool:
    return _suffices(needs, than) and not _suffices(than, needs)


def _within(need: Need, other: Need) -> bool:
    same = (need.interface is None, need.code) == (other.interface is None, other.code)
    # Of records that one is narrowed to, whoever wants any of them has enough; the other way round he has not.
    return same and set(need.wanted) <= set(other.wanted) and need.where.items() <= other.where.items()
