"""Reading a matter's declaration. Whatever is wrong with it is found here, before a case is judged by it."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from catalog.calendar import MAX_WORKING_DAYS
from catalog.declared import text, texts
from catalog.errors import DefinitionError
from catalog.expressions.compiling import Expression, compile_expression
from catalog.expressions.values import Kind, Scope
from catalog.forms.reading import read_form
from catalog.forms.values import Form
from catalog.matters.feeding import fed_scope, read_gives, read_yields
from catalog.matters.narrowing import check_where
from catalog.matters.needing import check_needs, check_told, read_alternatives
from catalog.matters.ordering import order_of
from catalog.matters.results import read_results
from catalog.matters.roles import NO_RULES, PLAIN, RoleRule, check_role_members, read_roles
from catalog.matters.situations import SITUATION_MEMBERS, read_situations
from catalog.matters.standing_in import read_assurance, read_own_paper, read_stand_ins
from catalog.matters.values import Choice, Fact, Matter, Requirement

_MOST_PAPERS: Final = 99
MOST_CODE: Final = 64
_UNFIT: Final = frozenset(" /\\#?%")
_MATTER: Final = frozenset(
    {
        "code_system", "code", "name", "department", "roles", "requirements", "facts", "prerequisites",
        "owed_clock", "accept_days", "decide_days", "in_force_from", "in_force_until", "situations",
        "form", "signatures", "results", "withdrawn",
    }
)  # fmt: skip
_REQUIREMENT: Final = frozenset(
    {
        "code", "title", "party", "alternatives", "legal_basis", "when", "in_force_from", "in_force_until",
        "none_clears", "max_age_days", "papers", "assurance", "stand_ins", "own_paper", "reuse_days", "yields",
        "gives", "material",
    }
)  # fmt: skip
_FACT: Final = frozenset({"kind", "title", "choices"})
_CHOOSABLE: Final = frozenset({Kind.TEXT, Kind.TEXTS})
_CASE: Final[Scope] = {"case.kind": Kind.TEXT, "case.channel": Kind.TEXT, "case.filed_on": Kind.DATE}


def read_matter(definition: Mapping[str, Any]) -> Matter:
    """Read a matter's declaration.

    Not checked: members that it does not know, which earlier releases took (`check_members`).

    Raises: DefinitionError naming the field that is missing or wrong.
    """
    try:
        return _matter(definition)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DefinitionError(f"matter: {error}") from error


def check_members(definition: Mapping[str, Any]) -> None:
    """Refuse members that nobody knows in a declaration that was read: a misspelt one would silently be no rule.

    Raises: DefinitionError naming them.
    """
    _known(definition, _MATTER, "matter")
    _fits(definition["code_system"], 40, "matter: code_system")
    check_code(definition["code"], "matter: code")
    check_role_members(definition["roles"])
    for item in definition["requirements"]:
        check_code(item["code"], "requirement: code")
        _fits(item.get("material", ""), 100, f"requirement {item['code']}: material")
        _known(item, _REQUIREMENT, f"requirement {item['code']}")
        check_needs(item, f"requirement {item['code']}")
    for code, item in definition.get("facts", {}).items():
        _known(item, _FACT, f"fact {code}")
    for item in definition.get("situations", ()):
        _known(item, SITUATION_MEMBERS, f"situation {item['code']}")


def check_code(code: str, where: str) -> None:
    """Refuse a code that no row, path or answer could carry. Raises: DefinitionError, which does not repeat it."""
    _fits(code, MOST_CODE, where)
    if not code.isprintable() or not _UNFIT.isdisjoint(code):
        raise DefinitionError(f"{where} has no spaces, slashes, # or ?")


def _fits(value: str, most: int, where: str) -> None:
    if len(value) > most or "\x00" in value:
        raise DefinitionError(f"{where} has at most {most} characters")


def scope_of(roles: tuple[str, ...], facts: Mapping[str, Fact], rules: Mapping[str, RoleRule] = NO_RULES) -> Scope:
    """The names that conditions of a matter may use. Several of a role have no one type of identifier."""
    parties = {f"parties.{role}.present": Kind.BOOLEAN for role in roles}
    parties |= {f"parties.{role}.count": Kind.INTEGER for role in roles}
    parties |= {f"parties.{role}.id_type": Kind.TEXT for role in roles if not rules.get(role, PLAIN).many}
    return {**_CASE, **parties, **{f"facts.{code}": fact.kind for code, fact in facts.items()}}


def _matter(definition: Mapping[str, Any]) -> Matter:
    roles, rules = read_roles(definition["roles"])
    if not roles or not definition["requirements"]:
        raise DefinitionError("matter: it needs at least one role and one requirement")
    facts = {code: read_fact(code, item) for code, item in definition.get("facts", {}).items()}
    scope = {**scope_of(roles, facts, rules), **fed_scope(definition["requirements"])}
    requirements = tuple(_requirement(item, scope) for item in definition["requirements"])
    form = _form(definition, roles, facts)
    matter = Matter(
        code_system=text(definition["code_system"], "matter: code_system"),
        code=text(definition["code"], "matter: code"),
        name_zh=text(definition["name"]["zh"], "matter: name/zh"),
        name_en=text(definition["name"]["en"], "matter: name/en"),
        department_code=text(definition["department"], "matter: department"),
        roles=roles,
        requirements=requirements,
        after=order_of(requirements),
        facts=MappingProxyType(facts),
        prerequisites=texts(definition.get("prerequisites", ()), "matter: prerequisites"),
        owed_clock=definition.get("owed_clock", "pauses"),
        form=form,
        results=read_results(definition.get("results"), roles, [item.code for item in form.fields]),
        in_force_from=_day(definition.get("in_force_from"), "matter: in_force_from"),
        in_force_until=_day(definition.get("in_force_until"), "matter: in_force_until"),
        situations=read_situations(definition.get("situations", ()), facts),
        rules=rules,
        accept_days=_count(definition.get("accept_days"), "matter: accept_days", most=MAX_WORKING_DAYS),
        decide_days=_count(definition.get("decide_days"), "matter: decide_days", most=MAX_WORKING_DAYS),
        withdrawn=_flag(definition.get("withdrawn", False), "matter: withdrawn"),
    )
    if matter.withdrawn and matter.in_force_from is None:
        raise DefinitionError("matter: withdrawn wants in_force_from, the first day on which there is none")
    _check_days(matter.in_force_from, matter.in_force_until, "matter")
    codes = [item.code for item in matter.requirements]
    if len(set(codes)) != len(codes):
        raise DefinitionError("matter: two requirements have the same code")
    if matter.owed_clock not in {"runs", "pauses"}:
        raise DefinitionError("matter: owed_clock is runs or pauses")
    strangers = {item.party for item in matter.requirements} - set(matter.roles)
    if strangers:
        raise DefinitionError(f"matter: requirements concern unknown roles {sorted(strangers)}")
    _check_given(matter)
    return matter


def _check_given(matter: Matter) -> None:
    for item in matter.requirements:
        for given in item.gives:
            if given.role not in matter.roles[1:]:
                raise DefinitionError(f"requirement {item.code}: gives: {given.role} is no further role of the matter")


def _form(definition: Mapping[str, Any], roles: tuple[str, ...], facts: Mapping[str, Fact]) -> Form:
    kinds = {code: fact.kind for code, fact in facts.items()}
    codes = [item["code"] for item in definition["requirements"]]
    return read_form(definition.get("form"), definition.get("signatures"), roles=roles, facts=kinds, requirements=codes)


def _requirement(item: Mapping[str, Any], scope: Scope) -> Requirement:
    code = text(item["code"], "requirement: code")
    where = f"requirement {code}"
    alternatives = read_alternatives(item, where)
    check_told(item, alternatives, where)
    check_where(alternatives, scope, where)
    assurance = read_assurance(item.get("assurance", "low"), f"{where}: assurance")
    stand_ins = read_stand_ins(item.get("stand_ins"), f"{where}: stand_ins", assurance)
    own_paper = read_own_paper(item.get("own_paper"), f"{where}: own_paper")
    if not all(alternatives) or not (alternatives or stand_ins or own_paper[0]):
        raise DefinitionError(f"{where}: it needs an alternative, and each a need")
    begin, end = (_day(item.get(name), f"{where}: {name}") for name in ("in_force_from", "in_force_until"))
    _check_days(begin, end, where)
    return Requirement(
        code=code,
        title_zh=text(item["title"]["zh"], "requirement: title/zh"),
        title_en=text(item["title"]["en"], "requirement: title/en"),
        party=text(item["party"], "requirement: party"),
        alternatives=alternatives,
        legal_basis=text(item["legal_basis"], "requirement: legal_basis"),
        when=_when(item.get("when"), scope, f"{where}: when"),
        in_force_from=begin,
        in_force_until=end,
        none_clears=_flag(item.get("none_clears", True), f"{where}: none_clears"),
        max_age_days=_count(item.get("max_age_days"), f"{where}: max_age_days", most=36_600),
        papers=_count(item.get("papers", 1), f"{where}: papers", most=_MOST_PAPERS) or 1,
        material=text(item["material"], f"{where}: material") if "material" in item else None,
        assurance=assurance,
        stand_ins=stand_ins,
        own_paper_zh=own_paper[0],
        own_paper_en=own_paper[1],
        yields=read_yields(item, where),
        gives=read_gives(item, where),
        reuse_days=_count(item.get("reuse_days"), f"{where}: reuse_days", most=36_600) or 0,
    )


def _when(source: object, scope: Scope, where: str) -> Expression | None:
    return None if source is None else compile_expression(text(source, where), scope, where=where)


def read_fact(code: str, item: Mapping[str, Any]) -> Fact:
    """One question of a declaration. Raises: DefinitionError."""
    where = f"fact {code}"
    if not code.isidentifier() or not code.isascii() or code != code.lower():
        raise DefinitionError(f"{where}: its code is small letters, digits and underscores")
    try:
        kind = Kind(item["kind"])
    except ValueError:
        raise DefinitionError(f"{where}: kind is one of {', '.join(Kind)}") from None
    choices = tuple(
        Choice(
            text(each["value"], f"{where}: value"),
            text(each["zh"], f"{where}: zh"),
            text(each["en"], f"{where}: en"),
        )
        for each in item.get("choices", ())
    )
    if choices and kind not in _CHOOSABLE:
        raise DefinitionError(f"{where}: only texts have choices")
    if len({each.value for each in choices}) != len(choices):
        raise DefinitionError(f"{where}: two choices have the same value")
    title = item["title"]
    return Fact(code, kind, text(title["zh"], f"{where}: title/zh"), text(title["en"], f"{where}: title/en"), choices)


def _known(item: Mapping[str, Any], names: frozenset[str], where: str) -> None:
    if unknown := sorted(str(name) for name in set(item) - names):
        raise DefinitionError(f"{where}: unknown {', '.join(unknown)}")


def _check_days(begin: date | None, end: date | None, where: str) -> None:
    if begin is not None and end is not None and end < begin:
        raise DefinitionError(f"{where}: in_force_until is before in_force_from")


def _day(value: object, where: str) -> date | None:
    if value is None:
        return None
    if isinstance(value, date):  # as YAML reads it
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise DefinitionError(f"{where} is a day, as 2026-01-31") from None


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise DefinitionError(f"{where} is true or false")
    return value


def _count(value: object, where: str, *, most: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise DefinitionError(f"{where} is a whole number from 1 to {most}")
    return value
