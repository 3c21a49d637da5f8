"""From an opened licence to a signed page: face, setting, seal, signature. Writes nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from importlib import resources
from threading import Lock
from typing import Any, Final

import structlog

from certificates.rendering.face import Face, Mark
from certificates.rendering.page_data import page_data
from certificates.rendering.typesetting import SealPlace
from hub.issuing.keys.desk import Certified
from hub.issuing.renditions.press import Job, Press
from hub.issuing.stamping.service import StampUnavailableError, TimeStamps
from hub.storage.keystore.port import Place
from signing.canonical import sha256
from signing.keys import Signer

KIND: Final = "rendition"
"""What a department's signer is told that it signs."""
SEAL_FOOT: Final = "电子证照专用章"
_OVAL_HEIGHT: Final = 0.7
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """A page to be made: what it shows, how, at which instant, and under whose signature."""

    face: Face
    template: str = field(repr=False)
    at: datetime
    certified: Certified
    name: str
    reason: str
    sealed: bool


@dataclass(frozen=True, slots=True)
class MadePage:
    """A signed file; `to_stamp` is what a time-stamp that it lacks is to be over (SHA-256)."""

    file: bytes = field(repr=False)
    to_stamp: bytes | None = None


class PageMaker:
    """Makes signed PDFs."""

    def __init__(self, press: Press, stamps: TimeStamps) -> None:
        self._press = press
        self._stamps = stamps

    async def make(self, page: Page) -> MadePage:
        """The signed PDF, an issuer's with a time-stamp.

        While the authority is away a page says that it was made without: nobody waits for it at a counter, and nobody
        takes the claimed time for a proven one (drill 35). Room is kept for the stamp that comes later.

        Raises: RenderingError, TemplateError; SigningError; SignerUnavailableError.
        """
        if not page.sealed:  # a copy ends within days: its own end proves as much
            return MadePage(await self._made(page, None))
        try:
            return MadePage(await self._made(page, self._stamps.from_thread()))
        except StampUnavailableError as error:
            _log.warning("page_without_time_stamp", reason=error.reason)
        file = await self._made(replace(page, face=unstamped(page.face, page.certified)), None)
        return MadePage(file, await asyncio.to_thread(_to_stamp, file))

    async def _made(self, page: Page, stamp: Callable[[bytes], bytes] | None) -> bytes:
        data = await asyncio.to_thread(page_data, page.face)  # draws the QR codes
        job = Job(page.template, data, "pdf", round(page.at.timestamp()))
        made = await self._press.set(job)
        return await asyncio.to_thread(_signed, made.files[0], made.seal, page, stamp)


def signer_of(certified: Certified, face: Face) -> Signer:
    """The signer of a page, which tells a department that keeps its key what it is about to sign."""
    return certified.about(kind=KIND, type=face.type_code, identifier=face.identifier)


def unstamped(face: Face, certified: Certified) -> Face:
    """The face with the mark that it has no time-stamp. What a department approved stays that page and no other."""
    if certified.place is Place.REMOTE:
        return face
    return replace(face, marks=(*face.marks, Mark.NOT_STAMPED))


def _signed(pdf: bytes, place: SealPlace | None, page: Page, stamp: Callable[[bytes], bytes] | None) -> bytes:
    from signing.pades.seal import SealPicture
    from signing.pades.signature import TOKEN_ROOM, SealBox, sign

    box = None
    if place is not None:
        oval = page.face.seal_shape == "oval"
        height = place.size * (_OVAL_HEIGHT if oval and page.sealed else 1)
        bottom = place.y + (place.size - height) / 2
        rectangle = (place.x, bottom, place.x + place.size, bottom + height)
        # A purpose copy has no seal: its stamp is on the page, and the field over it shows nothing of its own.
        picture = _seal(page.face.seal_text, oval) if page.sealed else SealPicture.of(1, 1, b"")
        box = SealBox(place.page, rectangle, picture)
    return sign(
        pdf,
        signer=signer_of(page.certified, page.face),
        chain=page.certified.chain,
        now=page.at,
        reason=page.reason,
        name=page.name,
        location=None,
        seal=box,
        stamp=stamp,
        room=TOKEN_ROOM if page.sealed else None,
    )


def _to_stamp(pdf: bytes) -> bytes:
    from signing.pades.archive import signature_value

    return sha256(signature_value(pdf))


_PEN_LOCK: Final = Lock()


@lru_cache(256)
def _seal(text: str, oval: bool) -> Any:  # noqa: FBT001  # a cache's key
    with _PEN_LOCK:  # a pen is for one thread at a time
        return _pen().draw(text[:40], foot=SEAL_FOOT, oval=oval)


@lru_cache(1)
def _pen() -> Any:
    from signing.pades.seal import SealPen

    font = resources.files("pylopdf_fonts_zh_cn").joinpath("NotoSerifSC-Regular.otf")
    return SealPen(font.read_bytes())


def whole_second(instant: datetime) -> datetime:
    """The instant to the second, as files can say it."""
    return instant - timedelta(microseconds=instant.microsecond)
