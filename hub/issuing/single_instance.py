"""A holder has at most one current certificate of a type that says so (`single_instance`).

Asked in the transaction of the intents, once for a batch. Where the record's key is the holder's own number the record
is the holder, and nothing is asked. What stands in the way is another record of the same principal holder, at whatever
department, whose newest version has not ended; an intent stands already, and so does what is in a sheaf.

Two processes that begin something for one holder at the same moment are one after the other: SQLite has one writer; on
PostgreSQL the holder's row is locked, and whoever meets a holder that another process has just written decides again.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection

from certificates.definitions.certificate_type import CertificateType
from certificates.lifecycle.states import STANDING, Status
from certificates.stores.certificates import newest_of_holders
from certificates.stores.holders import Subject, lock_subjects
from hub.issuing.plan import Decision, Effect, Weighed
from hub.storage.errors import ConflictError

HOLDER_HAS_ONE: Final = "holder_has_one"
"""The reason of a record refused."""
_MAKING: Final = frozenset({Effect.ISSUED, Effect.UPDATED})
_CURRENT: Final = STANDING - {Status.EXPIRED}
_REFUSED: Final = Decision(Effect.REFUSED, reason=HOLDER_HAS_ONE)


@dataclass(frozen=True, slots=True)
class OneEach:
    """The decisions, those refused that would give a holder a second one. `unlocked`: holders who were not
    known when it was looked.
    """

    decisions: list[Decision]
    unlocked: frozenset[bytes] = frozenset()

    def without(self, written: Collection[bytes]) -> "OneEach":
        """The same, but for holders that this transaction has written: nobody else can have."""
        return replace(self, unlocked=self.unlocked.difference(written))

    def check_new(self, brought: Sequence[Mapping[str, Any]], stored: Mapping[bytes, Subject]) -> None:
        """Refuse holders that were new when it was looked and that another process has written since.

        Args:
            brought: the rows of holders that were to be written; `stored` are those that there are now.
        Raises: ConflictError.
        """
        unlocked = (row for row in brought if row["lookup_hash"] in self.unlocked)
        if any(stored[row["lookup_hash"]].id != row["id"] for row in unlocked):
            raise ConflictError("subjects")


def one_each(
    tx: Connection,
    kind: CertificateType,
    department_id: str,
    rows: Sequence[Weighed],
    decisions: list[Decision],
    *,
    today: date,
    lock: bool = True,
) -> OneEach:
    """Hold decisions, in step with their records, against what the holders have; of two records of one holder the first
    is issued.

    A new version of something that stands is let through, whatever else its holder has from before; of something that
    has ended, or was another holder's, it counts as begun. What has ended by
    its own last day neither stands in the way nor is stood in the way of: registers tell of the past, too.

    Args:
        lock: keep others off the holders until the transaction ends; a dry look does not.
    """
    made = [place for place, item in enumerate(decisions) if item.effect in _MAKING] if _applies(kind) else []
    if not made:
        return OneEach(decisions)
    holders = {rows[place].holder_hashes()[0] for place in made}
    locks = lock and tx.dialect.name == "postgresql"
    known = lock_subjects(tx, holders) if locks else holders
    held: dict[bytes, set[tuple[str, bytes]]] = defaultdict(set)
    for item in newest_of_holders(tx, holders, kind.code):
        if not _ended(item.status, item.valid_until, today):
            held[item.lookup_hash].add((item.owner_department_id, item.record_hash))
    first: dict[bytes, list[Weighed]] = defaultdict(list)
    told = list(decisions)
    for place in made:
        row = rows[place]
        holder, own = row.holder_hashes()[0], (department_id, row.record_hash)
        if decisions[place].effect is Effect.UPDATED and own in held[holder]:
            continue
        # Its own record, which another process began after it was looked up, is met at the unique key.
        beside = bool(held[holder] - {own})
        if (beside or any(_lasts(kind, item, today) for item in first[holder])) and _lasts(kind, row, today):
            told[place] = _REFUSED
        else:
            first[holder].append(row)
    return OneEach(told, frozenset(holders.difference(known)))


def _applies(kind: CertificateType) -> bool:
    return kind.single_instance and kind.record_key != kind.holder.id


def _ended(status: str | None, valid_until: str | None, today: date) -> bool:
    """None: the version is in a sheaf, which is about to be signed."""
    if status is None:
        return False
    # The night's run that ends what is past may not have been there yet.
    return Status(status) not in _CURRENT or (valid_until is not None and valid_until < today.isoformat())


def _lasts(kind: CertificateType, row: Weighed, today: date) -> bool:
    record = row.whole().record  # asked for where something is in the way alone: it may have to be read again
    last = kind.validity.valid_until(record.issued_on, record.claims)
    return last is None or last >= today
