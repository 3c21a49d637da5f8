"""What a closure says to whoever comes."""

from datetime import datetime


class ClosureError(Exception):
    """Base of errors around closures."""


class PlannedClosureError(ClosureError):
    """The hub is closed for planned work until `ends`. What was sent was not looked at."""

    def __init__(self, ends: datetime, retry_after_seconds: int) -> None:
        super().__init__("closed")
        self.ends = ends
        self.retry_after_seconds = retry_after_seconds
