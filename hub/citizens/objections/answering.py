"""The answer, in its transaction: checked, on the ledger, and written; and what follows from it.

It is given once by the ledger, whatever the row says. "Corrected" is no word of the officer's alone: the library must
have changed since. A superior who reviews upholds or refuses. What he upholds binds: it goes back to whose data they
are as an order, with a clock of its own, whose one answer is that it was corrected; until then the licence is disputed.
Who is refused is told with whom he has to do in an administrative review or before a court: who refused, and who
reviewed it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from hub.access.actors import Actor
from hub.citizens.acting.stewards import Stewards
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.objections import store
from hub.citizens.objections.corrected import TELL, has_changed
from hub.citizens.objections.errors import ObjectionError, ObjectionOverError, OwnLookError
from hub.citizens.objections.filing import File, Filing
from hub.citizens.objections.lineage import Lineage, lineage_of
from hub.citizens.objections.sealing import opened
from hub.citizens.objections.values import LINE, ORDERED, Answer, Kind, Objection, State, Target, results
from hub.citizens.objections.whose import end_of, owned, record
from hub.citizens.present import lock_holder
from hub.clock import new_id, rfc3339
from hub.registry.departments.store import read_departments
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault
from signing.canonical import canonical, sha256

SIGN: Final = "objection.sign"
"""The kind of job that signs an answer whose officer's process died."""
_REASON: Final = 1000
_SIGNED_BY_NOW: Final = timedelta(seconds=30)


class Answering:
    """A unit of the desk's."""

    def __init__(self, vault: Vault, stewards: Stewards) -> None:
        self._vault = vault
        self._stewards = stewards
        self._filing = Filing(vault)

    def answer(self, tx: Connection, actor: Actor, objection_id: str, answer: Answer, now: datetime) -> None:
        """Raises: MissingError, ForbiddenError, ObjectionOverError, ObjectionError, OwnLookError,
        IntegrityBrokenError.
        """
        found = owned(actor, store.find(tx, objection_id, lock=True))
        ends = end_of(tx, self._vault, found)
        key = self._vault.data_key(found.data_key, found.kek_kid)
        content = opened(key, found.id, "content", found.content)
        if content["by"] and content["by"] == actor.id:
            raise OwnLookError
        state = _checked(results(found.kind, content["key"], found.department_id), answer)
        lineage = lineage_of(tx, self._vault, found, content)
        if state is State.CORRECTED and not has_changed(tx, found, lineage.key, lineage.since):
            raise ObjectionError("nothing_corrected", "/result")
        said: dict[str, Any] = {
            "about": sha256(canonical(content)).hex(),
            "result": state.value,
            "reason": answer.reason.strip(),
            "next": answer.next.strip(),
            "department": found.department.get("code", ""),
            "answered_by": actor.id,
            "answered_at": rfc3339(now),
        }
        if state is State.REFUSED:
            said["departments"] = _parties(tx, lineage.first, found)
        more = {"result": state.value, "answer_hash": sha256(canonical(said)).hex()}
        entry_id = record(tx, self._vault, actor, found, "objection.answered", more, now, ends=ends)
        sealed = key.encrypt(f"objections:{found.id}:answer", canonical(said))
        if not store.end(tx, self._vault, found, state, now, answer=sealed, ledger_entry_id=entry_id):
            raise ObjectionOverError
        told = NoticeKind.RATING_ANSWERED if found.kind is Kind.RATING else NoticeKind.OBJECTION_ANSWERED
        self._stewards.notify(tx, found.subject_id, told, about=f"{found.id}:{entry_id}", now=now)
        enqueue(tx, SIGN, {"objection": found.id}, now=now, due=now + _SIGNED_BY_NOW)
        if state is State.CORRECTED and (found.certificate_id is not None or found.kind is Kind.FIELD):
            enqueue(tx, TELL, {"objection": found.id, "entry": entry_id, "since": lineage.since.isoformat()}, now=now)
        if state is State.UPHELD:
            self._order(tx, found, content, said["reason"], lineage, now)

    def _order(
        self, tx: Connection, found: Objection, content: Mapping[str, Any], reason: str, lineage: Lineage, now: datetime
    ) -> None:
        """In the same transaction: what is upheld is never left with nobody to correct it."""
        subject = lock_holder(tx, found.subject_id)
        file = File(
            new_id(), found.kind, LINE.join((reason, content["text"])), content["file"], found.channel,
            scan=content.get("scan", ""), ordered=True,
        )  # fmt: skip
        target = Target(
            lineage.first.department_id, ORDERED + found.id, tuple(content["what"]), tuple(content["part"]),
            found.certificate_id, content["identifier"], shared=content.get("shared", {}),
        )  # fmt: skip
        more = {"upheld": found.id, "superior": found.department_id}
        self._filing.file(tx, subject, file, target, more, {}, now)


def _checked(allowed: tuple[State, ...], answer: Answer) -> State:
    if answer.result not in allowed:
        raise ObjectionError("one_of:" + ",".join(allowed), "/result")
    for name, text in (("reason", answer.reason.strip()), ("next", answer.next.strip())):
        if len(text) > _REASON:
            raise ObjectionError("too_long", f"/{name}")
    state = State(answer.result)
    if state is not State.CORRECTED and not answer.reason.strip():
        raise ObjectionError("missing", "/reason")
    if state is State.REFUSED and not answer.next.strip():
        raise ObjectionError("missing", "/next")
    return state


def _parties(tx: Connection, first: Objection, found: Objection) -> list[dict[str, str]]:
    """Who refused, and who reviewed it, as they are today: what a complaint has to name of them."""
    departments = read_departments(tx)
    ids = dict.fromkeys(one.department_id for one in (first, found) if one.department_id)
    views = dict.fromkeys(departments.current(one).id for one in ids)
    return [
        {
            "code": view.code,
            "zh": view.name_zh,
            "en": view.name_en,
            "region": view.region,
            "contact": view.contact,
        }
        for view in (departments.by_id[one] for one in views)
    ]
