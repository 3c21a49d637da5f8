"""Paying debts with an answer: in the transaction in which it stands on the ledger."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from hub.access.actors import Role
from hub.intake.calls import Claimed, EvidenceCall
from hub.intake.compose import Item
from hub.intake.errors import InFlightError, StillOwedError
from hub.intake.owed import store
from hub.intake.owed.ending import record_end
from hub.intake.owed.opening import answer_for, asked_of
from hub.intake.owed.store import ENDED, PAID, Debt
from hub.intake.resolver import OWED, Outcome
from hub.intake.store import CLOSING, Case
from hub.intake.told.telling import CaseEvent, tell
from hub.registry.notices import notify
from hub.storage.vault import Vault

WAITING = OWED | {Outcome.PENDING}
"""Outcomes that end no debt."""
Close = Callable[[Connection, Case, datetime], None]


def still_owed(item: Item) -> bool:
    """Whether an answer is none yet: the source fails still, or today's quota is used up, which ends no grant."""
    resolution = item.resolution
    return resolution.outcome in WAITING or resolution.why.code == "quota_exhausted"


class Settling:
    """Ends debts that an answer pays, and closes the case that only waited for them."""

    def __init__(self, *, vault: Vault, close: Close) -> None:
        self._vault = vault
        self._close = close

    def settle(
        self, tx: Connection, call: EvidenceCall, claimed: Claimed, items: Sequence[Item], state: str, now: datetime
    ) -> None:
        """A step of unit 2, under the exclusive lock of the case, whose `state` is as it stands there.

        Raises: for the hub's own asking, StillOwedError and InFlightError (somebody paid meanwhile): nothing of the
        unit may stay.
        """
        answers = {asked_of(item.resolution.requirement): item for item in items}
        paid = set()
        for debt in store.debts_of(tx, claimed.case.id, only_open=True):
            item = answers.get((debt.code, debt.party))
            if call.pays == debt.id:
                item = answer_for(items, debt.code, debt.party)
            if item is None or not self._pays(debt, item, call):
                continue
            self._end(tx, claimed, debt, item.resolution.outcome, now)
            paid.add(debt.id)
        if call.pays and call.pays not in paid:
            item = answer_for(items, (call.requirements or ("",))[0], call.party or "")
            raise StillOwedError(item.resolution.why.code) if still_owed(item) else InFlightError
        if state == CLOSING and not store.debts_of(tx, claimed.case.id, only_open=True):
            self._close(tx, claimed.case, now)

    def _pays(self, debt: Debt, item: Item, call: EvidenceCall) -> bool:
        if still_owed(item):
            return False
        if call.pays:
            return call.pays == debt.id
        # A clerk who asks again for another purpose is told that this is not granted, and is owed no less.
        return call.purpose == debt.purpose and item.resolution.outcome is not Outcome.NOT_GRANTED

    def _end(self, tx: Connection, claimed: Claimed, debt: Debt, outcome: Outcome, now: datetime) -> None:
        state = ENDED if outcome is Outcome.NOT_GRANTED else PAID
        if not store.end_debt(tx, debt.id, state, now=now, outcome=outcome.value, answer_id=claimed.request_id):
            raise InFlightError
        said = {"outcome": outcome.value, "request_id": claimed.request_id}
        entry_id = record_end(tx, self._vault, claimed.case, debt, state, said, now)
        tell(
            tx,
            claimed.case.id,
            CaseEvent.DEBT_PAID if state == PAID else CaseEvent.DEBT_ENDED,
            entry_id=entry_id,
            now=now,
            code=debt.code,
            party=debt.party,
            answer_id=claimed.request_id,
        )
        if state == ENDED:
            department_id, about = claimed.case.department_id, ("debt", debt.id)
            notify(tx, "debt.ended", department_id=department_id, role=Role.CONSUMER_ENGINEER, about=about, now=now)
