"""A counter writes an objection down 窗口代为登记: for somebody who stands there, in the visit of an open case of his.

Who he is the case has shown already, by his card or a code; the clerk attests that he says what is written. A wrong
name keeps nobody from objecting: he is found by his number alone, in a case of this counter that is still open. A
record that is missing is said by whomever, known to the hub or not, and the clerk does not hear which. That no licence
is held of him is an answer, too, and on the ledger before the clerk hears it.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from certificates.stores import certificates as library
from certificates.stores.holders import Subject, find_subjects
from certificates.stores.version import WHOLE
from hub.access.actors import Actor, Role
from hub.citizens.behind import subject_behind
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.objections.errors import ObjectionError
from hub.citizens.objections.raising import Clerk, Objections
from hub.citizens.objections.values import OF_LICENCE, Kind, Said
from hub.citizens.values import SEES_OWN, Holder, Identity
from hub.clock import Clock
from hub.intake import store as cases
from hub.intake.errors import CaseClosedError
from hub.intake.store import Case
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.vault import DataKey, Vault

KINDS: Final = (Kind.LICENCE, Kind.NOT_LOADING, Kind.MISSING)
"""What is asked at a counter: a clerk sees no values, and so names no claim; the text says what is wrong."""


class Attesting:
    """Writes objections down for parties of a counter's case, which its caller has found to be his."""

    def __init__(
        self, database: Database, *, vault: Vault, objections: Objections, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._objections = objections
        self._log_key = log_key
        self._clock = clock

    async def raise_(self, actor: Actor, case: Case, party: str, said: Said) -> str:
        """Answers its id. Of a licence, the type says which: his newest of it.

        Raises: ForbiddenError, CaseClosedError, and as `Objections.raise_`; ObjectionError besides where the party has
        no number, or, but for what is missing, the hub holds nothing of him, or nothing of that type.
        """
        actor.require(Role.CLERK)
        if case.state != cases.OPEN:
            raise CaseClosedError
        if said.kind not in KINDS:
            raise ObjectionError("kind", "/kind")
        now = self._clock()
        found = await self._database.write(lambda tx: self._found(tx, actor, case, party, said, now))
        if isinstance(found, ObjectionError):
            raise found
        holder, identifier = found
        try:
            return await self._objections.raise_(
                holder, replace(said, identifier=identifier), clerk=Clerk(actor, case.case_no)
            )
        except HolderSignInNeededError:  # erased a moment ago
            raise ObjectionError("nothing_held", "/party") from None

    def _found(
        self, tx: Connection, actor: Actor, case: Case, party: str, said: Said, now: datetime
    ) -> tuple[Holder, str] | ObjectionError:
        known = cases.parties_of(tx, case.id).get(party)
        if known is None or known.lookup_hash is None or known.id_type is None:
            return ObjectionError("unknown_party", "/party")
        subject = find_subjects(tx, [known.lookup_hash]).get(known.lookup_hash)
        if subject is None and said.kind is Kind.MISSING:  # that may be what is wrong: nobody has told the hub of him
            subject = subject_behind(tx, self._vault, case, known, now)
        if subject is None:
            return self._nothing(tx, actor, case, None, ObjectionError("nothing_held", "/party"), now)
        identifier = ""
        if said.kind in OF_LICENCE:
            held = [one for one in library.held_of(tx, subject.id, said.type_code) if one.state in WHOLE]
            if not held:
                return self._nothing(tx, actor, case, subject, ObjectionError("none_held", "/type"), now)
            identifier = max(held, key=lambda one: (one.version == one.current_version, one.created_at)).identifier
        identity = Identity(known.id_type, "", "")  # nothing that follows needs more of him than who he is
        return Holder(subject.id, f"counter:{case.case_no}", identity, SEES_OWN, "counter", ""), identifier

    def _nothing(
        self, tx: Connection, actor: Actor, case: Case, subject: Subject | None, error: ObjectionError, now: datetime
    ) -> ObjectionError:
        detail = {
            "by": actor.as_json(),
            "case_no": case.case_no,
            "department_id": actor.department_id,
            "reason": f"objection_{error.rule}",
        }
        key = self._vault.data_key(subject.data_key, subject.kek_kid) if subject else self._log_key
        draft = Draft(kind="refusal", detail=detail, key=key, subject_id=subject.id if subject else None)
        append(tx, [seal(draft, now=now)])
        return error
