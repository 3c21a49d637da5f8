"""How the hub shows a REST source who it is. Secrets are fetched when a request is made, and kept nowhere.

The signature of `hmac`, for the department that must check it: HMAC under the shared key over six lines joined by a
line feed — method; path as sent; query pairs as sent, sorted by their bytes and joined by `&`; lower hex of the digest
of the body; milliseconds since 1970; nonce. The digest is SHA-256 or SM3, for body and HMAC alike.
"""

import base64
import hashlib
import hmac
import secrets as randomness
from collections.abc import Mapping
from typing import Any, Final, Protocol

from adapters.definition import resolved
from adapters.errors import DefinitionFaultError
from adapters.http import Http, Request
from adapters.oauth import ClientCredentials
from adapters.port import Budget, Environment


class Credentials(Protocol):
    """One way of authentication."""

    async def sign(self, request: Request, http: Http, budget: Budget) -> Request:
        """The request with its credentials. Raises: SourceError."""
        ...

    def refused(self, request: Request) -> bool:
        """The source answered 401 to this signed request. Whether signing it anew may help; once."""
        ...


class _Fixed:
    """Credentials that do not change between two requests."""

    def __init__(self, settings: Mapping[str, Any], environment: Environment) -> None:
        self._settings = settings
        self._environment = environment

    def refused(self, _: Request) -> bool:
        return False

    def _value(self, member: str) -> str:
        return resolved(self._environment.secrets, self._settings[member])


class Nobody(_Fixed):
    """No authentication."""

    async def sign(self, request: Request, *_: object) -> Request:
        """The request as it is."""
        return request


class ApiKey(_Fixed):
    """A key in a header or a query pair."""

    async def sign(self, request: Request, *_: object) -> Request:
        """With the key."""
        pair = (self._settings["name"], self._value("key"))
        if self._settings.get("in", "header") == "query":
            return request.having(query=[pair])
        return request.having(pair)


class Basic(_Fixed):
    """RFC 7617, in UTF-8."""

    async def sign(self, request: Request, *_: object) -> Request:
        """With user name and password."""
        user = self._value("username")
        if ":" in user:
            raise DefinitionFaultError("/auth/username", "colon")
        pair = base64.b64encode(f"{user}:{self._value('password')}".encode()).decode("ascii")
        return request.having(("Authorization", f"Basic {pair}"))


class Bearer(_Fixed):
    """A token that the owner renews by hand."""

    async def sign(self, request: Request, *_: object) -> Request:
        """With the token."""
        return request.having(("Authorization", f"Bearer {self._value('token')}"))


class Signature(_Fixed):
    """HMAC over the request, as the module says."""

    async def sign(self, request: Request, *_: object) -> Request:
        """With key name, time, nonce and signature in four headers."""
        moment = str(int(self._environment.clock().timestamp() * 1000))
        nonce = randomness.token_hex(16)
        algorithm = self._settings.get("algorithm", "sha256")
        text = canonical_text(request, moment, nonce, algorithm)
        mac = hmac.digest(self._value("key").encode(), text.encode(), algorithm)
        shown = mac.hex() if self._settings.get("encoding", "hex") == "hex" else base64.b64encode(mac).decode("ascii")
        names = {**_SIGNATURE_HEADERS, **self._settings.get("headers", {})}
        return request.having(
            (names["key"], self._value("key_id")),
            (names["timestamp"], moment),
            (names["nonce"], nonce),
            (names["signature"], shown),
        )


def canonical_text(request: Request, moment: str, nonce: str, algorithm: str) -> str:
    """What `hmac` signs. Raises: DefinitionFaultError: this machine's OpenSSL has no such digest."""
    path, _, query = request.target.partition("?")
    pairs = "&".join(sorted(query.split("&"))) if query else ""
    try:
        body = hashlib.new(algorithm, request.body).hexdigest()
    except ValueError:
        raise DefinitionFaultError("/auth/algorithm", "unsupported") from None
    return f"{request.method}\n{path}\n{pairs}\n{body}\n{moment}\n{nonce}"


_SIGNATURE_HEADERS: Final[Mapping[str, str]] = {
    "key": "X-Key-Id",
    "timestamp": "X-Timestamp",
    "nonce": "X-Nonce",
    "signature": "X-Signature",
}

_TYPES: Final[Mapping[str, Any]] = {
    "none": Nobody,
    "api_key": ApiKey,
    "basic": Basic,
    "bearer": Bearer,
    "oauth2": ClientCredentials,
    "hmac": Signature,
}


def open_credentials(settings: Mapping[str, Any], environment: Environment) -> Credentials:
    """Credentials from the member `auth` of a connection. Raises: DefinitionFaultError: members missing or too many."""
    kind = settings["type"]
    for member in _NEEDED[kind]:
        if member not in settings:
            raise DefinitionFaultError(f"/auth/{member}", "missing")
    for member in settings:
        if member not in {"type", *_NEEDED[kind], *_ALLOWED.get(kind, ())}:
            raise DefinitionFaultError(f"/auth/{member}", "unknown")
    credentials: Credentials = _TYPES[kind](settings, environment)
    return credentials


_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "none": (),
    "api_key": ("name", "key"),
    "basic": ("username", "password"),
    "bearer": ("token",),
    "oauth2": ("token_url", "client_id", "client_secret"),
    "hmac": ("key_id", "key"),
}
_ALLOWED: Final[Mapping[str, tuple[str, ...]]] = {
    "api_key": ("in",),
    "oauth2": ("scope", "audience", "client_in"),
    "hmac": ("algorithm", "encoding", "headers"),
}


def needed_members(way: str) -> tuple[str, ...]:
    """Members of `auth` that a way must have."""
    return _NEEDED[way]


def allowed_members(way: str) -> tuple[str, ...]:
    """Members of `auth` that a way may have beside them."""
    return _ALLOWED.get(way, ())


def _secret(title: str, title_en: str) -> dict[str, Any]:
    return {"type": "string", "pattern": "^secret:.+", "title": title, "title_en": title_en}


def _text(title: str, title_en: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "title": title, "title_en": title_en, **more}


_HEADER: Final = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"

AUTH_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": "认证",
    "title_en": "Authentication",
    "additionalProperties": False,
    "required": ["type"],
    "properties": {
        "type": {"enum": list(_TYPES), "title": "方式", "title_en": "Way"},
        "in": {"enum": ["header", "query"], "title": "密钥位置", "title_en": "Place of the key"},
        "name": _text("密钥的请求头或参数名", "Name of the header or query pair", pattern=_HEADER),
        "key": _secret("密钥（secret:名称）", "Key (secret:NAME)"),
        "key_id": _text("密钥编号", "Name of the key"),
        "username": _text("用户名", "User name"),
        "password": _secret("口令（secret:名称）", "Password (secret:NAME)"),
        "token": _secret("令牌（secret:名称）", "Token (secret:NAME)"),
        "token_url": _text("令牌地址", "Address of the token endpoint"),
        "client_id": _text("客户端编号", "Client identifier"),
        "client_secret": _secret("客户端密钥（secret:名称）", "Client secret (secret:NAME)"),
        "client_in": {
            "enum": ["basic", "form"],
            "title": "客户端认证位置",
            "title_en": "Where the client shows itself",
        },
        "scope": _text("范围", "Scope"),
        "audience": _text("受众", "Audience"),
        "algorithm": {"enum": ["sha256", "sm3"], "title": "摘要算法", "title_en": "Digest"},
        "encoding": {"enum": ["hex", "base64"], "title": "签名编码", "title_en": "Encoding of the signature"},
        "headers": {
            "type": "object",
            "title": "签名请求头名称",
            "title_en": "Names of the signature headers",
            "additionalProperties": False,
            "properties": {name: {"type": "string", "pattern": _HEADER} for name in _SIGNATURE_HEADERS},
        },
    },
}
"""The member `auth` of a connection; which members a way needs is checked when the source is opened."""
