"""What a wallet reads of a question, and what it answers: signed, encrypted, judged by our own verification.

The answer must be signed by the key that the licence is bound to, over this question's nonce and for this hub: what was
shown to somebody else, or to another question, is nothing here. The first answer counts.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, select, update

from catalog.tables import DepartmentRow, table
from certificates.stores.certificates import find_version
from certificates.stores.holders import subject_by_id
from certificates.verifying.known import VerifierRules
from certificates.verifying.papers import SdJwtPaper
from hub.access.sessions import hashed
from hub.clock import Clock
from hub.issuing.keys.desk import SigningDesk
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault
from hub.verification.service import VerificationService
from hub.wallets.answers import ANSWERED, WAITING, Outcome, outcome_of, presented
from hub.wallets.questions import REQUEST_TYP, opened, payload_of, sealed
from hub.wallets.returning import kept_of, redirect_of
from hub.wallets.tables import WalletAskRow
from signing.jose import sign_jws

_ROWS: Final = table(WalletAskRow)
_DEPARTMENTS: Final = table(DepartmentRow)


class Answering:
    """The side of wallets. Raises MissingError, alike for every cause, for a question that does not wait (any more)."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        desk: SigningDesk,
        verification: VerificationService,
        log_key: DataKey,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._verification = verification
        self._log_key = log_key
        self._clock = clock
        self._public_url = public_url

    async def request(self, reference: str) -> str:
        """The signed question behind a QR. Raises: MissingError, alike for every cause; IntegrityBrokenError."""
        row, content, name = await self._database.read(lambda tx: self._live(tx, reference))
        payload = payload_of(row, content, name=name, public_url=self._public_url, now=self._clock())
        certified = self._desk.hub("hub")
        signed = partial(sign_jws, payload, signer=certified.signer, typ=REQUEST_TYP, header=certified.header)
        return await asyncio.to_thread(signed)

    async def answer(self, reference: str, response: str) -> str | None:
        """Take what a wallet answers, once; the verdict is the system's to fetch, and no wallet's to learn. Answers
        where the browser goes, if it is on the same device. One that says no is heard, as by `declined`.

        Raises: MissingError: no such question, or over; WalletError ("invalid_request"): not an answer to this one;
            IntegrityBrokenError.
        """
        row, content, _ = await self._database.read(lambda tx: self._live(tx, reference))
        token = await asyncio.to_thread(presented, response, content)
        if token is None:
            return None
        data = token.encode()
        rules = VerifierRules(nonce=content["nonce"])
        verdict = await self._verification.judge(SdJwtPaper(data), data, audience=content["client_id"], rules=rules)
        outcome = outcome_of(verdict, type_code=row["type_code"], wanted=row["claims"])
        back = kept_of(content)
        await self._database.write(lambda tx: self._store(tx, row, outcome, back))
        return redirect_of(back)

    async def declined(self, reference: str) -> None:
        """Hear that a wallet shows nothing. The question goes on waiting: anybody who saw the QR can say so.

        Raises: MissingError: no such question, or over; IntegrityBrokenError.
        """
        await self._database.read(lambda tx: self._live(tx, reference))

    def _live(self, tx: Connection, reference: str) -> tuple[dict[str, Any], dict[str, Any], str]:
        where = (_ROWS.c.reference_hash == hashed(reference)) & (_ROWS.c.state == WAITING)
        found = tx.execute(select(_ROWS).where(where, _ROWS.c.expires_at > self._clock())).one_or_none()
        if found is None:
            raise MissingError("wallet request")
        row = found._asdict()
        name = select(_DEPARTMENTS.c.name_zh).where(_DEPARTMENTS.c.id == row["department_id"])
        return row, opened(self._vault, row), tx.execute(name).scalar_one()

    def _store(self, tx: Connection, row: dict[str, Any], outcome: Outcome, back: Mapping[str, str]) -> None:
        now, key = self._clock(), self._vault.data_key(row["data_key"], row["kek_kid"])
        content = {
            "claims": dict(outcome.claims),
            "identifier": outcome.identifier,
            "reason": outcome.reason,
            "result": outcome.result,
            **back,
        }
        values = {"state": ANSWERED, "content": sealed(key, row | {"state": ANSWERED}, content)}
        mine = (_ROWS.c.id == row["id"]) & (_ROWS.c.state == WAITING)
        if tx.execute(update(_ROWS).where(mine).values(**values)).rowcount != 1:
            raise MissingError("wallet request")
        detail = {"ask": row["id"], "department_id": row["department_id"], "fields": sorted(outcome.claims)}
        detail |= {"identifier": outcome.identifier, "purpose": row["purpose"], "result": outcome.result}
        draft = Draft(kind="wallet.shown", detail=detail, key=self._log_key)
        version = find_version(tx, outcome.identifier) if outcome.identifier else None
        if version is not None:
            subject = subject_by_id(tx, version.subject_id)
            held = self._vault.data_key(subject.data_key, subject.kek_kid)
            draft = Draft(kind="wallet.shown", detail=detail, key=held, subject_id=subject.id)
        append(tx, [seal(draft, now=now)])
