"""Trying an interface 调试: a live test with masked values, a dry run on a sample, and the end of a quarantine."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Any, Final

from sqlalchemy import Connection

from adapters.errors import DefinitionFaultError, SourceError
from adapters.port import Answer, Budget, Context, Value
from catalog.errors import DefinitionError
from catalog.interface_store import StoredInterface
from catalog.source_store import StoredSource
from hub.access.actors import Actor, Role
from hub.clock import BEIJING, Clock
from hub.exchange.contract import AnswerContract
from hub.exchange.drift import DriftWatch, lift, open_quarantines
from hub.exchange.pool import budget_of
from hub.registry.errors import Lack, NotReadyError, StateError
from hub.registry.interface_history import Trial, add_event, add_trial, trials_of
from hub.registry.interfaces import InterfaceService
from hub.registry.quality import QualityReport, dry_run
from hub.registry.recording import digest_of, record
from hub.registry.sources import DISABLED, OpenSources
from hub.registry.trial import TrialResult, read_trial
from hub.storage.database import Database
from hub.storage.vault import DataKey

LIVE: Final = "live"
QUALITY: Final = "quality"
CLEAN: Final = "clean"
_LISTED_ROWS: Final = 10_000
_LISTED_BYTES: Final = 67_108_864
_TEST: Final = Context(purpose="interface test")


class TrialService:
    """Live tests and dry runs, by the owner's own engineer. Parameters and values are neither logged nor stored."""

    def __init__(
        self,
        database: Database,
        *,
        interfaces: InterfaceService,
        pool: OpenSources,
        drift: DriftWatch,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._interfaces = interfaces
        self._pool = pool
        self._drift = drift
        self._log_key = log_key
        self._clock = clock

    async def try_out(
        self, actor: Actor, code: str, version: int | None = None, *, params: Mapping[str, Value]
    ) -> TrialResult:
        """Ask the source once, as a consumer's question would be asked. The test is on the ledger, its values are not.

        Use numbers of invented persons, or of test records. A source that fails is a result, not an error.

        Raises: NotReadyError for parameters that do not fit or a mapping that does not compile; MissingError.
        """
        stored, source = await self._interfaces.find(actor, code, version, Role.OWNER_ENGINEER)
        try:
            faults = AnswerContract(stored.interface).check_params(params)
        except DefinitionError as error:
            raise NotReadyError([Lack("/fields", str(error))]) from None
        if faults:
            raise NotReadyError(Lack(fault.pointer, fault.rule) for fault in faults)
        began = monotonic()
        try:
            if source.state == DISABLED:
                raise StateError(source.state, LIVE)
            answer = await self._pool.ask(source, stored, params, _TEST)
        except DefinitionFaultError as error:
            raise NotReadyError([Lack(error.pointer, error.rule)]) from None
        except SourceError as error:
            result = TrialResult(passed=False, code=error.code, seconds=monotonic() - began, rows=0)
        else:
            result = self._read(stored, answer, params, monotonic() - began)
        await self._remember(actor, stored, source, Trial(LIVE, result.passed, result.code, {}, self._clock()))
        return result

    async def quality(
        self,
        actor: Actor,
        code: str,
        version: int | None = None,
        *,
        rows: Sequence[Any],
        key: tuple[str, ...] = (),
        as_of: datetime | None = None,
    ) -> QualityReport:
        """Run the mapping over a sample and remember the report, for the owner alone.

        Raises: NotReadyError when mapping or schemas do not compile.
        """
        stored, source = await self._interfaces.find(actor, code, version, Role.OWNER_ENGINEER)
        now = self._clock()

        def run() -> QualityReport:
            return dry_run(stored.interface, rows, version=stored.version, now=now, as_of=as_of, key=key)

        try:
            report = await asyncio.to_thread(run)
        except DefinitionError as error:
            raise NotReadyError([Lack("/mapping", str(error))]) from None
        code_found = _found(report)
        passed = code_found == CLEAN
        await self._remember(actor, stored, source, Trial(QUALITY, passed, code_found, report.as_json(), now))
        return report

    async def listed(
        self, actor: Actor, code: str, version: int | None = None, *, operation: Mapping[str, Any]
    ) -> QualityReport:
        """A dry run on the rows that the source lists by an operation without parameters: at most 10,000, in its time.

        Raises: NotReadyError, also for a source that fails.
        """
        stored, source = await self._interfaces.find(actor, code, version, Role.OWNER_ENGINEER)
        try:
            opened = await self._pool.source(source)
            prepared = opened.prepare(operation)
            if prepared.params:
                raise NotReadyError([Lack("/operation", "takes_parameters")])
            answer = await opened.ask(prepared, {}, budget=_listing_budget(source), context=_TEST)
        except DefinitionFaultError as error:
            raise NotReadyError([Lack(f"/operation{error.pointer}", error.rule)]) from None
        except SourceError as error:
            raise NotReadyError([Lack("/source", error.code)]) from None
        return await self.quality(actor, code, stored.version, rows=answer.rows, as_of=answer.as_of)

    async def report(self, actor: Actor, code: str, version: int | None = None) -> dict[str, Any] | None:
        """The last data-quality report of a version, as JSON; None before the first."""
        roles = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER)
        stored, _ = await self._interfaces.find(actor, code, version, *roles)
        trials = await self._database.read(lambda tx: trials_of(tx, stored.id))
        return next((trial.report for trial in trials if trial.kind == QUALITY), None)

    async def lift(self, actor: Actor, code: str, version: int | None = None) -> None:
        """End a quarantine, after a live test passed since it began. Raises: NotReadyError, StateError."""
        stored, _ = await self._interfaces.find(actor, code, version, Role.OWNER_ENGINEER, Role.OWNER_APPROVER)
        now = self._clock()

        def unit(tx: Connection) -> None:
            alarm = next((item for item in open_quarantines(tx) if item.interface_id == stored.id), None)
            if alarm is None:
                raise StateError(stored.state.value, "lifted")
            passed = [trial for trial in trials_of(tx, stored.id) if trial.kind == LIVE and trial.passed]
            if not any(trial.at >= alarm.raised_at for trial in passed):
                raise NotReadyError([Lack("trial", "missing")])
            lift(tx, stored.id, by=actor.id, now=now)
            add_event(tx, stored.id, "lifted", actor, now=now)
            detail = {"code": code, "version": stored.version}
            record(tx, self._log_key, actor, "interface.lifted", detail, now=now)

        await self._database.write(unit)
        await self._drift.lifted(stored.id)

    def _read(
        self, stored: StoredInterface, answer: Answer, params: Mapping[str, Value], seconds: float
    ) -> TrialResult:
        today = self._clock().astimezone(BEIJING).date()
        try:
            return read_trial(stored.interface, answer.rows, params, seconds=seconds, today=today)
        except DefinitionError as error:
            raise NotReadyError([Lack("/mapping", str(error))]) from None

    async def _remember(self, actor: Actor, stored: StoredInterface, source: StoredSource, trial: Trial) -> None:
        digest = digest_of(stored.declared)
        detail = {"code": stored.interface.code, "version": stored.version, "digest": digest}
        outcome = {"trial": trial.kind, "passed": trial.passed, "outcome": trial.code}

        def unit(tx: Connection) -> None:
            add_trial(tx, stored, trial, digest=digest, source_row_version=source.row_version, actor=actor)
            record(tx, self._log_key, actor, "interface.trial", detail | outcome, now=trial.at)

        await self._database.write(unit)


def _found(report: QualityReport) -> str:
    """A row with any wrong field is answered to nobody: a clean report has none."""
    if not report.rows:
        return "no_rows"
    if report.failing_required:
        return "required_fields_fail"
    return CLEAN if report.usable == report.rows else "rows_fail"


def _listing_budget(source: StoredSource) -> Budget:
    """A question brings a row or two, a listing the register: rows and bytes may be more, its time is the same."""
    return replace(budget_of(source.definition), max_rows=_LISTED_ROWS, max_bytes=_LISTED_BYTES)
