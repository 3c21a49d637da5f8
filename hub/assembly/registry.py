"""What is known of departments, systems, types, matters and grants, and how it changes hands."""

from collections.abc import Mapping
from dataclasses import dataclass

from hub.access.staff import StaffService
from hub.assembly.ground import Ground
from hub.issuing.keys.compromise import KeyEmergency
from hub.issuing.renditions.face_templates import FaceTemplates
from hub.issuing.types.halts import HaltService
from hub.ledger.erasure import ErasureService
from hub.registry.calls import CallService
from hub.registry.catalogue.catalogue import Catalogue, assemble_catalogue
from hub.registry.clocks import REMIND
from hub.registry.departments.superiors import SUPERIOR, Naming
from hub.registry.proposal import Action
from hub.registry.service import RegistryService
from hub.registry.sharing import Sharing, assemble_sharing
from hub.registry.systems import SystemService
from hub.storage.jobs import Handler
from hub.verification.peers import PeerService


@dataclass(frozen=True, slots=True)
class Registry:
    """Services over the catalogue."""

    registry: RegistryService
    catalogue: Catalogue
    sharing: Sharing
    systems: SystemService
    calls: CallService
    halts: HaltService

    def handlers(self) -> dict[str, Handler]:
        """The jobs of this area."""
        return {REMIND: self.sharing.reminders.deliver}


def assemble_registry(
    ground: Ground,
    staff: StaffService,
    erasure: ErasureService,
    emergency: KeyEmergency,
    templates: FaceTemplates,
    peers: PeerService,
    more: Mapping[str, Action],
) -> Registry:
    """Connect them."""
    database, vault, desk, types = ground.database, ground.vault, ground.desk, ground.types
    log_key, clock = ground.log_key, ground.clock
    registry = RegistryService(database, vault=vault, desk=desk, types=types, log_key=log_key, clock=clock)
    catalogue = assemble_catalogue(
        database,
        home=ground.settings.home,
        keys=ground.keys,
        vault=vault,
        desk=desk,
        types=types,
        log_key=log_key,
        clock=clock,
    )
    halts = HaltService(database, vault=vault, types=types, log_key=log_key, clock=clock)
    sharing = assemble_sharing(
        database,
        registry=registry,
        departments=catalogue.departments,
        demands=catalogue.demands,
        staff=staff,
        erasure=erasure,
        emergency=emergency,
        peers=peers,
        halts=halts,
        templates=templates,
        more={SUPERIOR: Action(Naming.read, catalogue.superiors.by_two), **more},
        vault=vault,
        log_key=log_key,
        clock=clock,
    )
    return Registry(
        registry=registry,
        catalogue=catalogue,
        sharing=sharing,
        systems=SystemService(database, registry=registry, log_key=log_key, clock=clock),
        calls=CallService(database, vault=vault, log_key=log_key, clock=clock),
        halts=halts,
    )
