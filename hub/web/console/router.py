"""The page groups of the console, put together."""

from typing import Final

from fastapi import APIRouter

from hub.web.console import account, home, oidc, proposals, replay, sign_in, staff
from hub.web.console.approve import pages as approve
from hub.web.console.consumer import pages as consumer
from hub.web.console.counter import pages as counter
from hub.web.console.library import pages as library
from hub.web.console.matters import pages as matters
from hub.web.console.owner import pages as owner
from hub.web.console.supervision import pages as supervision

MODULES: Final = (
    approve,
    counter,
    sign_in,
    oidc,
    home,
    account,
    staff,
    proposals,
    replay,
    owner,
    library,
    matters,
    consumer,
    supervision,
)
"""Every page group; a new one is added here."""

router = APIRouter(include_in_schema=False)
for _module in MODULES:
    router.include_router(_module.router)
