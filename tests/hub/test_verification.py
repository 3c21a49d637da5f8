"""One verdict over whatever is presented, by the API, the public page and the command line alike."""

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import text

from certificates.lifecycle import Operation
from certificates.trust import TrustPack
from hub.issuing.files import identifiers_of, read_document
from hub.runtime import Hub
from hub.sample.numbers import citizen_id
from signing.canonical import b64u, unb64u
from signing.jose import sign_jws
from signing.keys import SoftwareSigner
from signing.status_list import sign_status_list
from tests.hub.city import PERSON, identity_claims
from tests.hub.command import Done, yizheng
from tests.support import (
    AMR,
    ENTERPRISE,
    INTAKE,
    NARROW,
    POLICE,
    PUBLIC_URL,
    Place,
    copy_home,
    enterprise_claims,
    issue,
    make_template,
    new_database,
    open_case,
    pull,
    valid_uscc,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
EXIT = {"passed": 0, "failed": 1, "indeterminate": 2}
OTHERS = {name: valid_uscc(f"91990100MA000001{number}") for number, name in enumerate(("revoked", "suspended", "old"))}


@dataclass(frozen=True)
class World:
    """One hub a database for the whole file: a verdict changes nothing."""

    place: Place
    hub: Hub
    client: httpx2.AsyncClient
    tokens: dict[str, str]
    files: Path


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
            return await _licence(hub, ENTERPRISE["id_number"]), await hub.verification.trust_pack()

    with asyncio.Runner() as runner:
        return runner.run(make())


async def _licence(hub: Hub, number: str, id_type: str = "001") -> str:
    (held,) = await identifiers_of(hub, id_type, number)
    return (await read_document(hub, held["identifier"])).decode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    shared_place: Place, foreign: tuple[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    async with shared_place.open() as hub, shared_place.client(hub) as client:
        tokens = {"valid": await _licence(hub, ENTERPRISE["id_number"]), "foreign": foreign[0]}
        headers = await shared_place.headers(client)
        for name, number in OTHERS.items():
            claims = enterprise_claims(name=f"示例市{name}公司", uscc=number)
            await issue(hub, claims)
            party = {"role": "applicant", "id_type": "001", "id_number": number, "name": claims["name"]}
            answer = await pull(client, headers, await open_case(client, headers, parties=[party]))
            tokens[f"copy_of_{name}"] = answer.json()["requirements"][0]["evidence"]["token"]
            tokens[name] = await _licence(hub, number)
        answer = await pull(client, headers, await open_case(client, headers))
        tokens["copy"] = answer.json()["requirements"][0]["evidence"]["token"]
        for name, operation in (("revoked", Operation.REVOKE), ("suspended", Operation.SUSPEND)):
            (held,) = await identifiers_of(hub, "001", OTHERS[name])
            await hub.status.change(held["identifier"], operation, reason="test", legal_basis="test")
        newer = enterprise_claims(name="示例市old公司", uscc=OTHERS["old"], address="新址")
        await issue(hub, newer, as_of=datetime.now(UTC) + timedelta(seconds=1))
        tokens["new"] = await _licence(hub, OTHERS["old"])
        await issue(hub, identity_claims(valid_until="2026-01-01"), slug="identity_card", issuer=POLICE)
        tokens["expired"] = await _licence(hub, PERSON["id_number"], "111")
        yield World(shared_place, hub, client, tokens, tmp_path_factory.mktemp("files"))


# Three ways to ask


@dataclass(frozen=True)
class Said:
    """What all three must agree on."""

    result: str
    reason: str
    steps: tuple[tuple[int, str, str, str], ...]


async def by_api(world: World, token: str, audience: str | None) -> tuple[Said, dict[str, Any]]:
    body = {"token": token} | ({"audience": audience} if audience else {})
    answer = await world.client.post("/api/v1/verify", json=body)
    assert answer.status_code == 200, answer.text
    return _said(answer.json()), answer.json()


async def by_page(world: World, token: str, audience: str | None) -> Said:
    answer = await world.client.post("/verify", data={"token": token, "audience": audience or ""})
    assert answer.status_code == 200, answer.text
    page = answer.text
    (result,) = re.findall(r'class="verdict (\w+)"', page)
    (reason,) = re.findall(r": <code>(\w+)</code>", page)
    rows = re.findall(r"<tr><td>(\d)</td><td>(\w+)</td><td>(\w+)</td><td>(\w*)</td></tr>", page)
    return Said(result, reason, tuple((int(number), name, done, why) for number, name, done, why in rows))


async def by_command(world: World, token: bytes, *options: str) -> tuple[Done, Said]:
    file = world.files / "token"
    file.write_bytes(token)
    done = await yizheng(world.place, "verify", str(file), "--json", *options)
    assert done.out, done.err
    return done, _said(done.json())


def _said(verdict: dict[str, Any]) -> Said:
    steps = ((step["step"], step["name"], step["result"], step["reason"] or "") for step in verdict["steps"])
    return Said(verdict["result"], verdict["reason"], tuple(steps))


async def agreed(world: World, token: str, audience: str | None = None) -> dict[str, Any]:
    """The verdict, after all three gave the same one and the command ended with its exit code."""
    said, verdict = await by_api(world, token, audience)
    options = ("--audience", audience) if audience else ()
    done, command = await by_command(world, token.encode(), *options)
    assert said == await by_page(world, token, audience)
    assert said == command
    assert done.code == EXIT[said.result]
    told = done.json()
    assert {**told, "checked_at": ""} == {**verdict, "checked_at": ""}
    return verdict


# What is presented


def _flip(token: str, at: int) -> str:
    """Another character of the same alphabet."""
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


def _parts(token: str) -> tuple[list[str], list[str]]:
    jws, *disclosures = token.rstrip("~").split("~")
    return jws.split("."), disclosures


def _joined(jws: list[str], disclosures: list[str]) -> str:
    return "~".join([".".join(jws), *disclosures, ""])


def _in_jws(part: int) -> Callable[[str], str]:
    def mutate(token: str) -> str:
        jws, disclosures = _parts(token)
        jws[part] = _flip(jws[part], len(jws[part]) // 2)
        return _joined(jws, disclosures)

    return mutate


def _in_disclosure(token: str) -> str:
    jws, disclosures = _parts(token)
    disclosures[0] = _flip(disclosures[0], 40)
    return _joined(jws, disclosures)


def _with(*, header: dict[str, Any] | None = None, payload: dict[str, Any] | None = None) -> Callable[[str], str]:
    """Change header or payload without signing again."""

    def mutate(token: str) -> str:
        jws, disclosures = _parts(token)
        for part, changes in ((0, header), (1, payload)):
            if changes is not None:
                jws[part] = b64u(json.dumps(json.loads(unb64u(jws[part])) | changes).encode())
        return _joined(jws, disclosures)

    return mutate


def _disclosed(change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    def mutate(token: str) -> str:
        jws, disclosures = _parts(token)
        return _joined(jws, change(disclosures))

    return mutate


def _own_signature(token: str) -> str:
    """The same content under a stranger's key."""
    jws, disclosures = _parts(token)
    header = {name: value for name, value in json.loads(unb64u(jws[0])).items() if name == "x5c"}
    signed = sign_jws(unb64u(jws[1]), signer=SoftwareSigner.generate(), typ="dc+sd-jwt", header=header)
    return _joined(signed.split("."), disclosures)


EXTRA = b64u(json.dumps(["c2FsdHNhbHRzYWx0c2FsdA", "legal_representative", "李冒名"]).encode())
MUTATIONS: dict[str, Callable[[str], str]] = {
    "header_flipped": _in_jws(0),
    "payload_flipped": _in_jws(1),
    "signature_flipped": _in_jws(2),
    "disclosure_flipped": _in_disclosure,
    "disclosure_added": _disclosed(lambda found: [*found, EXTRA]),
    "disclosure_duplicated": _disclosed(lambda found: [*found, found[0]]),
    "last_tilde_removed": lambda token: token.rstrip("~"),
    "tilde_doubled": lambda token: token + "~",
    "tildes_replaced": lambda token: token.replace("~", "."),
    "junk_at_the_end": lambda token: token + "junk",
    "cut": lambda token: token[:200],
    "padded": lambda token: token.replace("~", "=~", 1),
    "own_signature": _own_signature,
    "alg_none": _with(header={"alg": "none"}),
    "typ_of_a_token": _with(header={"typ": "at+jwt"}),
    "crit": _with(header={"crit": ["exp"]}),
    "without_chain": _with(header={"x5c": []}),
    "chain_of_lists": _with(header={"x5c": [[]]}),
    "chain_of_objects": _with(header={"x5c": [{}]}),
    "chain_text": _with(header={"x5c": "MAA="}),
    "chain_of_junk": _with(header={"x5c": ["MAA="]}),
    "chain_of_numbers": _with(header={"x5c": [1]}),
    "identifier_list": _with(payload={"certificate": {"identifier": ["x"]}}),
    "identifier_object": _with(payload={"certificate": {"identifier": {}}}),
    "identifier_number": _with(payload={"certificate": {"identifier": 5}}),
    "certificate_list": _with(payload={"certificate": ["identifier"]}),
    "certificate_text": _with(payload={"certificate": "identifier"}),
    "payload_list": lambda token: token.replace(token.split(".")[1], b64u(b"[]")),
    "issued_far_ahead": _with(payload={"iat": 2**53}),
    "garbage": lambda _: "hello",
    "markup": lambda _: "<script>alert(1)</script>~",
    "not_ascii": lambda _: "证照~",
    "only_tildes": lambda _: "~~~~",
    "only_dots": lambda _: "..~",
    "seventy_thousand": lambda token: token + "A" * 70_000,
    "seventy_thousand_tildes": lambda _: "~" * 70_000,
}


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


async def test_fewer_and_reordered_disclosures_are_still_the_same_licence(world: World) -> None:
    jws, disclosures = _parts(world.tokens["valid"])
    fewer = await agreed(world, _joined(jws, disclosures[1:]))
    assert fewer["result"] == "passed"
    whole = await agreed(world, _joined(jws, disclosures[::-1]))
    assert whole["result"] == "passed"
    assert len(whole["claims"]) == len(fewer["claims"]) + 1
    assert (await agreed(world, _joined(jws, [])))["result"] == "passed"


async def test_a_token_wrapped_by_a_mail_program_is_the_same_token(world: World) -> None:
    token = world.tokens["valid"]
    wrapped = "\r\n ".join(token[i : i + 76] for i in range(0, len(token), 76)) + "\n"
    assert (await agreed(world, wrapped))["result"] == "passed"


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
        token = await _licence(hub, ENTERPRISE["id_number"])
        (held,) = await identifiers_of(hub, "001", ENTERPRISE["id_number"])
        await hub.status.change(held["identifier"], Operation.REVOKE, reason="test", legal_basis="test")
        edit = text("UPDATE certificate_versions SET status = 'valid'")
        await hub.database.write(lambda tx: tx.execute(edit))
        verdict = await hub.verification.verify(token.encode(), audience=None)
    assert (verdict.result, verdict.reason) == ("indeterminate", "status_unavailable")


# With the network unplugged


async def offline(world: World, token: str, pack: bytes, *options: str) -> Done:
    pack_file, file = world.files / "pack", world.files / "token"
    pack_file.write_bytes(pack)
    file.write_text(token)
    nowhere = replace(world.place, home=world.files / "no-hub-here", database_url=None)
    return await yizheng(nowhere, "verify", str(file), "--offline", "--trust", str(pack_file), "--json", *options)


async def _pack(world: World, *, made: timedelta = timedelta(), **changes: Any) -> bytes:
    """A pack as the hub signs it, with some of its content changed before."""
    genuine = TrustPack.read(await world.hub.verification.trust_pack(), now=datetime.now(UTC))
    certified = world.hub.desk.hub("hub")
    pack = replace(genuine, made_at=datetime.now(UTC) + made, **changes)
    return pack.signed(signer=certified.signer, header=certified.header).encode()


def _list(world: World, *, age: timedelta, life: timedelta, role: str = "status") -> dict[str, str]:
    """The list of before anything was revoked."""
    certified = world.hub.desk.hub(role)  # type: ignore[arg-type]
    uri = f"{PUBLIC_URL}/status-lists/0"
    then = datetime.now(UTC) - age
    token = sign_status_list(
        uri=uri,
        statuses={},
        size=1 << 20,
        signer=certified.signer,
        header=certified.header,
        now=then,
        expires_in=life,
        ttl=timedelta(minutes=10),
    )
    return {uri: token}


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
    pack = await _pack(world)
    done = await offline(world, world.tokens[name], pack, *options)
    assert (done.json()["result"], done.json()["reason"]) == (result, reason)
    assert done.code == EXIT[result]
    roots = TrustPack.read(pack, now=datetime.now(UTC)).policy.fingerprints()
    assert done.json()["trust"]["root_fingerprints"] == list(roots)


DAY = timedelta(days=1)
LISTS: dict[str, Callable[[World], dict[str, str]]] = {
    "missing": lambda _: {},
    "expired": lambda w: _list(w, age=2 * DAY, life=DAY),
    "older_than_the_pack": lambda w: _list(w, age=timedelta(minutes=30), life=DAY),
    "from_the_future": lambda w: _list(w, age=-timedelta(hours=1), life=DAY),
    "signed_by_the_copy_key": lambda w: _list(w, age=timedelta(), life=DAY, role="purpose-copy"),
    "under_another_uri": lambda w: {f"{PUBLIC_URL}/status-lists/1": _list(w, age=timedelta(), life=DAY).popitem()[1]},
    "junk": lambda _: {f"{PUBLIC_URL}/status-lists/0": "x.y.z"},
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("token", ["valid", "revoked"])
async def test_without_a_fresh_list_nothing_is_decided(world: World, name: str, token: str) -> None:
    pack = await _pack(world, status_lists=LISTS[name](world))
    done = await offline(world, world.tokens[token], pack)
    assert (done.json()["result"], done.json()["reason"]) == ("indeterminate", "status_unavailable")
    assert done.code == 2


async def test_a_changed_pack_is_refused(world: World, foreign: tuple[str, bytes]) -> None:
    pack = (await _pack(world)).decode()
    payload = json.loads(unb64u(pack.split(".")[1]))
    payload["issuers"][AMR]["types"].append("11990000MB0000009X001")
    edited = b64u(json.dumps(payload).encode())
    packs = {
        "flipped": _flip(pack, len(pack) // 2),
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
    pack.write_bytes(await _pack(world))
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
