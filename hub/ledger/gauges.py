"""How the log stands, in numbers for a monitoring system. Nothing in them is of a person or of what an entry says."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from catalog.tables import table
from hub.clock import Clock
from hub.ledger.arrears import Arrears
from hub.ledger.sequencer import read_head
from hub.ledger.tables import LedgerEntryRow
from hub.ledger.witnessing.calling import failing
from hub.ledger.witnessing.reading import WitnessedLog

_ENTRIES = table(LedgerEntryRow)


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number, and what it is."""

    name: str
    kind: str
    help: str
    value: float


def gauges(tx: Connection, *, arrears: Arrears, witnesses: WitnessedLog, clock: Clock) -> Sequence[Gauge]:
    """As they are now. Raises: IntegrityBrokenError: a row of a witness is not what the hub wrote."""
    now, head, standing = clock(), read_head(tx), witnesses.standing(tx)
    waiting = select(func.min(_ENTRIES.c.recorded_at)).where(_ENTRIES.c.position.is_(None))
    oldest = tx.execute(waiting).scalar()
    said = [at or item.changed_at for item, at in standing.last]
    return (
        Gauge("yizheng_ledger_entries", "gauge", "Entries in the tree.", head.size),
        Gauge(
            "yizheng_ledger_waiting_seconds",
            "gauge",
            "Age of the oldest entry that is under no checkpoint yet; 0: none waits.",
            (now - oldest).total_seconds() if oldest else 0,
        ),
        Gauge(
            "yizheng_ledger_receipts_raised_total",
            "counter",
            "Entries that this process raised the alarm for: promised by a receipt, and not in the tree in time.",
            arrears.raised,
        ),
        Gauge("yizheng_witnesses", "gauge", "Registered witnesses.", len(standing.last)),
        Gauge(
            "yizheng_witness_oldest_cosignature_seconds",
            "gauge",
            "Age of the last co-signature of the witness that was silent for longest; 0: there are none.",
            max(((now - at).total_seconds() for at in said), default=0),
        ),
        Gauge(
            "yizheng_witness_calls_failing",
            "gauge",
            "Witnesses that did not co-sign when the hub called them last.",
            failing(tx, [item.id for item, _ in standing.last]),
        ),
        Gauge(
            "yizheng_ledger_forks", "gauge", "Checkpoints of this log's key that are not of this log.", standing.forks
        ),
    )


def as_text(found: Sequence[Gauge]) -> str:
    """In Prometheus's text format, version 0.0.4."""
    lines = (
        f"# HELP {item.name} {item.help}\n# TYPE {item.name} {item.kind}\n{item.name} {item.value:g}\n"
        for item in found
    )
    return "".join(lines)
