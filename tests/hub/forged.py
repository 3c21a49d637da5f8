"""Assertions as an attacker would make them, each with the reason that the log alone names."""

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import text
from structlog.testing import capture_logs

from hub.runtime import Hub
from signing.canonical import b64u
from signing.keys import SoftwareSigner
from tests.support import INTAKE, NARROW, PUBLIC_URL, Place, token_form


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


RETIRED = SoftwareSigner.generate()
STRANGER = SoftwareSigner.generate()


def add_inactive(tx: Any, signer: SoftwareSigner) -> None:
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


def soon(seconds: int) -> int:
    return int(time.time()) + seconds


def _payload_text(world: World, old: str, new: str) -> bytes:
    return json.dumps(world.claims(exp="@exp", iat=soon(0))).replace(old, new).encode()


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
    "exp_string": ("bad_exp", lambda w: w.raw(payload=w.claims(exp=str(soon(60))))),
    "exp_float": ("bad_exp", lambda w: w.raw(payload=w.claims(exp=soon(60) + 0.5))),
    "exp_null": ("bad_exp", lambda w: w.raw(payload=w.claims(exp=None))),
    "exp_true": ("bad_exp", lambda w: w.raw(payload=w.claims(exp=True))),
    "exp_list": ("bad_exp", lambda w: w.raw(payload=w.claims(exp=[soon(60)]))),
    "exp_1e400": ("number", lambda w: w.raw(payload=_payload_text(w, '"@exp"', "1e400"))),
    "exp_infinity": ("number", lambda w: w.raw(payload=_payload_text(w, '"@exp"', "Infinity"))),
    "exp_nan": ("number", lambda w: w.raw(payload=_payload_text(w, '"@exp"', "NaN"))),
    "exp_beyond_64_bits": ("number", lambda w: w.raw(payload=w.claims(exp=2**70))),
    "exp_past": ("expired", lambda w: w.raw(payload=w.claims(iat=soon(-90), exp=soon(-1)))),
    "exp_too_long": ("lifetime", lambda w: w.raw(payload=w.claims(exp=soon(90)))),
    "exp_before_iat": ("lifetime", lambda w: w.raw(payload=w.claims(iat=soon(8), exp=soon(5)))),
    "iat_in_future": ("issued_in_future", lambda w: w.raw(payload=w.claims(iat=soon(30), exp=soon(60)))),
    "iat_string": ("bad_iat", lambda w: w.raw(payload=w.claims(iat=str(soon(0))))),
    "nbf_in_future": ("not_yet_valid", lambda w: w.raw(payload=w.claims(nbf=soon(30)))),
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


async def use(client: httpx2.AsyncClient, token: str) -> httpx2.Response:
    return await client.get("/api/v1/matters", headers={"Authorization": f"Bearer {token}"})
