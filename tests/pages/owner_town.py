"""What the owner's pages are driven with: a register of invented enterprises, and the steps of the way through them."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psycopg
from playwright.sync_api import Page, expect

from hub.access.actors import Actor, Role
from hub.clock import utc_now
from signing.keys import SoftwareSigner
from tests.adapters.sql_servers import PASSWORD, postgres_reader
from tests.registry.asking import department_id, matter
from tests.support import ENTERPRISE, POLICE, Place, new_database, valid_uscc

OTHER = valid_uscc("91990100MA0000002")
SHOTS = os.environ.get("YIZHENG_SHOTS", "")
"""A folder for screenshots, for whoever wants to see the pages."""
SYSTEM = "police-counter"
STATEMENT = (
    'SELECT name AS "企业名称", uscc AS "统一社会信用代码", day AS "注册日期", zt AS "ZT" '
    "FROM enterprises WHERE uscc = :uscc"
)


@dataclass(frozen=True)
class Register:
    """Where the records are, as the form asks for it."""

    connection: Mapping[str, str]


def write_register(folder: Path) -> Path:
    """A register of two invented enterprises in an SQLite file; the second one has gaps."""
    path = folder / "register.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE enterprises (name TEXT, uscc TEXT, day TEXT, zt TEXT)")
        connection.executemany("INSERT INTO enterprises VALUES (?, ?, ?, ?)", rows())
    return path


def rows() -> list[tuple[Any, ...]]:
    return [
        (ENTERPRISE["name"], ENTERPRISE["id_number"], "2019年3月1日", "1"),
        ("示例市夜色食品有限公司", OTHER, None, "2"),
    ]


def seen(page: Page, name: str) -> None:
    """A screenshot, where one is wanted."""
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def press(page: Page, name: str) -> None:
    """Send the form by the button of that name, and wait for the page that follows."""
    page.get_by_role("button", name=name, exact=True).first.click()
    page.wait_for_load_state()


def fine(page: Page) -> None:
    """No error summary on the page."""
    assert page.locator(".summary").count() == 0, page.locator(".summary").inner_text()


def register_source(page: Page, register: Register, code: str = "amr-register") -> None:
    """From the kind to the registered source."""
    page.goto("/console/owner/sources")
    page.get_by_role("link", name="登记数据源").first.click()
    page.get_by_label("数据库", exact=True).check()
    seen(page, "register-1-kind")
    press(page, "继续")
    page.locator("#zh").fill("市场主体登记库")
    page.locator("#en").fill("Register of enterprises")
    page.locator("#code").fill(code)
    page.locator("#contact").fill("信息中心 0000-1234567")
    seen(page, "register-2-name")
    press(page, "保存并继续")
    fine(page)
    for name, value in register.connection.items():
        box = page.locator(f'[id="connection.{name}"]')
        if name == "dialect":
            box.select_option(value)
        else:
            box.fill(value)
    seen(page, "register-3-connection")
    press(page, "保存并继续")
    fine(page)
    seen(page, "register-4-limits")
    press(page, "保存并继续")
    fine(page)
    press(page, "测试连接")
    expect(page.locator("#result")).to_contain_text("连接成功")
    seen(page, "register-5-test")
    page.get_by_role("link", name="继续", exact=True).click()
    seen(page, "register-6-check")
    press(page, "登记数据源")
    fine(page)
    expect(page.locator(".flash")).to_contain_text("数据源已保存")
    seen(page, "source")


def publish(page: Page, code: str = "enterprise_by_uscc", source: str = "amr-register") -> None:
    """From the source to a version that waits for approval."""
    _ask(page, code, source)
    _choose_fields(page)
    _share_and_map(page)
    _check_and_offer(page)


def _ask(page: Page, code: str, source: str) -> None:
    page.goto(f"/console/owner/publish?source={source}")
    seen(page, "publish-01-source")
    press(page, "继续")
    page.locator("#zh").fill("企业登记信息（按统一社会信用代码）")
    page.locator("#en").fill("Enterprise by USCC")
    page.locator("#code").fill(code)
    seen(page, "publish-02-title")
    press(page, "保存并继续")
    page.locator('[id="operation.statement"]').fill(STATEMENT)
    seen(page, "publish-03-operation")
    press(page, "保存并继续")
    fine(page)
    expect(page.locator('[id="uscc.from"]')).to_have_value("party.id_number")
    seen(page, "publish-04-params")
    press(page, "保存并继续")
    page.locator('[id="value.uscc"]').fill(ENTERPRISE["id_number"])
    press(page, "取样例")
    fine(page)
    expect(page.locator("#result")).to_contain_text("查到 1 行")
    assert ENTERPRISE["name"] not in page.content()
    seen(page, "publish-05-sample")
    page.get_by_role("link", name="继续：选择字段").click()


def _choose_fields(page: Page) -> None:
    expect(page.locator('[id="f1.kind"]')).to_have_value("uscc")
    expect(page.locator('[id="f2.kind"]')).to_have_value("date")
    page.locator('[id="f0.required"]').check()
    page.locator('[id="f1.required"]').check()
    page.locator('[id="f3.name"]').fill("status")
    page.locator('[id="f3.zh"]').fill("登记状态")
    page.locator('[id="f3.en"]').fill("Status")
    seen(page, "publish-06-fields")
    press(page, "保存并继续")
    fine(page)
    page.locator('[id="p0.name"]').fill("is_active")
    page.locator('[id="p0.zh"]').fill("是否存续")
    page.locator('[id="p0.en"]').fill("Is active")
    page.locator('[id="p0.field"]').select_option("status")
    page.locator('[id="p0.against"]').fill("存续")
    seen(page, "publish-07-predicates")
    press(page, "保存并继续")
    fine(page)


def _share_and_map(page: Page) -> None:
    page.get_by_label("有条件共享", exact=True).first.check()
    page.locator('[id="terms.reason"]').fill("涉及企业信息")
    page.locator('[id="terms.conditions"]').fill("须有在办的办件")
    page.locator('[id="terms.legal_basis"]').fill("政务数据共享条例")
    seen(page, "publish-08-sharing")
    press(page, "保存并继续")
    fine(page)
    page.locator("#absent").fill("N/A, 无")
    page.locator("fieldset", has=page.locator('[id="status.from"]')).locator("summary").click()
    page.locator('[id="status.codes"]').fill("1=存续\n2=注销")
    seen(page, "publish-09-mapping")
    press(page, "保存并继续")
    fine(page)
    expect(page.locator('[id="echo.uscc"]')).to_have_value("uscc")
    page.locator("#identity_name").select_option("name")
    page.locator("#complete").check()
    seen(page, "publish-10-rules")
    press(page, "保存并继续")
    fine(page)


def _check_and_offer(page: Page) -> None:
    page.locator("#listing").fill(STATEMENT.partition(" WHERE")[0])
    page.get_by_role("button", name="生成报告").first.click()
    fine(page)
    expect(page.locator("#report")).to_contain_text("2 行中 2 行可用")
    seen(page, "publish-11-quality")
    press(page, "继续")
    page.locator("#category").fill("基础信息资源/法人")
    page.locator("#keywords").fill("营业执照, 企业")
    page.locator("#contact").fill("信息中心 0000-1234567")
    seen(page, "publish-12-catalogue")
    press(page, "保存并继续")
    fine(page)
    seen(page, "publish-13-check")
    press(page, "提交审批")
    fine(page)
    expect(page.locator(".flash")).to_contain_text("已提交")


def try_out(page: Page, code: str = "enterprise_by_uscc", version: int = 1) -> None:
    """A live test on the page of a version."""
    page.goto(f"/console/owner/interfaces/{code}/{version}")
    page.locator('[id="value.uscc"]').fill(ENTERPRISE["id_number"])
    press(page, "问一次")
    fine(page)
    expect(page.locator("#result")).to_contain_text("通过")
    assert ENTERPRISE["name"] not in page.content()
    seen(page, "interface-tried")


Found = TypeVar("Found")


def aside(work: Callable[[], Awaitable[Found]]) -> Found:
    """What others do through the services, in a thread: the browser's driver keeps an event loop in this one."""
    found: list[Found] = []

    async def done() -> None:
        found.append(await work())

    thread = threading.Thread(target=lambda: asyncio.run(done()))
    thread.start()
    thread.join(60)
    assert found, "the work of the others failed"
    return found[0]


async def file_request(place: Place, code: str = "enterprise_by_uscc", **changes: Any) -> str:
    """The police register a system and ask for the interface with it; answers the request's id."""
    async with place.open() as hub:
        asker = Actor("staff", "asker", "asker", await department_id(hub, POLICE), frozenset({Role.CONSUMER_ENGINEER}))
        key = SoftwareSigner.generate().public.jwk
        system = {"department": POLICE, "client_id": SYSTEM, "name": {"zh": SYSTEM, "en": SYSTEM}, "keys": [key]}
        await hub.registry.add_system(system)
        await hub.registry.add_matter(matter("RESIDENCE", POLICE))
        asked = {
            "system": SYSTEM,
            "interface": code,
            "fields": ["uscc", "name", "status"],
            "matters": ["RESIDENCE"],
            "purpose": "核验集体户单位登记情况",
            "legal_basis": "户口登记条例",
            "scene": "窗口受理集体户落户时核对单位",
            "quota_per_day": 500,
            "valid_until": (utc_now() + timedelta(days=365)).isoformat(),
            "contact": "公安局户政科",
        } | changes
        filed = await hub.sharing.requests.file(asker, asked)
        return filed.request.id


@contextmanager
def postgres_register() -> Iterator[Register]:
    """The same register in PostgreSQL, with a user who may only read and a password that is asked for."""
    with new_database() as url:
        with psycopg.connect(url, autocommit=True) as link:
            link.execute("CREATE TABLE enterprises (name text, uscc text, day text, zt text)")
            link.cursor().executemany("INSERT INTO enterprises VALUES (%s, %s, %s, %s)", rows())
        with postgres_reader(url) as reader:
            place = urlsplit(url)
            yield Register(
                {
                    "dialect": "postgresql",
                    "host": str(place.hostname),
                    "port": str(place.port),
                    "database": place.path.strip("/"),
                    "user": reader,
                    "password": PASSWORD,
                }
            )
