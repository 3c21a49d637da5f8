"""What the tests of the owner's pages share: a town in which each of its pages has something on it."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from playwright.sync_api import Browser

from catalog.interface_store import find_version
from hub.access.actors import COMMAND
from hub.exchange.contract import Difference
from hub.registry.matters.publishing import PUBLISH
from hub.registry.trials import TrialService
from hub.web.console.owner.publish import STEPS
from tests.pages.browser import Site, visiting
from tests.pages.hearing import batches
from tests.pages.owner_town import press
from tests.registry.department import CODE, SOURCE, interface, source
from tests.support import AMR, ENTERPRISE, MATTER, POLICE, Place, matter_definition

ANSWERS = ("approve", "refuse", "ask", "extend")


@dataclass(frozen=True)
class Shop:
    """A site where something is registered, live, quarantined, asked for and wanted."""

    site: Site
    register: Path
    request: str
    demand: str
    batches: dict[str, str]
    forms: dict[str, str]
    matter: str
    """A version of a matter that waits for a second person."""


async def furnish(place: Place, register: Path) -> bool:
    async with place.open() as hub:
        await hub.sources.add(COMMAND, source(register))
        await hub.sources.probe(COMMAND, SOURCE)
        statement = {"statement": "SELECT name, uscc, day, zt FROM enterprises WHERE uscc = :uscc"}
        for code in (CODE, "enterprise_drifted"):
            await hub.interfaces.draft(COMMAND, interface(code=code, operation=statement))
            await tried(hub.trials, code)
            await hub.interfaces.to_test(COMMAND, code)
            await hub.interfaces.take_live(COMMAND, code)
        await hub.interfaces.draft(COMMAND, interface(code="enterprise_waiting", operation=statement))
        await hub.interfaces.to_test(COMMAND, "enterprise_waiting")
        listing = {"statement": "SELECT name, uscc, day, '9' AS zt FROM enterprises"}
        await hub.trials.listed(COMMAND, CODE, operation=listing)
    return True


async def tried(trials: TrialService, code: str) -> None:
    result = await trials.try_out(COMMAND, code, params={"uscc": ENTERPRISE["id_number"]})
    assert result.passed, result.code


async def drift(place: Place) -> bool:
    """Three answers that break the contract close a version."""
    async with place.open() as hub:
        stored = await hub.database.read(lambda tx: find_version(tx, "enterprise_drifted", 1))
        assert stored is not None
        for number in range(3):
            await hub.drift.observe(stored, Difference("status", "column_missing"), question=bytes([number]))
    return True


async def send(place: Place) -> dict[str, str]:
    """Systems of the market regulation send batches."""
    async with place.open() as hub:
        return await batches(hub)


async def written(place: Place) -> str:
    """A matter gets another version, and a third one is proposed."""
    definition = matter_definition()
    licence, *others = definition["requirements"]
    async with place.open() as hub:
        await hub.registry.add_matter(definition | {"requirements": [licence | {"papers": 2}, *others]})
        shorter = yaml.safe_dump(definition | {"requirements": [licence]}, allow_unicode=True, sort_keys=False)
        made = await hub.sharing.proposals.propose(COMMAND, PUBLISH, {"definition": shorter}, "精简材料")
        return made.id


async def want(place: Place) -> str:
    """The police leave a demand, and it is put before the market regulation."""
    async with place.open() as hub:
        asked = {"what": "个体工商户注销日期", "legal_basis": "户口登记条例", "contact": "户政科"}
        filed = await hub.catalogue.demands.file(COMMAND, asked, department=POLICE)
        if filed.owner != AMR:
            filed = await hub.catalogue.demands.assign(COMMAND, filed.demand.id, AMR, "登记机关")
        return filed.demand.id


def forms_of(browser: Browser, shop: Shop) -> dict[str, str]:
    """A form of either kind that was begun from what there is: every page of it is filled in."""
    if not shop.forms:
        with visiting(browser, shop.site, "engineer") as page:
            page.goto(f"/console/owner/sources/{SOURCE}")
            press(page, "修改")
            shop.forms["register"] = page.url.rpartition("/")[0]
            page.goto(f"/console/owner/interfaces/{CODE}/1")
            press(page, "修改为新版本")
            shop.forms["publish"] = page.url.rpartition("/")[0]
    return shop.forms


def pages_of(browser: Browser, shop: Shop) -> list[tuple[str | None, str]]:
    forms = forms_of(browser, shop)
    register = ("name", "connection", "limits", "test", "check")
    return [
        ("engineer", "/console"),
        ("engineer", "/console/owner/sources"),
        ("engineer", f"/console/owner/sources/{SOURCE}"),
        ("engineer", "/console/owner/register"),
        *[("engineer", f"{forms['register']}/{step}") for step in register],
        ("engineer", "/console/owner/publish"),
        *[("engineer", f"{forms['publish']}/{step}") for step in STEPS],
        ("engineer", "/console/owner/interfaces"),
        ("engineer", "/console/owner/interfaces/import"),
        ("engineer", f"/console/owner/interfaces/{CODE}/1"),
        ("engineer", f"/console/owner/interfaces/{CODE}/1/quality"),
        ("engineer", "/console/owner/interfaces/enterprise_drifted/1"),
        ("approver", "/console/owner/interfaces/enterprise_waiting/1"),
        ("approver", f"/console/owner/interfaces/{CODE}/1"),
        ("approver", "/console/owner/requests"),
        ("approver", f"/console/owner/requests/{shop.request}"),
        *[("approver", f"/console/owner/requests/{shop.request}/{step}") for step in ANSWERS],
        ("approver", "/console/owner/grants"),
        ("approver", "/console/owner/usage"),
        ("approver", "/console/owner/demands"),
        ("approver", f"/console/owner/demands/{shop.demand}"),
        ("engineer", "/console/owner/batches"),
        *[("engineer", f"/console/owner/batches/{batch}") for batch in shop.batches.values()],
        ("engineer", "/console/owner/feeds"),
        ("engineer", "/console/owner/feeds/amr-licences"),
        ("engineer", "/console/owner/feeds/new/declare?code=amr-licences"),
        ("approver", "/console/owner/feeds/amr-waiting"),
        ("engineer", "/console/matters/new"),
        ("approver", f"/console/matters/{MATTER}"),
        ("approver", f"/console/matters/proposals/{shop.matter}"),
        ("auditor", "/console/replay"),
        ("auditor", "/console/owner/sources"),
        ("auditor", "/console/owner/requests?show=all"),
        ("auditor", f"/console/owner/sources/{SOURCE}"),
        ("auditor", f"/console/owner/interfaces/{CODE}/1"),
    ]
