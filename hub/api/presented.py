"""Parties who show a code 出示码 to an approval system: the hub names them, and the system never has their numbers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import Request
from pydantic import Field

from hub.access.actors import Actor
from hub.access.errors import SandboxError
from hub.access.service import Caller
from hub.citizens.codes import Code, read_code
from hub.deps import limit
from hub.edge.body import Body
from hub.edge.errors import Fault, InvalidBodyError
from hub.intake.counter.showing import Shown, shown
from hub.intake.parties import PartyInput
from hub.runtime import Hub
from hub.storage.idempotency import RequestKey, find_effect

CODES_PER_MINUTE = 600
"""Of one system: some counters behind each."""


class PresentedBody(Body):
    """A party by role who shows a code; it was made within the minute, and opens one case."""

    role: Annotated[str, Field(min_length=1, max_length=32)]
    code: Annotated[str, Field(pattern=r"^(?:[0-9]{8}|[0-9]{32})$")]
    acts_for: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    mandate: Annotated[str, Field(max_length=40)] | None = None


async def named(
    request: Request,
    hub: Hub,
    caller: Caller,
    said: Shown,
    presented: Sequence[PresentedBody],
    scope: RequestKey | None,
    *,
    matter: str,
) -> Shown:
    """What was said of the parties, with those behind it who show a code, what corroborates them, and what uses their
    codes up with the case. A repeat by its key is left as it is: its codes are used up, and its case is there.

    Args:
        matter: the code of the matter or life event, as the holders are told.
    Raises: PresentationRefusedError, LockedOutError, RateLimitedError, SandboxError; InvalidBodyError: misread.
    """
    if not presented or await _known(hub, scope):
        return said
    if caller.sandbox:
        raise SandboxError
    await limit(request, f"presented:{caller.system_id}", CODES_PER_MINUTE)
    codes = dict(enumerate(_codes(presented), len(said.parties)))
    parties = [
        *said.parties,
        *(PartyInput(each.role, "", None, None, each.acts_for, each.mandate) for each in presented),
    ]
    actor = Actor("system", caller.system_id, caller.client_id, caller.department_id, frozenset())
    found = await shown(hub.citizens.taking, actor, caller, parties, codes, matter=matter, now=hub.clock())
    return replace(found, corroboration=[*said.corroboration, *found.corroboration])


def _codes(presented: Sequence[PresentedBody]) -> list[Code]:
    codes = [read_code(each.code) for each in presented]
    faults = [Fault(f"/presented/{place}/code", "misread") for place, code in enumerate(codes) if code is None]
    if faults:
        raise InvalidBodyError(*faults)
    return [code for code in codes if code is not None]


async def _known(hub: Hub, scope: RequestKey | None) -> bool:
    if scope is None:
        return False
    now = hub.clock()
    return await hub.database.read(lambda tx: find_effect(tx, scope, now=now)) is not None


def somebody(parties: Sequence[object], presented: object) -> None:
    """Raises: ValueError where nobody takes part, by name or by a code."""
    if not parties and not presented:
        raise ValueError("nobody")
