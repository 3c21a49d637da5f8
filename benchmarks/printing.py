"""Lines as a table."""

from collections.abc import Sequence

from rich.table import Table

from benchmarks.rounds import Line, Spread


def table(lines: Sequence[Line]) -> Table:
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
