"""The counter's pages, put together."""

from typing import Final

from fastapi import APIRouter

from hub.web.console.counter import (
    agreeing,
    agreements,
    asked,
    asking,
    case,
    closing,
    correcting,
    delegations,
    desk,
    family,
    family_ending,
    family_taking,
    network_id,
    objecting,
    one_form,
    receiving,
    search,
    slip,
    standing_in,
    taking,
    turns,
    wallet,
)

router: Final = APIRouter()
for _module in (
    search,
    taking,
    receiving,
    network_id,
    wallet,
    asked,
    correcting,
    agreements,
    delegations,
    case,
    slip,
    agreeing,
    closing,
    standing_in,
    asking,
    objecting,
    one_form,
    desk,
    turns,
    family_taking,
    family,
    family_ending,
):
    router.include_router(_module.router)
