"""What a system orders, and what it sees of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from hub.clock import rfc3339
from hub.collection.batches.store import BatchState, Part, StoredBatch
from hub.collection.errors import MappingError
from hub.collection.mapping import Mapping as ColumnMapping
from hub.collection.mapping_file import read_mapping
from hub.collection.reading.reader import Format
from hub.edge.errors import Fault, InvalidBodyError

PART_BYTES: Final = 8 * 1024 * 1024
MAX_PARTS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOrder:
    """What a system wants collected. `mapping` as in a mapping file; the type's own without one."""

    type: str
    issuer: str
    as_of: datetime
    format: Format
    sheet: str | None = None
    mapping: Mapping[str, Any] | None = None
    total_bytes: int | None = None
    sha256: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "type": self.type,
            "issuer": self.issuer,
            "as_of": rfc3339(self.as_of),
            "format": self.format.value,
            "sheet": self.sheet,
            "mapping": None if self.mapping is None else dict(self.mapping),
            "total_bytes": self.total_bytes,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch and its parts, for the system that made it."""

    batch: StoredBatch
    parts: tuple[Part, ...]

    @property
    def per_cent(self) -> int:
        """How much of the register is read, 0 to 100."""
        batch = self.batch
        if batch.state is BatchState.FINISHED:
            return 100
        return min(batch.done_bytes * 100 // max(batch.size_bytes, 1), 100)

    def as_json(self) -> dict[str, Any]:
        """As the API tells it."""
        batch = self.batch
        return {
            "batch": batch.id,
            "state": batch.state.value,
            **{name: batch.ordered[name] for name in ("type", "issuer", "as_of", "format")},
            "parts": [{"number": part.number, "bytes": part.size_bytes, "sha256": part.sha256} for part in self.parts],
            "part_bytes": PART_BYTES,
            "progress": {"per_cent": self.per_cent, "rows": batch.totals.rows, **batch.totals.to_json()},
            "reasons": dict(sorted(batch.reasons.items())),
            "problem": batch.problem or None,
            "created_at": rfc3339(batch.created_at),
            "expires_at": rfc3339(batch.expires_at),
        }


def mapping_of(declared: Mapping[str, Any] | None) -> ColumnMapping | None:
    """The mapping of an order. Raises: InvalidBodyError."""
    if declared is None:
        return None
    try:
        return read_mapping(json.dumps(declared).encode())
    except MappingError as error:
        raise InvalidBodyError(Fault(f"/mapping/{error.where}", error.reason)) from None
