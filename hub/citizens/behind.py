"""Who stands behind a party of a case: found by the number, and made where nobody has told the hub of him.

What he says then lies under a key of his own. A name that does not match keeps nobody from speaking: the number counts.
"""

from datetime import datetime

from sqlalchemy import Connection

from certificates.definitions.parts import Holder as CardHolder
from certificates.stores.holders import Subject, find_subjects, upsert_subjects
from hub.intake.handling.steps import case_data_key
from hub.intake.store import Case, Party, identity_place
from hub.issuing.plan import KeyedHolder
from hub.issuing.subjects import subject_row
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import strict_loads


def subject_behind(tx: Connection, vault: Vault, case: Case, party: Party, now: datetime) -> Subject:
    """Raises: IntegrityBrokenError: a party without a number, or one that does not open."""
    if party.lookup_hash is None or party.name_hash is None or party.sealed is None or party.id_type is None:
        raise IntegrityBrokenError("case_parties")
    known = find_subjects(tx, [party.lookup_hash]).get(party.lookup_hash)
    if known is not None:
        return known
    place = identity_place(party.sealed.id)
    told = strict_loads(case_data_key(vault, case).decrypt(place, party.sealed.identity), max_bytes=4096)
    card = CardHolder(party.id_type, told["id_number"], told["name"])
    keyed = KeyedHolder(card, party.lookup_hash, party.name_hash)
    return upsert_subjects(tx, [subject_row(keyed, vault, now=now)])[party.lookup_hash]
