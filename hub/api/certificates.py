"""Certificates 电子证照: what is public about one, by its GB/T 36904 identifier."""

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import Field

from catalog import store as catalogue
from certificates import store as library
from certificates.store import VersionRecord
from hub.clock import rfc3339
from hub.deps import CallerDep, HubDep
from hub.issuing.status import UnknownCertificateError
from hub.ledger.guards import check_guards

router = APIRouter(prefix="/api/v1", tags=["certificates"])
IdentifierText = Annotated[str, Field(pattern=r"^[0-9A-Za-z.*-]{10,128}$")]


@router.get("/certificates/{identifier}", summary="Metadata, status, history 证照元数据")
async def get_certificate(identifier: IdentifierText, caller: CallerDep, hub: HubDep) -> JSONResponse:
    """For systems of the issuing department; everyone else pulls through a case and sees a 404 here."""

    def unit(tx: Any) -> dict[str, Any]:
        version = library.find_version(tx, identifier)
        if version is None or version.owner_department_id != caller.department_id:
            raise UnknownCertificateError
        check_guards(tx, hub.vault, versions=[version])
        history = [
            {
                "operation": row.operation,
                "from": row.from_status,
                "to": row.to_status,
                "reason": row.reason,
                "legal_basis": row.legal_basis,
                "effective_at": rfc3339(row.effective_at),
            }
            for row in library.transitions_of(tx, version.id)
        ]
        return shown(version, history)

    return JSONResponse(await hub.database.read(unit))


@router.get("/certificate-types", summary="Certificate types in force 证照类型")
async def list_types(hub: HubDep, caller: CallerDep) -> JSONResponse:
    """Codes, titles and claim schemas."""
    del caller
    types = [
        {
            "code": item.type.code,
            "version": item.version,
            "slug": item.type.slug,
            "name": {"zh": item.type.name.zh, "en": item.type.name.en},
            "claims": {name: {"zh": claim.title.zh, "en": claim.title.en} for name, claim in item.type.claims.items()},
        }
        for item in hub.types.current().values()
    ]
    return JSONResponse({"certificate_types": types})


@router.get("/matters", summary="Matters and their requirements 政务服务事项")
async def list_matters(hub: HubDep, caller: CallerDep) -> JSONResponse:
    """What each matter asks to see proven, about whom."""
    del caller
    matters = [
        {
            "code": matter.code,
            "name": {"zh": matter.name_zh, "en": matter.name_en},
            "roles": list(matter.roles),
            "requirements": [
                {
                    "code": item.code,
                    "title": {"zh": item.title_zh, "en": item.title_en},
                    "party": item.party,
                    "types": list(item.type_codes()),
                    "legal_basis": item.legal_basis,
                }
                for item in matter.requirements
            ],
        }
        for matter in await hub.database.read(catalogue.list_matters)
    ]
    return JSONResponse({"matters": matters})


def shown(version: VersionRecord, history: list[dict[str, Any]]) -> dict[str, Any]:
    """Metadata without anything personal."""
    return {
        "identifier": version.identifier,
        "type": version.type_code,
        "issuer": version.issuer_code,
        "version": version.version,
        "current": version.is_current(),
        "status": version.status,
        "issued_on": version.issued_on,
        "valid_from": version.valid_from,
        "valid_until": version.valid_until,
        "history": history,
    }
