"""A matter as the API tells it to systems: what it asks to see proven, about whom, and when."""

from typing import Any

from catalog.matters.roles import described_roles
from catalog.matters.standing_in import Assurance, described_stand_ins
from catalog.matters.values import Fact, Matter, Requirement


def described(matter: Matter) -> dict[str, Any]:
    """Both languages at once; members without content are left out, but for those that every matter has."""
    return {
        "code": matter.code,
        "name": {"zh": matter.name_zh, "en": matter.name_en},
        "roles": list(matter.roles),
        **({"role_rules": described_roles(matter.rules)} if matter.rules else {}),
        "facts": [_fact(fact) for fact in matter.facts.values()],
        **_given_back(matter),
        **_of_version(matter),
        "requirements": [_requirement(item) for item in matter.requirements],
    }


def _of_version(matter: Matter) -> dict[str, Any]:
    days = {"in_force_from": matter.in_force_from, "in_force_until": matter.in_force_until}
    told: dict[str, Any] = {name: day.isoformat() for name, day in days.items() if day is not None}
    offered = [
        {"code": item.code, "title": {"zh": item.title_zh, "en": item.title_en}, "sets": dict(item.sets)}
        for item in matter.situations
    ]
    return told | ({"situations": offered} if offered else {})


def _given_back(matter: Matter) -> dict[str, Any]:
    fields = [
        {"field": item.code, "term": item.term or None, "party": item.party, "kind": item.kind.value,
         "title": {"zh": item.title_zh, "en": item.title_en}, "required": item.required}
        for item in matter.form.fields
    ]  # fmt: skip
    results = [
        {"type": item.type_code, "party": item.party} | ({"fill": dict(item.fill)} if item.fill else {})
        for item in matter.results
    ]
    form = {"form": fields, "signatures": list(matter.form.signers)} if fields else {}
    return form | ({"results": results} if results else {})


def _fact(fact: Fact) -> dict[str, Any]:
    choices = [{"value": item.value, "title": {"zh": item.zh, "en": item.en}} for item in fact.choices]
    told: dict[str, Any] = {
        "fact": fact.code,
        "kind": fact.kind.value,
        "title": {"zh": fact.title_zh, "en": fact.title_en},
    }
    return told | ({"choices": choices} if choices else {})


def _requirement(item: Requirement) -> dict[str, Any]:
    ruled = {
        "condition": item.when.source if item.when else None,
        "in_force_from": item.in_force_from.isoformat() if item.in_force_from else None,
        "in_force_until": item.in_force_until.isoformat() if item.in_force_until else None,
        "max_age_days": item.max_age_days,
        "reuse_days": item.reuse_days or None,
        "assurance": item.assurance.value if item.assurance is not Assurance.LOW else None,
        "stand_ins": described_stand_ins(item.stand_ins) or None,
        "own_paper": {"zh": item.own_paper_zh, "en": item.own_paper_en} if item.own_paper_zh else None,
        "interfaces": list(item.interface_codes()) or None,
        "yields": {name: kind.value for name, kind in item.yields.items()} or None,
        "gives": [given.role for given in item.gives] or None,
        "narrowed_by": sorted(fact.removeprefix("facts.") for fact in item.narrows) or None,
    }
    return {
        "code": item.code,
        "title": {"zh": item.title_zh, "en": item.title_en},
        "party": item.party,
        "types": list(item.type_codes()),
        "legal_basis": item.legal_basis,
        **{name: value for name, value in ruled.items() if value is not None},
    }
