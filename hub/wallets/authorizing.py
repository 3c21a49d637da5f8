"""The authorization code flow, the holder's side: what a wallet pushed (`pushing`) he answers in his own session."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from sqlalchemy import Connection, Row, select, update

from catalog.tables import table
from certificates.stores.holders import Subject
from hub.access.sessions import hashed
from hub.citizens.present import lock_holder
from hub.citizens.values import SHOWS, Holder
from hub.clock import Clock
from hub.issuing.keys.errors import SigningKeyError
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import END, id_of, spent
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault
from hub.wallets.bearing import bearer, bears
from hub.wallets.errors import NotForWalletsError
from hub.wallets.licences import WalletLicences
from hub.wallets.metadata import server_of
from hub.wallets.pushing import PUSHED, PUSHED_MEANING, REQUEST_URN
from hub.wallets.tables import WalletAuthorizationRow

CODE_LIFE: Final = timedelta(minutes=1)
CODE_MEANING: Final = (
    "request_hash",
    "client_id",
    "redirect_uri",
    "challenge",
    "configuration",
    "detailed",
    "thumbprint",
    "subject_id",
    "certificate_ids",
    "expires_at",
)
"""What a code vouches for."""
_ROWS: Final = table(WalletAuthorizationRow)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a wallet asks a holder for, and which of his licences it could be."""

    client_id: str
    configuration: str
    type_code: str
    host: str
    """Where the answer goes."""
    request: str
    """Which request this is, for the page's form to name."""
    identifiers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Back:
    """Where the browser goes with the answer."""

    location: str = field(repr=False)
    allowed: bool


class Authorizing:
    """Shows requests of wallets to holders, and takes their answers."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        types: TypeRegistry,
        licences: WalletLicences,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._licences = licences
        self._clock = clock
        self._server = server_of(public_url)

    async def known(self, client_id: str, request_uri: str) -> str:
        """The reference in a `request_uri` that this wallet pushed. Raises: MissingError."""
        secret, now = request_uri.removeprefix(REQUEST_URN), self._clock()
        row = await self._database.read(lambda tx: self._pushed(tx, secret, now))
        if row is None or row.client_id != client_id or secret == request_uri:
            raise MissingError("wallet request")
        return secret

    async def look(self, holder: Holder, secret: str) -> Asked:
        """What is asked, for the holder's page. Raises: LevelError, MissingError."""
        holder.require(SHOWS)
        now = self._clock()

        def unit(tx: Connection) -> Asked:
            row = self._pushed(tx, secret, now)
            kind = None if row is None else self._types.newest(row.configuration)
            if row is None or kind is None:
                raise MissingError("wallet request")
            held = self._offered(tx, holder, kind.code, now)
            host = _host(row.redirect_uri)
            return Asked(row.client_id, row.configuration, kind.code, host, row.request_hash, sorted(held))

        return await self._database.read(unit)

    async def allow(self, holder: Holder, secret: str, identifiers: Sequence[str]) -> Back:
        """The wallet may have these.

        Raises: LevelError; MissingError: over, or one of them is not his to give; HolderSignInNeededError: he was
            erased.
        """
        holder.require(SHOWS)
        now = self._clock()

        def unit(tx: Connection) -> str:
            subject = lock_holder(tx, holder.id)
            row = self._pushed(tx, secret, now)
            kind = None if row is None else self._types.newest(row.configuration)
            held = {} if kind is None else self._offered(tx, holder, kind.code, now)
            if row is None or not identifiers or not held.keys() >= set(identifiers):
                raise MissingError("wallet request")
            values: dict[str, Any] = {"state": "allowed", "subject_id": holder.id, "expires_at": now + CODE_LIFE}
            values["certificate_ids"] = sorted({held[item] for item in identifiers})
            code = bearer(self._vault, CODE_MEANING, {**row._asdict(), **values})
            _answered(tx, row, values | {"code_hash": hashed(code)})
            self._record(tx, subject, row, "wallet.allowed", sorted(identifiers), now)
            return _back(row, self._server, code=code)

        return Back(await self._database.write(unit), allowed=True)

    async def refuse(self, holder: Holder, secret: str) -> Back:
        """It gets nothing. Raises: MissingError, HolderSignInNeededError."""
        now = self._clock()

        def unit(tx: Connection) -> str:
            subject = lock_holder(tx, holder.id)
            row = self._pushed(tx, secret, now)
            if row is None:
                raise MissingError("wallet request")
            _answered(tx, row, {"state": "refused"})
            self._record(tx, subject, row, "wallet.refused", [], now)
            return _back(row, self._server, error="access_denied")

        return Back(await self._database.write(unit), allowed=False)

    def _pushed(self, tx: Connection, secret: str, now: datetime) -> Row[Any] | None:
        """The request that waits behind a reference, if it says what it said when the wallet pushed it; one that was
        answered, and put back, waits for nobody.
        """
        digest = hashed(secret)
        where = (_ROWS.c.request_hash == digest) & (_ROWS.c.state == PUSHED) & (_ROWS.c.expires_at > now)
        row = tx.execute(select(_ROWS).where(where, ~spent(self._answer_to(digest)))).one_or_none()
        return row if row is not None and bears(self._vault, PUSHED_MEANING, row._asdict(), secret) else None

    def _record(
        self, tx: Connection, subject: Subject, row: Row[Any], kind: str, identifiers: list[str], now: datetime
    ) -> None:
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        detail = {"certificates": identifiers, "configuration": row.configuration, "wallet": row.client_id}
        draft = Draft(
            kind=kind, detail=detail, key=key, subject_id=subject.id, object_id=self._answer_to(row.request_hash),
            object_version=END,
        )  # fmt: skip
        append(tx, [seal(draft, now=now)])

    def _answer_to(self, request_hash: str) -> str:
        return id_of(self._vault, "wallet-request", request_hash)

    def _offered(self, tx: Connection, holder: Holder, type_code: str, now: datetime) -> dict[str, str]:
        """His licences of a type that can go into a wallet now: certificates by identifier."""
        found = {}
        for item in self._licences.of_type(tx, holder.id, type_code):
            try:
                self._licences.give(tx, holder.id, item.certificate_id, now=now)
            except (NotForWalletsError, SigningKeyError):
                continue
            found[item.identifier] = item.certificate_id
        return found


def _answered(tx: Connection, row: Row[Any], values: dict[str, Any]) -> None:
    """Of two answers the first counts."""
    mine = (_ROWS.c.request_hash == row.request_hash) & (_ROWS.c.state == PUSHED)
    if tx.execute(update(_ROWS).where(mine).values(**values)).rowcount != 1:
        raise MissingError("wallet request")


def _back(row: Row[Any], server: str, **answer: str) -> str:
    """With `iss`, so that an answer cannot be passed off as another server's (RFC 9207)."""
    values = answer | {"iss": server} | ({"state": row.client_state} if row.client_state else {})
    return f"{row.redirect_uri}{'&' if '?' in row.redirect_uri else '?'}{urlencode(values)}"


def _host(redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    return parts.hostname or f"{parts.scheme}:"
