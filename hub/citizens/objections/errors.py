"""What may be wrong with an objection, or with its answer."""

from hub.citizens.errors import CitizenError


class ObjectionError(CitizenError):
    """A member that is missing or not acceptable. `rule` and `pointer`, never the value."""

    def __init__(self, rule: str, pointer: str) -> None:
        super().__init__(f"{pointer}: {rule}")
        self.rule = rule
        self.pointer = pointer


class ObjectionRunsError(CitizenError):
    """There is one about the same that runs, or there are too many."""


class ObjectionOverError(CitizenError):
    """It has been answered or withdrawn."""


class OwnLookError(CitizenError):
    """Who did what is asked about does not answer for himself."""
