"""One form 一表 of a case: filled, answered, signed."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field, model_validator

from hub.api.cases import CaseNo, CorroborationBody
from hub.deps import CallerDep, HubDep, LanguageDep
from hub.edge.body import Body, read_json
from hub.intake.forms.signing import JWS, Signature

router = APIRouter(prefix="/api/v1", tags=["forms"])


class AnswersBody(Body):
    """All that the person says, by the keys of fields; what is left out is taken back."""

    answers: Annotated[dict[str, Any], Field(max_length=500)]
    change_no: Annotated[int, Field(ge=0)] | None = None


class JwsBody(Body):
    """A signature over `{"digest", "form"}`, and the key with which it verifies."""

    token: Annotated[str, Field(min_length=1, max_length=8192)]
    jwk: Annotated[dict[str, str], Field(max_length=10)]


class SignBody(Body):
    """One of the two: a confirmation that was taken, or a signature."""

    party: Annotated[str, Field(min_length=1, max_length=40)]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    confirmation: CorroborationBody | None = None
    jws: JwsBody | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "SignBody":
        if (self.confirmation is None) == (self.jws is None):
            raise ValueError("one of the two")
        return self

    def signature(self) -> Signature:
        """As the service takes it."""
        if self.confirmation is not None:
            said = self.confirmation
            return Signature(self.party, self.digest, said.kind, at=said.at, reference=said.reference)
        return Signature(
            self.party, self.digest, JWS, token=self.jws.token if self.jws else "", jwk=self.jws.jwk if self.jws else {}
        )


BODIES = (AnswersBody, SignBody)


@router.get("/cases/{case_no}/form", summary="The form of a case, filled 表单预填")
async def get_form(case_no: CaseNo, caller: CallerDep, hub: HubDep, language: LanguageDep) -> Response:
    """From what was disclosed to this case already, with who says so; nothing is fetched. Where two sources differ,
    both stand there.
    """
    sheet = await hub.forms.of_case(caller, case_no)
    return JSONResponse(await hub.forms.shown(sheet, language))


@router.put("/cases/{case_no}/form", summary="Answer the form 填写表单", openapi_extra={"x-body": "AnswersBody"})
async def put_form(
    case_no: CaseNo, request: Request, caller: CallerDep, hub: HubDep, language: LanguageDep
) -> Response:
    """What the person says stands beside what the records say, and is marked where it differs."""
    body, _ = await read_json(request, AnswersBody, max_bytes=hub.settings.max_body_bytes)
    sheet = await hub.forms.of_case(caller, case_no)
    await hub.forms.answer(caller, sheet, body.answers, body.change_no)
    return JSONResponse(await hub.forms.shown(sheet, language))


@router.post("/cases/{case_no}/form/sign", summary="Sign the form 签署表单", openapi_extra={"x-body": "SignBody"})
async def sign_form(
    case_no: CaseNo, request: Request, caller: CallerDep, hub: HubDep, language: LanguageDep
) -> Response:
    """One signature of the whole, by the digest that was shown; it is on the ledger before this answer leaves."""
    body, _ = await read_json(request, SignBody, max_bytes=hub.settings.max_body_bytes)
    sheet = await hub.forms.of_case(caller, case_no)
    await hub.forms.sign(caller, sheet, body.signature())
    return JSONResponse(await hub.forms.shown(sheet, language))
