"""Two hubs with the network cut between them verify each other's licences, for the types that two persons accepted."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from catalog.errors import DefinitionError
from certificates.errors import TrustPackError
from certificates.lifecycle.states import Operation
from certificates.offline_code import PREFIX
from certificates.verifying.pack import TrustPack
from hub.access.actors import COMMAND, Actor, Role
from hub.issuing.files import identifiers_of, read_document
from hub.registry.requests.errors import SamePersonError
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError
from hub.verification.asking import Question
from hub.verification.peers import ACCEPT
from tests.faces.papers import codes_in, picture_of, png
from tests.hub.city import IDENTITY, PERSON, identity_claims
from tests.hub.command import yizheng
from tests.support import ENTERPRISE, INTAKE, POLICE, Place, issue, make_template, open_case, pull

pytestmark = pytest.mark.embedded
SECOND = Actor("staff", "01a20390-b00c-72bb-903f-1ec83bdab169", "operator", None, frozenset({Role.OPERATOR}))
LICENCE = "11990000MB0000002Q001"
_SECOND = timedelta(seconds=2)


@pytest.fixture
async def neighbour(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """Another province: a home, roots, departments and licences of its own, and no connection."""
    place = Place(tmp_path_factory.mktemp("neighbour") / "home", None)
    await make_template(place)
    async with place.open() as hub:
        yield hub


async def licence(hub: Hub) -> bytes:
    (held,) = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    return await read_document(hub, held["identifier"])


async def pack_of(hub: Hub) -> bytes:
    """As it is carried across."""
    hub.verification._policy = None
    return (await hub.verification._make_pack()).encode()


def root_of(pack: bytes, hub: Hub) -> str:
    return TrustPack.read(pack, now=hub.clock()).policy.fingerprints()[0]


async def accepted(hub: Hub, pack: bytes, *types: str) -> None:
    offer = await hub.peers.offer(COMMAND, pack, compared=[root_of(pack, hub).lower()], types=types)
    assert offer.payload is not None
    proposal = await hub.sharing.proposals.propose(COMMAND, ACCEPT, offer.payload, "省际互认协议")
    with pytest.raises(SamePersonError):
        await hub.sharing.proposals.confirm(COMMAND, proposal.id)
    await hub.sharing.proposals.confirm(SECOND, proposal.id)
    hub.verification._policy = None


async def reason(hub: Hub, token: bytes) -> str:
    return (await hub.verification.verify(token, audience=None)).reason


async def test_two_hubs_verify_each_others_licences_without_a_connection(hub: Hub, neighbour: Hub) -> None:
    ours, theirs = await licence(hub), await licence(neighbour)
    assert (await reason(hub, theirs), await reason(neighbour, ours)) == ("chain_path", "chain_path")
    await accepted(hub, await pack_of(neighbour), LICENCE)
    await accepted(neighbour, await pack_of(hub), LICENCE)
    for there, token, mine in ((hub, theirs, ours), (neighbour, ours, theirs)):
        verdict = await there.verification.verify(token, audience=None)
        assert (verdict.result, verdict.reason) == ("passed", "ok")
        assert verdict.hub is not None
        assert verdict.status_at is not None
        assert (await there.verification.verify(mine, audience=None)).hub is None


async def test_a_page_from_there_is_verified_by_its_offline_code(hub: Hub, neighbour: Hub, tmp_path: Path) -> None:
    (held,) = await identifiers_of(neighbour, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    page = await read_document(neighbour, held["identifier"], "pdf")
    printed = picture_of(page, tmp_path)
    code = next(text for text in codes_in(printed) if text.startswith(PREFIX))
    unknown = await hub.presentation.judge_text(code, Question())
    assert (unknown.result, unknown.reason) == ("indeterminate", "key_unknown")
    await accepted(hub, await pack_of(neighbour), LICENCE)
    known = await hub.presentation.judge_text(code, Question())
    assert (known.result, known.reason, known.claims["name"]) == ("passed", "ok", ENTERPRISE["name"])
    assert known.hub is not None
    photo = await hub.presentation.present(png(printed), Question())
    assert (photo.result, photo.format, photo.hub) == ("passed", "offline_code", known.hub)


async def test_copies_made_there_are_believed_of_the_accepted_types_alone(hub: Hub, neighbour: Hub) -> None:
    there = Place(neighbour.settings.home, None)
    async with there.client(neighbour) as client:
        headers = await there.headers(client)
        answer = await pull(client, headers, await open_case(client, headers))
    copy = answer.json()["requirements"][0]["evidence"]["token"].encode()
    await issue(neighbour, identity_claims(), slug="identity_card", issuer=POLICE)
    await accepted(hub, await pack_of(neighbour), IDENTITY)
    assert (await hub.verification.verify(copy, audience=INTAKE)).reason == "type_not_entitled"
    await accepted(hub, await pack_of(neighbour), IDENTITY, LICENCE)
    assert (await hub.verification.verify(copy, audience=INTAKE)).reason == "ok"


async def test_a_file_from_there_gets_its_verdict_on_the_verify_page(
    hub: Hub, neighbour: Hub, client: httpx2.AsyncClient
) -> None:
    (held,) = await identifiers_of(neighbour, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    page = await read_document(neighbour, held["identifier"], "pdf")
    await accepted(hub, await pack_of(neighbour), LICENCE)
    shown = await client.post("/verify", files={"file": ("page", page, "application/octet-stream")})
    assert shown.status_code == 200
    # Its dates are known there alone.
    assert "validity_unavailable" in shown.text
    assert held["identifier"] in shown.text


async def test_only_named_types_are_accepted_and_a_revocation_arrives_with_the_next_pack(
    hub: Hub, neighbour: Hub
) -> None:
    theirs = await licence(neighbour)
    await issue(neighbour, identity_claims(), slug="identity_card", issuer=POLICE)
    (card,) = await identifiers_of(neighbour, "111", PERSON["id_number"])
    old = await pack_of(neighbour)
    await accepted(hub, old, LICENCE)
    assert await reason(hub, await read_document(neighbour, card["identifier"])) == "type_not_entitled"
    (held,) = await identifiers_of(neighbour, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    await neighbour.status.change(held["identifier"], Operation.REVOKE, reason="test", legal_basis="test")
    assert await reason(hub, theirs) == "ok"
    now = neighbour.clock
    neighbour.verification._clock = lambda: now() + _SECOND
    new = await pack_of(neighbour)
    renewed = await hub.peers.offer(COMMAND, new, compared=[root_of(new, hub)], types=[LICENCE])
    assert renewed.payload is None
    hub.verification._policy = None
    assert await reason(hub, theirs) == "certificate_revoked"
    with pytest.raises(TrustPackError, match="version"):
        await hub.peers.offer(COMMAND, old, compared=[root_of(old, hub)], types=[LICENCE])


async def test_another_root_another_type_and_a_changed_row_are_refused(hub: Hub, neighbour: Hub) -> None:
    pack, own = await pack_of(neighbour), await pack_of(hub)
    with pytest.raises(TrustPackError):
        await hub.peers.offer(COMMAND, pack, compared=[root_of(own, hub)], types=[LICENCE])
    with pytest.raises(TrustPackError):
        await hub.peers.offer(COMMAND, pack[:-9], compared=[root_of(pack, hub)], types=[LICENCE])
    with pytest.raises(DefinitionError):
        await hub.peers.offer(COMMAND, pack, compared=[root_of(pack, hub)], types=["11990000MB0000009X001"])
    await accepted(hub, pack, LICENCE)
    edit = "UPDATE trust_peers SET types = '[\"11990000MB0000003U001\"]'"
    await hub.database.write(lambda tx: tx.exec_driver_sql(edit))
    with pytest.raises(IntegrityBrokenError):
        await hub.peers.peers()


async def test_the_command_proposes(place: Place, hub: Hub, neighbour: Hub, tmp_path: Path) -> None:
    pack = await pack_of(neighbour)
    file = tmp_path / "pack"
    file.write_bytes(pack)
    options = ("--type", LICENCE, "--reason", "省际互认协议", "--json")
    done = await yizheng(place, "trust", "import", str(file), "--fingerprint", root_of(pack, hub), *options)
    assert done.code == 0, done.err
    assert done.json()["state"] == "proposed"
    wrong = await yizheng(place, "trust", "import", str(file), "--fingerprint", "00:11", *options)
    assert wrong.code not in {0, 64}
    assert (await yizheng(place, "trust", "list", "--json")).json() == {"hubs": []}
