"""Places in a list, handed out sealed: a cursor is opaque, and good for the very list that gave it."""

import hmac
from typing import Any, Final

from catalog.errors import DefinitionError
from signing.canonical import b64u, canonical, sha256, strict_loads, unb64u
from signing.errors import SigningError

_MAC_BYTES: Final = 16
_MAX_CHARACTERS: Final = 1024
_STRANGE: Final = "cursor: it does not belong to this list"


class Cursors:
    """Seals places under the hub's cursor key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, place: list[Any], *, scope: Any) -> str:
        """A cursor for a place in the list that `scope` describes: query, filters and who asks, as JSON."""
        body = canonical(place)
        return b64u(self._mac(body, scope) + body)

    def open(self, cursor: str, *, scope: Any) -> list[Any]:
        """The place. Raises: DefinitionError for anything but a cursor of this list."""
        try:
            sealed = unb64u(cursor[:_MAX_CHARACTERS])
        except (ValueError, SigningError) as error:
            raise DefinitionError(_STRANGE) from error
        mac, body = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body, scope)):
            raise DefinitionError(_STRANGE)
        place: list[Any] = strict_loads(body, max_bytes=_MAX_CHARACTERS)
        return place

    def _mac(self, body: bytes, scope: Any) -> bytes:
        return hmac.digest(self._key, b"cursor\x1f" + sha256(canonical(scope)) + body, "sha256")[:_MAC_BYTES]
