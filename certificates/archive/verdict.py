"""The verdict on an archive. Wire format: `ArchiveVerdict.to_json`; members, steps and reasons are only ever added."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from certificates.archive.ledger import ProvenLedger
from certificates.archive.manifest import Manifest
from certificates.archive.stamps import Finding, Stamped
from certificates.verifying.verdict import Result


@dataclass(frozen=True, slots=True)
class ArchiveStep:
    """A step that was taken, and what it found."""

    step: int
    name: str
    result: Result
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class ArchiveVerdict:
    """How far an archive can be believed. Of its contents it tells only what was verified."""

    result: Result
    reason: str
    at: datetime
    steps: tuple[ArchiveStep, ...]
    manifest: Manifest | None
    signed_by: str | None
    stamped: Stamped
    ledger: ProvenLedger | None
    answers: int
    certificates: tuple[str, ...]
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "result": self.result.value,
            "reason": self.reason,
            "checked_at": _text(self.at),
            "proven_at": _text(self.stamped.proven_at),
            "case_no": self.manifest.case_no if self.manifest else None,
            "closed_at": self.manifest.closed_at if self.manifest else None,
            "hub": self.manifest.hub if self.manifest else None,
            "signed_by": self.signed_by,
            "answers": self.answers,
            "certificates": list(self.certificates),
            "ledger": {
                "origin": self.ledger.origin,
                "log_key": self.manifest.log_key if self.manifest else None,
                "size": self.ledger.size,
                "entries": len(self.ledger.entries),
                "cosigned_by": list(self.ledger.witnesses),
                "unchecked_cosignatures": self.ledger.cosignatures,
            }
            if self.ledger
            else None,
            "time_stamps": [
                {
                    "number": item.number,
                    "time": _text(item.stamp.time),
                    "authority": item.stamp.authority,
                    "trial": item.stamp.trial,
                    "ends_at": _text(item.stamp.not_after),
                    "aged": item.aged,
                }
                for item in self.stamped.stamps
            ],
            "steps": [
                {
                    "step": step.step,
                    "name": step.name,
                    "result": step.result.value,
                    "findings": [{"reason": item.reason, "file": item.file} for item in step.findings],
                }
                for step in self.steps
            ],
            "remarks": list(self.remarks),
        }


def result_of(findings: tuple[Finding, ...]) -> Result:
    """Failed if anything is wrong, undecided if something could not be told."""
    if not findings:
        return Result.PASSED
    return Result.INDETERMINATE if all(item.undecided for item in findings) else Result.FAILED


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
