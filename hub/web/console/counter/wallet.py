"""A clerk asks a wallet for a licence 请钱包出示: a QR, then the verdict and what was asked for.

Nothing of it goes into a case, and it corroborates none: what a case needs is asked in the case, under its grants.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from certificates.claims import Disclosure
from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.parts import Custody
from hub.access.actors import Actor
from hub.deps import HubDep, UuidText, limit
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.wallets.asking import LIFE
from hub.wallets.errors import WalletError
from hub.wallets.questions import Asker
from hub.web.citizen.showing import qr
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep
from hub.web.verdict_words import Words, explained

router = APIRouter()
WALLET: Final = COUNTER + "/wallet"
PER_MINUTE: Final = 30
_OWN: Final[Mapping[str, Words]] = {
    "not_what_was_asked": Words("出示的不是所问的证照。", "It is not the licence that was asked for."),
    "claims_missing": Words("没有出示所问的全部内容。", "Not all that was asked for was shown."),
}
"""Reasons beside those of a verdict."""


@router.get(WALLET, response_class=HTMLResponse)
async def wallet_form(
    request: Request, hub: HubDep, actor: ConsoleDep, kind: Annotated[str, Query(max_length=64, alias="type")] = ""
) -> HTMLResponse:
    """Which licence; then which of its claims, and what for."""
    Asker.clerk(actor)
    return _form(request, hub, actor, kind)


@router.post(WALLET, response_class=HTMLResponse)
async def wallet_ask(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """A question, alive for five minutes."""
    given, asker = await form(request), Asker.clerk(actor)
    await limit(request, f"wallet-request:{actor.id}", PER_MINUTE)
    kind, claims, purpose = given.text("type")[:64], given.all("claims"), given.text("purpose")[:200]
    if not purpose:
        wrong = FieldError("purpose", "请填写用途，当事人事后看得到", "Say what for: the person can read it afterwards")
        return _form(request, hub, actor, kind, claims, wrong)
    try:
        made = await hub.wallets.asking.ask(asker, kind, claims, purpose)
    except WalletError:
        wrong = FieldError("claims", "请至少选择一项", "Choose one thing at least")
        return _form(request, hub, actor, kind, claims, wrong, purpose)
    return redirect(f"{WALLET}/{made.id}")


@router.get(WALLET + "/{ask_id}", response_class=HTMLResponse)
async def wallet_answer(
    request: Request, ask_id: Annotated[UuidText, Path()], hub: HubDep, actor: ConsoleDep
) -> HTMLResponse:
    """The QR while it waits; then what the wallet showed, for an hour."""
    found = await hub.wallets.asking.look(Asker.clerk(actor), ask_id)
    kind, t = hub.types.newest(found.type_code), view_of(request).t
    claims = {} if kind is None else kind.claims
    return render(
        request,
        "console/counter/wallet_answer.html",
        actor,
        found=found,
        why=_OWN.get(found.reason or "") or (explained(found.reason) if found.reason else None),
        qr=qr(found.scan) if found.scan else "",
        kind=kind,
        facts=[
            (t(claims[name].title.zh, claims[name].title.en) if name in claims else name, str(value))
            for name, value in found.claims.items()
        ],
        minutes=int(LIFE.total_seconds() // 60),
    )


def _form(
    request: Request,
    hub: Hub,
    actor: Actor,
    slug: str,
    chosen: list[str] | None = None,
    error: FieldError | None = None,
    purpose: str = "",
) -> HTMLResponse:
    t, types = view_of(request).t, _types(hub)
    kind = types.get(slug)
    if slug and kind is None:
        raise MissingError("certificate type")
    shown = [item for item in kind.claims.values() if item.disclosure is not Disclosure.NEVER] if kind else []
    return render(
        request,
        "console/counter/wallet.html",
        actor,
        status=422 if error else 200,
        errors=[error] if error else [],
        kind=kind,
        types=[(item.slug, t(item.name.zh, item.name.en)) for item in types.values()],
        claims=[(item.name, t(item.title.zh, item.title.en)) for item in shown],
        chosen=chosen or (),
        purpose=purpose,
    )


def _types(hub: Hub) -> dict[str, CertificateType]:
    current = (item.type for item in hub.types.current().values())
    return {item.slug: item for item in current if item.custody is Custody.LIBRARY}
