"""Self-service terminals, put together."""

from dataclasses import dataclass

from hub.assembly.citizens import Citizens
from hub.assembly.counter import assemble_readers
from hub.assembly.faces import Faces
from hub.assembly.ground import Ground
from hub.assembly.intake import Intake
from hub.citizens.acting.grounds import Grounds
from hub.citizens.confirming import Confirming
from hub.citizens.kiosk.devices import Kiosks
from hub.citizens.kiosk.own_forms import KioskForms
from hub.citizens.kiosk.printing import KioskPrints
from hub.citizens.kiosk.reading import KioskReads
from hub.citizens.kiosk.visits import KioskVisits
from hub.citizens.showing.licences import Showable


@dataclass(frozen=True, slots=True)
class Kiosk:
    """Services of terminals."""

    devices: Kiosks
    visits: KioskVisits
    prints: KioskPrints
    forms: KioskForms


def assemble_kiosk(ground: Ground, faces: Faces, citizens: Citizens, intake: Intake) -> Kiosk:
    """Connect them."""
    database, vault, clock, log_key = ground.database, ground.vault, ground.clock, ground.log_key
    readers = assemble_readers(ground)
    reads = KioskReads(database, vault=vault, readers=readers, log_key=log_key, clock=clock)
    confirming = Confirming(vault=vault, types=ground.types)
    return Kiosk(
        devices=Kiosks(database, vault=vault, readers=readers, log_key=log_key, clock=clock),
        visits=KioskVisits(database, vault=vault, confirming=confirming, reads=reads, clock=clock),
        prints=KioskPrints(
            database,
            vault=vault,
            showable=Showable(vault=vault, source=faces.source),
            source=faces.source,
            renditions=faces.renditions,
            accesses=citizens.accesses,
            log_key=log_key,
            clock=clock,
            public_url=ground.public_url,
        ),
        forms=KioskForms(
            database,
            vault=vault,
            forms=intake.forms,
            families=intake.families,
            reads=reads,
            grounds=Grounds(vault=vault, types=ground.types),
            log_key=log_key,
            clock=clock,
        ),
    )
