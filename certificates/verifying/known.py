"""What a verifier brings along: statuses, what he knows beside what was presented, and his own rules."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from certificates.lifecycle.states import Status

TYPE_HALTED: Final = "type_halted"


@dataclass(frozen=True, slots=True)
class StatusQuestion:
    """Which status is asked for: the list entry a licence names, or, for a copy, the certificate it was made from."""

    identifier: str
    uri: str | None
    index: int | None


@dataclass(frozen=True, slots=True)
class KnownStatus:
    """A status and its age; or, with `status` None, why what is there is not to be gone by.

    Attributes:
        at: of which instant it is.
        refusal: "status_unavailable" or "status_went_back".
        of_as_of: it answers for the instant that was asked about, not for the present.
        removed: this very copy is not to be taken any more, whatever the licence is.
    """

    status: Status | None
    at: datetime
    refusal: str = "status_unavailable"
    of_as_of: bool = False
    removed: bool = False


StatusSource = Callable[[StatusQuestion], KnownStatus | Status | Literal["type_halted"] | None]
"""None: the status cannot be had. `TYPE_HALTED`: whoever keeps it has stopped the type, and says nothing of any. A bare
`Status` is of now."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a version beside what was presented: by the hub's row, or by a proof that the hub signed.

    Attributes:
        described: members of `certificate` that a page does not say in its data: names and dates.
        binding: hexadecimal; None: nobody has made one.
        status: the status entry, as in the claims of a licence.
        proven_at: since when the very thing presented is known to exist.
        copied: what was presented is a page of a purpose copy of this version.
        audience, ends_at: of that copy.
        page: by which name the hub knows the page that was presented; empty: it made none such, or nobody asked it.
    """

    described: Mapping[str, Any] = field(default_factory=dict)
    binding: str | None = None
    status: Mapping[str, Any] | None = None
    proven_at: datetime | None = None
    copied: bool = False
    audience: str | None = None
    ends_at: datetime | None = None
    page: str = ""

    def binds(self, presented: str | None) -> bool:
        """Whether a licence's page is of the data that are known."""
        return presented is not None and self.binding is not None and hmac.compare_digest(presented, self.binding)


MIN_NONCE: Final = 16
MAX_NONCE: Final = 256
"""Characters: nobody guesses one, and none is a letter."""


@dataclass(frozen=True, slots=True)
class VerifierRules:
    """Rules of a verifier's own; by default he has none.

    Attributes:
        max_status_age: how old a status may be.
        trial: whether authorities for trying out will do.
        suites: algorithms that will do; None: all that are known here.
        custodies: who may hold the key; None: anybody who is entitled.
        nonce: what he gave the presenter to sign, for him to show that the key in the token is his; None: nobody asked.
        purpose: for what he takes a purpose copy; None: he compares no purpose.
    """

    max_status_age: timedelta | None = None
    trial: bool = True
    suites: frozenset[str] | None = None
    custodies: frozenset[str] | None = None
    nonce: str | None = None
    purpose: str | None = None


NO_RULES: Final = VerifierRules()
