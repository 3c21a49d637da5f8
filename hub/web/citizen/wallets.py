"""Into the wallet 放进钱包: a holder offers a licence of his own, or answers a wallet that asks."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.sessions import hashed
from hub.citizens.paging import Pages
from hub.citizens.values import SHOWS
from hub.deps import HubDep, UuidText, limit
from hub.issuing.keys.errors import SigningKeyError
from hub.storage.errors import MissingError
from hub.wallets.authorizing import Asked
from hub.wallets.errors import NotForWalletsError
from hub.wallets.offers import LIFE, LIVE, OFFERS_PER_MINUTE
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.showing import qr
from hub.web.citizen.visit import WALLET, HolderDep, cookie, holder_form, take_back
from hub.web.console.forms import FieldError, id_in
from hub.web.console.view import view_of

router = APIRouter()
WALLETS: Final = "/me/wallets"
OfferId = Annotated[UuidText, Path()]


@router.get(WALLETS, response_class=HTMLResponse)
async def begin(
    request: Request, hub: HubDep, holder: HolderDep, cursor: Annotated[str, Query(max_length=1024)] = ""
) -> HTMLResponse:
    """His licences in force, each to be offered; a page of them."""
    return await _begin(request, hub, holder, cursor=cursor)


@router.post(WALLETS, response_class=HTMLResponse)
async def make(request: Request, hub: HubDep, holder: HolderDep) -> Response:
    """A new offer; the one before it ends."""
    given = await holder_form(request, holder)
    await limit(request, f"wallet-offer:{holder.id}", OFFERS_PER_MINUTE)
    try:
        made = await hub.wallets.offers.make(holder, given.text("identifier")[:128])
    except (NotForWalletsError, SigningKeyError):
        wrong = FieldError(
            "identifier",
            "这张证照现在不能放进钱包：可能已失效、已暂停，或须由签发部门人工签章",
            "This licence cannot go into a wallet now: it is not in force, or its department signs by hand",
        )
        return await _begin(request, hub, holder, [wrong])
    return redirect(f"{WALLETS}/{made}")


@router.get(WALLETS + "/answer", response_class=HTMLResponse)
async def asked(request: Request, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """What a wallet asks for; it waits for yes or no."""
    try:
        found = await hub.wallets.authorizing.look(holder, cookie(request, hub, WALLET))
    except MissingError:
        return render(request, "me/wallet_back.html", holder, status=404, back=None)
    return await _asked(request, hub, holder, found)


@router.post(WALLETS + "/answer", response_class=HTMLResponse)
async def answer(request: Request, hub: HubDep, holder: HolderDep) -> Response:
    """Yes to those ticked, or no. The way back is a link: a form of ours leads nowhere else (CSP `form-action`)."""
    given, reference = await holder_form(request, holder), cookie(request, hub, WALLET)
    if given.text("request") != hashed(reference):  # another wallet began since: he has not seen what it asks for
        return render(request, "me/wallet_back.html", holder, status=404, back=None)
    chosen = [item[:128] for item in given.all("certificates")]
    if given.text("do") == "allow" and not chosen:
        wrong = FieldError("certificates", "请至少选择一张证照", "Choose one licence at least")
        return await _asked(request, hub, holder, await hub.wallets.authorizing.look(holder, reference), [wrong])
    authorizing = hub.wallets.authorizing
    if given.text("do") == "allow":
        back = await authorizing.allow(holder, reference, chosen)
    else:
        back = await authorizing.refuse(holder, reference)
    response = render(request, "me/wallet_back.html", holder, back=back)
    take_back(response, hub, WALLET)
    return response


@router.post(WALLETS + "/removed", response_class=HTMLResponse)
async def remove(request: Request, hub: HubDep, holder: HolderDep) -> Response:
    """Copies in one wallet end; the licence goes on."""
    given = await holder_form(request, holder)
    await hub.wallets.holdings.remove(holder, id_in(given, "bond"), id_in(given, "certificate"))
    return redirect(f"{WALLETS}/removed")


@router.get(WALLETS + "/removed", response_class=HTMLResponse)
async def removed(request: Request, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """The list again, after something was taken off it."""
    return await _begin(request, hub, holder, done=True)


@router.get(WALLETS + "/{offer_id}", response_class=HTMLResponse)
async def one(request: Request, offer_id: OfferId, hub: HubDep, holder: HolderDep) -> HTMLResponse:
    """The QR and the six digits while the offer lives; then what became of it."""
    found = await hub.wallets.offers.look(holder, offer_id)
    kind = hub.types.newest(found.configuration)
    return render(
        request,
        "me/wallet_offer.html",
        holder,
        offer=found,
        live=found.state == LIVE,
        kind=kind,
        qr=qr(found.scan) if found.scan else "",
        minutes=int(LIFE.total_seconds() // 60),
    )


async def _begin(
    request: Request,
    hub: HubDep,
    holder: HolderDep,
    errors: list[FieldError] | None = None,
    *,
    done: bool = False,
    cursor: str = "",
) -> HTMLResponse:
    sure, pages = holder.level >= SHOWS, Pages(hub.catalogue.cursors, holder, "wallets")
    held = await hub.wallets.holdings.listed(holder) if sure else []
    licences, behind = await hub.citizens.licences.listed(holder, pages.after(cursor)) if sure else ((), None)
    mine = [item for item in licences if item.status == "valid" and item.principal and not item.indexed]
    status = 422 if errors else 200
    return render(
        request,
        "me/wallets.html",
        holder,
        status=status,
        errors=errors or (),
        licences=mine,
        more=pages.next(behind),
        sure=sure,
        held=held,
        done=done,
    )


async def _asked(
    request: Request, hub: HubDep, holder: HolderDep, found: Asked, errors: list[FieldError] | None = None
) -> HTMLResponse:
    t = view_of(request).t
    licences = [await hub.citizens.licences.one(holder, item) for item in found.identifiers]
    return render(
        request,
        "me/wallet_asked.html",
        holder,
        status=422 if errors else 200,
        errors=errors or (),
        asked=found,
        kind=hub.types.newest(found.configuration),
        choices=[
            (it.identifier, f"{t(it.issuer_zh, it.issuer_en)} · {it.issued_on}", it.identifier) for it in licences
        ],
        chosen=found.identifiers if len(found.identifiers) == 1 else (),
    )
