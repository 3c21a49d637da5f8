"""Interleaved rounds: A B A B, so that whatever else the machine does falls on both sides of a ratio."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

Measure = Callable[[], float]
_CLOCK_EVERY_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure. `scale` shrinks registers and populations."""

    rounds: int
    seconds: float
    scale: float


FULL: Final = Effort(rounds=7, seconds=1.0, scale=1.0)
QUICK: Final = Effort(rounds=3, seconds=0.3, scale=0.1)


@dataclass(frozen=True, slots=True)
class Spread:
    """Values of one figure over the rounds."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of at least one value."""
        return cls(min(values), median(values), max(values))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    Attributes:
        values: the figure itself, in `unit`.
        limit: what it stands beside.
        ratio: figure to limit, taken within each round.
        aim: the ratio wanted; None where it is shown for scale only.
        at_most: the ratio must not exceed the aim, rather than reach it.
        flattered: circumstances made the aim easier to meet, so that meeting it proves nothing.
    """

    figure: str
    unit: str
    values: Spread
    limit: str
    ratio: Spread
    aim: float | None = None
    at_most: bool = False
    note: str = ""
    flattered: bool = False

    @property
    def verdict(self) -> str:
        """`ok`, `missed`, `unclear` where it was met only thanks to circumstances, or a dash without an aim."""
        if self.aim is None:
            return "-"
        met = self.ratio.middle <= self.aim if self.at_most else self.ratio.middle >= self.aim
        return "missed" if not met else "unclear" if self.flattered else "ok"


def interleave(rounds: int, measures: Mapping[str, Measure]) -> dict[str, list[float]]:
    """Values of each measure per round; every other round runs them backwards, so that none is always the warm one."""
    values: dict[str, list[float]] = {name: [] for name in measures}
    names = list(measures)
    for turn in range(rounds):
        for name in names if turn % 2 == 0 else reversed(names):
            values[name].append(measures[name]())
    return values


def ratios(values: Mapping[str, Sequence[float]], figure: str, limit: str) -> Spread:
    """Figure to limit, round by round."""
    return Spread.of([one / other for one, other in zip(values[figure], values[limit], strict=True)])


def rate(work: Callable[[], object], seconds: float, clock: Callable[[], float] = time.perf_counter) -> float:
    """Calls a second, over about `seconds`; the clock is looked at every hundredth of a second. By `time.process_time`
    it is a second of processor time, which neighbours on the machine disturb less.
    """
    work()
    once = clock()
    work()
    chunk = max(1, int(_CLOCK_EVERY_SECONDS / max(clock() - once, 1e-7)))
    count = 0
    started = clock()
    while (elapsed := clock() - started) < seconds:
        for _ in range(chunk):
            work()
        count += chunk
    return count / elapsed
