"""By what an answer stands: the rule that wants it, and who was asked. In every item, whatever its outcome."""

from typing import Any

from catalog.matters.saying import condition_words
from catalog.matters.values import Matter
from hub.intake.outcomes import Outcome
from hub.intake.resolver import Resolution


def rule_of(matter: Matter, resolution: Resolution, language: str) -> dict[str, Any]:
    """Law and condition, and the types and interfaces that were looked into: none, where nobody was asked."""
    requirement = resolution.requirement
    condition = condition_words(requirement.when, matter, language) if requirement.when is not None else None
    rule = {"legal_basis": requirement.legal_basis} | ({"condition": condition} if condition else {})
    return {"rule": rule, "asked_of": _asked_of(resolution)}


def _asked_of(resolution: Resolution) -> list[dict[str, str]]:
    interfaces = {ask.need.code: ask.stored.interface.department for ask in resolution.asked}
    told: list[dict[str, str]] = [{"type": code} for code in _types(resolution)]
    return [*told, *({"interface": code, "department": owner} for code, owner in interfaces.items())]


def _types(resolution: Resolution) -> list[str]:
    if resolution.sources:
        return list(dict.fromkeys(source.need.type_code for source in resolution.sources))
    if resolution.outcome in {Outcome.NOT_GRANTED, Outcome.IDENTITY_UNCONFIRMED}:  # no record was looked into
        return []
    granted = {grant.resource for grant in resolution.grants}
    return [code for code in resolution.requirement.type_codes() if code in granted]
