"""Under whose key an entry lies that tells what was done with somebody's data in a case: his own, where the hub knows
him, so that he reads it among who looked; the case's, where nobody is known by his number.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from certificates.stores.holders import find_subjects
from hub.intake.answers import case_key
from hub.intake.store import Case
from hub.storage.vault import DataKey, Vault


def about_party(tx: Connection, vault: Vault, case: Case, lookup: bytes | None) -> tuple[DataKey, str | None]:
    """The key, and the id of the person. `lookup`: the hash of his number."""
    subject = find_subjects(tx, [lookup]).get(lookup) if lookup else None
    if subject is None:
        return case_key(vault, case), None
    return vault.data_key(subject.data_key, subject.kek_kid), subject.id


def about_parties(
    tx: Connection, vault: Vault, case: Case, lookups: Sequence[bytes]
) -> list[tuple[DataKey, str | None]]:
    """The same for something that concerns several: one each of those who are known; of nobody known, the case's."""
    found = find_subjects(tx, sorted(set(lookups)))
    known = sorted(found.values(), key=lambda subject: subject.id)
    return [(vault.data_key(subject.data_key, subject.kek_kid), subject.id) for subject in known] or [
        (case_key(vault, case), None)
    ]
