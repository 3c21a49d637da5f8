"""The end of a debt on the ledger; debts that whoever closes the case gives up."""

from datetime import datetime

from sqlalchemy import Connection

from hub.intake.owed import store
from hub.intake.owed.store import ABANDONED, Debt
from hub.intake.store import Case
from hub.ledger.entries import Draft, append, seal
from hub.storage.vault import Vault


def abandon(tx: Connection, vault: Vault, case: Case, now: datetime) -> None:
    """Whoever closes the case wants no more of what is owed to it."""
    for debt in store.debts_of(tx, case.id, only_open=True):
        if store.end_debt(tx, debt.id, ABANDONED, now=now):
            record_end(tx, vault, case, debt, ABANDONED, {}, now)


def record_end(
    tx: Connection, vault: Vault, case: Case, debt: Debt, state: str, said: dict[str, str], now: datetime
) -> str:
    """Append the entry of a debt that ends in this transaction; `said`: how. Answers its id."""
    detail = {"case_no": case.case_no, "debt": debt.id, "code": debt.code, "party": debt.party} | said
    key = vault.data_key(case.data_key, case.kek_kid)
    entry = seal(Draft(kind=f"debt.{state}", detail=detail, key=key, case_id=case.id), now=now)
    append(tx, [entry])
    return entry.id
