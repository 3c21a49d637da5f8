"""A witness's own clock: whether a log goes on growing without laying anything new before it.

A hub that never opens a round for one witness, or does not answer it, shows it nothing that could be wrong: only time
tells. A log that does not grow keeps nobody out.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(slots=True)
class KeptOut:
    """One per running `watch`. `patience`: for how long the log may be ahead of what was co-signed."""

    patience: timedelta
    level_at: datetime | None = field(default=None)
    """When the two were level last, or this began to look."""

    def looked(self, *, level: bool, now: datetime) -> timedelta | None:
        """For how long this witness is kept out by now, if it is longer than it bears."""
        if level or self.level_at is None:
            self.level_at = now
        behind = now - self.level_at
        return behind if behind > self.patience else None
