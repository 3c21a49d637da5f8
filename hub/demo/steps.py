"""Steps of a walk: what happened, how long it took, whether it held."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console


class StepFailedError(Exception):
    """A promise of the walk did not hold."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """One finished step."""

    title_zh: str
    title_en: str
    detail_zh: str
    detail_en: str
    milliseconds: float
    ok: bool


@dataclass(slots=True)
class Walk:
    """Runs steps and tells them."""

    console: Console
    steps: list[StepResult] = field(default_factory=list)

    def step(self, title_zh: str, title_en: str, work: Callable[[], tuple[str, str]]) -> None:
        """Run one step; `work` answers what happened in both languages. A failed one ends the walk.

        Raises: StepFailedError.
        """
        started = time.perf_counter()
        try:
            detail_zh, detail_en = work()
        except StepFailedError as error:
            self._tell(StepResult(title_zh, title_en, str(error), str(error), _since(started), ok=False))
            raise
        self._tell(StepResult(title_zh, title_en, detail_zh, detail_en, _since(started), ok=True))

    def held(self) -> bool:
        """Every step held."""
        return bool(self.steps) and all(step.ok for step in self.steps)

    def _tell(self, step: StepResult) -> None:
        self.steps.append(step)
        mark = "[green]✓[/]" if step.ok else "[red]✗[/]"
        self.console.print(f"{mark} [bold]{step.title_zh}[/] {step.title_en}  [dim]{step.milliseconds:.1f} ms[/]")
        for line in dict.fromkeys((step.detail_zh, step.detail_en)):
            self.console.print(f"    {line}", highlight=False, markup=False)


def require(condition: object, what: str) -> None:
    """Raises StepFailedError unless the promise holds."""
    if not condition:
        raise StepFailedError(what)


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
