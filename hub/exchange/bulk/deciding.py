"""The moment of disclosure for a handful of a run's subjects: one ledger entry each, in the transaction that writes
what was found; checked again under the locks of a query (case, grant, interface), then the run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.clock import rfc3339
from hub.exchange.bulk import store, subject_store
from hub.exchange.bulk.files import subject_place
from hub.exchange.bulk.order import count_of
from hub.exchange.bulk.store import Run, RunState
from hub.exchange.bulk.subject_store import Subject
from hub.exchange.claiming import ClaimedQuery
from hub.exchange.compose import Found
from hub.exchange.deciding import grant_holds
from hub.exchange.pushed.marks import row_marks
from hub.exchange.uses import record_uses
from hub.intake import store as intake
from hub.intake.answers import case_key
from hub.intake.compose import item_hash
from hub.intake.errors import CaseClosedError, InFlightError
from hub.intake.holding import hold_case
from hub.intake.resolver import Outcome, Why, entry_kind
from hub.ledger.entries import Draft, append, seal
from hub.storage.crash import crash_at
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical


@dataclass(frozen=True, slots=True)
class Answered:
    """A subject and what was found about it, not yet decided. `claimed` is None for one that was not asked about."""

    subject: Subject
    found: Found
    claimed: ClaimedQuery | None


class BulkDeciding:
    """Decides subjects of runs."""

    def __init__(self, *, vault: Vault) -> None:
        self._vault = vault

    def decide(self, tx: Connection, run: Run, answered: Sequence[Answered], now: datetime) -> None:
        """Commit what was found.

        Raises: InvalidTokenError, CaseClosedError; InFlightError when somebody else works on the run.
        """
        hold_case(tx, run.case_id, kid=None)
        held = [
            Answered(
                item.subject,
                grant_holds(tx, self._vault, item.claimed, item.found, now) if item.claimed else item.found,
                item.claimed,
            )
            for item in answered
        ]
        self._write(tx, run, held, now)
        crash_at("bulk.deciding")

    def refuse(self, tx: Connection, run: Run, code: str, now: datetime) -> bool:
        """Refuse the next page of subjects, each with its entry; False when none is left. Raises: InFlightError."""
        subjects = subject_store.waiting(tx, run.id, most=subject_store.PAGE)
        outcome = Outcome.REFUSED if code in {"case_closed", "client_disabled", "integrity"} else Outcome.NOT_GRANTED
        found = Found(outcome, Why(code))
        self._write(tx, run, [Answered(subject, found, None) for subject in subjects], now)
        crash_at("bulk.refusing")
        return bool(subjects)

    def _write(self, tx: Connection, run: Run, answered: Sequence[Answered], now: datetime) -> None:
        stored = store.find_run(tx, run.id, lock=True)
        if stored is None or stored.state is not RunState.RUNNING or stored.lease != run.lease:
            raise InFlightError
        case = intake.case_by_id(tx, run.case_id)
        if case is None:
            raise CaseClosedError
        key = case_key(self._vault, case)
        entries = []
        uses: list[tuple[str, str]] = []
        for item in answered:
            content = _content(item)
            entry = seal(self._entry(run, case, item, content, key), now=now)
            line = content | {"entry": entry.id, "time": rfc3339(now)}
            sealed = key.encrypt(subject_place(item.subject.id, "result"), canonical(line))
            if not subject_store.decide_subject(tx, item.subject.id, result=sealed, entry_id=entry.id):
                raise InFlightError
            entries.append(entry)
            uses += ((mark, entry.id) for mark in self._marks(item))
        append(tx, entries)
        record_uses(tx, uses, system_id=run.system_id, case_no=run.case_no, now=now)
        outcomes = [item.found.outcome for item in answered]
        heard = any(outcome is not Outcome.SOURCE_UNAVAILABLE for outcome in outcomes)
        store.touch_run(
            tx,
            run.id,
            now=now,
            done=stored.done + len(answered),
            outcomes=count_of((outcome.value for outcome in outcomes), stored.outcomes),
            attempts=0,
            pauses=0 if heard else stored.pauses,
        )

    def _marks(self, item: Answered) -> Sequence[str]:
        claimed = item.claimed
        if claimed is None or not item.found.records:
            return ()
        return row_marks(claimed.source, claimed.interface.interface.operation, claimed.params, self._vault)

    def _entry(self, run: Run, case: intake.Case, item: Answered, content: dict[str, Any], key: DataKey) -> Draft:
        claimed, found = item.claimed, item.found
        subject = claimed.subject if claimed else None
        detail = {
            "run": run.id,
            "number": item.subject.number,
            "case_no": run.case_no,
            "matter": case.matter_code,
            "interface": run.interface,
            "version": claimed.interface.version if claimed else None,
            "source": claimed.source.definition.code if claimed else None,
            "outcome": found.outcome.value,
            "why": found.why.code,
            "client_id": run.client_id,
            "department": case.department_code,
            "purpose": run.ordered["purpose"],
            "grants": run.grants,
            "fields": run.ordered["fields"] if found.records else [],
            "cached": found.cached,
            "payload_hash": item_hash(content),
        }
        return Draft(
            kind=entry_kind(found.outcome),
            detail=detail,
            key=self._vault.data_key(subject.data_key, subject.kek_kid) if subject else key,
            subject_id=subject.id if subject else None,
            case_id=run.case_id,
        )


def _content(item: Answered) -> dict[str, Any]:
    """The unsigned payload that the entry commits to: the line without whom it is about, entry and time."""
    found = item.found
    return {
        "number": item.subject.number,
        "outcome": found.outcome.value,
        "why": found.why.code,
        "records": [dict(record) for record in found.records],
        "obtained_at": rfc3339(found.obtained_at) if found.obtained_at else None,
        "as_of": rfc3339(found.as_of) if found.as_of else None,
        "cached": found.cached,
        "stale": found.stale,
    }
