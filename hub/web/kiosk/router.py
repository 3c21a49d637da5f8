"""The page groups of the terminal, put together."""

from typing import Final

from fastapi import APIRouter

from hub.web.kiosk import (
    acting,
    agreements,
    collecting,
    delegating,
    doubting,
    forms,
    licence,
    lost,
    notices,
    objecting,
    pages,
    rating,
    reviewing,
)

MODULES: Final = (
    pages,
    licence,
    acting,
    delegating,
    agreements,
    doubting,
    reviewing,
    objecting,
    forms,
    collecting,
    lost,
    notices,
    rating,
)
"""Every page group; a new one is added here."""

router = APIRouter(include_in_schema=False)
for _module in MODULES:
    router.include_router(_module.router)
