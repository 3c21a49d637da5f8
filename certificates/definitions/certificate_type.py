"""Certificate types as data: what a licence says, about whom, and how much of it is shown.

A type is described by a YAML file held to `types/definition.schema.json`; those that ship lie beside it. Reading a file
(`loading`) checks everything that could later fail while a licence is issued.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jsonschema_rs

from catalog import identifiers
from catalog.errors import IdentifierError
from certificates import claims as claim_rules
from certificates.claims import Bilingual, Claim, ClaimProblem, Disclosure
from certificates.definitions.parts import (
    Custody,
    DefiningAuthority,
    DocumentFormat,
    FaceRule,
    Holder,
    HolderRule,
    Kind,
    OnMissing,
    RegisterRule,
    SealRule,
    SourceRule,
    Stage,
    Suite,
    Supports,
    ValidityRule,
)
from certificates.errors import ClaimsError

__all__ = [
    "CertificateType", "Custody", "DefiningAuthority", "DocumentFormat", "FaceRule", "Holder", "HolderRule", "Kind",
    "OnMissing", "RegisterRule", "SealRule", "SourceRule", "Stage", "Suite", "Supports", "ValidityRule",
]  # fmt: skip
_FACE: Final = FaceRule()
_SEAL: Final = SealRule()
_REGISTER: Final = RegisterRule()
_SUPPORTS: Final = Supports()


@dataclass(frozen=True, slots=True, eq=False)
class CertificateType:
    """A kind of certificate. Made by `loading.load_type` only, which has checked it; compared by identity.

    Attributes:
        code: 证照类型代码, 21 characters.
        holder: the principal holder, under whose key the licence is kept.
        further_holders: others who hold it too, such as a co-owner; a record need not name them.
        holder_kinds: identifier types (GB/T 36903 Annex A) a holder may have.
        record_key: the required claim that names a record at its source.
        claims: in the order in which they are shown.
        confirms_identity: a matching current record confirms who somebody is.
        complete: no record means there is none; otherwise it means nobody knows.
        single_instance: one holder has at most one current certificate of the type.
        default_mapping: source column → claim, with its version; `absent_values` mean that a cell is empty.
        source: of index custody alone.
        stage: among which of its holder's licences it lies in his dossier; may change from version to version.
        maker_checker: a change of a licence by hand waits for a second person of its department.
    """

    slug: str
    code: str
    name: Bilingual
    defining_authority: DefiningAuthority
    kind: Kind
    holder_kinds: frozenset[str]
    holder: HolderRule
    record_key: str
    claims: Mapping[str, Claim]
    validity: ValidityRule
    confirms_identity: bool
    complete: bool
    single_instance: bool
    custody: Custody
    default_mapping: Mapping[str, str]
    absent_values: frozenset[str]
    mapping_version: int
    further_holders: tuple[HolderRule, ...] = ()
    source: SourceRule | None = None
    face: FaceRule = _FACE
    seal: SealRule = _SEAL
    maker_checker: bool = False
    register_driven: RegisterRule = _REGISTER
    supports: Supports = _SUPPORTS
    legal_basis: str = ""
    stage: Stage = Stage.OTHER
    _validator: jsonschema_rs.Draft202012Validator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_validator", claim_rules.compile_schema(self.claim_schema))

    @property
    def claim_schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of the claims as one object; unknown claims are refused."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name.en,
            "type": "object",
            "additionalProperties": False,
            "required": [claim.name for claim in self.claims.values() if claim.required],
            "properties": {claim.name: {"title": claim.title.zh, **claim.schema} for claim in self.claims.values()},
        }

    def disclosed(self, disclosure: Disclosure) -> tuple[str, ...]:
        """Name the claims that travel this way, in order."""
        return tuple(claim.name for claim in self.claims.values() if claim.disclosure is disclosure)

    def validator(self) -> jsonschema_rs.Draft202012Validator:
        """Give the compiled schema. Formats are checked, values masked in messages, references never fetched."""
        return self._validator

    def check_claims(self, claims: Mapping[str, Any]) -> list[ClaimProblem]:
        """List what is wrong with a record; empty means that it can be issued. Never raises for data.

        Rules are JSON Schema keywords; identifiers and dates give their own reason instead of `format`.
        """
        record = dict(claims)
        try:
            errors = list(self._validator.iter_errors(record))
        except ValueError:  # lone surrogates, bytes: nothing that JSON can carry
            return [ClaimProblem(claim_rules.UNNAMED_CLAIM, "unreadable")]
        if errors:
            return claim_rules.distinct(problem for error in errors for problem in claim_rules.describe(error, record))
        return self._check_holder(record)

    def check_shown(self, claims: Mapping[str, Any], *, needed: Collection[str]) -> list[ClaimProblem]:
        """List what is wrong with some of a record's claims: those there are, and the required ones among `needed` that
        are not. Who holds it is not looked at.
        """
        try:
            errors = list(self._validator.iter_errors(dict(claims)))
        except ValueError:
            return [ClaimProblem(claim_rules.UNNAMED_CLAIM, "unreadable")]
        found = [problem for error in errors for problem in claim_rules.describe(error, claims)]
        return [problem for problem in found if problem.rule != "required" or problem.claim in needed]

    def require_claims(self, claims: Mapping[str, Any]) -> None:
        """Refuse a record that does not fit.

        Raises: ClaimsError: with all problems.
        """
        if problems := self.check_claims(claims):
            raise ClaimsError(problems)

    def holder_of(self, claims: Mapping[str, str | int]) -> Holder:
        """Name the principal holder of a record that fits the type."""
        return self.holder.holder_of(claims)

    def holders_of(self, claims: Mapping[str, str | int]) -> tuple[Holder, ...]:
        """Everybody who holds a record that fits the type, the principal first; each person or body once."""
        found: dict[tuple[str, str], Holder] = {}
        for rule in (self.holder, *self.further_holders):
            if rule.id in claims:
                holder = rule.holder_of(claims)
                found.setdefault((holder.id_type, holder.id_number), holder)
        return tuple(found.values())

    def _check_holder(self, record: Mapping[str, Any]) -> list[ClaimProblem]:
        problems = [problem for rule in (self.holder, *self.further_holders) for problem in self._check(rule, record)]
        return claim_rules.distinct(problems)

    def _check(self, rule: HolderRule, record: Mapping[str, Any]) -> list[ClaimProblem]:
        missing = [name for name in rule.claims() if name not in record]
        if len(missing) == len(rule.claims()):
            return []
        if missing:
            return [ClaimProblem(name, "required") for name in missing]
        holder = rule.holder_of(record)
        if holder.id_type not in self.holder_kinds:
            return [ClaimProblem(rule.id_type_claim or rule.id, "type")]
        try:
            identifiers.check(holder.id_type, holder.id_number)
        except IdentifierError as error:
            return [ClaimProblem(rule.id, error.reason)]
        return []
