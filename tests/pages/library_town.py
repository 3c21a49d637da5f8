"""What the tests of the library's pages share: a town whose licences take two persons, and what they do there."""

from dataclasses import dataclass

from playwright.sync_api import Page, expect

from certificates.definitions.loading import catalogue_text
from hub.access.actors import COMMAND, Role
from hub.issuing.files import identifiers_of, read_document
from tests.hub.city import ledger
from tests.hub.test_trust_between_hubs import accepted, pack_of
from tests.pages.browser import Site, seen
from tests.pages.owner_town import fine, press
from tests.support import AMR, ENTERPRISE, Place, enterprise_claims, issue, make_template, valid_uscc

SLUG = "business_licence"
CODE = "11990000MB0000002Q001"
OTHER = valid_uscc("91990100MA0000002")
MOVING = enterprise_claims(uscc=valid_uscc("91990100MA0000004"), name="示例市迁址食品有限公司")
REASON = "受理号 示例-2026-1"
LAW = "《中华人民共和国行政许可法》第六十九条"


@dataclass(frozen=True)
class Library:
    """A site whose market regulation issues business licences by two persons."""

    site: Site
    identifier: str
    elsewhere: bytes
    """A licence of another city's hub, whose trust list is accepted here."""


async def of_another_city(place: Place, neighbour: Place) -> bytes:
    """A licence that another city's hub issued to a firm that moves here; its trust list is accepted."""
    await make_template(neighbour)
    async with neighbour.open() as there, place.open() as hub:
        await issue(there, MOVING)
        (held,) = await identifiers_of(there, "001", MOVING["uscc"])
        await accepted(hub, await pack_of(there), CODE)
        return await read_document(there, held["identifier"])


async def furnish(place: Place) -> str:
    """The type's next version wants a second person; answers the identifier of the licence there is."""
    async with place.open() as hub:
        text = catalogue_text(SLUG)
        await hub.registry.add_type(text.replace("custody: library", "maker_checker: true\ncustody: library"))
        second = {"user_name": "second", "display_name": "示例人员", "department": AMR, "roles": [Role.OWNER_APPROVER]}
        await hub.staff.add(COMMAND, second)
        found = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
        return str(found[0]["identifier"])


def ask(page: Page, act: str, reason: str) -> str:
    """The engineer asks for an act on the licence whose page is open; answers the path where it waits."""
    page.get_by_role("link", name=act, exact=True).click()
    page.get_by_label(reason, exact=True).check()
    page.locator("#reason").fill(REASON)
    page.locator("#legal_basis").fill(LAW)
    press(page, "继续核对")
    fine(page)
    seen(page, f"check-{act}")
    press(page, f"提交复核：{act}")
    expect(page.locator(".flash")).to_contain_text("另一人复核")
    assert page.get_by_role("button", name="复核通过").count() == 0
    return page.url


def confirm(page: Page, waiting: str) -> None:
    """The approver says yes."""
    page.goto(waiting)
    if page.locator("details.sure").count():
        page.locator("details.sure summary").click()
        with page.expect_navigation():
            page.get_by_role("button", name="确定：复核通过").click()
    else:
        press(page, "复核通过")
    expect(page.locator(".flash")).to_contain_text("已复核并办理")


def it_goes_on_without_a_script(page: Page, path: str, secret: str) -> None:
    """Without a script the page itself goes on after a minute, and there is a link for who is done before."""
    expect(page.locator("main")).to_contain_text(secret)
    assert page.locator('meta[http-equiv="refresh"]').get_attribute("content") == f"60;url={path}"
    fine(page)
    seen(page, "revealed")
    page.get_by_role("link", name="现在隐藏").click()
    assert secret not in page.content()


def it_leaves_by_itself(page: Page, one: str, secret: str) -> None:
    """With a script, what was shown for a reason is gone after a minute, and is not printed before."""
    page.clock.install()
    page.goto(one)
    page.locator("#reason").fill(REASON)
    press(page, "查看或下载")
    page.clock.run_for(58_000)
    expect(page.locator("main")).to_contain_text(secret)
    page.emulate_media(media="print")
    expect(page.get_by_text(secret)).to_be_hidden()
    page.emulate_media(media="screen")
    page.clock.run_for(4_000)
    expect(page.locator("main")).to_contain_text("内容已隐藏")
    assert secret not in page.content()


async def taken_from(place: Place) -> list[tuple[dict[str, str], int]]:
    """What the ledger says of lists that were taken away: what was asked for, how many rows."""
    async with place.open() as hub:
        return [
            (entry.detail["asked"], entry.detail["found"])
            for entry in await ledger(hub)
            if entry.kind == "certificate.list"
        ]


async def work_off(place: Place, list_id: str) -> bool:
    """A second person confirms the list, and a worker takes it up."""
    async with place.open() as hub:
        await hub.transitions.lists.confirm(COMMAND, list_id)
        await hub.transitions.lists.run({"list": list_id})
    return True


def pages_of(library: Library) -> list[tuple[str | None, str]]:
    one = f"/console/licences/id/{library.identifier}"
    return [
        ("engineer", "/console/licences"),
        ("engineer", "/console/licences?status=revoked&first=2020-01-01"),
        ("engineer", "/console/licences/holder"),
        ("engineer", "/console/licences/new"),
        ("engineer", f"/console/licences/new/{SLUG}"),
        ("engineer", f"/console/licences/new/{SLUG}/transfer"),
        ("engineer", f"/console/licences/new/{SLUG}/transfer/form"),
        ("engineer", f"{one}?as_of=2020-01-01"),
        ("engineer", f"{one}/make/change"),
        ("engineer", f"{one}/act/revoke"),
        ("engineer", "/console/licences/waiting"),
        ("approver", "/console/licences/lists"),
        ("engineer", "/console/types"),
        ("engineer", f"/console/types/{CODE}"),
        ("engineer", f"/console/types/{CODE}/edit"),
        ("engineer", f"/console/types/{CODE}/template?version=0"),
        ("engineer", f"/console/types/{CODE}/retire"),
        ("engineer", "/console/types/new"),
        ("engineer", "/console/keys"),
        ("auditor", "/console/keys"),
        ("auditor", f"/console/types/{CODE}"),
        ("auditor", "/console/licences"),
        ("auditor", one),
        ("operator", one),
    ]
