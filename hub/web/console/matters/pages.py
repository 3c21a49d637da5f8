"""The pages of matters, put together. The editor's own stand before those with a code in their path."""

from fastapi import APIRouter

from hub.web.console.matters import editing, listing

router = APIRouter()
for _module in (editing, listing):
    router.include_router(_module.router)
