"""Weighing what is brought in against what there is: what becomes of each record, before anything of it is drafted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from certificates.stores import certificates as store
from certificates.stores.holders import Subject
from certificates.stores.version import VersionRecord
from hub.issuing.plan import Decision, Effect, Weighed, decide
from hub.ledger.guards import seen_mac
from hub.storage.errors import ConflictError
from hub.storage.vault import Vault

SIGNED: Final = frozenset({Effect.ISSUED, Effect.UPDATED})
"""What makes a version."""


def decided(rows: Sequence[Weighed], known: Mapping[bytes, VersionRecord]) -> list[Decision]:
    """What becomes of each by the register; of two with one key the second is weighed against the first."""
    decisions: list[Decision] = []
    seen: dict[bytes, bytes] = {}
    for row in rows:
        if row.record_hash in seen:
            same = seen[row.record_hash] == row.fingerprint
            decisions.append(
                Decision(Effect.UNCHANGED if same else Effect.REFUSED, reason=None if same else "conflicting_rows")
            )
            continue
        seen[row.record_hash] = row.fingerprint
        decisions.append(decide(row, known.get(row.record_hash)))
    return decisions


def under_his_key(decision: Decision, subject: Subject) -> Decision:
    """A record that has another holder now goes on under a new serial: a certificate has one holder, and its documents
    lie under his key.
    """
    last = decision.previous
    if decision.effect is Effect.UPDATED and last is not None and last.subject_id != subject.id:
        return replace(decision, new_serial=True)
    return decision


def hold(tx: Connection, versions: Sequence[VersionRecord | None]) -> None:
    """Share-lock the versions about to be replaced; one that changed since it was read is decided on again."""
    expected = {version.id: (version.row_version, version.status) for version in versions if version is not None}
    if expected and store.lock_versions(tx, sorted(expected)) != expected:
        raise ConflictError("certificate_versions")


def seen_again(rows: Sequence[Weighed], decisions: Sequence[Decision], vault: Vault) -> list[dict[str, Any]]:
    """Rows of versions that a younger look found unchanged."""
    return [
        {"row": decision.previous.id, "seen": row.as_of, "mac": seen_mac(decision.previous.id, row.as_of, vault)}
        for row, decision in zip(rows, decisions, strict=True)
        if decision.effect is Effect.UNCHANGED
        and decision.previous is not None
        and decision.reason is None
        and row.as_of > decision.previous.as_of
    ]
