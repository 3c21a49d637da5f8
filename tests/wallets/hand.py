"""A wallet by hand, since a good one never asks for what is refused: whatever a proof says can be changed."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from hub.runtime import Hub
from signing.canonical import b64u, sha256
from signing.jose import sign_jws
from signing.keys import SoftwareSigner
from tests.citizens.conftest import signed_in
from tests.support import PUBLIC_URL
from tests.wallets.test_issuing import identifier_of

TOKEN, CREDENTIAL = f"{PUBLIC_URL}/wallets/token", f"{PUBLIC_URL}/wallets/credential"
GRANT = "urn:ietf:params:oauth:grant-type:pre-authorized_code"


def bare(signer: SoftwareSigner) -> dict[str, Any]:
    return {name: signer.public.jwk[name] for name in ("kty", "crv", "x", "y")}


@dataclass
class Hand:
    """One key for tokens, and a new one for each copy."""

    client: httpx2.AsyncClient
    hub: Hub
    key: SoftwareSigner = field(default_factory=SoftwareSigner.generate)

    def dpop(self, url: str, *, token: str | None = None, key: SoftwareSigner | None = None, **changes: Any) -> str:
        signer = key or self.key
        claims: dict[str, Any] = {"jti": str(uuid.uuid4()), "htm": "POST", "htu": url, "iat": int(time.time())}
        if token is not None:
            claims["ath"] = b64u(sha256(token.encode()))
        return sign_jws(claims | changes, signer=signer, typ="dpop+jwt", header={"jwk": bare(signer)})

    async def offered(self) -> tuple[str, str]:
        """A code and its digits."""
        holder = await signed_in(self.hub)
        found = await self.hub.wallets.offers.look(
            holder, await self.hub.wallets.offers.make(holder, await identifier_of(self.hub))
        )
        reference = found.scan.rpartition("%2F")[2]
        offer = (await self.client.get(f"/wallets/offers/{reference}")).json()
        return offer["grants"][GRANT]["pre-authorized_code"], found.digits

    async def exchange(self, code: str, digits: str | None, dpop: str | None = None) -> httpx2.Response:
        form = {"grant_type": GRANT, "pre-authorized_code": code} | ({"tx_code": digits} if digits else {})
        return await self.client.post(TOKEN, data=form, headers={"DPoP": dpop or self.dpop(TOKEN)})

    async def token(self) -> str:
        return str((await self.exchange(*await self.offered())).json()["access_token"])

    async def nonce(self) -> str:
        return str((await self.client.post("/wallets/nonce")).json()["c_nonce"])

    async def proof(
        self, nonce: str | None = None, *, typ: str = "openid4vci-proof+jwt", attested: str = "", **changes: Any
    ) -> str:
        signer = SoftwareSigner.generate()
        claims = {"aud": PUBLIC_URL, "iat": int(time.time()), "nonce": nonce or await self.nonce()}
        header = {"jwk": bare(signer)} | ({"key_attestation": attested} if attested else {})
        return sign_jws(claims | changes, signer=signer, typ=typ, header=header)

    async def ask(self, token: str, *proofs: str, dpop: str | None = None, **body: Any) -> httpx2.Response:
        wanted = {"credential_configuration_id": "identity_card", "proofs": {"jwt": list(proofs)}} | body
        headers = {"Authorization": f"DPoP {token}", "DPoP": dpop or self.dpop(CREDENTIAL, token=token)}
        return await self.client.post(CREDENTIAL, json=wanted, headers=headers)


@pytest.fixture
def hand(hub: Hub, client: httpx2.AsyncClient) -> Hand:
    return Hand(client, hub)


def told(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]
