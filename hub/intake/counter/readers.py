"""Devices at counters, card readers 读卡器 and those that compare faces: their keys, believed by a MAC and the ledger's
count, and what readers have read.

What a reader signed is `card_read`; what a clerk types in is his word, `clerk_attested`, and no more.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from catalog.errors import DefinitionError
from catalog.store import find_department
from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.access.service import Caller
from hub.access.trial_issuers import on_trial
from hub.citizens.kiosk.tables import KioskRow
from hub.clock import Clock, new_id, rfc3339
from hub.intake.counter.card_reads import CARD_READ, CardRead, check_read, read_token
from hub.intake.counter.tables import ReaderKeyRow
from hub.intake.errors import PartyError
from hub.intake.parties import PartyInput
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes, settled
from hub.ledger.spent import END, id_of, spent
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical
from signing.errors import SigningError
from signing.keys import Es256Key

LIVE: Final = "live"
ENDED: Final = "ended"
CARD: Final = "card"
FACE: Final = "face"
_READERS: Final = table(ReaderKeyRow)
_TERMINALS: Final = table(KioskRow)
_LONGEST_NAME: Final = 100
Also = Callable[[Connection, str | None, str], None]


class CardReaders:
    """Registers devices, ends them, and says what one has read. `production`: stand-ins count for nothing."""

    def __init__(
        self, database: Database, *, vault: Vault, log_key: DataKey, clock: Clock, production: bool = False
    ) -> None:
        self._database = database
        self._vault = vault
        self._log_key = log_key
        self._clock = clock
        self.production = production

    async def register(
        self, actor: Actor, department: str, jwk: Mapping[str, Any], name: str, *, kind: str = CARD
    ) -> str:
        """Register a device by its public key, for a department by USCC; answers the key's id.

        Raises: ForbiddenError, MissingError, DefinitionError: no P-256 key, no name, or in production a stand-in's key;
            ConflictError: it is there.
        """
        try:
            key = Es256Key.from_jwk(jwk)
        except SigningError as error:
            raise DefinitionError("reader: its key is a public P-256 key as JWK") from error
        if not 0 < len(name.strip()) <= _LONGEST_NAME:
            raise DefinitionError("reader: a name of at most 100 characters")
        if self.production and on_trial(key.kid):
            raise DefinitionError("reader: this is the key of a stand-in, which is for trying out")
        now = self._clock()

        def unit(tx: Connection) -> str:
            found = find_department(tx, department)
            if found is None or found.closed:
                raise MissingError("department")
            actor.require(Role.OPERATOR, Role.CONSUMER_ENGINEER, owner=found.id)
            row = {
                "id": new_id(), "owner_department_id": found.id, "kid": key.kid, "kind": kind,
                "jwk": dict(key.jwk), "name": name.strip(), "state": LIVE, "row_version": 1, "created_at": now,
                "ended_at": None,
            }  # fmt: skip
            tx.execute(insert(_READERS).values(**row, mac=self._mac(row)))
            self._record(tx, actor, "reader.registered", row, now)
            return key.kid

        return await self._database.write(unit)

    async def end(self, actor: Actor, kid: str) -> None:
        """Take a device out of use: what it signs from now on is refused. Raises: ForbiddenError, MissingError."""
        now = self._clock()

        def unit(tx: Connection) -> None:
            row = self._found(tx, kid)
            if row is None or row.state != LIVE:
                raise MissingError("reader")
            actor.require(Role.OPERATOR, Role.CONSUMER_ENGINEER, owner=row.owner_department_id)
            ended = dict(row._mapping) | {"state": ENDED, "row_version": row.row_version + 1, "ended_at": now}  # noqa: SLF001  # its public name
            changed = {name: ended[name] for name in ("state", "row_version", "ended_at")}
            tx.execute(update(_READERS).where(_READERS.c.id == row.id).values(**changed, mac=self._mac(ended)))
            self._record(tx, actor, "reader.ended", ended, now)

        await self._database.write(unit)

    async def read(self, caller: Caller, token: str, party: PartyInput) -> tuple[dict[str, str], Also]:
        """The corroboration that a reader's token is for this party, and what uses it up in the transaction that opens
        the case or the life event.

        Raises: PartyError (`reader_refused`): of no device of the department, or of the one in a terminal, where no
            clerk sees whose hand holds the card; old, about somebody else, used.
        """
        said, now = read_token(token), self._clock()
        key = await self.key(caller.department_id, said.device, CARD)
        elsewhere = await self._database.read(lambda tx: in_terminal(tx, said.device))
        if key is None or (self.production and said.trial) or elsewhere:
            raise PartyError("/parties/0/id_number", "reader_refused")
        check_read(said, key, party, now)
        once = read_id(self._vault, said)

        def use_up(tx: Connection, _case_id: str | None, _number: str) -> None:
            if not self.use_up(tx, once, said.device, caller.department_id, now):
                raise PartyError("/parties/0/id_number", "reader_refused")

        return {"kind": CARD_READ, "at": rfc3339(said.at), "reference": f"reader:{said.device}"[:200]}, use_up

    def use_up(self, tx: Connection, once: str, kid: str, department_id: str, now: datetime) -> bool:
        """What a device signed is used now, and that is its end; False: it was before. Raises: ConflictError: it is, at
        this very moment.
        """
        if tx.execute(select(spent(once))).scalar_one():
            return False
        detail = {"kid": kid, "department_id": department_id}
        end = Draft(kind="reader.used", detail=detail, key=self._log_key, object_id=once, object_version=END)
        append(tx, [seal(end, now=now)])
        return True

    async def key(self, department_id: str, kid: str, kind: str) -> Es256Key | None:
        """The key of a device of this kind that is in use at this department. Raises: IntegrityBrokenError."""
        row = await self._database.read(lambda tx: settled(lambda: self._found(tx, kid)))
        if row is None or (row.state, row.kind, row.owner_department_id) != (LIVE, kind, department_id):
            return None
        return Es256Key.from_jwk(row.jwk)

    def _found(self, tx: Connection, kid: str) -> Row[Any] | None:
        row = tx.execute(select(_READERS).where(_READERS.c.kid == kid)).one_or_none()
        if row is not None:
            told = dict(row._mapping)  # noqa: SLF001  # its public name
            self._vault.check_row_mac(_meaning(told), row.mac, where="reader_keys")
            if latest_changes(tx, [row.id]).get(row.id, ("", 0))[1] != row.row_version:
                raise IntegrityBrokenError("reader_keys")
        return row

    def _mac(self, row: Mapping[str, Any]) -> bytes:
        return self._vault.row_mac(_meaning(row))

    def _record(self, tx: Connection, actor: Actor, kind: str, row: Mapping[str, Any], now: datetime) -> None:
        detail = {"kid": row["kid"], "kind": row["kind"], "name": row["name"], "actor": actor.as_json()}
        draft = Draft(
            kind=kind, detail=detail, key=self._log_key, object_id=row["id"], object_version=row["row_version"]
        )
        append(tx, [seal(draft, now=now)])


def read_id(vault: Vault, said: CardRead) -> str:
    """The id under which the ledger ends a read, wherever it is used: a row that is put back, or taken away, lets
    nobody use it again.
    """
    return id_of(vault, "card-read", said.digest)


def in_terminal(tx: Connection, kid: str) -> bool:
    """Whether a terminal that was not ended has this reader. By its state: a row in which somebody wrote another one
    is none of ours, and its terminal opens for nobody.
    """
    query = select(_TERMINALS.c.id).where(_TERMINALS.c.reader_kid == kid, _TERMINALS.c.state != ENDED)
    return tx.execute(query.limit(1)).first() is not None


def _meaning(row: Mapping[str, Any]) -> bytes:
    names = ("id", "owner_department_id", "kid", "kind", "jwk", "state", "row_version")
    return b"reader_key\x1f" + canonical({name: row[name] for name in names})
