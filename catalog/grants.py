"""Grants 共享授权: what one system may have of one certificate type or interface, for which matters and purpose."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from catalog.declared import text, texts
from catalog.errors import DefinitionError

MAX_BULK_SUBJECTS: Final = 100_000


class GrantState(StrEnum):
    """Only a live grant discloses."""

    LIVE = "live"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"


class ResourceKind(StrEnum):
    """What a grant opens."""

    CERTIFICATE_TYPE = "certificate_type"
    INTERFACE = "interface"


class CaseKind(StrEnum):
    """On application (依申请) or ex officio (依职权); grants of one kind never serve the other."""

    APPLICATION = "application"
    EX_OFFICIO = "ex_officio"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the owner approved.

    `corroboration` lists the kinds of which a case must show at least one; empty asks for none. `officers` are the
    operators, by their id in the intake system, who alone may use a grant of the kind `ex_officio`. `bulk_subjects` is
    how many subjects one bulk run (批量查询) under a campaign case may have; None: the grant is not for bulk. With
    `consent` use rests on the agreement of whom a record is about, and not on the law alone.
    """

    fields: frozenset[str]
    matters: frozenset[str]
    legal_basis: str
    quota_per_day: int | None
    corroboration: frozenset[str]
    officers: frozenset[str] = frozenset()
    bulk_subjects: int | None = None
    consent: bool = False

    def as_json(self) -> dict[str, Any]:
        """The stored form, with sorted lists so that equal terms are equal bytes. Without officers, bulk or consent it
        has no such member: the MAC of a grant that was written before there were any still fits.
        """
        officers = {"officers": sorted(self.officers)} if self.officers else {}
        bulk = {} if self.bulk_subjects is None else {"bulk": True, "bulk_subjects": self.bulk_subjects}
        return (
            officers
            | bulk
            | ({"consent": True} if self.consent else {})
            | {
                "fields": sorted(self.fields),
                "matters": sorted(self.matters),
                "legal_basis": self.legal_basis,
                "quota_per_day": self.quota_per_day,
                "corroboration": sorted(self.corroboration),
            }
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant as stored. `row_version`, `ledger_entry_id` and `mac` guard its meaning; quota counters are elsewhere."""

    id: str
    owner_department_id: str
    system_id: str
    resource: str
    """Code of the certificate type or interface."""
    kind: CaseKind
    terms: Terms
    purpose: str
    state: GrantState
    valid_from: datetime
    valid_until: datetime
    row_version: int
    ledger_entry_id: str
    mac: bytes
    resource_kind: ResourceKind = ResourceKind.CERTIFICATE_TYPE

    def meaning(self) -> dict[str, Any]:
        """Everything the MAC covers. Grants of certificate types keep the bytes they had before there were others."""
        resource = {} if self.resource_kind is ResourceKind.CERTIFICATE_TYPE else {"kind_of": self.resource_kind.value}
        return resource | {
            "id": self.id,
            "owner_department_id": self.owner_department_id,
            "system_id": self.system_id,
            "type_code": self.resource,
            "kind": self.kind.value,
            "terms": self.terms.as_json(),
            "purpose": self.purpose,
            "state": self.state.value,
            "valid_from": round(self.valid_from.timestamp()),
            "valid_until": round(self.valid_until.timestamp()),
            "row_version": self.row_version,
            "ledger_entry_id": self.ledger_entry_id,
        }

    def objection(
        self,
        *,
        matter: str,
        purpose: str,
        fields: Collection[str],
        corroboration: Collection[str],
        now: datetime,
        officer: str | None = None,
        asks_holder: bool = False,
    ) -> str | None:
        """Why this grant does not cover the question, as a code; None when it does. Quota is not checked.

        `officer` is the id of the case's operator. A grant of the kind `ex_officio` that names nobody serves nobody.
        One that rests on consent serves only a caller who looks for the holder's word himself: `asks_holder`.
        """
        if self.state is not GrantState.LIVE:
            return f"grant_{self.state.value}"
        if not self.valid_from <= now < self.valid_until:
            return "grant_not_in_force"
        if purpose != self.purpose:
            return "purpose_not_granted"
        if matter not in self.terms.matters:
            return "matter_not_granted"
        if not self.terms.fields.issuperset(fields):
            return "field_not_granted"
        if self.terms.corroboration and self.terms.corroboration.isdisjoint(corroboration):
            return "corroboration_missing"
        if self.kind is CaseKind.EX_OFFICIO and officer not in self.terms.officers:
            return "officer_not_named"
        if self.terms.consent and not asks_holder:
            return "holder_decision_needed"
        return None


def read_terms(definition: Mapping[str, Any]) -> Terms:
    """Read declared terms. Raises: DefinitionError."""
    try:
        terms = Terms(
            fields=frozenset(texts(definition["fields"], "grant: fields")),
            matters=frozenset(texts(definition["matters"], "grant: matters")),
            legal_basis=text(definition["legal_basis"], "grant: legal_basis"),
            quota_per_day=definition.get("quota_per_day"),
            corroboration=frozenset(texts(definition.get("corroboration", ()), "grant: corroboration")),
            officers=frozenset(texts(definition.get("officers", ()), "grant: officers")),
            bulk_subjects=_bulk_subjects(definition),
            consent=_consent(definition),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise DefinitionError(f"grant: {error}") from error
    if not terms.fields or not terms.matters:
        raise DefinitionError("grant: fields and matters must not be empty")
    quota = terms.quota_per_day
    if quota is not None and (type(quota) is not int or quota < 1):
        raise DefinitionError("grant: quota_per_day must be a positive whole number")
    return terms


def _consent(definition: Mapping[str, Any]) -> bool:
    wanted = definition.get("consent", False)
    if type(wanted) is not bool:
        raise DefinitionError("grant: consent is true or false")
    return wanted


def _bulk_subjects(definition: Mapping[str, Any]) -> int | None:
    wanted, most = definition.get("bulk", False), definition.get("bulk_subjects")
    if type(wanted) is not bool:
        raise DefinitionError("grant: bulk is true or false")
    if not wanted:
        if most is not None:
            raise DefinitionError("grant: bulk_subjects belongs to bulk: true")
        return None
    if type(most) is not int or not 1 <= most <= MAX_BULK_SUBJECTS:
        raise DefinitionError(f"grant: bulk needs bulk_subjects, at most {MAX_BULK_SUBJECTS}: the most of one run")
    return most


def check_officers(kind: CaseKind, terms: Terms) -> None:
    """Named officers and a daily quota belong to grants for `ex_officio` cases; officers and bulk to no others.

    Not part of `read_terms`: rows of earlier releases are read as they are, and then serve nobody.

    Raises: DefinitionError.
    """
    if kind is CaseKind.APPLICATION and terms.officers:
        raise DefinitionError("grant: officers are named for the kind ex_officio only")
    if kind is CaseKind.APPLICATION and terms.bulk_subjects is not None:
        raise DefinitionError("grant: bulk is for the kind ex_officio only")
    if kind is CaseKind.EX_OFFICIO and terms.consent:
        raise DefinitionError("grant: consent is for the kind application only")
    if kind is CaseKind.EX_OFFICIO and not terms.officers:
        raise DefinitionError("grant: the kind ex_officio needs officers, the operators who may use it")
    if kind is CaseKind.EX_OFFICIO and terms.quota_per_day is None:
        raise DefinitionError("grant: the kind ex_officio needs a quota_per_day of its own")
