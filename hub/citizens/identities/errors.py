"""Errors towards a holder who binds a network ID. Of sign-ins there is one refusal, alike for every cause."""

from hub.citizens.errors import CitizenError


class BindingError(CitizenError):
    """Not bound. `reason`: `voucher` (used, over, for somebody else's hub or not vouched for), `mismatch` (the service
    does not say that it is this person's), `elsewhere` (bound to somebody else), `weak`, `many`, `unconfirmed` (of a
    card: no record of ours confirms him).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ServiceAwayError(CitizenError):
    """The network-ID service does not answer; every other way of showing who one is stays open."""
