"""What is known of departments, systems, types, matters and grants, and how it changes hands."""

from dataclasses import dataclass

from hub.access.staff import StaffService
from hub.assembly.ground import Ground
from hub.registry.calls import CallService
from hub.registry.catalogue import Catalogue, assemble_catalogue
from hub.registry.service import RegistryService
from hub.registry.sharing import Sharing, assemble_sharing
from hub.registry.systems import SystemService


@dataclass(frozen=True, slots=True)
class Registry:
    """Services over the catalogue."""

    registry: RegistryService
    catalogue: Catalogue
    sharing: Sharing
    systems: SystemService
    calls: CallService


def assemble_registry(ground: Ground, staff: StaffService) -> Registry:
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
    sharing = assemble_sharing(
        database,
        registry=registry,
        departments=catalogue.departments,
        demands=catalogue.demands,
        staff=staff,
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
    )
