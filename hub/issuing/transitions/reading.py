"""The history of a certificate, believed only with its guards: every change has its act, every act its ledger entry.

A row inserted, altered or removed by SQL is noticed: acts are numbered as the version's row is, that number stands
under the version's MAC, and each act names the ledger entry of its number under a MAC of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, select

from catalog.tables import table
from certificates.lifecycle.history import Event, Lifetime, standing_at
from certificates.lifecycle.states import Operation, Status
from certificates.stores import certificates as store
from certificates.stores import holders as holder_store
from certificates.stores import transitions as transition_store
from certificates.stores.transitions import MADE, StoredAct
from certificates.stores.version import VersionRecord
from hub.clock import rfc3339
from hub.issuing.transitions.writing import BROUGHT_BY, check_act_mac, lifetime_of
from hub.ledger.entries import open_detail
from hub.ledger.guards import check_guards
from hub.ledger.tables import LedgerEntryRow
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

_ENTRIES: Final = table(LedgerEntryRow)
_WHERE: Final = "certificate_transitions"
_log = structlog.get_logger(__name__)
_LINKS: Final = ("origin", "predecessor", "successor", "second", BROUGHT_BY)


@dataclass(frozen=True, slots=True)
class CertificateHistory:
    """All issued versions of a certificate with what was done to them, and the one that was asked for."""

    asked: VersionRecord
    versions: Sequence[VersionRecord]
    lifetimes: Mapping[str, Lifetime]
    neighbours: Mapping[str, str]
    """Identifiers of versions of other certificates, by id."""

    @property
    def lifetime(self) -> Lifetime:
        """Of the version asked for."""
        return self.lifetimes[self.asked.id]

    def predecessor(self) -> str | None:
        """The identifier of the version whose place this one took: here, in this hub, or at its origin."""
        made = next((event for event in self.lifetime.events if event.number == MADE), None)
        if made is not None and made.related_id is not None:
            return self._identifier(made.related_id)
        if made is not None and "origin" in made.detail:
            return str(made.detail["origin"]["identifier"])
        return next((item.identifier for item in self.versions if item.version == self.asked.version - 1), None)

    def successor(self) -> str | None:
        """The identifier of the version that took its place."""
        related = [event.related_id for event in self.lifetime.events if event.number > MADE and event.related_id]
        if related:
            return self._identifier(related[-1])
        return next((item.identifier for item in self.versions if item.version == self.asked.version + 1), None)

    def _identifier(self, version_id: str) -> str | None:
        own = next((item.identifier for item in self.versions if item.id == version_id), None)
        return own or self.neighbours.get(version_id)

    def as_of(self, moment: datetime, *, now: datetime) -> dict[str, Any]:
        """What was true at a moment by what is known now, what was known of it then, and what changed it since."""
        mine, all_lives = self.lifetime, list(self.lifetimes.values())
        standing = standing_at(all_lives, moment, known_at=now)
        return {
            "as_of": rfc3339(moment),
            "status": _text(mine.status_at(moment, known_at=now)),
            "valid": mine.valid_at(moment, known_at=now),
            "known_then": {
                "status": _text(mine.status_at(moment, known_at=moment)),
                "valid": mine.valid_at(moment, known_at=moment),
            },
            "standing": None
            if standing is None
            else {
                "identifier": standing.identifier,
                "version": standing.version,
                "status": _text(standing.status_at(moment, known_at=now)),
                "valid": standing.valid_at(moment, known_at=now),
            },
            "changed_later": [event_json(event) for event in mine.changed_after(moment)],
        }


def read_history(tx: Connection, vault: Vault, asked: VersionRecord) -> CertificateHistory:
    """The guarded history of the certificate of a version. Raises: IntegrityBrokenError."""
    versions = [item for item in store.versions_of(tx, asked.certificate_id) if item.is_whole() or item == asked]
    check_guards(tx, vault, versions=versions)
    acts = transition_store.acts_on(tx, [item.id for item in versions])
    entries = _entries(tx, [item.id for item in versions])
    lifetimes = {item.id: _lifetime(tx, vault, item, acts[item.id], entries) for item in versions}
    known = {item.id for item in versions}
    elsewhere = {
        event.related_id for life in lifetimes.values() for event in life.events if event.related_id not in known
    }
    neighbours = store.read_versions(tx, [item for item in elsewhere if item])
    return CertificateHistory(asked, versions, lifetimes, {item.id: item.identifier for item in neighbours})


def acts_by(
    tx: Connection, vault: Vault, versions: Sequence[VersionRecord], origin: str
) -> dict[str, tuple[str, ...] | None]:
    """What the word of this run, batch or source did to each of these versions; None: its acts are not as written."""

    def read(version: VersionRecord, acts: Sequence[StoredAct]) -> tuple[str, ...] | None:
        try:
            for act in acts:
                check_act_mac(act, vault)
            changes = [number for number in _numbered(acts) if number > MADE]
        except IntegrityBrokenError:
            changes = []
        if sorted(changes) != list(range(MADE + 1, version.row_version + 1)):
            _log.error("guarded_row_broken", alarm=True, where=_WHERE, version=version.id)
            return None
        return tuple(act.operation for act in acts if act.detail.get(BROUGHT_BY) == origin)

    acts = transition_store.acts_on(tx, [item.id for item in versions])
    return {item.id: read(item, acts[item.id]) for item in versions}


def event_json(event: Event) -> dict[str, Any]:
    """An act as the API tells it. Additive only."""
    return {
        "operation": event.operation.value,
        "from": _text(event.before),
        "to": event.after.value,
        "reason_code": event.reason_code or None,
        "reason": event.reason,
        "legal_basis": event.legal_basis,
        "effective_at": rfc3339(event.effective_at),
        "recorded_at": rfc3339(event.recorded_at),
        "by": dict(event.by) or None,
        **{name: event.detail[name] for name in _LINKS if name in event.detail},
    }


def _text(status: Status | None) -> str | None:
    return None if status is None else status.value


def _entries(tx: Connection, ids: Sequence[str]) -> dict[tuple[str, int], Row[Any]]:
    rows = tx.execute(select(_ENTRIES).where(_ENTRIES.c.object_id.in_(list(ids))))
    return {(row.object_id, row.object_version): row for row in rows}


def _lifetime(
    tx: Connection,
    vault: Vault,
    version: VersionRecord,
    acts: Sequence[StoredAct],
    entries: Mapping[tuple[str, int], Row[Any]],
) -> Lifetime:
    numbered = _numbered(acts)
    events = [
        _event(tx, vault, version, number, act, entries.get((version.id, number)))
        for number, act in sorted(numbered.items())
    ]
    changes = [event for event in events if event.number > MADE]
    if [event.number for event in changes] != list(range(MADE + 1, version.row_version + 1)):
        raise IntegrityBrokenError(_WHERE)
    before = Status.VALID
    for event in changes:
        if event.before is not before:
            raise IntegrityBrokenError(_WHERE)
        before = event.after
    if before is not Status(version.status):
        raise IntegrityBrokenError(_WHERE)
    made = entries.get((version.id, MADE))
    if made is None:
        raise IntegrityBrokenError(_WHERE)
    # No MAC covers the row's own time; a leaf of the tree covers this one.
    return replace(lifetime_of(version), made_at=made.recorded_at, events=events)


def _numbered(acts: Sequence[StoredAct]) -> dict[int, StoredAct]:
    """Acts by number; those of early releases carry none and come before all others, in their order."""
    early = [act for act in acts if act.mac is None]
    numbered = {MADE + 1 + place: act for place, act in enumerate(early)}
    for act in acts:
        if act.mac is None:
            continue
        if act.object_version is None or act.object_version in numbered:
            raise IntegrityBrokenError(_WHERE)
        numbered[act.object_version] = act
    return numbered


def _event(
    tx: Connection, vault: Vault, version: VersionRecord, number: int, act: StoredAct, entry: Row[Any] | None
) -> Event:
    if entry is None:
        raise IntegrityBrokenError(_WHERE)
    if act.mac is None:
        _check_early(tx, vault, version, act, entry)
    else:
        check_act_mac(act, vault)
        if act.ledger_entry_id != entry.id:
            raise IntegrityBrokenError(_WHERE)
    return Event(
        number=number,
        operation=Operation(act.operation),
        before=Status(act.from_status) if act.from_status else None,
        after=Status(act.to_status),
        reason_code=act.reason_code or "",
        reason=act.reason,
        legal_basis=act.legal_basis,
        effective_at=act.effective_at,
        recorded_at=act.recorded_at or entry.recorded_at,
        by=act.detail.get("by", {}),
        detail=act.detail,
        related_id=act.related_id,
        guarded=act.mac is not None,
    )


def _check_early(tx: Connection, vault: Vault, version: VersionRecord, act: StoredAct, entry: Row[Any]) -> None:
    """An act without a MAC is one of a release before 0004, or one that somebody stripped of it: its entry tells.

    Those releases knew one time only, that of the entry, and their entries do not say since when an act is true.
    """
    if entry.kind != f"certificate.{act.operation}" or act.effective_at != entry.recorded_at:
        raise IntegrityBrokenError(_WHERE)
    subject = holder_store.subject_by_id(tx, version.subject_id)
    try:
        key = vault.data_key(subject.data_key, subject.kek_kid)
        said = open_detail(entry.id, entry.detail, entry.commitment, key=key)["detail"]
    except IntegrityBrokenError:
        return  # of an erased person: nobody can read any more what it said
    except ValueError:
        raise IntegrityBrokenError(_WHERE) from None
    own = {"from": act.from_status, "to": act.to_status, "reason": act.reason, "legal_basis": act.legal_basis}
    if "effective_at" in said or any(said.get(name, value) != value for name, value in own.items()):
        raise IntegrityBrokenError(_WHERE)
