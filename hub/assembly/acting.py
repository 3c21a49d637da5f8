"""Acting for somebody else: who may, what he does there, and delegations."""

from dataclasses import dataclass

from hub.assembly.ground import Ground
from hub.citizens.acting.acting import ActingFor
from hub.citizens.acting.agreeing import AgreeingFor
from hub.citizens.acting.at_counter import CounterDelegations
from hub.citizens.acting.delegating import Delegating
from hub.citizens.acting.grounds import Grounds
from hub.citizens.acting.standing import Standing
from hub.citizens.authorising.asked import AskedOfHolder
from hub.citizens.authorising.service import Authorisations
from hub.citizens.confirming import Confirming
from hub.citizens.presentations import Presentations


@dataclass(frozen=True, slots=True)
class ActingForOthers:
    """Services around acting for others."""

    acting: ActingFor
    agreeing: AgreeingFor
    delegating: Delegating
    at_counter: CounterDelegations


def assemble_acting(
    ground: Ground,
    confirming: Confirming,
    presentations: Presentations,
    *,
    authorisations: Authorisations,
    asked: AskedOfHolder,
) -> ActingForOthers:
    """Connect them."""
    database, vault, clock, log_key = ground.database, ground.vault, ground.clock, ground.log_key
    standing = assemble_standing(ground, confirming)
    acting = ActingFor(
        database, vault=vault, standing=standing, presentations=presentations, log_key=log_key, clock=clock
    )
    delegating = Delegating(
        database, vault=vault, acting=acting, standing=standing, confirming=confirming, log_key=log_key, clock=clock
    )
    return ActingForOthers(
        acting=acting,
        agreeing=AgreeingFor(acting=acting, authorisations=authorisations, asked=asked),
        delegating=delegating,
        at_counter=CounterDelegations(
            database, vault=vault, confirming=confirming, delegating=delegating, log_key=log_key, clock=clock
        ),
    )


def assemble_standing(ground: Ground, confirming: Confirming | None = None) -> Standing:
    """Who judges whether somebody may act for another."""
    confirming = confirming or Confirming(vault=ground.vault, types=ground.types)
    return Standing(vault=ground.vault, grounds=Grounds(vault=ground.vault, types=ground.types), confirming=confirming)
