"""Parties who show a code 出示码: looked up inside the hub, and used up with the case that is opened."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from catalog.matters.roles import ACTING
from hub.access.actors import Actor
from hub.access.service import Caller
from hub.citizens.codes import Code
from hub.citizens.errors import PresentationRefusedError
from hub.citizens.identities.taking import KIND as NETWORK_ID
from hub.citizens.identities.taking import NetworkTaking
from hub.citizens.identities.vouching import Voucher
from hub.citizens.taking import KIND, Taking
from hub.clock import rfc3339
from hub.intake.counter.faces import SECOND_DOCUMENT
from hub.intake.counter.values import ATTESTED
from hub.intake.parties import E_MANDATE, PartyInput, numbered

Also = Callable[[Connection, str | None, str], None]
"""What is done in the transaction that opens a case, with its id and number; or with a life event's number."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The parties with those who showed a code named, what corroborates that they are here, and what uses the codes
    up. `also` None: no code was shown. `agents`: who showed one for somebody else, by the key of the party that they
    act for.
    """

    parties: Sequence[PartyInput]
    corroboration: Sequence[dict[str, str]] = ()
    also: Also | None = field(default=None, repr=False)
    agents: Sequence[PartyInput] = ()


async def shown(
    taking: Taking,
    actor: Actor,
    caller: Caller,
    parties: Sequence[PartyInput],
    codes: Mapping[int, Code | Voucher],
    *,
    matter: str,
    now: datetime,
    network: NetworkTaking | None = None,
) -> Shown:
    """Name the parties at these places by their codes or network IDs; no code is used up yet.

    Raises: PresentationRefusedError, LockedOutError; ServiceAwayError: of a network ID.
    """
    if not codes:
        return Shown(parties)
    named, seen, uses, agents = list(parties), [], [], []
    keys = numbered([party.role for party in parties])
    for place, code in codes.items():
        if isinstance(code, Voucher):
            if network is None:
                raise PresentationRefusedError
            here, vouched = await network.read(actor, caller.department_id, code)
            who = here.identity
            named[place] = replace(named[place], name=who.name, id_type=who.id_type, id_number=who.id_number)
            seen.append({"kind": NETWORK_ID, "at": rfc3339(now), "reference": here.presentation_id})
            uses.append(network.take(actor, caller.department_id, here, vouched, code, matter=matter))
            continue
        here = await taking.read(actor, caller.department_id, code, matter=matter)
        who = here.identity
        named[place] = replace(named[place], name=who.name, id_type=who.id_type, id_number=who.id_number)
        seen.append({"kind": KIND, "at": rfc3339(now), "reference": here.presentation_id})
        if here.agent is not None:
            agent = here.agent.identity
            agents.append(PartyInput(ACTING, agent.name, agent.id_type, agent.id_number, keys[place], E_MANDATE))
            seen.append({"kind": E_MANDATE, "at": rfc3339(now), "reference": here.presentation_id})
        uses.append(taking.take(actor, caller.department_id, here, matter=matter))

    def also(tx: Connection, case_id: str | None, case_no: str) -> None:
        for use_up in uses:
            use_up(tx, case_id, case_no)

    return Shown(named, seen, also, agents)


def both(first: Also | None, then: Also) -> Also:
    """One after the other."""

    def also(tx: Connection, case_id: str | None, case_no: str) -> None:
        if first is not None:
            first(tx, case_id, case_no)
        then(tx, case_id, case_no)

    return also


def seen_by(
    actor: Actor, *, card: bool, mandate: bool, second_document: bool = False, now: datetime
) -> list[dict[str, str]]:
    """What a clerk says that he saw: a card, the paper of a mandate, another document."""
    said = ((ATTESTED, card), ("mandate_paper", mandate), (SECOND_DOCUMENT, second_document))
    kinds = [kind for kind, there in said if there]
    return [{"kind": kind, "at": rfc3339(now), "reference": f"counter:{actor.id}"} for kind in kinds]
