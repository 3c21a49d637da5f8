"""A system or a clerk asks a wallet for a licence (OpenID4VP 1.0), and hears what came of it.

A question lives five minutes and is answered once (`answering`). What comes of it is what a holder showed, and no
disclosure of the hub's: it needs no grant, and stands on the ledger.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from catalog.tables import table
from certificates.claims import Disclosure
from hub.access.sessions import hashed
from hub.clock import Clock, new_id
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault
from hub.wallets.answers import ANSWERED, WAITING, Outcome
from hub.wallets.errors import WalletError
from hub.wallets.questions import Asker, Question, opened, scan_of, sealed
from hub.wallets.returning import opens, way_back
from hub.wallets.tables import WalletAskRow
from signing.canonical import b64u, sha256
from signing.keys import SoftwareSigner

LIFE: Final = timedelta(minutes=5)
_KEPT: Final = timedelta(hours=1)
_ROWS: Final = table(WalletAskRow)
_Stored = dict[str, Any]


class Asking:
    """Questions of systems and clerks."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        desk: SigningDesk,
        types: TypeRegistry,
        log_key: DataKey,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._types = types
        self._log_key = log_key
        self._clock = clock
        self._public_url = public_url

    async def ask(
        self,
        asker: Asker,
        type_code: str,
        claims: Sequence[str],
        purpose: str,
        *,
        return_to: str | None = None,
    ) -> Question:
        """Make a question for claims of one type of licence, for a purpose that the ledger keeps.

        Args:
            return_to: where the wallet leads the browser of this same device, which `may_return_to` was asked about.
        Raises: MissingError: no such type. WalletError ("invalid_request"): a claim that licences of it never show.
        """
        kind = self._types.newest(type_code)
        if kind is None:
            raise MissingError("certificate type")
        shown = {item.name for item in kind.claims.values() if item.disclosure is not Disclosure.NEVER}
        if not claims or not set(claims) <= shown:
            raise WalletError("invalid_request", "claims of this type are to be named")
        now = self._clock()
        made, content = self._made(asker, kind.code, list(dict.fromkeys(claims)), purpose, return_to, now)
        detail = {"ask": made["id"], "department_id": asker.department_id, "fields": made["claims"]}
        detail |= {"by": dict(asker.by), "purpose": purpose, "type": kind.code}
        entry = seal(Draft(kind="wallet.asked", detail=detail, key=self._log_key), now=now)

        def unit(tx: Connection) -> None:
            tx.execute(insert(_ROWS).values(**made))
            append(tx, [entry])

        await self._database.write(unit)
        return Question(made["id"], scan_of(content, public_url=self._public_url), int(LIFE.total_seconds()))

    async def look(self, asker: Asker, ask_id: str, *, code: str | None = None) -> Outcome:
        """What came of it so far; on the same device the outcome only with the code that came back by the browser.

        Raises: MissingError: not his, which goes on the ledger, or forgotten; IntegrityBrokenError.
        """
        row = await self._database.read(lambda tx: _own(tx, asker, ask_id))
        now = self._clock()
        if row is None:
            detail = {"by": dict(asker.by), "department_id": asker.department_id, "reason": "request_not_own"}
            entry = seal(Draft(kind="refusal", detail=detail | {"request": ask_id}, key=self._log_key), now=now)
            await self._database.write(lambda tx: append(tx, [entry]))
        if row is None or row["expires_at"] < now - _KEPT:
            raise MissingError("wallet request")
        if row["state"] != ANSWERED and row["expires_at"] <= now:
            return Outcome("over", type_code=row["type_code"])
        found = opened(self._vault, row)
        if row["state"] != ANSWERED:
            return Outcome(WAITING, scan=scan_of(found, public_url=self._public_url), type_code=row["type_code"])
        if not opens(found, code):
            return Outcome(ANSWERED, type_code=row["type_code"])
        outcome = Outcome(ANSWERED, found["result"], found["reason"], found["identifier"], found["claims"])
        return replace(outcome, type_code=row["type_code"])

    async def sweep(self) -> None:
        """Part of the housekeeping: questions and their answers are deleted after an hour."""
        old = _ROWS.c.expires_at < self._clock() - _KEPT
        if await self._database.read(lambda tx: tx.execute(select(_ROWS.c.id).where(old).limit(1)).first()):
            await self._database.write(lambda tx: tx.execute(delete(_ROWS).where(old)))

    def _made(
        self, asker: Asker, type_code: str, claims: list[str], purpose: str, return_to: str | None, now: datetime
    ) -> tuple[_Stored, dict[str, Any]]:
        """A new question: its row, and what is sealed in it."""
        key = self._vault.new_data_key()
        content = {
            "client_id": self._client_id(),
            "key": SoftwareSigner.generate().to_pem().decode(),
            "nonce": secrets.token_urlsafe(32),
            "reference": secrets.token_urlsafe(32),
            "state": secrets.token_urlsafe(32),
            **way_back(return_to),
        }
        row: _Stored = {
            "id": new_id(),
            "system_id": asker.system_id,
            "staff_id": asker.staff_id,
            "department_id": asker.department_id,
            "reference_hash": hashed(content["reference"]),
            "type_code": type_code,
            "claims": claims,
            "purpose": purpose,
            "state": WAITING,
            "data_key": key.wrapped,
            "kek_kid": key.kek_kid,
            "made_at": now,
            "expires_at": now + LIFE,
        }
        return row | {"content": sealed(key, row, content)}, content

    def _client_id(self) -> str:
        """The digest of the certificate that signs (OpenID4VP 1.0 §5.9.3): no name that a certificate must have.

        A question keeps it: an answer to one that was read before the key was rotated is not one to somebody else.
        """
        return f"x509_hash:{b64u(sha256(self._desk.hub('hub').chain[0]))}"


def _own(tx: Connection, asker: Asker, ask_id: str) -> _Stored | None:
    his: ColumnElement[bool] = (
        _ROWS.c.staff_id == asker.staff_id if asker.staff_id else _ROWS.c.system_id == asker.system_id
    )
    row = tx.execute(select(_ROWS).where(_ROWS.c.id == ask_id, his)).one_or_none()
    return None if row is None else row._asdict()
