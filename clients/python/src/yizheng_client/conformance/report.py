"""Checks one by one: each has a clause, and passes, fails or is passed over with a reason. No values in any text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

import httpx2

from yizheng_client.errors import YizhengError

S = TypeVar("S")


class State(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class NotSoError(Exception):
    """A check found something else than the clause says; the text names codes and statuses only."""


class SkippedError(Exception):
    """A check cannot be made here."""


@dataclass(frozen=True, slots=True)
class Check(Generic[S]):
    """What is looked at; `clause` is where it is written."""

    id: str
    clause: str
    title: str
    run: Callable[[S], None]


def collected_in(checks: list[Check[S]]) -> Callable[[str, str, str], Callable[[Callable[[S], None]], None]]:
    """A decorator that takes id, clause and title, and appends the check to these."""

    def check(name: str, clause: str, title: str) -> Callable[[Callable[[S], None]], None]:
        return lambda run: checks.append(Check(name, clause, title, run))

    return check


@dataclass(frozen=True, slots=True)
class Checked:
    """A check that was made."""

    id: str
    clause: str
    title: str
    state: State
    detail: str

    def line(self) -> str:
        """For people."""
        mark = {State.PASSED: "ok  ", State.FAILED: "FAIL", State.SKIPPED: "skip"}[self.state]
        return f"{mark} {self.id:<4} {self.title}  [{self.clause}]" + (f"  — {self.detail}" if self.detail else "")


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of a run."""

    against: str
    checks: tuple[Checked, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing failed, and something was looked at."""
        states = [item.state for item in self.checks]
        return State.FAILED not in states and State.PASSED in states

    def counts(self) -> dict[str, int]:
        """How many ended how."""
        return {state.value: sum(item.state is state for item in self.checks) for state in State}

    def as_json(self) -> dict[str, Any]:
        """The report for machines."""
        members = ("id", "clause", "title", "state", "detail")
        return {
            "against": self.against,
            "passed": self.passed,
            "counts": self.counts(),
            "checks": [{name: str(getattr(item, name)) for name in members} for item in self.checks],
        }


def run_checks(
    checks: Sequence[Check[S]], subject: S, *, against: str, told: Callable[[Checked], None] = lambda _: None
) -> Report:
    """Make them in order. One that breaks down has failed; the others are made all the same."""
    done = []
    for check in checks:
        state, detail = State.PASSED, ""
        try:
            check.run(subject)
        except SkippedError as why:
            state, detail = State.SKIPPED, str(why)
        except NotSoError as why:
            state, detail = State.FAILED, str(why)
        except (YizhengError, httpx2.HTTPError, KeyError, TypeError, ValueError) as error:
            # Only of our own errors is it known that their text holds no value of an answer.
            told_why = str(error) if isinstance(error, YizhengError) else ""
            state, detail = State.FAILED, f"{type(error).__name__} {told_why}".strip()
        done.append(Checked(check.id, check.clause, check.title, state, detail))
        told(done[-1])
    return Report(against, tuple(done))


def want(condition: object, otherwise: str) -> None:
    """Raises: NotSoError."""
    if not condition:
        raise NotSoError(otherwise)


def same(found: object, wanted: object, what: str) -> None:
    """For codes and statuses, which may be shown. Raises: NotSoError."""
    if found != wanted:
        raise NotSoError(f"{what}: {found}, should be {wanted}")


def member(given: Mapping[str, Any], name: str) -> Any:
    """A member that must be there. Raises: NotSoError."""
    if name not in given:
        raise NotSoError(f"no member {name}")
    return given[name]
