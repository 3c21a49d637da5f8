"""A person's way into one dossier, in one request: here his own. Pages and API go by it, so that who acts for somebody
else (`for_others`) goes by the same services, and is judged at each step.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hub.citizens.acting.values import Acting, Scope
from hub.citizens.dossier.at_source import AtSource, FromSource
from hub.citizens.dossier.earlier import Earlier, SaidThen
from hub.citizens.dossier.fetching import Fetching
from hub.citizens.dossier.fetching_store import Asked
from hub.citizens.dossier.folder import Folder, Leaf, Said
from hub.citizens.dossier.hands import Hand
from hub.citizens.dossier.missing import Lack, Missing
from hub.citizens.licences import Licence, Licences
from hub.citizens.values import SEES_OWN, Holder, Identity, Whose
from hub.issuing.renditions.files import LicenceFile

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Services:
    """What a way leads to."""

    licences: Licences
    folder: Folder
    at_source: AtSource
    earlier: Earlier
    fetching: Fetching
    missing: Missing


@dataclass(frozen=True, slots=True)
class Lacks:
    """What could be collected, how far the last collection has come, and whether any source can be asked at all."""

    missing: Sequence[Lack]
    last: Asked | None
    askable: bool


class Way:
    """A holder's into his own. Raises, each: LevelError; MissingError: not his, which is on the ledger."""

    acting: Acting | None = None
    """For whom somebody acts, where it is another's dossier."""

    def __init__(self, services: Services, whose: Whose, identity: Identity, hand: Hand) -> None:
        """`identity`: of whose dossier it is; `hand`: whose looks are written down."""
        self._services = services
        self._whose = whose
        self._identity = identity
        self._hand = hand

    @property
    def subject_id(self) -> str:
        """Whose dossier it is."""
        return self._whose.id

    @property
    def id_type(self) -> str:
        """Of his number."""
        return self._identity.id_type

    async def one(self, identifier: str) -> Licence:
        """As `Licences.one`."""
        return await self._services.licences.one(self._whose, identifier)

    async def leaf(self, identifier: str, *, opened: bool = False) -> Leaf:
        """As `Folder.leaf`. `opened`: beside what was opened in this request, which has its own entry."""
        del opened
        return await self._services.folder.leaf(self.subject_id, identifier)

    async def contents(self, identifier: str, *, language: str, picture: bool = False) -> Said:
        """As `Folder.contents`."""
        scope = Scope.FILES if picture else Scope.OPEN
        folder = self._services.folder
        return await self._through(
            scope,
            lambda hand: folder.contents(self.subject_id, identifier, by=hand, language=language, picture=picture),
        )

    async def file(self, identifier: str, wanted: str, *, language: str) -> LicenceFile:
        """As `Folder.file`."""
        folder = self._services.folder
        return await self._through(
            Scope.FILES, lambda hand: folder.file(self.subject_id, identifier, wanted, by=hand, language=language)
        )

    async def earlier(self, identifier: str, version: int) -> SaidThen:
        """As `Earlier.contents`."""
        earlier = self._services.earlier
        return await self._through(
            Scope.OPEN, lambda hand: earlier.contents(self.subject_id, identifier, version, by=hand)
        )

    async def at_source(self, identifier: str) -> FromSource:
        """As `AtSource.contents`."""
        at_source = self._services.at_source
        return await self._through(
            Scope.OPEN, lambda hand: at_source.contents(self.subject_id, identifier, self._identity, by=hand)
        )

    async def lacks(self) -> Lacks:
        """What he has not, and what came of asking."""
        self._whose.require(SEES_OWN)
        fetching = self._services.fetching
        missing = await self._services.missing.of(self.subject_id, self._identity)
        last = await fetching.last(self.subject_id)
        return Lacks(missing, last, bool(await fetching.givers(self.id_type)))

    async def collect(self) -> Asked:
        """As `Fetching.ask`."""
        self._whose.require(SEES_OWN)
        fetching = self._services.fetching
        return await self._through(Scope.COLLECT, lambda hand: fetching.ask(self.subject_id, self._identity, by=hand))

    async def _through(self, scope: Scope, act: Callable[[Hand], Awaitable[T]]) -> T:
        """Do it by his hand. `scope`: what somebody who acts for him needs for it."""
        del scope
        return await act(self._hand)


def own_way(services: Services, holder: Holder) -> Way:
    """A holder's into his own."""
    return Way(services, holder, holder.identity, Hand(holder.as_json()))
