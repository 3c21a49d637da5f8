"""Figures beside their limits, measured in one run: `python -m benchmarks [--quick] [--all] [NAME…]`.

Ratios are taken within interleaved rounds and can be compared between machines; absolute figures cannot. By default
every part is run that has a figure with an aim, and the others, too, with `--all`. `--quick` proves nothing and shows
that everything runs. Ten million licences are put there by `python -m benchmarks.lookups`. A part that fails is told of
at the end, by the exit code, too; the others are shown all the same.
"""

import argparse
import importlib
import json
import os
import platform
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

from rich.console import Console

from benchmarks.printing import table
from benchmarks.rounds import FULL, QUICK, Effort, Line
from benchmarks.town import quiet

PARTS: Final = (
    "signing",
    "suites",
    "verification",
    "pdf",
    "ofd",
    "lookups",
    "status",
    "shards",
    "pull",
    "resolving",
    "streams",
    "collection",
)
OTHERS: Final = (
    "accesses",
    "campaign",
    "dossier",
    "events",
    "exchange",
    "search",
    "showings",
    "timing_equality",
    "memory",
)
LAST: Final = Path(__file__).parent / "last.json"


def main() -> None:
    """Run what was named, say how far it is, print one table, keep it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *PARTS, *OTHERS], help=f"default: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="a glance: fewer and shorter rounds, smaller registers")
    parser.add_argument("--all", action="store_true", help=f"{', '.join(OTHERS)}, too")
    chosen = parser.parse_args()
    quiet()
    console = Console(width=None if Console().is_terminal else 190)
    names = chosen.names or (*PARTS, *(OTHERS if chosen.all else ()))
    began, load = time.monotonic(), os.getloadavg()[0]
    lines: list[Line] = []
    failed: list[str] = []
    for number, name in enumerate(names, 1):
        console.print(f"{number} of {len(names)}, {name}, after {_minutes(began)}", style="dim", highlight=False)
        try:
            with console.status(name):
                lines += _part(name)(QUICK if chosen.quick else FULL)
        except Exception:  # noqa: BLE001  # what the others measured is not lost
            console.print(f"{name} was not measured: {traceback.format_exc()}", style="red", markup=False)
            failed.append(name)
    console.print(table(lines))
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    loads = f"load of the machine {load:.1f} before and {os.getloadavg()[0]:.1f} after"
    missing = "".join(f"; {name} failed" for name in failed)
    console.print(f"{_summary(lines)}{missing}; {_minutes(began)}; {machine}; {loads}", highlight=False)
    measured: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine}
    measured["load"] = loads
    measured["failed"] = failed
    measured["lines"] = [{**asdict(line), "verdict": line.verdict} for line in lines]
    LAST.write_text(json.dumps(measured, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if failed else 0)


def _part(name: str) -> Callable[[Effort], list[Line]]:
    """Parts are imported when their turn comes: a server that is measured must not share the memory of them all."""
    return cast("Callable[[Effort], list[Line]]", importlib.import_module(f"benchmarks.{name}").run)


def _minutes(since: float) -> str:
    minutes, seconds = divmod(round(time.monotonic() - since), 60)
    return f"{minutes}:{seconds:02d}"


def _summary(lines: Sequence[Line]) -> str:
    found = Counter(line.verdict for line in lines if line.aim is not None)
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(found.items())) or "no aims"


if __name__ == "__main__":
    main()
