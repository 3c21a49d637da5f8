"""The list of standing authorisations, and a holder's yes and no. Either acts with its commit."""

from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection, insert, select, update

from catalog.tables import table
from hub.citizens.authorising.decisions import check_decisions, meaning_of
from hub.citizens.authorising.reaching import LAW, UNDECIDED, Reaching, systems_of
from hub.citizens.authorising.tables import AuthorisationRow
from hub.citizens.authorising.values import Decision, Standing
from hub.citizens.present import lock_holder
from hub.citizens.values import SEES_OWN, SHOWS, Holder
from hub.clock import Clock, new_id
from hub.intake.outcomes import GIVEN
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import settled
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault

REFUSED: Final = "refused"
WITHDRAWN: Final = "withdrawn"
_ROWS: Final = table(AuthorisationRow)


class Authorisations:
    """Use cases of a holder. Raises LevelError for one who is not signed in surely enough."""

    def __init__(self, database: Database, *, vault: Vault, types: TypeRegistry, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._reaching = Reaching(vault=vault, types=types)
        self._clock = clock

    async def listed(self, holder: Holder) -> list[Standing]:
        """Grants in force that reach his records (`hub.citizens.authorising.reaching`): those that wait for his word
        first, then the others that rest on it, then those that rest on the law.
        """
        holder.require(SEES_OWN)
        now = self._clock()
        found = await self._database.read(lambda tx: settled(lambda: self._listed(tx, holder, now)))
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

        Raises: HolderSignInNeededError; MissingError: no grant in force that reaches his records and rests on
            his agreement.
        """
        holder.require(SHOWS)
        await self._database.write(lambda tx: self._decide(tx, holder, grant_id, decision))

    def _listed(self, tx: Connection, holder: Holder, now: datetime) -> list[Standing]:
        grants = self._reaching.grants(tx, holder.id, holder.identity.id_type, now)
        rows = tx.execute(select(_ROWS).where(_ROWS.c.subject_id == holder.id)).all()
        check_decisions(tx, self._vault, rows)
        return self._reaching.standings(tx, grants, {row.grant_id: row for row in rows}, now)

    def _decide(self, tx: Connection, holder: Holder, grant_id: str, decision: Decision) -> None:
        subject = lock_holder(tx, holder.id)
        here = (_ROWS.c.subject_id == holder.id) & (_ROWS.c.grant_id == grant_id)
        row = tx.execute(select(_ROWS).where(here).with_for_update()).one_or_none()
        # Behind the locks: a no that waited for a pull, dated before it, would not keep its answer from being repeated.
        now = self._clock()
        reaching = partial(self._reaching.grants, tx, holder.id, holder.identity.id_type, now, only=grant_id)
        grants = settled(reaching)
        grant = next((item for item in grants if item.terms.consent), None)
        if grant is None:
            raise MissingError("authorisation")
        check_decisions(tx, self._vault, [row] if row is not None else [])
        before = row.state if row is not None else UNDECIDED
        state = _after(before, decision)
        if state == before:
            return
        authorisation_id, version = (row.id, row.row_version + 1) if row is not None else (new_id(), 1)
        [(department, _)] = systems_of(tx, {grant.system_id}).values()
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
