"""Whoever acts for himself is still there: one act of his after the other, and none after he was erased."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, select

from catalog.tables import table
from certificates.stores.holders import Subject, lock_subjects, subject_by_id
from hub.citizens.errors import HolderSignInNeededError
from hub.ledger.tables import ErasureRow
from hub.storage.errors import MissingError

_ERASURES: Final = table(ErasureRow)


def lock_holder(tx: Connection, subject_id: str) -> Subject:
    """His subject, held until the transaction ends: two of his pages wait for each other here.

    Raises: HolderSignInNeededError: erased a moment ago, he is nobody; what is sealed under the destroyed key would
        never open again.
    """
    subject = subject_by_id(tx, subject_id)
    # The erasure gives him another look-up hash: whoever waited for it finds nobody.
    if not lock_subjects(tx, [subject.lookup_hash]) or is_erased(tx, subject_id):
        raise HolderSignInNeededError
    return subject


def is_erased(tx: Connection, subject_id: str) -> bool:
    """Whether what was sealed under his key opens no more. Holds nothing."""
    erased = select(_ERASURES.c.id).where(_ERASURES.c.subject_id == subject_id)
    return tx.execute(erased.limit(1)).first() is not None


def lock_looker(tx: Connection, subject_id: str, principal_id: str) -> None:
    """Who looks at a licence, and whose it is, are still there, held until the transaction ends.

    Raises: HolderSignInNeededError: who looks was erased a moment ago; MissingError: whose it is was.
    """
    gone = lock_all(tx, {subject_id, principal_id})
    if subject_id in gone:
        raise HolderSignInNeededError
    if gone:
        raise MissingError("certificate")


def lock_all(tx: Connection, subject_ids: Collection[str]) -> set[str]:
    """Hold several in one order, whoever asks; answers which of them were erased."""
    gone = set()
    for subject_id in sorted(subject_ids):
        try:
            lock_holder(tx, subject_id)
        except HolderSignInNeededError:
            gone.add(subject_id)
    return gone
