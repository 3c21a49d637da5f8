"""Answers kept for as long as an interface's owner allows, encrypted, so that whoever reads the cache reads nothing.

A cache only spares the source work: grant, case and identity are checked for every query, and what leaves goes on the
ledger each time. Nothing is kept of an answer that there is no record: the next minute may register one.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from adapters.port import Value
from catalog.interface_store import StoredInterface
from catalog.source_store import StoredSource
from hub.exchange.judging import Reading, as_stored, from_stored
from hub.storage.cache import Cache
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from hub.threads import off_loop, weight
from signing.canonical import canonical, strict_loads
from signing.errors import MalformedError

_MAX_BYTES: Final = 1_048_576
_MAX_DEPTH: Final = 64


class AnswerCache:
    """Readings by interface version, source as it stands, and parameters: what either was before is not looked up."""

    def __init__(self, cache: Cache, *, vault: Vault) -> None:
        self._cache = cache
        self._vault = vault
        self._key = DataKey(vault.row_mac(b"derive\x1fanswer-cache"), wrapped=b"", kek_kid="")

    async def get(
        self, stored: StoredInterface, source: StoredSource, params: Mapping[str, Value], *, now: datetime
    ) -> Reading | None:
        """A kept reading, however old within `cache_seconds + stale_seconds`; see `fresh`."""
        interface = stored.interface
        if not interface.cache_seconds:
            return None
        place = self._place(stored, source, params)
        sealed = await self._cache.get(place)
        if not isinstance(sealed, str):
            return None
        try:
            reading = await off_loop(len(sealed), lambda: self._opened(place, sealed))
        except (IntegrityBrokenError, MalformedError, KeyError, TypeError, ValueError):
            return None  # what cannot be read is not kept: the source is asked
        age = (now - reading.obtained_at).total_seconds()
        return reading if 0 <= age <= interface.cache_seconds + interface.stale_seconds else None

    async def put(
        self, stored: StoredInterface, source: StoredSource, params: Mapping[str, Value], reading: Reading
    ) -> None:
        """Keep a reading, if its interface allows and there is something to keep."""
        interface = stored.interface
        if not interface.cache_seconds or not reading.records:
            return
        place = self._place(stored, source, params)
        sealed = await off_loop(weight(reading.records), lambda: self._sealed(place, reading))
        if sealed is None:
            return
        await self._cache.set(place, sealed, seconds=interface.cache_seconds + interface.stale_seconds)

    def _opened(self, place: str, sealed: str) -> Reading:
        plain = self._key.decrypt(place, b64decode(sealed))
        return from_stored(strict_loads(plain, max_bytes=_MAX_BYTES, max_depth=_MAX_DEPTH))

    def _sealed(self, place: str, reading: Reading) -> str | None:
        """None for what is not kept: too much of it, or with a value that has no JSON in a field that did not leave."""
        try:
            plain = canonical(as_stored(reading))
        except MalformedError:
            return None
        return None if len(plain) > _MAX_BYTES else b64encode(self._key.encrypt(place, plain)).decode()

    def _place(self, stored: StoredInterface, source: StoredSource, params: Mapping[str, Value]) -> str:
        whose = (stored.id, str(stored.row_version), source.id, str(source.row_version))
        return f"answer:{self._vault.lookup_hash('answer', *whose, canonical(dict(params)).decode()).hex()}"


def fresh(reading: Reading, stored: StoredInterface, *, now: datetime) -> bool:
    """Whether the source need not be asked."""
    return (now - reading.obtained_at).total_seconds() <= stored.interface.cache_seconds
