"""Subscriptions 订阅: hearing that something this system used has changed, and what happens in its cases."""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from hub.deps import CallerDep, HubDep, KeyDep, UuidText
from hub.edge.body import Body, read_json
from hub.exchange.subscriptions.service import Holder, Wish, message_json, subscription_json
from hub.exchange.subscriptions.store import MessageState
from hub.exchange.subscriptions.webhooks import Receiver
from hub.exchange.uses import Event
from hub.intake.told.telling import CaseEvent
from hub.storage.idempotency import RequestKey

router = APIRouter(prefix="/api/v1", tags=["subscriptions"])
Subscribed = Annotated[UuidText, Path()]
_EVENTS: Final[Mapping[str, Event | CaseEvent]] = {event.value: event for kind in (Event, CaseEvent) for event in kind}
EventText = Annotated[str, Field(pattern="^(" + "|".join(name.replace(".", r"\.") for name in _EVENTS) + ")$")]


class SubscriptionBody(Body):
    """What to hear, where, and the secret under which messages are signed (32 to 256 visible characters).

    `ca` (PEM): the one authority that the receiver's certificate comes from; without it, those that the machine trusts.
    """

    events: Annotated[tuple[EventText, ...], Field(min_length=1, max_length=len(_EVENTS))]
    url: Annotated[str, Field(min_length=8, max_length=1000)]
    secret: Annotated[str, Field(pattern=r"^[\x21-\x7e]{32,256}$")]
    ca: Annotated[str, Field(max_length=20_000)] | None = None


@router.post("/subscriptions", summary="Subscribe 订阅", openapi_extra={"x-body": "SubscriptionBody"}, status_code=201)
async def subscribe(request: Request, caller: CallerDep, hub: HubDep, key: KeyDep) -> Response:
    """The address is asked at once: a signed `subscription.verify` whose `challenge` its JSON answer must repeat.

    https, at a public address or in a network that the operator allows; plain http only in such a network. The same
    Idempotency-Key gives the same subscription for 24 hours.
    """
    body, raw = await read_json(request, SubscriptionBody, max_bytes=hub.settings.max_body_bytes)
    events = tuple(dict.fromkeys(_EVENTS[event] for event in body.events))
    wish = Wish(events, Receiver(body.url, body.secret, body.ca))
    scope = RequestKey.of(caller.system_id, "subscriptions", key, raw)
    made = await hub.exchange.subscriptions.subscribe(Holder.of(caller), wish, request=scope)
    return JSONResponse(subscription_json(made), status_code=201)


@router.get("/subscriptions", summary="Own subscriptions 我的订阅")
async def list_subscriptions(caller: CallerDep, hub: HubDep) -> Response:
    """Of the system that asks."""
    found = await hub.exchange.subscriptions.own(Holder.of(caller))
    return JSONResponse({"subscriptions": [subscription_json(item) for item in found]})


@router.delete("/subscriptions/{subscription}", summary="End one 取消订阅", status_code=204)
async def end_subscription(subscription: Subscribed, caller: CallerDep, hub: HubDep) -> Response:
    """Address and secret are forgotten; what waits is not sent."""
    await hub.exchange.subscriptions.end(Holder.of(caller), subscription)
    return Response(status_code=204)


@router.get("/subscriptions/{subscription}/messages", summary="Messages, dead letters 消息与死信")
async def list_messages(
    subscription: Subscribed, caller: CallerDep, hub: HubDep, state: MessageState | None = None
) -> Response:
    """The newest hundred; `?state=dead` for those that were given up."""
    found = await hub.exchange.subscriptions.messages(Holder.of(caller), subscription, state=state)
    return JSONResponse({"messages": [message_json(item) for item in found]})


@router.post("/subscriptions/{subscription}/messages/{message}/replay", summary="Send again 重发", status_code=202)
async def replay(
    subscription: Subscribed, message: Annotated[UuidText, Path()], caller: CallerDep, hub: HubDep, key: KeyDep
) -> Response:
    """Whatever became of it; under the same id. Once per Idempotency-Key within 24 hours."""
    scope = RequestKey.of(caller.system_id, "replays", key, f"{subscription}/{message}".encode())
    await hub.exchange.subscriptions.replay(Holder.of(caller), subscription, message, request=scope)
    return Response(status_code=202)
