"""Collecting with several processes is collecting: the same licences, report and ledger, whoever drafted them."""

from dataclasses import replace
from pathlib import Path

from hub.collection.report import Totals
from hub.collection.service import CollectionOrder, CollectionService
from hub.collection.workshop import WorkshopPlan
from hub.collection.workshop_bench import OpenKeys
from hub.runtime import Hub
from tests.drills.register import write_register
from tests.support import AMR, Place

ROWS = 700


def _service(hub: Hub, place: Place, processes: int) -> CollectionService:
    keys: OpenKeys = hub.collection.files._workshop.open_keys  # type: ignore[union-attr]
    return CollectionService(
        hub.database,
        issuing=hub.issuing,
        types=hub.types,
        vault=hub.vault,
        clock=hub.clock,
        workshop=WorkshopPlan(processes, keys, from_bytes=0),
    )


async def test_what_processes_draft_and_sign_is_what_one_would(hub: Hub, place: Place, tmp_path: Path) -> None:
    register = write_register(tmp_path / "register.csv", rows=ROWS)
    order = CollectionOrder(type="business_licence", issuer=AMR, files=[register.path], report_dir=tmp_path / "first")
    first = await _service(hub, place, 2).collect(order)
    assert first.totals.issued == ROWS - len(register.rejected)
    again = await _service(hub, place, 1).collect(replace(order, report_dir=tmp_path / "again"))
    assert replace(again.totals, normalised=0) == Totals(unchanged=first.totals.issued, rejected=first.totals.rejected)

    second = write_register(tmp_path / "register.csv", rows=ROWS, edition=2)
    changed = await _service(hub, place, 2).collect(replace(order, report_dir=tmp_path / "second"))
    assert (changed.totals.updated, changed.totals.issued) == (second.changed, 0)
    assert await hub.issuing.finish() == 0
