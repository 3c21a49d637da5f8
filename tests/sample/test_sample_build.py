"""The whole sample city in a hub of its own: what sample.json promises is what a pull answers."""

import asyncio
import io
import json
import socket
import stat
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2
import pytest
from rich.console import Console

from hub.access.actors import COMMAND, Role
from hub.citizens.acting.values import Scope
from hub.demo.__main__ import main as demo
from hub.demo.desks import MATTER, SEATS, cards_of, tell_desks
from hub.founding import found
from hub.registry.departments.store import read_departments
from hub.runtime import Hub, open_hub
from hub.sample import catalogue
from hub.sample.build import build_sample
from hub.settings import Settings
from hub.storage.errors import ConflictError
from signing.keys import SoftwareSigner
from tests.citizens.conftest import signed_in
from tests.support import Place, assertion, token_form

Sample = dict[str, Any]
Built = tuple[Place, Path, list[tuple[str, int, int]]]
"""Where it is, its sample.json, and the progress told."""
ROLES = ("spouse", "legal_representative")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    place = Place(tmp_path_factory.mktemp("sample") / "home", None)
    told: list[tuple[str, int, int]] = []

    async def build() -> Path:
        await found(place.settings())
        async with place.open() as hub:
            return await build_sample(hub, on_progress=lambda *step: told.append(step))

    return place, asyncio.run(build()), told


@pytest.fixture(scope="module")
def sample(built: Built) -> Sample:
    loaded: Sample = json.loads(built[1].read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
async def hub(built: Built) -> AsyncIterator[Hub]:
    async with built[0].open() as opened:
        yield opened


@pytest.fixture
async def client(built: Built, hub: Hub) -> AsyncIterator[httpx2.AsyncClient]:
    async with built[0].client(hub) as opened:
        yield opened


@pytest.fixture
def folder(built: Built) -> Path:
    return built[1].parent


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Counter:
    """A system of the sample at work."""

    def __init__(self, client: httpx2.AsyncClient, sample: Sample, system: Sample, folder: Path) -> None:
        self._client, self._sample, self._system = client, sample, system
        self._signer = SoftwareSigner.from_pem((folder / system["private_key_file"]).read_bytes())
        self._headers: dict[str, str] = {}

    async def ask(self, interface: str, matter: str, holder: Sample) -> Sample:
        """Open a case with this holder in the matter's first role and put one question."""
        described = next(item for item in self._sample["matters"] if item["code"] == matter)
        party = {name: holder[name] for name in ("id_type", "id_number", "name")}
        body = {
            "matter": matter,
            "kind": "application",
            "parties": [{"role": described["requirements"][0]["party"], **party}],
            "operator": self._sample["operator"],
            "channel": "counter",
            "external_no": str(uuid.uuid4()),
            "corroboration": self._sample["corroboration"],
        }
        opened = await self._client.post("/api/v1/cases", json=body, headers=self._headers)
        assert opened.status_code == 201, opened.text
        question = {"case_no": opened.json()["case_no"], "purpose": self._system["purpose"]}
        path = f"/api/v1/interfaces/{interface}/query"
        answer = await self._client.post(path, json=question, headers=self._headers)
        assert answer.status_code == 200, answer.text
        found: Sample = answer.json()
        return found

    async def sign_in(self) -> None:
        form = token_form(assertion(self._signer, self._system["client_id"]))
        answer = await self._client.post("/oauth/token", data=form)
        assert answer.status_code == 200, answer.text
        self._headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    async def outcomes(
        self, matter: str, parties: dict[str, Sample], corroboration: list[dict[str, str]] | None = None
    ) -> dict[str, str]:
        """Open a case and pull all that its matter lists."""
        identity = ("id_type", "id_number", "name")
        body = {
            "matter": matter,
            "parties": [{"role": role, **{key: holder[key] for key in identity}} for role, holder in parties.items()],
            "operator": self._sample["operator"],
            "channel": "counter",
            "external_no": str(uuid.uuid4()),
            "corroboration": self._sample["corroboration"] if corroboration is None else corroboration,
        }
        opened = await self._client.post("/api/v1/cases", json=body, headers=self._headers)
        assert opened.status_code == 201, opened.text
        answer = await self._client.post(
            f"/api/v1/cases/{opened.json()['case_no']}/evidence",
            json={"purpose": self._system["purpose"]},
            headers=self._headers,
        )
        assert answer.status_code == 200, answer.text
        return {item["code"]: item["outcome"] for item in answer.json()["requirements"]}


@pytest.fixture
async def counters(client: httpx2.AsyncClient, sample: Sample, folder: Path) -> list[Counter]:
    found_ = [Counter(client, sample, system, folder) for system in sample["systems"]]
    for counter in found_:
        await counter.sign_in()
    return found_


async def test_every_holder_gets_what_the_sample_promises(counters: list[Counter], sample: Sample) -> None:
    promised, given = {}, {}
    for holder in sample["holders"]:
        for matter in sample["matters"]:
            if matter["roles"][0] != holder["party"]:
                continue
            parties = {holder["party"]: holder}
            parties |= {role: holder[role] for role in ROLES if role in holder and role in matter["roles"]}
            known = {code: outcome for party in parties.values() for code, outcome in party["expect"].items()}
            case = f"{holder['story']['en']} / {matter['code']}"
            promised[case] = {
                requirement["code"]: known.get(requirement["code"], "not_applicable")
                for requirement in matter["requirements"]
            }
            given[case] = await counters[0].outcomes(matter["code"], parties)
    assert len(promised) > 40
    assert given == promised


async def test_the_narrow_system_is_not_granted_what_the_sample_says(counters: list[Counter], sample: Sample) -> None:
    holder, system = sample["holders"][0], sample["systems"][1]
    given = await counters[1].outcomes(system["matters"][0], {holder["party"]: holder})
    assert [code for code, outcome in given.items() if outcome == "not_granted"] == system["not_granted"]
    assert set(given.values()) == {"satisfied", "not_granted"}


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [(None, "not_granted"), ("holder_confirmation", "not_granted"), ("presentation_code", "satisfied")],
)
async def test_personal_records_need_a_card_or_a_code(
    counters: list[Counter], sample: Sample, kind: str | None, outcome: str
) -> None:
    holder = sample["holders"][0]
    shown = [{**sample["corroboration"][0], "kind": kind}] if kind else []
    given = await counters[0].outcomes("housing_fund_loan", {"applicant": holder}, shown)
    assert given["loan_identity"] == "satisfied"
    assert given["loan_marriage"] == given["loan_property"] == outcome


async def test_a_second_sample_city_is_refused_and_changes_nothing(hub: Hub, folder: Path) -> None:
    before = contents(folder)
    with pytest.raises(ConflictError):
        await build_sample(hub)
    assert contents(folder) == before


async def test_the_log_of_a_sample_city_is_sound(hub: Hub) -> None:
    await hub.ledger.drain()
    assert (await hub.ledger.verify()).entries > 1000


def test_private_keys_are_their_owners_alone(sample: Sample, folder: Path) -> None:
    for system in sample["systems"]:
        path = folder / system["private_key_file"]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert SoftwareSigner.from_pem(path.read_bytes()).kid == system["kid"]


def test_registers_stand_where_the_sample_says_and_nothing_was_rejected(sample: Sample, folder: Path) -> None:
    for certificate_type in sample["certificate_types"]:
        assert (folder / certificate_type["register"]).is_file()
        rejects = folder / "reports" / certificate_type["slug"] / "rejects.jsonl"
        assert rejects.read_bytes() == b""


def test_progress_ends_complete_for_each_step(built: Built) -> None:
    last = {name: (done, total) for name, done, total in built[2]}
    assert last.keys() > {"catalogue", "identity_card", "status changes"}
    assert all(done == total for done, total in last.values())


async def test_two_homes_share_no_key(tmp_path: Path, built: Built, sample: Sample) -> None:
    settings = Settings(home=tmp_path / "home")
    await found(settings)
    async with open_hub(settings) as hub:
        other = json.loads((await build_sample(hub)).read_text(encoding="utf-8"))
    assert {system["kid"] for system in other["systems"]}.isdisjoint(system["kid"] for system in sample["systems"])
    numbers = [[holder["id_number"] for holder in each["holders"]] for each in (other, sample)]
    assert numbers[0] == numbers[1]


async def test_every_interface_answers_about_a_holder_as_the_document_says(
    client: httpx2.AsyncClient, sample: Sample, folder: Path
) -> None:
    asked = 0
    for interface in sample["interfaces"]:
        for granted in interface["grants"]:
            system = next(item for item in sample["systems"] if item["client_id"] == granted["client_id"])
            counter = Counter(client, sample, system, folder)
            await counter.sign_in()
            holder = next(item for item in sample["holders"] if item["id_type"] == interface["party"])
            answer = await counter.ask(interface["code"], granted["matters"][0], holder)
            assert answer["outcome"] == "satisfied", answer
            assert set(answer["records"][0]) == set(granted["fields"])
            asked += 1
    assert asked == 3


async def test_the_demonstration_has_somebody_at_each_desk_and_the_hall_accepts_for_who_decides(
    client: httpx2.AsyncClient, hub: Hub, sample: Sample, folder: Path
) -> None:
    told = {mandate["matters"][0]: mandate for mandate in await hub.handling.mandates.list(COMMAND)}
    assert set(told) == {matter["code"] for matter in sample["matters"]}
    hall, counter = sample["departments"][1]["code"], Counter(client, sample, sample["systems"][0], folder)
    assert {mandate["to"] for mandate in told.values()} == {hall}
    cards = [holder for holder in cards_of(sample) if holder is not None]
    assert len(cards) == 2
    await counter.sign_in()
    ended = [set((await counter.outcomes(MATTER, {"applicant": holder})).values()) for holder in cards]
    assert ended[0] == {"satisfied"}
    assert "no_source" in ended[1]

    made: list[tuple[str, ...]] = []

    def run(*arguments: str) -> str:
        made.append(arguments)
        return json.dumps({"link": f"http://hub/console/link?t={arguments[2]}"})

    said = Console(record=True, width=200, file=io.StringIO())
    tell_desks(said, "http://hub", sample, run)
    text = said.export_text()
    assert [seat.user for seat in SEATS if f"link?t={seat.user}" not in text] == []
    known = {department["code"] for department in sample["departments"]}
    for arguments in made:
        role = Role(arguments[arguments.index("--role") + 1])
        assert ("--department" in arguments) is (role is not Role.OPERATOR)
        assert role is Role.OPERATOR or arguments[arguments.index("--department") + 1] in known
    assert [pair["principal"]["name"] in text for pair in sample["acting"]] == [True, True]
    decider = next(arguments for arguments in made if "decider" in arguments)
    assert decider[decider.index("--department") + 1] == told[MATTER]["from"], "who decides what the clerk hands on"


async def test_departments_say_their_number(hub: Hub) -> None:
    found = await hub.database.read(lambda tx: read_departments(tx).by_id.values())
    assert {item.code: item.contact for item in found} == {
        item["code"]: item["contact"] for item in catalogue.departments()
    }


async def test_somebody_represents_a_company_and_somebody_has_a_child(hub: Hub, sample: Sample) -> None:
    for pair in sample["acting"]:
        holder = await signed_in(hub, person=pair["person"])
        found = [
            item.principal
            for item in await hub.citizens.others.acting.listed(holder)
            if item.principal.identity.name == pair["principal"]["name"]
        ]
        assert [item.ground.value for item in found] == [pair["ground"]]
        await hub.citizens.others.acting.begin(holder, found[0].key)
        acting = await hub.citizens.others.acting.act(holder, found[0].key, Scope.LICENCES, "licences")
        held, _ = await hub.citizens.licences.listed(acting)
        assert len(held) >= 2
    unregistered = next(item for item in sample["holders"] if item["name"] == "示例市申酉商贸有限公司")
    holder = await signed_in(hub, person=unregistered["legal_representative"])
    mine = [item.principal.identity.name for item in await hub.citizens.others.acting.listed(holder)]
    assert unregistered["name"] not in mine, "its licence is revoked"


def test_a_port_that_somebody_has_is_not_walked_through() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with patch.object(sys, "argv", ["demo", "--port", str(taken.getsockname()[1])]):
            assert demo() == 2
