"""What a pull does to its database and its keys, recorded from the hub itself, so that a floor can do exactly that."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

from jose.backends.cryptography_backend import CryptographyECKey
from sqlalchemy import Connection, Engine, event

from catalog import bulk
from hub.storage.database import Database
from signing.keys import Es256Key, SoftwareSigner, VerifyingKey

_BEGIN: Final = re.compile(r"^(BEGIN|SET TRANSACTION)\b")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as the driver got it."""

    sql: str
    parameters: Any
    many: bool

    @property
    def name(self) -> str:
        """Verb and table, such as `SELECT cases`: of several tables that of the first column."""
        verb = self.sql.split(None, 1)[0]
        pattern = {
            "SELECT": r"^SELECT\s+([a-z_]+)\.",
            "INSERT": r"\bINTO\s+([a-z_]+)",
            "UPDATE": r"^UPDATE\s+([a-z_]+)",
            "COPY": r"^COPY\s+([a-z_]+)",
        }
        found = re.search(pattern.get(verb, r"\bFROM\s+([a-z_]+)"), self.sql)
        return f"{verb} {found.group(1)}" if found else self.sql


@dataclass(slots=True)
class Unit:
    """One transaction."""

    statements: list[Statement] = field(default_factory=list)
    committed: bool = False


@dataclass(slots=True)
class Recording:
    """Everything between two points, in order. Lengths are of the messages signed and verified."""

    units: list[Unit] = field(default_factory=list)
    signed: list[int] = field(default_factory=list)
    verified: list[int] = field(default_factory=list)

    def operations(self) -> list[tuple[str, ...]]:
        """Each transaction as (`commit` or `read`, statements…)."""
        return [
            ("commit" if unit.committed else "read", *(statement.name for statement in unit.statements))
            for unit in self.units
            if unit.statements
        ]


@contextmanager
def recorded(database: Database) -> Iterator[Recording]:
    """Record what is done until the block ends. One task only: statements of concurrent work would mix."""
    engine: Any = database._engine  # type: ignore[attr-defined]  # noqa: SLF001  # both databases have one
    listened: Engine = getattr(engine, "sync_engine", engine)
    recording = Recording()

    def begun(_connection: Any) -> None:
        recording.units.append(Unit())

    def executed(_c: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, many: bool) -> None:  # noqa: FBT001
        if not _BEGIN.match(sql):
            recording.units[-1].statements.append(Statement(sql, parameters, many))

    def committed(_connection: Any) -> None:
        recording.units[-1].committed = True

    copy = bulk.copy_binary

    def copying(tx: Connection, sql: str, data: bytes) -> None:
        recording.units[-1].statements.append(Statement(sql, data, many=False))
        copy(tx, sql, data)

    sign, verify, verify_jose = SoftwareSigner.sign, Es256Key.verify, CryptographyECKey.verify

    def signing(self: SoftwareSigner, message: bytes) -> bytes:
        recording.signed.append(len(message))
        return sign(self, message)

    def verifying(self: VerifyingKey, message: bytes, signature: bytes) -> None:
        recording.verified.append(len(message))
        verify(self, message, signature)

    def verifying_jose(self: CryptographyECKey, message: bytes, signature: bytes) -> Any:
        recording.verified.append(len(message))
        return verify_jose(self, message, signature)  # type: ignore[no-untyped-call]

    listeners = (("begin", begun), ("before_cursor_execute", executed), ("commit", committed))
    for name, listener in listeners:
        event.listen(listened, name, listener)
    try:
        with (
            patch.object(bulk, "copy_binary", copying),
            patch.object(SoftwareSigner, "sign", signing),
            patch.object(Es256Key, "verify", verifying),
            patch.object(CryptographyECKey, "verify", verifying_jose),
        ):
            yield recording
    finally:
        for name, listener in listeners:
            event.remove(listened, name, listener)
