"""What keeps somebody from rating a case."""

from hub.citizens.errors import CitizenError


class RatedError(CitizenError):
    """He has rated it."""


class SlipRefusedError(CitizenError):
    """The code opens nothing: unknown, mistyped, over, or used. All sound alike."""


class StillOpenError(CitizenError):
    """The code is right, and the case has not closed yet."""
