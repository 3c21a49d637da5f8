"""One licence of a subject laid open: its history, and, on the ledger first, what it says, its picture and its files.

What a holder sees of his own: everything that his signed licence says, in clear or as a disclosure. Claims that its
type declares `never` are in no licence, for nobody: the hub keeps them for its own checks, and only their titles are
told. A further holder sees the licence as the principal does, for it is about both; the entry of his look lies under
the principal's key and tells him so. Of an index record the contents stay at their source.

Whether the caller may act for the subject is the caller's; that the licence is the subject's is looked up here anew, at
every look, and a further holder's row is believed with its MAC alone.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Connection

from certificates.claims import Disclosure
from certificates.definitions.certificate_type import CertificateType
from certificates.stores.certificates import find_version
from certificates.stores.further_holders import further_of, held_among
from certificates.stores.holders import subject_by_id
from certificates.stores.version import HeldVersion, VersionRecord
from hub.citizens.dossier.hands import Hand, hand_of
from hub.citizens.licences import Licence, Licences
from hub.citizens.present import is_erased, lock_looker
from hub.issuing.renditions.files import JSON, SD_JWT, LicenceFile, LicenceFiles
from hub.issuing.renditions.opening import Opening
from hub.issuing.renditions.pictures import FacePictures
from hub.issuing.transitions.reading import CertificateHistory, read_history
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards
from hub.registry.meanings import Words
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault
from signing.disclosures import reveal
from signing.sd_jwt import parse

OPENED_PER_MINUTE: Final = 20
"""Looks at contents and files of one holder: a page of one is set anew each time."""
OWN: Final = "certificate.opened"
TOGETHER: Final = "certificate.opened_together"
"""Kinds of entry: the principal holder's own look, and that of a further one."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A licence of a subject, as far as its page says of itself.

    Attributes:
        history: for a further holder of the versions in which he is named; `before`: it had others before those.
        withheld: titles of claims that the type declares `never`.
        formats: files that would be given out now.
        successor: what took its place, where that is the subject's too.
        earlier: ids of the versions before it whose contents lie here (`earlier`).
        gone: its principal holder was erased, and with his key what it says, also for who holds it with him.
    """

    licence: Licence
    kind: CertificateType
    history: CertificateHistory
    withheld: Sequence[Words]
    formats: Sequence[str]
    successor: str | None
    earlier: Collection[str]
    gone: bool
    before: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What a licence says: titles and values in the order of its type; and its pages as PNG, where they were asked."""

    claims: Sequence[tuple[str, Words, str]] = field(repr=False)
    pages: Sequence[bytes] = field(default=(), repr=False)


class Folder:
    """Opens them. MissingError for what is not the subject's; the entry of that is the caller's."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        licences: Licences,
        types: TypeRegistry,
        files: LicenceFiles,
        pictures: FacePictures,
        pages_of: Callable[[CertificateType], Sequence[str]],
    ) -> None:
        """`pages_of`: the formats in which this hub makes pages of a type."""
        self._database = database
        self._vault = vault
        self._licences = licences
        self._types = types
        self._files = files
        self._pictures = pictures
        self._pages_of = pages_of

    async def leaf(self, subject_id: str, identifier: str) -> Leaf:
        """Its page, which is no look at what it says. Raises: MissingError, IntegrityBrokenError."""
        licence = await self._own(subject_id, identifier)

        def unit(tx: Connection) -> tuple[CertificateHistory, str | None, Collection[str], bool, bool]:
            version = find_version(tx, identifier)
            if version is None:
                raise MissingError("certificate")
            if not licence.principal:
                check_held(tx, self._vault, subject_id, version)
            whole = read_history(tx, self._vault, version)
            history = whole if licence.principal else self._of_further(tx, subject_id, whole)
            next_one = whole.successor()
            after = find_version(tx, next_one) if next_one else None
            own = after is not None and after.subject_id == subject_id and after.is_current()
            gone = not licence.principal and is_erased(tx, version.subject_id)
            earlier = () if gone else _earlier(tx, subject_id, history)
            return history, next_one if own else None, earlier, gone, history.versions[0] != whole.versions[0]

        history, successor, earlier, gone, before = await self._database.read(unit)
        kind = self._types.version(history.asked.type_code, history.asked.type_version)
        never = [kind.claims[name].title for name in kind.disclosed(Disclosure.NEVER)]
        withheld = [(title.zh, title.en) for title in never]
        formats = () if gone else self._offered(licence, kind)
        return Leaf(licence, kind, history, withheld, formats, successor, earlier, gone, before)

    async def contents(
        self, subject_id: str, identifier: str, *, by: Mapping[str, Any] | Hand, language: str, picture: bool = False
    ) -> Said:
        """What it says, `picture`: with its face; `by`: who looks.

        Raises: MissingError, NotInForceError (with a picture), TypeHaltedError, RenderingError, IntegrityBrokenError.
        """
        opening, allowed = await self._opening(subject_id, identifier, by)
        pages: Sequence[bytes] = ()
        if picture:
            payload, pages = await self._pictures.show(identifier, language=language, opening=opening, allowed=allowed)
        else:
            given = await self._files.give(identifier, SD_JWT, language=language, by=opening, allowed=allowed)
            parsed = parse(given.content)
            payload = reveal(parsed.payload, parsed.disclosures)
        kind = await self._database.read(lambda tx: self._type(tx, identifier))
        return Said(titled(kind, payload), pages)

    async def file(
        self, subject_id: str, identifier: str, wanted: str, *, by: Mapping[str, Any] | Hand, language: str
    ) -> LicenceFile:
        """A file of it, made when it is first asked for. Raises: MissingError; as `LicenceFiles.give`."""
        opening, allowed = await self._opening(subject_id, identifier, by)
        return await self._files.give(identifier, wanted, language=language, by=opening, allowed=allowed)

    async def _own(self, subject_id: str, identifier: str) -> Licence:
        licence = await self._licences.own(subject_id, identifier)
        if licence is None:
            raise MissingError("certificate")
        return licence

    async def _opening(
        self, subject_id: str, identifier: str, by: Mapping[str, Any] | Hand
    ) -> tuple[Opening, Callable[[VersionRecord], bool]]:
        """How the look is written down, and whether a version may be seen. Raises: MissingError, IntegrityBrokenError:
        the row by which a further holder holds it is not the hub's.
        """
        hand, licence = hand_of(by), await self._own(subject_id, identifier)
        if licence.indexed:
            raise MissingError("document")

        def unit(tx: Connection) -> str:
            version = find_version(tx, identifier)
            if version is None:
                raise MissingError("certificate")
            check_held(tx, self._vault, subject_id, version)
            if is_erased(tx, version.subject_id):
                raise MissingError("document")
            return version.id

        together = None if licence.principal else await self._database.read(unit)

        def allowed(version: VersionRecord) -> bool:
            return version.is_current() and (version.subject_id == subject_id or version.id == together)

        def still(tx: Connection, version: VersionRecord) -> None:
            hand.check(tx)
            lock_looker(tx, subject_id, version.subject_id)

        return Opening(hand.by, OWN if together is None else TOGETHER, still, hand.write), allowed

    def _of_further(self, tx: Connection, subject_id: str, whole: CertificateHistory) -> CertificateHistory:
        """Without the versions in which he is not named: what was done before he held it, and why, is not his.

        Raises: IntegrityBrokenError: a row says that he held one, and is not the hub's.
        """
        named = held_among(tx, subject_id, [item.id for item in whole.versions])
        his = [item for item in whole.versions if item.id in named or item.subject_id == subject_id]
        for item in his:
            if item.subject_id != subject_id:
                check_held(tx, self._vault, subject_id, item)
        return replace(whole, versions=his, lifetimes={item.id: whole.lifetimes[item.id] for item in his})

    def _type(self, tx: Connection, identifier: str) -> CertificateType:
        version = find_version(tx, identifier)
        if version is None:
            raise MissingError("certificate")
        self._types.learn(tx, [(version.type_code, version.type_version)])
        return self._types.version(version.type_code, version.type_version)

    def _offered(self, licence: Licence, kind: CertificateType) -> Sequence[str]:
        if licence.indexed:
            return ()
        pages = self._pages_of(kind) if licence.status == "valid" else ()
        return [*pages, *(name for name in (SD_JWT, JSON) if name in kind.supports.formats)]


def check_held(tx: Connection, vault: Vault, subject_id: str, version: VersionRecord) -> None:
    """Raises: MissingError: he is no further holder of this version; IntegrityBrokenError: a row says so that is not
    the hub's.
    """
    rows = [row for row in further_of(tx, version.id) if row.subject_id == subject_id]
    if not rows:
        raise MissingError("certificate")
    subject = subject_by_id(tx, subject_id)
    check_guards(tx, vault, held=[HeldVersion(version, subject, further=row) for row in rows])


def _earlier(tx: Connection, subject_id: str, history: CertificateHistory) -> Collection[str]:
    """By rows alone: whether he may read one is looked at when he opens it."""
    before = [item for item in history.versions if item.version < history.asked.version and item.state == "issued"]
    if history.asked.subject_id == subject_id:
        return {item.id for item in before}
    return held_among(tx, subject_id, [item.id for item in before])


def titled(kind: CertificateType, payload: Mapping[str, Any]) -> Sequence[tuple[str, Words, str]]:
    """Name, title and value of each claim that there is, in the order of the type."""
    return [
        (name, (claim.title.zh, claim.title.en), str(payload[name]))
        for name, claim in kind.claims.items()
        if name in payload
    ]
