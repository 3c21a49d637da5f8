"""Kind `soap`: what an answer means, and the pinned contract."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import DefinitionFaultError, DeniedError, FaultyAnswerError
from tests.adapters.contract import BUDGET, Kind, ask, told
from tests.adapters.soap_server import BY_USCC, GET, Register, register
from tests.adapters.town import CROWD, KNOWN, UNKNOWN_USCC


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Register]:
    async with register(tmp_path) as running:
        yield running


def kind_of(running: Register, **members: Any) -> Kind:
    connection = {"wsdl_url": running.wsdl_url} | members
    targets = frozenset({running.front.target})
    return Kind(kind="soap", connection=connection, by_uscc=BY_USCC, by_name={}, by_region={}, targets=targets)


async def test_values_come_as_json(town: Register) -> None:
    async with kind_of(town).open() as source:
        (row,) = (await ask(source, GET, uscc=KNOWN["uscc"])).rows
    assert row == {
        "enterprise": KNOWN,
        "capital": "1234567.80",
        "updated": "2026-03-01T09:30:00+08:00",
        "active": True,
        "staff": 12,
        "mark": base64.b64encode(b"stamp").decode(),
    }


async def test_a_declared_fault_means_that_there_is_no_record_and_any_other_is_a_fault(town: Register) -> None:
    async with kind_of(town).open() as source:
        assert list((await ask(source, GET, uscc=UNKNOWN_USCC)).rows) == []
        bare = {name: value for name, value in GET.items() if name != "none_when"}
        for operation in (bare, {**GET, "none_when": [{"fault": "Client"}]}):
            with pytest.raises(FaultyAnswerError) as caught:
                await ask(source, operation, uscc=UNKNOWN_USCC)
            assert caught.value.reason == "fault_Client.NotFound"
            assert UNKNOWN_USCC not in told(caught.value)  # the source's own text quotes it


async def test_rows_lie_where_the_operation_says(town: Register) -> None:
    async with kind_of(town).open() as source:
        assert list((await ask(source, {**GET, "rows": "/enterprise"}, uscc=KNOWN["uscc"])).rows) == [KNOWN]
        for rows in ("/nothing", "/staff"):
            with pytest.raises(FaultyAnswerError) as caught:
                await ask(source, {**GET, "rows": rows}, uscc=KNOWN["uscc"])
            assert caught.value.reason == "shape"
        errors = {**GET, "error_when": [{"pointer": "/staff", "equals": 12}]}
        with pytest.raises(FaultyAnswerError) as caught:
            await ask(source, errors, uscc=KNOWN["uscc"])
        assert caught.value.reason == "error_body"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"operation": "Drop"}, "/operation"),
        ({"service": "Other"}, "/service"),
        ({"port": "Soap13"}, "/port"),
        ({"body": {"who": "{uscc}"}}, "/body"),
        ({"body": {"_soapheaders": ["{uscc}"]}}, "/body/_soapheaders"),
    ],
)
async def test_what_the_contract_does_not_have_is_told_with_its_place(
    town: Register, changes: dict[str, Any], pointer: str
) -> None:
    async with kind_of(town).open() as source:
        with pytest.raises(DefinitionFaultError) as caught:
            await ask(source, {**GET, **changes}, uscc=KNOWN["uscc"])
        assert caught.value.pointer == pointer
        assert KNOWN["uscc"] not in told(caught.value)


async def test_the_digest_of_a_contract_is_that_of_its_files_in_a_row(town: Register) -> None:
    files = (town.home / "register.wsdl").read_bytes() + (town.home / "types.xsd").read_bytes()
    digest = hashlib.sha256(files).hexdigest()
    async with kind_of(town, wsdl_sha256=digest).open() as source:
        assert len((await ask(source, BY_USCC, uscc=KNOWN["uscc"])).rows) == 1
    async with kind_of(town, wsdl_sha256="0" * 64).open() as source:
        with pytest.raises(FaultyAnswerError) as caught:
            await ask(source, BY_USCC, uscc=KNOWN["uscc"])
        assert caught.value.reason == "contract_changed"


@pytest.mark.parametrize("changed", ["register.wsdl", "types.xsd"])
async def test_a_contract_that_changes_stops_the_source_until_it_is_as_before(town: Register, changed: str) -> None:
    path = town.home / changed
    before = path.read_bytes()
    async with kind_of(town).open() as source:
        await ask(source, BY_USCC, uscc=KNOWN["uscc"])
        path.write_bytes(before + b"<!-- new -->\n")
        probe = await source.probe(BUDGET)
        assert (probe.ok, probe.code) == (False, "faulty_contract_changed")
        with pytest.raises(FaultyAnswerError) as caught:
            await ask(source, BY_USCC, uscc=KNOWN["uscc"])
        assert caught.value.reason == "contract_changed"
        path.write_bytes(before)
        assert len((await ask(source, BY_USCC, uscc=KNOWN["uscc"])).rows) == 1


async def test_a_contract_is_fetched_once_for_questions_at_once(town: Register) -> None:
    async with kind_of(town).open() as source:
        await asyncio.gather(*(ask(source, BY_USCC, uscc=row["uscc"]) for row in CROWD[:6]))
    assert sum(got.method == "GET" for got in town.front.got) == 2  # the WSDL and its one schema


async def test_a_username_token_that_is_refused_is_denied(tmp_path: Path) -> None:
    async with register(tmp_path, "wsse") as running:
        kind = kind_of(running, wsse={"username": "hub", "password": "secret:pass"})
        async with kind.open(secrets={"pass": "wr0ng-password-6b1e"}) as source:
            with pytest.raises(DeniedError) as caught:
                await ask(source, BY_USCC, uscc=KNOWN["uscc"])
        assert "wr0ng" not in told(caught.value)
