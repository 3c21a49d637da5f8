"""What stands around a pull: cases asked for more, planned, replayed, paid for; forms; life events."""

from dataclasses import dataclass

from hub.assembly.ground import Ground
from hub.assembly.publishing import Publishing
from hub.assembly.pull import Pull, assemble_pull
from hub.citizens.authorising.asked import RESUME
from hub.citizens.authorising.resuming import Resuming
from hub.intake.asks.papers import PaperCounts
from hub.intake.asks.service import Asks
from hub.intake.families.asking import ADVANCE, FamilyAsking
from hub.intake.families.events import EventService
from hub.intake.families.publishing import PUBLISH, publish_action
from hub.intake.families.service import FamilyService
from hub.intake.forms.disclosed import Disclosures
from hub.intake.forms.service import FormService
from hub.intake.materials.service import Materials
from hub.intake.owed.opening import COLLECT, REMIND
from hub.intake.owed.paying import Paying
from hub.intake.owed.views import Owed
from hub.intake.planning import Planning
from hub.intake.replaying.service import Replaying
from hub.intake.simulating import Simulating
from hub.intake.told.views import CaseEvents
from hub.registry.proposal import Action
from hub.storage.jobs import Handler


@dataclass(frozen=True, slots=True)
class Intake:
    """Services around cases."""

    pull: Pull
    asks: Asks
    paper_counts: PaperCounts
    replaying: Replaying
    simulating: Simulating
    owed: Owed
    paying: Paying
    planning: Planning
    events: CaseEvents
    materials: Materials
    forms: FormService
    life_events: EventService
    families: FamilyService
    family_asking: FamilyAsking
    resuming: Resuming

    def actions(self) -> dict[str, Action]:
        """The changes of this area that two persons make."""
        return {PUBLISH: publish_action(self.life_events)}

    def handlers(self) -> dict[str, Handler]:
        """The jobs of this area."""
        return {
            COLLECT: self.paying.collect,
            ADVANCE: self.family_asking.advance,
            REMIND: self.paying.remind,
            RESUME: self.resuming.run,
        }


def assemble_intake(ground: Ground, publishing: Publishing, *, log_origin: str) -> Intake:
    """Connect them."""
    database, vault, types, clock = ground.database, ground.vault, ground.types, ground.clock
    pull = assemble_pull(ground, publishing, log_origin=log_origin)
    cases, evidence = pull.cases, pull.evidence
    disclosures = Disclosures(database, vault=vault, answers=pull.answers, types=types)
    life_events = EventService(database, vault=vault, types=types, log_key=ground.log_key, clock=clock)
    families = FamilyService(
        database, vault=vault, cases=cases, events=life_events, disclosures=disclosures, clock=clock
    )
    return Intake(
        pull=pull,
        asks=Asks(database, cases=cases, vault=vault, types=types, clock=clock),
        paper_counts=PaperCounts(database, vault=vault, clock=clock),
        replaying=Replaying(database, vault=vault, types=types, clock=clock),
        simulating=Simulating(database, vault=vault, types=types, clock=clock),
        owed=Owed(database, cases=cases, clock=clock),
        paying=Paying(database, vault=vault, evidence=evidence, clock=clock),
        planning=Planning(database, cases=cases, vault=vault, types=types, clock=clock),
        events=CaseEvents(database, cases=cases),
        materials=Materials(database, log_key=ground.log_key, clock=clock),
        forms=FormService(database, vault=vault, cases=cases, disclosures=disclosures, clock=clock),
        life_events=life_events,
        families=families,
        family_asking=FamilyAsking(database, families=families, evidence=evidence, clock=clock),
        resuming=Resuming(database, evidence=evidence, clock=clock),
    )
