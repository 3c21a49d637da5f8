"""The face of a licence as a picture for its holder's screen: set anew each time, kept nowhere, and no evidence.

It bears neither seal nor codes nor signature, and says so: what proves something is the file (`files`). Each look is on
the ledger before the picture leaves.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sqlalchemy import Connection

from certificates.profile import CIVIL_ZONE
from certificates.rendering.page_data import page_data
from certificates.stores import certificates as store
from certificates.stores.version import VersionRecord
from hub.clock import Clock
from hub.issuing.renditions.files import Allowed, require_in_force
from hub.issuing.renditions.opening import Opening
from hub.issuing.renditions.press import Job, Press
from hub.issuing.renditions.source import Opened, RenditionSource
from hub.issuing.renditions.template_in_force import template_of
from hub.issuing.status.service import UnknownCertificateError
from hub.issuing.types.halts import refuse_halted
from hub.ledger.guards import check_guards
from hub.storage.database import Database
from hub.storage.vault import Vault

PPI: Final = 104
"""A page of A4 lying down is some 1,200 pixels wide: sharp on a telephone, and light."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    opened: Opened
    template: str = field(repr=False)


class FacePictures:
    """Makes them."""

    def __init__(
        self, database: Database, *, vault: Vault, source: RenditionSource, press: Press, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._source = source
        self._press = press
        self._clock = clock

    async def show(
        self, identifier: str, *, language: str, opening: Opening, allowed: Allowed
    ) -> tuple[Mapping[str, object], Sequence[bytes]]:
        """What a licence in force says, and its pages as PNG.

        Raises: UnknownCertificateError, NotInForceError, TypeHaltedError, RenderingError, IntegrityBrokenError.
        """
        prepared = await self._database.read(partial(self._prepared, identifier, allowed))
        opened = prepared.opened
        face = self._source.screen_face(opened, language)
        data = await asyncio.to_thread(page_data, face, preview=True)
        at = round(opened.version.created_at.timestamp())
        made = await self._press.set(Job(prepared.template, data, "png", at, PPI))
        await self._database.write(partial(self._look, identifier, opening, allowed))
        return opened.payload, made.files

    def _prepared(self, identifier: str, allowed: Allowed, tx: Connection) -> _Prepared:
        opened = self._source.open_version(tx, self._seen(tx, identifier, allowed))
        template = template_of(tx, opened.type, at=opened.version.created_at, vault=self._vault)
        return _Prepared(opened, template)

    def _seen(self, tx: Connection, identifier: str, allowed: Allowed) -> VersionRecord:
        version = store.find_version(tx, identifier)
        if version is None or version.state != "issued" or not allowed(version):
            raise UnknownCertificateError
        check_guards(tx, self._vault, versions=[version])
        refuse_halted(tx, self._vault, [version.type_code])
        require_in_force(version, self._clock().astimezone(CIVIL_ZONE).date())
        return version

    def _look(self, identifier: str, opening: Opening, allowed: Allowed, tx: Connection) -> None:
        """Written down last, and only of what may still be seen: it may have been revoked meanwhile."""
        version = self._seen(tx, identifier, allowed)
        opening.check(tx, version)
        key = self._source.key_of(tx, version)
        opening.write(tx, identifier, "picture", key=key, version=version, now=self._clock())
