"""The second look 复核: what was refused is looked at once more, and not by the department that refused it: by its
superior, where one is named, else by the operator of the hub.

One review of one objection, with a clock of its own; what was said, and came with it, and was answered lies before the
reviewer, and nothing more of the person. While it runs the licence is disputed again. Who reviews is settled when it is
asked for; after it other ways are left, which the answer names. Who refused does not review, whatever his desk by then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from hub.citizens.objections import store
from hub.citizens.objections.errors import ObjectionError, ObjectionOverError, ObjectionRunsError
from hub.citizens.objections.filing import File, Filing
from hub.citizens.objections.raising import Agent
from hub.citizens.objections.sealing import opened, told
from hub.citizens.objections.values import LINE, REVIEW, RUNNING_MOST, TEXT_MOST, State, Target, Told
from hub.citizens.once import Once
from hub.citizens.present import lock_holder
from hub.citizens.presentations import refuse_other
from hub.citizens.values import SEES_OWN, Whose
from hub.clock import Clock, new_id
from hub.intake.errors import IdempotencyError
from hub.registry.departments.store import read_departments
from hub.registry.departments.superior_rows import superior_of, superiors
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import write_once
from hub.storage.vault import DataKey, Vault

WITHIN: Final = timedelta(days=60)
"""After the refusal, as for an administrative review (Administrative Reconsideration Law, article 20)."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A review that can be asked for, until then. `department` as code, zh and en; empty: the operator."""

    department: Mapping[str, str]
    until: datetime


class Reviewing:
    """The holder's use case."""

    def __init__(self, database: Database, *, vault: Vault, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._filing = Filing(vault)
        self._log_key = log_key
        self._clock = clock

    async def ask(
        self, holder: Whose, objection_id: str, text: str, *, once: Once | None = None, agent: Agent | None = None
    ) -> str:
        """Ask for it; answers the id of the review, which is an objection of its own.

        Raises: LevelError, MissingError, HolderSignInNeededError; ObjectionError: the text; ObjectionOverError: it was
            not refused, or by the operator, too long ago, or was reviewed; ObjectionRunsError: too many run;
            IdempotencyError.
        """
        holder.require(SEES_OWN)
        text = text.strip()
        if not text or len(text) > TEXT_MOST:
            raise ObjectionError("too_long" if text else "missing", "/text")
        found = await self._database.read(lambda tx: store.find(tx, objection_id))
        if found is None or found.subject_id != holder.id:
            await refuse_other(self._database, self._log_key, holder, "objection", self._clock())
            raise MissingError("objection")

        def unit(tx: Connection) -> str:
            return self._ask(tx, holder, objection_id, text, once, agent)

        return await (agent.act(unit) if agent else write_once(self._database, unit))

    async def offers(self, items: Sequence[Told]) -> Mapping[str, Offer]:
        """By their ids, those that can be reviewed now, and by whom. For callers who show them to their holder."""
        now = self._clock()
        refused = [item for item in items if item.state is State.REFUSED and item.department and not item.review]
        refused = [item for item in refused if item.ended_at is not None and now <= item.ended_at + WITHIN]
        if not refused:
            return {}
        standings = {item.id: self._standing(item.id) for item in refused}

        def unit(tx: Connection) -> Mapping[str, Offer]:
            departments, found = read_departments(tx), {}
            over, asked = superiors(tx, self._vault, departments), store.made(tx, standings.values())
            for item in refused:
                by = departments.by_code(item.department["code"])
                if standings[item.id] in asked or item.ended_at is None or by is None:
                    continue
                superior = over.get(departments.current(by.id).id)
                named = {"code": superior.code, "zh": superior.name_zh, "en": superior.name_en} if superior else {}
                found[item.id] = Offer(named, item.ended_at + WITHIN)
            return found

        return await self._database.read(unit)

    def _standing(self, objection_id: str) -> str:
        return self._vault.lookup_hash("objection-review", objection_id).hex()

    def _ask(
        self, tx: Connection, holder: Whose, objection_id: str, text: str, once: Once | None, agent: Agent | None
    ) -> str:
        subject, now = lock_holder(tx, holder.id), self._clock()
        found = store.find(tx, objection_id)
        if found is None or found.state is not State.REFUSED:
            raise ObjectionOverError
        key = self._vault.data_key(found.data_key, found.kek_kid)
        content = opened(key, found.id, "content", found.content)
        standing = self._standing(found.id)
        asked = self._vault.lookup_hash("objection-once", holder.id, once.key).hex()[:32] if once else ""
        if (known := store.by_once(tx, standing)) is not None:
            return _made_before(known, asked, once)
        by = found.department_id
        if by is None or content["key"].startswith(REVIEW) or not store.is_whole(self._vault, found):
            raise ObjectionOverError
        if store.running_of(tx, holder.id) >= RUNNING_MOST:
            raise ObjectionRunsError
        before = told(self._vault, found, now)
        refusal = opened(key, found.id, "answer", found.answer or b"")  # signed yet or not
        if now > datetime.fromisoformat(refusal["answered_at"]) + WITHIN:
            raise ObjectionOverError
        whole = LINE.join((text, before.text, refusal["reason"]))
        superior = superior_of(tx, self._vault, read_departments(tx), by)
        target = Target(
            superior.id if superior else None, REVIEW + found.id, before.what, before.part, found.certificate_id,
            before.identifier, refusal["answered_by"], content.get("shared", {}),
        )  # fmt: skip
        channel = agent.channel if agent else "self"
        file = File(new_id(), found.kind, whole, before.file, channel, scan=before.scan if before.file else "")
        row = {"once": standing, "once_hash": asked + once.request_hash[:32] if once else standing}
        self._filing.file(tx, subject, file, target, {"reviews": found.id, **(agent.told if agent else {})}, row, now)
        return file.id


def _made_before(known: tuple[str, str], asked: str, once: Once | None) -> str:
    """The review of the same request. Raises: ObjectionOverError: it was another; IdempotencyError: of the same key."""
    review_id, said = known
    if once is None or said[:32] != asked:
        raise ObjectionOverError
    if said[32:] != once.request_hash[:32]:
        raise IdempotencyError
    return review_id
