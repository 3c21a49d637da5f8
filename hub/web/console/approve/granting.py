"""Granting a case with its licence in one step: the draft, filled from what was verified, is confirmed and issued."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from certificates.definitions.certificate_type import CertificateType
from certificates.errors import ClaimsError
from hub.access.actors import Actor
from hub.clock import BEIJING
from hub.deps import HubDep
from hub.intake.errors import DebtsOpenError
from hub.intake.handling.deciding import GRANTED, Decision
from hub.intake.handling.errors import AskError, CaseChangedError
from hub.intake.handling.giving import Gives
from hub.intake.handling.granting import Licence
from hub.intake.handling.prefilling import Drafted, Holder, Proven, drafted
from hub.intake.handling.steps import by_staff
from hub.issuing.types.registry import TypeInForce
from hub.runtime import Hub
from hub.web.console.approve.case import CASE, CHANGED, as_read
from hub.web.console.approve.evidence import answered
from hub.web.console.approve.queue import QUEUE
from hub.web.console.counter.case import CaseNoPath
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.library.forms import REFUSED, claims_in, refusal
from hub.web.console.library.words import claim_faults
from hub.web.console.visit import ConsoleDep

router = APIRouter()
_DONE: Final = ("已准予，证照已颁发", "Granted, and the licence is issued")
_LATER: Final = (
    "已准予。签发密钥现在不能使用，恢复后自动签发证照",
    "Granted. The signing key cannot be used now: the licence is signed when it is back",
)
_WAITS: Final = (
    "已提出，须由本部门审批人员复核；复核通过时同时作出决定、颁发证照",
    "Asked for: an approver of your department confirms it, and with that the case is granted",
)
_NOTHING: Final = FieldError("", "请至少颁发一份证照，或返回改填已颁发证照的标识", "Issue one at least, or go back")
_OWED: Final = FieldError(
    "", "还有部门欠件，补齐后才能决定", "Something is owed to it: it is decided when that has come"
)
_RULES: Final = {
    "not_of_this_case": ("这类证照不是本事项的办理结果", "This type does not come of the matter"),
    "another_holder": ("持证主体与办件当事人不一致，请核对", "The holder is not the party of the case"),
    "one_at_a_time": (
        "其中有须双人复核的证照：请单独颁发它，其余证照按表单颁发后填标识",
        "One of them wants two persons: issue it alone, and the others by their form",
    ),
    "waits_already": ("已经提出，正等待复核", "It was asked for already, and waits"),
}
_REFUSED: Final = ("证照标识或状态不符合要求，请返回核对", "An identifier or a state does not fit: go back and compare")


@dataclass(frozen=True, slots=True)
class Draft:
    """One licence on the page. `prefix` is of the names of its fields; `says` by claim, where its value comes from."""

    prefix: str
    kind: CertificateType
    issue: bool
    values: Mapping[str, str] = field(repr=False)
    says: Mapping[str, Drafted] = field(default_factory=dict, repr=False)


async def offer(request: Request, hub: Hub, actor: Actor, gives: Gives, reason: str) -> HTMLResponse:
    """The drafts of a case that is about to be granted. To fill them its evidence is read: an entry each time."""
    file = await hub.handling.files.open(by_staff(actor), gives.case.case_no)
    answers = await answered(file.answers, types=hub.types, desk=hub.presentation, audience=file.case.client_id)
    proven = [
        Proven(item.party, proof.slug, proof.what, proof.said)
        for item in answers
        for proof in item.proofs
        if proof.slug and proof.passed
    ]
    fields = {item["key"]: item for item in (file.form or {}).get("fields", ())}
    filed = {
        code: (fields[key]["value"], [one["value"] for one in fields[key]["records"]])
        for code, key in gives.keys.items()
        if key in fields
    }
    today = hub.clock().astimezone(BEIJING).date()
    drafts = []
    for place, (result, issued) in enumerate(gives.types):
        party = next(item for item in file.parties if item.role == result.party)
        holder = Holder(party.key, party.name, party.id_number or "")
        found = drafted(
            issued.type, result, gives.matter, holder, proven=proven, filed=filed, issuer=gives.issuer.name_zh,
            today=today,
        )  # fmt: skip
        values = {f"c.{item.claim.name}": item.value for item in found}
        says = {item.claim.name: item for item in found if item.says}
        drafts.append(Draft(f"l{place}.", issued.type, issue=True, values=values, says=says))
    return _page(request, actor, gives, drafts, reason, str(gives.case.change_no))


@router.post(CASE + "/grant", response_class=HTMLResponse)
async def grant(request: Request, case_no: CaseNoPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Grant it, and issue what was confirmed."""
    given = await form(request)
    gives = await hub.handling.giving.gives(actor, case_no)
    reason, read = given.text("reason")[:500], given.text("change_no")
    decision = Decision(GRANTED, reason or None, change_no=as_read(given))
    drafts = [_typed(given, f"l{place}.", issued) for place, (_, issued) in enumerate(gives.types)]
    wanted = [(item, _form_of(given, item.prefix)) for item in drafts if item.issue]
    licences = [Licence(item.kind.code, claims_in(item.kind, own)) for item, own in wanted]
    errors = [fault for (item, _), licence in zip(wanted, licences, strict=True) for fault in _faults(item, licence)]
    if not errors and not licences:
        errors = [_NOTHING]
    if not errors:
        try:
            made = await hub.handling.granting.grant(by_staff(actor), case_no, licences, decision)
        except AskError as error:
            errors = [FieldError("", *_RULES.get(rule, _REFUSED)) for _, rule in error.faults]
        except DebtsOpenError:
            errors = [_OWED]
        except CaseChangedError:
            errors = [CHANGED]
        except REFUSED as error:
            if (await hub.handling.files.progress(by_staff(actor), case_no))["decision"] == GRANTED:
                return redirect(f"{QUEUE}/{case_no}", _LATER)  # the decision stands; start-up signs what is intended
            errors = [_prefixed(wanted[0][0], fault) for fault in refusal(error, wanted[0][0].kind)]
        else:
            return redirect(f"{QUEUE}/{case_no}", _WAITS if made.waiting else _DONE)
    return _page(request, actor, gives, drafts, reason, read, errors)


def _typed(given: Form, prefix: str, issued: TypeInForce) -> Draft:
    own = _form_of(given, prefix)
    values = {f"c.{name}": own.raw(f"c.{name}") for name in issued.type.claims}
    return Draft(prefix, issued.type, issue=own.checked("issue"), values=values)


def _form_of(given: Form, prefix: str) -> Form:
    """The fields of one licence, by the names that a form of it alone has."""
    return Form({name.removeprefix(prefix): said for name, said in given.fields.items() if name.startswith(prefix)})


def _faults(item: Draft, licence: Licence) -> list[FieldError]:
    try:
        item.kind.require_claims(dict(licence.claims))
    except ClaimsError as error:
        return [_prefixed(item, fault) for fault in claim_faults(error, item.kind)]
    return []


def _prefixed(item: Draft, fault: FieldError) -> FieldError:
    return FieldError(f"{item.prefix}{fault.field}" if fault.field else "", fault.zh, fault.en)


def _page(
    request: Request,
    actor: Actor,
    gives: Gives,
    drafts: Sequence[Draft],
    reason: str,
    change_no: str,
    errors: Sequence[FieldError] = (),
) -> HTMLResponse:
    shown: dict[str, Any] = {"drafts": drafts, "case_no": gives.case.case_no, "two": gives.two, "reason": reason}
    shown |= {"change_no": change_no}
    return render(
        request, "console/approve/grant.html", actor, status=422 if errors else 200, errors=errors,
        matter=(gives.matter.name_zh, gives.matter.name_en), here=f"{QUEUE}/{gives.case.case_no}", **shown,
    )  # fmt: skip
