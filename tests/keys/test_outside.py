"""Authorities outside: named by an operator, asked by CSR, believed for exactly our key; never replaced in silence."""

from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from certificates.verifying.procedure import Result
from hub.access.actors import COMMAND, Actor
from hub.access.errors import ForbiddenError
from hub.issuing.keys.errors import BuiltInAuthorityError, KeyRuleError, NotCertifiedError
from hub.problems import problem_of
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.suites import Suite
from signing.errors import ChainError
from signing.keys import SoftwareSigner
from tests.hub.command import yizheng
from tests.keys.library import ISSUER, companies, signed_by, tokens
from tests.keys.outside import Outside, outside
from tests.support import AMR, POLICE, Place, issue, open_case, pull, valid_uscc

pytestmark = pytest.mark.embedded


async def trust(hub: Hub, authority: Outside) -> str:
    found = await hub.keyring.anchors.trust(
        COMMAND, authority.certificate, compared=authority.fingerprint, note="by telephone with the CA's office"
    )
    assert found == authority.fingerprint
    return found


@pytest.mark.parametrize("suite", list(Suite))
async def test_a_key_certified_outside_signs_and_is_no_trial(hub: Hub, suite: Suite) -> None:
    authority = outside("SM2SM3" if suite is Suite.SM2 else "ES256")
    await trust(hub, authority)
    view, request = await hub.keyring.outside.request(COMMAND, ISSUER, suite=suite)
    assert view.use == "pending"
    again, _ = await hub.keyring.outside.request(COMMAND, ISSUER, suite=suite)
    assert again.key.kid == view.key.kid
    if suite is Suite.ES256:
        await issue(hub, *companies(1_000, 1))
        assert view.key.kid not in set((await signed_by(hub)).values())
    installed = await hub.keyring.outside.install(COMMAND, ISSUER, authority.certify(request), suite=suite)
    assert (installed.use, installed.trial, installed.key.authority) == ("signs", False, authority.fingerprint)
    certified = await hub.database.read(lambda tx: hub.desk.issuer(tx, AMR, suite=suite))
    assert (certified.signer.kid, certified.trial) == (view.key.kid, False)
    with pytest.raises(KeyRuleError, match="authority outside"):
        await hub.keyring.keys.rotate(COMMAND, ISSUER, suite=suite, reason="would fall back to the built-in one")


async def test_licences_under_both_authorities_verify_and_say_which(hub: Hub) -> None:
    await issue(hub, *companies(1_000, 1))
    authority = outside()
    await trust(hub, authority)
    _, request = await hub.keyring.outside.request(COMMAND, ISSUER)
    installed = await hub.keyring.outside.install(COMMAND, ISSUER, authority.certify(request))
    await issue(hub, *companies(1_001, 1))
    kids = await signed_by(hub)
    assert len(set(kids.values())) == 2
    for token in (await tokens(hub, list(kids))).values():
        assert (await hub.verification.verify(token, audience=None)).result is Result.PASSED
    by_kid = {view.key.kid: view for view in await hub.keyring.keys.list(COMMAND) if view.key.slot.name == ISSUER}
    assert {kid: view.trial for kid, view in by_kid.items()} == {kid: kid != installed.key.kid for kid in kids.values()}
    with pytest.raises(KeyRuleError, match="signs under this root"):
        await hub.keyring.anchors.distrust(COMMAND, authority.fingerprint)


async def test_a_chain_that_certifies_anything_else_changes_nothing(hub: Hub) -> None:
    authority, stranger = outside(), outside()
    with pytest.raises(KeyRuleError, match="no authority outside"):
        await hub.keyring.outside.install(COMMAND, ISSUER, authority.certificate)
    await trust(hub, authority)
    _, request = await hub.keyring.outside.request(COMMAND, ISSUER)
    before = [view.as_json() for view in await hub.keyring.keys.list(COMMAND)]
    faulty = {
        "other_key": authority.certify(request, public=SoftwareSigner.generate().public),
        "other_organization": authority.certify(request, organization_id=POLICE),
        "role_missing": authority.certify(request, role="purpose-copy"),
        "uri_missing": authority.certify(request, uri="https://elsewhere.example"),
        "path": stranger.certify(request),
    }
    for reason, chain in faulty.items():
        with pytest.raises(ChainError) as caught:
            await hub.keyring.outside.install(COMMAND, ISSUER, chain)
        assert caught.value.reason == reason
    assert [view.as_json() for view in await hub.keyring.keys.list(COMMAND)] == before


async def test_a_root_is_named_by_a_fingerprint_that_came_another_way(hub: Hub) -> None:
    authority = outside()
    anchors = hub.keyring.anchors
    with pytest.raises(KeyRuleError, match="another fingerprint"):
        await anchors.trust(COMMAND, authority.certificate, compared=outside().fingerprint, note="x")
    with pytest.raises(KeyRuleError, match="compared"):
        await anchors.trust(COMMAND, authority.certificate, compared=authority.fingerprint, note=" ")
    assert len(hub.desk.anchors()) == 1
    await trust(hub, authority)
    assert [item.built_in for item in await anchors.list(COMMAND)] == [True, False]
    assert hub.desk.anchors()[1] == authority.authority.certificate
    await hub.database.write(lambda tx: tx.exec_driver_sql("UPDATE trust_anchors SET certificate = x'00'"))
    with pytest.raises(IntegrityBrokenError, match="trust_anchors"):
        await hub.database.read(hub.desk.load)


async def test_a_root_that_is_dropped_is_trusted_no_more(hub: Hub) -> None:
    authority = outside()
    await trust(hub, authority)
    await hub.keyring.anchors.distrust(COMMAND, authority.fingerprint)
    assert authority.authority.certificate not in hub.desk.anchors()
    with pytest.raises(MissingError):
        await hub.keyring.anchors.distrust(COMMAND, authority.fingerprint)
    revived = "UPDATE trust_anchors SET trusted = 1"
    await hub.database.write(lambda tx: tx.exec_driver_sql(revived))
    with pytest.raises(IntegrityBrokenError):
        await hub.database.read(hub.desk.load)


async def test_keys_are_the_operators(hub: Hub) -> None:
    nobody = Actor("staff", "s", "s", None, frozenset())
    for call in (
        lambda: hub.keyring.keys.list(nobody),
        lambda: hub.keyring.keys.rotate(nobody, ISSUER, reason="x"),
        lambda: hub.keyring.outside.request(nobody, ISSUER),
        lambda: hub.keyring.outside.install(nobody, ISSUER, b""),
        lambda: hub.keyring.anchors.trust(nobody, b"", compared="", note=""),
    ):
        with pytest.raises(ForbiddenError):
            await call()


async def test_where_the_built_in_authority_is_refused_nothing_is_signed_under_it(place: Place) -> None:
    new = valid_uscc("1199000" + "0MB0000077")
    async with place.open(built_in_ca="refuse") as hub, place.client(hub) as client:
        assert hub.desk.anchors() == ()
        with pytest.raises(BuiltInAuthorityError) as caught:
            await issue(hub, *companies(1_000, 1))
        assert problem_of(caught.value).slug == "built-in-authority"
        with pytest.raises(BuiltInAuthorityError):
            hub.desk.hub("purpose-copy")
        headers = await place.headers(client)
        answer = await pull(client, headers, await open_case(client, headers))
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (503, "built-in-authority")
        await hub.registry.add_department(
            {"code": new, "name": {"zh": "新局", "en": "New"}, "issues": ["business_licence"]}
        )
        with pytest.raises(NotCertifiedError):
            await hub.database.read(lambda tx: hub.desk.issuer(tx, new))
        authority = outside()
        await trust(hub, authority)
        for name in (f"issuer/{new}", ISSUER, "hub", "purpose-copy", "status"):
            _, request = await hub.keyring.outside.request(COMMAND, name)
            await hub.keyring.outside.install(COMMAND, name, authority.certify(request))
        (decision,) = await issue(hub, *companies(1_000, 1))
        assert decision.reason is None
        answer = await pull(client, headers, await open_case(client, headers))
        assert answer.status_code == 200


async def test_the_ceremony_by_command(place: Place, tmp_path: Path) -> None:
    authority = outside()
    (tmp_path / "root.pem").write_bytes(authority.certificate)
    refused = await yizheng(place, "key", "trust", str(tmp_path / "root.pem"), "--fingerprint", "00", "--note", "phone")
    assert (refused.code, authority.fingerprint in refused.err) == (77, True)
    named = ["--fingerprint", authority.fingerprint, "--note", "phone"]
    assert (await yizheng(place, "key", "trust", str(tmp_path / "root.pem"), *named)).code == 0
    asked = await yizheng(place, "key", "csr", ISSUER, str(tmp_path / "request.pem"), "--json")
    (tmp_path / "chain.pem").write_bytes(authority.certify((tmp_path / "request.pem").read_bytes()))
    installed = await yizheng(place, "key", "import", ISSUER, str(tmp_path / "chain.pem"), "--json")
    assert installed.json()["kid"] == asked.json()["kid"]
    assert (installed.json()["use"], installed.json()["built_in"]) == ("signs", False)
    rotated = await yizheng(place, "key", "rotate", "token", "--reason", "yearly", "--json")
    assert rotated.json()["use"] == "coming"
    assert (await yizheng(place, "key", "rotate", ISSUER, "--reason", "yearly")).code == 77
    assert (await yizheng(place, "key", "rotate", "nothing", "--reason", "yearly")).code == 77
    listed = (await yizheng(place, "key", "list", "--json")).json()["keys"]
    assert [key["use"] for key in listed if key["name"] == ISSUER] == ["replaced", "signs"]


async def test_the_key_set_is_cached_no_longer_than_a_new_key_waits(client: httpx2.AsyncClient) -> None:
    from hub.issuing.keys.room import PUBLISHED_FIRST

    answer = await client.get("/.well-known/jwks.json")
    assert timedelta(seconds=int(answer.headers["cache-control"].rpartition("=")[2])) < PUBLISHED_FIRST
