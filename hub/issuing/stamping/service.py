"""Time-stamps (RFC 3161): one authority, the built-in one for trying out or the one that the operator named.

Neither stands in for the other. An authority that is down makes an error; whoever can wait puts an order into
`stamping_queue`. A stamp is checked before it is given out: what cannot be verified was never obtained.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection

from hub.clock import Clock
from hub.issuing.keys.desk import Certified, SigningDesk
from hub.issuing.keys.errors import NoSigningKeyError, SigningKeyError
from hub.issuing.keys.making import DESK
from hub.issuing.keys.store import KeySlot
from hub.outbound import Outbound, OutboundError
from hub.storage.database import Database
from hub.storage.errors import MissingError
from signing.errors import SigningError
from signing.tsp.authority import Authority
from signing.tsp.tokens import Stamp, request, token_of, verify_token

QUERY_TYPE: Final = "application/timestamp-query"
REPLY_TYPE: Final = "application/timestamp-reply"
ROLE: Final = "timestamp"
REST: Final = timedelta(seconds=30)
"""After a failure nobody waits for the authority again for so long; orders go on waiting in their queue."""
_SERIAL_BITS: Final = 152


class StampUnavailableError(Exception):
    """Nothing was stamped. `reason` is a code: of OutboundError, of SigningError, or about the built-in key."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ExternalAuthority:
    """The authority of the settings: its address, and the roots (DER) that its stamps lead to."""

    url: str
    anchors: tuple[bytes, ...]

    @classmethod
    def read(cls, url: str, path: Path) -> "ExternalAuthority":
        """Raises: OSError; ValueError: no certificate in the file."""
        found = x509.load_pem_x509_certificates(path.read_bytes())
        return cls(url, tuple(each.public_bytes(Encoding.DER) for each in found))


class TimeStamps:
    """One per process."""

    def __init__(
        self, database: Database, *, desk: SigningDesk, clock: Clock, external: ExternalAuthority | None = None
    ) -> None:
        self._database = database
        self._desk = desk
        self._clock = clock
        self._external = external
        self._outbound = None if external is None else Outbound(external.url, plain=True)
        self._rests_until: tuple[datetime, str] | None = None

    @property
    def trial(self) -> bool:
        """Whether stamps are the built-in authority's."""
        return self._external is None

    def anchors(self) -> tuple[bytes, ...]:
        """Roots under which stamps are believed: of the named authority, and the hub's own for earlier stamps."""
        named = () if self._external is None else self._external.anchors
        return (*named, *self._desk.anchors())

    async def stamp(self, digest: bytes) -> bytes:
        """A token over a SHA-256, checked. Raises: StampUnavailableError."""
        token, _ = await self.stamped(digest)
        return token

    async def stamped(self, digest: bytes) -> tuple[bytes, Stamp]:
        """A token over a SHA-256, and what it proves. Raises: StampUnavailableError."""
        self._check_rest()
        nonce = secrets.randbits(63)
        asked = request(digest, nonce=nonce)
        try:
            answer = await self._ask(asked)
            token = token_of(answer, digest=digest, nonce=nonce)
            anchors = self._desk.anchors() if self._external is None else self._external.anchors
            return token, verify_token(token, digest=digest, anchors=anchors, now=self._clock())
        except (SigningError, OutboundError) as error:
            raise self._failed(error.reason) from error

    def from_thread(self) -> Callable[[bytes], bytes]:
        """`stamp` for code in a thread, such as `signing.pades.signature.sign`; to be called on the event loop."""
        loop = asyncio.get_running_loop()
        return lambda digest: asyncio.run_coroutine_threadsafe(self.stamp(digest), loop).result()

    async def answer(self, asked: bytes) -> bytes:
        """The built-in authority's answer to anybody's request.

        Raises: MissingError: this hub has none, another one was named. StampUnavailableError.
        """
        if self._external is not None:
            raise MissingError("time-stamp authority")
        authority = await self._authority()
        now, serial = self._clock(), secrets.randbits(_SERIAL_BITS)
        # The key may live in a token or with somebody else.
        return await asyncio.to_thread(lambda: authority.answer(asked, now=now, serial=serial))

    async def _ask(self, asked: bytes) -> bytes:
        if self._external is None or self._outbound is None:
            return await self.answer(asked)
        return await self._outbound.exchange(self._external.url, asked, media_type=QUERY_TYPE, accept=REPLY_TYPE)

    def _check_rest(self) -> None:
        if self._rests_until is not None and self._clock() < self._rests_until[0]:
            raise StampUnavailableError(self._rests_until[1])

    def _failed(self, reason: str) -> StampUnavailableError:
        self._rests_until = self._clock() + REST, reason
        return StampUnavailableError(reason)

    async def _authority(self) -> Authority:
        try:
            certified = await self._certified()
        except SigningKeyError as error:  # refused by the operator, stopped, or waiting for its certificate
            raise StampUnavailableError("built_in_key") from error
        return Authority(certified.signer, certified.chain)

    async def _certified(self) -> Certified:
        """The built-in authority's key, made when it is first needed; it then waits for a certificate where need be."""
        desk = self._desk
        with suppress(NoSigningKeyError):
            return desk.hub(ROLE)
        owner, now = desk.owner(), self._clock()
        slot = KeySlot(ROLE, owner.slot.organization_id)
        signer = await asyncio.to_thread(desk.maker.new_signer, slot)
        drafted = desk.maker.drafted(slot, signer, organization=owner.organization, now=now)
        made = desk.maker.ready(drafted, now=now)

        def unit(tx: Connection) -> None:
            desk.book.of(tx, "hub", owner.slot.organization_id, for_update=True)  # one at a time makes it
            if not desk.book.of(tx, ROLE, owner.slot.organization_id):
                desk.book.write(tx, made, "key.made", actor=DESK, now=now)

        await self._database.write(unit)
        await self._database.read(desk.load)
        return desk.hub(ROLE)
