"""Showing licences: how holders make codes, and how receivers take them."""

from dataclasses import dataclass
from datetime import timedelta

from hub.assembly.acting import assemble_standing
from hub.assembly.ground import Ground
from hub.citizens.acting.acting import ActingFor
from hub.citizens.asked.answering import Answering
from hub.citizens.asked.asking import Asking
from hub.citizens.confirming import Confirming
from hub.citizens.showing.behalves import Behalves
from hub.citizens.showing.for_others import ShowingForOthers
from hub.citizens.showing.judging import Judging
from hub.citizens.showing.licences import Showable
from hub.citizens.showing.making import Showings
from hub.citizens.showing.offline import OfflineShowings
from hub.citizens.showing.receiving import Receiving
from hub.issuing.renditions.source import RenditionSource
from hub.verification.service import VerificationService


@dataclass(frozen=True, slots=True)
class Showing:
    """Services around showings."""

    showings: Showings
    receiving: Receiving
    asking: Asking
    answering: Answering
    offline: OfflineShowings
    for_others: ShowingForOthers


def assemble_showing(
    ground: Ground, source: RenditionSource, verification: VerificationService, acting: ActingFor
) -> Showing:
    """Connect them."""
    database, vault, clock, log_key = ground.database, ground.vault, ground.clock, ground.log_key
    showable = Showable(vault=vault, source=source)
    judging = Judging(
        database,
        showable=showable,
        verification=verification,
        desk=ground.desk,
        public_url=ground.public_url,
        lifetime=timedelta(hours=ground.settings.purpose_copy_hours),
    )
    confirming = Confirming(vault=vault, types=ground.types)
    behalves = Behalves(standing=assemble_standing(ground, confirming), confirming=confirming)
    receiving = Receiving(
        database, vault=vault, showable=showable, behalves=behalves, judging=judging, log_key=log_key, clock=clock
    )
    types = ground.types
    showings = Showings(database, vault=vault, showable=showable, log_key=log_key, clock=clock)
    answering = Answering(database, vault=vault, types=types, showable=showable, log_key=log_key, clock=clock)
    offline = OfflineShowings(
        database,
        vault=vault,
        showable=showable,
        behalves=behalves,
        verification=verification,
        desk=ground.desk,
        log_key=log_key,
        clock=clock,
    )
    return Showing(
        showings=showings,
        receiving=receiving,
        asking=Asking(database, vault=vault, types=types, receiving=receiving, log_key=log_key, clock=clock),
        answering=answering,
        offline=offline,
        for_others=ShowingForOthers(
            database,
            acting=acting,
            showings=showings,
            offline=offline,
            answering=answering,
            log_key=log_key,
            clock=clock,
        ),
    )
