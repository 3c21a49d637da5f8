"""The pages of the department that owns data, put together. Guide: docs/console-owner.md."""

from typing import Final

from fastapi import APIRouter

from hub.web.console.owner import (
    batches,
    bulk,
    demands,
    feeds,
    grants,
    interfaces,
    objections,
    publish,
    register,
    requests,
    sources,
    tasks,
    trials,
    usage,
)

# A form's own pages stand before those with a free step in their path.
_MODULES: Final = (
    sources,
    register,
    publish,
    trials,
    interfaces,
    requests,
    grants,
    bulk,
    usage,
    demands,
    tasks,
    objections,
    batches,
    feeds,
)
router = APIRouter()
for _module in _MODULES:
    router.include_router(_module.router)
