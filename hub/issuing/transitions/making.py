"""What an officer's act makes: decided by the act, not by the register, and linked to what it replaces."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection

from certificates.errors import ActError
from certificates.lifecycle.states import STANDING, Operation, Status, transition
from certificates.numbering import LAST_VERSION
from certificates.stores import certificates as store
from certificates.stores import transitions as transition_store
from certificates.stores.version import VersionRecord
from hub.clock import Clock
from hub.issuing.plan import Decision, Effect
from hub.issuing.status.service import UnknownCertificateError
from hub.issuing.transitions.acts import VERIFIED, Act
from hub.issuing.transitions.writing import Cause, born
from hub.ledger.guards import check_guards
from hub.storage.vault import Vault

_FOLLOWING: Final = frozenset({Operation.RENEW, Operation.CHANGE})
"""What these make cannot have stood before what it follows; a correction may be of that very day."""


class OfficersMaking:
    """One version made by one act. `made` is it, once its intent is written.

    `first` runs before anything is decided, `after` when the intent is written, both in its transaction.
    """

    def __init__(
        self,
        act: Act,
        *,
        by: Mapping[str, str],
        second: Mapping[str, str] | None,
        predecessor: str | None,
        vault: Vault,
        clock: Clock,
        first: Callable[[Connection], None],
        after: Callable[[Connection, VersionRecord], None],
    ) -> None:
        self._act = act
        self._by = by
        self._second = second
        self._named = predecessor
        self._vault = vault
        self._clock = clock
        self._first = first
        self._after = after
        self._previous: VersionRecord | None = None
        self.made: VersionRecord | None = None

    def decided(self, tx: Connection, known: VersionRecord | None) -> Decision:
        """New under a new serial, or the next version of the one it replaces. Raises: ActError, TransitionError,
        UnknownCertificateError; IntegrityBrokenError.
        """
        self._first(tx)
        self._previous = self._found(tx)
        if known is not None:
            check_guards(tx, self._vault, versions=[known])
        if self._act.operation in {Operation.ISSUE, Operation.TRANSFER_IN}:
            return self._begun(tx, known)
        if known is None or self._previous is None or known.certificate_id != self._previous.certificate_id:
            raise ActError("claims", "another_record")  # the record's key changed: that is another certificate
        if known.id != self._previous.id or not known.is_whole():
            raise ActError("identifier", "not_the_newest_version")
        transition(Status(known.status), self._act.operation)
        began = date.fromisoformat(known.valid_from)
        if self._act.issued_on is not None and self._act.operation in _FOLLOWING and self._act.issued_on < began:
            raise ActError("issued_on", "before_the_certificate")
        return Decision(Effect.UPDATED, known, new_serial=known.version >= LAST_VERSION)

    def born(self, tx: Connection, version: VersionRecord) -> None:
        """Write the act beside the intent."""
        act, previous = self._act, self._previous
        if previous is not None and (previous.type_code, previous.subject_id) != (
            version.type_code,
            version.subject_id,
        ):
            raise ActError("predecessor", "another_type_or_holder")  # nothing of this transaction stays
        if act.origin and VERIFIED.keys() & act.origin.keys() and _arrived(tx, version, str(act.origin["identifier"])):
            raise ActError("origin/identifier", "taken_over_already")
        detail: dict[str, Any] = {"origin": dict(act.origin)} if act.origin else {}
        detail |= {"predecessor": previous.identifier} if previous else {}
        detail |= {"second": dict(self._second)} if self._second else {}
        cause = Cause(
            operation=act.operation,
            reason_code=act.reason_code,
            reason=act.reason,
            legal_basis=act.legal_basis,
            by=self._by,
            detail=detail,
            related_id=previous.id if previous else None,
        )
        born(tx, self._vault, version, cause, now=self._clock())
        self.made = replace(version)
        self._after(tx, version)

    def _begun(self, tx: Connection, known: VersionRecord | None) -> Decision:
        previous = self._previous
        if previous is not None and previous.status != Status.TRANSFERRED:
            raise ActError("predecessor", "not_transferred_out")
        if previous is not None and _taken_over(tx, previous):
            raise ActError("predecessor", "taken_over_already")
        if known is None:
            return Decision(Effect.ISSUED)
        if Status(known.status) in STANDING or not known.is_whole():
            raise ActError("claims", "certificate_exists")
        return Decision(Effect.UPDATED, known, new_serial=True)

    def _found(self, tx: Connection) -> VersionRecord | None:
        if self._named is None:
            return None
        # Locked: two who take it over at the same time are one after the other.
        arriving = self._act.operation is Operation.TRANSFER_IN
        found = store.find_version(tx, self._named, for_update=arriving)
        if found is None:
            raise UnknownCertificateError
        check_guards(tx, self._vault, versions=[found])
        return found


def _arrived(tx: Connection, version: VersionRecord, identifier: str) -> bool:
    """Whether something else stands already for this licence of another place, at any department, for any holder; if
    not, this version does from now on.
    """
    noted = transition_store.arrive(tx, version.type_code, identifier, version.id)
    if noted == version.id:
        # The acts are guarded, the note is not: of this holder they are asked as well.
        return _told_of(tx, version, identifier)
    if _stands(tx, noted) or _told_of(tx, version, identifier):
        return True
    transition_store.arrive_again(tx, version.type_code, identifier, version.id)
    return False


def _told_of(tx: Connection, version: VersionRecord, identifier: str) -> bool:
    others = [item for item in store.held_of(tx, version.subject_id, version.type_code) if item.id != version.id]
    births = transition_store.births(tx, {item.id for item in others})
    came = {each for each, act in births.items() if (act.detail.get("origin") or {}).get("identifier") == identifier}
    heirs = {item.certificate_id for item in others if item.id in came}
    return any(item.certificate_id in heirs and Status(item.status) in STANDING for item in others)


def _stands(tx: Connection, version_id: str) -> bool:
    heirs = {heir.certificate_id for heir in store.read_versions(tx, {version_id})}
    return any(Status(heir.status) in STANDING for one in heirs for heir in store.versions_of(tx, one))


def _taken_over(tx: Connection, previous: VersionRecord) -> bool:
    """Whether something stands already in the place of what left: it moved to one place."""
    made = (act.version_id for act in transition_store.following(tx, previous.id))
    heirs = {version.certificate_id for version in store.read_versions(tx, set(made))}
    return any(Status(heir.status) in STANDING for one in heirs for heir in store.versions_of(tx, one))
