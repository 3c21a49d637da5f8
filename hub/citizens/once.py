"""The same request sent twice by a holder's program acts once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Once:
    """An Idempotency-Key, and the hash of the request that it came with."""

    key: str
    request_hash: str
