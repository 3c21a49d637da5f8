"""Client assertions and access tokens under attack: every bad one is the same 401, and only the log knows why."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from hub.ledger.entries import Sealed
from hub.ledger.receipts import receipt
from signing.canonical import b64u
from signing.jose import sign_jws
from tests.hub.forged import ATTACKS, RETIRED, STRANGER, Attack, World, add_inactive, ask, shape, soon, use
from tests.support import INTAKE, NARROW, PUBLIC_URL, Place, assertion, copy_home, new_database, token_form

pytestmark = pytest.mark.asyncio(loop_scope="module")
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@pytest.fixture(scope="module")
def shared_place(template: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One hub a database for all refused assertions: a refusal leaves nothing behind."""
    home = copy_home(template, tmp_path_factory.mktemp("tokens"))
    if template.database_url is None:
        yield Place(home, None)
        return
    with new_database(template.database_url.rsplit("/", 1)[1]) as url:
        yield Place(home, url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(shared_place: Place) -> AsyncIterator[World]:
    async with shared_place.open() as hub, shared_place.client(hub) as client:
        await hub.database.write(lambda tx: add_inactive(tx, RETIRED))
        yield World(shared_place, hub, client, shared_place.signer(), shared_place.signer(NARROW))


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.sampled
async def test_a_bad_assertion_is_one_401_and_its_reason_is_in_the_log_only(world: World, name: str) -> None:
    reason, attack = ATTACKS[name]
    answer, logged = await ask(world.client, attack(world))
    plain, _ = await ask(world.client, world.raw(payload=world.claims(sub="nobody", iss="nobody")))
    assert answer.status_code == 401
    assert shape(answer) == shape(plain)
    assert json.loads(answer.content)["error"] == "invalid_client"
    assert logged == [reason]


async def test_the_same_token_unspoilt_is_accepted(world: World) -> None:
    """Or every attack above would prove nothing."""
    answer, logged = await ask(world.client, world.raw())
    assert answer.status_code == 200, answer.text
    assert logged == []


async def test_a_used_assertion_is_refused_also_with_its_other_signature(world: World) -> None:
    token = world.raw()
    assert (await ask(world.client, token))[0].status_code == 200
    answer, logged = await ask(world.client, token)
    assert (answer.status_code, logged) == (401, ["replayed"])
    twin = _other_signature(token)
    assert twin != token
    answer, logged = await ask(world.client, twin)
    assert (answer.status_code, logged) == (401, ["replayed"])


async def test_of_twenty_simultaneous_uses_one_is_accepted(world: World) -> None:
    token = world.raw()
    answers = await asyncio.gather(*(world.client.post("/oauth/token", data=token_form(token)) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19


def _other_signature(token: str) -> str:
    """(r, n - s) verifies wherever (r, s) does: the replay guard may not go by the token's text."""
    from signing.canonical import unb64u

    head, _, signature = token.rpartition(".")
    raw = unb64u(signature)
    flipped = (_P256_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    return f"{head}.{b64u(raw[:32] + flipped)}"


# Access tokens


def access_claims(world: World, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": PUBLIC_URL,
        "aud": PUBLIC_URL,
        "sub": INTAKE,
        "client_id": INTAKE,
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid.uuid4()),
        "auth_kid": world.signer.kid,
    } | changes
    return {name: value for name, value in claims.items() if value is not ...}


def _own(world: World, *, typ: str = "at+jwt", key: str = "token", **changes: Any) -> str:
    """Signed with a key of this hub."""
    return sign_jws(access_claims(world, **changes), signer=world.hub.keys.signer(key), typ=typ)


def _receipt(world: World) -> str:
    entry = Sealed(str(uuid.uuid4()), datetime.now(UTC), bytes(32), {})
    return receipt(entry, issuer=PUBLIC_URL, log_origin="x", signer=world.hub.desk.hub("hub").signer)


ACCESS: dict[str, Attack] = {
    "assertion": lambda w: assertion(w.signer, INTAKE),
    "assertion_typed_as_access_token": lambda w: assertion(w.signer, INTAKE, typ="at+jwt"),
    "receipt": _receipt,
    "own_key_with_receipt_typ": lambda w: _own(w, typ="ledger-receipt+jwt"),
    "own_key_with_jwt_typ": lambda w: _own(w, typ="JWT"),
    "hubs_receipt_key": lambda w: _own(w, key="hub"),
    "hubs_copy_key": lambda w: _own(w, key="purpose-copy"),
    "foreign_key": lambda w: sign_jws(access_claims(w), signer=STRANGER, typ="at+jwt"),
    "foreign_key_under_our_kid": lambda w: w.raw(
        header={"alg": "ES256", "typ": "at+jwt", "kid": w.hub.keys.signer("token").kid},
        payload=access_claims(w),
        sign=STRANGER.sign,
    ),
    "alg_none": lambda w: w.raw(
        header={"alg": "none", "typ": "at+jwt", "kid": w.hub.keys.signer("token").kid},
        payload=access_claims(w),
        sign=lambda _: b"",
    ),
    "foreign_issuer": lambda w: _own(w, iss="https://hub.example"),
    "foreign_audience": lambda w: _own(w, aud="https://hub.example"),
    "expired": lambda w: _own(w, iat=soon(-400), exp=soon(-1)),
    "too_long_lived": lambda w: _own(w, exp=soon(7200)),
    "without_exp": lambda w: _own(w, exp=...),
    "without_client": lambda w: _own(w, client_id=...),
    "client_not_a_string": lambda w: _own(w, client_id=[INTAKE]),
    "disabled_system": lambda w: _own(w, client_id="closed", sub="closed", auth_kid=RETIRED.kid),
    "unknown_system": lambda w: _own(w, client_id="nobody", sub="nobody"),
    "inactive_key": lambda w: _own(w, auth_kid=RETIRED.kid),
    "empty": lambda _: "",
    "garbage": lambda _: "x" * 40_000,
    "not_ascii": lambda _: "\xe9\xff",
}


@pytest.mark.embedded
@pytest.mark.parametrize("name", ACCESS)
async def test_a_bad_access_token_is_one_401(world: World, name: str) -> None:
    token = ACCESS[name](world)
    raw = b"Bearer " + token.encode("latin-1")
    with capture_logs() as logs:
        answer = await world.client.get("/api/v1/matters", headers=[(b"authorization", raw)])
    if name == "garbage":
        assert answer.status_code in {400, 401}  # 32 KiB of headers never reach the routes
        return
    plain = await use(world.client, "x.y.z")
    assert answer.status_code == 401
    assert shape(answer) == shape(plain)
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert [line for line in logs if line["log_level"] == "error"] == []
    assert [line["event"] for line in logs if "reason" in line] == ["token_refused"]


async def test_a_good_access_token_is_accepted(world: World) -> None:
    assert (await use(world.client, _own(world))).status_code == 200
