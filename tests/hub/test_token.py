"""Client assertions and access tokens under attack: every bad one is the same 401, and only the log knows why."""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import text
from structlog.testing import capture_logs

from hub.ledger.entries import Sealed
from hub.ledger.receipts import receipt
from hub.runtime import Hub, open_hub
from signing.canonical import b64u
from signing.jose import sign_jws
from signing.keys import SoftwareSigner
from tests.support import (
    INTAKE,
    NARROW,
    PUBLIC_URL,
    Place,
    assertion,
    case_body,
    copy_home,
    new_database,
    open_case,
    pull,
    token_form,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class World:
    place: Place
    hub: Hub
    client: httpx2.AsyncClient
    signer: SoftwareSigner
    narrow: SoftwareSigner

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        whole: dict[str, Any] = {
            "iss": INTAKE,
            "sub": INTAKE,
            "aud": PUBLIC_URL,
            "iat": now,
            "exp": now + 60,
            "jti": str(uuid.uuid4()),
        }
        return {name: value for name, value in (whole | changes).items() if value is not ...}

    def header(self, **changes: Any) -> dict[str, Any]:
        whole = {"alg": "ES256", "typ": "JWT", "kid": self.signer.kid} | changes
        return {name: value for name, value in whole.items() if value is not ...}

    def raw(
        self,
        *,
        header: dict[str, Any] | bytes | None = None,
        payload: dict[str, Any] | bytes | None = None,
        sign: Callable[[bytes], bytes] | None = None,
    ) -> str:
        """A token of any header and payload; signed with intake's own key unless told otherwise."""
        first = header if isinstance(header, bytes) else json.dumps(header or self.header()).encode()
        second = payload if isinstance(payload, bytes) else json.dumps(payload or self.claims()).encode()
        message = f"{b64u(first)}.{b64u(second)}"
        return f"{message}.{b64u((sign or self.signer.sign)(message.encode()))}"

    def hmac_keyed(self, key: bytes) -> str:
        """What a verifier accepts that lets the header choose HS256 and hands it the public key."""
        return self.raw(header=self.header(alg="HS256"), sign=lambda message: hmac.digest(key, message, hashlib.sha256))


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
        await hub.database.write(lambda tx: _add_inactive(tx, RETIRED))
        yield World(shared_place, hub, client, shared_place.signer(), shared_place.signer(NARROW))


RETIRED = SoftwareSigner.generate()
STRANGER = SoftwareSigner.generate()


def _add_inactive(tx: Any, signer: SoftwareSigner) -> None:
    """A key of intake that was taken out of use, and a whole system that was."""
    found = tx.execute(text("SELECT id, owner_department_id FROM systems WHERE client_id = :c"), {"c": INTAKE}).one()
    add_key = text(
        "INSERT INTO system_keys (id, system_id, kid, jwk, active, created_at)"
        " SELECT :id, :system, :kid, :jwk, :active, created_at FROM systems WHERE client_id = :c"
    )
    jwk = json.dumps(signer.public.jwk)
    row = {"id": str(uuid.uuid4()), "system": found.id, "kid": signer.kid, "jwk": jwk, "active": False, "c": INTAKE}
    tx.execute(add_key, row)
    closed = str(uuid.uuid4())
    tx.execute(
        text(
            "INSERT INTO systems (id, client_id, owner_department_id, name_zh, name_en, active, created_at)"
            " SELECT :id, 'closed', owner_department_id, name_zh, name_en, :active, created_at"
            " FROM systems WHERE client_id = :c"
        ),
        {"id": closed, "active": False, "c": INTAKE},
    )
    tx.execute(add_key, row | {"id": str(uuid.uuid4()), "system": closed, "active": True})


def _pem(world: World) -> bytes:
    return world.signer.public.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _der(world: World) -> bytes:
    return world.signer.public.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _soon(seconds: int) -> int:
    return int(time.time()) + seconds


def _payload_text(world: World, old: str, new: str) -> bytes:
    return json.dumps(world.claims(exp="@exp", iat=_soon(0))).replace(old, new).encode()


Attack = Callable[[World], str]
ATTACKS: dict[str, tuple[str, Attack]] = {
    # name: (reason in the log, the assertion)
    "alg_none": ("alg", lambda w: w.raw(header=w.header(alg="none"), sign=lambda _: b"")),
    "alg_none_with_a_signature": ("alg", lambda w: w.raw(header=w.header(alg="none"))),
    "alg_empty_list": ("alg", lambda w: w.raw(header=w.header(alg=["ES256"]))),
    "alg_missing": ("alg", lambda w: w.raw(header=w.header(alg=...))),
    "alg_es384": ("alg", lambda w: w.raw(header=w.header(alg="ES384"))),
    "hs256_keyed_with_pem": ("alg", lambda w: w.hmac_keyed(_pem(w))),
    "hs256_keyed_with_stripped_pem": ("alg", lambda w: w.hmac_keyed(_pem(w).strip())),
    "hs256_keyed_with_der": ("alg", lambda w: w.hmac_keyed(_der(w))),
    "hs256_keyed_with_jwk": ("alg", lambda w: w.hmac_keyed(json.dumps(w.signer.public.jwk).encode())),
    "hs256_empty_key": ("alg", lambda w: w.hmac_keyed(b"")),
    "foreign_key_under_known_kid": ("signature", lambda w: w.raw(sign=STRANGER.sign)),
    "other_systems_key_under_own_kid": ("signature", lambda w: w.raw(sign=w.narrow.sign)),
    "other_systems_key_and_kid": (
        "unknown_key",
        lambda w: w.raw(header=w.header(kid=w.narrow.kid), sign=w.narrow.sign),
    ),
    "issuer_other_than_subject": ("issuer", lambda w: w.raw(payload=w.claims(iss=NARROW))),
    "subject_other_than_issuer": ("unknown_key", lambda w: w.raw(payload=w.claims(sub=NARROW))),
    "audience_of_another_hub": ("audience", lambda w: w.raw(payload=w.claims(aud="https://hub.example"))),
    "audience_token_endpoint": ("audience", lambda w: w.raw(payload=w.claims(aud=f"{PUBLIC_URL}/oauth/token"))),
    "audience_list": ("bad_aud", lambda w: w.raw(payload=w.claims(aud=[PUBLIC_URL]))),
    "audience_list_with_others": ("bad_aud", lambda w: w.raw(payload=w.claims(aud=[PUBLIC_URL, "https://x.example"]))),
    "audience_null": ("bad_aud", lambda w: w.raw(payload=w.claims(aud=None))),
    **{
        f"missing_{name}": (f"missing_{name}", lambda w, name=name: w.raw(payload=w.claims(**{name: ...})))
        for name in ("exp", "iat", "jti", "sub", "aud", "iss")
    },
    "exp_string": ("bad_exp", lambda w: w.raw(payload=w.claims(exp=str(_soon(60))))),
    "exp_float": ("bad_exp", lambda w: w.raw(payload=w.claims(exp=_soon(60) + 0.5))),
    "exp_null": ("bad_exp", lambda w: w.raw(payload=w.claims(exp=None))),
    "exp_true": ("bad_exp", lambda w: w.raw(payload=w.claims(exp=True))),
    "exp_list": ("bad_exp", lambda w: w.raw(payload=w.claims(exp=[_soon(60)]))),
    "exp_1e400": ("number", lambda w: w.raw(payload=_payload_text(w, '"@exp"', "1e400"))),
    "exp_infinity": ("number", lambda w: w.raw(payload=_payload_text(w, '"@exp"', "Infinity"))),
    "exp_nan": ("number", lambda w: w.raw(payload=_payload_text(w, '"@exp"', "NaN"))),
    "exp_beyond_64_bits": ("number", lambda w: w.raw(payload=w.claims(exp=2**70))),
    "exp_past": ("expired", lambda w: w.raw(payload=w.claims(iat=_soon(-90), exp=_soon(-1)))),
    "exp_too_long": ("lifetime", lambda w: w.raw(payload=w.claims(exp=_soon(90)))),
    "exp_before_iat": ("lifetime", lambda w: w.raw(payload=w.claims(iat=_soon(8), exp=_soon(5)))),
    "iat_in_future": ("issued_in_future", lambda w: w.raw(payload=w.claims(iat=_soon(30), exp=_soon(60)))),
    "iat_string": ("bad_iat", lambda w: w.raw(payload=w.claims(iat=str(_soon(0))))),
    "nbf_in_future": ("not_yet_valid", lambda w: w.raw(payload=w.claims(nbf=_soon(30)))),
    "jti_number": ("bad_jti", lambda w: w.raw(payload=w.claims(jti=12345678))),
    "jti_short": ("jti_or_sub", lambda w: w.raw(payload=w.claims(jti="1"))),
    "jti_long": ("jti_or_sub", lambda w: w.raw(payload=w.claims(jti="1" * 257))),
    "sub_list": ("missing_sub", lambda w: w.raw(payload=w.claims(sub=[INTAKE]))),
    "sub_long": ("missing_sub", lambda w: w.raw(payload=w.claims(sub=INTAKE + " " * 100))),
    "sub_with_nul": ("character", lambda w: w.raw(payload=w.claims(sub=INTAKE + "\0"))),
    "sub_with_lone_surrogate": ("character", lambda w: w.raw(payload=w.claims(sub="\ud800"))),
    "sub_unknown": ("unknown_key", lambda w: w.raw(payload=w.claims(sub="nobody", iss="nobody"))),
    "kid_unknown": ("unknown_key", lambda w: w.raw(header=w.header(kid=STRANGER.kid), sign=STRANGER.sign)),
    "kid_missing": ("missing_kid", lambda w: w.raw(header=w.header(kid=...))),
    "kid_number": ("missing_kid", lambda w: w.raw(header=w.header(kid=1))),
    "kid_sql": ("unknown_key", lambda w: w.raw(header=w.header(kid="' OR '1'='1"))),
    "kid_of_inactive_key": ("unknown_key", lambda w: w.raw(header=w.header(kid=RETIRED.kid), sign=RETIRED.sign)),
    "system_disabled": (
        "client_disabled",
        lambda w: w.raw(
            header=w.header(kid=RETIRED.kid), payload=w.claims(sub="closed", iss="closed"), sign=RETIRED.sign
        ),
    ),
    "typ_of_access_token": ("typ", lambda w: w.raw(header=w.header(typ="at+jwt"))),
    "typ_missing": ("typ", lambda w: w.raw(header=w.header(typ=...))),
    "typ_list": ("typ", lambda w: w.raw(header=w.header(typ=["JWT"]))),
    "crit": ("header_name", lambda w: w.raw(header=w.header(crit=["exp"], exp=1))),
    "crit_empty": ("header_name", lambda w: w.raw(header=w.header(crit=[]))),
    "b64_false": ("header_name", lambda w: w.raw(header=w.header(b64=False))),
    "jwk_in_header": (
        "header_name",
        lambda w: w.raw(header=w.header(jwk=STRANGER.public.jwk), sign=STRANGER.sign),
    ),
    "jku_in_header": ("header_name", lambda w: w.raw(header=w.header(jku="https://x.example/k"), sign=STRANGER.sign)),
    "x5u_in_header": ("header_name", lambda w: w.raw(header=w.header(x5u="https://x.example/k"), sign=STRANGER.sign)),
    "x5c_in_header": ("signature", lambda w: w.raw(header=w.header(x5c=["MAA="]), sign=STRANGER.sign)),
    "encrypted": ("segments", lambda w: w.raw() + ".a.b"),
    "zip_in_header": ("header_name", lambda w: w.raw(header=w.header(enc="A256GCM", zip="DEF"))),
    "two_segments": ("segments", lambda w: w.raw().rpartition(".")[0]),
    "oversize": ("too_large", lambda w: w.raw(payload=w.claims(note="x" * 9000))),
    "deep_header": ("depth", lambda w: w.raw(header=b'{"alg":' + b"[" * 1000 + b"]" * 1000 + b"}")),
    "deep_payload": ("depth", lambda w: w.raw(payload=b'{"sub":' + b"[" * 2000 + b"]" * 2000 + b"}")),
    "duplicate_alg": (
        "duplicate_name",
        lambda w: w.raw(header=json.dumps(w.header()).replace('"alg"', '"alg": "none", "alg"').encode()),
    ),
    "duplicate_sub": (
        "duplicate_name",
        lambda w: w.raw(payload=json.dumps(w.claims()).replace('"sub"', '"sub": "narrow", "sub"').encode()),
    ),
    "non_utf8_header": ("encoding", lambda w: w.raw(header=b'{"alg":"\xff\xfe"}')),
    "non_utf8_payload": ("encoding", lambda w: w.raw(payload=b'{"sub":"\xff"}')),
    "utf16_payload": ("encoding", lambda w: w.raw(payload=json.dumps(w.claims()).encode("utf-16"))),
    "payload_list": ("missing_sub", lambda w: w.raw(payload=b'["sub"]')),
    "header_string": ("header", lambda w: w.raw(header=b'"ES256"')),
    "padded": ("base64url", lambda w: w.raw() + "="),
    "not_a_token": ("segments", lambda _: "hello"),
    "not_ascii": ("encoding", lambda _: "证.照.库"),
    "der_signature": ("signature", lambda w: w.raw(sign=lambda m: b"\x30\x44" + w.signer.sign(m))),
    "zero_signature": ("signature", lambda w: w.raw(sign=lambda _: bytes(64))),
    "empty_signature": ("signature", lambda w: w.raw(sign=lambda _: b"")),
}


async def ask(client: httpx2.AsyncClient, token: str) -> tuple[httpx2.Response, list[str]]:
    """The answer to an assertion, and the reasons that the log names."""
    with capture_logs() as logs:
        answer = await client.post("/oauth/token", data=token_form(token))
    return answer, [line["reason"] for line in logs if line["event"] == "client_refused"]


def shape(answer: httpx2.Response) -> tuple[int, dict[str, str], bytes]:
    """All of an answer that may not depend on the cause."""
    varying = {"x-request-id"}
    instance = json.loads(answer.content)["instance"].encode()
    headers = {name: value for name, value in answer.headers.items() if name not in varying}
    return answer.status_code, headers, answer.content.replace(instance, b"")


@pytest.mark.parametrize("name", ATTACKS)
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


async def test_a_used_assertion_is_refused_after_a_restart(place: Place) -> None:
    token = assertion(place.signer(), INTAKE)
    for expected in (200, 401, 401):
        async with place.open() as hub, place.client(hub) as client:
            assert (await ask(client, token))[0].status_code == expected


async def test_a_used_assertion_is_refused_when_the_clock_went_back(place: Place) -> None:
    """The guard keeps what has expired for a day, so that a clock put back by an hour opens no window."""
    token = assertion(place.signer(), INTAKE)
    for shift, expected in ((0, 200), (3700, 401), (0, 401)):
        moment = datetime.now(UTC) + timedelta(seconds=shift)
        async with open_hub(place.settings(), clock=lambda moment=moment: moment) as hub, place.client(hub) as client:
            if shift:
                fresh = sign_jws(
                    {"iss": INTAKE, "sub": INTAKE, "aud": PUBLIC_URL, "jti": str(uuid.uuid4())}
                    | {"iat": int(moment.timestamp()), "exp": int(moment.timestamp()) + 30},
                    signer=place.signer(),
                    typ="JWT",
                )
                assert (await ask(client, fresh))[0].status_code == 200  # this one sweeps the guard
            assert (await ask(client, token))[0].status_code == expected


def _other_signature(token: str) -> str:
    """(r, n - s) verifies wherever (r, s) does: the replay guard may not go by the token's text."""
    from signing.canonical import unb64u

    head, _, signature = token.rpartition(".")
    raw = unb64u(signature)
    flipped = (_P256_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    return f"{head}.{b64u(raw[:32] + flipped)}"


# Access tokens


async def use(client: httpx2.AsyncClient, token: str) -> httpx2.Response:
    return await client.get("/api/v1/matters", headers={"Authorization": f"Bearer {token}"})


def _access_claims(world: World, **changes: Any) -> dict[str, Any]:
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
    return sign_jws(_access_claims(world, **changes), signer=world.hub.keys.signer(key), typ=typ)


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
    "foreign_key": lambda w: sign_jws(_access_claims(w), signer=STRANGER, typ="at+jwt"),
    "foreign_key_under_our_kid": lambda w: w.raw(
        header={"alg": "ES256", "typ": "at+jwt", "kid": w.hub.keys.signer("token").kid},
        payload=_access_claims(w),
        sign=STRANGER.sign,
    ),
    "alg_none": lambda w: w.raw(
        header={"alg": "none", "typ": "at+jwt", "kid": w.hub.keys.signer("token").kid},
        payload=_access_claims(w),
        sign=lambda _: b"",
    ),
    "foreign_issuer": lambda w: _own(w, iss="https://hub.example"),
    "foreign_audience": lambda w: _own(w, aud="https://hub.example"),
    "expired": lambda w: _own(w, iat=_soon(-400), exp=_soon(-1)),
    "too_long_lived": lambda w: _own(w, exp=_soon(7200)),
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


async def test_an_access_token_dies_in_the_second_it_names(place: Place) -> None:
    shift = [0.0]

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=shift[0])

    async with open_hub(place.settings(), clock=clock) as hub, place.client(hub) as client:
        token = await place.token(client)
        assert (await use(client, token)).status_code == 200
        shift[0] = hub.settings.access_token_seconds
        assert (await use(client, token)).status_code == 401


@pytest.mark.parametrize("what", ["system", "key"])
async def test_a_disabled_system_is_out_at_once_on_every_route(place: Place, tmp_path: Path, what: str) -> None:
    """Also with a token that the hub has verified and remembers."""
    del tmp_path
    async with place.open() as hub, place.client(hub) as client:
        headers = await place.headers(client)
        case_no = await open_case(client, headers)
        keyed = headers | {"Idempotency-Key": str(uuid.uuid4())}
        first = await pull(client, keyed, case_no)
        request_id = first.json()["evidence_request_id"]
        assert first.status_code == 200
        disable = {
            "system": "UPDATE systems SET active = :off WHERE client_id = :client",
            "key": "UPDATE system_keys SET active = :off WHERE system_id IN"
            " (SELECT id FROM systems WHERE client_id = :client)",
        }[what]
        await hub.database.write(lambda tx: tx.execute(text(disable), {"off": False, "client": INTAKE}))
        answers = {
            "open": await client.post("/api/v1/cases", json=case_body(), headers=headers),
            "show": await client.get(f"/api/v1/cases/{case_no}", headers=headers),
            "pull": await pull(client, headers, case_no),
            "repeat": await pull(client, keyed, case_no),
            "fetch": await client.get(f"/api/v1/evidence-requests/{request_id}", headers=headers),
            "close": await client.post(f"/api/v1/cases/{case_no}/close", headers=headers),
            "types": await client.get("/api/v1/certificate-types", headers=headers),
            "matters": await client.get("/api/v1/matters", headers=headers),
            "certificate": await client.get("/api/v1/certificates/1.2.156.3001.2.1", headers=headers),
        }
        assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 401)
