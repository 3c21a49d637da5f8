"""Errors towards a holder, and towards whoever takes his code."""


class CitizenError(Exception):
    """Base of errors around holders."""


class HolderSignInNeededError(CitizenError):
    """No session of a holder, one that has ended, or of somebody who is no longer confirmed."""


class TrialOffError(CitizenError):
    """The built-in identity provider is not for this hub."""


class LevelError(CitizenError):
    """Signed in less surely than this wants."""


class PresentationRefusedError(CitizenError):
    """The code opens nothing here: unknown, used, over, or made for another counter. All look alike outside."""


class RequestOverError(CitizenError):
    """What was asked of a holder is not to be answered any more: `state` is given, taken, declined, cancelled or
    over.
    """

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state
