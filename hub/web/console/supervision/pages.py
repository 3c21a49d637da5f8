"""The pages of supervision, put together. What has a fixed path stands before what has an id in its place."""

from typing import Final

from fastapi import APIRouter

from hub.web.console.supervision import asks, dead_ends, late_new, late_orders, mandates, messages, sending, simulator

router: Final = APIRouter()
for _module in (sending, dead_ends, late_new, late_orders, mandates, asks, messages, simulator):
    router.include_router(_module.router)
