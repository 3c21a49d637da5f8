"""The pages of the department that uses data, put together. Guide: docs/console-consumer.md."""

from typing import Final

from fastapi import APIRouter

from hub.web.console.consumer import (
    ask,
    bulk,
    calls,
    grants,
    requests,
    search,
    subscriptions,
    systems,
    trying,
)

_MODULES: Final = (
    search,
    ask,
    requests,
    grants,
    bulk,
    systems,
    subscriptions,
    trying,
    calls,
)
router = APIRouter()
for _module in _MODULES:
    router.include_router(_module.router)
