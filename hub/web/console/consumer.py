"""The pages of the department that uses data, put together. Guide: docs/console-consumer.md."""

from typing import Final

from fastapi import APIRouter

from hub.web.console import (
    consumer_ask,
    consumer_bulk,
    consumer_calls,
    consumer_grants,
    consumer_requests,
    consumer_search,
    consumer_subscriptions,
    consumer_systems,
    consumer_try,
)

_MODULES: Final = (
    consumer_search,
    consumer_ask,
    consumer_requests,
    consumer_grants,
    consumer_bulk,
    consumer_systems,
    consumer_subscriptions,
    consumer_try,
    consumer_calls,
)
router = APIRouter()
for _module in _MODULES:
    router.include_router(_module.router)
