"""A circuit breaker: after enough failures in a row a source is left alone for a while, then asked once."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from adapters.errors import UnreachableError


class BreakerState(StrEnum):
    """`half_open` while the one question is under way that decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to ask once. Its outcome counts only for the era it was given in."""

    era: int


class Breaker:
    """Counts failures in a row. Of one event loop; awaits nothing."""

    def __init__(
        self,
        now: Callable[[], float],
        *,
        threshold: int = 5,
        first_pause_seconds: float = 1.0,
        longest_pause_seconds: float = 60.0,
    ) -> None:
        """`now` is monotonic, in seconds. A pause doubles each time the one question fails."""
        self.state = BreakerState.CLOSED
        self._now = now
        self._threshold = threshold
        self._first_pause = first_pause_seconds
        self._longest_pause = longest_pause_seconds
        self._pause = first_pause_seconds
        self._failures = 0
        self._until = 0.0
        self._era = 0

    @property
    def seconds_left(self) -> float:
        """Until the one question may be asked; 0 when any may."""
        return max(self._until - self._now(), 0.0) if self.state is BreakerState.OPEN else 0.0

    @property
    def is_shut(self) -> bool:
        """Whether `enter` would refuse."""
        return self.state is BreakerState.HALF_OPEN or self.seconds_left > 0

    def enter(self) -> Permit:
        """Leave to ask. Raises: UnreachableError(`breaker_open`): during the pause, and beside the one question."""
        if self.is_shut:
            raise UnreachableError("breaker_open")
        if self.state is BreakerState.OPEN:
            self._change(BreakerState.HALF_OPEN)
        return Permit(self._era)

    def succeeded(self, permit: Permit) -> None:
        """The source answered, whatever it said."""
        if permit.era != self._era:
            return  # asked before it opened: a straggler says nothing about now
        self._failures = 0
        if self.state is BreakerState.HALF_OPEN:
            self._pause = self._first_pause
            self._change(BreakerState.CLOSED)

    def failed(self, permit: Permit) -> None:
        """The source did not answer."""
        if permit.era != self._era:
            return
        self._failures += 1
        if self.state is BreakerState.HALF_OPEN:
            self._pause = min(2 * self._pause, self._longest_pause)
        elif self._failures < self._threshold:
            return
        self._until = self._now() + self._pause
        self._change(BreakerState.OPEN)

    def abandoned(self, permit: Permit) -> None:
        """The question was given up by us; if it was the one, the next may be asked at once."""
        if permit.era == self._era and self.state is BreakerState.HALF_OPEN:
            self._change(BreakerState.OPEN)

    def _change(self, state: BreakerState) -> None:
        self.state = state
        self._era += 1
        self._failures = 0
