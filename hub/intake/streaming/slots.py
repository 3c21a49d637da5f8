"""How many streams one system has open, or on their way without a reader: each costs memory, and sources."""

from collections import Counter

from hub.intake.streaming.errors import TooManyStreamsError


class Slots:
    """Of one process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: Counter[str] = Counter()

    def take(self, system_id: str) -> "Slot":
        """A place for one more. Raises: TooManyStreamsError."""
        if self._taken[system_id] >= self._limit:
            raise TooManyStreamsError
        self._taken[system_id] += 1
        return Slot(self, system_id)

    def free(self, system_id: str) -> None:
        """One has ended."""
        self._taken[system_id] -= 1
        if not self._taken[system_id]:
            del self._taken[system_id]


class Slot:
    """A place, free again when its reader has gone and its work is over."""

    def __init__(self, slots: Slots, system_id: str) -> None:
        self._slots = slots
        self._system_id = system_id
        self._held = 1

    def hold(self) -> None:
        """One more who has to let it go."""
        self._held += 1

    def let_go(self) -> None:
        """One of those who hold it is done."""
        self._held -= 1
        if self._held == 0:
            self._slots.free(self._system_id)
