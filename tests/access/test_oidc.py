"""Sign-in by a real OpenID provider in another process, in order and out of order; its tokens, read strictly."""

import hmac
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
import structlog
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import func, select

from catalog.tables import table
from hub.access.actors import COMMAND, Role
from hub.access.errors import ProviderError, SignInRefusedError
from hub.access.oidc_token import IdTokenRules, Provider
from hub.access.staff_notices import list_notices
from hub.access.tables import StaffSessionRow
from hub.clock import utc_now
from hub.outbound import Outbound, OutboundError
from hub.runtime import Hub
from signing.canonical import b64u
from tests.access.people import PASSWORD, Visitor, add, visitor
from tests.support import AMR, PUBLIC_URL, Place

SUBJECT = "emp-0042"


@contextmanager
def provider(port: int = 0) -> Iterator[str]:
    """A provider of its own keys, until the block ends; answers its issuer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        port = probe.getsockname()[1]
    issuer = f"http://localhost:{port}"
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            assert process.poll() is None
            try:
                httpx2.get(f"{issuer}/.well-known/openid-configuration")
                break
            except httpx2.TransportError:
                time.sleep(0.1)
        yield issuer
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider() as running:
        yield running


def settings(issuer: str) -> dict[str, Any]:
    return {"oidc_issuer": issuer, "oidc_client_id": "hub", "oidc_client_secret": "hush-hush"}


@pytest.fixture
async def hub(place: Place, issuer: str) -> AsyncIterator[Hub]:
    """A hub with the provider, and one person the provider knows."""
    async with place.open(**settings(issuer)) as opened:
        yield opened


async def known(hub: Hub) -> None:
    given = {"user_name": "li.si", "display_name": "示例李四", "department": AMR, "roles": [Role.OWNER_ENGINEER]}
    await hub.staff.add(COMMAND, {**given, "external_id": SUBJECT})


async def at_provider(url: str, subject: str = SUBJECT) -> str:
    """The person signs in there; answers the address he is sent back to."""
    async with httpx2.AsyncClient() as client:
        answer = await client.post(url, data={"sub": subject})
    return str(answer.headers["location"])


async def depart(someone: Visitor, back: str = "/console/staff") -> str:
    answer = await someone.client.get("/console/oidc/start", params={"back": back})
    assert answer.status_code == 303
    return str(answer.headers["location"])


async def sessions(hub: Hub) -> int:
    query = select(func.count()).select_from(table(StaffSessionRow))
    return int(await hub.database.read(lambda tx: tx.execute(query).scalar_one()))


def local(url: str) -> str:
    assert url.startswith(f"{PUBLIC_URL}/console/oidc/callback?")
    return url.removeprefix(PUBLIC_URL)


async def test_whom_the_provider_knows_and_the_operator_named_comes_in(place: Place, hub: Hub) -> None:
    await known(hub)
    async with visitor(place, hub) as someone:
        assert "统一身份认证登录" in (await someone.get("/console/sign-in")).text
        url = await depart(someone)
        asked = parse_qs(urlsplit(url).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["scope"] == ["openid"]
        assert {"state", "nonce", "code_challenge"} <= asked.keys()
        answer = await someone.get(local(await at_provider(url)))
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/staff")
        assert (await someone.get("/console/staff")).status_code == 200
        assert await sessions(hub) == 1


@pytest.mark.parametrize("subject", ["emp-9999", " emp-0042", "li.si"])
@pytest.mark.sampled
async def test_nobody_registers_himself(place: Place, hub: Hub, subject: str) -> None:
    await known(hub)
    async with visitor(place, hub) as someone:
        answer = await someone.get(local(await at_provider(await depart(someone), subject)))
        assert answer.status_code == 401
        assert not await someone.is_in()
    assert await sessions(hub) == 0
    assert len(await hub.staff.seen_by(COMMAND)) == 1


async def test_a_disabled_account_does_not_come_in(place: Place, hub: Hub) -> None:
    await known(hub)
    await hub.staff.disable(COMMAND, (await hub.staff.named(COMMAND, "li.si")).id)
    async with visitor(place, hub) as someone:
        assert (await someone.get(local(await at_provider(await depart(someone))))).status_code == 401
    assert await sessions(hub) == 0


async def test_no_step_works_twice_or_out_of_order(place: Place, hub: Hub) -> None:
    """Threat S3: each step replayed, skipped, or taken from another browser makes no session."""
    await known(hub)
    async with visitor(place, hub) as someone, visitor(place, hub) as thief:

        async def refused(who: Visitor, path: str) -> None:
            before = await sessions(hub)
            answer = await who.get(path)
            assert answer.status_code == 401, path
            assert await sessions(hub) == before

        path = "/console/oidc/callback"
        for query in ("", "?code=x", "?state=x", "?code=x&state=x", "?error=access_denied"):
            await refused(someone, path + query)
        arrived = local(await at_provider(await depart(someone)))
        code, state = (parse_qs(urlsplit(arrived).query)[name][0] for name in ("code", "state"))
        await refused(thief, arrived)  # the link, in a browser that did not set out
        theirs = parse_qs(urlsplit(await depart(thief)).query)["state"][0]
        await refused(thief, f"{path}?{urlencode({'code': code, 'state': theirs})}")  # his code under their state
        assert (await someone.get(arrived)).status_code == 401  # that used the code up at the provider
        second = local(await at_provider(await depart(someone)))
        await refused(someone, f"{path}?{urlencode({'code': code, 'state': state})}")  # an old answer again
        await refused(someone, second)  # its cookie went with that
        third = local(await at_provider(await depart(someone)))
        mixed_up = third + "&" + urlencode({"iss": "https://another.example"})
        await refused(someone, mixed_up)
        fourth = local(await at_provider(await depart(someone)))
        assert (await someone.get(fourth)).status_code == 303
        assert await sessions(hub) == 1
        await refused(thief, fourth)
        await refused(someone, fourth)


async def test_a_nonce_of_another_attempt_is_refused(place: Place, hub: Hub) -> None:
    await known(hub)
    async with visitor(place, hub) as someone:
        url = await depart(someone)
        with structlog.testing.capture_logs() as logs:
            planted = re.sub(r"nonce=[^&]+", "nonce=somebody-elses", url)
            assert (await someone.get(local(await at_provider(planted)))).status_code == 401
        assert [entry["reason"] for entry in logs if "reason" in entry] == ["oidc:nonce"]


async def test_with_a_provider_a_password_is_for_emergencies_and_raises_an_alarm(place: Place, hub: Hub) -> None:
    with structlog.testing.capture_logs() as logs:
        await add_both(hub)  # each comes in by its link once, which is past the provider, too
    assert [entry["event"] for entry in logs if entry.get("alarm")] == ["staff_break_glass"] * 2
    operator = (await hub.staff.named(COMMAND, "glass")).actor()
    assert len(await hub.database.read(lambda tx: list_notices(tx, operator))) == 2
    async with visitor(place, hub) as someone:
        assert (await someone.sign_in("plain")).status_code == 401
        assert not await someone.is_in()
        with structlog.testing.capture_logs() as logs:
            assert (await someone.sign_in("glass")).status_code == 303
        assert [entry["event"] for entry in logs if entry.get("alarm")][-1] == "staff_break_glass"
        assert await someone.is_in()
    notices = await hub.database.read(lambda tx: list_notices(tx, operator))
    assert [notice.kind for notice in notices].count("staff.break_glass") == 3


async def add_both(hub: Hub) -> None:
    for name, glass in (("plain", False), ("glass", True)):
        await add(hub, name, Role.OPERATOR, department=None, break_glass=glass)


async def test_a_provider_that_is_away_is_a_page_that_says_so(place: Place) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with place.open(**settings(gone)) as hub, visitor(place, hub) as someone:
            answer = await someone.get("/console/oidc/start")
            assert answer.status_code == 503
            assert "统一身份认证暂不可用" in answer.text


async def test_a_rotated_key_is_followed_and_a_forged_key_id_is_no_flood(issuer: str) -> None:
    calls: list[str] = []

    class Counted(Outbound):
        async def get(self, url: str) -> dict[str, Any]:
            calls.append(url)
            return await super().get(url)

    with provider() as first:
        port = urlsplit(first).port or 0
        passed = 0.0
        there = Provider(
            first,
            outbound=Counted(first),
            clock=lambda: datetime.fromtimestamp(datetime.now(UTC).timestamp() + passed, UTC),
        )
        (old,) = (await Outbound(first).get(f"{first}/jwks"))["keys"]
        token = _token(RSAKey.generate_key(), kid=old["kid"])
        assert (await there.key_for(token)).as_dict(private=False)["n"] == old["n"]
    with provider(port):
        (new,) = (await Outbound(first).get(f"{first}/jwks"))["keys"]
        rotated = _token(RSAKey.generate_key(), kid=new["kid"])
        passed = 61
        assert (await there.key_for(rotated)).as_dict(private=False)["n"] == new["n"]
        before = len(calls)
        for number in range(20):
            with pytest.raises(SignInRefusedError):
                await there.key_for(_token(RSAKey.generate_key(), kid=f"forged-{number}"))
        assert len(calls) == before


KEY = RSAKey.generate_key(2048, {"kid": "k1"})
RULES = IdTokenRules(issuer="https://idp.example", client_id="hub", acr=("high",), amr=("mfa",))
NONCE = "n" * 43


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    given = {
        "iss": "https://idp.example",
        "aud": "hub",
        "sub": SUBJECT,
        "iat": now,
        "exp": now + 300,
        "nonce": NONCE,
        "acr": "high",
        "amr": ["pwd", "mfa"],
    } | changes
    return {name: value for name, value in given.items() if value is not None}


def _token(key: Any, alg: str = "RS256", kid: str | None = None, **changes: Any) -> str:
    header = {"alg": alg} | ({"kid": kid} if kid else {})
    return jwt.encode(header, claims(**changes), key, algorithms=[alg])


NOW = int(time.time())
BROKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "another issuer": ("iss", {"iss": "https://evil.example"}),
    "issuer with a slash": ("iss", {"iss": "https://idp.example/"}),
    "another audience": ("aud", {"aud": "other"}),
    "no audience": ("aud", {"aud": None}),
    "two audiences without azp": ("azp_missing", {"aud": ["hub", "other"]}),
    "meant for another party": ("azp", {"aud": ["hub", "other"], "azp": "other"}),
    "expired": ("exp", {"exp": NOW - 61}),
    "no end": ("exp", {"exp": None}),
    "end as text": ("exp", {"exp": "2999-01-01"}),
    "old": ("iat", {"iat": NOW - 700}),
    "from the future": ("iat", {"iat": NOW + 70_000}),
    "not yet": ("nbf", {"nbf": NOW + 70_000}),
    "another nonce": ("nonce", {"nonce": "x" * 43}),
    "no nonce": ("nonce", {"nonce": None}),
    "no subject": ("sub", {"sub": None}),
    "weak sign-in": ("acr", {"acr": "low"}),
    "one factor": ("amr", {"amr": ["pwd"]}),
    "factors as text": ("amr", {"amr": "mfa"}),
}


@pytest.mark.parametrize("how", BROKEN)
def test_an_id_token_that_breaks_a_rule_is_refused(how: str) -> None:
    reason, changes = BROKEN[how]
    assert RULES.check(_token(KEY), key=KEY, nonce=NONCE, now=utc_now())["sub"] == SUBJECT
    with pytest.raises(SignInRefusedError) as refused:
        RULES.check(_token(KEY, **changes), key=KEY, nonce=NONCE, now=utc_now())
    assert refused.value.reason == reason


def test_a_minute_of_difference_between_clocks_is_allowed() -> None:
    token = _token(KEY, exp=int(time.time()) - 30, nbf=int(time.time()) + 30)
    assert RULES.check(token, key=KEY, nonce=NONCE, now=utc_now())["sub"] == SUBJECT


def test_signatures_that_prove_nothing_are_refused() -> None:
    with pytest.raises(SignInRefusedError):
        RULES.check(_token(RSAKey.generate_key()), key=KEY, nonce=NONCE, now=utc_now())
    head, body, _ = _token(KEY).split(".")
    confused = b64u(b'{"alg":"HS256","kid":"k1"}') + "." + body
    for token in (
        # The public key used as a shared secret.
        confused + "." + b64u(hmac.digest(KEY.as_pem(private=False), confused.encode(), "sha256")),
        b64u(b'{"alg":"none"}') + f".{body}.",
        f"{head}.{body}.{'A' * 342}",
        "a.b.c",
        "",
        "é.é.é",
        "x" * 20_000,
    ):
        with pytest.raises(SignInRefusedError):
            RULES.check(token, key=KEY, nonce=NONCE, now=utc_now())


@pytest.mark.parametrize("base", ["http://idp.example", "ftp://idp.example", "idp.example", ""])
def test_a_provider_is_https(base: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Outbound(base)


async def test_only_the_configured_issuer_is_called(issuer: str) -> None:
    outbound = Outbound(issuer)
    port = urlsplit(issuer).port
    for url in (
        f"http://127.0.0.1:{port}/jwks",
        f"https://localhost:{port}/jwks",
        f"http://localhost:{(port or 0) + 1}/jwks",
        f"http://localhost:{port}@evil.example/jwks",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
    ):
        with pytest.raises(OutboundError) as refused:
            await outbound.get(url)
        assert refused.value.reason == "egress"


async def test_a_discovery_of_another_issuer_is_not_believed(issuer: str) -> None:
    there = Provider(issuer + "/", outbound=Outbound(issuer), clock=utc_now)
    with pytest.raises(ProviderError) as refused:
        await there.metadata()
    assert refused.value.reason == "issuer"


async def test_nothing_is_offered_where_no_provider_is_configured(place: Place) -> None:
    async with place.open() as hub, visitor(place, hub) as someone:
        assert (await someone.get("/console/oidc/start")).status_code == 404
        assert "统一身份认证登录" not in (await someone.get("/console/sign-in")).text
        await add(hub, "li.si", Role.AUDITOR, department=None)
        assert (await someone.sign_in("li.si", PASSWORD)).status_code == 303
