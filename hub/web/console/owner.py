"""The pages of the department that owns data, put together. Guide: docs/console-owner.md."""

from typing import Final

from fastapi import APIRouter

from hub.web.console import (
    owner_batches,
    owner_bulk,
    owner_demands,
    owner_grants,
    owner_interfaces,
    owner_publish,
    owner_register,
    owner_requests,
    owner_sources,
    owner_trials,
    owner_usage,
)

# A form's own pages stand before those with a free step in their path.
_MODULES: Final = (
    owner_sources,
    owner_register,
    owner_publish,
    owner_trials,
    owner_interfaces,
    owner_requests,
    owner_grants,
    owner_bulk,
    owner_usage,
    owner_demands,
    owner_batches,
)
router = APIRouter()
for _module in _MODULES:
    router.include_router(_module.router)
