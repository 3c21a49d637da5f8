"""The stored progress of a run: what makes two runs the same, and where a killed one goes on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, insert, select, update

from catalog.tables import table
from hub.clock import new_id
from hub.collection.errors import RunElsewhereError
from hub.collection.reading.rows import RegisterFile
from hub.collection.report import Totals
from hub.collection.tables import CollectionRunRow

_RUNS: Final = table(CollectionRunRow)
_BLOCK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `next_row` counts rows over all its files, from 0; earlier ones are done and counted in `totals`."""

    id: str
    next_row: int
    totals: Totals
    started_at: datetime


def run_key(
    files: Sequence[RegisterFile],
    *,
    type_code: str,
    issuer: str,
    mapping_digest: str,
    as_of: datetime | None,
    sheet: str | None = None,
    scope: str | None = None,
) -> str:
    """What a resumed run shares with the killed one: the same bytes under the same mapping for the same issuer."""
    meaning = [type_code, issuer, mapping_digest, as_of.isoformat() if as_of else ""]
    if sheet or scope:
        meaning += [sheet or "", scope or ""]
    digest = hashlib.sha256("\0".join(meaning).encode())
    for path in files:
        content = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                content.update(block)
        digest.update(content.digest())
    return digest.hexdigest()


def start_or_resume(tx: Connection, key: str, *, now: datetime) -> Run:
    """The unfinished run under this key, or a new one."""
    row = tx.execute(
        select(_RUNS).where(and_(_RUNS.c.run_key == key, _RUNS.c.state == "running")).with_for_update()
    ).first()
    if row is not None:
        return Run(row.id, row.next_row, Totals(**row.totals), row.started_at)
    run = Run(new_id(), 0, Totals(), now)
    tx.execute(
        insert(_RUNS).values(
            id=run.id,
            run_key=key,
            state="running",
            next_row=0,
            totals=run.totals.to_json(),
            started_at=now,
            updated_at=now,
        )
    )
    return run


def advance(tx: Connection, run_id: str, *, first_row: int, next_row: int, totals: Totals, now: datetime) -> None:
    """Record progress from `first_row` to `next_row` in the transaction of the rows it speaks of.

    Raises: RunElsewhereError when the run is no longer at `first_row`; the rows are rolled back with it.
    """
    here = and_(_RUNS.c.id == run_id, _RUNS.c.next_row == first_row, _RUNS.c.state == "running")
    moved = tx.execute(update(_RUNS).where(here).values(next_row=next_row, totals=totals.to_json(), updated_at=now))
    if moved.rowcount != 1:
        raise RunElsewhereError("another process is collecting the same register; let it end, or end it")


def finish(tx: Connection, run_id: str, *, now: datetime) -> None:
    """The run is over: the same file is a new run next time."""
    tx.execute(update(_RUNS).where(_RUNS.c.id == run_id).values(state="finished", updated_at=now))
