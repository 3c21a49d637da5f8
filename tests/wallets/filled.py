"""A licence in a wallet, without a wallet: for tests of what comes after."""

import uuid
from datetime import timedelta
from typing import Any

from hub.citizens.values import Holder
from hub.runtime import Hub
from hub.wallets.issuing import Given, Wanted
from hub.wallets.metadata import PRE_AUTHORIZED
from hub.wallets.once import new_nonce
from hub.wallets.proofs import Dpop
from signing.canonical import strict_loads
from signing.jose import sign_jws
from signing.keys import SoftwareSigner
from tests.support import PUBLIC_URL


def dpop_of(hub: Hub, key: SoftwareSigner) -> Dpop:
    """A proof by this key, as it is once it was read."""
    return Dpop(key.public.thumbprint, str(uuid.uuid4()), hub.clock() + timedelta(minutes=2))


async def taken_by(hub: Hub, holder: Holder, identifier: str, key: SoftwareSigner) -> dict[str, Any]:
    """The answer to an offer that was taken, for the wallet of this key."""
    offer = await hub.wallets.offers.look(holder, await hub.wallets.offers.make(holder, identifier))
    document = strict_loads(await hub.wallets.offers.document(offer.scan.rpartition("%2F")[2]), max_bytes=10_000)
    code = document["grants"][PRE_AUTHORIZED]["pre-authorized_code"]
    form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": code, "tx_code": offer.digits}
    form["client_id"] = "wallet.example"  # which it says of itself
    return await hub.wallets.exchanging.exchange(form, dpop_of(hub, key))


async def fetched(hub: Hub, token: str, key: SoftwareSigner, slug: str = "identity_card") -> Given:
    """One copy for a token."""
    bound = SoftwareSigner.generate()
    jwk = {name: bound.public.jwk[name] for name in ("kty", "crv", "x", "y")}
    said = {"aud": PUBLIC_URL, "iat": int(hub.clock().timestamp()), "nonce": new_nonce(hub.vault, hub.clock())}
    proof = sign_jws(said, signer=bound, typ="openid4vci-proof+jwt", header={"jwk": jwk})
    return await hub.wallets.issuing.give(token, dpop_of(hub, key), Wanted(slug, None, [proof]))


async def put_into_wallet(hub: Hub, holder: Holder, identifier: str) -> Given:
    """One copy of this licence, in a new wallet."""
    key = SoftwareSigner.generate()
    return await fetched(hub, (await taken_by(hub, holder, identifier, key))["access_token"], key)
