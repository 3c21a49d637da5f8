"""Status: lists and what stands on them. Each query takes the caller's connection and never commits."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Select, func, insert, select, text, update

from catalog.tables import table
from certificates.lifecycle.states import STATUS_BITS, Status
from certificates.stores.version import WHOLE, VersionRecord
from certificates.tables import MAY_END, CertificateVersionRow, StatusListRow

_VERSIONS: Final = table(CertificateVersionRow)
_LISTS: Final = table(StatusListRow)
LIST_SIZE: Final = 1 << 20
_NOT_VALID: Final = text("status <> 'valid'")  # in these words, so that the partial index is used


def change_status(tx: Connection, changed: VersionRecord) -> None:
    """Write a changed status with its guard. The caller holds the row's lock."""
    values = {name: getattr(changed, name) for name in ("status", "row_version", "ledger_entry_id", "mac")}
    tx.execute(update(_VERSIONS).where(_VERSIONS.c.id == changed.id).values(**values))


def take_status_counters(tx: Connection, count: int, *, now: datetime) -> list[tuple[int, int]]:
    """Reserve `count` (list, counter) pairs; opens the next list when one is full. Never gives a pair twice."""
    taken: list[tuple[int, int]] = []
    while len(taken) < count:
        row = tx.execute(select(_LISTS).order_by(_LISTS.c.number.desc()).limit(1).with_for_update()).one_or_none()
        if row is None or row.next_counter >= row.size:
            number = 0 if row is None else row.number + 1
            tx.execute(insert(_LISTS).values(number=number, size=LIST_SIZE, next_counter=0, changed_at=now))
            continue
        some = min(count - len(taken), row.size - row.next_counter)
        tx.execute(update(_LISTS).where(_LISTS.c.number == row.number).values(next_counter=row.next_counter + some))
        taken += [(row.number, counter) for counter in range(row.next_counter, row.next_counter + some)]
    return taken


def list_numbers(tx: Connection) -> list[int]:
    """The numbers of all status lists."""
    return list(tx.execute(select(_LISTS.c.number).order_by(_LISTS.c.number)).scalars())


def list_exists(tx: Connection, number: int) -> bool:
    """Whether there is a status list of this number."""
    return tx.execute(select(_LISTS.c.number).where(_LISTS.c.number == number)).scalar() is not None


def list_began(tx: Connection, number: int) -> datetime | None:
    """Since when there has been this list; None: there is none."""
    found: datetime | None = tx.execute(select(_LISTS.c.changed_at).where(_LISTS.c.number == number)).scalar()
    return found


def lists_audited_before(tx: Connection, instant: datetime, *, most: int) -> list[int]:
    """Lists that were last made from all their rows before this instant, or never."""
    stale = _LISTS.c.audited_at.is_(None) | (_LISTS.c.audited_at < instant)
    query = select(_LISTS.c.number).where(stale).order_by(_LISTS.c.audited_at, _LISTS.c.number).limit(most)
    return list(tx.execute(query).scalars())


def note_published(tx: Connection, number: int, read_at: datetime, *, audited: bool) -> datetime:
    """Remember the newest state that was signed of a list; answers it, which may be newer than this one."""
    values = {"published_at": read_at} | ({"audited_at": read_at} if audited else {})
    newer = _LISTS.c.published_at.is_(None) | (_LISTS.c.published_at <= read_at)
    tx.execute(update(_LISTS).where(_LISTS.c.number == number, newer).values(**values))
    known: datetime = tx.execute(select(_LISTS.c.published_at).where(_LISTS.c.number == number)).scalar_one()
    return known


def on_list(number: int) -> Select[tuple[str]]:
    """The ids of the versions on a status list, to be used inside another query."""
    return select(_VERSIONS.c.id).where(_VERSIONS.c.status_list == number)


def not_plainly_valid(tx: Connection, number: int) -> list[str]:
    """The ids of the versions on a list whose row says anything but valid."""
    return list(tx.execute(on_list(number).where(_NOT_VALID)).scalars())


def listed_sums(tx: Connection, number: int) -> dict[int, tuple[int, int]]:
    """Of a list's rows, by what a list says of them and without the valid: how many, and the sum of their indexes."""
    query = (
        select(_VERSIONS.c.status, func.count(), func.sum(_VERSIONS.c.status_index))
        .where(_VERSIONS.c.status_list == number, _NOT_VALID)
        .group_by(_VERSIONS.c.status)
    )
    sums: dict[int, tuple[int, int]] = {}
    for status, count, total in tx.execute(query):
        bits = STATUS_BITS[Status(status)]
        before = sums.get(bits, (0, 0))
        sums[bits] = (before[0] + count, before[1] + int(total))
    sums.pop(STATUS_BITS[Status.VALID], None)
    return sums


def ended_before(tx: Connection, day: str, *, most: int) -> list[str]:
    """Identifiers of versions, valid or suspended, whose last day lies before `day` (a civil date), oldest first."""
    query = select(_VERSIONS.c.identifier).where(text(MAY_END), _VERSIONS.c.valid_until < day)
    query = query.where(_VERSIONS.c.state.in_(WHOLE)).order_by(_VERSIONS.c.valid_until).limit(most)
    return list(tx.execute(query).scalars())
