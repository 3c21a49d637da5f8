"""Giving out notices of acceptance and decision, on the ledger before they are signed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.tables import DepartmentRow, table
from certificates.notice import DISCLOSABLE, notice_claims
from hub.clock import Clock, new_id, rfc3339
from hub.intake import store
from hub.intake.cases import CaseService
from hub.intake.errors import CaseNotFoundError
from hub.intake.handling.deciding import NOT_ACCEPTED
from hub.intake.handling.errors import AskError, StageError
from hub.intake.handling.guard import believe_stage
from hub.intake.handling.steps import Hand, case_data_key, kept_of, record_step
from hub.intake.handling.whose import case_for, concerns
from hub.intake.repeats import effect_of
from hub.intake.store import Case
from hub.issuing.keys.desk import SigningDesk
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.idempotency import RequestKey, record_effect, write_once
from hub.storage.vault import Vault
from hub.threads import off_loop
from signing import sd_jwt
from signing.canonical import strict_loads

LIFETIME: Final = timedelta(days=60)
_TAIL: Final = 4
_WEIGHT: Final = 4096
_DEPARTMENTS: Final = table(DepartmentRow)


@dataclass(frozen=True, slots=True)
class NoticeOrder:
    """Which notice, for whom (a client_id, or None: whoever it is shown to), and what it says of the applicant."""

    kind: str
    audience: str | None
    shown: Collection[str]


class Notices:
    """Gives out notices."""

    def __init__(
        self, database: Database, *, cases: CaseService, vault: Vault, desk: SigningDesk, clock: Clock, public_url: str
    ) -> None:
        self._database = database
        self._cases = cases
        self._vault = vault
        self._matters = MatterBook(vault)
        self._desk = desk
        self._clock = clock
        self._public_url = public_url

    async def give(self, hand: Hand, case_no: str, order: NoticeOrder, *, request: RequestKey | None = None) -> str:
        """The signed notice. Each is new, and its own entry; the same Idempotency-Key gives the same one.

        Raises: CaseNotFoundError; StageError: not accepted, or not decided; AskError: what a notice never says;
        IdempotencyError.
        """
        if unknown := [name for name in order.shown if name not in DISCLOSABLE]:
            raise AskError([("/shown", "unknown")] * len(unknown))
        now = self._clock()
        case_id = (await case_for(self._database, self._cases, hand, case_no)).id
        prepared = await write_once(self._database, lambda tx: self._prepared(tx, hand, case_id, order, request, now))
        copier = self._desk.hub("purpose-copy")
        return await off_loop(_WEIGHT, lambda: sd_jwt.sign(prepared, signer=copier.signer, header=copier.header))

    def _prepared(
        self,
        tx: Connection,
        hand: Hand,
        case_id: str,
        order: NoticeOrder,
        request: RequestKey | None,
        now: datetime,
    ) -> sd_jwt.Prepared:
        case = store.lock_for_change(tx, case_id)
        if case is not None:
            believe_stage(tx, self._vault, case)
        if case is None or not concerns(hand, case):
            raise CaseNotFoundError
        if (given := effect_of(tx, request, now=now)) is not None:
            kept = kept_of(tx, self._vault, case, given)
            return sd_jwt.Prepared(kept["payload"], tuple(kept["disclosures"]))
        wanted = case.decided_at if order.kind == "decision" else case.accepted_at
        if wanted is None or (order.kind == "acceptance" and case.decision == NOT_ACCEPTED):
            raise StageError(case.stage)
        matter = self._matters.matter(tx, case.matter_id)
        jti = new_id()
        claims, disclosable = notice_claims(
            kind=order.kind,
            case_no=case.case_no,
            matter={"code": matter.code, "zh": matter.name_zh, "en": matter.name_en},
            accepting=_department(tx, case.accepting_department_id),
            approving=_department(tx, case.approving_department_id),
            accepted_at=rfc3339(case.accepted_at or wanted),
            decision=case.decision,
            decided_at=rfc3339(case.decided_at) if case.decided_at else None,
            shown=self._shown(tx, case, matter.roles[0], order.shown),
            audience=order.audience,
            hub_uri=self._public_url,
            issued_at=now,
            expires_at=now + LIFETIME,
            jti=jti,
        )
        detail = {"notice": order.kind, "jti": jti, "shown": sorted(order.shown), "audience": order.audience}
        prepared = sd_jwt.prepare(claims, disclosable)
        told = {"payload": prepared.payload, "disclosures": list(prepared.disclosures)} if request else None
        entry_id = record_step(tx, self._vault, case, hand, "notice", detail, now, change_no=case.change_no, kept=told)
        if request is not None:
            record_effect(tx, request, entry_id, now=now)
        return prepared

    def _shown(self, tx: Connection, case: Case, role: str, names: Collection[str]) -> dict[str, Any]:
        """Of the applicant; of somebody without an ID there is no tail."""
        found: dict[str, Any] = {"subjects": case.subjects} if "subjects" in names and case.subjects else {}
        party = store.parties_of(tx, case.id).get(role)
        if party is None or party.sealed is None:
            return found
        place = store.identity_place(party.sealed.id)
        known = strict_loads(case_data_key(self._vault, case).decrypt(place, party.sealed.identity), max_bytes=4096)
        if "applicant_name" in names:
            found["applicant_name"] = known["name"]
        if "applicant_id_tail" in names and known["id_number"]:
            found["applicant_id_tail"] = known["id_number"][-_TAIL:]
        return found


def _department(tx: Connection, department_id: str | None) -> dict[str, str]:
    row = tx.execute(select(_DEPARTMENTS).where(_DEPARTMENTS.c.id == department_id)).one_or_none()
    return {} if row is None else {"uscc": row.code, "zh": row.name_zh, "en": row.name_en}
