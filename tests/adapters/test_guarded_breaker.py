"""The breaker by itself: whose outcome counts."""

import pytest

from adapters.breaker import Breaker, BreakerState
from adapters.errors import UnreachableError


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def opened() -> tuple[Breaker, Clock]:
    clock = Clock()
    breaker = Breaker(clock, threshold=2, first_pause_seconds=1.0)
    for _ in range(2):
        breaker.failed(breaker.enter())
    assert breaker.state is BreakerState.OPEN
    return breaker, clock


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "abandoned"])
def test_a_straggler_from_before_decides_nothing_for_the_one_question(outcome: str) -> None:
    clock = Clock()
    breaker = Breaker(clock, threshold=2, first_pause_seconds=1.0)
    straggler = breaker.enter()
    for _ in range(2):
        breaker.failed(breaker.enter())
    clock.now = 0.5
    getattr(breaker, outcome)(straggler)
    assert (breaker.state, breaker.seconds_left) == (BreakerState.OPEN, 0.5)
    clock.now = 1.0
    one = breaker.enter()
    getattr(breaker, outcome)(straggler)
    assert breaker.state is BreakerState.HALF_OPEN
    with pytest.raises(UnreachableError):
        breaker.enter()
    breaker.succeeded(one)
    assert breaker.state is BreakerState.CLOSED
    getattr(breaker, outcome)(straggler)
    breaker.failed(breaker.enter())
    assert breaker.state is BreakerState.CLOSED


def test_failures_count_only_in_a_row() -> None:
    breaker = Breaker(Clock(), threshold=2)
    for _ in range(5):
        breaker.failed(breaker.enter())
        breaker.succeeded(breaker.enter())
    assert breaker.state is BreakerState.CLOSED


def test_the_one_question_that_fails_doubles_the_pause_once() -> None:
    breaker, clock = opened()
    clock.now = 1.0
    one = breaker.enter()
    breaker.failed(one)
    breaker.failed(one)
    assert breaker.seconds_left == 2.0
