"""The release of bulk results: an approver of the owning department, never the one who asked, and only while what the
run stands on still holds.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from catalog.errors import DefinitionError
from hub.access.actors import Actor, Role
from hub.access.staff_store import find_staff
from hub.clock import Clock, rfc3339
from hub.exchange.bulk import store
from hub.exchange.bulk.entries import order_of, write_entry
from hub.exchange.bulk.manifest import BulkManifests, manifest_claims
from hub.exchange.bulk.standing import ENDED, BulkGround
from hub.exchange.bulk.store import Run, RunState
from hub.exchange.bulk.views import RunView
from hub.intake.answers import case_key
from hub.intake.compose import item_hash
from hub.intake.errors import CaseClosedError, GrantEndedError
from hub.intake.store import case_by_id
from hub.ledger.entries import Sealed
from hub.registry.errors import StateError, TwoPersonsError
from hub.registry.notices import notify
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault
from signing.canonical import b64u

_MAX_REASON: Final = 500


class BulkReleases:
    """Shows runs to staff, releases and refuses their results."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        ground: BulkGround,
        manifests: BulkManifests,
        public_url: str,
        kept: timedelta,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._ground = ground
        self._manifests = manifests
        self._public_url = public_url
        self._kept = kept
        self._clock = clock

    async def list(self, actor: Actor, *, side: str = "", waiting: bool = False) -> list[RunView]:
        """The newest 200: a system's own; of staff those over what their department owns (`side` owner) or that its
        systems asked for (`asker`); for operator and auditor all. `waiting`: only those to be decided.
        """
        actor.require(*Role)
        states = [RunState.FINISHED] if waiting else []
        found = await self._database.read(lambda tx: store.list_runs(tx, where=_reach(actor, side), states=states))
        return [RunView(run, self._clock()) for run in found if _sees(actor, run)]

    async def get(self, actor: Actor, run_id: str) -> RunView:
        """One that he sees. Raises: MissingError, IntegrityBrokenError."""
        actor.require(*Role)
        return RunView(await self._database.read(lambda tx: self._seen(tx, actor, run_id)), self._clock())

    async def release(self, actor: Actor, run_id: str, reason: str = "") -> RunView:
        """Release the result to the system that asked. The file is there for it from this commit on; where several
        departments own what it tells, from that of the last of them.

        Raises: MissingError, ForbiddenError; TwoPersonsError for whoever asked; StateError when it is not waiting;
        CaseClosedError, GrantEndedError when what it stands on has ended.
        """
        now = self._clock()

        def unit(tx: Connection) -> Run:
            run, key = self._to_decide(tx, actor, run_id, "released", now)
            try:
                self._ground.hold(tx, run, order_of(run, key), now)
            except CaseClosedError:
                raise
            except ENDED:
                raise GrantEndedError from None
            run, key = self._to_decide(tx, actor, run_id, "released", now, lock=True)
            agreed = _agreed(actor, run)
            if agreed.keys() < set(run.owners):
                return self._agree(tx, actor, run, key, agreed, reason.strip(), now)
            payload = item_hash(manifest_claims(run, self._public_url))
            return self._decide(tx, actor, run, key, RunState.RELEASED, reason.strip(), {"payload_hash": payload}, now)

        run = await self._database.write(unit)
        crash_at("bulk.released")
        if run.state is RunState.RELEASED:
            await self._manifests.signed(run)
        return await self.get(actor, run_id)

    async def refuse(self, actor: Actor, run_id: str, reason: str) -> RunView:
        """Refuse the release, with a reason; the result is deleted. Raises: as `release`; DefinitionError."""
        if not reason.strip():
            raise DefinitionError("bulk: a refusal has its reason")
        now = self._clock()

        def unit(tx: Connection) -> Run:
            run, key = self._to_decide(tx, actor, run_id, "refused", now, lock=True)
            return self._decide(tx, actor, run, key, RunState.REFUSED, reason.strip(), {}, now)

        return RunView(await self._database.write(unit), now)

    def _to_decide(
        self, tx: Connection, actor: Actor, run_id: str, wanted: str, now: datetime, *, lock: bool = False
    ) -> tuple[Run, DataKey]:
        run = self._seen(tx, actor, run_id, lock=lock)
        mine = actor.department_id if actor.department_id in run.owners else run.owner_department_id
        actor.require(Role.OWNER_APPROVER, owner=mine)
        over = run.expires_at is not None and run.expires_at <= now
        if run.state is not RunState.FINISHED or over:
            raise StateError("expired" if over else run.state.value, wanted)
        if wanted == "released" and mine in run.decision.get("agreed", {}):
            raise StateError("agreed", wanted)
        case = case_by_id(tx, run.case_id)
        if case is None:
            raise MissingError("case")
        key = case_key(self._vault, case)
        staff = find_staff(tx, self._vault, actor.id) if actor.kind == "staff" else None
        his = {actor.id, staff.user_name if staff else actor.id}
        if run.ordered["asked_by"] == actor.as_json() or order_of(run, key).officer in his:
            raise TwoPersonsError
        return run, key

    def _agree(
        self, tx: Connection, actor: Actor, run: Run, key: DataKey, agreed: dict[str, Any], reason: str, now: datetime
    ) -> Run:
        """One department's word; nothing leaves before the others have theirs."""
        _check_reason(reason)
        detail = {"run": run.id, "actor": actor.as_json(), "reason": reason, "sha256": run.file["sha256"]}
        entry = write_entry(tx, run, "bulk.agree", detail, key, now)
        return store.replace_run(tx, self._vault, run, now=now, decision={"agreed": agreed}, ledger_entry_id=entry.id)

    def _decide(
        self,
        tx: Connection,
        actor: Actor,
        run: Run,
        key: DataKey,
        state: RunState,
        reason: str,
        detail: dict[str, Any],
        now: datetime,
    ) -> Run:
        _check_reason(reason)
        decided = {"run": run.id, "actor": actor.as_json(), "reason": reason, "sha256": run.file["sha256"]}
        kind = f"bulk.{'release' if state is RunState.RELEASED else 'refuse'}"
        entry = write_entry(tx, run, kind, {**decided, "grants": run.grants, **detail}, key, now)
        about = ("bulk_run", run.id)
        notify(
            tx, f"bulk.{state.value}", department_id=run.asking_department_id, role=Role.CONSUMER_ENGINEER, about=about,
            now=now,
        )  # fmt: skip
        return store.replace_run(
            tx, self._vault, run, now=now, state=state, decision=_decision(actor, reason, entry),
            ledger_entry_id=entry.id, expires_at=now + self._kept if state is RunState.RELEASED else now,
        )  # fmt: skip

    def _seen(self, tx: Connection, actor: Actor, run_id: str, *, lock: bool = False) -> Run:
        run = store.find_run(tx, run_id, lock=lock)
        if run is None or run.state is RunState.RECEIVING or not _sees(actor, run):
            raise MissingError("bulk run")
        store.check_run(tx, self._vault, run)
        return run


def _agreed(actor: Actor, run: Run) -> dict[str, Any]:
    """Who has released it, by department, with this actor; whoever acts for all speaks for all that are left."""
    said = {"by": actor.as_json()}
    mine = [actor.department_id] if actor.department_id in run.owners else run.owners
    return {**{owner: said for owner in mine if owner}, **run.decision.get("agreed", {})}


def _check_reason(reason: str) -> None:
    if len(reason) > _MAX_REASON:
        raise DefinitionError(f"bulk: a reason of at most {_MAX_REASON} characters")


def _decision(actor: Actor, reason: str, entry: Sealed) -> dict[str, Any]:
    return {
        "by": actor.as_json(),
        "at": rfc3339(entry.recorded_at),
        "reason": reason,
        "entry": entry.id,
        "commitment": b64u(entry.commitment),
    }


def _sees(actor: Actor, run: Run) -> bool:
    if actor.kind == "system":
        return actor.id == run.client_id
    return any(actor.sees(department) for department in (*run.owners, run.asking_department_id))


def _reach(actor: Actor, side: str) -> Any:
    if actor.kind == "system":
        return store.of_system(actor.id)
    mine = {"owner": store.of_owner(actor.department_id), "asker": store.of_asker(actor.department_id)}
    if side in mine and actor.department_id is not None:
        return mine[side]
    if actor.roles & {Role.OPERATOR, Role.AUDITOR}:
        return True
    return mine["owner"] | mine["asker"]
