"""One verdict over whatever is presented, by the API, the public page and the command line alike."""

import asyncio
import html
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text

from certificates.lifecycle.states import Operation
from certificates.verifying.pack import TrustPack
from hub.issuing.files import identifiers_of
from hub.sample.numbers import citizen_id
from signing.canonical import b64u, unb64u
from signing.disclosures import digest
from signing.jose import sign_jws
from tests.hub.command import yizheng
from tests.hub.tampered import MUTATIONS, flip, joined, parts_of
from tests.hub.verified import EXIT, LISTS, World, agreed, by_command, licence_of, offline, opened_world, pack_of
from tests.support import AMR, ENTERPRISE, INTAKE, NARROW, Place, copy_home, make_template, new_database

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def shared_place(template: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = copy_home(template, tmp_path_factory.mktemp("verified"))
    if template.database_url is None:
        yield Place(home, None)
        return
    with new_database(template.database_url.rsplit("/", 1)[1]) as url:
        yield Place(home, url)


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    """A licence and a trust pack of another hub, which says that it is this one."""
    place = Place(tmp_path_factory.mktemp("foreign") / "home", None)

    async def make() -> tuple[str, bytes]:
        await make_template(place)
        async with place.open() as hub:
            return await licence_of(hub, ENTERPRISE["id_number"]), await hub.verification.trust_pack()

    with asyncio.Runner() as runner:
        return runner.run(make())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    shared_place: Place, foreign: tuple[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    async with opened_world(shared_place, foreign[0], tmp_path_factory.mktemp("files")) as world:
        yield world


@pytest.mark.embedded
@pytest.mark.embedded
@pytest.mark.parametrize("name", MUTATIONS)
async def test_whatever_was_changed_is_failed_by_all_three(world: World, name: str) -> None:
    verdict = await agreed(world, MUTATIONS[name](world.tokens["valid"]))
    assert verdict["result"] == "failed"
    assert verdict["claims"] == {}
    assert verdict["certificate"] is None
    assert verdict["signed_by"] is None


@pytest.mark.parametrize(
    ("name", "result", "reason"),
    [
        ("valid", "passed", "ok"),
        ("new", "passed", "ok"),
        ("revoked", "failed", "certificate_revoked"),
        ("suspended", "failed", "certificate_suspended"),
        ("old", "failed", "certificate_superseded"),
        ("expired", "failed", "expired"),
        ("foreign", "failed", "chain_path"),
        ("copy", "indeterminate", "audience_not_given"),
        ("copy_of_revoked", "failed", "certificate_revoked"),
        ("copy_of_suspended", "failed", "certificate_suspended"),
        ("copy_of_old", "failed", "certificate_superseded"),
    ],
)
async def test_the_verdict_is_the_same_in_all_three(world: World, name: str, result: str, reason: str) -> None:
    verdict = await agreed(world, world.tokens[name])
    assert (verdict["result"], verdict["reason"]) == (result, reason)
    if result == "passed":
        assert verdict["claims"]["legal_representative"] == "王晨光"
        assert (verdict["signed_by"], verdict["custody"], verdict["status"]) == ("市场监督管理局", "hub_held", "valid")


@pytest.mark.parametrize(
    ("audience", "result", "reason"),
    [(INTAKE, "passed", "ok"), (NARROW, "failed", "audience_mismatch"), ("", "indeterminate", "audience_not_given")],
)
async def test_a_copy_is_for_its_receiver(world: World, audience: str, result: str, reason: str) -> None:
    verdict = await agreed(world, world.tokens["copy"], audience or None)
    assert (verdict["result"], verdict["reason"]) == (result, reason)
    assert "legal_representative" not in verdict["claims"]


@pytest.mark.embedded
async def test_a_copy_that_leaked_fails_where_the_presenter_is_asked_to_sign(world: World) -> None:
    """The key in a copy is that with which the receiver's system asks for tokens."""
    copy, nonce = world.tokens["copy"], "Zm9yIHRoaXMgcXVlc3Rpb24"
    claims = {"iat": int(datetime.now(UTC).timestamp()), "aud": INTAKE, "nonce": nonce, "sd_hash": digest(copy)}
    bound = copy + sign_jws(claims, signer=world.place.signer(), typ="kb+jwt")
    told = []
    for token, other in ((bound, nonce), (copy, nonce), (bound, nonce[::-1])):
        asked = {"audience": INTAKE, "nonce": other}
        answer = (await world.client.post("/api/v1/verify", json={"token": token} | asked)).json()
        form = await world.client.post("/api/v1/verify", files={"file": ("copy", token.encode())}, data=asked)
        options = ("--audience", INTAKE, "--nonce", other)
        command, _ = await by_command(world, token.encode(), *options)
        alone = await offline(world, token, await pack_of(world), *options)
        assert {item.json()["reason"] for item in (form, command, alone)} == {answer["reason"]}
        assert {command.code, alone.code} == {EXIT[answer["result"]]}
        told.append((answer["result"], answer["reason"], answer["possession_shown"]))
    assert told == [("passed", "ok", True), ("failed", "binding_missing", False), ("failed", "binding_wrong", False)]
    assert (await world.client.post("/api/v1/verify", json={"token": copy, "nonce": "short"})).status_code == 422
    assert (await yizheng(world.place, "verify", str(world.files / "token"), "--nonce", "short")).code == 64


async def test_fewer_and_reordered_disclosures_are_still_the_same_licence(world: World) -> None:
    jws, disclosures = parts_of(world.tokens["valid"])
    fewer = await agreed(world, joined(jws, disclosures[1:]))
    assert fewer["result"] == "passed"
    whole = await agreed(world, joined(jws, disclosures[::-1]))
    assert whole["result"] == "passed"
    assert len(whole["claims"]) == len(fewer["claims"]) + 1
    assert (await agreed(world, joined(jws, [])))["result"] == "passed"


async def test_a_token_wrapped_by_a_mail_program_is_the_same_token(world: World) -> None:
    token = world.tokens["valid"]
    wrapped = "\r\n ".join(token[i : i + 76] for i in range(0, len(token), 76)) + "\n"
    assert (await agreed(world, wrapped))["result"] == "passed"


@pytest.mark.embedded
@pytest.mark.parametrize("name", ["valid", "copy"])
async def test_no_single_changed_byte_passes_and_none_is_an_error(world: World, name: str) -> None:
    token = world.tokens[name].encode()
    step = 1 if world.place.database_url is None else 11
    for at in range(0, len(token), step):
        changed = token[:at] + bytes([token[at] ^ (1 + at % 7)]) + token[at + 1 :]
        verdict = await world.hub.verification.verify(changed, audience=INTAKE)
        assert verdict.result == "failed", at
        assert not verdict.claims


async def test_nothing_presented_is_no_verdict_anywhere(world: World) -> None:
    assert (await world.client.post("/api/v1/verify", json={"token": ""})).status_code == 422
    page = await world.client.post("/verify", data={"token": " \n", "audience": ""})
    assert 'role="alert"' in page.text
    assert 'class="verdict' not in page.text
    file = world.files / "empty"
    file.write_bytes(b" \n")
    assert (await yizheng(world.place, "verify", str(file))).code == 64


async def test_what_was_pasted_comes_back_escaped(world: World) -> None:
    canary = '"><script>window.pwned=1</script>'
    answer = await world.client.post("/verify", data={"token": canary, "audience": canary})
    assert canary not in answer.text
    assert html.escape(canary).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in answer.text


async def test_a_status_written_by_sql_is_no_status(place: Place) -> None:
    """Outside the shared hub: what was revoked does not pass again because a row says so."""
    async with place.open() as hub:
        token = await licence_of(hub, ENTERPRISE["id_number"])
        (held,) = await identifiers_of(hub, "001", ENTERPRISE["id_number"])
        await hub.status.change(held["identifier"], Operation.REVOKE, reason="test", legal_basis="test")
        edit = text("UPDATE certificate_versions SET status = 'valid'")
        await hub.database.write(lambda tx: tx.execute(edit))
        verdict = await hub.verification.verify(token.encode(), audience=None)
    assert (verdict.result, verdict.reason) == ("indeterminate", "status_unavailable")


# With the network unplugged


@pytest.mark.parametrize(
    ("name", "options", "result", "reason"),
    [
        ("valid", (), "passed", "ok"),
        ("revoked", (), "failed", "certificate_revoked"),
        ("suspended", (), "failed", "certificate_suspended"),
        ("old", (), "failed", "certificate_superseded"),
        ("foreign", (), "failed", "chain_path"),
        ("copy", ("--audience", INTAKE), "passed", "ok"),
        ("copy", ("--audience", NARROW), "failed", "audience_mismatch"),
        ("copy", (), "indeterminate", "audience_not_given"),
    ],
)
async def test_a_pack_gives_the_hubs_verdict(
    world: World, name: str, options: tuple[str, ...], result: str, reason: str
) -> None:
    pack = await pack_of(world)
    done = await offline(world, world.tokens[name], pack, *options)
    assert (done.json()["result"], done.json()["reason"]) == (result, reason)
    assert done.code == EXIT[result]
    roots = TrustPack.read(pack, now=datetime.now(UTC)).policy.fingerprints()
    assert done.json()["trust"]["root_fingerprints"] == list(roots)


@pytest.mark.embedded
@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("token", ["valid", "revoked"])
async def test_without_a_fresh_list_nothing_is_decided(world: World, name: str, token: str) -> None:
    pack = await pack_of(world, status_lists=LISTS[name](world))
    done = await offline(world, world.tokens[token], pack)
    assert (done.json()["result"], done.json()["reason"]) == ("indeterminate", "status_unavailable")
    assert done.code == 2


async def test_a_changed_pack_is_refused(world: World, foreign: tuple[str, bytes]) -> None:
    pack = (await pack_of(world)).decode()
    payload = json.loads(unb64u(pack.split(".")[1]))
    payload["issuers"][AMR]["types"].append("11990000MB0000009X001")
    edited = b64u(json.dumps(payload).encode())
    packs = {
        "flipped": flip(pack, len(pack) // 2),
        "cut": pack[:-20],
        "edited": pack.replace(pack.split(".")[1], edited),
        "signed_by_the_copy_key": sign_jws(
            payload,
            signer=world.hub.desk.hub("purpose-copy").signer,
            typ="trust-pack+jwt",
            header=world.hub.desk.hub("purpose-copy").header,
        ),
        "roots_of_another_hub": pack.replace(pack.split(".")[1], foreign[1].decode().split(".")[1]),
        "a_licence": world.tokens["valid"],
        "empty": "",
        "list_swapped": pack.replace(pack.split(".")[1], b64u(json.dumps(payload | {"status_lists": {}}).encode())),
    }
    for name, changed in packs.items():
        done = await offline(world, world.tokens["valid"], changed.encode())
        assert (done.code, done.out) == (64, ""), name
    done = await offline(world, world.tokens["valid"], foreign[1])
    assert (done.code, done.json()["reason"]) == (1, "chain_path")


async def test_a_wrong_call_is_64_and_never_a_verdict(world: World) -> None:
    file, pack = world.files / "token", world.files / "pack"
    file.write_text(world.tokens["valid"])
    pack.write_bytes(await pack_of(world))
    for arguments in (
        (str(file), "--offline"),
        (str(file), "--trust", str(pack)),
        (str(file), "--offline", "--trust", str(world.files / "none")),
        (str(world.files / "none"),),
        (str(world.files),),
        (str(file), "--nonsense"),
        (),
        (str(file), "--home", str(world.files)),
    ):
        done = await yizheng(world.place, "verify", *arguments)
        assert (done.code, done.out) == (64, ""), arguments


async def test_an_exported_pack_is_the_published_one(world: World, tmp_path: Path) -> None:
    exported = await yizheng(world.place, "export-trust", str(tmp_path / "pack"), "--json")
    assert exported.code == 0, exported.err
    published = TrustPack.read((await world.client.get("/api/v1/trust-pack")).content, now=datetime.now(UTC))
    written = TrustPack.read((tmp_path / "pack").read_bytes(), now=datetime.now(UTC))
    assert exported.json()["root_fingerprints"] == list(published.policy.fingerprints())
    assert written.policy == published.policy
    assert citizen_id("990102", datetime(1988, 3, 5, tzinfo=UTC).date(), 21) not in (tmp_path / "pack").read_text()
