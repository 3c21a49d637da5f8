"""Checking an archive: the numbered procedure of docs/archive.md. It needs the package, roots, and an instant.

    (1) structure → (2) time-stamps → (3) signature → (4) checksums → (5) ledger → (6) evidence → (7) status → (8) trust
    → (9) records

No hub, no network, no settings, no clock. What has ended since is judged at its own time, which the time-stamps prove:
so an archive is as good in twenty years as on its first day, as long as the stamps are believed.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from certificates.archive.procedure import Procedure
from certificates.archive.stamps import Finding
from certificates.archive.verdict import ArchiveStep, ArchiveVerdict, result_of
from certificates.verifying.verdict import Result
from signing.log.cosignature import WitnessVerifier

_FIRST: Final = ("structure", "time_stamps", "signature", "checksums", "ledger", "evidence", "status", "trust")
STEPS: Final = (*_FIRST, "records")
_INTEGRITY: Final = 4
"""Steps that say whether the files are those that the hub made. What is in them is looked at after that alone."""
_METHODS: Final[tuple[Callable[[Procedure], list[Finding]], ...]] = (
    Procedure.structure,
    Procedure.time_stamps,
    Procedure.signature,
    Procedure.checksums,
    Procedure.check_ledger,
    Procedure.evidence,
    Procedure.status,
    Procedure.trust,
    Procedure.records,
)


def check_archive(
    files: Mapping[str, bytes],
    *,
    anchors: tuple[bytes, ...],
    at: datetime,
    strict: bool = False,
    witnesses: tuple[WitnessVerifier, ...] = (),
) -> ArchiveVerdict:
    """Check the files of a package. Never raises for what is in them.

    Args:
        anchors: DER of the roots that the reader trusts, of hubs and of time-stamp authorities; had from elsewhere than
            from the package.
        at: aware; the present, or the instant for which the question is asked.
        strict: a stamp whose authority has ended uncovered leaves the verdict undecided.
        witnesses: of the hub's log, by keys had from themselves; the verdict says which of them co-signed it.
    Raises: ValueError: naive `at`.
    Source: docs/archive.md.
    """
    if at.tzinfo is None:
        raise ValueError("at must be an aware datetime")
    procedure = Procedure(files, anchors, at, strict, witnesses)
    steps: list[ArchiveStep] = []
    for number, (name, take) in enumerate(zip(STEPS, _METHODS, strict=True), 1):
        if not _goes_on(number, steps, procedure):
            break
        found = tuple(dict.fromkeys(take(procedure)))
        steps.append(ArchiveStep(number, name, result_of(found), found))
    findings = [item for step in steps for item in step.findings]
    worst = next((item for item in findings if not item.undecided), next(iter(findings), None))
    whole = procedure.leaf is not None and all(step.result is not Result.FAILED for step in steps[:_INTEGRITY])
    return ArchiveVerdict(
        result=result_of(tuple(findings)),
        reason="ok" if worst is None else worst.reason,
        at=at,
        steps=tuple(steps),
        manifest=procedure.manifest if whole else None,
        signed_by=procedure.leaf.organization if whole and procedure.leaf else None,
        stamped=procedure.stamped,
        ledger=procedure.ledger,
        answers=procedure.answers,
        certificates=tuple(dict.fromkeys(copy.identifier for copy in procedure.shown)),
        remarks=tuple(dict.fromkeys(procedure.remarks)),
    )


def _goes_on(number: int, steps: list[ArchiveStep], procedure: Procedure) -> bool:
    """What nobody signed is no list of checksums, and says nothing; the stamps have named what was touched."""
    if number < _INTEGRITY:
        return True
    if number == _INTEGRITY:
        return steps[-1].result is not Result.FAILED
    return procedure.leaf is not None and all(step.result is not Result.FAILED for step in steps[:_INTEGRITY])
