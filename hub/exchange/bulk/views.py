"""What systems and staff see of a bulk run. No person: counts, codes, instants."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.clock import rfc3339
from hub.exchange.bulk.store import Run, RunState
from hub.intake.wording import CODES, why


@dataclass(frozen=True, slots=True)
class RunView:
    """A run at one instant."""

    run: Run
    now: datetime

    @property
    def per_cent(self) -> int:
        """How much of it is decided, rounded down."""
        return self.run.done * 100 // max(self.run.subjects, 1)

    @property
    def estimated_end(self) -> datetime | None:
        """When the last subject is decided if it goes on as so far; None before anything is, and when it is over."""
        run = self.run
        if run.state is not RunState.RUNNING or not run.done:
            return None
        begins = max(self.now, run.paused_until or self.now)
        return begins + (self.now - run.created_at) / run.done * (run.subjects - run.done)

    def as_json(self) -> dict[str, Any]:
        """As the API and `--json` tell it."""
        run = self.run
        return {
            "run": run.id,
            "state": run.state.value,
            "system": run.client_id,
            "case_no": run.case_no,
            "interface": None if "matter" in run.ordered else run.interface,
            "matter": run.ordered.get("matter"),
            "requirements": run.ordered.get("requirements"),
            "grant": run.grant_id,
            "grants": run.grants,
            "purpose": run.ordered["purpose"],
            "fields": run.ordered["fields"],
            "asked_by": run.ordered["asked_by"],
            "progress": {
                "subjects": run.subjects,
                "answered": run.done,
                "waiting_for_source": run.waiting if run.state is RunState.RUNNING else 0,
                "outcomes": run.outcomes,
                "per_cent": self.per_cent,
                "estimated_end": _instant(self.estimated_end),
                "paused_until": _instant(run.paused_until),
                "paused_why": run.paused_why or None,
            },
            "problem": _problem(run),
            "result": {name: run.file[name] for name in ("bytes", "sha256")} if run.file else None,
            "decision": {name: run.decision[name] for name in ("by", "at", "reason")} if "by" in run.decision else None,
            "releases": _releases(run),
            "downloads": run.downloads,
            "created_at": rfc3339(run.created_at),
            "finished_at": _instant(run.finished_at),
            "expires_at": _instant(run.expires_at),
        }


def _releases(run: Run) -> dict[str, int]:
    """How many departments have to release it, and how many have."""
    given = len(run.owners) if run.state is RunState.RELEASED else len(run.decision.get("agreed", {}))
    return {"wanted": len(run.owners), "given": given}


def _problem(run: Run) -> dict[str, Any] | None:
    if not run.problem:
        return None
    if run.problem not in CODES:
        return {"code": run.problem}
    return {"code": run.problem, "zh": why(run.problem, {}, "zh-CN")["text"], "en": why(run.problem, {}, "en")["text"]}


def _instant(value: datetime | None) -> str | None:
    return rfc3339(value) if value else None
