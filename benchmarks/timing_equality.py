"""Whether an unknown person and a wrong name can be told apart by time: a two-sample Kolmogorov-Smirnov statistic.

Pairs of pulls on one connection, in random order within a pair: a case about a number the hub has never seen, and one
about a known number under another name. Both must be answered `identity_unconfirmed`, and nothing in the latency may
say which it was. The limit is the statistic's critical value at the 1 % level; the control, the unknown against itself,
shows what this machine's noise alone gives.
"""

import asyncio
import json
import math
import random
import tempfile
import time
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final

import uvloop

from benchmarks.client import connect, post
from benchmarks.pull import DIALECTS
from benchmarks.rounds import Effort, Line, Spread
from benchmarks.town import evidence_body, people, place_for, serving

PAIRS: Final = 3000
CASES: Final = 200
_AT_ONE_PERCENT: Final = 1.628
_Times = tuple[list[float], list[float]]


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    return [_line(dialect, max(300, int(PAIRS * effort.scale))) for dialect in DIALECTS]


def statistic(first: Sequence[float], second: Sequence[float]) -> float:
    """The largest distance between two empirical distribution functions."""
    one, other = sorted(first), sorted(second)
    return max(abs(bisect_right(one, x) / len(one) - bisect_right(other, x) / len(other)) for x in (*one, *other))


def _line(dialect: str, pairs: int) -> Line:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        town = stack.enter_context(place_for(dialect, folder))
        cases = people(town, certificates=1000, cases=CASES)
        port, _, token = stack.enter_context(serving(town))
        unknown, mismatched = (
            [post(f"/api/v1/cases/{number}/evidence", evidence_body(), token=token) for number in numbers]
            for numbers in (cases.unknown, cases.mismatched)
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            times = runner.run(_paired(port, unknown, mismatched, pairs))
    apart = statistic(*times)
    control = statistic(*(list(islice(times[0], start, None, 2)) for start in (0, 1)))
    critical = _AT_ONE_PERCENT * math.sqrt(2 / pairs)
    one, other = (1000 * median(values) for values in times)
    return Line(
        f"unknown or mismatched, {DIALECTS[dialect]}",
        "KS",
        Spread.of([apart]),
        f"critical {critical:.4f} for {pairs} pairs",
        Spread.of([apart / critical]),
        1.0,
        at_most=True,
        flattered=pairs < PAIRS,
        note=f"median {one:.2f} ms unknown, {other:.2f} ms mismatched; control {control:.4f} of half as many",
    )


async def _paired(port: int, unknown: Sequence[bytes], mismatched: Sequence[bytes], pairs: int) -> _Times:
    connection = await connect(port)
    times: _Times = ([], [])
    for turn in range(-CASES, pairs):
        both = [(0, unknown[turn % CASES]), (1, mismatched[turn % CASES])]
        random.shuffle(both)
        for kind, request in both:
            started = time.perf_counter()
            answer = await connection.ask(request)
            elapsed = time.perf_counter() - started
            if turn >= 0:
                times[kind].append(elapsed)
            elif json.loads(answer.partition(b"\r\n\r\n")[2])["requirements"][0]["outcome"] != "identity_unconfirmed":
                raise AssertionError("a person who is not confirmed was answered otherwise")
    connection.close()
    return times
