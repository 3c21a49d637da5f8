"""Thousands of rows are one caller's answer, and nobody else's wait."""

import threading
from typing import Any

import pytest

from catalog.interface_store import StoredInterface
from hub.exchange.judging import Reader, Readers
from tests.exchange.conftest import Town, add_source, definition, grant, publish, row
from tests.support import ENTERPRISE


class Witness(Readers):
    """Readers that note by which threads they are asked."""

    def __init__(self) -> None:
        super().__init__()
        self.on_the_loop: set[bool] = set()

    def of(self, stored: StoredInterface) -> Reader:
        here = self

        class Noting(Reader):
            def read(self, *given: Any, **named: Any) -> Any:
                here.on_the_loop.add(threading.current_thread() is threading.main_thread())
                return super().read(*given, **named)

            def judge(self, *given: Any, **named: Any) -> Any:
                here.on_the_loop.add(threading.current_thread() is threading.main_thread())
                return super().judge(*given, **named)

        return Noting(stored.interface)


@pytest.mark.parametrize("template", ["sqlite"], indirect=True)
@pytest.mark.parametrize("rows", [1, 2000])
async def test_a_long_answer_is_read_and_judged_beside_the_loop(
    town: Town, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    patient = {"total_seconds": 20, "read_seconds": 20, "max_rows": 10_000, "max_bytes": 16_777_216}
    await add_source(town.hub, town.register.port, code="long", limits=patient)
    await publish(town.hub, definition(code="long", source="long", many=True))
    await town.hub.registry.add_grant(grant(interface="long"))
    town.register.rows[ENTERPRISE["id_number"]] = [row()] * rows
    witness = Witness()
    monkeypatch.setattr(town.hub.exchange.queries._finder, "_readers", witness)
    found = await town.ask(code="long")
    assert (found["outcome"], len(found["records"])) == ("satisfied", rows)
    assert witness.on_the_loop == {rows == 1}
