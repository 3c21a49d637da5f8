"""The draft of a licence that comes of a case: what the signed form and verified claims say; its decider confirms it.

Where two of them differ nothing is chosen: both stand beside an empty field. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from catalog.forms.terms import shared_terms
from catalog.identifiers import normalise_name
from catalog.matters.results import Result
from catalog.matters.values import Matter
from certificates.claims import Claim
from certificates.definitions.certificate_type import CertificateType

Words = tuple[str, str]
FORM: Final = ("当事人签署的表单", "the form that was signed")
CASE: Final = ("办件当事人", "the party of the case")
ISSUER: Final = ("本部门", "your department")
TODAY: Final = ("今天", "today")
_NAMES_ISSUER: Final = "issued_by"
"""The claim in which types that ship name the authority."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The party that holds what comes of the case. Without a number where it has none yet."""

    key: str
    name: str = field(repr=False)
    number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proven:
    """What one piece of verified evidence says of a party; `what` is its type in words."""

    party: str
    slug: str
    what: Words
    claims: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Drafted:
    """One claim of the draft. `says` has each value once, with whoever says it; `value` is theirs where they agree."""

    claim: Claim
    value: str = field(repr=False)
    says: tuple[tuple[str, tuple[Words, ...]], ...] = field(repr=False, default=())

    @property
    def differ(self) -> bool:
        """Whether the decider has to choose."""
        return len(self.says) > 1


def drafted(
    kind: CertificateType,
    result: Result,
    matter: Matter,
    holder: Holder,
    *,
    proven: Sequence[Proven],
    filed: Mapping[str, tuple[Any, Sequence[Any]]],
    issuer: str,
    today: date,
) -> tuple[Drafted, ...]:
    """Each claim of the type with what is known of it.

    Args:
        filed: the signed form by field of the matter: what was signed, and what records say that differ from it.
        issuer: name of the department.
    """
    found: dict[str, list[tuple[Any, Words]]] = {name: [] for name in kind.claims}

    def note(claim: str, value: Any, who: Words) -> None:
        if claim in found and value not in (None, "", []):
            found[claim].append((value, who))

    note(kind.holder.name, holder.name, CASE)
    note(kind.holder.id, holder.number, CASE)
    for claim, code in _fields_of(kind, result, matter):
        signed, others = filed.get(code, (None, ()))
        note(claim, signed, FORM)
        for other in others:
            note(claim, other, ("记录", "a record"))
    for item in proven:
        if item.party == holder.key:
            for claim, source in _shared(kind.slug, item.slug):
                note(claim, item.claims.get(source), item.what)
    if kind.validity.start is not None:
        note(kind.validity.start, today.isoformat(), TODAY)
    note(_NAMES_ISSUER, issuer, ISSUER)
    return tuple(_one(kind.claims[name], said) for name, said in found.items())


def _fields_of(kind: CertificateType, result: Result, matter: Matter) -> Iterable[tuple[str, str]]:
    """Claim and field of the form: as the matter says, and where both speak one shared term of the holder."""
    yield from result.fill.items()
    for item in matter.form.fields:
        term = shared_terms().get(item.term)
        if term is not None and item.party == result.party:
            for claim in term.given.get(kind.slug, ()):
                if claim not in result.fill:
                    yield claim, item.code


def _shared(slug: str, source: str) -> Iterable[tuple[str, str]]:
    """Claims of two types that say the same by a shared term."""
    for term in shared_terms().values():
        for claim in term.given.get(slug, ()):
            for other in term.given.get(source, ()):
                yield claim, other


def _one(claim: Claim, said: Sequence[tuple[Any, Words]]) -> Drafted:
    values: dict[str, tuple[str, list[Words]]] = {}
    for value, who in said:
        text = str(value)
        known = values.setdefault(normalise_name(text), (text, []))
        if who not in known[1]:
            known[1].append(who)
    says = tuple((text, tuple(who)) for text, who in values.values())
    return Drafted(claim, says[0][0] if len(says) == 1 else "", says)
