"""What may still leave of an answer that sources gave, or that rests on other answers, now that all is locked."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from catalog.interface_store import lock_interfaces
from catalog.interfaces import InterfaceState
from hub.intake.compose import Item
from hub.intake.outcomes import CLEARED, OWED, Failed, Outcome, Why
from hub.intake.resolver import Ask, Resolution
from hub.intake.resolving.depending import waits_for

_GONE: Final = (InterfaceState.WITHDRAWN, None, False)
_ANSWERING: Final = frozenset({InterfaceState.LIVE, InterfaceState.DEPRECATED})


def interfaces_hold(tx: Connection, items: Sequence[Item], now: datetime) -> list[Item]:
    """The items without those whose interface or source was taken out of use since it was asked (seam D6)."""
    wanted = sorted({ask.stored.id for item in items for ask in _rests_on(item.resolution)})
    if not wanted:
        return list(items)
    locked, ended = lock_interfaces(tx, wanted), {}
    for interface_id in wanted:
        state, ends_at, source_active = locked.get(interface_id, _GONE)
        if state not in _ANSWERING or (ends_at is not None and ends_at <= now):
            ended[interface_id] = "interface_withdrawn"
        elif not source_active:
            ended[interface_id] = "source_quarantined"
    return [_held(item, ended) for item in items]


def what_follows(after: Mapping[str, frozenset[str]], before: Sequence[Item], items: Sequence[Item]) -> list[Item]:
    """The items without those that rest on an answer which is withheld now: they would tell what it said."""
    lost = {
        new.resolution.requirement.code
        for old, new in zip(before, items, strict=True)
        if old.resolution.outcome in CLEARED and new.resolution.outcome is not old.resolution.outcome
    }
    if not lost:
        return list(items)
    found = {item.resolution.requirement.code for item in items}
    for _ in range(len(found)):
        lost |= {code for code in found if after.get(code, frozenset()) & lost}
    standing: dict[str, list[tuple[Outcome, Failed | None]]] = {}
    for item in items:
        standing.setdefault(item.resolution.requirement.code, []).append(
            (item.resolution.outcome, item.resolution.failed)
        )
    return [_waiting(new, lost & after.get(new.resolution.requirement.code, frozenset()), standing) for new in items]


def as_foreseen(after: Mapping[str, frozenset[str]], before: Sequence[Item], items: Sequence[Item]) -> list[Item]:
    """The items without those that rest on something that was to stand in, and does not any more."""
    if not any(item.foreseen for item in before):
        return list(items)
    then = [replace(item, resolution=replace(item.resolution, outcome=item.ends)) for item in before]
    return what_follows(after, then, items)


def _waiting(
    item: Item, lost: "frozenset[str] | set[str]", standing: Mapping[str, list[tuple[Outcome, Failed | None]]]
) -> Item:
    if not lost or item.resolution.outcome in OWED:
        return item
    outcome, why, failed = waits_for(lost, standing) or (
        Outcome.AMBIGUOUS,
        Why("waits_for", {"requirements": sorted(lost)}),
        None,
    )
    return Item(Resolution(item.resolution.requirement, outcome, why, failed=failed), ())


def _rests_on(resolution: Resolution) -> tuple[Ask, ...]:
    if resolution.outcome is Outcome.SATISFIED:
        return tuple(shared.ask for shared in resolution.shared)
    told = resolution.outcome is Outcome.DECLARED_NONE or bool(resolution.choices)  # labels are data of records
    return resolution.asked if told else ()


def _held(item: Item, ended: Mapping[str, str]) -> Item:
    for ask in _rests_on(item.resolution):
        code = ended.get(ask.stored.id)
        if code is not None:
            failed = Failed(ask.stored.interface.department, "", ask.need.code)
            why = Why(code, {"interface": ask.need.code})
            resolution = replace(
                item.resolution, outcome=Outcome.SOURCE_UNAVAILABLE, why=why, sources=(), shared=(), asked=(),
                failed=failed,
            )  # fmt: skip
            return Item(resolution, ())
    return item
