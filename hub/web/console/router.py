"""The page groups of the console, put together."""

from typing import Final

from fastapi import APIRouter

from hub.web.console import account, consumer, home, oidc, owner, proposals, sign_in, staff

MODULES: Final = (sign_in, oidc, home, account, staff, proposals, owner, consumer)
"""Every page group; a new one is added here."""

router = APIRouter(include_in_schema=False)
for _module in MODULES:
    router.include_router(_module.router)
