"""The certificate library: issuing, transitions, status, time-stamps."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from hub.access.staff_two import same_hand
from hub.assembly.ground import Ground
from hub.collection.origins import is_known
from hub.intake.families.asking import issued
from hub.issuing.service import IssuingService
from hub.issuing.stamping.queue import StampQueue
from hub.issuing.stamping.service import ExternalAuthority, TimeStamps
from hub.issuing.status.history import StatusHistory
from hub.issuing.status.service import StatusService
from hub.issuing.touched import TouchedService
from hub.issuing.transitions.lists import RUN_LIST, ActLists
from hub.issuing.transitions.performing import Performing
from hub.issuing.transitions.register import Expiring
from hub.issuing.transitions.service import TransitionService
from hub.issuing.transitions.waiting import WaitingActs
from hub.issuing.transitions.writing import PUBLISH_STATUS
from hub.storage.jobs import Handler


@dataclass(frozen=True, slots=True)
class Library:
    """Services around licences."""

    issuing: IssuingService
    status: StatusService
    status_history: StatusHistory
    transitions: TransitionService
    performing: Performing
    expiring: Expiring
    touched: TouchedService
    stamps: TimeStamps
    stamp_queue: StampQueue

    def handlers(self) -> dict[str, Handler]:
        """The jobs of this area."""
        return {PUBLISH_STATUS: self.status.publish, RUN_LIST: self.transitions.lists.run}


def assemble_library(ground: Ground) -> Library:
    """Connect them."""
    database, vault, clock, desk, types = ground.database, ground.vault, ground.clock, ground.desk, ground.types
    status = StatusService(
        database,
        vault=vault,
        desk=desk,
        objects=ground.objects,
        clock=clock,
        public_url=ground.public_url,
        lifetime=timedelta(hours=ground.settings.status_list_hours),
    )
    issuing = IssuingService(database, vault=vault, desk=desk, clock=clock, public_url=ground.public_url, heard=issued)
    stamps = TimeStamps(database, desk=desk, clock=clock, external=_named_authority(ground))
    performing = Performing(database, vault=vault, types=types, issuing=issuing, clock=clock)
    return Library(
        performing=performing,
        stamps=stamps,
        stamp_queue=StampQueue(database, stamps=stamps, clock=clock),
        issuing=issuing,
        status=status,
        status_history=StatusHistory(database, vault=vault, status=status, clock=clock),
        transitions=_transitions(ground, performing),
        expiring=Expiring(database, vault=vault, clock=clock),
        touched=TouchedService(
            database,
            vault=vault,
            types=types,
            book=desk.book,
            known_origin=is_known,
            log_key=ground.log_key,
            clock=clock,
        ),
    )


def _transitions(ground: Ground, performing: Performing) -> TransitionService:
    hand = partial(same_hand, ground.vault)
    waiting = WaitingActs(
        ground.database, vault=ground.vault, performing=performing, log_key=ground.log_key, same_hand=hand
    )
    lists = ActLists(ground.database, vault=ground.vault, performing=performing, log_key=ground.log_key, same_hand=hand)
    return TransitionService(ground.database, vault=ground.vault, performing=performing, waiting=waiting, lists=lists)


def _named_authority(ground: Ground) -> ExternalAuthority | None:
    settings = ground.settings
    if settings.tsa_url is None or settings.tsa_ca is None:
        return None
    return ExternalAuthority.read(settings.tsa_url, settings.tsa_ca)
