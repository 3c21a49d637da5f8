"""The department's desk: which objections wait, one of them, its scan, and the answer.

The answer is on the ledger before it is signed; unsigned it counts for nothing. Another department's does not exist for
him, and each look is on the ledger.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from certificates.stores.holders import find_subjects
from hub.access.actors import Actor
from hub.citizens.acting.stewards import Stewards
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.objections import store
from hub.citizens.objections.answering import Answering
from hub.citizens.objections.disputed import disputed_identifiers
from hub.citizens.objections.filing import tell_staff
from hub.citizens.objections.lineage import tell_superior
from hub.citizens.objections.sealing import object_name, opened, place, told
from hub.citizens.objections.shared import disputed_fields
from hub.citizens.objections.values import Answer, Kind, Objection, State, Told, answerers
from hub.citizens.objections.whose import kinds_of, mine, owned, record
from hub.clock import Clock
from hub.intake.lower.finding import seal_key
from hub.intake.store import parties_of
from hub.issuing.keys.desk import SigningDesk
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.objects.folder import ObjectStore
from hub.storage.vault import Vault
from signing.jose import sign_jws

ANSWER_TYPE: Final = "objection-answer+jwt"


class ObjectionDesk:
    """Use cases of officers and supervisors."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        desk: SigningDesk,
        objects: ObjectStore,
        public_url: str,
        stewards: Stewards,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._objects = objects
        self._public_url = public_url
        self._clock = clock
        self._stewards = stewards
        self._answering = Answering(vault, stewards)

    async def list(self, actor: Actor, *, everything: bool = False, limit: int = 200) -> list[Objection]:
        """Those that wait for him, by when they are due; operator and auditor: of all departments. `everything`: also
        those that have ended, the newest first. Without a word about a person.

        Raises: ForbiddenError.
        """
        kinds = kinds_of(actor)
        if not kinds:
            actor.require(*answerers(Kind.LICENCE), *answerers(Kind.ACCESS))
        where = mine(actor)
        return await self._database.read(
            lambda tx: store.queue(tx, where, only_running=not everything, kinds=kinds, limit=limit)
        )

    async def disputed(self, identifiers: Collection[str]) -> set[str]:
        """Those of these licences against which an objection runs; for readers who see the licences anyway."""
        return await self._database.read(lambda tx: disputed_identifiers(tx, self._vault, identifiers))

    async def disputed_in(self, case_id: str) -> set[tuple[str, str, str]]:
        """The values from interfaces that a party of this case disputes now: party, interface, field. For readers who
        see its evidence anyway.
        """

        def unit(tx: Connection) -> set[tuple[str, str, str]]:
            parties = {key: one.lookup_hash for key, one in parties_of(tx, case_id).items() if one.lookup_hash}
            known = find_subjects(tx, list(parties.values())) if parties else {}
            marked = disputed_fields(tx, self._vault, {subject.id for subject in known.values()})
            return {
                (party, *each)
                for party, number in parties.items()
                if number in known
                for each in marked.get(known[number].id, ())
            }

        return await self._database.read(unit)

    async def show(self, actor: Actor, objection_id: str) -> Told:
        """One of them, for whoever may answer it; while it runs the look is on the ledger before it is given, and what
        the person said is shown no longer.

        Raises: MissingError, ForbiddenError.
        """
        now = self._clock()

        def unit(tx: Connection) -> Objection:
            found = owned(actor, store.find(tx, objection_id))
            if found.state is State.RUNNING:
                record(tx, self._vault, actor, found, "objection.read", {}, now)
            return found

        found = await self._database.write(unit)
        shown = told(self._vault, found, now)
        if found.state is State.RUNNING:
            return shown
        return replace(shown, text="", what=("", ""), part=("", ""), identifier="")

    async def scan(self, actor: Actor, objection_id: str) -> tuple[bytes, str]:
        """The paper that came with it, and its media type. Raises: MissingError, ForbiddenError, IntegrityBrokenError,
        UnavailableError.
        """
        now = self._clock()

        def unit(tx: Connection) -> tuple[Objection, Told]:
            found = owned(actor, store.find(tx, objection_id))
            shown = told(self._vault, found, now)
            if not shown.file or found.state is not State.RUNNING:
                raise MissingError("scan")
            record(tx, self._vault, actor, found, "objection.scan_read", {}, now)
            return found, shown

        found, shown = await self._database.write(unit)
        sealed = await asyncio.to_thread(self._objects.get, object_name(shown.scan))
        key = self._vault.data_key(found.data_key, found.kek_kid)
        return key.decrypt(place(shown.scan, "object"), sealed), shown.file

    async def answer(self, actor: Actor, objection_id: str, answer: Answer) -> None:
        """Answer it, once.

        Raises: MissingError, ForbiddenError, ObjectionOverError; ObjectionError: something is missing, or nothing was
            corrected; OwnLookError.
        """
        now = self._clock()
        await self._database.write(lambda tx: self._answering.answer(tx, actor, objection_id, answer, now))
        await self.sign({"objection": objection_id})

    async def sign(self, payload: Mapping[str, Any]) -> None:
        """The handler of `SIGN`: with the department's key where the hub holds one, else with the hub's own.

        Raises: IntegrityBrokenError: somebody wrote its row past the hub.
        """

        def look(tx: Connection) -> Any:
            found = store.find(tx, payload["objection"])
            if found is None or found.answer is None or found.token is not None:
                return None
            if not store.is_whole(self._vault, found):  # its department may be another's by SQL, whose key signs
                raise IntegrityBrokenError("objections")
            code = found.department.get("code")
            return found, *(seal_key(tx, self._desk, code) if code else (self._desk.hub("hub"), "hub"))

        ready = await self._database.read(look)
        if ready is None:
            return
        found, certified, signed_by = ready
        key = self._vault.data_key(found.data_key, found.kek_kid)
        try:
            said = opened(key, found.id, "answer", found.answer)
        except IntegrityBrokenError:  # erased since: nobody is left to be told
            return
        code = found.department.get("code", "")
        signed = {
            "iss": self._desk.issuer_uri(code) if signed_by == "department" else self._public_url,
            "iat": int(datetime.fromisoformat(said["answered_at"]).timestamp()),
            "jti": found.id,
            "signed_by": signed_by,
            **said,
        }
        signer = certified.about(kind="objection-answer")
        token = sign_jws(signed, signer=signer, typ=ANSWER_TYPE, header=certified.header).encode()
        sealed = key.encrypt(place(found.id, "token"), token)

        def unit(tx: Connection) -> None:
            self._desk.check_usable(tx, [certified.signer.public.kid])
            store.sign(tx, found.id, sealed, signed_by)

        await self._database.write(unit)

    async def remind(self, payload: Mapping[str, Any]) -> None:
        """The handler of `REMIND`."""
        now = self._clock()

        def unit(tx: Connection) -> None:
            found = store.find(tx, payload["objection"])
            if found is not None and found.state is State.RUNNING:
                tell_staff(tx, found.id, found.kind, found.department_id, str(payload["stage"]), now)
                if payload["stage"] == "over":
                    self._stewards.notify(tx, found.subject_id, NoticeKind.OBJECTION_OVERDUE, about=found.id, now=now)
                    tell_superior(tx, self._vault, found, now)

        await self._database.write(unit)
