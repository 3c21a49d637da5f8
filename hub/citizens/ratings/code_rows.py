"""Rows of the codes on slips. They take the caller's connection and never commit.

A row says by its MAC whose case it opens: nobody has his own slip rate a stranger's case by writing another case into
its row. Nothing says that a code was used: the rating does, which stands once.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from catalog.tables import table
from hub.citizens.ratings.codes import drawn, hash_of
from hub.citizens.ratings.tables import RatingCodeRow
from hub.clock import new_id
from hub.intake.store import CLOSED, Case, Party
from hub.intake.tables import CasePartyRow, CaseRow
from hub.storage.vault import Vault
from signing.canonical import canonical

LIVES: Final = timedelta(days=30)
"""From the day on which the case was closed: before it there is nothing to rate."""
_TURNS: Final = 8
_STEP: Final = 500
_ROWS: Final = table(RatingCodeRow)
_CASES: Final = table(CaseRow)
_PARTIES: Final = table(CasePartyRow)
_log = structlog.get_logger(__name__)


def code_of(tx: Connection, vault: Vault, case: Case, party: Party, now: datetime) -> str | None:
    """The code of a party, made where there is none; None: the case closed too long ago, or it has no number.

    The same whether or not he has rated: who prints the slip does not learn it.
    """
    over = case.state == CLOSED and case.closed_at is not None and now >= case.closed_at + LIVES
    if over or party.lookup_hash is None or party.sealed is None:
        return None
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    where = (_ROWS.c.case_id == case.id) & (_ROWS.c.party_id == party.sealed.id)
    for turn in range(_TURNS):
        found = tx.execute(select(_ROWS.c.turn).where(where)).scalar()
        if found is not None:
            return drawn(vault, case.id, party.sealed.id, found)
        code = drawn(vault, case.id, party.sealed.id, turn)
        values = {
            "id": new_id(), "case_id": case.id, "party_id": party.sealed.id, "turn": turn,
            "code_hash": hash_of(vault, code), "made_at": now,
        }  # fmt: skip
        values["mac"] = vault.row_mac(_meaning(values))
        # Two who print at one moment have one row; a code that is somebody else's makes none, and is drawn anew.
        tx.execute(insert(_ROWS).values(**values).on_conflict_do_nothing())
        if tx.execute(select(_ROWS.c.code_hash).where(where)).scalar() == values["code_hash"]:
            return code
    return None


def find(tx: Connection, vault: Vault, digits: str, now: datetime) -> tuple[str, str] | None:
    """Case and party (ids) of a code that is not over; None: unknown, over, or not as the hub wrote it."""
    query = (
        select(_ROWS, _CASES.c.closed_at, _CASES.c.state, _PARTIES.c.case_id.label("party_of"))
        .join(_CASES, _CASES.c.id == _ROWS.c.case_id)
        .join(_PARTIES, _PARTIES.c.id == _ROWS.c.party_id)
        .where(_ROWS.c.code_hash == hash_of(vault, digits))
    )
    row = tx.execute(query).one_or_none()
    if row is None:
        return None
    if vault.row_mac(_meaning(_stored(row))) != row.mac or row.party_of != row.case_id:
        _log.error("guarded_row_broken", alarm=True, where="rating_codes")
        return None
    over = row.state == CLOSED and row.closed_at is not None and now >= row.closed_at + LIVES
    return None if over else (row.case_id, row.party_id)


def forget_old(tx: Connection, now: datetime) -> int:
    """Delete some of those that are over; answers how many."""
    old = (
        select(_ROWS.c.id)
        .join(_CASES, _CASES.c.id == _ROWS.c.case_id)
        .where(_CASES.c.state == CLOSED, _CASES.c.closed_at <= now - LIVES)
        .limit(_STEP)
    )
    ids = list(tx.execute(old).scalars())
    return tx.execute(delete(_ROWS).where(_ROWS.c.id.in_(ids))).rowcount if ids else 0


def forget_codes(tx: Connection, lookup: bytes) -> None:
    """Those of a person who is erased, by the hash of his number."""
    his = select(_PARTIES.c.id).where(_PARTIES.c.lookup_hash == lookup)
    tx.execute(delete(_ROWS).where(_ROWS.c.party_id.in_(his)))


def _stored(row: Row[Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("id", "case_id", "party_id", "turn", "code_hash")}


def _meaning(row: dict[str, Any]) -> bytes:
    named = {name: row[name] for name in ("id", "case_id", "party_id", "turn")}
    return b"rating-code\x1f" + canonical(named | {"code_hash": row["code_hash"].hex()})
