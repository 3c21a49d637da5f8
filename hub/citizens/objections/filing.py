"""An objection is filed: row, clock, reminders, notices and ledger entry, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.clocks import Limit
from certificates.stores.holders import Subject
from hub.access.actors import Role
from hub.citizens.objections import store
from hub.citizens.objections.errors import ObjectionRunsError
from hub.citizens.objections.sealing import place
from hub.citizens.objections.values import OF_DATA, Kind, State, Target, answerers
from hub.clock import rfc3339
from hub.ledger.entries import Draft, append, seal
from hub.registry.clocks import ClockService, started
from hub.registry.departments.store import answering_today
from hub.registry.notices import notify
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault
from signing.canonical import canonical, sha256

REMIND: Final = "objection.remind"
"""The kind of job that tells of one that is nearly, or quite, overdue."""
_NEAR: Final = 2


@dataclass(frozen=True, slots=True)
class File:
    """What is filed. `media_type` of the scan, empty without one."""

    id: str
    kind: Kind
    text: str = field(repr=False)
    media_type: str
    channel: str
    scan: str = ""
    """Whose scan it is, where it is not its own: the id of another of this person's."""
    ordered: bool = False
    """A superior has said so, and not the person."""


class Filing:
    """Files objections; whoever calls has looked what they are about."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._clocks = ClockService(vault)

    def file(
        self,
        tx: Connection,
        subject: Subject,
        file: File,
        target: Target,
        more: Mapping[str, Any],
        row: Mapping[str, Any],
        now: datetime,
    ) -> None:
        """`more` goes into the ledger entry besides, `row` into the row. It goes to whoever answers for the department
        of `target` today: that may have closed since it was looked up. Raises: ObjectionRunsError.
        """
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        about = ("asked", target.asked) if target.asked else (file.kind.value, target.key)
        standing = self._vault.lookup_hash("objection", subject.id, *about).hex()
        if store.stands(tx, standing):
            raise ObjectionRunsError
        office = answering_today(tx, target.department_id).id if target.department_id else None
        limit = Limit.OBJECTION if file.kind in OF_DATA else Limit.HOLDER_QUESTION
        clocks = self._clocks.in_force(tx)
        running = started(clocks, limit, filed_at=now, now=now)
        content = _content(file, target)
        detail = {
            "objection": file.id,
            "kind": file.kind.value,
            "department_id": office,
            "identifier": target.identifier or None,
            "content_hash": sha256(canonical(content)).hex(),
            "due_at": rfc3339(running.due_at),
            **more,
        }
        kind = "objection.ordered" if file.ordered else "objection.raised"
        draft = Draft(kind=kind, detail=detail, key=key, subject_id=subject.id)
        entry = seal(draft, now=now)
        append(tx, [entry])
        store.add(
            tx,
            self._vault,
            {
                "id": file.id,
                "subject_id": subject.id,
                "kind": file.kind.value,
                "owner_department_id": office,
                "certificate_id": target.certificate_id,
                "state": State.RUNNING.value,
                "standing": standing,
                "channel": file.channel,
                "content": key.encrypt(place(file.id, "content"), canonical(content)),
                "clock": running.clock.as_json(),
                "raised_at": now,
                "due_at": running.due_at,
                "ledger_entry_id": entry.id,
                **row,
            },
        )
        tell_staff(tx, file.id, file.kind, office, "ordered" if file.ordered else "raised", now)
        near = clocks.calendar.before(running.due_at, _NEAR)
        for stage, at in (("near", near), ("over", running.due_at)):
            enqueue(tx, REMIND, {"objection": file.id, "stage": stage}, now=now, due=max(at, now))


def tell_staff(
    tx: Connection, objection_id: str, kind: Kind, department_id: str | None, stage: str, now: datetime
) -> None:
    """Notices without data to whoever answers it; from the end of its clock on, to the operator too."""
    told: list[tuple[str | None, Role]] = [(department_id, role) for role in answerers(kind)]
    if department_id is None:
        told = [(None, Role.OPERATOR)]
    elif stage == "over":
        told.append((None, Role.OPERATOR))
    for place_, role in told:
        about, once = ("objection", objection_id), stage if stage in {"near", "over"} else ""
        notify(tx, f"objection.{stage}", department_id=place_, role=role, about=about, now=now, once=once)


def _content(file: File, target: Target) -> dict[str, Any]:
    """What is kept encrypted, and what the ledger commits to."""
    return {
        "text": file.text,
        "file": file.media_type,
        "what": list(target.what),
        "part": list(target.part),
        "identifier": target.identifier,
        "key": target.key,
        "by": target.by,
        **({"shared": dict(target.shared)} if target.shared else {}),
        **({"scan": file.scan} if file.scan else {}),
    }
