"""The promises of `adapters/port.py`, proved for each kind against a real server that holds the town.

A test module subclasses `SourceContract` and gives a fixture `kind`; what a kind cannot do (a folder refuses nobody) is
left None and its test is skipped by name.
"""

import asyncio
import contextlib
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest

from adapters.egress import Egress, Target, networks
from adapters.errors import DefinitionFaultError, DeniedError, FaultyAnswerError, TimedOutError, UnreachableError
from adapters.port import Answer, Budget, Context, Dispatch, Environment, Lookup, Source
from adapters.registry import connection_schema, open_source, operation_schema
from tests.adapters.town import CROWD, HOSTILE, KNOWN, MANY_REGION, QUOTED, RARE, TWINS, UNKNOWN_USCC

BUDGET = Budget(connect_seconds=5, read_seconds=10, total_seconds=20)
HASTY = Budget(connect_seconds=0.4, read_seconds=0.4, total_seconds=0.8)
LOOPBACK = networks(["127.0.0.0/8", "::1/128"])
PATIENCE = 30.0
"""Seconds after which a promise counts as broken; never the thing a test measures."""


@dataclass(frozen=True)
class Held:
    """Secrets by name, as the vault hands them."""

    values: Mapping[str, str] = field(repr=False)

    def secret(self, name: str) -> str:
        if name not in self.values:
            raise DefinitionFaultError(f"/secrets/{name}", "missing")
        return self.values[name]


@dataclass(kw_only=True)
class Kind:
    """One kind of source and its real server.

    `connection` names secrets as `secret:NAME`; secret values are long and unlike any other text. Operations answer
    with the columns of the town as text. `slow` holds the server for as long as it is open: questions get no answer.
    `busy` counts the questions, or connections in use, that the server has on hand.
    """

    kind: str
    connection: Mapping[str, Any]
    by_uscc: Mapping[str, Any]
    by_name: Mapping[str, Any]
    by_region: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)
    targets: frozenset[Target] = frozenset()
    gone: Mapping[str, Any] | None = None
    """The whole connection to a place where nobody listens; its target is in `targets`."""
    denied: Mapping[str, str] | None = None
    """Secrets that the server refuses."""
    slow: Callable[[], AbstractAsyncContextManager[None]] | None = None
    busy: Callable[[], Awaitable[int]] | None = None
    lookup: Lookup | None = None
    dispatch: Dispatch | None = None
    unsayable: frozenset[str] = frozenset()
    """Names of HOSTILE parameters that this kind cannot carry and refuses (a path segment `..`)."""

    def environment(self, *, secrets: Mapping[str, str] | None = None, targets: Any = None) -> Environment:
        return Environment(
            secrets=Held(self.secrets if secrets is None else secrets),
            egress=Egress(self.targets if targets is None else frozenset(targets), LOOPBACK),
            clock=lambda: datetime.now(UTC),
            lookup=self.lookup,
            dispatch=self.dispatch,
        )

    @asynccontextmanager
    async def open(self, connection: Mapping[str, Any] | None = None, **changes: Any) -> AsyncIterator[Source]:
        source = open_source(
            self.kind, self.connection if connection is None else connection, self.environment(**changes)
        )
        try:
            yield source
        finally:
            await source.close()


async def ask(source: Source, operation: Mapping[str, Any], budget: Budget = BUDGET, **params: Any) -> Answer:
    """Prepare and ask; a source that never ends fails the test, it does not hang it."""
    async with asyncio.timeout(PATIENCE):
        return await source.ask(source.prepare(operation), params, budget=budget, context=Context())


def told(error: BaseException) -> str:
    """Everything that a log of this error would show."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await holds():  # noqa: ASYNC110  # a server in another process has no event to wait for
            await asyncio.sleep(0.01)


def need(value: Any, what: str) -> Any:
    return pytest.skip(f"this kind has no {what}") if value is None else value


class SourceContract:
    """What every kind promises."""

    @pytest.fixture
    async def source(self, kind: Kind) -> AsyncIterator[Source]:
        async with kind.open() as opened:
            yield opened

    async def test_a_key_finds_its_row(self, kind: Kind, source: Source) -> None:
        answer = await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
        assert [dict(row) for row in answer.rows] == [KNOWN]
        assert answer.as_of is None or answer.as_of.tzinfo is not None

    async def test_an_unknown_key_finds_no_row(self, kind: Kind, source: Source) -> None:
        assert list((await ask(source, kind.by_uscc, uscc=UNKNOWN_USCC)).rows) == []

    async def test_two_rows_are_both_told(self, kind: Kind, source: Source) -> None:
        answer = await ask(source, kind.by_name, name=TWINS[0]["name"])
        assert sorted(row["uscc"] for row in answer.rows) == sorted(twin["uscc"] for twin in TWINS)

    @pytest.mark.parametrize("wanted", [RARE, QUOTED], ids=["rare", "quoted"])
    async def test_any_character_goes_there_and_comes_back(self, kind: Kind, source: Source, wanted: Any) -> None:
        answer = await ask(source, kind.by_name, name=wanted["name"])
        assert [dict(row) for row in answer.rows] == [wanted]

    @pytest.mark.parametrize("hostile", HOSTILE)
    async def test_a_parameter_is_data_and_nothing_else(self, kind: Kind, source: Source, hostile: str) -> None:
        if hostile in kind.unsayable:
            with pytest.raises(DefinitionFaultError) as caught:
                await ask(source, kind.by_uscc, uscc=HOSTILE[hostile])
            assert caught.value.pointer == "/params/uscc"
            assert HOSTILE[hostile] not in str(caught.value)
        else:
            assert list((await ask(source, kind.by_uscc, uscc=HOSTILE[hostile])).rows) == []
        assert len((await ask(source, kind.by_region, region=MANY_REGION)).rows) == len(CROWD)

    async def test_a_nul_finds_nothing_or_is_refused(self, kind: Kind, source: Source) -> None:
        with contextlib.suppress(DefinitionFaultError):
            assert list((await ask(source, kind.by_uscc, uscc=KNOWN["uscc"] + "\0")).rows) == []
        assert len((await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])).rows) == 1

    async def test_exactly_the_declared_parameters_are_taken(self, kind: Kind, source: Source) -> None:
        prepared = source.prepare(kind.by_uscc)
        assert prepared.params == {"uscc"}
        for params, pointer, rule in (
            ({}, "/params/uscc", "missing"),
            ({"uscc": KNOWN["uscc"], "more": "1"}, "/params/more", "unknown"),
        ):
            with pytest.raises(DefinitionFaultError) as caught:
                await source.ask(prepared, params, budget=BUDGET, context=Context())
            assert (caught.value.pointer, caught.value.rule) == (pointer, rule)

    async def test_rows_are_counted(self, kind: Kind, source: Source) -> None:
        answer = await ask(source, kind.by_region, Budget(max_rows=len(CROWD)), region=MANY_REGION)
        assert sorted(row["uscc"] for row in answer.rows) == sorted(row["uscc"] for row in CROWD)
        with pytest.raises(FaultyAnswerError) as caught:
            await ask(source, kind.by_region, Budget(max_rows=len(CROWD) - 1), region=MANY_REGION)
        assert caught.value.reason == "too_many"

    async def test_bytes_are_counted(self, kind: Kind, source: Source) -> None:
        with pytest.raises(FaultyAnswerError) as caught:
            await ask(source, kind.by_region, Budget(max_bytes=900), region=MANY_REGION)
        assert caught.value.reason == "too_large"
        assert len((await ask(source, kind.by_region, region=MANY_REGION)).rows) == len(CROWD)

    async def test_questions_at_once_do_not_mix(self, kind: Kind, source: Source) -> None:
        prepared = source.prepare(kind.by_uscc)
        async with asyncio.timeout(PATIENCE):
            answers = await asyncio.gather(
                *(
                    source.ask(prepared, {"uscc": row["uscc"]}, budget=BUDGET, context=Context())
                    for row in (*CROWD[:12], *CROWD[:12])
                )
            )
        assert [dict(answer.rows[0]) for answer in answers] == [*CROWD[:12], *CROWD[:12]]

    async def test_no_answer_in_time_is_a_time_out(self, kind: Kind, source: Source) -> None:
        async with need(kind.slow, "slow server")():
            with pytest.raises(TimedOutError) as caught:
                await ask(source, kind.by_uscc, HASTY, uscc=KNOWN["uscc"])
            assert KNOWN["uscc"] not in told(caught.value)
        assert len((await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])).rows) == 1

    async def test_nobody_there_is_unreachable(self, kind: Kind) -> None:
        async with kind.open(need(kind.gone, "address")) as source:
            with pytest.raises(UnreachableError) as caught:
                await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
            assert caught.value.reason == "refused"
            probe = await source.probe(BUDGET)
            assert (probe.ok, probe.code) == (False, "unreachable_refused")

    async def test_an_address_that_is_not_declared_is_not_reached(self, kind: Kind) -> None:
        if not kind.targets:
            pytest.skip("this kind has no address")
        async with kind.open(targets=[Target("elsewhere.invalid", 1)]) as source:
            with pytest.raises(UnreachableError) as caught:
                await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
            assert caught.value.reason == "egress"

    async def test_cancelling_frees_the_connection(self, kind: Kind, source: Source) -> None:
        busy = need(kind.busy, "view of its connections")
        await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
        async with need(kind.slow, "slow server")():
            tasks = [asyncio.create_task(ask(source, kind.by_uscc, uscc=KNOWN["uscc"])) for _ in range(3)]
            await until(lambda: _at_least(busy, 1))
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in ended)
            await until(lambda: _none(busy))
        assert len((await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])).rows) == 1

    async def test_a_probe_reaches_the_source(self, source: Source) -> None:
        probe = await source.probe(BUDGET)
        assert (probe.ok, probe.code) == (True, "")
        assert probe.seconds >= 0

    async def test_a_probe_of_a_slow_source_says_so(self, kind: Kind, source: Source) -> None:
        async with need(kind.slow, "slow server")():
            async with asyncio.timeout(PATIENCE):
                probe = await source.probe(HASTY)
            assert not probe.ok
            assert probe.code.startswith("timed_out_")

    async def test_credentials_that_are_refused_are_denied(self, kind: Kind) -> None:
        secrets = need(kind.denied, "credentials")
        async with kind.open(secrets=secrets) as source:
            with pytest.raises(DeniedError) as caught:
                await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
            assert not [value for value in secrets.values() if value in told(caught.value)]
            probe = await source.probe(BUDGET)
            assert (probe.ok, probe.code) == (False, "denied")

    async def test_a_secret_that_is_not_there_is_named(self, kind: Kind) -> None:
        if not kind.secrets:
            pytest.skip("this kind has no secrets")
        with pytest.raises(DefinitionFaultError) as caught:
            async with kind.open(secrets={}) as source:
                await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
        assert caught.value.pointer.removeprefix("/secrets/") in kind.secrets
        assert caught.value.rule == "missing"

    async def test_secrets_and_persons_stand_in_no_text(
        self, kind: Kind, source: Source, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            prepared = source.prepare(kind.by_uscc)
            await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
            with pytest.raises(FaultyAnswerError) as caught:
                await ask(source, kind.by_uscc, Budget(max_bytes=10), uscc=KNOWN["uscc"])
        shown = caplog.text + repr(source) + repr(prepared) + told(caught.value)
        assert not [name for name, value in kind.secrets.items() if value in shown]
        assert KNOWN["uscc"] not in shown
        assert KNOWN["name"] not in shown

    async def test_a_closed_source_answers_nobody(self, kind: Kind) -> None:
        async with kind.open() as source:
            await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
            await source.close()
            with pytest.raises(UnreachableError) as caught:
                await ask(source, kind.by_uscc, uscc=KNOWN["uscc"])
            assert caught.value.reason == "closed"
            assert (await source.probe(BUDGET)).code == "unreachable_closed"

    async def test_closing_ends_the_questions_under_way(self, kind: Kind) -> None:
        busy = need(kind.busy, "view of its connections")
        async with kind.open() as source, need(kind.slow, "slow server")():
            task = asyncio.create_task(ask(source, kind.by_uscc, uscc=KNOWN["uscc"]))
            await until(lambda: _at_least(busy, 1))
            await source.close()
            with pytest.raises(UnreachableError) as caught:
                await task
            assert caught.value.reason == "closed"

    async def test_rows_are_json(self, kind: Kind, source: Source) -> None:
        for row in (await ask(source, kind.by_region, region=MANY_REGION)).rows:
            assert all(isinstance(name, str) for name in row)
            assert all(isinstance(value, str | int | float | bool | None) for value in row.values())

    async def test_unknown_members_are_refused_with_their_place(self, kind: Kind, source: Source) -> None:
        with pytest.raises(DefinitionFaultError) as caught:
            open_source(kind.kind, {**kind.connection, "colour": "red"}, kind.environment())
        assert (caught.value.pointer, caught.value.rule) == ("/colour", "unknown")
        with pytest.raises(DefinitionFaultError) as caught:
            source.prepare({**kind.by_uscc, "colour": "red"})
        assert (caught.value.pointer, caught.value.rule) == ("/colour", "unknown")

    async def test_forms_can_be_made_from_the_schemas(self, kind: Kind) -> None:
        for schema, example in (
            (connection_schema(kind.kind), kind.connection),
            (operation_schema(kind.kind), kind.by_uscc),
        ):
            jsonschema_rs.meta.validate(schema)
            assert jsonschema_rs.validator_for(schema).is_valid(dict(example))
            assert schema["additionalProperties"] is False
            for member in schema["properties"].values():
                assert member["title"] != member["title_en"]


async def _at_least(count: Callable[[], Awaitable[int]], number: int) -> bool:
    return await count() >= number


async def _none(count: Callable[[], Awaitable[int]]) -> bool:
    return await count() == 0
