"""What keeps somebody from rating a case."""

from hub.citizens.errors import CitizenError


class RatedError(CitizenError):
    """He has rated it."""
