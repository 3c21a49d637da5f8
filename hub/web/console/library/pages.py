"""The pages of the certificate library, put together. Guide: docs/console-library.md."""

from typing import Final

from fastapi import APIRouter

from hub.web.console.library import (
    arriving,
    bulk,
    face_template,
    issue,
    keys,
    listing,
    make,
    one,
    steps,
    type_edit,
    type_waiting,
    types,
    uploading,
    waiting,
)

# A form's own pages stand before those with a free step in their path.
_MODULES: Final = (
    listing,
    bulk,
    uploading,
    arriving,
    issue,
    waiting,
    make,
    steps,
    one,
    type_edit,
    face_template,
    types,
    type_waiting,
    keys,
)
router = APIRouter()
for _module in _MODULES:
    router.include_router(_module.router)
