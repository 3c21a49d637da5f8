"""Searching one's own licences 证照查询: numbers stand in a body and in no address."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from catalog.identifiers import check, normalise_id
from catalog.store import list_departments
from certificates.lifecycle.history import moment_of
from certificates.lifecycle.states import Status
from hub.access.actors import Actor
from hub.api.either import EitherDep, actor_of
from hub.deps import HubDep
from hub.edge.body import Body, read_json
from hub.edge.errors import Fault, InvalidBodyError
from hub.issuing.plan import lookup_hash, number_hash
from hub.issuing.searching import SEARCHED, Wanted, search
from hub.issuing.shelf import EXPIRING, Found, Spine
from hub.runtime import Hub

router = APIRouter(prefix="/api/v1", tags=["certificates"])
MAX_PAGE: Final = 100
_STATES: Final = frozenset({*(item.value for item in Status), EXPIRING})


class SearchBody(Body):
    """What to look for 查询条件; all that is given must fit, and nothing given lists everything.

    `id_type` and `id_number`: of a holder. `number`: of the licence, spelled as in it. `status`: a state, or
    `expiring`, in force with at most sixty days left. `as_of`: a civil day or an instant; what stood then, with its
    state then: needs a holder, a number or an identifier. `reason`: why; it stands in the ledger, and is needed with
    either number. `cursor`: `next` of the page before, with the same question.
    """

    id_type: Annotated[str, Field(max_length=3)] | None = None
    id_number: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    identifier: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    number: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    type: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    status: Annotated[str, Field(max_length=32)] | None = None
    as_of: Annotated[str, Field(max_length=40)] | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 25
    cursor: Annotated[str, Field(max_length=1024)] | None = None


BODIES: Final = (SearchBody,)


@router.post("/certificates/search", summary="Search one's own 查询本部门证照", openapi_extra={"x-body": "SearchBody"})
async def search_certificates(request: Request, hub: HubDep, who: EitherDep) -> JSONResponse:
    """For systems and staff of the issuing department; another department's licences are as if they were not there.

    The newest first, each by its current version, holders masked; by an identifier, that very version. The look is on
    the ledger.
    """
    body, _ = await read_json(request, SearchBody, max_bytes=hub.settings.max_body_bytes)
    actor = actor_of(who)
    scope = ["certificates", actor.id, body.model_dump(mode="json", exclude={"cursor", "limit", "reason"})]
    after = str(hub.catalogue.cursors.open(body.cursor, scope=scope)[0]) if body.cursor else None
    wanted = await _wanted(hub, actor, body, after)
    found = await _searched(hub, actor, wanted, body.reason or "")
    more = None if found.after is None else hub.catalogue.cursors.seal([found.after], scope=scope)
    return JSONResponse({"certificates": [_shown(item) for item in found.items], "next": more})


async def _searched(hub: Hub, actor: Actor, wanted: Wanted, reason: str) -> Found:
    now = hub.clock()
    return await hub.database.write(
        lambda tx: search(
            tx, hub.vault, actor, wanted, reason, now=now,
            record=lambda tx, detail: hub.staff.accounts.record(tx, SEARCHED, actor, detail, now),
        )
    )  # fmt: skip


async def _wanted(hub: Hub, actor: Actor, body: SearchBody, after: str | None) -> Wanted:
    """Raises: InvalidBodyError; IdentifierError."""
    if (body.id_type is None) != (body.id_number is None):
        raise InvalidBodyError(Fault("/id_type" if body.id_type is None else "/id_number", "missing"))
    if body.reason is None and (body.id_number is not None or body.number is not None):
        raise InvalidBodyError(Fault("/reason", "missing"))
    if body.status is not None and body.status not in _STATES:
        raise InvalidBodyError(Fault("/status", "unknown"))
    if body.as_of is not None and body.id_number is body.number is body.identifier is None:
        raise InvalidBodyError(Fault("/as_of", "of_whom_or_which"))
    try:
        moment = None if body.as_of is None else moment_of(body.as_of)
    except ValueError:
        raise InvalidBodyError(Fault("/as_of", "neither_day_nor_instant")) from None
    code = None if body.type is None else _code(hub, body.type)
    holders = numbers = None
    if body.id_type is not None and body.id_number is not None:
        number = normalise_id(body.id_type, body.id_number).value
        check(body.id_type, number)
        holders = (lookup_hash(hub.vault, body.id_type, number),)
    if body.number is not None:
        issuer = await _own_code(hub, actor)
        codes = hub.types.codes() if code is None else (code,)
        numbers = {each: number_hash(each, issuer, body.number, hub.vault) for each in codes}
    return Wanted(body.identifier or "", code or "", body.status or "", holders, numbers, moment, after, body.limit)


def _code(hub: Hub, type_name: str) -> str:
    """By code or short name; what no type has finds nothing."""
    known = hub.types.newest(type_name)
    return type_name if known is None else known.code


async def _own_code(hub: Hub, actor: Actor) -> str:
    departments = await hub.database.read(list_departments)
    return next((item.code for item in departments if item.id == actor.department_id), "")


def _shown(item: Spine) -> dict[str, Any]:
    """Additive only."""
    return {
        "identifier": item.identifier,
        "version": item.version,
        "type": item.type_code,
        "status": item.status,
        "issued_on": item.issued_on,
        "valid_until": item.valid_until,
        "holder": {"id_type": item.id_type, "id_number": item.number},
    }
