"""The catalogue and the library as they were at a moment: grants, certificate types, what somebody held."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection, select

from catalog.grants import CaseKind, Grant, GrantState, ResourceKind
from catalog.interface_store import find_version
from catalog.source_store import source_by_id
from catalog.store import grants_of
from catalog.tables import table
from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.loading import load_type
from certificates.stores.holders import find_subjects
from certificates.stores.version import HeldVersion
from hub.intake.resolving.asking import Answering
from hub.issuing.held_then import held_then
from hub.issuing.types.guard import believed_versions
from hub.issuing.types.registry import TypeInForce
from hub.ledger.guards import check_guards
from hub.ledger.tables import LedgerEntryRow
from hub.registry.guarding import DefinitionGuard
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

_ENTRIES: Final = table(LedgerEntryRow)


def grants_then(tx: Connection, vault: Vault, system_id: str, kind: CaseKind, moment: datetime) -> list[Grant]:
    """The grants of a system as they stood: their terms never change, and their states are entries of the ledger.

    Raises: IntegrityBrokenError: a grant that somebody wrote by SQL.
    """
    known = [grant for each in ResourceKind for grant in grants_of(tx, system_id, kind, each)]
    check_guards(tx, vault, grants=known)
    columns = (_ENTRIES.c.object_id, _ENTRIES.c.kind)
    rows = tx.execute(
        select(*columns)
        .where(_ENTRIES.c.object_id.in_([grant.id for grant in known]), _ENTRIES.c.recorded_at <= moment)
        .order_by(_ENTRIES.c.object_version)
    )
    last = {row.object_id: row.kind.removeprefix("grant.") for row in rows}
    return [replace(grant, state=_state(last[grant.id])) for grant in known if grant.id in last]


def types_then(tx: Connection, vault: Vault, codes: Collection[str], moment: datetime) -> dict[str, TypeInForce]:
    """The versions of these types that were in force. Raises: IntegrityBrokenError."""
    found = {}
    for code in sorted(codes):
        versions, _ = believed_versions(tx, vault, code)
        stood = [item for item in versions if item.created_at <= moment]
        if stood and (stood[-1].retired_at is None or stood[-1].retired_at > moment):
            found[code] = TypeInForce(_loaded(stood[-1].definition), stood[-1].version)
    return found


def holdings_then(
    tx: Connection, vault: Vault, lookup_hash: bytes | None, moment: datetime, *, now: datetime
) -> Sequence[HeldVersion]:
    """What somebody held, each with its state at the moment. Raises: IntegrityBrokenError."""
    subjects = find_subjects(tx, [lookup_hash]) if lookup_hash else {}
    return [
        HeldVersion(replace(item.record, status=item.status), subject)
        for subject in subjects.values()
        for item in held_then(tx, vault, [subject], moment, now=now)
    ]


def answering_then(tx: Connection, vault: Vault, versions: Mapping[str, int]) -> Answering:
    """The interfaces, each in the version that answered. Raises: IntegrityBrokenError."""
    guard, found = DefinitionGuard(vault), {}
    for code, version in versions.items():
        stored = find_version(tx, code, version)
        source = source_by_id(tx, stored.source_id) if stored else None
        if stored is None or source is None:
            raise IntegrityBrokenError("interfaces")
        guard.check(stored, source)
        found[code] = (stored, source)
    return found


@lru_cache(256)
def _loaded(definition: str) -> CertificateType:
    return load_type(definition)


def _state(word: str) -> GrantState:
    return GrantState.LIVE if word == "add" else GrantState(word)
