"""The provider as it describes itself, its keys as they rotate, and the strict reading of an ID token.

Metadata and keys are kept for an hour. A token signed with a key that is not among them makes the keys be fetched
again, at most once a minute: a rotation is followed at once, and forged key ids do not turn into a flood of calls.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from hub.access.errors import ProviderError, SignInRefusedError
from hub.clock import Clock
from hub.outbound import Outbound, OutboundError

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""No HMAC: the client's secret must not be able to sign. No `none`."""
SKEW: Final = timedelta(seconds=60)
MAX_AGE: Final = timedelta(minutes=10)
MAX_TOKEN_BYTES: Final = 16_384
_KEPT: Final = timedelta(hours=1)
_AGAIN: Final = timedelta(seconds=60)
_MAX_KEYS: Final = 50
_KINDS: Final[dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


@dataclass(frozen=True, slots=True)
class Metadata:
    """The members of the discovery document that are used, checked."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    takes_basic: bool
    names_itself: bool
    """It promises `iss` in its answers (RFC 9207): an answer without it is somebody else's."""


class Provider:
    """Discovery and keys of one issuer."""

    def __init__(self, issuer: str, *, outbound: Outbound, clock: Clock) -> None:
        self._issuer = issuer
        self._outbound = outbound
        self._clock = clock
        self._metadata: tuple[datetime, Metadata] | None = None
        self._keys: tuple[datetime, list[dict[str, Any]]] | None = None

    async def metadata(self) -> Metadata:
        """The provider's description. Raises: ProviderError when it cannot be had or is not of this issuer."""
        now = self._clock()
        if self._metadata is None or now - self._metadata[0] > _KEPT:
            document = await self._get(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
            self._metadata = (now, self._checked(document))
        return self._metadata[1]

    async def key_for(self, token: str) -> Key:
        """The public key that the token names. Raises: SignInRefusedError for one it has not; ProviderError."""
        header = _header(token)
        found = _chosen(await self._jwks(fresh=False), header)
        if found is None:
            found = _chosen(await self._jwks(fresh=True), header)
        if found is None:
            raise SignInRefusedError("key")
        try:
            return _KINDS[found["kty"]].import_key(found)
        except (JoseError, ValueError, KeyError) as error:
            raise SignInRefusedError("key") from error

    async def _jwks(self, *, fresh: bool) -> list[dict[str, Any]]:
        now = self._clock()
        limit = _AGAIN if fresh else _KEPT
        if self._keys is None or now - self._keys[0] > limit:
            document = await self._get((await self.metadata()).jwks_uri)
            keys = document.get("keys")
            if not isinstance(keys, list) or len(keys) > _MAX_KEYS:
                raise ProviderError("jwks")
            self._keys = (now, [key for key in keys if isinstance(key, dict)])
        return self._keys[1]

    async def _get(self, url: str) -> dict[str, Any]:
        try:
            return await self._outbound.get(url)
        except OutboundError as error:
            raise ProviderError(error.reason) from error

    def _checked(self, document: dict[str, Any]) -> Metadata:
        if document.get("issuer") != self._issuer:
            raise ProviderError("issuer")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        authorization, token, jwks = (str(document.get(name, "")) for name in names)
        if not all(self._outbound.allows(url) for url in (authorization, token, jwks)):
            raise ProviderError("endpoints")
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        named = document.get("authorization_response_iss_parameter_supported") is True
        return Metadata(authorization, token, jwks, "client_secret_basic" in methods, named)


@dataclass(frozen=True, slots=True)
class IdTokenRules:
    """What an ID token must be (OpenID Connect Core 3.1.3.7)."""

    issuer: str
    client_id: str
    acr: tuple[str, ...]
    amr: tuple[str, ...]

    def check(self, token: str, *, key: Key, nonce: str, now: datetime) -> dict[str, Any]:
        """The claims of a token that keeps every rule. Raises: SignInRefusedError naming the first that is broken."""
        try:
            claims = jwt.decode(token, key, algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError) as error:
            raise SignInRefusedError("signature") from error
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        moment = now.timestamp()
        broken = [
            name
            for name, holds in (
                ("iss", claims.get("iss") == self.issuer),
                ("aud", self.client_id in audiences),
                ("azp", claims.get("azp", self.client_id) == self.client_id),
                ("azp_missing", len(audiences) == 1 or "azp" in claims),
                ("exp", _instant(claims, "exp") > moment - SKEW.total_seconds()),
                ("iat", abs(moment - _instant(claims, "iat")) < MAX_AGE.total_seconds()),
                ("nbf", "nbf" not in claims or _instant(claims, "nbf") <= moment + SKEW.total_seconds()),
                ("nonce", hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode())),
                ("sub", isinstance(claims.get("sub"), str) and claims["sub"] != ""),
                ("acr", not self.acr or claims.get("acr") in self.acr),
                ("amr", _amr(claims).issuperset(self.amr)),
            )
            if not holds
        ]
        if broken:
            raise SignInRefusedError(broken[0])
        return claims


def _header(token: str) -> dict[str, Any]:
    if len(token) > MAX_TOKEN_BYTES:
        raise SignInRefusedError("token_size")
    try:
        header: dict[str, Any] = jws.extract_compact(token.encode("ascii")).headers()
    except (JoseError, ValueError) as error:
        raise SignInRefusedError("token") from error
    if header.get("alg") not in ALGORITHMS:
        raise SignInRefusedError("alg")
    return header


def _chosen(keys: list[dict[str, Any]], header: dict[str, Any]) -> dict[str, Any] | None:
    """By exact kid; without one only when there is a single key of the kind. Never by trying."""
    kind = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}[str(header["alg"])[:2]]
    fitting = [key for key in keys if key.get("kty") == kind and key.get("use", "sig") == "sig"]
    if "kid" in header:
        fitting = [key for key in fitting if key.get("kid") == header["kid"]]
    return fitting[0] if len(fitting) == 1 else None


def _instant(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("-inf")


def _amr(claims: dict[str, Any]) -> set[str]:
    value = claims.get("amr")
    return {item for item in value if isinstance(item, str)} if isinstance(value, list) else set()
