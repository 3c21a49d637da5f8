"""Everything that one key, template, source or batch has touched, exact and as a stream: for the operator.

The library is read as a whole and each row held against its guard before it is judged: a row that somebody wrote would
otherwise be missing from the one list that is asked for when somebody did. Such rows are listed, whatever was asked.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from certificates.errors import ActError
from certificates.rendering.store import scan_renditions
from certificates.stores import certificates as store
from certificates.stores.transitions import MADE, has_detail
from certificates.stores.version import VersionRecord
from hub.access.actors import Actor, Role
from hub.clock import Clock, rfc3339
from hub.issuing.keys.signers import names_its_key, signed_by
from hub.issuing.keys.store import KeyBook
from hub.issuing.renditions.seals import seals_by
from hub.issuing.renditions.template_in_force import versions_of
from hub.issuing.touched_pages import TemplateSpan, find_pages, seal_line
from hub.issuing.transitions.reading import acts_by
from hub.issuing.transitions.writing import BROUGHT_BY
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import made_at, version_mac
from hub.registry.recording import record
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault

PAGE: Final = 1000
ORIGINS: Final = ("batch", "run", "source")
KnownOrigin = Callable[[Connection, str], bool]
"""Whether there is or was such a batch, run or source."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """What is looked for; all that is given must fit. `template`: a version of the type's own, 0 while it had none."""

    key: str | None = None
    type: str | None = None
    type_version: int | None = None
    template: int | None = None
    source: str | None = None
    batch: str | None = None
    run: str | None = None

    def origin(self) -> str | None:
        """As it is written at a version. Raises: ActError when more than one is named."""
        named = [(name, value) for name in ORIGINS if (value := getattr(self, name)) is not None]
        if len(named) > 1:
            raise ActError(named[1][0], "one_of_source_batch_run")
        return ":".join(named[0]) if named else None


@dataclass(frozen=True, slots=True)
class _Wanted:
    key: str | None
    code: str | None
    type_version: int | None
    origin: str | None
    span: TemplateSpan | None

    def fits(self, version: VersionRecord) -> bool:
        """But for the key, which the row may not know."""
        return self.origin in {None, version.origin} and self.is_of_type(version)

    def is_of_type(self, version: VersionRecord) -> bool:
        """Whether its type fits."""
        return self.code in {None, version.type_code} and self.type_version in {None, version.type_version}


@dataclass(frozen=True, slots=True)
class _Found:
    version: VersionRecord
    kid: str
    guarded: bool
    acts: tuple[str, ...] = ()


class TouchedService:
    """Lists; it changes nothing. Every list is on the ledger."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        types: TypeRegistry,
        book: KeyBook,
        known_origin: KnownOrigin,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._book = book
        self._known_origin = known_origin
        self._vault = vault
        self._types = types
        self._log_key = log_key
        self._clock = clock

    async def stream(self, actor: Actor, touch: Touch) -> AsyncIterator[dict[str, Any]]:
        """Begin a list: identifiers, states, keys; no person. What is made while it is read may be missing.

        Licences first: those that only wait for their signature are among them, since what was decided with a key
        counts, signed or not. Then what a key signed besides, or a template set: pages and their offline codes, seals.
        A row with a wrong guard is listed, `"guard": "broken"`, and is an alarm: nobody can say what touched it.

        Raises: ForbiddenError; ActError without any condition, or for a template without its type; MissingError for an
            unknown key, type, template, source, batch or run.
        """
        actor.require(Role.OPERATOR, Role.AUDITOR)
        wanted = await self._database.read(lambda tx: self._wanted(tx, touch))
        detail = {
            "key": touch.key,
            "type": wanted.code,
            "type_version": touch.type_version,
            "template": touch.template,
            "origin": wanted.origin,
        }
        now = self._clock()
        told = {name: value for name, value in detail.items() if value is not None}
        await self._database.write(lambda tx: record(tx, self._log_key, actor, "certificate.touched", told, now=now))
        return self._lines(wanted)

    def _wanted(self, tx: Connection, touch: Touch) -> _Wanted:
        origin, code, span = touch.origin(), None, None
        if touch.type is not None:
            known = self._types.newest(touch.type)
            if known is None:
                raise MissingError("certificate type")
            code = known.code
        if touch.key is None and code is None and origin is None:
            raise ActError("touched", "key_type_source_or_batch")
        if touch.template is not None:
            if code is None:
                raise ActError("template", "needs_its_type")
            span = TemplateSpan.of(versions_of(tx, code, vault=self._vault), touch.template)
            if span is None:
                raise MissingError("face template")
        if touch.key is not None:
            self._book.find(tx, touch.key)
        if origin is not None and not self._is_known(tx, origin):
            raise MissingError(origin.partition(":")[0])
        return _Wanted(touch.key, code, touch.type_version, origin, span)

    def _is_known(self, tx: Connection, origin: str) -> bool:
        """A reconciliation of files is no run that is kept: its acts tell of it."""
        if self._known_origin(tx, origin) or store.has_origin(tx, origin):
            return True
        return has_detail(tx, BROUGHT_BY, origin)

    async def _lines(self, wanted: _Wanted) -> AsyncIterator[dict[str, Any]]:
        if wanted.span is None:
            async for line in self._licences(wanted):
                yield line
        if wanted.span is not None or wanted.key is not None:
            async for line in self._pages(wanted):
                yield line
        if wanted.key is not None and wanted == _Wanted(wanted.key, None, None, None, None):
            for seal in await self._database.read(lambda tx: seals_by(tx, self._vault, wanted.key or "")):
                yield seal_line(seal)

    async def _pages(self, wanted: _Wanted) -> AsyncIterator[dict[str, Any]]:
        after: str | None = None
        fits = {"type_code": wanted.code, "type_version": wanted.type_version, "origin": wanted.origin}
        while read := await self._database.read(
            lambda tx, after=after: scan_renditions(tx, after, PAGE)  # type: ignore[misc]
        ):
            after = read[-1].id
            for line in await self._database.read(
                lambda tx, read=read: find_pages(  # type: ignore[misc]
                    tx, self._vault, read, key=wanted.key, span=wanted.span, fits=fits
                )
            ):
                yield line

    async def _licences(self, wanted: _Wanted) -> AsyncIterator[dict[str, Any]]:
        after: str | None = None
        while read := await self._database.read(
            lambda tx, after=after: store.scan_versions(tx, after, PAGE)  # type: ignore[misc]
        ):
            after = read[-1].id
            found, unsure = await asyncio.to_thread(self._judged, read, wanted)
            if found or unsure:
                more, times = await self._database.read(
                    lambda tx, found=found, unsure=unsure: self._looked_up(tx, found, unsure, wanted)  # type: ignore[misc]
                )
                for item in sorted([*found, *more], key=lambda item: item.version.id):
                    yield _line(item, times.get(item.version.id, item.version.created_at))

    def _judged(self, read: Sequence[VersionRecord], wanted: _Wanted) -> tuple[list[_Found], list[VersionRecord]]:
        """What fits, and what fits if its token names the key, or an act the origin, that is looked for."""
        found: list[_Found] = []
        unsure: list[VersionRecord] = []
        for version in read:
            if not hmac.compare_digest(version_mac(version, self._vault), version.mac):
                _log.error("guarded_row_broken", alarm=True, where="certificate_versions", version=version.id)
                found.append(_Found(version, version.signing_kid, guarded=False))
            elif not wanted.is_of_type(version):
                continue
            elif wanted.origin is not None and version.row_version > MADE:
                unsure.append(version)
            elif not wanted.fits(version):
                continue
            elif wanted.key is not None and not names_its_key(self._vault, version):
                unsure.append(version)
            elif wanted.key in {None, version.signing_kid}:
                found.append(_Found(version, version.signing_kid, guarded=True))
        return found, unsure

    def _looked_up(
        self, tx: Connection, found: Sequence[_Found], unsure: Sequence[VersionRecord], wanted: _Wanted
    ) -> tuple[list[_Found], dict[str, datetime]]:
        more = []
        versions = store.read_versions(tx, [item.id for item in unsure])
        acts = acts_by(tx, self._vault, versions, wanted.origin) if wanted.origin is not None else {}
        for version in versions:
            mine = acts.get(version.id, ())
            kid = (signed_by(tx, self._vault, version) or version.signing_kid) if wanted.key else version.signing_kid
            if mine is None:
                more.append(_Found(version, kid, guarded=False))
            elif wanted.key in {None, kid} and (mine or wanted.fits(version)):
                more.append(_Found(version, kid, guarded=True, acts=mine))
        return more, made_at(tx, [item.version.id for item in (*found, *more)])


def _line(item: _Found, made: datetime) -> dict[str, Any]:
    version = item.version
    return {
        "what": "licence",
        "identifier": version.identifier,
        "type": version.type_code,
        "issuer": version.issuer_code,
        "version": version.version,
        "state": version.state,
        "status": version.status,
        "key": item.kid,
        "origin": version.origin,
        "acts": list(item.acts),
        "made_at": rfc3339(made),
        "guard": "ok" if item.guarded else "broken",
    }
