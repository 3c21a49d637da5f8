"""From a face to a sealed OFD: the signer's SM2 key, its seal, the time-stamp. Writes nothing but keys and seals.

SM2 and no other suite: a machine without it makes no OFD (`SuiteUnavailableError`), and a PDF is none the worse.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog

from certificates.rendering.face import Face
from hub.issuing.keys.desk import Certified
from hub.issuing.keys.first import FirstNeed
from hub.issuing.renditions.making import MadePage, signer_of, unstamped
from hub.issuing.renditions.seals import Seals
from hub.issuing.stamping.service import StampUnavailableError, TimeStamps

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sheet:
    """An OFD to be made: what it shows, when it was asked for, and whose key signs and seals it."""

    face: Face
    at: datetime
    certified: Certified
    owner: str
    name: str


class OfdMaker:
    """Makes sealed OFDs."""

    def __init__(self, *, keys: FirstNeed, seals: Seals, stamps: TimeStamps, own_fonts: Path | None) -> None:
        self.keys = keys
        self._seals = seals
        self._stamps = stamps
        self._own_fonts = own_fonts

    async def make(self, sheet: Sheet, *, stamped: bool) -> MadePage:
        """The sealed file; with `stamped`, a time-stamp in its seal, or the mark that the authority was away.

        Raises: RenderingError; SigningKeyError, SuiteUnavailableError; SignerUnavailableError; IntegrityBrokenError.
        """
        from signing.ses.asn1 import parse_seal

        seal = await self._seals.of(sheet.face, sheet.certified, owner=sheet.owner, name=sheet.name)
        # A page that was asked for before its seal was made is dated when it could first be sealed.
        at = max(sheet.at, parse_seal(seal).valid_from)
        made = partial(_sealed, certified=sheet.certified, seal=seal, at=at, fonts=self._own_fonts)
        if not stamped:
            return MadePage(await asyncio.to_thread(made, sheet.face, stamp=None))
        try:
            return MadePage(await asyncio.to_thread(made, sheet.face, stamp=self._stamps.from_thread()))
        except StampUnavailableError as error:
            _log.warning("page_without_time_stamp", reason=error.reason)
        file = await asyncio.to_thread(made, unstamped(sheet.face, sheet.certified), stamp=None)
        return MadePage(file, await asyncio.to_thread(_to_stamp, file))


def _to_stamp(package: bytes) -> bytes:
    from certificates.rendering.ofd.sealing import to_stamp

    return to_stamp(package)


def _sealed(
    face: Face,
    *,
    certified: Certified,
    seal: bytes,
    at: datetime,
    fonts: Path | None,
    stamp: Callable[[bytes], bytes] | None,
) -> bytes:
    from certificates.rendering.ofd.making import make

    signer, chain = signer_of(certified, face), certified.chain
    return make(face, signer=signer, chain=chain, seal=seal, now=at, stamp=stamp, own_fonts=fonts)
