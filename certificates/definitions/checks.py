"""Checking a description for whoever writes it: everything wrong with it, each with its place, in two languages.

Besides faults, which keep a type from being taken in, there is advice: what is allowed but seldom meant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from certificates.claims import Bilingual, Disclosure, Format
from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.contradictions import contradictions, unkept
from certificates.definitions.loading import build_type
from certificates.definitions.schema import faults_of_shape, parse_definition
from certificates.definitions.words import TEXTS
from certificates.errors import TypeDefinitionError

MAX_PROBLEMS: Final = 100
_CLEAR: Final = 8
"""Claims in clear that nobody can hold back: more than these are seldom meant."""


@dataclass(frozen=True, slots=True)
class TypeProblem:
    """One fault, or one piece of advice. `where` is a path in the description; no value of it is repeated."""

    where: str
    reason: str
    fault: bool = True

    @property
    def text(self) -> Bilingual:
        """What to do, in words."""
        return TEXTS.get(self.reason, TEXTS["schema"])

    def as_json(self) -> dict[str, Any]:
        """Additive only: a contract of `--json` and of the API."""
        text = self.text
        return {
            "pointer": "/" + self.where,
            "rule": self.reason,
            "severity": "fault" if self.fault else "advice",
            "zh": text.zh,
            "en": text.en,
        }


def problems_of(text: str) -> list[TypeProblem]:
    """Everything wrong with a description, faults first; none among them means that `loading.load_type` takes it.

    A description of another shape is not looked into further: its contradictions would be guesses.
    """
    try:
        definition = parse_definition(text)
        if faults := [TypeProblem(where, reason) for where, reason in faults_of_shape(definition)]:
            return faults[:MAX_PROBLEMS]
        candidate = build_type(definition)
    except TypeDefinitionError as error:
        return [TypeProblem(error.where, error.reason)]
    found = [TypeProblem(where, reason) for rules in (contradictions, unkept) for where, reason in rules(candidate)]
    found += [TypeProblem(where, reason, fault=False) for where, reason in _advice(candidate)]
    if "shared_regions" in definition:
        found.append(TypeProblem("shared_regions", "without_effect", fault=False))
    return found[:MAX_PROBLEMS]


def _advice(candidate: CertificateType) -> Iterator[tuple[str, str]]:
    clear = candidate.disclosed(Disclosure.ALWAYS)
    for name in clear:
        if candidate.claims[name].format is Format.CITIZEN_ID:
            yield f"claims/{name}/disclosure", "personal_number_in_clear"
    if len(clear) > _CLEAR:
        yield "claims", "much_in_clear"
    if not candidate.legal_basis:
        yield "legal_basis", "no_legal_basis"
    if "示例" in candidate.defining_authority.name:
        yield "defining_authority", "invented_authority"
    if candidate.complete and candidate.register_driven.on_missing == "keep" and candidate.validity.claim is None:
        yield "register_driven", "complete_but_kept"
