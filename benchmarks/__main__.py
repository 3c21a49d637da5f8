"""Figures beside their limits, measured in one run: `python -m benchmarks [--quick] [NAME…]`.

Ratios are taken within interleaved rounds and can be compared between machines; absolute figures cannot.
"""

import argparse
import json
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks import collection, exchange, pull, search, signing, timing_equality, verification
from benchmarks.rounds import FULL, QUICK, Line, Spread
from benchmarks.town import quiet

BENCHMARKS: Final = {
    "signing": signing.run,
    "verification": verification.run,
    "collection": collection.run,
    "pull": pull.run,
    "exchange": exchange.run,
    "search": search.run,
    "timing_equality": timing_equality.run,
}
LAST: Final = Path(__file__).parent / "last.json"


def main() -> None:
    """Run what was named, print one table, keep it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], help="default: all")
    parser.add_argument("--quick", action="store_true", help="a glance: fewer and shorter rounds, smaller registers")
    chosen = parser.parse_args()
    quiet()
    console = Console(width=None if Console().is_terminal else 190)
    lines: list[Line] = []
    for name in chosen.names or BENCHMARKS:
        with console.status(name):
            lines += BENCHMARKS[name](QUICK if chosen.quick else FULL)
    console.print(table(lines))
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    measured: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine}
    measured["lines"] = [{**asdict(line), "verdict": line.verdict} for line in lines]
    LAST.write_text(json.dumps(measured, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def table(lines: list[Line]) -> Table:
    """One row a line, with its note below the limit."""
    shown = Table("figure", "min / median / max", "limit", "ratio", "aim", "", show_lines=True)
    for line in lines:
        aim = "" if line.aim is None else f"{'≤' if line.at_most else '≥'} {line.aim:g}"
        limit = f"{line.limit}\n[dim]{line.note}[/dim]" if line.note else line.limit
        ratio = f"{line.ratio.low:.3f} / [bold]{line.ratio.middle:.3f}[/bold] / {line.ratio.high:.3f}"
        shown.add_row(line.figure, f"{_numbers(line.values)} {line.unit}", limit, ratio, aim, line.verdict)
    return shown


def _numbers(spread: Spread) -> str:
    low, middle, high = (
        f"{value:,.0f}" if value >= 100 else f"{value:.4g}" for value in (spread.low, spread.middle, spread.high)
    )
    return f"{low} / [bold]{middle}[/bold] / {high}"


if __name__ == "__main__":
    main()
