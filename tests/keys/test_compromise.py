"""A key in other hands: stopped at once, declared by two; what it signed since is revoked, and before believed."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from catalog.errors import DefinitionError
from certificates.stores import certificates as store
from certificates.verifying.pack import TrustPack
from certificates.verifying.procedure import Result, verify_certificate
from hub.access.actors import COMMAND, Actor, Role
from hub.issuing.keys import compromise as keys_compromise
from hub.issuing.keys.errors import KeyRuleError, KeyStoppedError
from hub.issuing.touched import Touch
from hub.registry.requests.errors import SamePersonError
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from signing import sd_jwt
from tests.hub.command import yizheng
from tests.keys.library import ISSUER, companies, signed_by, tokens
from tests.support import AMR, Place, issue

SECOND = Actor("staff", "01a20390-b00c-72bb-903f-1ec83bdab169", "operator", None, frozenset({Role.OPERATOR}))


def declaration(kid: str, since: datetime) -> dict[str, str]:
    return {
        "kid": kid,
        "since": since.isoformat(),
        "reason": "the token was stolen",
        "legal_basis": "电子签名法第十五条",
    }


async def issuing_kid(hub: Hub) -> str:
    return (await hub.database.read(lambda tx: hub.desk.issuer(tx, AMR))).signer.kid


async def declared(hub: Hub, kid: str, since: datetime) -> None:
    proposal = await hub.sharing.proposals.propose(COMMAND, "key.compromised", declaration(kid, since), "stolen")
    await hub.sharing.proposals.confirm(SECOND, proposal.id)
    await hub.jobs.sweep()
    await hub.database.read(hub.desk.load)


async def statuses(hub: Hub) -> dict[str, str]:
    def unit(tx: Any) -> dict[str, str]:
        rows = tx.exec_driver_sql("SELECT identifier, status FROM certificate_versions").all()
        return {row.identifier: row.status for row in rows}

    return await hub.database.read(unit)


async def test_drill_37_proposing_stops_the_key_in_every_process(place: Place, hub: Hub) -> None:
    """No signature of it is stored after that commit, not even of an intent that was there before."""
    kid = await issuing_kid(hub)

    async def work(first: int) -> None:
        for start in range(first, first + 100_000, 10):
            await issue(hub, *companies(start, 10))

    async with place.open() as other:
        working = [asyncio.create_task(work(100_000 * number)) for number in range(1, 5)]
        while Counter((await signed_by(other)).values())[kid] < 30:  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(0.005)
        await other.sharing.proposals.propose(COMMAND, "key.compromised", declaration(kid, datetime.now(UTC)), "stolen")
        at_once = await signed_by(other)
        ended = await asyncio.gather(*working, return_exceptions=True)
        assert await signed_by(other) == at_once
    assert [type(outcome) for outcome in ended] == [KeyStoppedError] * 4
    with pytest.raises(KeyStoppedError):
        await issue(hub, *companies(20_000, 1))
    intents = await hub.database.read(lambda tx: len(store.intended(tx, 1_000)))
    assert await hub.issuing.finish() == 0
    new = (await hub.keyring.keys.rotate(COMMAND, ISSUER, reason="the old one is stopped")).key.kid
    assert await hub.issuing.finish() == intents
    assert Counter((await signed_by(hub)).values())[new] == intents


async def test_what_it_signed_since_is_revoked_and_what_it_signed_before_is_believed(hub: Hub) -> None:
    kid = await issuing_kid(hub)
    await issue(hub, *companies(1_000, 4))
    before = set(await signed_by(hub))
    await asyncio.sleep(0.002)
    since = datetime.now(UTC)
    await issue(hub, *companies(2_000, 7))
    after = set(await signed_by(hub)) - before
    stolen = (await hub.database.read(lambda tx: hub.desk.issuer(tx, AMR))).signer
    pack_before = await hub.verification.trust_pack()
    await declared(hub, kid, since)
    assert {name for name, status in (await statuses(hub)).items() if status == "revoked"} == after
    done = await hub.keyring.emergency.progress(COMMAND, kid)
    assert done is not None
    assert (done["affected"], done["revoked"], done["passed_over"], done["ended_at"] is None) == (7, 7, 0, False)
    held = await tokens(hub, [*before, *after])
    hub.verification._policy = None  # half a minute later
    verdicts = {name: await hub.verification.verify(token, audience=None) for name, token in held.items()}
    assert {verdicts[name].result for name in before} == {Result.PASSED}
    assert {verdicts[name].reason for name in after} == {"chain_key_compromised"}

    old = next(iter(before))
    claims = sd_jwt.verify(held[old], key=stolen.public).payload
    forged = sd_jwt.sign(sd_jwt.Prepared(claims | {"iat": 1}, ()), signer=stolen, header=_chain(held[old]))
    assert (await hub.verification.verify(forged.encode(), audience=None)).reason == "chain_key_compromised"

    await asyncio.sleep(0)
    pack = TrustPack.read(await _fresh_pack(hub), now=datetime.now(UTC))
    assert pack.policy.compromised == {kid: since.replace(microsecond=0)}
    offline = verify_certificate(
        held[old], trust=pack.policy, statuses=lambda _: None, audience=None, now=datetime.now(UTC)
    )
    assert offline.reason == "chain_key_compromised"
    proven = verify_certificate(
        held[old],
        trust=pack.policy,
        statuses=lambda _: None,
        audience=None,
        now=datetime.now(UTC),
        proven_at=since - timedelta(days=1),
    )
    assert proven.reason == "status_unavailable"
    assert TrustPack.read(pack_before, now=datetime.now(UTC)).policy.compromised == {}


def _chain(token: bytes) -> dict[str, Any]:
    return {"x5c": sd_jwt.split(token).jws.header["x5c"]}


async def _fresh_pack(hub: Hub) -> bytes:
    await hub.cache.delete("trust-pack")
    return await hub.verification.trust_pack()


@pytest.mark.embedded
async def test_a_revoking_that_was_killed_goes_on_where_it_was(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_compromise, "_PAGE", 10)
    kid, since = await issuing_kid(hub), datetime.now(UTC)
    await issue(hub, *companies(1_000, 95))
    proposal = await hub.sharing.proposals.propose(COMMAND, "key.compromised", declaration(kid, since), "stolen")
    await hub.sharing.proposals.confirm(SECOND, proposal.id)
    first = asyncio.create_task(hub.keyring.emergency.revoke_signed({"kid": kid}))
    while not (await hub.keyring.emergency.progress(COMMAND, kid) or {})["revoked"]:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    cut = await hub.keyring.emergency.progress(COMMAND, kid)
    assert cut is not None
    assert 0 < cut["revoked"] < 95
    await hub.jobs.sweep()
    done = await hub.keyring.emergency.progress(COMMAND, kid)
    assert done is not None
    assert (done["affected"], done["revoked"], done["ended_at"] is None) == (95, 95, False)
    assert Counter((await statuses(hub)).values()) == {"revoked": 95, "valid": 1}
    entries = "SELECT count(*) FROM ledger_entries WHERE kind = 'certificate.revoke'"
    assert await hub.database.read(lambda tx: tx.exec_driver_sql(entries).scalar()) == 95


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE certificate_versions SET signing_kid = 'other'",
        "UPDATE certificate_versions SET signing_kid = 'other', signing_mac = NULL",
        "UPDATE certificate_versions SET signing_mac = NULL",
        "UPDATE certificate_versions SET state = 'intended'",
    ],
)
async def test_a_row_that_names_another_key_spares_no_licence(hub: Hub, sql: str) -> None:
    kid = await issuing_kid(hub)
    await issue(hub, *companies(1_000, 3))
    await hub.keyring.keys.rotate(COMMAND, ISSUER, reason="yearly")
    await issue(hub, *companies(2_000, 2))
    stolen = {name for name, by in (await signed_by(hub)).items() if by == kid}
    await hub.database.write(lambda tx: tx.exec_driver_sql(sql))
    assert {item["identifier"] async for item in await hub.touched.stream(COMMAND, Touch(key=kid))} == stolen
    await declared(hub, kid, datetime(2026, 1, 1, tzinfo=UTC))
    assert {name for name, status in (await statuses(hub)).items() if status == "revoked"} == stolen
    done = await hub.keyring.emergency.progress(COMMAND, kid)
    assert done is not None
    assert (done["affected"], done["revoked"], done["passed_over"]) == (4, 4, 0)


@pytest.mark.embedded
async def test_the_work_goes_by_the_instant_that_two_declared(hub: Hub) -> None:
    kid, since = await issuing_kid(hub), datetime.now(UTC)
    await issue(hub, *companies(1_000, 2))
    proposal = await hub.sharing.proposals.propose(COMMAND, "key.compromised", declaration(kid, since), "stolen")
    await hub.sharing.proposals.confirm(SECOND, proposal.id)
    later = "UPDATE key_revocations SET since = since + 86400000000"
    await hub.database.write(lambda tx: tx.exec_driver_sql(later))
    await hub.jobs.sweep()
    assert Counter((await statuses(hub)).values()) == {"revoked": 2, "valid": 1}


@pytest.mark.embedded
async def test_an_earlier_instant_may_be_declared_later_and_no_later_one(hub: Hub) -> None:
    kid, first = await issuing_kid(hub), datetime.now(UTC)
    await issue(hub, *companies(1_000, 3))
    await asyncio.sleep(0.002)
    second = datetime.now(UTC)
    await issue(hub, *companies(2_000, 2))
    await declared(hub, kid, second)
    assert Counter((await statuses(hub)).values())["revoked"] == 2
    await declared(hub, kid, first)
    assert Counter((await statuses(hub)).values())["revoked"] == 5
    await declared(hub, kid, second)
    assert hub.desk.compromised() == {kid: first}
    done = await hub.keyring.emergency.progress(COMMAND, kid)
    assert done is not None
    assert (done["affected"], done["passed_over"]) == (5, 5)


@pytest.mark.embedded
async def test_a_compromise_is_not_forgotten_by_deleting_its_row(place: Place, hub: Hub) -> None:
    """Whoever has the key, and the database, would have everything that it signs believed again."""
    kid = await issuing_kid(hub)
    since = datetime.now(UTC) - timedelta(hours=2)
    await declared(hub, kid, since)
    await declared(hub, kid, since - timedelta(hours=1))  # it is still one key
    async with place.open():
        pass
    gone = text("DELETE FROM key_certificates WHERE kid = :kid")
    await hub.database.write(lambda tx: tx.execute(gone, {"kid": kid}))
    with pytest.raises(IntegrityBrokenError):
        async with place.open():
            pass
    with pytest.raises(IntegrityBrokenError):
        await hub.database.read(hub.desk.load)
    assert kid in hub.desk.compromised()  # goes by what it knew


async def test_stopped_by_one_put_back_by_two(hub: Hub) -> None:
    kid = await issuing_kid(hub)
    proposals = hub.sharing.proposals
    stop = await proposals.propose(COMMAND, "key.compromised", declaration(kid, datetime.now(UTC)), "suspicion")
    await proposals.reject(SECOND, stop.id, "it was a drill")
    with pytest.raises(KeyStoppedError):
        await issue(hub, *companies(1_000, 1))
    back = await proposals.propose(COMMAND, "key.resume", {"kid": kid}, "it was a drill")
    with pytest.raises(SamePersonError):
        await proposals.confirm(COMMAND, back.id)
    await proposals.confirm(SECOND, back.id)
    (decision,) = await issue(hub, *companies(1_000, 1))
    assert decision.reason is None
    again = await proposals.propose(COMMAND, "key.resume", {"kid": kid}, "twice")
    with pytest.raises(KeyRuleError, match="nothing to resume"):
        await proposals.confirm(SECOND, again.id)
    for payload in ({}, {"kid": kid}, declaration(kid, datetime.now(UTC)) | {"since": "2026-11-22T08:00:00"}):
        with pytest.raises(DefinitionError):
            await proposals.propose(COMMAND, "key.compromised", payload, "x")
    with pytest.raises(MissingError):
        await proposals.propose(COMMAND, "key.compromised", declaration("nothing", datetime.now(UTC)), "x")


@pytest.mark.embedded
async def test_a_stopped_key_of_the_hub_is_published_and_used_no_more(hub: Hub, client: httpx2.AsyncClient) -> None:
    kid = hub.desk.hub("hub").signer.kid
    await hub.sharing.proposals.propose(COMMAND, "key.compromised", declaration(kid, datetime.now(UTC)), "stolen")
    await hub.database.read(hub.desk.load)
    with pytest.raises(KeyStoppedError):
        hub.desk.hub("hub")
    published = {key["kid"] for key in (await client.get("/.well-known/jwks.json")).json()["keys"]}
    assert kid not in published
    new = await hub.keyring.keys.rotate(COMMAND, "hub", reason="the old one is stopped")
    assert (new.use, hub.desk.hub("hub").signer.kid) == ("signs", new.key.kid)


@pytest.mark.embedded
async def test_everything_it_touched_by_service_and_command(place: Place, hub: Hub) -> None:
    kid = await issuing_kid(hub)
    await issue(hub, *companies(1_000, 5))
    await hub.keyring.keys.rotate(COMMAND, ISSUER, reason="yearly")
    await issue(hub, *companies(2_000, 2))
    wanted = [name for name, by in (await signed_by(hub)).items() if by == kid]
    told = await yizheng(place, "key", "touched", kid, "--json")
    assert (told.out.count("\n"), told.err.strip()) == (6, "6")
    assert {json.loads(line)["identifier"] for line in told.out.splitlines()} == set(wanted)
    later = await yizheng(place, "key", "touched", kid, "--since", "2099-01-01T00:00:00Z")
    assert (later.code, later.out) == (0, "")
    assert (await yizheng(place, "key", "touched", "none")).code == 65
    proposed = await yizheng(
        place, "key", "compromised", kid, "--since", "2026-01-01T00:00:00+08:00", "--reason", "stolen",
        "--legal-basis", "电子签名法第十五条", "--json",
    )  # fmt: skip
    assert (proposed.code, proposed.json()["state"]) == (0, "open")
    assert (await hub.keyring.keys.show(COMMAND, kid)).use == "stopped"
