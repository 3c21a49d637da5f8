"""A hub with licences in every state, three ways to ask it for a verdict, and a fourth with the network unplugged."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from certificates.lifecycle.states import Operation
from certificates.verifying.pack import TrustPack
from hub.issuing.files import identifiers_of, read_document
from hub.runtime import Hub
from signing.status_list import empty, sign_status_list
from tests.hub.city import PERSON, identity_claims
from tests.hub.command import Done, yizheng
from tests.support import ENTERPRISE, POLICE, PUBLIC_URL, Place, enterprise_claims, issue, open_case, pull, valid_uscc

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


async def licence_of(hub: Hub, number: str, id_type: str = "001") -> str:
    (held,) = await identifiers_of(hub, id_type, number)
    return (await read_document(hub, held["identifier"])).decode()


@asynccontextmanager
async def opened_world(place: Place, foreign: str, files: Path) -> AsyncIterator[World]:
    """A hub with one licence in each state, and copies of them."""
    async with place.open() as hub, place.client(hub) as client:
        tokens = {"valid": await licence_of(hub, ENTERPRISE["id_number"]), "foreign": foreign}
        headers = await place.headers(client)
        for name, number in OTHERS.items():
            claims = enterprise_claims(name=f"示例市{name}公司", uscc=number)
            await issue(hub, claims)
            party = {"role": "applicant", "id_type": "001", "id_number": number, "name": claims["name"]}
            answer = await pull(client, headers, await open_case(client, headers, parties=[party]))
            tokens[f"copy_of_{name}"] = answer.json()["requirements"][0]["evidence"]["token"]
            tokens[name] = await licence_of(hub, number)
        answer = await pull(client, headers, await open_case(client, headers))
        tokens["copy"] = answer.json()["requirements"][0]["evidence"]["token"]
        for name, operation in (("revoked", Operation.REVOKE), ("suspended", Operation.SUSPEND)):
            (held,) = await identifiers_of(hub, "001", OTHERS[name])
            await hub.status.change(held["identifier"], operation, reason="test", legal_basis="test")
        newer = enterprise_claims(name="示例市old公司", uscc=OTHERS["old"], address="新址")
        await issue(hub, newer, as_of=datetime.now(UTC) + timedelta(seconds=1))
        tokens["new"] = await licence_of(hub, OTHERS["old"])
        await issue(hub, identity_claims(valid_until="2026-01-01"), slug="identity_card", issuer=POLICE)
        tokens["expired"] = await licence_of(hub, PERSON["id_number"], "111")
        yield World(place, hub, client, tokens, files)


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
    (reason,) = re.findall(r'<code id="reason">(\w+)</code>', page)
    rows = re.findall(r'data-step="(\d)" data-name="(\w+)" data-result="(\w+)" data-reason="(\w*)"', page)
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
    assert told | {"checked_at": "", "status_at": ""} == verdict | {"checked_at": "", "status_at": ""}
    return verdict


# With the network unplugged


async def offline(world: World, token: str, pack: bytes, *options: str) -> Done:
    pack_file, file = world.files / "pack", world.files / "token"
    pack_file.write_bytes(pack)
    file.write_text(token)
    nowhere = replace(world.place, home=world.files / "no-hub-here", database_url=None)
    return await yizheng(nowhere, "verify", str(file), "--offline", "--trust", str(pack_file), "--json", *options)


async def pack_of(world: World, *, made: timedelta = timedelta(), **changes: Any) -> bytes:
    """A pack as the hub signs it, with some of its content changed before."""
    genuine = TrustPack.read(await world.hub.verification.trust_pack(), now=datetime.now(UTC))
    certified = world.hub.desk.hub("hub")
    pack = replace(genuine, made_at=datetime.now(UTC) + made, **changes)
    return pack.signed(signer=certified.signer, header=certified.header).encode()


def list_of(world: World, *, age: timedelta, life: timedelta, role: str = "status") -> dict[str, str]:
    """The list of before anything was revoked."""
    certified = world.hub.desk.hub(role)  # type: ignore[arg-type]
    uri = f"{PUBLIC_URL}/status-lists/0"
    then = datetime.now(UTC) - age
    token = sign_status_list(
        uri=uri,
        statuses=empty(1 << 20),
        signer=certified.signer,
        header=certified.header,
        now=then,
        expires_in=life,
        ttl=timedelta(minutes=10),
    )
    return {uri: token}


DAY = timedelta(days=1)
LISTS: dict[str, Callable[[World], dict[str, str]]] = {
    "missing": lambda _: {},
    "expired": lambda w: list_of(w, age=2 * DAY, life=DAY),
    "older_than_the_pack": lambda w: list_of(w, age=timedelta(minutes=30), life=DAY),
    "from_the_future": lambda w: list_of(w, age=-timedelta(hours=1), life=DAY),
    "signed_by_the_copy_key": lambda w: list_of(w, age=timedelta(), life=DAY, role="purpose-copy"),
    "under_another_uri": lambda w: {f"{PUBLIC_URL}/status-lists/1": list_of(w, age=timedelta(), life=DAY).popitem()[1]},
    "junk": lambda _: {f"{PUBLIC_URL}/status-lists/0": "x.y.z"},
}
