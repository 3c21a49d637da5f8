"""What may go wrong at a terminal."""

from hub.citizens.errors import CitizenError


class KioskUnknownError(CitizenError):
    """A browser that is no terminal: never was, or was taken out of use."""


class KioskRefusedError(CitizenError):
    """Nobody is let in: the card was not read here and now, or no record confirms who it names; alike for each."""


class KioskOverError(CitizenError):
    """The visit has ended: by its person, by a minute without a touch, or by the next one."""


class NotPrintableError(CitizenError):
    """A licence that cannot be printed here now: not in force, not kept by the hub, or its kind is stopped."""
