"""A case's stage, and whose its decision is, are believed only with a right MAC and the ledger's word.

Whoever could write the row could take a decision back, so that more is disclosed, or give a case with all its evidence
to another department. A case that nobody has accepted has neither MAC nor entry, and must be as it was opened.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Any, Final
from uuid import UUID, uuid5

import structlog
from sqlalchemy import Connection

from hub.intake.store import OPEN, Case, case_by_id
from hub.ledger.guards import latest_changes, settled
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import canonical

_WHERE: Final = "cases"
_UNTOUCHED: Final[Mapping[str, Any]] = {
    "stage": "filed",
    "accepting_department_id": None,
    "approving_department_id": None,
    "mandate_id": None,
    "accepted_at": None,
    "asked_at": None,
    "supplied_at": None,
    "decided_at": None,
    "decision": None,
    "stage_mac": None,
}
_log = structlog.get_logger(__name__)


def staged(vault: Vault, case: Case, values: Mapping[str, Any]) -> dict[str, Any]:
    """These values with what guards them: the caller appends the entry of the same number (`stage_version`)."""
    changed = replace(case, **values, stage_version=case.stage_version + 1)
    return {**values, "stage_version": changed.stage_version, "stage_mac": vault.row_mac(_meaning(changed))}


def check_stage(vault: Vault, case: Case) -> None:
    """Whether the hub wrote it. That it is not an older row put back, `ledger_knows` and `believe_stage` say.

    Raises: IntegrityBrokenError, after an alarm.
    """
    with _alarmed(case):
        _check_mac(vault, case)


def closing_of(case_id: str) -> str:
    """What the entry names by which a case closes, or is to close itself: of an open case there is none."""
    return str(uuid5(UUID(case_id), "closing"))


def ledger_knows(case: Case) -> dict[str, tuple[int, str]]:
    """For `check_guards`: how many steps of this case the ledger must know, in the statement that it makes anyway; and
    that an open one was never closed.
    """
    opened = {closing_of(case.id): (0, _WHERE)} if case.state == OPEN else {}
    return {case.id: (case.stage_version, _WHERE), **opened}


def looking(tx: Connection, case: Case) -> Callable[[], Case]:
    """The case, and at each further look as it is then: between its row and the ledger somebody may take a step."""
    looks = count()
    return lambda: case if next(looks) == 0 else case_by_id(tx, case.id) or case


def believe_stage(tx: Connection, vault: Vault, case: Case) -> Case:
    """The case, which the caller holds, as the hub wrote it last. Raises: IntegrityBrokenError, after an alarm."""
    with _alarmed(case):
        return _check(tx, vault, case)


def believed_case(tx: Connection, vault: Vault, found: Case) -> Case:
    """The same for a case that nobody holds: read anew where somebody takes a step between row and ledger."""
    with _alarmed(found):
        return settled(lambda: _check(tx, vault, case_by_id(tx, found.id) or found))


def believed(tx: Connection, vault: Vault, found: Sequence[Case]) -> list[Case]:
    """Those of a list that are the hub's; the others are left out, with an alarm."""
    known = latest_changes(tx, [object_id for case in found for object_id in ledger_knows(case)])
    good = []
    for case in found:
        with suppress(IntegrityBrokenError):
            if _counted(case, known):
                check_stage(vault, case)
                good.append(case)
            else:
                good.append(believed_case(tx, vault, case))
    return good


def _check(tx: Connection, vault: Vault, case: Case) -> Case:
    _check_mac(vault, case)
    if not _counted(case, latest_changes(tx, list(ledger_knows(case)))):
        raise IntegrityBrokenError(_WHERE)
    return case


def _counted(case: Case, known: Mapping[str, tuple[str, int]]) -> bool:
    return all(known.get(object_id, ("", 0))[1] == count for object_id, (count, _) in ledger_knows(case).items())


def _check_mac(vault: Vault, case: Case) -> None:
    untouched = all(getattr(case, name) == value for name, value in _UNTOUCHED.items())
    if case.stage_version != 0 or not untouched:
        vault.check_row_mac(_meaning(case), case.stage_mac or b"", where=_WHERE)


@contextmanager
def _alarmed(case: Case) -> Iterator[None]:
    try:
        yield
    except IntegrityBrokenError:
        _log.error("guarded_row_broken", alarm=True, where=_WHERE, case=case.case_no)
        raise


def _meaning(case: Case) -> bytes:
    told: dict[str, Any] = {
        "id": case.id,
        "owner": case.department_id,
        "system": case.system_id,
        "matter": case.matter_id,
        "version": case.stage_version,
    }
    for name in _UNTOUCHED:
        if name != "stage_mac":
            value = getattr(case, name)
            told[name] = round(value.timestamp() * 1_000_000) if isinstance(value, datetime) else value
    return b"case_stage\x1f" + canonical(told)
