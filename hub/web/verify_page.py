"""The public verify page 核验: a pasted licence, a file or photo, or the control code of a page; the verdict in words.

Every page is whole without a script and without a sign-in. Nothing presented is kept.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from certificates.offline_code import PREFIX
from certificates.verifying.verdict import Verdict
from hub.api.verify import limit_files
from hub.deps import HubDep, limit
from hub.edge.body import FORM_TYPE, read_bytes, require_media_type
from hub.edge.form import read_form
from hub.edge.multipart import is_multipart, read_multipart
from hub.runtime import Hub
from hub.verification.asking import ASKED, SEVERAL, AskedWronglyError, Question, question, typed
from hub.verification.presenting import MAX_UPLOAD_BYTES, UnreadableError
from hub.web.console.forms import FieldError
from hub.web.pages import Lang, public_page
from hub.web.verdict_words import KINDS, REASONS, RESULTS, SIGNS, STATUSES, STEPS, Words, explained, heading

router = APIRouter(include_in_schema=False)
MAX_PASTE_BYTES: Final = 262_144
_EMPTY: Final = FieldError("token", "请粘贴证照内容", "Paste the licence")
_NO_FILE: Final = FieldError("file", "请选择文件", "Choose a file")
_ASKED: Final = tuple(item.name for item in ASKED)
_FOLDED: Final = tuple(name for name in _ASKED if name != "audience")
_OF_FILES: Final = "file-"
_WRONG: Final = {
    "audience": ("接收方标识最多 64 个字符", "At most 64 characters"),
    "purpose": ("用途最多 200 个字符", "At most 200 characters"),
    "nonce": ("随机数须为 16 至 256 个字符", "A nonce has 16 to 256 characters"),
    "as_of": ("请写成 2026-05-03，或带时区的时刻", "Write a day as 2026-05-03, or an instant with its zone"),
    "max_status_age_seconds": ("请填写秒数，最多 31536000", "A number of seconds, at most 31536000"),
}
_SUITE_NAMES: Final = {
    "ES256": Words("ES256（P-256）", "ES256 (P-256)"),
    "SM2SM3": Words("SM2（国密）", "SM2"),
    "RS256": Words("RS256（RSA）", "RS256 (RSA)"),
}
_CUSTODY_NAMES: Final = {"hub_held": Words("平台", "the hub"), "department_held": Words("部门自持", "the department")}
_SHOWN_OF_IT: Final = ("type_name", "issued_on", "valid_from", "valid_until")
_UNREADABLE: Final = {
    "no_code_in_picture": FieldError(
        "file",
        "图片中没有找到二维码，请靠近、对正后重拍",
        "No QR code was found in it: go closer and try again",
    ),
    "several_pages": FieldError(
        "file",
        "图片中有不止一件证照的二维码，或版面上的两个二维码不属于同一件证照，请每次只拍一页",
        "It has codes of two licences, or the two codes of a page are not of one: photograph one page at a time",
    ),
    "picture": FieldError("file", "无法读取这张图片", "This picture cannot be read"),
    "picture_too_large": FieldError("file", "图片过大，请缩小后再试", "The picture is too large"),
    "proof": FieldError("proof", "证明文件不属于这件证照", "The proof is of something else, or was changed"),
    "file_too_large": FieldError("file", "文件超过 20 MB", "The file is larger than 20 MB"),
}


@router.get("/verify", response_class=HTMLResponse)
async def verify_form(request: Request, lang: Lang = None) -> HTMLResponse:
    """The empty form."""
    return _shown(request, lang)


@router.post("/verify", response_class=HTMLResponse)
async def verify_presented(request: Request, hub: HubDep, lang: Lang = None) -> HTMLResponse:
    """The verdict, by the same procedure as the API and the command line."""
    peer = request.client.host if request.client else "unknown"
    await limit(request, f"verify:{peer}", hub.settings.verify_requests_per_minute)
    if is_multipart(request):
        return await _uploaded(request, hub, lang)
    require_media_type(request, FORM_TYPE)
    form = read_form(await read_bytes(request, max_bytes=MAX_PASTE_BYTES), several=SEVERAL)
    sent = "code-" if "control_code" in form else ""
    given = {name: form.get(name, "").strip() for name in ("token", "control_code", "identifier", *_ASKED)}
    try:
        asked = _question(given)
    except AskedWronglyError as wrong:
        return _shown(request, lang, sent=sent, given=given, error=_wrong(wrong, sent))
    if given["control_code"]:
        code, identifier = given["control_code"], given["identifier"] or None
        verdict = await hub.presentation.judge_code(identifier, code, asked)
        await hub.tally.note(verdict, audience=None, verifier=None)
        return _shown(request, lang, verdict, given | {"token": ""}, sent=sent)
    if not given["token"]:
        return _shown(request, lang, error=_EMPTY, given=given, sent=sent)
    if not given["token"].startswith(("{", PREFIX)):
        given["token"] = "".join(given["token"].split())
    verdict = await hub.presentation.judge_text(given["token"], asked)
    await hub.tally.note(verdict, audience=asked.audience, verifier=None)
    return _shown(request, lang, verdict, given, sent=sent)


async def _uploaded(request: Request, hub: HubDep, lang: str | None) -> HTMLResponse:
    await limit_files(request, hub)
    form = await read_multipart(request, max_bytes=MAX_UPLOAD_BYTES, several=SEVERAL)
    given = {name: form.fields.get(name, "").strip() for name in _ASKED}
    if "file" not in form.files:
        return _shown(request, lang, error=_NO_FILE, given=given, sent=_OF_FILES)
    try:
        asked = replace(_question(given), proof=form.files.get("proof"))
        verdict = await hub.presentation.present(form.files["file"], asked)
    except AskedWronglyError as wrong:
        return _shown(request, lang, error=_wrong(wrong, _OF_FILES), given=given, sent=_OF_FILES)
    except UnreadableError as error:
        return _shown(request, lang, error=_UNREADABLE[error.reason], given=given, sent=_OF_FILES)
    await hub.tally.note(verdict, audience=asked.audience, verifier=None)
    return _shown(request, lang, verdict, given, sent=_OF_FILES)


def _question(given: Mapping[str, str]) -> Question:
    return question(typed({name: given[name] for name in _ASKED}))


def _wrong(error: AskedWronglyError, form: str) -> FieldError:
    """Beside the field, in the form that was sent."""
    words = _WRONG.get(error.name, ("请从所列选项中选择", "Choose from what is listed"))
    return FieldError(form + error.name, *words)


def _shown(
    request: Request,
    lang: str | None,
    verdict: Verdict | None = None,
    given: Mapping[str, str] | None = None,
    *,
    error: FieldError | None = None,
    sent: str = "",
) -> HTMLResponse:
    told = None if verdict is None else verdict.to_json()
    words: dict[str, Any] = {
        "names": STEPS,
        "results": RESULTS,
        "statuses": STATUSES,
        "kinds": KINDS,
        "reasons": REASONS,
        "signs": SIGNS,
    }
    if told is not None:
        words["titles"] = _titles(request, told)
        told["certificate"] = _described(told["certificate"])
        words |= {"head": heading(told), "why": explained(told["reason"]), "sign": SIGNS[told["result"]]}
    fields = {"token": "", "control_code": "", "identifier": "", **dict.fromkeys(_ASKED, ""), **(given or {})}
    words |= {name: fields[name] for name in ("token", "control_code", "identifier")}
    words |= {"asked": fields, "unasked": dict.fromkeys(_ASKED, ""), "folded": _FOLDED, "sent": sent}
    words |= {"suite_names": _SUITE_NAMES.items(), "custody_names": _CUSTODY_NAMES.items()}
    return public_page(
        "verify.html", request, lang, verdict=told, error=error, errors=[error] if error else (), **words
    )


def _titles(request: Request, told: Mapping[str, Any]) -> dict[str, Words]:
    """What the claims are called, by the type as it is here now; another hub's own types have only their names."""
    hub: Hub = request.app.state.hub
    known = hub.types.find(str((told["certificate"] or {}).get("type", "")))
    claims = {} if known is None else known.type.claims
    return {name: Words(claim.title.zh, claim.title.en) for name, claim in claims.items()}


def _described(certificate: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """With all that the page asks for: a page of another hub says neither the name of its type nor dates."""
    if certificate is None:
        return None
    issuer = certificate.get("issuer")
    named = {"name": "", "uscc": "", **issuer} if isinstance(issuer, Mapping) else None
    return {**dict.fromkeys(_SHOWN_OF_IT), **certificate, "issuer": named}
