"""How a source knows the hub: chosen on a page of its own, so that the next one asks for that way's members alone."""

from collections.abc import Mapping
from typing import Any, Final

from adapters.credentials import allowed_members, needed_members

WAYS: Final = (
    ("none", "不认证", "none", "网络隔离，或只凭证书", "A closed network, or a client certificate alone"),
    ("api_key", "接口密钥", "API key", "固定密钥，放在请求头或参数中", "A fixed key in a header or a query pair"),
    ("basic", "用户名和口令", "user name and password", "HTTP Basic", "HTTP Basic"),
    (
        "bearer",
        "固定令牌",
        "fixed token",
        "Authorization: Bearer，由本部门更换",
        "Authorization: Bearer, renewed by you",
    ),
    ("oauth2", "OAuth 2 客户端凭据", "OAuth 2 client credentials", "平台自动换取令牌", "The hub fetches the tokens"),
    ("hmac", "请求签名", "signed requests", "以共享密钥签名，见手册", "HMAC under a shared key; see the manual"),
)
"""Way, its name and a hint, Chinese and English."""
_NAMES: Final = frozenset(way for way, *_ in WAYS)
NONE: Final = "none"


def has_ways(schema: Mapping[str, Any]) -> bool:
    """Whether a kind's connection has different ways of authentication."""
    return "auth" in schema.get("properties", {})


def way_of(connection: Mapping[str, Any]) -> str:
    """The way that a connection says; without one the source asks for nothing."""
    auth = connection.get("auth")
    way = auth.get("type") if isinstance(auth, Mapping) else None
    return way if isinstance(way, str) and way in _NAMES else NONE


def narrowed(schema: Mapping[str, Any], way: str) -> dict[str, Any]:
    """The schema with the members of one way only; the way itself is no input any more."""
    if not has_ways(schema):
        return dict(schema)
    members = {name: member for name, member in schema["properties"].items() if name != "auth"}
    needed = needed_members(way)
    if kept := (*needed, *allowed_members(way)):
        auth = schema["properties"]["auth"]
        members["auth"] = auth | {
            "required": list(needed),
            "properties": {name: auth["properties"][name] for name in kept},
        }
    required = [*schema.get("required", ()), *(["auth"] if needed else [])]
    return {**schema, "properties": members, "required": required}


def chosen(connection: Mapping[str, Any], way: str) -> dict[str, Any]:
    """The connection under another way: what the former one had is forgotten. The same way changes nothing."""
    if way_of(connection) == way:
        return dict(connection)
    rest = {name: value for name, value in connection.items() if name != "auth"}
    return rest if way == NONE else rest | {"auth": {"type": way}}
