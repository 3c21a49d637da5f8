"""The approver's pages, put together."""

from typing import Final

from fastapi import APIRouter

from hub.web.console.approve import case, deciding, granting, queue

router: Final = APIRouter()
for _module in (queue, case, deciding, granting):
    router.include_router(_module.router)
