"""How bulk runs end: with a file that waits for the second person, or without; and how they are forgotten."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import Connection

from hub.access.actors import Role
from hub.clock import Clock, new_id
from hub.exchange.bulk import store, subject_store
from hub.exchange.bulk.entries import write_entry
from hub.exchange.bulk.files import RECIPIENT_TYPE, FileWriter, StoredFile, forget_files, opened, recipient_line, row_of
from hub.exchange.bulk.mark import Mark
from hub.exchange.bulk.store import RUN, Run, RunState
from hub.exchange.bulk.subject_store import Subject
from hub.intake.answers import case_key
from hub.intake.errors import CaseNotFoundError
from hub.intake.store import case_by_id
from hub.issuing.keys.desk import SigningDesk
from hub.registry.notices import notify
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.jobs import enqueue
from hub.storage.objects.folder import ObjectStore
from hub.storage.objects.guarded import beside
from hub.storage.vault import DataKey, Vault
from signing.jose import sign_jws

STALLED: Final = timedelta(minutes=10)
TORN: Final = timedelta(hours=1)
"""A list that is still not written to its end by then never will be."""
_log = structlog.get_logger(__name__)


class BulkEnding:
    """Ends runs, and forgets them in time."""

    def __init__(
        self,
        database: Database,
        *,
        objects: ObjectStore,
        vault: Vault,
        desk: SigningDesk,
        public_url: str,
        kept: timedelta,
        clock: Clock,
    ) -> None:
        self._database = database
        self._objects = objects
        self._vault = vault
        self._desk = desk
        self._public_url = public_url
        self._kept = kept
        self._clock = clock

    async def finish(self, run: Run) -> None:
        """Every subject is decided: write the file, then say so. A crash between writes it anew, under another id."""
        key = await self._key(run)
        written = await self._write_file(run, key)
        crash_at("bulk.composed")
        now = self._clock()

        def unit(tx: Connection) -> bool:
            stored = store.find_run(tx, run.id, lock=True)
            if stored is None or stored.state is not RunState.RUNNING or stored.lease != run.lease:
                return False
            detail = {"run": run.id, "subjects": stored.subjects, "outcomes": stored.outcomes, "sha256": written.sha256}
            entry = write_entry(tx, stored, "bulk.finish", detail, key, now)
            store.replace_run(
                tx, self._vault, stored, now=now, state=RunState.FINISHED, file=written.as_json(), finished_at=now,
                expires_at=now + self._kept, ledger_entry_id=entry.id,
            )  # fmt: skip
            about = ("bulk_run", run.id)
            for owner in run.owners:
                notify(tx, "bulk.waiting", department_id=owner, role=Role.OWNER_APPROVER, about=about, now=now)
            crash_at("bulk.finishing")
            return True

        if await self._database.write(unit):
            await beside(forget_files, self._objects, run.id, but=written.id)
        else:
            await beside(forget_files, self._objects, run.id, only=written.id)

    async def stop(self, run: Run, code: str) -> None:
        """End a run before its end. Its subjects go with the next sweep; their entries stay."""
        key, now = await self._key(run), self._clock()

        def unit(tx: Connection) -> None:
            stored = store.find_run(tx, run.id, lock=True)
            if stored is None or stored.state is not RunState.RUNNING:
                return
            detail = {"run": run.id, "problem": code, "answered": stored.done, "outcomes": stored.outcomes}
            entry = write_entry(tx, stored, "bulk.stop", detail, key, now)
            store.replace_run(
                tx, self._vault, stored, now=now, state=RunState.STOPPED, problem=code, finished_at=now, expires_at=now,
                ledger_entry_id=entry.id,
            )  # fmt: skip
            about = ("bulk_run", run.id)
            notify(
                tx, "bulk.stopped", department_id=run.asking_department_id, role=Role.CONSUMER_ENGINEER, about=about,
                now=now,
            )  # fmt: skip

        await self._database.write(unit)

    async def sweep(self) -> int:
        """Forget what is past its time, and wake runs whose job was lost; answers how many of both."""
        now = self._clock()
        over = await self._database.read(lambda tx: store.expired_runs(tx, now=now, unfinished_before=now - TORN))
        for run_id in over:
            await self._forget(run_id)
        stalled = await self._database.read(lambda tx: store.stalled_runs(tx, before=now - STALLED))
        for run_id in stalled:
            await self._database.write(lambda tx, run_id=run_id: self._wake(tx, run_id))  # type: ignore[misc]
        return len(over) + len(stalled)

    def _wake(self, tx: Connection, run_id: str) -> None:
        run, now = store.find_run(tx, run_id, lock=True), self._clock()
        if run is None or run.state is not RunState.RUNNING or run.changed_at >= now - STALLED:
            return
        store.touch_run(tx, run_id, now=now, turn=run.turn + 1, lease="")
        enqueue(tx, RUN, {"run": run_id, "turn": run.turn + 1}, now=now)

    async def _forget(self, run_id: str) -> None:
        await beside(forget_files, self._objects, run_id)
        while await self._database.write(lambda tx: subject_store.forget_subjects(tx, run_id)):
            pass
        now = self._clock()

        def unit(tx: Connection) -> None:
            run = store.find_run(tx, run_id, lock=True)
            case = case_by_id(tx, run.case_id) if run else None
            if run is None or case is None or run.state is RunState.RECEIVING:
                store.forget_run(tx, run_id)
                return
            if run.state not in {RunState.RUNNING, RunState.EXPIRED}:
                key = self._vault.data_key(case.data_key, case.kek_kid)
                entry = write_entry(tx, run, "bulk.expire", {"run": run_id}, key, now)
                # Why it was stopped, or refused, can still be read; that it was is told by `problem` and `decision`.
                store.replace_run(
                    tx,
                    self._vault,
                    run,
                    now=now,
                    state=RunState.EXPIRED,
                    file={},
                    manifest=None,
                    ledger_entry_id=entry.id,
                )

        await self._database.write(unit)

    async def _write_file(self, run: Run, key: DataKey) -> StoredFile:
        """Page by page, in the order of the recipient's mark."""
        mark = Mark(self._vault, run.client_id)
        writer = FileWriter(self._objects, key, run.id, new_id())
        hub = self._desk.hub("hub")
        claims = {
            "iss": self._public_url,
            "aud": run.client_id,
            "run": run.id,
            "case_no": run.case_no,
            "grant": run.grant_id,
            "iat": int(self._clock().timestamp()),
        }
        writer.write(recipient_line(sign_jws(claims, signer=hub.signer, typ=RECIPIENT_TYPE, header=hub.header)))

        def write(page: Sequence[Subject]) -> None:
            for subject in page:
                identity = opened(key, subject.id, "sealed", subject.sealed)
                writer.write(row_of(identity, opened(key, subject.id, "result", subject.result or b""), mark))

        after = b""
        while page := await self._database.read(lambda tx, after=after: subject_store.decided(tx, run.id, after=after)):  # type: ignore[misc]
            await beside(write, page)
            after = page[-1].place
        return await beside(writer.end)

    async def _key(self, run: Run) -> DataKey:
        case = await self._database.read(lambda tx: case_by_id(tx, run.case_id))
        if case is None:
            raise CaseNotFoundError
        return case_key(self._vault, case)
