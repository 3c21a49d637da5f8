"""A question to a wallet, as it is kept and as it is asked: sealed for who asks and with all that it says, then signed.

Nobody who writes the database asks in another's name, for more, for something else, or for longer than the ledger has
it: what is sealed opens beside the very columns that it was sealed with, or not at all. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self
from urllib.parse import quote

from certificates.profile import VCT_PREFIX
from hub.access.actors import Actor, Role
from hub.access.service import Caller
from hub.storage.vault import DataKey, Vault
from hub.wallets.answers import QUERY, private_key
from hub.wallets.jwe import ENCRYPTIONS, encryption_jwk
from hub.wallets.metadata import FORMAT, PREFIX
from signing.canonical import canonical, sha256, strict_loads

REQUEST_TYP: Final = "oauth-authz-req+jwt"
_WALLETS: Final = "https://self-issued.me/v2"
_SAID: Final[Sequence[str]] = (
    "system_id",
    "staff_id",
    "department_id",
    "reference_hash",
    "type_code",
    "claims",
    "purpose",
    "state",
)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and alone hears the answer: a system, or a clerk at his counter. `by` is for the ledger."""

    department_id: str
    by: Mapping[str, Any]
    system_id: str | None = None
    staff_id: str | None = None

    @classmethod
    def system(cls, caller: Caller) -> Self:
        """A system that calls."""
        return cls(caller.department_id, {"system": caller.client_id}, system_id=caller.system_id)

    @classmethod
    def clerk(cls, actor: Actor) -> Self:
        """A clerk. Raises: ForbiddenError for everybody else."""
        actor.require(Role.CLERK)
        return cls(str(actor.department_id), actor.as_json(), staff_id=actor.id)


@dataclass(frozen=True, slots=True)
class Question:
    """A new question: its id, what the QR says, and for how long."""

    id: str
    scan: str = field(repr=False)
    seconds: int


def sealed(key: DataKey, row: Mapping[str, Any], content: Mapping[str, Any]) -> bytes:
    """What is kept beside these columns: first what asks and reads the answer, then what came of it."""
    return key.encrypt(_place(row), canonical(dict(content)))


def opened(vault: Vault, row: Mapping[str, Any]) -> dict[str, Any]:
    """The same again. Raises: IntegrityBrokenError: one of the columns is not what it was."""
    plain = vault.data_key(row["data_key"], row["kek_kid"]).decrypt(_place(row), row["content"])
    content: dict[str, Any] = strict_loads(plain, max_bytes=len(plain))
    return content


def scan_of(content: Mapping[str, Any], *, public_url: str) -> str:
    """What the QR says, or the link on the same device (OpenID4VP 1.0 §5.4)."""
    where = f"{public_url}{PREFIX}/requests/{content['reference']}"
    return f"openid4vp://?client_id={quote(content['client_id'], safe='')}&request_uri={quote(where, safe='')}"


def payload_of(
    row: Mapping[str, Any], content: Mapping[str, Any], *, name: str, public_url: str, now: datetime
) -> dict[str, Any]:
    """The request object that is signed (OpenID4VP 1.0 §5); `name` is that of the department that asks."""
    wanted = [{"path": [claim]} for claim in row["claims"]]
    query = {"id": QUERY, "format": FORMAT, "meta": {"vct_values": [VCT_PREFIX + row["type_code"]]}, "claims": wanted}
    return {
        "aud": _WALLETS,
        "client_id": content["client_id"],
        "client_metadata": {
            "client_name": name,
            "encrypted_response_enc_values_supported": list(ENCRYPTIONS),
            "jwks": {"keys": [encryption_jwk(private_key(content))]},
            "vp_formats_supported": {FORMAT: {"kb-jwt_alg_values": ["ES256"], "sd-jwt_alg_values": ["ES256"]}},
        },
        "dcql_query": {"credentials": [query]},
        "exp": int(row["expires_at"].timestamp()),
        "iat": int(now.timestamp()),
        "nonce": content["nonce"],
        "response_mode": "direct_post.jwt",
        "response_type": "vp_token",
        "response_uri": f"{public_url}{PREFIX}/responses/{content['reference']}",
        "state": content["state"],
    }


def _place(row: Mapping[str, Any]) -> str:
    said = {name: row[name] for name in _SAID} | {"expires_at": int(row["expires_at"].timestamp())}
    return f"wallet_asks:{row['id']}:{sha256(canonical(said)).hex()}:content"
