"""Rotation with overlap: the new key signs from a commit on, the old one goes on verifying, others are told first."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from certificates.verifying.procedure import Result
from hub.access.actors import COMMAND
from hub.access.errors import InvalidTokenError
from hub.issuing.keys.desk import find_key_certificate
from hub.issuing.keys.errors import KeyRuleError, KeyScopeError, NoSigningKeyError
from hub.runtime import Hub, open_hub
from hub.storage.errors import IntegrityBrokenError
from hub.storage.suites import Suite
from signing import sd_jwt
from signing.errors import SignatureError
from tests.keys.library import ISSUER, LICENCE, companies, signed_by, tokens
from tests.support import AMR, POLICE, Place, assertion, issue


async def test_rotation_during_a_thousand_issues_leaves_each_with_exactly_one_key(place: Place, hub: Hub) -> None:
    """Drill 36. The rotation is another process's; nobody is told of it."""
    (old,) = set((await signed_by(hub)).values())
    before: set[str] = set()
    async with place.open() as other:

        async def rotate() -> str:
            await asyncio.gather(*(issue(other, *companies(start, 25)) for start in range(1_000, 1_400, 25)))
            before.update(await signed_by(hub))
            return (await other.keyring.keys.rotate(COMMAND, ISSUER, reason="yearly 年度轮换")).key.kid

        async def work(first: int) -> None:
            for start in range(first, first + 300, 25):
                await issue(hub, *companies(start, 25))

        new, *_ = await asyncio.gather(rotate(), work(10_000), work(20_000))
    kids = await signed_by(hub)
    assert len(kids) == 1_001  # with that of the template
    assert set(kids.values()) == {old, new}
    assert {kids[identifier] for identifier in before} == {old}
    keys = await hub.database.read(lambda tx: [find_key_certificate(tx, kid) for kid in (old, new)])
    verdicts: Counter[tuple[Result, int]] = Counter()
    for identifier, token in (await tokens(hub, list(kids)[::5])).items():
        fitting = [key.kid for key in keys if key and _fits(token, key.public)]
        assert fitting == [kids[identifier]]
        verdicts[(await hub.verification.verify(token, audience=None)).result, len(fitting)] += 1
    assert verdicts == {(Result.PASSED, 1): 201}
    last = (await issue(hub, *companies(30_000, 1)))[0]
    assert last.reason is None
    assert (await signed_by(hub)).keys() > kids.keys()
    assert {kid for identifier, kid in (await signed_by(hub)).items() if identifier not in kids} == {new}


def _fits(token: bytes, key: Any) -> bool:
    try:
        sd_jwt.verify(token, key=key)
    except SignatureError:
        return False
    return True


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.embedded
async def test_a_key_of_the_hub_is_published_before_it_signs_and_after(place: Place) -> None:
    watch = Watch()
    async with open_hub(place.settings(), clock=watch) as hub, place.client(hub) as client:
        old = hub.desk.hub("hub").signer.kid
        token = await hub.access.token(_assertion(place, watch))
        rotated = [await hub.keyring.keys.rotate(COMMAND, name, reason="yearly") for name in ("hub", "token")]
        new = rotated[0].key.kid
        assert rotated[0].use == "coming"
        assert await _published(client) >= {old, new}
        assert hub.desk.hub("hub").signer.kid == old
        with pytest.raises(KeyRuleError, match="under way"):
            await hub.keyring.keys.rotate(COMMAND, "hub", reason="twice")
        watch.now += timedelta(minutes=10, seconds=1)
        assert hub.desk.hub("hub").signer.kid == new
        assert hub.desk.token_signer().kid == rotated[1].key.kid
        assert await _published(client) >= {old, new}
        newer = await hub.access.token(_assertion(place, watch))
        watch.now -= timedelta(minutes=6)  # the old token lives five minutes
        assert (await hub.access.caller(token)).client_id == "intake"
        watch.now += timedelta(minutes=6)
        assert (await hub.access.caller(newer)).client_id == "intake"
        watch.now += timedelta(hours=25)
        gone = await _published(client)
        assert old in gone
        assert len(gone & {key.kid for key in (rotated[1].key,)}) == 1
        assert len(gone) == 5  # hub twice; purpose-copy, status, token
        with pytest.raises(InvalidTokenError):
            await hub.access.caller(token)


def _assertion(place: Place, watch: Watch) -> str:
    now = int(watch.now.timestamp())
    return assertion(place.signer(), "intake", iat=now, exp=now + 60)


async def _published(client: httpx2.AsyncClient) -> set[str]:
    answer = await client.get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    return {key["kid"] for key in answer.json()["keys"]}


@pytest.mark.embedded
async def test_another_process_notices_by_itself(place: Place, hub: Hub) -> None:
    async with place.open() as other:
        begins = datetime.now(UTC) + timedelta(milliseconds=200)
        new = (await other.keyring.keys.rotate(COMMAND, "status", begins=begins, reason="now")).key.kid
        await asyncio.sleep(0.25)
    assert hub.desk.hub("status").signer.kid != new
    await hub.database.read(hub.desk.load)  # a round of housekeeping
    assert hub.desk.hub("status").signer.kid == new


@pytest.mark.embedded
async def test_a_key_for_one_type_signs_no_other_and_no_other_signs_it(hub: Hub) -> None:
    """Threat S23."""
    name = f"{ISSUER}/{LICENCE}"
    scoped = (await hub.keyring.keys.add(COMMAND, name, reason="the department wants a key of its own for it")).key.kid
    await issue(hub, *companies(50_000, 1))
    assert Counter((await signed_by(hub)).values())[scoped] == 1
    general, own = await hub.database.read(
        lambda tx: (hub.desk.issuer(tx, AMR), hub.desk.issuer(tx, AMR, type_code=LICENCE))
    )
    assert (general.signer.kid == scoped, own.signer.kid) == (False, scoped)
    own.check_type(LICENCE)
    general.check_type("11990000MB0000002Q002")
    for key, code in ((own, "11990000MB0000002Q002"), (general, LICENCE)):
        with pytest.raises(KeyScopeError):
            key.check_type(code)
    with pytest.raises(KeyRuleError, match="does not issue"):
        await hub.keyring.keys.add(COMMAND, f"issuer/{POLICE}/{LICENCE}", reason="not theirs")


@pytest.mark.embedded
async def test_suites_stand_beside_one_another_and_none_stands_in_for_another(hub: Hub) -> None:
    with pytest.raises(NoSigningKeyError):
        await hub.database.read(lambda tx: hub.desk.issuer(tx, AMR, suite=Suite.SM2))
    made = [
        await hub.keyring.keys.add(COMMAND, ISSUER, suite=suite, reason="OFD, PDF") for suite in (Suite.SM2, Suite.RSA)
    ]
    es256, sm2, rsa = await hub.database.read(lambda tx: [hub.desk.issuer(tx, AMR, suite=suite) for suite in Suite])
    assert [sm2.signer.kid, rsa.signer.kid] == [view.key.kid for view in made]
    assert [item.signer.alg for item in (es256, sm2, rsa)] == ["ES256", "SM2SM3", "RS256"]
    for item in (es256, sm2, rsa):
        item.signer.public.verify(b"m", item.signer.sign(b"m"))
        assert item.trial
    assert len(hub.desk.anchors()) == 2
    rotated = await hub.keyring.keys.rotate(COMMAND, ISSUER, suite=Suite.SM2, reason="SM2 alone")
    now = await hub.database.read(lambda tx: [hub.desk.issuer(tx, AMR, suite=suite).signer.kid for suite in Suite])
    assert now == [es256.signer.kid, rotated.key.kid, rsa.signer.kid]
    assert rotated.use == "signs"


@pytest.mark.embedded
@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE key_certificates SET retired_at = NULL, state = 'active' WHERE retired_at IS NOT NULL",
        "UPDATE key_certificates SET chain = '[]' WHERE role = 'issuer'",
        "UPDATE key_certificates SET row_version = 0, mac = NULL, ledger_entry_id = NULL",
        "UPDATE key_certificates SET role = 'hub' WHERE role = 'issuer'",
    ],
)
async def test_a_row_that_somebody_else_wrote_is_no_key(hub: Hub, tampering: str) -> None:
    await hub.keyring.keys.rotate(COMMAND, ISSUER, reason="yearly")
    await hub.database.write(lambda tx: tx.exec_driver_sql(tampering))
    with pytest.raises(IntegrityBrokenError, match="key_certificates"):
        await hub.database.read(hub.desk.load)


@pytest.mark.embedded
async def test_an_old_row_put_back_is_noticed(hub: Hub) -> None:
    """With its right MAC: but the ledger remembers the later change."""

    def rows(tx: Any) -> list[Any]:
        return list(
            tx.exec_driver_sql("SELECT kid, retired_at, row_version, ledger_entry_id, mac FROM key_certificates")
        )

    before = await hub.database.read(rows)
    await hub.keyring.keys.rotate(COMMAND, ISSUER, reason="yearly")

    def put_back(tx: Any) -> None:
        change = (
            "UPDATE key_certificates SET retired_at = ?, row_version = ?, ledger_entry_id = ?, mac = ? WHERE kid = ?"
        )
        for kid, *values in before:
            tx.exec_driver_sql(change, (*values, kid))

    await hub.database.write(put_back)
    with pytest.raises(IntegrityBrokenError):
        await issue(hub, *companies(60_000, 1))


@pytest.mark.embedded
async def test_keys_of_the_release_before_go_on_signing(hub: Hub) -> None:
    """Their rows have no guard and no entry; the first change gives them both."""

    def as_before(tx: Any) -> None:
        tx.exec_driver_sql(
            "UPDATE key_certificates SET row_version = 0, mac = NULL, ledger_entry_id = NULL, active_from = NULL,"
            " authority = NULL"
        )
        tx.exec_driver_sql("DELETE FROM key_certificates WHERE role = 'token'")
        tx.exec_driver_sql("DELETE FROM ledger_entries WHERE kind LIKE 'key.%'")

    await hub.database.write(as_before)
    await hub.database.read(hub.desk.load)
    await issue(hub, *companies(70_000, 1))
    views = await hub.keyring.keys.list(COMMAND)
    assert all(view.trial for view in views)
    for name in (ISSUER, "token"):
        await hub.keyring.keys.rotate(COMMAND, name, reason="first of this release")
    await issue(hub, *companies(70_001, 1))
    assert len(set((await signed_by(hub)).values())) == 2
    assert len(hub.desk.token_keys()) == 2
