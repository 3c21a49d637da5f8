"""Verifying is asked by one table: the API, the page and the command take the same, and it comes to the same."""

import re
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
import typer

from hub.api.verify import VerifyQuestion
from hub.cli.main import app
from hub.issuing.files import identifiers_of, read_document
from hub.runtime import Hub
from hub.verification.asking import ASKED, AskedWronglyError, question, typed
from tests.faces.papers import codes_in, picture_of
from tests.hub.command import yizheng
from tests.hub.test_trust_between_hubs import LICENCE, accepted, neighbour, pack_of
from tests.support import ENTERPRISE, INTAKE, PURPOSE, Place, open_case, pull

__all__ = ["neighbour"]
pytestmark = pytest.mark.embedded
NAMES = [item.name for item in ASKED]
_OF_THE_COMMAND = {"--offline", "--trust", "--remember", "--home", "--json", "--identifier", "--proof", "--witness"}
ANSWERS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "audience": ("narrow", ("narrow",), "audience_mismatch"),
    "purpose": ("贷款", ("贷款",), "purpose_mismatch"),
    "nonce": ("Zm9yIHRoaXMgcXVlc3Rpb24", ("Zm9yIHRoaXMgcXVlc3Rpb24",), "binding_missing"),
    "as_of": ("2020-01-01", ("2020-01-01",), "not_yet_valid"),
    "max_status_age_seconds": ("60", ("60",), "ok"),
    "accept_trial": ("false", (), "trial_not_accepted"),
    "suites": ("SM2SM3,RS256", ("SM2SM3", "RS256"), "suite_not_accepted"),
    "custodies": ("department_held", ("department_held",), "custody_not_accepted"),
}
"""What decides of a copy that passes else: as a form has it, as the command has it, and what it comes to."""


@pytest.fixture
async def copy(place: Place, client: httpx2.AsyncClient) -> str:
    headers = await place.headers(client)
    answer = await pull(client, headers, await open_case(client, headers))
    return str(answer.json()["requirements"][0]["evidence"]["token"])


async def test_the_three_take_the_same_and_it_comes_to_the_same(
    place: Place, client: httpx2.AsyncClient, copy: str, tmp_path: Path
) -> None:
    assert list(VerifyQuestion.model_fields) == NAMES == list(ANSWERS)
    page = (await client.get("/verify")).text
    forms = page.split("<form ")[1:]
    beside = [{"file", "proof"}, {"control_code", "identifier"}, {"token"}]
    assert [set(re.findall(r' name="(\w+)"', form)) - set(NAMES) for form in forms] == beside
    assert all(set(re.findall(r' name="(\w+)"', form)) >= set(NAMES) for form in forms)
    command = cast("Any", typer.main.get_command(app)).commands["verify"]
    options = {option for item in command.params for option in item.opts if option.startswith("--")}
    assert options == {item.option for item in ASKED} | _OF_THE_COMMAND

    file = tmp_path / "copy"
    file.write_text(copy)
    for item in ASKED:
        text, values, reason = ANSWERS[item.name]
        fields = {"audience": INTAKE} | {item.name: text}
        told = [await client.post("/api/v1/verify", json={"token": copy} | typed(fields))]
        told.append(await client.post("/api/v1/verify", data=fields, files={"file": copy.encode()}))
        assert [answer.json().get("reason") for answer in told] == [reason, reason], (item, told[0].text)
        shown = [await client.post("/verify", data=fields | {"token": copy})]
        shown.append(await client.post("/verify", data=fields, files={"file": copy.encode()}))
        assert [_reasons(answer.text) for answer in shown] == [[reason], [reason]], item.name
        assert all(f'value="{value}"' in answer.text for answer in shown for value in text.split(","))
        audience = () if item.name == "audience" else ("--audience", INTAKE)
        given = [part for value in values for part in (item.option, value)] or [item.option]
        done = await yizheng(place, "verify", str(file), "--json", *audience, *given)
        assert done.json()["reason"] == reason, item.name


def _reasons(page: str) -> list[str]:
    return re.findall(r'<code id="reason">(\w+)</code>', page)


async def test_what_cannot_be_asked_is_said_by_each_at_its_field(
    place: Place, client: httpx2.AsyncClient, copy: str, tmp_path: Path
) -> None:
    file = tmp_path / "copy"
    file.write_text(copy)
    wrong = {"nonce": "short", "as_of": "spring", "suites": "MD5", "custodies": "nobody", "purpose": "用" * 201}
    for item in (item for item in ASKED if item.name in wrong):
        text = wrong[item.name]
        answer = await client.post("/api/v1/verify", json={"token": copy} | typed({item.name: text}))
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{item.name}")
        shown = await client.post("/verify", data={item.name: text}, files={"file": copy.encode()})
        assert f'<a href="#file-{item.name}">' in shown.text
        assert f'id="file-{item.name}"' in shown.text
        done = await yizheng(place, "verify", str(file), item.option, text)
        assert (done.code, item.option in done.err) == (64, True), done.err
    with pytest.raises(AskedWronglyError):
        question(typed({"max_status_age_seconds": "1e3"}))
    assert (await yizheng(place, "verify", str(file), "--remember", str(tmp_path / "kept"))).code == 64
    assert (await yizheng(place, "verify", str(file), "--identifier", "x")).code == 64


async def test_a_purpose_is_compared_where_it_is_said_and_said_where_it_is_not(
    place: Place, client: httpx2.AsyncClient, copy: str, tmp_path: Path
) -> None:
    async def asked(**more: str) -> tuple[str, Any]:
        body = {"token": copy, "audience": INTAKE} | more
        told = (await client.post("/api/v1/verify", json=body)).json()
        return told["reason"], told["purpose_compared"]

    assert await asked() == ("ok", False)
    assert await asked(purpose=PURPOSE) == ("ok", True)
    assert await asked(purpose=PURPOSE + "。") == ("purpose_mismatch", False)
    assert "未比对" in (await client.post("/verify", data={"token": copy, "audience": INTAKE})).text
    file = tmp_path / "copy"
    file.write_text(copy)
    done = await yizheng(place, "verify", str(file), "--audience", INTAKE)
    assert "not compared" in done.out


async def test_an_identifier_stands_beside_a_control_code_at_the_command_too(
    place: Place, hub: Hub, tmp_path: Path
) -> None:
    (held,) = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    page = await read_document(hub, held["identifier"], "pdf")
    link = next(text for text in codes_in(picture_of(page, tmp_path)) if text.startswith("http"))
    file = tmp_path / "code"
    file.write_text(link.partition("#c=")[2])
    for identifier, reason in ((held["identifier"], "ok"), (held["identifier"][:-1] + "?", "control_code")):
        done = await yizheng(place, "verify", str(file), "--identifier", identifier, "--json")
        assert done.json()["reason"] == reason


async def test_a_page_of_another_hub_passes_with_its_proof_at_the_command_too(
    place: Place, hub: Hub, neighbour: Hub, tmp_path: Path
) -> None:
    (held,) = await identifiers_of(neighbour, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    page, proof = tmp_path / "page", tmp_path / "proof"
    page.write_bytes(await read_document(neighbour, held["identifier"], "pdf"))
    await neighbour.ledger.drain()
    proof.write_bytes(await neighbour.proofs.prove(held["identifier"], allowed=lambda _: True))
    await accepted(hub, await pack_of(neighbour), LICENCE)
    alone = await yizheng(place, "verify", str(page), "--json")
    assert (alone.code, alone.json()["reason"]) == (2, "validity_unavailable")
    done = await yizheng(place, "verify", str(page), "--proof", str(proof), "--json")
    assert (done.code, done.json()["reason"]) == (0, "ok"), done.out
    proof.write_bytes(proof.read_bytes()[:-40])
    assert (await yizheng(place, "verify", str(page), "--proof", str(proof))).code == 64
