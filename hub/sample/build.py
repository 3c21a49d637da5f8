"""Building the sample city into an open hub, through the services that any city uses."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from catalog.store import find_department
from certificates.lifecycle.states import Operation
from hub.access.actors import COMMAND
from hub.clock import BEIJING
from hub.collection.service import CollectionOrder, CollectionService
from hub.issuing.files import identifiers_of
from hub.runtime import Hub
from hub.sample import catalogue, sources
from hub.sample.city import City, cast, invent
from hub.sample.document import sample_document
from hub.sample.people import Identity
from hub.sample.registers import write_registers
from hub.storage.errors import ConflictError
from hub.storage.files import write_durably
from signing.keys import SoftwareSigner

Progress = Callable[[str, int, int], None]
"""Name of the step, done, in all."""

CATALOGUE: Final = "catalogue"
CHANGES: Final = "status changes"
INTERFACES: Final = "interfaces"


async def build_sample(hub: Hub, *, on_progress: Progress | None = None) -> Path:
    """Add the sample city to a hub that has none, and answer the path of its `sample.json`, which is written last.

    Takes some seconds. The private keys of the sample systems lie beside it, readable by their owner alone.

    Raises: ConflictError when the hub has the sample city; StorageError.
    """
    tell = on_progress or _silent
    if await hub.database.read(lambda tx: find_department(tx, catalogue.departments()[0]["code"])) is not None:
        raise ConflictError("departments")
    folder = hub.settings.home / "sample"
    city = invent(hub.clock().astimezone(BEIJING).date())
    key_files = {system["client_id"]: folder / "keys" / f"{system['client_id']}.pem" for system in catalogue.systems()}
    kids = await _register(hub, key_files, tell)
    await _collect(hub, write_registers(city, folder / "registers"), folder / "reports", tell)
    await _change(hub, city, tell)
    tell(INTERFACES, 0, 1)
    await sources.publish(hub, sources.write_databases(city, folder / "databases"), city)
    tell(INTERFACES, 1, 1)
    document = sample_document(
        city,
        kids=kids,
        key_files={client: path.relative_to(folder).as_posix() for client, path in key_files.items()},
        now=hub.clock(),
    )
    path = folder / "sample.json"
    write_durably(path, json.dumps(document, ensure_ascii=False, indent=1).encode())
    return path


async def _register(hub: Hub, key_files: dict[str, Path], tell: Progress) -> dict[str, str]:
    """Register the catalogue in the order in which its parts refer to each other; answers the systems' key ids."""
    kids = {}
    tell(CATALOGUE, 0, 1)
    for text in catalogue.type_texts().values():
        await hub.registry.add_type(text)
    for department in catalogue.departments():
        await hub.registry.add_department(department)
        await hub.catalogue.departments.describe(COMMAND, department["code"], {"contact": department["contact"]})
    for matter in catalogue.matters():
        await hub.registry.add_matter(matter)
    for event in catalogue.events():
        await hub.life_events.add(COMMAND, event)
    for system in catalogue.systems():
        signer = SoftwareSigner.generate()
        # The private key is on disk before the hub knows the public one: a crash leaves no system without its key.
        write_durably(key_files[system["client_id"]], signer.to_pem(), mode=0o600)
        await hub.registry.add_system(catalogue.system_definition(system, signer.public))
        kids[system["client_id"]] = signer.kid
    for grant in catalogue.grants(hub.clock()):
        await hub.registry.add_grant(grant)
    for mandate in catalogue.mandates(hub.clock().astimezone(BEIJING).date()):
        await hub.handling.mandates.make(COMMAND, mandate)
    tell(CATALOGUE, 1, 1)
    return kids


async def _collect(hub: Hub, registers: dict[str, Path], reports: Path, tell: Progress) -> None:
    collection = CollectionService(hub.database, issuing=hub.issuing, types=hub.types, vault=hub.vault, clock=hub.clock)
    issuers = catalogue.issuers()
    as_of = hub.clock()
    for slug, path in registers.items():
        known = hub.types.find(slug)
        if known is None:
            raise RuntimeError(f"the type {slug} has just been registered")
        order = CollectionOrder(
            type=known.type.code,
            issuer=issuers[known.type.code],
            files=[path],
            report_dir=reports / slug,
            as_of=as_of,
        )
        result = await collection.collect(order, on_progress=partial(tell, slug))
        if result.totals.rejected:
            raise RuntimeError(f"the sample register {path} has rejected rows, see {result.report}")


async def _change(hub: Hub, city: City, tell: Progress) -> None:
    """Suspend and revoke what the cast says."""
    identities: dict[str, Identity] = {key: person.identity for key, person in city.persons.items()}
    identities |= {key: firm.identity for key, firm in city.firms.items()}
    roles = [role for role in (*cast()["persons"], *cast()["enterprises"]) if "change" in role]
    for done, role in enumerate(roles, 1):
        holder, change = identities[role["key"]], role["change"]
        known = hub.types.find(change["type"])
        for held in await identifiers_of(hub, holder.id_type, holder.id_number):
            if known is not None and held["type"] == known.type.code:
                await hub.status.change(
                    held["identifier"],
                    Operation(change["operation"]),
                    reason=change["reason"],
                    legal_basis=change["legal_basis"],
                )
        tell(CHANGES, done, len(roles))


def _silent(_name: str, _done: int, _total: int) -> None:
    return
