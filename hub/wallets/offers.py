"""A holder offers one of his own licences to his wallet: a code for the wallet, and six digits for whoever holds it.

The QR holds a reference; the code that opens the licence stands behind it and is never drawn. Who photographs the
square has not the digits; five wrong ones, or five minutes, end the offer. One offer at a time.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, Row, Table, delete, insert, select, update

from catalog.tables import table
from certificates.stores.holders import subject_by_id
from hub.access.sessions import hashed
from hub.citizens.present import lock_holder
from hub.citizens.presentations import refuse_other
from hub.citizens.values import SHOWS, Holder
from hub.clock import Clock, new_id
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import END, spent
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.vault import DataKey, Vault
from hub.wallets.licences import WalletLicences
from hub.wallets.metadata import PRE_AUTHORIZED, PREFIX
from hub.wallets.tables import WalletAuthorizationRow, WalletOfferRow, WalletTokenRow
from signing.canonical import canonical, strict_loads

LIFE: Final = timedelta(minutes=5)
TRIES: Final = 5
DIGITS: Final = 6
OFFERS_PER_MINUTE: Final = 6
LIVE: Final = "live"
TAKEN: Final = "taken"
ENDED: Final = "ended"
_KEPT: Final = timedelta(days=90)
_OFFERS: Final = table(WalletOfferRow)
_TOKENS: Final = table(WalletTokenRow)
_AUTHORIZATIONS: Final = table(WalletAuthorizationRow)


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer as its holder is shown it; link, reference and digits are empty once it is no longer live."""

    id: str
    configuration: str
    state: str
    seconds_left: int = 0
    scan: str = field(default="", repr=False)
    """What the QR says: where the offer lies."""
    open: str = field(default="", repr=False)
    """The offer itself, for a wallet on the same device."""
    digits: str = field(default="", repr=False)


class Offers:
    """Use cases of a holder, and of the wallet that follows his QR."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        types: TypeRegistry,
        licences: WalletLicences,
        log_key: DataKey,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._licences = licences
        self._log_key = log_key
        self._clock = clock
        self._public_url = public_url

    async def make(self, holder: Holder, identifier: str) -> str:
        """A new offer of one licence; the one before it ends. Answers its id.

        Raises: LevelError; MissingError: not his, which goes on the ledger; NotForWalletsError; SigningKeyError.
        """
        holder.require(SHOWS)
        now = self._clock()
        found = await self._database.write(lambda tx: self._make(tx, holder, identifier, now))
        if found is None:
            await refuse_other(self._database, self._log_key, holder, "certificate", now)
            raise MissingError("certificate")
        return found

    async def look(self, holder: Holder, offer_id: str) -> Offered:
        """One of his offers. Raises: LevelError, MissingError."""
        holder.require(SHOWS)
        now = self._clock()
        query = select(_OFFERS, spent(_OFFERS.c.id).label("spent"))
        query = query.where(_OFFERS.c.id == offer_id, _OFFERS.c.subject_id == holder.id)
        row = await self._database.read(lambda tx: tx.execute(query).one_or_none())
        if row is None:
            await refuse_other(self._database, self._log_key, holder, "wallet_offer", now)
            raise MissingError("wallet offer")
        if row.state != LIVE or row.expires_at <= now or row.spent:
            return Offered(row.id, row.configuration, ENDED if row.state == LIVE else row.state)
        content = await self._database.read(lambda tx: self._opened(tx, row))
        reference = f"{self._public_url}{PREFIX}/offers/{content['reference']}"
        return Offered(
            row.id,
            row.configuration,
            LIVE,
            max(1, int((row.expires_at - now).total_seconds())),
            f"openid-credential-offer://?credential_offer_uri={quote(reference, safe='')}",
            f"openid-credential-offer://?credential_offer={quote(self._document(row, content).decode(), safe='')}",
            content["digits"],
        )

    async def document(self, reference: str) -> bytes:
        """The offer behind a QR, as JSON, for whoever has scanned it. Raises: MissingError, alike for every cause."""
        now = self._clock()
        where = (_OFFERS.c.reference_hash == hashed(reference)) & (_OFFERS.c.expires_at > now) & ~spent(_OFFERS.c.id)

        def unit(tx: Connection) -> bytes | None:
            row = tx.execute(select(_OFFERS).where(where, _OFFERS.c.state == LIVE)).one_or_none()
            try:
                return None if row is None else self._document(row, self._opened(tx, row))
            except IntegrityBrokenError:  # he was erased within these minutes
                return None

        found = await self._database.read(unit)
        if found is None:
            raise MissingError("wallet offer")
        return found

    async def sweep(self) -> None:
        """Part of the housekeeping: what is over is emptied, and what is old is forgotten; the ledger remembers."""
        now = self._clock()
        over = (_OFFERS.c.expires_at <= now) & (_OFFERS.c.state == LIVE)
        if await self._database.read(lambda tx: tx.execute(select(_OFFERS.c.id).where(over).limit(1)).first()):
            ended = update(_OFFERS).where(over).values(state=ENDED, content=None)
            await self._database.write(lambda tx: tx.execute(ended))
        for rows, kept in ((_OFFERS, _KEPT), (_TOKENS, LIFE), (_AUTHORIZATIONS, LIFE)):
            if await self._database.read(partial(_any_before, rows, now - kept)):
                await self._database.write(partial(_forget, rows, now - kept))

    def _make(self, tx: Connection, holder: Holder, identifier: str, now: datetime) -> str | None:
        lock_holder(tx, holder.id)
        certificate_id = self._licences.own(tx, holder.id, identifier)
        if certificate_id is None:
            return None
        giving = self._licences.give(tx, holder.id, certificate_id, now=now)
        live = (_OFFERS.c.subject_id == holder.id) & (_OFFERS.c.state == LIVE)
        earlier = tx.execute(select(_OFFERS.c.id).where(live, ~spent(_OFFERS.c.id)).with_for_update()).scalars().all()
        tx.execute(update(_OFFERS).where(live).values(state=ENDED, content=None))
        for offer in earlier:
            end_on_ledger(tx, "wallet.offer_ended", offer, holder.id, giving.opened.key, now)
        offer_id, digits = new_id(), f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
        content = {"code": secrets.token_urlsafe(32), "digits": digits, "reference": secrets.token_urlsafe(32)}
        row: dict[str, Any] = {
            "id": offer_id,
            "subject_id": holder.id,
            "certificate_id": certificate_id,
            "configuration": giving.opened.type.slug,
            "reference_hash": hashed(content["reference"]),
            "code_hash": hashed(content["code"]),
            "content": giving.opened.key.encrypt(_place(offer_id), canonical(content)),
            "tries": 0,
            "state": LIVE,
            "made_at": now,
            "expires_at": now + LIFE,
        }
        tx.execute(insert(_OFFERS).values(typed_hash=typed_hash(self._vault, row, digits), **row))
        detail = {"identifier": identifier, "offer": offer_id, "session": holder.session_id}
        draft = Draft(kind="wallet.offered", detail=detail, key=giving.opened.key, subject_id=holder.id)
        append(tx, [seal(draft, now=now)])
        return offer_id

    def _opened(self, tx: Connection, row: Row[Any]) -> dict[str, str]:
        subject = subject_by_id(tx, row.subject_id)
        plain = self._vault.data_key(subject.data_key, subject.kek_kid).decrypt(_place(row.id), row.content)
        content: dict[str, str] = strict_loads(plain, max_bytes=len(plain))
        return content

    def _document(self, row: Row[Any], content: dict[str, str]) -> bytes:
        described = {"zh": "请输入页面上的六位数字", "en": "Type the six digits on the page"}
        grant = {
            "pre-authorized_code": content["code"],
            "tx_code": {"input_mode": "numeric", "length": DIGITS, "description": " / ".join(described.values())},
        }
        return canonical(
            {
                "credential_issuer": self._public_url,
                "credential_configuration_ids": [row.configuration],
                "grants": {PRE_AUTHORIZED: grant},
            }
        )


def end_on_ledger(tx: Connection, kind: str, offer_id: str, subject_id: str, key: DataKey, now: datetime) -> None:
    """An offer ends once, and this entry says so to a row that is put back."""
    draft = Draft(
        kind=kind, detail={"offer": offer_id}, key=key, subject_id=subject_id, object_id=offer_id, object_version=END
    )
    append(tx, [seal(draft, now=now)])


def typed_hash(vault: Vault, row: Mapping[Any, Any], digits: str) -> bytes:
    """By what the digits of an offer are compared: six digits have no plain hash, and they open what the holder chose,
    until when he chose, whatever somebody makes of its row by SQL.
    """
    chosen = [str(row[name]) for name in ("id", "subject_id", "certificate_id", "configuration")]
    return vault.lookup_hash("wallet-digits", *chosen, str(int(row["expires_at"].timestamp())), digits)


def _any_before(rows: Table, moment: datetime, tx: Connection) -> bool:
    return tx.execute(select(rows.c.expires_at).where(rows.c.expires_at < moment).limit(1)).first() is not None


def _forget(rows: Table, moment: datetime, tx: Connection) -> None:
    tx.execute(delete(rows).where(rows.c.expires_at < moment))


def _place(offer_id: str) -> str:
    return f"wallet_offers:{offer_id}:content"
