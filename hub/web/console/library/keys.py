"""Signing keys, to read: whose, kept where, certified by whom, for trying out or not, from when until when.

Keys are changed at the machine that holds them, by commands; a page could not show what an operator must compare.
"""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hub.access.actors import Role
from hub.deps import HubDep
from hub.issuing.shelf import CITY, STAFF
from hub.web.console.frame import render
from hub.web.console.library.key_words import CUSTODY, PLACES, ROLES, USES
from hub.web.console.visit import ConsoleDep

router = APIRouter()
KEYS: Final = "/console/keys"


@router.get(KEYS, response_class=HTMLResponse)
async def keys(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Those of the own department; for operators and auditors, all."""
    actor.require(*STAFF, *CITY)
    city = bool(actor.roles.intersection(CITY))
    found = await (hub.keyring.keys.list(actor) if city else hub.keyring.keys.own(actor))
    names = {}
    for view in found:
        scope = view.key.slot.scope
        known = hub.types.find(scope) if scope else None
        names[scope] = (known.type.name.zh, known.type.name.en) if known else (scope, scope)
    return render(
        request, "console/library_keys.html", actor, found=found, city=city, roles=ROLES, uses=USES, custody=CUSTODY,
        places=PLACES, names=names, trial=any(view.trial for view in found), operator=Role.OPERATOR in actor.roles,
    )  # fmt: skip
