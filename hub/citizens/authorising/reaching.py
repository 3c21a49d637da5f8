"""Which grants reach a holder's records, and what they are called: those on kinds of licence that he holds, and those
on data interfaces that ask sources about persons, as far as they rest on his agreement.

Whether a source has anything about him the hub does not know before it asks; so what he agrees to is told whole.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, select, union

from catalog.grants import CaseKind, Grant, GrantState, ResourceKind
from catalog.interfaces import Interface, Origin
from catalog.store import read_grants
from catalog.tables import DepartmentRow, GrantRow, MatterRow, SystemRow, table
from certificates.tables import CertificateHolderRow, CertificateRow, CertificateVersionRow
from hub.citizens.authorising.decisions import ended
from hub.citizens.authorising.values import Standing
from hub.intake.outcomes import GIVEN
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards
from hub.registry.guarding import DefinitionGuard
from hub.registry.meanings import Words
from hub.storage.vault import Vault

LAW: Final = "law"
UNDECIDED: Final = "undecided"
ENDED: Final = "ended"
MOST: Final = 500
_GRANTS: Final = table(GrantRow)
_SYSTEMS: Final = table(SystemRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_MATTERS: Final = table(MatterRow)
_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)
_FURTHER: Final = table(CertificateHolderRow)
Named = tuple[Words, Sequence[Words]]
"""What a grant is over, and the fields that it names."""


class Reaching:
    """Finds grants and tells them."""

    def __init__(self, *, vault: Vault, types: TypeRegistry) -> None:
        self._vault = vault
        self._types = types
        self._guard = DefinitionGuard(vault)

    def grants(
        self, tx: Connection, subject_id: str, id_type: str, now: datetime, *, only: str | None = None
    ) -> list[Grant]:
        """Those in force that reach him, of each kind 500 at most; or this one of them.

        Raises: IntegrityBrokenError.
        """
        live = and_(_GRANTS.c.state == GrantState.LIVE.value, _GRANTS.c.valid_from <= now, _GRANTS.c.valid_until > now)
        if only is not None:
            live = and_(live, _GRANTS.c.id == only)
        of_types = _GRANTS.c.resource_kind == ResourceKind.CERTIFICATE_TYPE.value
        held = select(_GRANTS.c.id).where(of_types, _GRANTS.c.type_code.in_(_kinds_of(tx, subject_id)), live)
        resting = _GRANTS.c.terms["consent"].as_boolean().is_(True)
        of_interfaces = _GRANTS.c.resource_kind == ResourceKind.INTERFACE.value
        asked = select(_GRANTS.c.id, _GRANTS.c.type_code).where(of_interfaces, resting, live)
        rows = tx.execute(asked.order_by(_GRANTS.c.id).limit(MOST)).all()
        about = self._about_persons(tx, {row.type_code for row in rows}, id_type, now)
        ids = list(tx.execute(held.order_by(_GRANTS.c.id).limit(MOST)).scalars())
        found = read_grants(tx, [*ids, *(row.id for row in rows if row.type_code in about)])
        check_guards(tx, self._vault, grants=found)
        return found

    def standings(
        self, tx: Connection, grants: Sequence[Grant], decided: Mapping[str, Any], now: datetime
    ) -> list[Standing]:
        """As the holder is told of them; `decided`: his rows by grant."""
        systems = systems_of(tx, {grant.system_id for grant in grants})
        matters = matters_of(tx, {code for grant in grants for code in grant.terms.matters})
        named = self.named(tx, grants, now)
        return [
            _standing(grant, decided.get(grant.id), systems[grant.system_id], (named[grant.id], matters), now)
            for grant in grants
        ]

    def named(self, tx: Connection, grants: Collection[Grant], now: datetime) -> dict[str, Named]:
        """What each grant is over, by its id."""
        codes = {grant.resource for grant in grants if grant.resource_kind is ResourceKind.INTERFACE}
        interfaces = self._guard.all_answering(tx, sorted(codes), now=now)
        found: dict[str, Named] = {}
        for grant in grants:
            names: Mapping[str, Words] = {}
            title: Words = (grant.resource, grant.resource)
            if grant.resource_kind is ResourceKind.INTERFACE and grant.resource in interfaces:
                interface = interfaces[grant.resource][0].interface
                title = (interface.title["zh"], interface.title["en"])
                names = {name: (item.title["zh"], item.title["en"]) for name, item in interface.fields.items()}
            elif grant.resource_kind is ResourceKind.CERTIFICATE_TYPE and (kind := self._types.newest(grant.resource)):
                title = (kind.name.zh, kind.name.en)
                names = {name: (claim.title.zh, claim.title.en) for name, claim in kind.claims.items()}
            found[grant.id] = title, [words for name, words in names.items() if name in grant.terms.fields]
        return found

    def _about_persons(self, tx: Connection, codes: set[str], id_type: str, now: datetime) -> set[str]:
        answering = self._guard.all_answering(tx, sorted(codes), now=now)
        return {code for code, (stored, _) in answering.items() if _asks_about(stored.interface, id_type)}


def systems_of(tx: Connection, ids: Collection[str]) -> dict[str, tuple[Words, Words]]:
    """Names of the department and of the system, by the system's id."""
    joined = _SYSTEMS.join(_DEPARTMENTS, _DEPARTMENTS.c.id == _SYSTEMS.c.owner_department_id)
    columns = (_SYSTEMS.c.id, _DEPARTMENTS.c.name_zh, _DEPARTMENTS.c.name_en, _SYSTEMS.c.name_zh, _SYSTEMS.c.name_en)
    rows: Sequence[Any] = tx.execute(select(*columns).select_from(joined).where(_SYSTEMS.c.id.in_(ids))).all()
    return {row[0]: ((row[1], row[2]), (row[3], row[4])) for row in rows}


def matters_of(tx: Connection, codes: Collection[str]) -> dict[str, Words]:
    """Names of matters, by code."""
    query = select(_MATTERS.c.code, _MATTERS.c.definition).where(_MATTERS.c.code.in_(codes))
    rows = tx.execute(query.order_by(_MATTERS.c.version))
    return {row.code: (str(row.definition["name"]["zh"]), str(row.definition["name"]["en"])) for row in rows}


def state_of(row: Any, now: datetime) -> str:
    """What a holder's row says of a grant that rests on his agreement; None: he has not decided."""
    if row is None:
        return UNDECIDED
    return ENDED if ended(row, now) else str(row.state)


def _standing(
    grant: Grant, row: Any, system: tuple[Words, Words], told: tuple[Named, Mapping[str, Words]], now: datetime
) -> Standing:
    terms, (named, matters) = grant.terms, told
    return Standing(
        grant_id=grant.id,
        agreement=terms.consent,
        state=state_of(row, now) if terms.consent else LAW,
        department=system[0],
        system=system[1],
        resource=named[0],
        fields=named[1],
        matters=[matters.get(code, (code, code)) for code in sorted(terms.matters)],
        purpose=grant.purpose,
        legal_basis=terms.legal_basis,
        ex_officio=grant.kind is CaseKind.EX_OFFICIO,
        valid_until=grant.valid_until,
        decided_at=row.decided_at if row is not None and terms.consent else None,
        given_until=row.ends_at if row is not None and terms.consent and row.state == GIVEN else None,
        interface=grant.resource_kind is ResourceKind.INTERFACE,
    )


def _kinds_of(tx: Connection, subject_id: str) -> list[str]:
    """The kinds of licence that he holds, as principal or further holder."""
    version_of = _FURTHER.join(_VERSIONS, _VERSIONS.c.id == _FURTHER.c.version_id)
    version_of = version_of.join(_CERTIFICATES, _CERTIFICATES.c.id == _VERSIONS.c.certificate_id)
    kinds = union(
        select(_CERTIFICATES.c.type_code).where(_CERTIFICATES.c.subject_id == subject_id),
        select(_CERTIFICATES.c.type_code).select_from(version_of).where(_FURTHER.c.subject_id == subject_id),
    )
    return sorted(set(tx.execute(kinds).scalars()))


def _asks_about(interface: Interface, id_type: str) -> bool:
    """Whether the interface is asked about persons with this kind of number."""
    by_number = [param for param in interface.params.values() if param.origin is Origin.PARTY_ID]
    return any(param.id_type in {None, id_type} for param in by_number)
