"""What one pull does, as data: the list the floor works through, and the recording that keeps the list true."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from uuid_utils import uuid7

from benchmarks.drivers import Call
from benchmarks.recording import Recording, Statement

OPERATIONS: Final[tuple[tuple[str, ...], ...]] = (
    # EvidenceService._claim, unit 1: all is checked before anything is touched (design §3 step 3, §5)
    (
        "commit",
        "SELECT cases",  # the case, its system's state, its department: intake.store.find_case
        "SELECT case_parties",  # keyed hashes of the parties: intake.store.parties_of
        "SELECT grants",  # the system's grants for this kind of case: catalog.store.grants_of
        "SELECT certificate_versions",  # with holders and certificates: certificates.stores.certificates.held_by
        "SELECT certificate_type_halts",  # the types that were stopped: issuing.types.halts.written_halts
        "SELECT ledger_entries",  # the latest entry of each guarded row, threat S9: ledger.guards.check_guards
        "INSERT evidence_requests",  # the claim with its lease: intake.requests.claim_request
    ),
    # EvidenceService._decide, unit 2: checked again under shared locks; its commit is the disclosure
    (
        "commit",
        "SELECT cases",  # FOR SHARE: intake.holding.lock_case
        "SELECT grants",  # FOR SHARE: catalog.store.lock_grants
        "SELECT certificate_versions",  # FOR SHARE: certificates.stores.certificates.lock_versions
        "SELECT certificate_type_halts",  # stops as they are now: issuing.types.halts
        "SELECT ledger_entries",  # and that none was taken back by SQL
        "INSERT ledger_entries",  # ledger.entries.append
        "INSERT disclosure_uses",  # whom a later change of the licence concerns: exchange.uses.record_uses
        "UPDATE evidence_requests",  # `decided`, with the unsigned answer: intake.requests.decide_request
    ),
    # EvidenceService._finish, unit 3: the signed answer is stored before its bytes leave
    ("commit", "UPDATE evidence_requests"),  # `done`: intake.requests.finish_request
)
SIGNATURES: Final = 3  # purpose copy, receipt, bundle: intake.compose.EvidenceSigner
VERIFICATIONS: Final = 1  # the stored licence, before it is copied: intake.copies.CopyMaker
_UUID7: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Script:
    """One case's pull, to be done again and again."""

    units: tuple[tuple[bool, tuple[Statement, ...]], ...]
    minted: frozenset[str]
    signed: tuple[bytes, ...]
    verified: tuple[bytes, ...]
    answer: bytes

    @classmethod
    def of(cls, recording: Recording, answer: bytes, *, since: int) -> "Script":
        """A script out of a recording; ids minted after `since` (milliseconds) are the pull's own."""
        units = tuple((unit.committed, tuple(unit.statements)) for unit in recording.units if unit.statements)
        texts = {value for _, statements in units for item in statements for value in _values(item.parameters)}
        minted = frozenset(text for text in texts if int(text.replace("-", "")[:12], 16) >= since)
        signed, verified = (tuple(map(os.urandom, lengths)) for lengths in (recording.signed, recording.verified))
        return cls(units, minted, signed, verified, answer)

    def fresh(self) -> list[tuple[bool, list[Call]]]:
        """The transactions of a new pull: the same statements with new ids."""
        ids = {text: str(uuid7()) for text in self.minted}
        return [
            (commit, [(item.sql, _replaced(item.parameters, ids), item.many) for item in statements])
            for commit, statements in self.units
        ]


def departures(recording: Recording) -> list[str]:
    """Where the pull no longer does what is listed above; the floor follows the recording all the same."""
    found = []
    done = recording.operations()
    if tuple(done) != OPERATIONS:
        found.append(f"transactions are now {done}")
    if len(recording.signed) != SIGNATURES:
        found.append(f"signatures are now {len(recording.signed)}")
    if len(recording.verified) != VERIFICATIONS:
        found.append(f"verifications are now {len(recording.verified)}")
    return found


def _values(parameters: Any) -> Sequence[str]:
    if isinstance(parameters, list):
        return [value for each in parameters for value in _values(each)]
    values = parameters.values() if isinstance(parameters, dict) else parameters
    return [value for value in values if isinstance(value, str) and _UUID7.fullmatch(value)]


def _replaced(parameters: Any, ids: dict[str, str]) -> Any:
    if isinstance(parameters, list):
        return [_replaced(each, ids) for each in parameters]
    if isinstance(parameters, dict):
        return {name: ids.get(value, value) if isinstance(value, str) else value for name, value in parameters.items()}
    return tuple(ids.get(value, value) if isinstance(value, str) else value for value in parameters)
