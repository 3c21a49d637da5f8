"""Orders to show a person late who looked 延后告知: two of the department and the auditor sign, by tokens of their own.

Whom an order is about is said once, when it is proposed; those who sign see the number, its middle struck out.
"""

from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.citizens.late.desk import Seen
from hub.citizens.late.ordering import Wanted
from hub.citizens.late.values import Order, OrderError
from hub.clock import BEIJING, rfc3339
from hub.deps import HubDep, StaffDep, UuidText
from hub.edge.body import Body, read_json

router = APIRouter(prefix="/api/v1", tags=["late orders"])


class LateOrderBody(Body):
    """Which looks are held back: those of the own department in ex officio cases of one matter about one person, until
    the end of a civil day. `extends` an order in force: its person and matter stay, and are not said again.
    """

    reason: Annotated[str, Field(max_length=20, description="crime, discipline, tax, safety")]
    legal_basis: Annotated[str, Field(min_length=1, max_length=500)]
    until: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    matter: Annotated[str, Field(max_length=64)] = ""
    id_type: Annotated[str, Field(max_length=3)] = ""
    id_number: Annotated[str, Field(max_length=40)] = ""
    extends: Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")] | None = None


BODIES: Final = (LateOrderBody,)


@router.get("/late-orders", summary="Orders to show late 延后告知决定")
async def list_orders(hub: HubDep, actor: StaffDep) -> JSONResponse:
    """The newest 200 of the own department; all for operator and auditor."""
    return JSONResponse({"orders": [_seen(item) for item in await hub.late.desk.listed(actor)]})


@router.get("/late-orders/{order_id}", summary="One order 一项决定")
async def one_order(order_id: UuidText, hub: HubDep, actor: StaffDep) -> JSONResponse:
    """With whom it is about (for those who sign, its middle struck out), and what the caller may do with it now."""
    return JSONResponse(_seen(await hub.late.desk.one(actor, order_id)))


@router.post("/late-orders", status_code=201, summary="Propose one 提出决定", openapi_extra={"x-body": "LateOrderBody"})
async def propose(request: Request, hub: HubDep, actor: StaffDep) -> JSONResponse:
    """The first signature, by an approver or decider. It lapses after three days without the second, and the third."""
    body, _ = await read_json(request, LateOrderBody, max_bytes=hub.settings.max_body_bytes)
    try:
        until = date.fromisoformat(body.until)
    except ValueError:
        raise OrderError("date", "/until") from None
    made = await hub.late.ordering.propose(actor, Wanted(**body.model_dump() | {"until": until}))
    return JSONResponse(_order(made), status_code=201, headers={"Location": f"/api/v1/late-orders/{made.id}"})


@router.post("/late-orders/{order_id}/second", summary="Second signature 部门第二人签署")
async def second(order_id: UuidText, hub: HubDep, actor: StaffDep) -> JSONResponse:
    """By another approver or decider of the department."""
    return JSONResponse(_order(await hub.late.ordering.second(actor, order_id)))


@router.post("/late-orders/{order_id}/sign", summary="The auditor signs 审计人员签署")
async def sign(order_id: UuidText, hub: HubDep, actor: StaffDep) -> JSONResponse:
    """It is in force with the answer; what was written before is shown as ever."""
    return JSONResponse(_order(await hub.late.ordering.sign(actor, order_id)))


@router.post("/late-orders/{order_id}/refuse", summary="Do not sign 不予签署")
async def refuse(order_id: UuidText, hub: HubDep, actor: StaffDep) -> JSONResponse:
    """Or take back one's own."""
    return JSONResponse(_order(await hub.late.ordering.refuse(actor, order_id)))


@router.post("/late-orders/{order_id}/lift", summary="End it early 提前解除")
async def lift(order_id: UuidText, hub: HubDep, actor: StaffDep) -> JSONResponse:
    """One person is enough: the looks are shown with the answer, and the person is told."""
    return JSONResponse(_order(await hub.late.ordering.lift(actor, order_id)))


@router.get("/ledger/late-orders", summary="How many there are 延后告知数量")
async def figures(hub: HubDep, year: Annotated[int | None, Field(ge=2020, le=9999)] = None) -> JSONResponse:
    """For everybody: in force now; signed, extended, run out and lifted since the year began. Of the whole hub."""
    now = hub.clock().astimezone(BEIJING)
    begun = now.replace(year=year or now.year, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    found = await hub.late.ending.figures(begun)
    return JSONResponse(
        {
            "since": begun.date().isoformat(),
            "in_force": found.in_force,
            "signed": found.signed,
            "extended": found.extended,
            "ended": found.ended,
            "lifted": found.lifted,
        }
    )


def _seen(item: Seen) -> dict[str, Any]:
    return _order(item.order) | {"person": item.whom or None, "may": sorted(item.may)}


def _order(item: Order) -> dict[str, Any]:
    last = (item.until - timedelta(microseconds=1)).astimezone(BEIJING).date()
    return {
        "id": item.id,
        "state": item.state.value,
        "matter": item.matter,
        "reason": item.reason.value,
        "legal_basis": item.legal_basis,
        "proposed_at": rfc3339(item.proposed_at),
        "since": rfc3339(item.since) if item.since else None,
        "until": last.isoformat(),
        "ended_at": rfc3339(item.ended_at) if item.ended_at else None,
        "extends": item.extends,
        "signatures": sum(one is not None for one in (item.proposed_by, item.seconded_by, item.signed_by)),
    }
