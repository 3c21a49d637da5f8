"""Queries over bulk runs. Each takes the caller's connection and never commits."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, String, and_, cast, delete, func, insert, select, update

from catalog.tables import SystemRow, table
from hub.exchange.bulk.subject_store import PAGE
from hub.exchange.tables import BulkRunRow, BulkSubjectRow
from hub.intake.tables import CaseRow
from hub.ledger.tables import LedgerEntryRow
from hub.storage.errors import BusyError, IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import canonical

_RUNS: Final = table(BulkRunRow)
_SUBJECTS: Final = table(BulkSubjectRow)
_SYSTEMS: Final = table(SystemRow)
_CASES: Final = table(CaseRow)
_ENTRIES: Final = table(LedgerEntryRow)
_SELECT: Final = (
    select(_RUNS, _SYSTEMS.c.client_id, _CASES.c.case_no)
    .join(_SYSTEMS, _SYSTEMS.c.id == _RUNS.c.system_id)
    .join(_CASES, _CASES.c.id == _RUNS.c.case_id)
)
LISTED: Final = 200
RUN: Final = "bulk.run"
"""The job that works a run off."""


class RunState(StrEnum):
    """Where a run stands. Only `released` gives anything away."""

    RECEIVING = "receiving"
    """Its list is being written; a crash leaves it here, and it is deleted."""
    RUNNING = "running"
    FINISHED = "finished"
    """Waits for the second person."""
    RELEASED = "released"
    REFUSED = "refused"
    STOPPED = "stopped"
    """Ended before its end: cancelled, or what it stood on has ended. `problem` says which."""
    EXPIRED = "expired"
    """Result and subjects are deleted."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as stored."""

    id: str
    owner_department_id: str
    asking_department_id: str
    system_id: str
    client_id: str
    case_id: str
    case_no: str
    interface: str
    grant_id: str
    ordered: dict[str, Any]
    sealed: bytes = field(repr=False)
    state: RunState
    row_version: int
    ledger_entry_id: str | None
    mac: bytes = field(repr=False)
    subjects: int
    problem: str
    file: dict[str, Any]
    decision: dict[str, Any]
    manifest: bytes | None = field(repr=False)
    done: int
    outcomes: dict[str, int]
    downloads: int
    turn: int
    lease: str
    attempts: int
    pauses: int
    paused_until: datetime | None
    paused_why: str
    waiting: int
    created_at: datetime
    changed_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None

    @property
    def grants(self) -> list[str]:
        """What it is under: one grant, or of a campaign over a matter those of all its requirements."""
        return list(self.ordered.get("grants") or [self.grant_id])

    @property
    def owners(self) -> list[str]:
        """The departments that release it, each for its own."""
        return list(self.ordered.get("owners") or [self.owner_department_id])

    def meaning(self) -> bytes:
        """Everything the MAC covers: all that decides what may leave, to whom, until when."""
        return b"bulk_run\x1f" + canonical(
            {
                "id": self.id,
                "owner": self.owner_department_id,
                "system": self.system_id,
                "case": self.case_id,
                "interface": self.interface,
                "grant": self.grant_id,
                "ordered": self.ordered,
                "sealed": self.sealed.hex(),
                "state": self.state.value,
                "row_version": self.row_version,
                "entry": self.ledger_entry_id,
                "subjects": self.subjects,
                "problem": self.problem,
                "file": self.file,
                "decision": self.decision,
                "expires_at": self.expires_at.isoformat() if self.expires_at else None,
            }
        )


def add_run(tx: Connection, **values: Any) -> None:
    """Write a run whose list is about to be written."""
    empty: dict[str, Any] = {
        "state": RunState.RECEIVING,
        "row_version": 0,
        "ledger_entry_id": None,
        "mac": b"",
        "problem": "",
        "file": {},
        "decision": {},
        "manifest": None,
        "done": 0,
        "outcomes": {},
        "downloads": 0,
        "turn": 0,
        "lease": "",
        "attempts": 0,
        "pauses": 0,
        "paused_why": "",
        "waiting": 0,
    }
    tx.execute(insert(_RUNS).values(**empty | values))


def find_run(tx: Connection, run_id: str, *, lock: bool = False) -> Run | None:
    """A run by id, whoever's it is: the caller compares system or department."""
    query = _SELECT.where(_RUNS.c.id == run_id)
    row = tx.execute(query.with_for_update(of=_RUNS) if lock else query).one_or_none()
    return None if row is None else _run(row)


def list_runs(tx: Connection, *, where: Any, states: Collection[RunState] = ()) -> list[Run]:
    """The newest of these. `where` as one of `of_system`, `of_owner`, `of_asker`, or True."""
    query = _SELECT.where(where, _RUNS.c.state != RunState.RECEIVING).order_by(_RUNS.c.id.desc()).limit(LISTED)
    return [_run(row) for row in tx.execute(query.where(_RUNS.c.state.in_(list(states))) if states else query)]


def of_system(client_id: str) -> Any:
    """Runs of one system."""
    return _SYSTEMS.c.client_id == client_id


def of_owner(department_id: str | None) -> Any:
    """Runs over what a department owns, alone or beside others; more than those where an order only names it."""
    alone = _RUNS.c.owner_department_id == department_id
    return alone | cast(_RUNS.c.ordered, String).contains(department_id) if department_id else alone


def of_asker(department_id: str | None) -> Any:
    """Runs of a department's systems."""
    return _RUNS.c.asking_department_id == department_id


def check_run(tx: Connection, vault: Vault, run: Run) -> None:
    """Raises IntegrityBrokenError when the row was written by anyone but the hub, or an older one was put back."""
    vault.check_row_mac(run.meaning(), run.mac, where="bulk_runs")
    latest = tx.execute(select(func.max(_ENTRIES.c.object_version)).where(_ENTRIES.c.object_id == run.id)).scalar()
    if latest != run.row_version:
        raise IntegrityBrokenError("bulk_runs")


def replace_run(tx: Connection, vault: Vault, before: Run, *, now: datetime, **values: Any) -> Run:
    """Write a change of what a run means, under a new MAC; its ledger entry is the caller's to append.

    Raises: BusyError when somebody was faster; the unit is then run again.
    """
    changed = replace(before, row_version=before.row_version + 1, **values)
    written = values | {"row_version": changed.row_version, "mac": vault.row_mac(changed.meaning()), "changed_at": now}
    where = and_(_RUNS.c.id == before.id, _RUNS.c.row_version == before.row_version)
    if tx.execute(update(_RUNS).where(where).values(**written)).rowcount != 1:
        raise BusyError
    return replace(changed, mac=written["mac"], changed_at=now)


def touch_run(tx: Connection, run_id: str, *, now: datetime, **values: Any) -> None:
    """Write how far a run is: nothing that its MAC covers."""
    tx.execute(update(_RUNS).where(_RUNS.c.id == run_id).values(changed_at=now, **values))


def keep_manifest(tx: Connection, run_id: str, manifest: bytes) -> None:
    """Write the signed manifest, once."""
    where = and_(_RUNS.c.id == run_id, _RUNS.c.manifest.is_(None))
    tx.execute(update(_RUNS).where(where).values(manifest=manifest))


def under_way(tx: Connection, system_id: str) -> int:
    """How many runs of a system are running, with its row locked: two that begin at once are counted one by one."""
    tx.execute(select(_SYSTEMS.c.id).where(_SYSTEMS.c.id == system_id).with_for_update(key_share=True))
    where = and_(_RUNS.c.system_id == system_id, _RUNS.c.state == RunState.RUNNING)
    return int(tx.execute(select(func.count()).select_from(_RUNS).where(where)).scalar_one())


def system_active(tx: Connection, system_id: str) -> bool:
    """Whether the system may still act."""
    return bool(tx.execute(select(_SYSTEMS.c.active).where(_SYSTEMS.c.id == system_id)).scalar())


def recipients(tx: Connection) -> list[str]:
    """The client ids of all systems that ever had a run."""
    query = select(_SYSTEMS.c.client_id).where(_SYSTEMS.c.id.in_(select(_RUNS.c.system_id))).order_by("client_id")
    return list(tx.execute(query).scalars())


def stalled_runs(tx: Connection, *, before: datetime) -> list[str]:
    """Runs that nobody has moved since, and that are not waiting for a moment to come."""
    idle = and_(_RUNS.c.state == RunState.RUNNING, _RUNS.c.changed_at < before)
    waits = and_(_RUNS.c.paused_until.is_not(None), _RUNS.c.paused_until >= before)
    return list(tx.execute(select(_RUNS.c.id).where(idle, ~waits).limit(PAGE)).scalars())


def expired_runs(tx: Connection, *, now: datetime, unfinished_before: datetime) -> list[str]:
    """Runs past their time, and lists that were never written to their end."""
    over = [RunState.FINISHED, RunState.RELEASED, RunState.REFUSED, RunState.STOPPED]
    due = and_(_RUNS.c.state.in_(over), _RUNS.c.expires_at <= now)
    torn = and_(_RUNS.c.state == RunState.RECEIVING, _RUNS.c.created_at < unfinished_before)
    return list(tx.execute(select(_RUNS.c.id).where(due | torn).limit(PAGE)).scalars())


def forget_run(tx: Connection, run_id: str) -> None:
    """Delete a run whose list was never written to its end."""
    tx.execute(delete(_RUNS).where(_RUNS.c.id == run_id, _RUNS.c.state == RunState.RECEIVING))


def _run(row: Row[Any]) -> Run:
    return Run(**dict(row._mapping) | {"state": RunState(row.state)})  # noqa: SLF001  # SQLAlchemy's public name for it
