"""Whom the library knows people to be, for questions to sources."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from certificates.stores import certificates as library
from certificates.stores.holders import Subject
from certificates.stores.version import HeldVersion
from hub.intake.identity import identity_types
from hub.issuing.types.registry import TypeInForce
from hub.ledger.guards import check_guards, settled
from hub.storage.vault import Vault


def known_people(
    tx: Connection, vault: Vault, hashes: Collection[bytes], types: Mapping[str, TypeInForce]
) -> tuple[dict[bytes, Subject], list[HeldVersion]]:
    """Of these look-up hashes the known, and the records that confirm, or end, who they are. What is done to a record
    at this moment is no damage.

    Raises: IntegrityBrokenError.
    """

    def look() -> tuple[dict[bytes, Subject], list[HeldVersion]]:
        subjects, held = library.held_by(tx, hashes, identity_types(types))
        check_guards(tx, vault, held=held)
        return subjects, held

    return settled(look)
