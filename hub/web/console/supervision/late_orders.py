"""Orders to show late 延后告知: what waits for whose signature, what is in force until when, and each with its steps.

The same services as the API. The department's two and the auditor see whom an order is about, struck out; the operator
sees that there is one and may lift it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Actor
from hub.citizens.late.desk import Seen
from hub.citizens.late.ordering import Wanted
from hub.citizens.late.values import LEADERS, REASONS, OneHandError, OrderError, OrderOverError, State
from hub.clock import BEIJING
from hub.deps import HubDep, UuidText
from hub.registry.meanings import Words
from hub.runtime import Hub
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.supervision import late_words as words
from hub.web.console.supervision.names import Names, names_for
from hub.web.console.visit import ConsoleDep

router = APIRouter()
ORDERS: Final = "/console/late-orders"


@router.get(ORDERS, response_class=HTMLResponse)
async def listed(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What waits for him, what waits for others, what is in force, what is over; and what is published of all."""
    found = await hub.late.desk.listed(actor)
    now = hub.clock().astimezone(BEIJING)
    begun = now.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    mine = [item for item in found if item.waits_for_him]
    live = sorted((item for item in found if item.order.holds(now)), key=lambda item: item.order.until)
    waits = [item for item in found if item.order.waits(now) and item not in mine]
    return render(
        request, "console/supervision/late_orders.html", actor, mine=mine, waits=waits, live=live,
        over=[item for item in found if item not in mine and item not in live and item not in waits],
        figures=await hub.late.ending.figures(begun), year=begun.year,
        may_propose=bool(actor.roles & LEADERS) and actor.department_id is not None,
        **await called(hub, actor, *found),
    )  # fmt: skip


@router.get(ORDERS + "/{order_id}", response_class=HTMLResponse)
async def one(request: Request, order_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One of them, with what he may do."""
    return await page_of(request, hub, actor, order_id)


@router.post(ORDERS + "/{order_id}/extend", response_class=HTMLResponse)
async def extend(request: Request, order_id: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Propose an order that prolongs this one; its person and matter stay."""
    given = await form(request)
    try:
        until = date.fromisoformat(given.text("until"))
    except ValueError:
        return await page_of(request, hub, actor, order_id, given, [words.DAY])
    wanted = Wanted(given.text("reason"), given.text("legal_basis"), until, extends=order_id)
    try:
        made = await hub.late.ordering.propose(actor, wanted)
    except OrderError as error:
        return await page_of(request, hub, actor, order_id, given, [words.fault_of(error)])
    except OrderOverError:
        return redirect(f"{ORDERS}/{order_id}", words.NO_LONGER, refused=True)
    return redirect(f"{ORDERS}/{made.id}", words.PROPOSED)


@router.post(ORDERS + "/{order_id}/{step}", response_class=HTMLResponse)
async def step(request: Request, order_id: UuidText, step: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Sign it, do not, or end it."""
    await form(request)
    ordering, here = hub.late.ordering, f"{ORDERS}/{order_id}"
    steps = {
        "second": ordering.second,
        "sign": ordering.sign,
        "refuse": ordering.refuse,
        "lift": ordering.lift,
    }
    if step not in steps:
        return redirect(here)
    try:
        await steps[step](actor, order_id)
    except OneHandError:
        return redirect(here, words.ONE_HAND, refused=True)
    except OrderOverError:
        return redirect(here, words.NO_LONGER, refused=True)
    return redirect(here, words.SAID[step])


async def page_of(
    request: Request,
    hub: Hub,
    actor: Actor,
    order_id: str,
    given: Form | None = None,
    errors: Sequence[FieldError] = (),
) -> HTMLResponse:
    """One order, also with what is wrong with the form that extends it."""
    seen = await hub.late.desk.one(actor, order_id)
    return render(
        request, "console/supervision/late_order.html", actor, status=422 if errors else 200, errors=errors,
        seen=seen, order=seen.order, given=given or Form({}), **await called(hub, actor, seen),
    )  # fmt: skip


async def called(hub: Hub, actor: Actor, *found: Seen) -> dict[str, Any]:
    """What the templates call things."""
    names = await names_for(hub, actor, [item.order.matter for item in found])
    now = hub.clock()
    return {
        "names": names,
        "offices": offices(names),
        "reasons": REASONS,
        "state": {item.order.id: _state(item, now) for item in found},
        "path_of": ORDERS,
    }


def offices(names: Names) -> dict[str, Words]:
    """Departments by their id."""
    return {item.id: (item.name_zh, item.name_en) for item in names.departments.values()}


def _state(item: Seen, now: datetime) -> tuple[str, str, str]:
    if item.lapsed:
        return words.LAPSED
    return (
        words.OVER if item.order.state is State.LIVE and not item.order.holds(now) else words.STATES[item.order.state]
    )
