"""Revocation lists of authorities outside: taken in, acted upon at once, carried to verifiers, never put back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text

from certificates.verifying.pack import TrustPack
from certificates.verifying.procedure import verify_certificate
from hub.access.actors import COMMAND
from hub.issuing.files import read_document
from hub.issuing.keys.errors import CertificateRevokedError, KeyRuleError, KeyStoppedError
from hub.problems import problem_of
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from signing.errors import ChainError, MalformedError
from signing.pades.check import check
from signing.x509.crl import read_crl
from tests.faces.test_renditions import licence
from tests.hub.command import yizheng
from tests.keys.library import ISSUER, companies, signed_by, tokens
from tests.keys.openssl_ca import OpenSslCa
from tests.keys.outside import Outside, outside
from tests.keys.test_outside import trust
from tests.support import AMR, Place, issue

pytestmark = pytest.mark.embedded


@dataclass
class Revoking:
    """A hub whose department has its key certified by an authority outside, which makes lists by OpenSSL."""

    hub: Hub
    authority: Outside
    openssl: OpenSslCa
    leaf: bytes
    request: bytes

    async def take(self, *reason: str) -> None:
        """The department's certificate is on the list from now on."""
        self.openssl.revoke(self.leaf, *reason)
        await self.hub.keyring.crls.take(COMMAND, self.openssl.make())

    async def verdict(self, token: bytes) -> str:
        self.hub.verification._policy = None  # half a minute later
        return (await self.hub.verification.verify(token, audience=None)).reason


@pytest.fixture
async def revoking(hub: Hub, tmp_path: Path) -> Revoking:
    authority = outside()
    await trust(hub, authority)
    _, request = await hub.keyring.outside.request(COMMAND, ISSUER)
    leaf = authority.certify(request)
    await hub.keyring.outside.install(COMMAND, ISSUER, leaf)
    return Revoking(hub, authority, OpenSslCa(tmp_path / "ca", authority.authority), leaf, request)


async def test_a_revoked_certificate_signs_nothing_from_the_commit_on_in_every_process(
    place: Place, revoking: Revoking
) -> None:
    hub = revoking.hub
    await issue(hub, *companies(1_000, 1))
    async with place.open() as other:
        await revoking.take("-crl_reason", "superseded")
        with pytest.raises(KeyStoppedError):  # it has not even looked up the lists yet
            await issue(other, *companies(1_001, 1))
    with pytest.raises(CertificateRevokedError, match="superseded") as caught:
        await issue(hub, *companies(1_002, 1))
    problem = problem_of(caught.value)
    assert problem is not None
    assert (problem.slug, problem.status, problem.who) == ("certificate-of-key-revoked", 503, "operator")
    views = await hub.keyring.keys.list(COMMAND)
    assert [view.use for view in views if view.key.authority == revoking.authority.fingerprint] == ["stopped"]
    with pytest.raises(CertificateRevokedError):  # the same certificate once more
        await hub.keyring.outside.install(COMMAND, ISSUER, revoking.leaf)
    _, request = await hub.keyring.outside.request(COMMAND, ISSUER)
    await hub.keyring.outside.install(COMMAND, ISSUER, revoking.authority.certify(request))
    (decision,) = await issue(hub, *companies(1_003, 1))
    assert decision.reason is None


async def test_what_was_signed_before_is_believed_by_proven_time_alone(revoking: Revoking) -> None:
    hub = revoking.hub
    await issue(hub, *companies(1_000, 1))
    kids = await signed_by(hub)
    kid = (await hub.database.read(lambda tx: hub.desk.issuer(tx, AMR))).signer.kid
    (name,) = [name for name, by in kids.items() if by == kid]
    held = await tokens(hub, list(kids))
    before = datetime.now(UTC)
    await asyncio.sleep(1.01)  # a list tells whole seconds
    await revoking.take()
    assert await revoking.verdict(held[name]) == "ok"  # the ledger had it before
    await hub.cache.delete("trust-pack")
    pack = TrustPack.read(await hub.verification.trust_pack(), now=before)
    assert len(pack.policy.crls) == 1

    def offline(token: bytes, proven_at: datetime | None = None) -> str:
        now = before + timedelta(minutes=1)
        return verify_certificate(
            token, trust=pack.policy, statuses=lambda _: None, audience=None, now=now, proven_at=proven_at
        ).reason

    assert offline(held[name]) == "chain_revoked"
    assert offline(held[name], before - timedelta(minutes=1)) == "status_unavailable"
    assert offline(held[name], before + timedelta(seconds=30)) == "chain_revoked"
    (other,) = [token for held_name, token in held.items() if held_name != name]
    assert offline(other) == "status_unavailable"  # under the built-in authority


async def test_a_key_in_other_hands_since_longer_takes_what_it_signed_since_with_it(revoking: Revoking) -> None:
    hub = revoking.hub
    await issue(hub, *companies(1_000, 1))
    kids = await signed_by(hub)
    held = await tokens(hub, list(kids))
    since = datetime.now(UTC) - timedelta(minutes=30)
    await revoking.take("-crl_compromise", f"{since:%Y%m%d%H%M%SZ}")
    verdicts = [await revoking.verdict(token) for token in held.values()]
    assert sorted(verdicts) == ["chain_revoked", "ok"]


async def test_no_older_list_takes_the_place_of_a_newer_one(revoking: Revoking) -> None:
    crls, openssl = revoking.hub.keyring.crls, revoking.openssl
    older = openssl.make()
    await revoking.take()
    newest = openssl.make(number=2)
    with pytest.raises(KeyRuleError, match="its number is 1, and the hub has 2"):
        await crls.take(COMMAND, older)
    with pytest.raises(KeyRuleError, match="number"):  # another list of the same number
        await crls.take(COMMAND, newest)
    again = await crls.take(COMMAND, openssl.make(number=3))
    assert (again.new, again.revoked, again.stopped) == (True, 1, ())
    (shown,) = await crls.shown(COMMAND)
    assert (shown["number"], shown["late"], shown["authority"]) == ("3", False, revoking.authority.fingerprint)


async def test_another_part_of_a_list_does_not_take_the_place_of_what_is_known(
    revoking: Revoking, tmp_path: Path
) -> None:
    """Authorities with many certificates keep their list in parts, each with an issuing distribution point."""
    point = "issuingDistributionPoint = critical, @point\n[point]\nfullname = URI:http://ca.example/"
    crls, key = revoking.hub.keyring.crls, revoking.authority.authority
    one, two = (OpenSslCa(tmp_path / name, key, more=f"{point}{name}.crl") for name in ("1", "2"))
    one.revoke(revoking.leaf)
    await crls.take(COMMAND, one.make())
    with pytest.raises(KeyRuleError, match="another part"):
        await crls.take(COMMAND, two.make(number=7))
    two.revoke(revoking.leaf)  # it was only moved
    assert (await crls.take(COMMAND, two.make(number=8))).revoked == 1
    with pytest.raises(MalformedError):
        await crls.take(COMMAND, two.make(number=1 << 220))


async def test_a_list_that_no_known_authority_made_changes_nothing(revoking: Revoking, tmp_path: Path) -> None:
    crls, hub = revoking.hub.keyring.crls, revoking.hub
    stranger, twin = outside(), OpenSslCa(tmp_path / "twin", outside().authority)
    for data in (OpenSslCa(tmp_path / "s", stranger.authority).make(), twin.make()):
        with pytest.raises(KeyRuleError, match="no authority that this hub knows"):
            await crls.take(COMMAND, data)
    with pytest.raises(MalformedError):
        await crls.take(COMMAND, revoking.leaf)
    partial = OpenSslCa(tmp_path / "p", revoking.authority.authority, more="deltaCRL = critical, DER:02:01:01")
    with pytest.raises(ChainError, match="crl_delta"):
        await crls.take(COMMAND, partial.make())
    with pytest.raises(MissingError):
        await crls.watch(COMMAND, stranger.fingerprint, "https://ca.example/crl")
    assert await crls.shown(COMMAND) == []
    await issue(hub, *companies(1_000, 1))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE authority_crls SET crl = (SELECT crl FROM kept), digest = (SELECT digest FROM kept), mac = (SELECT mac FROM kept), number = (SELECT number FROM kept), row_version = (SELECT row_version FROM kept), ledger_entry_id = (SELECT ledger_entry_id FROM kept)",  # noqa: E501
        "UPDATE authority_crls SET crl = (SELECT crl FROM kept)",
        "UPDATE authority_crls SET url = 'http://elsewhere.example/'",
        "DELETE FROM authority_crls",
    ],
)
async def test_yesterdays_list_is_not_put_back(place: Place, revoking: Revoking, sql: str) -> None:
    hub = revoking.hub
    await hub.keyring.crls.take(COMMAND, revoking.openssl.make())
    await hub.database.write(lambda tx: tx.execute(text("CREATE TABLE kept AS SELECT * FROM authority_crls")))
    await revoking.take()
    await hub.database.write(lambda tx: tx.execute(text(sql)))
    with pytest.raises(IntegrityBrokenError):
        async with place.open():
            pass


async def test_who_asks_for_present_lists_is_told_when_there_is_none(
    revoking: Revoking, client: httpx2.AsyncClient
) -> None:
    hub = revoking.hub
    await issue(hub, *companies(1_000, 1))
    kids = await signed_by(hub)
    held = await tokens(hub, list(kids))
    hub.verification._fresh_crls = True
    assert sorted([await revoking.verdict(token) for token in held.values()]) == ["ok", "revocation_unknown"]
    await hub.keyring.crls.take(COMMAND, revoking.openssl.make())
    assert {await revoking.verdict(token) for token in held.values()} == {"ok"}
    assert "revocation-lists" not in (await client.get("/health/ready")).json()["degraded"]
    past = datetime.now(UTC) - timedelta(days=2)
    begun = f"{past:%Y%m%d%H%M%SZ}", f"{past + timedelta(days=1):%Y%m%d%H%M%SZ}"
    late = revoking.openssl.make("-crl_lastupdate", begun[0], "-crl_nextupdate", begun[1], number=9)
    with pytest.raises(KeyRuleError, match="older"):
        await hub.keyring.crls.take(COMMAND, late)
    soon = f"{datetime.now(UTC) + timedelta(seconds=1):%Y%m%d%H%M%SZ}"
    await hub.keyring.crls.take(COMMAND, revoking.openssl.make("-crl_nextupdate", soon, number=10))
    hub.keyring.crls._clock = lambda: datetime.now(UTC) + timedelta(hours=1)
    assert await hub.keyring.crls.late() == [revoking.authority.fingerprint]
    answer = (await client.get("/health/ready")).json()
    assert (answer["status"], answer["degraded"]) == ("ready", ["revocation-lists"])


@asynccontextmanager
async def served(*answers: bytes) -> AsyncIterator[tuple[str, list[str]]]:
    """An authority's address, which answers each of these once and then nothing."""
    asked: list[str] = []
    left = list(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split()[1].decode())
        status, body = ("200 OK", left.pop(0)) if left else ("404 Not Found", b"")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


async def test_a_watched_list_is_fetched_once_a_day_from_that_address_alone(revoking: Revoking) -> None:
    hub = revoking.hub
    crls = hub.keyring.crls
    revoking.openssl.revoke(revoking.leaf)
    async with served(revoking.openssl.make(), b"nonsense") as (base, asked):
        with pytest.raises(KeyRuleError, match="http or https"):
            await crls.watch(COMMAND, revoking.authority.fingerprint, "ftp://ca.example/crl")
        await crls.watch(COMMAND, revoking.authority.fingerprint, f"{base}/lists/ca.crl")
        assert await crls.fetch_due() == 1
        assert await crls.fetch_due() == 0
        (shown,) = await crls.shown(COMMAND)
        assert (shown["number"], shown["failed"]) == ("1", None)
        with pytest.raises(CertificateRevokedError):
            await issue(hub, *companies(1_000, 1))
        day = timedelta(hours=25)
        for hours, failed in ((day, "crl"), (day + timedelta(hours=2), "status 404")):
            crls._clock = lambda hours=hours: datetime.now(UTC) + hours  # type: ignore[misc]
            assert await crls.fetch_due() == 1
            assert (await crls.shown(COMMAND))[0]["failed"] == failed
        assert asked == ["/lists/ca.crl"] * 3
    await crls.watch(COMMAND, revoking.authority.fingerprint, "")
    assert await crls.fetch_due() == 0


async def test_a_page_stamped_anew_carries_the_lists_about_its_signer(revoking: Revoking) -> None:
    """Long after the authority has closed its address a reader finds in the file what it said."""
    hub = revoking.hub
    made = revoking.openssl.make()
    await hub.keyring.crls.take(COMMAND, made)
    identifier = await licence(hub)
    await read_document(hub, identifier, "pdf")
    assert (await hub.faces.stamps.renew(within=timedelta(days=30))).stamped == 1
    archived = check(await read_document(hub, identifier, "pdf"), anchors=hub.desk.anchors(), now=hub.clock())
    assert (archived.level, archived.validation["CRLs"]) == ("B-LTA", (read_crl(made).der,))


async def test_the_commands(place: Place, revoking: Revoking, tmp_path: Path) -> None:
    file = tmp_path / "list.crl"
    revoking.openssl.revoke(revoking.leaf)
    file.write_bytes(revoking.openssl.make())
    taken = await yizheng(place, "key", "crl", "import", str(file), "--json")
    assert (taken.code, taken.json()["stopped"], taken.json()["revoked"]) == (0, [ISSUER], 1), taken.err
    listed = await yizheng(place, "key", "crl", "list")
    assert revoking.authority.fingerprint in listed.out
    watched = await yizheng(
        place, "key", "crl", "watch", revoking.authority.fingerprint, "--url", "https://ca.example/ca.crl"
    )
    assert watched.code == 0, watched.err
    assert (await yizheng(place, "key", "crl", "import", str(tmp_path / "none"))).code == 64
