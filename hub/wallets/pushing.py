"""What a wallet asks a holder for: a request that it pushes (RFC 9126), with PKCE and the key of its token.

The browser carries nothing of it but a reference. A wallet that the operator did not name is refused: nobody has looked
at it, and its page could say that it is another.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import insert

from catalog.tables import table
from certificates.definitions.parts import Custody
from hub.access.sessions import hashed
from hub.clock import Clock
from hub.issuing.types.registry import TypeRegistry
from hub.storage.database import Database
from hub.storage.vault import Vault
from hub.wallets.bearing import bearer
from hub.wallets.errors import WalletError
from hub.wallets.metadata import DETAILS
from hub.wallets.proofs import Dpop
from hub.wallets.tables import WalletAuthorizationRow
from signing.canonical import strict_loads
from signing.errors import MalformedError

REQUEST_URN: Final = "urn:ietf:params:oauth:request_uri:"
LIFE: Final = timedelta(minutes=10)
"""Long enough to sign in on the way."""
PUSHED: Final = "pushed"
PUSHED_MEANING: Final = (
    "client_id",
    "redirect_uri",
    "challenge",
    "client_state",
    "configuration",
    "detailed",
    "thumbprint",
    "expires_at",
)
"""What a reference vouches for: whose address the code is led to, and for whose key it is, nobody changes by SQL."""
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_MAX_STATE: Final = 1000
_ROWS: Final = table(WalletAuthorizationRow)


class Pushing:
    """Takes requests of wallets."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        types: TypeRegistry,
        clients: Mapping[str, Sequence[str]],
        clock: Clock,
        public_url: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._clients = clients
        self._clock = clock
        self._public_url = public_url

    @property
    def on(self) -> bool:
        """Whether any wallet is named."""
        return bool(self._clients)

    async def push(self, form: Mapping[str, str], dpop: Dpop | None) -> str:
        """Remember a request; answers its `request_uri`. Raises: WalletError."""
        client, redirect = form.get("client_id", ""), form.get("redirect_uri", "")
        if client not in self._clients:
            raise WalletError("invalid_client", "no such wallet")
        if redirect not in self._clients[client]:
            raise WalletError("invalid_request", "redirect_uri is not an address of this wallet")
        if "request_uri" in form:  # RFC 9126 §2.1
            raise WalletError("invalid_request", "request_uri has no place here")
        if form.get("response_type") != "code":
            raise WalletError("unsupported_response_type", "response_type must be code")
        if form.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(form.get("code_challenge", "")):
            raise WalletError("invalid_request", "PKCE with S256 is needed")
        named = form.get("dpop_jkt")
        if named is not None and dpop is not None and named != dpop.thumbprint:
            raise WalletError("invalid_dpop_proof", "dpop_jkt names another key")
        if len(form.get("state", "")) > _MAX_STATE:
            raise WalletError("invalid_request", "state is too long")
        row: dict[str, Any] = {
            "client_id": client,
            "redirect_uri": redirect,
            "challenge": form["code_challenge"],
            "client_state": form.get("state"),
            "configuration": self._configuration(form),
            "detailed": "authorization_details" in form,
            "thumbprint": dpop.thumbprint if dpop else (named[:64] if named else None),
            "state": PUSHED,
            "certificate_ids": [],
            "expires_at": self._clock() + LIFE,
        }
        secret = bearer(self._vault, PUSHED_MEANING, row)
        await self._database.write(lambda tx: tx.execute(insert(_ROWS).values(request_hash=hashed(secret), **row)))
        return REQUEST_URN + secret

    def _configuration(self, form: Mapping[str, str]) -> str:
        """The one configuration that is asked for, by authorization details or by scope, of which the values that
        nobody knows here are passed over (OpenID4VCI 1.0 §5.1).
        """
        current = (item.type for item in self._types.current().values())
        slugs = {kind.slug for kind in current if kind.custody is Custody.LIBRARY}
        if "authorization_details" in form:
            name = details_of(form["authorization_details"], issuer=self._public_url)
            if name not in slugs:
                raise WalletError("invalid_authorization_details", "no credential configuration of this issuer")
            return name
        known = slugs & set(form.get("scope", "").split(" "))
        if len(known) != 1:
            raise WalletError("invalid_scope", "one credential configuration of this issuer must be named")
        return known.pop()


def details_of(text: str, *, issuer: str) -> str:
    """The configuration in `authorization_details`, of which there is one, for this issuer. Raises: WalletError."""
    try:
        read = strict_loads(text.encode(), max_bytes=4096, max_depth=8)
    except MalformedError as error:
        raise WalletError("invalid_authorization_details", error.reason) from None
    match read:
        case [{"type": kind, "credential_configuration_id": str() as name} as one] if kind == DETAILS:
            where = one.get("locations", [issuer])
        case _:
            raise WalletError("invalid_authorization_details", "one of type openid_credential is taken")
    if not isinstance(where, list) or issuer not in where:
        raise WalletError("invalid_authorization_details", "locations names another issuer")
    return name
