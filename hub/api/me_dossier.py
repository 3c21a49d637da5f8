"""A holder's dossier 人生档案 by the API: one licence laid open, and having missing ones collected."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from hub.api.me import ActingHolderDep, said
from hub.citizens.dossier.fetching_store import Asked
from hub.citizens.dossier.folder import OPENED_PER_MINUTE
from hub.citizens.dossier.missing import Lack
from hub.citizens.values import SEES_OWN, Holder
from hub.clock import rfc3339
from hub.deps import HubDep, LanguageDep, limit
from hub.issuing.transitions.reading import event_json
from hub.runtime import Hub
from hub.web.citizen.visit import HolderDep

router = APIRouter(prefix="/api/v1/me", tags=["me"])
IdentifierPath = Annotated[str, Path(max_length=200)]
_OF_AN_ACT: Final = (
    "operation", "from", "to", "reason_code", "reason", "legal_basis", "effective_at", "recorded_at",
)  # fmt: skip
"""What a holder is told of an act. Who of a department did it, in which run or batch, is the department's own business,
and what took its place may be somebody else's licence.
"""


@router.get("/certificates/{identifier}/history", summary="What was done to it 证照经过")
async def history(identifier: IdentifierPath, holder: HolderDep, hub: HubDep) -> JSONResponse:
    """Every version with every act on it, day, reason and legal basis; what took its place, where that is his, too."""
    await hub.citizens.licences.one(holder, identifier)
    leaf = await hub.dossier.folder.leaf(holder.id, identifier)
    versions = [
        {
            "identifier": version.identifier,
            "version": version.version,
            "made_at": rfc3339(leaf.history.lifetimes[version.id].made_at),
            "acts": [
                {name: told[name] for name in _OF_AN_ACT}
                for told in map(event_json, leaf.history.lifetimes[version.id].events)
            ],
        }
        for version in leaf.history.versions
    ]
    found = {"stage": leaf.licence.stage.value, "formats": list(leaf.formats), "successor": leaf.successor}
    return JSONResponse(found | {"versions": versions})


@router.get("/certificates/{identifier}/claims", summary="What it says 证照内容")
async def claims(
    request: Request, identifier: IdentifierPath, holder: HolderDep, hub: HubDep, language: LanguageDep
) -> JSONResponse:
    """Everything that the signed licence says. The look is on the ledger before the answer leaves."""
    await _opening(request, hub, holder, identifier)
    found = await hub.dossier.folder.contents(holder.id, identifier, by=holder.as_json(), language=language)
    return JSONResponse(
        {
            "claims": [
                {"name": name, "title": said(title, language), "value": value} for name, title, value in found.claims
            ]
        }
    )


@router.get("/certificates/{identifier}/file", summary="A file of it 证照文件")
async def file(
    request: Request,
    identifier: IdentifierPath,
    holder: HolderDep,
    hub: HubDep,
    language: LanguageDep,
    wanted: Annotated[str, Query(alias="format", pattern=r"^(sd-jwt|json|pdf|ofd)$")] = "pdf",
) -> Response:
    """Made when it is first asked for; on the ledger before it leaves."""
    await _opening(request, hub, holder, identifier)
    found = await hub.dossier.folder.file(holder.id, identifier, wanted, by=holder.as_json(), language=language)
    headers = {"Content-Disposition": f'attachment; filename="{found.name}"'}
    return Response(found.content, media_type=found.media_type, headers=headers)


@router.get("/collection", summary="What is missing 缺少的证照")
async def missing(holder: HolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """What could be collected, and how far the last collection has come."""
    holder.require(SEES_OWN)
    lacks = await hub.dossier.missing.of(holder.id, holder.identity)
    last = await hub.dossier.fetching.last(holder.id)
    return JSONResponse({"missing": [_lack(item, language) for item in lacks], "last": last and _asked(last, language)})


@router.post("/collection", status_code=202, summary="Have mine collected 一键归集")
async def collect(holder: ActingHolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """Asks every source that can be asked about one person, in a job; once an hour (429)."""
    holder.require(SEES_OWN)
    asked = await hub.dossier.fetching.ask(holder.id, holder.identity, by=holder.as_json())
    return JSONResponse(_asked(asked, language), status_code=202)


async def _opening(request: Request, hub: Hub, holder: Holder, identifier: str) -> None:
    """Raises: RateLimitedError; LevelError; MissingError: not his, and on the ledger."""
    await limit(request, f"opened:{holder.id}", OPENED_PER_MINUTE)
    await hub.citizens.licences.one(holder, identifier)


def _lack(item: Lack, language: str) -> dict[str, Any]:
    return {
        "type": item.type_code,
        "type_name": said(item.name, language),
        "stage": item.stage.value,
        "issuer_name": said(item.issuer, language),
    }


def _asked(item: Asked, language: str) -> dict[str, Any]:
    """`outcome` as for one key by case; null while the source is asked."""
    return {
        "asked_at": rfc3339(item.asked_at),
        "again_at": rfc3339(item.again_at) if item.again_at else None,
        "ended_at": rfc3339(item.ended_at) if item.ended_at else None,
        "sources": [
            {
                "type": feed.type_code,
                "issuer": feed.issuer_code,
                "issuer_name": said(feed.issuer, language),
                "outcome": feed.outcome or None,
            }
            for feed in item.feeds
        ],
    }
