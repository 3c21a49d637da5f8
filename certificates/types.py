"""Certificate types as data: what a licence says, about whom, and how much of it is shown.

A type is described by a YAML file held to `types/definition.schema.json`; the sample city's six lie beside it.
Reading a file checks everything that could later fail while a licence is issued.
"""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

import jsonschema_rs

from catalog import identifiers
from catalog.errors import IdentifierError
from certificates import claims as claim_rules
from certificates.claims import Bilingual, Claim, ClaimProblem, Disclosure, Format
from certificates.definition import read_definition
from certificates.errors import ClaimsError, TypeDefinitionError

RESERVED_CLAIMS: Final = frozenset(
    {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "vct", "cnf", "status", "certificate", "purpose"}
)
"""Names the signed forms use themselves."""


class Kind(StrEnum):
    """What the document is in law: 证照, 证明 or 批文."""

    CERTIFICATE = "certificate"
    PROOF = "proof"
    APPROVAL = "approval"


class Custody(StrEnum):
    """Where the claims live: here, or at the source, which is asked when they are used."""

    LIBRARY = "library"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class DefiningAuthority:
    """Who defined the type; its USCC opens the type code."""

    name: str
    uscc: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a certificate is about."""

    id_type: str
    id_number: str
    name: str


@dataclass(frozen=True, slots=True)
class HolderRule:
    """Which claims name the holder. The identifier type is fixed for the type, or stands in `id_type_claim`."""

    id: str
    name: str
    id_type: str | None = None
    id_type_claim: str | None = None


@dataclass(frozen=True, slots=True)
class ValidityRule:
    """When a certificate ends: never, after `years`, or on the civil day in `claim` (which may be absent: no end)."""

    years: int | None = None
    claim: str | None = None

    def valid_until(self, valid_from: date, claims: Mapping[str, str | int]) -> date | None:
        """Name the last day of validity, inclusive; None is no end.

        A period of years ends on the corresponding day, and where the month has none, on the month's last day
        (民法典 art. 202).
        """
        if self.claim is not None:
            text = claims.get(self.claim)
            return None if text is None else date.fromisoformat(str(text))
        if self.years is None:
            return None
        year = valid_from.year + self.years
        last_day = calendar.monthrange(year, valid_from.month)[1]
        return date(year, valid_from.month, min(valid_from.day, last_day))


@dataclass(frozen=True, slots=True, eq=False)
class CertificateType:
    """A kind of certificate. Made by `load_type` only, which has checked it; compared by identity.

    Attributes:
        code: 证照类型代码, 21 characters.
        holder_kinds: identifier types (GB/T 36903 Annex A) a holder may have.
        record_key: the required claim that names a record at its source.
        claims: in the order in which they are shown.
        confirms_identity: a matching current record confirms who somebody is.
        complete: no record means there is none; otherwise it means nobody knows.
        single_instance: one holder has at most one current certificate of the type.
        default_mapping: source column → claim, with its version; `absent_values` mean that a cell is empty.
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

    def require_claims(self, claims: Mapping[str, Any]) -> None:
        """Refuse a record that does not fit.

        Raises: ClaimsError: with all problems.
        """
        if problems := self.check_claims(claims):
            raise ClaimsError(problems)

    def holder_of(self, claims: Mapping[str, str | int]) -> Holder:
        """Name the holder of a record that fits the type."""
        rule = self.holder
        id_type = rule.id_type if rule.id_type_claim is None else claims[rule.id_type_claim]
        return Holder(str(id_type), str(claims[rule.id]), str(claims[rule.name]))

    def _check_holder(self, record: Mapping[str, Any]) -> list[ClaimProblem]:
        holder = self.holder_of(record)
        if holder.id_type not in self.holder_kinds:
            return [ClaimProblem(self.holder.id_type_claim or self.holder.id, "type")]
        try:
            identifiers.check(holder.id_type, holder.id_number)
        except IdentifierError as error:
            return [ClaimProblem(self.holder.id, error.reason)]
        return []


def load_type(text: str) -> CertificateType:
    """Read a type from its YAML description.

    Raises: TypeDefinitionError: unreadable, of another shape, or contradicting itself.
    """
    definition = read_definition(text)
    holder_id_type = definition["holder"]["id_type"]
    validity = definition["validity"]
    mapping = definition["mapping"]
    try:
        certificate_type = CertificateType(
            slug=definition["slug"],
            code=definition["code"],
            name=Bilingual(**definition["name"]),
            defining_authority=DefiningAuthority(**definition["defining_authority"]),
            kind=Kind(definition["kind"]),
            holder_kinds=frozenset(definition["holder_kinds"]),
            holder=HolderRule(
                id=definition["holder"]["id"],
                name=definition["holder"]["name"],
                id_type=holder_id_type if isinstance(holder_id_type, str) else None,
                id_type_claim=None if isinstance(holder_id_type, str) else holder_id_type["claim"],
            ),
            record_key=definition["record_key"],
            claims=MappingProxyType({name: _claim(name, claim) for name, claim in definition["claims"].items()}),
            validity=ValidityRule() if validity == "none" else ValidityRule(**validity),
            confirms_identity=definition["confirms_identity"],
            complete=definition["complete"],
            single_instance=definition["single_instance"],
            custody=Custody(definition["custody"]),
            default_mapping=MappingProxyType(dict(mapping["columns"])),
            absent_values=frozenset(mapping["absent"]),
            mapping_version=mapping["version"],
        )
    except jsonschema_rs.ValidationError as error:  # such as a pattern the engine cannot compile
        raise TypeDefinitionError("claims", "schema") from error
    _check_type(certificate_type)
    return certificate_type


def _claim(name: str, definition: Mapping[str, Any]) -> Claim:
    claim_format = Format(definition["format"])
    return Claim(
        name=name,
        title=Bilingual(**definition["title"]),
        format=claim_format,
        schema=claim_rules.claim_schema(claim_format, definition.get("schema", {})),
        required=definition["required"],
        disclosure=Disclosure(definition["disclosure"]),
    )


def _check_type(candidate: CertificateType) -> None:
    claims = candidate.claims
    required = {claim.name for claim in claims.values() if claim.required}
    holder = candidate.holder
    try:
        identifiers.check(identifiers.USCC, candidate.defining_authority.uscc)
    except IdentifierError as error:
        raise TypeDefinitionError("defining_authority/uscc", error.reason) from error
    if candidate.code[:18] != candidate.defining_authority.uscc:
        raise TypeDefinitionError("code", "not_of_defining_authority")
    if reserved := RESERVED_CLAIMS & claims.keys():
        raise TypeDefinitionError(f"claims/{min(reserved)}", "reserved")
    for claim in claims.values():
        if not claim_rules.satisfiable(claim.schema):
            raise TypeDefinitionError(f"claims/{claim.name}/schema", "unsatisfiable")
    if not candidate.holder_kinds <= identifiers.ID_TYPES.keys():
        raise TypeDefinitionError("holder_kinds", "unknown_id_type")
    if holder.id_type is not None and holder.id_type not in candidate.holder_kinds:
        raise TypeDefinitionError("holder/id_type", "not_a_holder_kind")
    named = {"record_key": candidate.record_key, "holder/id": holder.id, "holder/name": holder.name}
    if holder.id_type_claim is not None:
        named["holder/id_type/claim"] = holder.id_type_claim
    for where, name in named.items():
        if name not in required:
            raise TypeDefinitionError(where, "not_a_required_claim")
    end = candidate.validity.claim
    if end is not None and (end not in claims or claims[end].format is not Format.DATE):
        raise TypeDefinitionError("validity/claim", "not_a_date_claim")
    mapped = list(candidate.default_mapping.values())
    if len(set(mapped)) != len(mapped) or not required <= set(mapped) <= claims.keys():
        raise TypeDefinitionError("mapping/columns", "not_one_column_per_claim")


@cache
def shipped_types() -> Mapping[str, CertificateType]:
    """Give the types of the sample city by slug. Read once; the files are part of the package."""
    folder = resources.files("certificates").joinpath("types")
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda entry: entry.name)
    types = [load_type(entry.read_text(encoding="utf-8")) for entry in files]
    return MappingProxyType({certificate_type.slug: certificate_type for certificate_type in types})
