"""What tests ask of a verdict: at which step it ended and why, and that it shows nothing it should not."""

from datetime import timedelta

from certificates.verifying.procedure import Result, TokenKind, Verdict
from certificates.verifying.verdict import PROCEDURE

RULES = {rule.number: rule for rule in PROCEDURE}
SECOND = timedelta(seconds=1)


def failed(verdict: Verdict, number: int, reason: str) -> bool:
    """The verdict failed at this step, for this reason, and the steps before it passed or stayed undecided."""
    last = verdict.steps[-1]
    assert (verdict.result, verdict.reason) == (Result.FAILED, reason)
    assert (last.step, last.result, last.reason) == (number, Result.FAILED, reason)
    assert [step.step for step in verdict.steps] == list(range(1, number + 1))
    assert last.name == RULES[number].name
    assert reason in RULES[number].failures
    return True


def undecided(verdict: Verdict, number: int, reason: str) -> bool:
    """All steps were taken, and this one could not decide."""
    step = verdict.steps[number - 1]
    assert (verdict.result, verdict.reason) == (Result.INDETERMINATE, reason)
    assert (step.step, step.result, step.reason) == (number, Result.INDETERMINATE, reason)
    assert [step.step for step in verdict.steps] == list(range(1, 9))
    assert reason in RULES[number].undecided
    return True


def passed(verdict: Verdict) -> bool:
    assert (verdict.result, verdict.reason) == (Result.PASSED, "ok")
    assert [(step.step, step.name) for step in verdict.steps] == [(rule.number, rule.name) for rule in PROCEDURE]
    assert all(step.result is Result.PASSED and step.reason is None for step in verdict.steps)
    return True


def shows_nothing(verdict: Verdict) -> bool:
    """Nothing that was not verified is shown."""
    assert (verdict.kind, verdict.status) == (TokenKind.UNKNOWN, "unknown")
    assert (verdict.certificate, verdict.signed_by, verdict.custody, verdict.purpose) == (None, None, None, None)
    assert verdict.claims == {}
    return True
