"""The list of standing authorisations, and a holder's yes and no. Either acts with its commit."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, union, update

from catalog.grants import CaseKind, Grant, GrantState, ResourceKind
from catalog.store import read_grants
from catalog.tables import DepartmentRow, GrantRow, MatterRow, SystemRow, table
from certificates.tables import CertificateHolderRow, CertificateRow, CertificateVersionRow
from hub.citizens.authorising.decisions import check_decisions, meaning_of
from hub.citizens.authorising.tables import AuthorisationRow
from hub.citizens.authorising.values import Decision, Standing
from hub.citizens.present import lock_holder
from hub.citizens.values import SEES_OWN, SHOWS, Holder
from hub.clock import Clock, new_id
from hub.intake.outcomes import GIVEN
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import check_guards, settled
from hub.registry.meanings import Words
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault

UNDECIDED: Final = "undecided"
REFUSED: Final = "refused"
WITHDRAWN: Final = "withdrawn"
LAW: Final = "law"
MOST: Final = 500
_ROWS: Final = table(AuthorisationRow)
_GRANTS: Final = table(GrantRow)
_SYSTEMS: Final = table(SystemRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_MATTERS: Final = table(MatterRow)
_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)
_FURTHER: Final = table(CertificateHolderRow)


class Authorisations:
    """Use cases of a holder. Raises LevelError for one who is not signed in surely enough."""

    def __init__(self, database: Database, *, vault: Vault, types: TypeRegistry, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._clock = clock

    async def listed(self, holder: Holder) -> list[Standing]:
        """Grants in force on the kinds of licence that he holds: those that wait for his word first, then the others
        that rest on it, then those that rest on the law; at most 500.
        """
        holder.require(SEES_OWN)
        now = self._clock()
        found = await self._database.read(lambda tx: settled(lambda: self._listed(tx, holder.id, now)))
        order = {UNDECIDED: 0, LAW: 2}
        return sorted(found, key=lambda item: (order.get(item.state, 1), item.department, item.grant_id))

    async def one(self, holder: Holder, grant_id: str) -> Standing:
        """One of them. Raises: MissingError."""
        found = next((item for item in await self.listed(holder) if item.grant_id == grant_id), None)
        if found is None:
            raise MissingError("authorisation")
        return found

    async def decide(self, holder: Holder, grant_id: str, decision: Decision) -> None:
        """He agrees, or does not, or no more. The same word again is nothing.

        Raises: HolderSignInNeededError; MissingError: no grant in force on a licence of his that rests on his
            agreement.
        """
        holder.require(SHOWS)
        await self._database.write(lambda tx: self._decide(tx, holder, grant_id, decision))

    def _listed(self, tx: Connection, subject_id: str, now: datetime) -> list[Standing]:
        grants = self._grants(tx, subject_id, now)
        rows = tx.execute(select(_ROWS).where(_ROWS.c.subject_id == subject_id)).all()
        check_decisions(tx, self._vault, rows)
        decided = {row.grant_id: row for row in rows}
        systems = _systems(tx, {grant.system_id for grant in grants})
        matters = _matters(tx, {code for grant in grants for code in grant.terms.matters})
        return [self._told(grant, decided.get(grant.id), systems[grant.system_id], matters) for grant in grants]

    def _grants(self, tx: Connection, subject_id: str, now: datetime, *, only: str | None = None) -> list[Grant]:
        """In force on kinds of licence that he holds, as principal or further holder; or this one of them."""
        version_of = _FURTHER.join(_VERSIONS, _VERSIONS.c.id == _FURTHER.c.version_id)
        version_of = version_of.join(_CERTIFICATES, _CERTIFICATES.c.id == _VERSIONS.c.certificate_id)
        kinds = union(
            select(_CERTIFICATES.c.type_code).where(_CERTIFICATES.c.subject_id == subject_id),
            select(_CERTIFICATES.c.type_code).select_from(version_of).where(_FURTHER.c.subject_id == subject_id),
        )
        held = sorted(set(tx.execute(kinds).scalars()))
        live = (
            (_GRANTS.c.state == GrantState.LIVE.value) & (_GRANTS.c.valid_from <= now) & (_GRANTS.c.valid_until > now)
        )
        of_types = _GRANTS.c.resource_kind == ResourceKind.CERTIFICATE_TYPE.value
        query = select(_GRANTS.c.id).where(of_types, _GRANTS.c.type_code.in_(held), live)
        if only is not None:
            query = query.where(_GRANTS.c.id == only)
        found = read_grants(tx, list(tx.execute(query.order_by(_GRANTS.c.id).limit(MOST)).scalars()))
        check_guards(tx, self._vault, grants=found)
        return found

    def _told(self, grant: Grant, row: Any, system: tuple[Words, Words], matters: Mapping[str, Words]) -> Standing:
        kind = self._types.newest(grant.resource)
        claims = kind.claims if kind else {}
        terms = grant.terms
        return Standing(
            grant_id=grant.id,
            agreement=terms.consent,
            state=LAW if not terms.consent else row.state if row is not None else UNDECIDED,
            department=system[0],
            system=system[1],
            resource=(kind.name.zh, kind.name.en) if kind else (grant.resource, grant.resource),
            fields=[(claim.title.zh, claim.title.en) for name, claim in claims.items() if name in terms.fields],
            matters=[matters.get(code, (code, code)) for code in sorted(terms.matters)],
            purpose=grant.purpose,
            legal_basis=terms.legal_basis,
            ex_officio=grant.kind is CaseKind.EX_OFFICIO,
            valid_until=grant.valid_until,
            decided_at=row.decided_at if row is not None and terms.consent else None,
        )

    def _decide(self, tx: Connection, holder: Holder, grant_id: str, decision: Decision) -> None:
        subject = lock_holder(tx, holder.id)
        here = (_ROWS.c.subject_id == holder.id) & (_ROWS.c.grant_id == grant_id)
        row = tx.execute(select(_ROWS).where(here).with_for_update()).one_or_none()
        # Behind the locks: a no that waited for a pull, dated before it, would not keep its answer from being repeated.
        now = self._clock()
        grants = settled(lambda: self._grants(tx, holder.id, now, only=grant_id))
        grant = next((item for item in grants if item.terms.consent), None)
        if grant is None:
            raise MissingError("authorisation")
        check_decisions(tx, self._vault, [row] if row is not None else [])
        before = row.state if row is not None else UNDECIDED
        state = _after(before, decision)
        if state == before:
            return
        authorisation_id, version = (row.id, row.row_version + 1) if row is not None else (new_id(), 1)
        [(department, _)] = _systems(tx, {grant.system_id}).values()
        draft = Draft(
            kind=f"authorisation.{state}",
            detail={
                "department": department[0],
                "fields": sorted(grant.terms.fields),
                "grants": [grant.id],
                "level": holder.level.name.lower(),
                "purpose": grant.purpose,
                "session": holder.session_id,
            },
            key=self._vault.data_key(subject.data_key, subject.kek_kid),
            subject_id=subject.id,
            object_id=authorisation_id,
            object_version=version,
        )
        append(tx, [seal(draft, now=now)])
        values = {
            "id": authorisation_id,
            "subject_id": subject.id,
            "grant_id": grant.id,
            "state": state,
            "decided_at": now,
            "row_version": version,
            "ledger_entry_id": draft.id,
        }
        values["mac"] = self._vault.row_mac(meaning_of(values))
        tx.execute(insert(_ROWS).values(**values) if row is None else update(_ROWS).where(here).values(**values))


def _after(before: str, decision: Decision) -> str:
    if decision is Decision.GIVE:
        return GIVEN
    return WITHDRAWN if before in {GIVEN, WITHDRAWN} else REFUSED


def _systems(tx: Connection, ids: set[str]) -> dict[str, tuple[Words, Words]]:
    """Names of the department and of the system, by the system's id."""
    joined = _SYSTEMS.join(_DEPARTMENTS, _DEPARTMENTS.c.id == _SYSTEMS.c.owner_department_id)
    columns = (_SYSTEMS.c.id, _DEPARTMENTS.c.name_zh, _DEPARTMENTS.c.name_en, _SYSTEMS.c.name_zh, _SYSTEMS.c.name_en)
    rows: Sequence[Any] = tx.execute(select(*columns).select_from(joined).where(_SYSTEMS.c.id.in_(ids))).all()
    return {row[0]: ((row[1], row[2]), (row[3], row[4])) for row in rows}


def _matters(tx: Connection, codes: set[str]) -> dict[str, Words]:
    query = select(_MATTERS.c.code, _MATTERS.c.definition).where(_MATTERS.c.code.in_(codes))
    rows = tx.execute(query.order_by(_MATTERS.c.version))
    return {row.code: (str(row.definition["name"]["zh"]), str(row.definition["name"]["en"])) for row in rows}
