"""OAuth 2 client credentials with `private_key_jwt` (RFC 7523), and the access tokens that follow.

An assertion works once: its `jti` is kept in the database until it would be refused as expired, in the transaction
that precedes the token. A token is verified once and remembered until it expires; what a system may do is read anew
each time.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import Connection, delete, insert

from catalog.store import SystemKey, find_system_key
from catalog.tables import table
from hub.access.errors import InvalidClientError, InvalidTokenError
from hub.access.tables import AssertionRow
from hub.clock import Clock, new_id
from hub.storage.database import Database
from hub.storage.errors import ConflictError
from signing.canonical import strict_loads, unb64u
from signing.errors import SignatureError, SigningError
from signing.jose import read_header, sign_jws, verify_jwt
from signing.keys import Es256Key, Signer, VerifyingKey

MAX_ASSERTION_BYTES: Final = 8192
MAX_ASSERTION_LIFETIME: Final = timedelta(seconds=60)
ASSERTION_TYPES: Final = frozenset({"JWT", "client-authentication+jwt"})
ACCESS_TOKEN_TYPE: Final = "at+jwt"  # noqa: S105  # a media type
_TOKEN_CLAIMS: Final = frozenset({"iss", "aud", "exp", "iat", "client_id", "auth_kid"})
_REMEMBERED: Final = 10_000
_SEEN: Final = table(AssertionRow)
SANDBOX_PREFIX: Final = "yz_test_"
"""Begins the client_id of every sandbox credential, and of nothing else: the registry refuses it to live systems."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated system. `key` is the one that authenticated it: purpose copies are bound to it."""

    system_id: str
    client_id: str
    department_id: str
    kid: str
    key_jwk: dict[str, str]
    expires_at: float

    @property
    def sandbox(self) -> bool:
        """Whether it calls with a sandbox credential, which reaches sample data only."""
        return self.client_id.startswith(SANDBOX_PREFIX)

    def marked(self, kind: str) -> str:
        """A kind of ledger entry as it is written for this system: what the sandbox does never counts as done."""
        return f"sandbox.{kind}" if self.sandbox else kind


class TokenSigning(Protocol):
    """Which key signs tokens now, and whose are accepted; both change while the hub runs."""

    def token_signer(self) -> Signer:
        """The key in use."""
        ...

    def token_keys(self) -> dict[str, VerifyingKey]:
        """By kid: the key in use, those before it whose tokens may still live, the one that comes."""
        ...


class AccessService:
    """Gives out and checks access tokens."""

    def __init__(
        self, database: Database, *, signing: TokenSigning, issuer: str, clock: Clock, token_seconds: int
    ) -> None:
        self._database = database
        self._signing = signing
        self._issuer = issuer
        self._clock = clock
        self.token_seconds = token_seconds
        self._remembered: OrderedDict[str, Caller] = OrderedDict()

    async def token(self, assertion: str) -> str:
        """Exchange a client assertion for an access token.

        Raises: InvalidClientError for every assertion that does not authenticate an active client, once.
        """
        try:
            header = read_header(assertion, max_bytes=MAX_ASSERTION_BYTES)
            client_id = _unverified_subject(assertion)
        except SigningError as error:
            raise InvalidClientError(error.reason) from error
        kid = header.get("kid")
        if not isinstance(kid, str):
            raise InvalidClientError("missing_kid")
        found = await self._database.read(lambda tx: find_system_key(tx, client_id, kid))
        if found is None:
            raise InvalidClientError("unknown_key")
        claims = self._check(assertion, found)
        await self._once(found, claims)
        if not found.active:
            raise InvalidClientError("client_disabled")
        return self._issue(found)

    async def caller(self, token: str) -> Caller:
        """The system behind a bearer token, as it was when the token was first seen: see `check_active`.

        Raises: InvalidTokenError.
        """
        if not token:
            raise InvalidTokenError("missing")
        now = self._clock().timestamp()
        known = self._remembered.get(token)
        if known is None:
            known = await self._read(token)
            self._remembered[token] = known
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        if now >= known.expires_at:
            self._remembered.pop(token, None)
            raise InvalidTokenError("expired")
        return known

    async def check_active(self, caller: Caller) -> None:
        """Raises InvalidTokenError when the system, or the key that got the token, was taken out of use since."""
        found = await self._database.read(lambda tx: find_system_key(tx, caller.client_id, caller.kid))
        if found is None or not found.active:
            raise InvalidTokenError("client_disabled")

    def _check(self, assertion: str, found: SystemKey) -> dict[str, Any]:
        try:
            return verify_jwt(
                assertion,
                key=Es256Key.from_jwk(found.jwk),
                typ=ASSERTION_TYPES,
                issuer=found.client_id,
                audience=self._issuer,
                now=self._clock(),
                max_lifetime=MAX_ASSERTION_LIFETIME,
                required=frozenset({"iss", "sub", "aud", "exp", "iat", "jti"}),
                max_bytes=MAX_ASSERTION_BYTES,
            )
        except SigningError as error:
            raise InvalidClientError(error.reason) from error

    async def _once(self, found: SystemKey, claims: dict[str, Any]) -> None:
        jti = str(claims["jti"])
        if not 8 <= len(jti) <= 256 or claims["sub"] != found.client_id:
            raise InvalidClientError("jti_or_sub")
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        row = {
            "client_id": found.client_id,
            "jti_hash": hashlib.sha256(jti.encode()).hexdigest(),
            "expires_at": expires_at,
        }
        now = self._clock()
        try:
            await self._database.write(lambda tx: _remember_assertion(tx, row, now))
        except ConflictError as error:
            raise InvalidClientError("replayed") from error

    def _issue(self, found: SystemKey) -> str:
        now = int(self._clock().timestamp())
        claims = {
            "iss": self._issuer,
            "aud": self._issuer,
            "sub": found.client_id,
            "client_id": found.client_id,
            "iat": now,
            "exp": now + self.token_seconds,
            "jti": new_id(),
            "auth_kid": found.kid,
        }
        return sign_jws(claims, signer=self._signing.token_signer(), typ=ACCESS_TOKEN_TYPE)

    async def _read(self, token: str) -> Caller:
        try:
            key = self._signing.token_keys().get(str(read_header(token, max_bytes=MAX_ASSERTION_BYTES).get("kid")))
            if key is None:
                raise SignatureError
            claims = verify_jwt(
                token,
                key=key,
                typ=ACCESS_TOKEN_TYPE,
                issuer=self._issuer,
                audience=self._issuer,
                now=self._clock(),
                max_lifetime=timedelta(hours=1),
                required=_TOKEN_CLAIMS,
                max_bytes=MAX_ASSERTION_BYTES,
            )
        except SigningError as error:
            raise InvalidTokenError(error.reason) from error
        client_id, kid = str(claims["client_id"]), str(claims["auth_kid"])
        found = await self._database.read(lambda tx: find_system_key(tx, client_id, kid))
        if found is None or not found.active:
            raise InvalidTokenError("client_disabled")
        return Caller(found.system_id, found.client_id, found.department_id, found.kid, found.jwk, claims["exp"])


def _unverified_subject(assertion: str) -> str:
    """The client that the assertion claims to be: only to find its keys, nothing is believed."""
    payload = strict_loads(unb64u(assertion.split(".")[1]), max_bytes=MAX_ASSERTION_BYTES)
    subject = payload.get("sub") if isinstance(payload, dict) else None
    if not isinstance(subject, str) or not 1 <= len(subject) <= 64:
        raise InvalidClientError("missing_sub")
    return subject


def _remember_assertion(tx: Connection, row: dict[str, Any], now: datetime) -> None:
    tx.execute(
        delete(_SEEN).where(_SEEN.c.expires_at < now - timedelta(days=1))
    )  # a clock that went back must not reopen the window
    tx.execute(insert(_SEEN).values(**row))
