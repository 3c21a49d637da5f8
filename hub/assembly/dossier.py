"""Dossiers: cards, one licence laid open, what is missing and how it is fetched, reminders."""

from dataclasses import dataclass

from hub.assembly.faces import Faces
from hub.assembly.ground import Ground
from hub.assembly.publishing import Publishing
from hub.citizens.acting.acting import ActingFor
from hub.citizens.dossier.at_source import AtSource
from hub.citizens.dossier.cards import Cards
from hub.citizens.dossier.earlier import Earlier
from hub.citizens.dossier.fetching import FETCH, Fetching
from hub.citizens.dossier.folder import Folder
from hub.citizens.dossier.for_others import DossiersOfOthers
from hub.citizens.dossier.missing import Missing
from hub.citizens.dossier.reminding import Reminding
from hub.citizens.dossier.ways import Services, Way, own_way
from hub.citizens.licences import Licences
from hub.citizens.values import Holder
from hub.collection.by_holder import HolderCollection
from hub.exchange.judging import Readers
from hub.exchange.own_licence import OwnLicences
from hub.storage.jobs import Handler


@dataclass(frozen=True, slots=True)
class Dossier:
    """Services around a subject's own licences."""

    cards: Cards
    folder: Folder
    at_source: AtSource
    earlier: Earlier
    fetching: Fetching
    missing: Missing
    reminding: Reminding
    services: Services
    for_others: DossiersOfOthers

    def own(self, holder: Holder) -> Way:
        """A holder's way into his own."""
        return own_way(self.services, holder)

    def handlers(self) -> dict[str, Handler]:
        """The jobs of this area."""
        return {FETCH: self.fetching.run}


def assemble_dossier(
    ground: Ground,
    licences: Licences,
    acting: ActingFor,
    faces: Faces,
    collecting: HolderCollection,
    publishing: Publishing,
    readers: Readers,
) -> Dossier:
    """Connect them. Nothing is read yet."""
    database, vault, types, clock = ground.database, ground.vault, ground.types, ground.clock
    sources = OwnLicences(
        database, vault=vault, pool=publishing.pool, drift=publishing.drift, readers=readers, clock=clock
    )
    fetching = Fetching(database, vault=vault, types=types, collecting=collecting, clock=clock)
    services = Services(
        licences=licences,
        folder=Folder(
            database,
            vault=vault,
            licences=licences,
            types=types,
            files=faces.files,
            pictures=faces.pictures,
            pages_of=faces.source.pages_of,
        ),
        at_source=AtSource(database, vault=vault, types=types, sources=sources, clock=clock),
        earlier=Earlier(database, vault=vault, source=faces.source, clock=clock),
        fetching=fetching,
        missing=Missing(database, fetching=fetching, types=types, clock=clock),
    )
    return Dossier(
        cards=Cards(database, licences=licences, types=types, clock=clock),
        folder=services.folder,
        at_source=services.at_source,
        earlier=services.earlier,
        fetching=fetching,
        missing=services.missing,
        reminding=Reminding(database, types=types, clock=clock),
        services=services,
        for_others=DossiersOfOthers(services, acting=acting, vault=vault),
    )
