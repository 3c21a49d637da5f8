"""A sealed copy as it is intended: judged by its requirement, written with its ledger row, nothing put or signed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from hub.access.service import Caller
from hub.clock import BEIJING, new_id, rfc3339
from hub.intake import store as cases
from hub.intake.about import about_party
from hub.intake.errors import CaseClosedError, IdempotencyError
from hub.intake.holding import lock_case
from hub.intake.lower import copy_store as store
from hub.intake.lower import promise_store
from hub.intake.lower.copy_store import FILING
from hub.intake.lower.errors import StandInRefusedError
from hub.intake.lower.finding import About, about, own_case
from hub.intake.lower.handing_in import SEALED_AS, copy_place
from hub.intake.lower.papers.checking import Paper
from hub.intake.lower.promise_store import GIVEN, KEPT
from hub.intake.lower.promised import record_promise
from hub.intake.lower.values import bound_to, kind_of, standing_of
from hub.ledger.entries import Draft, append, seal
from hub.registry.matters.guard import MatterBook
from hub.storage.idempotency import RequestKey, find_effect, record_effect
from hub.storage.vault import Vault
from signing.canonical import canonical, sha256

_CHANGES: Final = {"copy.sealed": SEALED_AS, "copy.withdrawn": SEALED_AS + 1}


@dataclass(frozen=True, slots=True)
class Scan:
    """A paper as it is handed in: for which requirement, of which party, by which clerk."""

    code: str
    party: str | None
    clerk: str
    content: bytes = field(repr=False)
    original_seen: bool = False


class CopyIntents:
    """The unit that intends a copy."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._matters = MatterBook(vault)

    def intend(
        self,
        tx: Connection,
        caller: Caller,
        case_no: str,
        scan: Scan,
        paper: Paper,
        request: RequestKey | None,
        now: datetime,
    ) -> str:
        """The id of the copy that is to be sealed, or was under this key. Raises: as `SealedCopies.seal`."""
        known = find_effect(tx, request, now=now) if request else None
        if known is not None:
            copy_id, same = known
            if not same:
                raise IdempotencyError
            return copy_id
        found = about(tx, self._matters, own_case(tx, caller, case_no), scan.code, scan.party)
        case, requirement = found.case, found.requirement
        standing = promise_store.standing_promise(tx, standing_of(case.id, requirement.code, requirement.party))
        state, _ = lock_case(tx, case.id, kid=None)
        # What was promised may be brought after the case has closed.
        if state != cases.OPEN and (standing is None or standing.state != GIVEN):
            raise CaseClosedError
        if not requirement.stand_ins.sealed_copy:
            raise StandInRefusedError("no_sealed_copy", "/requirement")
        digest = sha256(paper.content).hex()
        _check_new(tx, found, digest)
        copy_id = self._write(tx, caller, found, scan, paper, digest, now)
        if standing is not None and standing.state == GIVEN and promise_store.end(tx, standing, KEPT, now=now):
            record_promise(tx, self._vault, standing, (case.data_key, case.kek_kid), KEPT, now, supplied=copy_id)
        if request is not None:
            record_effect(tx, request, copy_id, now=now)
        return copy_id

    def _write(
        self, tx: Connection, caller: Caller, found: About, scan: Scan, paper: Paper, digest: str, now: datetime
    ) -> str:
        case, requirement, party = found.case, found.requirement, found.party
        copy_id, key, today = new_id(), self._vault.new_data_key(), now.astimezone(BEIJING).date()
        told = {
            "digest": digest,
            "media_type": paper.media_type,
            "size": len(paper.content),
            "pages": paper.pages,
            "case_no": case.case_no,
            "requirement": requirement.code,
            "clerk": scan.clerk,
            "office": case.department_code,
            "original_seen": scan.original_seen,
            "sealed_at": rfc3339(now),
        }
        until = (today + timedelta(days=requirement.stand_ins.copy_days)).isoformat()
        kind = kind_of(found.matter.code, requirement)
        content = told | {"bound": bound_to(party), "valid_until": until, "kind": kind}
        detail = {name: told[name] for name in ("case_no", "requirement", "digest", "clerk", "office")}
        entry_id = record_copy(
            tx,
            self._vault,
            case,
            (copy_id, party.lookup_hash),
            "copy.sealed",
            detail | {"party": requirement.party},
            now,
        )
        store.add_copy(
            tx,
            {
                "id": copy_id,
                "case_id": case.id,
                "code": requirement.code,
                "party": requirement.party,
                "kind": kind,
                "owner_department_id": case.department_id,
                "system_id": caller.system_id,
                "subject_lookup": party.lookup_hash,
                "name_hash": party.name_hash,
                "state": FILING,
                "digest": digest,
                "media_type": paper.media_type,
                "size": len(paper.content),
                "pages": paper.pages,
                "content": key.encrypt(copy_place(copy_id, "content"), canonical(content)),
                "sealed_on": today.isoformat(),
                "valid_until": until,
                "sealed_at": now,
                "data_key": key.wrapped,
                "kek_kid": key.kek_kid,
                "ledger_entry_id": entry_id,
            },
        )
        return copy_id


def record_copy(
    tx: Connection,
    vault: Vault,
    case: cases.Case,
    copy: tuple[str, bytes | None],
    kind: str,
    said: Mapping[str, Any],
    now: datetime,
) -> str:
    """Put what is done with a copy on the ledger; answers the entry's id. `copy`: its id, and whose number it is of."""
    copy_id, lookup = copy
    key, subject_id = about_party(tx, vault, case, lookup)
    detail = {"case_no": case.case_no, "copy": copy_id, **said}
    change = _CHANGES.get(kind)
    draft = Draft(
        kind=kind,
        detail=detail,
        key=key,
        subject_id=subject_id,
        case_id=case.id,
        object_id=copy_id if change else None,
        object_version=change,
    )
    entry = seal(draft, now=now)
    append(tx, [entry])
    return entry.id


def _check_new(tx: Connection, found: About, digest: str) -> None:
    """One paper is one person's: the same file for another one is somebody's slip, or worse."""
    for other in store.with_digest(tx, digest, case_id=found.case.id, department_id=found.case.department_id):
        same = (other.subject_lookup, other.name_hash) == (found.party.lookup_hash, found.party.name_hash)
        if not same or (other.case_id == found.case.id and other.party != found.requirement.party):
            raise StandInRefusedError("copy_of_another_party", "/file")
        if other.case_id == found.case.id and other.code == found.requirement.code:
            raise StandInRefusedError("already_sealed", "/file")
