"""What a walk asks and tells: sources on one side, whoever decides its items on the other."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from sqlalchemy import Connection

from catalog.matters.values import Requirement
from hub.access.service import Caller
from hub.intake.calls import Claimed, EvidenceCall
from hub.intake.compose import Item
from hub.intake.outcomes import Fetched
from hub.intake.resolver import Ask, Resolution, Source


class Indexed(Protocol):
    """Asks the sources of licences of which the hub keeps an index alone."""

    async def fetch(self, claimed: Claimed, call: EvidenceCall, resolution: Resolution, source: Source) -> Fetched:
        """A failure is an outcome, not an error. In no transaction."""
        ...


class Sources(Protocol):
    """Asks the sources of departments what a requirement wants to know."""

    async def fetch(self, claimed: Claimed, call: EvidenceCall, requirement: Requirement, ask: Ask) -> Fetched:
        """A failure is an outcome, not an error. In no transaction."""
        ...


Settle = Callable[[Claimed, Sequence[Item]], Awaitable[Sequence[Item]]]
"""Called with the items of a requirement, and the request as it stands with the parties that were named, before any
other requirement may see what they tell; answers the items as they stand then."""


Foresee = Callable[[Connection, Caller, EvidenceCall, Claimed, Sequence[Item]], list[Item]]
"""Says how items will end that something stands in for. It reads, and changes nothing."""


async def as_it_is(claimed: Claimed, items: Sequence[Item]) -> Sequence[Item]:
    """For an answer that is decided as a whole."""
    del claimed
    return items
