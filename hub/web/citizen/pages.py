"""The pages of holders, put together."""

from typing import Final

from fastapi import APIRouter

from hub.web.citizen import (
    acting,
    acting_agreements,
    acting_dossier,
    acting_objecting,
    acting_showing,
    asked,
    authorising,
    delegating,
    dossier,
    home,
    identities,
    licence,
    licence_showing,
    notices,
    objecting,
    oidc,
    proving,
    rating,
    record,
    showing,
    sign_in,
    wallets,
)

router: Final = APIRouter(include_in_schema=False)
for _module in (
    asked,
    home,
    record,
    dossier,
    licence,
    identities,
    authorising,
    acting,
    acting_agreements,
    acting_dossier,
    acting_objecting,
    acting_showing,
    delegating,
    notices,
    objecting,
    rating,
    proving,
    showing,
    licence_showing,
    wallets,
    sign_in,
    oidc,
):
    router.include_router(_module.router)
