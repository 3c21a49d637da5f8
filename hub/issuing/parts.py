"""Licences that an officer's act makes: what decides about each, beside the register that decides for collection."""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from certificates.stores.version import VersionRecord
from hub.issuing.plan import Decision, Record
from hub.issuing.types.registry import TypeInForce


class Making(Protocol):
    """An officer's act that makes one version, where collection would decide by the register alone. May run again."""

    def decided(self, tx: Connection, known: VersionRecord | None) -> Decision:
        """What becomes of the record whose newest version is `known`; raises what forbids it."""
        ...

    def born(self, tx: Connection, version: VersionRecord) -> None:
        """The intent is written: write beside it what made it."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """One licence of several that are made by one act."""

    record: Record
    issued: TypeInForce
    making: Making
