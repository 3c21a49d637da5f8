"""The list of standing authorisations, and a holder's yes and no. Either acts with its commit."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from catalog.tables import table
from hub.citizens.authorising.decisions import check_decisions, meaning_of
from hub.citizens.authorising.hands import Hand, own
from hub.citizens.authorising.reaching import ENDED, LAW, UNDECIDED, Reaching, state_of, systems_of
from hub.citizens.authorising.tables import AuthorisationRow
from hub.citizens.authorising.values import TERMS, Decision, Lasts, Standing
from hub.citizens.present import lock_holder
from hub.citizens.values import SEES_OWN, SHOWS, Holder
from hub.clock import Clock, new_id, rfc3339
from hub.intake.outcomes import GIVEN
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import settled
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault

REFUSED: Final = "refused"
WITHDRAWN: Final = "withdrawn"
_TWICE: Final = timedelta(minutes=1)
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
        order = {UNDECIDED: 0, ENDED: 0, LAW: 2}
        return sorted(found, key=lambda item: (order.get(item.state, 1), item.department, item.grant_id))

    async def one(self, holder: Holder, grant_id: str) -> Standing:
        """One of them. Raises: MissingError."""
        found = next((item for item in await self.listed(holder) if item.grant_id == grant_id), None)
        if found is None:
            raise MissingError("authorisation")
        return found

    async def decide(
        self,
        holder: Holder,
        grant_id: str,
        decision: Decision,
        *,
        lasts: Lasts = Lasts.GRANT,
        hand: Hand | None = None,
    ) -> None:
        """He agrees, or does not, or no more. The same word again is nothing.

        Args:
            lasts: how long a yes is one; said anew, it is the new end that counts.
            hand: by whose hand, if not in his own session.
        Raises: HolderSignInNeededError; MissingError: no grant in force that reaches his records and rests on
            his agreement; what the hand does.
        """
        holder.require(SHOWS)
        word = _Word(decision, TERMS[lasts] if decision is Decision.GIVE else None, hand or own(holder))
        await self._database.write(lambda tx: self._decide(tx, holder, grant_id, word))

    def _listed(self, tx: Connection, holder: Holder, now: datetime) -> list[Standing]:
        grants = self._reaching.grants(tx, holder.id, holder.identity.id_type, now)
        rows = tx.execute(select(_ROWS).where(_ROWS.c.subject_id == holder.id)).all()
        check_decisions(tx, self._vault, rows)
        return self._reaching.standings(tx, grants, {row.grant_id: row for row in rows}, now)

    def _decide(self, tx: Connection, holder: Holder, grant_id: str, word: "_Word") -> None:
        word.hand.check(tx)
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
        before = state_of(row, now)
        state, ends_at = _after(before, word.decision), _end(word, now)
        if state == before and (state != GIVEN or _same_end(row, ends_at)):
            return
        authorisation_id, version = (row.id, row.row_version + 1) if row is not None else (new_id(), 1)
        [(department, _)] = systems_of(tx, {grant.system_id}).values()
        draft = Draft(
            kind=f"authorisation.{state}{word.hand.standing}",
            detail={
                "department": department[0],
                "fields": sorted(grant.terms.fields),
                "grants": [grant.id],
                "purpose": grant.purpose,
                **({"until": rfc3339(ends_at)} if ends_at else {}),
                **word.hand.said,
            },
            key=self._vault.data_key(subject.data_key, subject.kek_kid),
            subject_id=subject.id,
            object_id=authorisation_id,
            object_version=version,
        )
        append(tx, [seal(draft, now=now)])
        word.hand.tell(tx, subject.id, draft.id, now)
        values = {
            "id": authorisation_id,
            "subject_id": subject.id,
            "grant_id": grant.id,
            "state": state,
            "decided_at": now,
            "ends_at": ends_at,
            "row_version": version,
            "ledger_entry_id": draft.id,
        }
        values["mac"] = self._vault.row_mac(meaning_of(values))
        tx.execute(insert(_ROWS).values(**values) if row is None else update(_ROWS).where(here).values(**values))


@dataclass(frozen=True, slots=True)
class _Word:
    """What he says. `term`: after which a yes ends by itself."""

    decision: Decision
    term: timedelta | None
    hand: Hand


def _end(word: _Word, now: datetime) -> datetime | None:
    return None if word.term is None else (now + word.term).replace(microsecond=0)


def _same_end(row: Row[Any] | None, ends_at: datetime | None) -> bool:
    """Whether a yes with this end is what he has said already: a form that is sent twice says it once."""
    if row is None or (row.ends_at is None) is not (ends_at is None):
        return False
    return row.ends_at is None or ends_at is None or abs(ends_at - row.ends_at) < _TWICE


def _after(before: str, decision: Decision) -> str:
    if decision is Decision.GIVE:
        return GIVEN
    return WITHDRAWN if before in {GIVEN, WITHDRAWN} else REFUSED
