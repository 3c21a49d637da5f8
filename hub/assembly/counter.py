"""The desks of people who handle cases."""

from hub.assembly.citizens import assemble_taking
from hub.assembly.ground import Ground
from hub.assembly.handling import Handling
from hub.assembly.identities import assemble_counter_identities
from hub.assembly.intake import Intake
from hub.citizens.confirming import Confirming
from hub.intake.counter.binding import CardBinding
from hub.intake.counter.case_slips import CaseSlips
from hub.intake.counter.faces import Faces
from hub.intake.counter.families import FamilyCounter
from hub.intake.counter.presenting import Presenting
from hub.intake.counter.readers import CardReaders
from hub.intake.counter.service import Counter
from hub.intake.counter.slips import FamilySlips


def assemble_counter(ground: Ground, intake: Intake) -> Counter:
    """The counter's use cases, over the services that systems call."""
    readers, network = assemble_readers(ground), assemble_counter_identities(ground)
    faces = Faces(ground.database, readers=readers, vault=ground.vault, log_key=ground.log_key, clock=ground.clock)
    presenting = Presenting(
        taking=assemble_taking(ground),
        network=network.taking if network else None,
        readers=readers,
        faces=faces,
        clock=ground.clock,
    )
    return Counter(
        ground.database,
        cases=intake.pull.cases,
        streaming=intake.pull.streaming,
        planning=intake.planning,
        asks=intake.asks,
        presenting=presenting,
        card_binding=CardBinding(readers=readers, bindings=network.bindings) if network else None,
        vault=ground.vault,
        types=ground.types,
        clock=ground.clock,
    )


def assemble_readers(ground: Ground) -> CardReaders:
    """Devices that sign."""
    production = ground.settings.built_in_ca == "refuse"
    return CardReaders(
        ground.database, vault=ground.vault, log_key=ground.log_key, clock=ground.clock, production=production
    )


def assemble_family_counter(ground: Ground, intake: Intake, handling: Handling, counter: Counter) -> FamilyCounter:
    """Life events at the counter."""
    return FamilyCounter(
        ground.database,
        counter=counter,
        families=intake.families,
        asking=intake.family_asking,
        stages=handling.stages,
        files=handling.files,
        types=ground.types,
    )


def assemble_slips(ground: Ground, intake: Intake, counter: Counter) -> FamilySlips:
    """What people take home from the counter."""
    return FamilySlips(
        ground.database, counter=counter, families=intake.families, vault=ground.vault, clock=ground.clock
    )


def assemble_case_slips(ground: Ground, counter: Counter) -> CaseSlips:
    """The same of one case."""
    confirming = Confirming(vault=ground.vault, types=ground.types)
    return CaseSlips(ground.database, counter=counter, confirming=confirming, vault=ground.vault, clock=ground.clock)
