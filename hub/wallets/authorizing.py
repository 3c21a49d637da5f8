"""The authorization code flow: a wallet that the operator named asks, the holder answers in his own session.

A wallet pushes its request (RFC 9126), with PKCE and the key of its token; the browser carries nothing but a reference.
A wallet that is not named is refused: nobody has looked at it, and its page could say that it is another.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from sqlalchemy import Connection, Row, insert, select, update

from catalog.tables import table
from certificates.stores.holders import subject_by_id
from hub.access.sessions import hashed
from hub.citizens.values import SHOWS, Holder
from hub.clock import Clock
from hub.issuing.keys.errors import SigningKeyError
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault
from hub.wallets.bearing import bearer
from hub.wallets.errors import NotForWalletsError, WalletError
from hub.wallets.licences import WalletLicences
from hub.wallets.metadata import DETAILS, server_of
from hub.wallets.proofs import Dpop
from hub.wallets.tables import WalletAuthorizationRow
from signing.canonical import strict_loads
from signing.errors import MalformedError

REQUEST_URN: Final = "urn:ietf:params:oauth:request_uri:"
PUSHED_LIFE: Final = timedelta(minutes=10)
"""Long enough to sign in on the way."""
CODE_LIFE: Final = timedelta(minutes=1)
PUSHED: Final = "pushed"
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
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_MAX_STATE: Final = 1000
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
    """Takes requests of wallets and answers of holders."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        types: TypeRegistry,
        licences: WalletLicences,
        clients: Mapping[str, Sequence[str]],
        clock: Clock,
        public_url: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._licences = licences
        self._clients = clients
        self._clock = clock
        self._server = server_of(public_url)

    @property
    def on(self) -> bool:
        """Whether any wallet is named."""
        return bool(self._clients)

    async def push(self, form: Mapping[str, str], dpop: Dpop | None) -> str:
        """Remember a request; answers its `request_uri`. Raises: WalletError."""
        client, redirect = form.get("client_id", ""), form.get("redirect_uri", "")
        if client not in self._clients or redirect not in self._clients[client]:
            raise WalletError("invalid_client", "no such wallet, or not its address", status=401)
        if form.get("response_type") != "code":
            raise WalletError("unsupported_response_type", "response_type must be code")
        if form.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(form.get("code_challenge", "")):
            raise WalletError("invalid_request", "PKCE with S256 is needed")
        named = form.get("dpop_jkt")
        if named is not None and dpop is not None and named != dpop.thumbprint:
            raise WalletError("invalid_dpop_proof", "dpop_jkt names another key")
        if len(form.get("state", "")) > _MAX_STATE:
            raise WalletError("invalid_request", "state is too long")
        now, secret = self._clock(), secrets.token_urlsafe(32)
        row: dict[str, Any] = {
            "request_hash": hashed(secret),
            "client_id": client,
            "redirect_uri": redirect,
            "challenge": form["code_challenge"],
            "client_state": form.get("state"),
            "configuration": self._configuration(form),
            "detailed": "authorization_details" in form,
            "thumbprint": dpop.thumbprint if dpop else (named[:64] if named else None),
            "state": PUSHED,
            "certificate_ids": [],
            "expires_at": now + PUSHED_LIFE,
        }
        await self._database.write(lambda tx: tx.execute(insert(_ROWS).values(**row)))
        return REQUEST_URN + secret

    async def known(self, client_id: str, request_uri: str) -> str:
        """The reference in a `request_uri` that this wallet pushed. Raises: MissingError."""
        secret, now = request_uri.removeprefix(REQUEST_URN), self._clock()
        row = await self._database.read(lambda tx: _pushed(tx, secret, now))
        if row is None or row.client_id != client_id or secret == request_uri:
            raise MissingError("wallet request")
        return secret

    async def look(self, holder: Holder, secret: str) -> Asked:
        """What is asked, for the holder's page. Raises: LevelError, MissingError."""
        holder.require(SHOWS)
        now = self._clock()

        def unit(tx: Connection) -> Asked:
            row = _pushed(tx, secret, now)
            kind = None if row is None else self._types.newest(row.configuration)
            if row is None or kind is None:
                raise MissingError("wallet request")
            held = self._offered(tx, holder, kind.code, now)
            host = _host(row.redirect_uri)
            return Asked(row.client_id, row.configuration, kind.code, host, row.request_hash, sorted(held))

        return await self._database.read(unit)

    async def allow(self, holder: Holder, secret: str, identifiers: Sequence[str]) -> Back:
        """The wallet may have these. Raises: LevelError, MissingError: over, or one of them is not his to give."""
        holder.require(SHOWS)
        now = self._clock()

        def unit(tx: Connection) -> str:
            row = _pushed(tx, secret, now)
            kind = None if row is None else self._types.newest(row.configuration)
            held = {} if kind is None else self._offered(tx, holder, kind.code, now)
            if row is None or not identifiers or not held.keys() >= set(identifiers):
                raise MissingError("wallet request")
            values: dict[str, Any] = {"state": "allowed", "subject_id": holder.id, "expires_at": now + CODE_LIFE}
            values["certificate_ids"] = sorted({held[item] for item in identifiers})
            code = bearer(self._vault, CODE_MEANING, {**row._asdict(), **values})
            _answered(tx, row, values | {"code_hash": hashed(code)})
            self._record(tx, holder, row, "wallet.allowed", sorted(identifiers), now)
            return _back(row, self._server, code=code)

        return Back(await self._database.write(unit), allowed=True)

    async def refuse(self, holder: Holder, secret: str) -> Back:
        """It gets nothing. Raises: MissingError."""
        now = self._clock()

        def unit(tx: Connection) -> str:
            row = _pushed(tx, secret, now)
            if row is None:
                raise MissingError("wallet request")
            _answered(tx, row, {"state": "refused"})
            self._record(tx, holder, row, "wallet.refused", [], now)
            return _back(row, self._server, error="access_denied")

        return Back(await self._database.write(unit), allowed=False)

    def _record(
        self, tx: Connection, holder: Holder, row: Row[Any], kind: str, identifiers: list[str], now: datetime
    ) -> None:
        subject = subject_by_id(tx, holder.id)
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        detail = {"certificates": identifiers, "configuration": row.configuration, "wallet": row.client_id}
        append(tx, [seal(Draft(kind=kind, detail=detail, key=key, subject_id=subject.id), now=now)])

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

    def _configuration(self, form: Mapping[str, str]) -> str:
        """The one configuration that is asked for, by scope or by authorization details (OpenID4VCI 1.0 §5.1)."""
        name: object = form.get("scope")
        if "authorization_details" in form:
            name = details_of(form["authorization_details"])
        slugs = {item.type.slug for item in self._types.current().values()}
        if not isinstance(name, str) or name not in slugs:
            raise WalletError("invalid_scope", "one credential configuration of this issuer must be named")
        return name


def details_of(text: str) -> str:
    """The configuration in `authorization_details`, of which there is one. Raises: WalletError."""
    try:
        read = strict_loads(text.encode(), max_bytes=4096, max_depth=8)
    except MalformedError as error:
        raise WalletError("invalid_authorization_details", error.reason) from None
    match read:
        case [{"type": kind, "credential_configuration_id": str() as name}] if kind == DETAILS:
            return name
        case _:
            raise WalletError("invalid_authorization_details", "one of type openid_credential is taken")


def _pushed(tx: Connection, secret: str, now: datetime) -> Row[Any] | None:
    where = (_ROWS.c.request_hash == hashed(secret)) & (_ROWS.c.state == PUSHED) & (_ROWS.c.expires_at > now)
    return tx.execute(select(_ROWS).where(where)).one_or_none()


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
