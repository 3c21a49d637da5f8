"""The offline code of a page: made with it, under its intent, before it is set and signed.

It is signed by the key that signs licences and copies as text, whatever the page's suite: a phone checks ES256, and the
trust list has its chain. A key that its department keeps signs none: each signature would wait for an approval of its
own, the page's behind it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from certificates.claims import Disclosure
from certificates.definitions.certificate_type import CertificateType
from certificates.offline_code import copy_content, licence_content, write_offline_code
from certificates.rendering.face import Face
from certificates.stores.version import VersionRecord
from hub.issuing.keys.desk import Certified, SigningDesk
from hub.storage.database import Database
from hub.storage.keystore.port import Place


class OfflineCodes:
    """Puts offline codes on faces. Writes nothing."""

    def __init__(self, database: Database, *, desk: SigningDesk) -> None:
        self._database = database
        self._desk = desk

    async def on_licence(
        self, face: Face, version: VersionRecord, certificate_type: CertificateType, payload: Mapping[str, Any], at: int
    ) -> tuple[Face, str]:
        """The face of a licence with its code, and the key that signed it; as it was, and "", where there is none.

        Raises: SigningKeyError; what the signer raises.
        """
        certified = await self._database.read(lambda tx: self._issuer(tx, version))
        shown = in_clear(face, certificate_type)
        content = licence_content(payload, shown=shown, type_name=face.title.zh, binding=face.binding or "", at=at)
        return await _signed(face, content, certified)

    async def on_copy(self, face: Face, payload: Mapping[str, Any], at: int) -> tuple[Face, str]:
        """The same for a purpose copy: all that was granted is on its page, and in its code."""
        shown = [row.name for row in face.rows]
        content = copy_content(payload, shown=shown, type_name=face.title.zh, at=at)
        return await _signed(face, content, self._desk.hub("purpose-copy"))

    def _issuer(self, tx: Connection, version: VersionRecord) -> Certified:
        return self._desk.issuer(tx, version.issuer_code, type_code=version.type_code)


def in_clear(face: Face, certificate_type: CertificateType) -> list[str]:
    """Which rows of a licence's page its code repeats: what is always shown, and the names of its holders.

    A code is photographed more easily than a page is copied: what a holder may keep back is not in it.
    """
    names = {rule.name for rule in (certificate_type.holder, *certificate_type.further_holders)}
    always = {name for name, claim in certificate_type.claims.items() if claim.disclosure is Disclosure.ALWAYS}
    return [row.name for row in face.rows if row.name in names | always]


async def _signed(face: Face, content: Mapping[str, Any], certified: Certified) -> tuple[Face, str]:
    if certified.place is Place.REMOTE:
        return face, ""
    code = await asyncio.to_thread(write_offline_code, content, signer=certified.signer)
    return (face, "") if code is None else (replace(face, offline_code=code), certified.signer.kid)
