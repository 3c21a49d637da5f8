"""A register of enterprises in a real database, and its owner's steps through the pages until two interfaces are live.

The register is the real one where it is here, and otherwise an invented one of the same columns.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from playwright.sync_api import Page, expect

from tests.adapters.sql_servers import MARIADB, PASSWORD, maria, maria_database, postgres_reader
from tests.drills import register as drill
from tests.pages.browser import seen
from tests.pages.owner_town import fine, press
from tests.support import new_database
from tests.walks.registers import SHARED, address

BY_USCC, BY_NAME = "enterprise_by_uscc", "enterprise_by_name"
_COLUMNS = "统一社会信用代码, 企业名称, 注册日期, 企业类型, 注册资金, 所在省份, 注册地址"
LISTING = f"SELECT {_COLUMNS} FROM enterprise LIMIT 10000"
STATEMENTS = {
    BY_USCC: f"SELECT {_COLUMNS} FROM enterprise WHERE 统一社会信用代码 = :uscc",
    BY_NAME: (
        "SELECT 统一社会信用代码, 企业名称, 注册日期 FROM enterprise "
        "WHERE 企业名称 = :name AND 统一社会信用代码 = :uscc"
    ),
}
TITLES = {
    BY_USCC: ("企业登记信息（按统一社会信用代码）", "Enterprise by USCC"),
    BY_NAME: ("企业登记信息（按名称）", "Enterprise by name"),
}


@dataclass(frozen=True)
class Register:
    """Where the records are, as the form asks for it; the same as a file; and one enterprise of them."""

    source: str
    connection: Mapping[str, str]
    file: Path
    rows: int
    known: Mapping[str, str]

    def values(self, code: str) -> dict[str, str]:
        """What an interface is tried with."""
        both = {"uscc": self.known["id_number"], "name": self.known["name"]}
        return both if code == BY_NAME else {"uscc": both["uscc"]}


def register_file(folder: Path, *, real: bool) -> Path:
    """The real register, or 40 invented rows of the same columns."""
    return SHARED if real else drill.write_register(folder / "register.csv", rows=40).path


@contextmanager
def register_in(database: str, file: Path) -> Iterator[Register]:
    """The rows of a file in PostgreSQL or MariaDB, with a user who may only read and a password that is asked for."""
    with file.open(encoding="utf-8", newline="") as opened:
        columns, *rows = csv.reader(opened)
    known = {"id_type": "001", "id_number": rows[1][1], "name": rows[1][0]}
    with _in_postgres(columns, rows) if database == "postgresql" else _in_mariadb(columns, rows) as connection:
        asked = {"dialect": database, **connection, "password": PASSWORD}
        yield Register(f"amr-{database}", asked, file, len(rows), known)


@contextmanager
def _in_postgres(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[dict[str, str]]:
    with new_database() as url:
        with psycopg.connect(url, autocommit=True) as link:
            link.execute(f"CREATE TABLE enterprise ({', '.join(f'{name} text' for name in columns)})".encode())
            with link.cursor().copy("COPY enterprise FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        with postgres_reader(url) as reader:
            yield _place(url) | {"database": urlsplit(url).path.strip("/"), "user": reader}


@contextmanager
def _in_mariadb(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[dict[str, str]]:
    with maria_database() as name:
        with maria(name) as link, link.cursor() as cursor:
            cursor.execute(f"CREATE TABLE enterprise ({', '.join(f'{column} text' for column in columns)})")
            marks = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO enterprise VALUES ({marks})", rows)
        yield _place(MARIADB) | {"database": name, "user": name[:30]}


def _place(url: str | None) -> dict[str, str]:
    host, port = address(url)
    return {"host": host, "port": str(port)}


def register_first(page: Page, register: Register) -> None:
    """From the home page to the registered source. What is forgotten or mistyped is told where it is mended."""
    page.goto("/console")
    page.get_by_role("link", name="从登记数据源开始").click()
    _named(page, register)
    _connect(page, {name: value for name, value in register.connection.items() if name != "host"})
    expect(page.locator('[id="connection.host-error"]')).to_contain_text("主机：尚缺")
    _connect(page, {"host": register.connection["host"], "password": "mistyped"})
    fine(page)
    seen(page, "register-4-limits")
    press(page, "保存并继续")
    fine(page)
    press(page, "测试连接")
    expect(page.locator("main")).to_contain_text("数据源拒绝了平台的账号")
    seen(page, "register-5-denied")
    page.get_by_role("link", name="修改连接").click()
    _connect(page, {"password": register.connection["password"]})
    _tested(page)


def register_next(page: Page, register: Register) -> None:
    """Another source, without a mistake."""
    page.goto("/console/owner/register")
    _named(page, register)
    _connect(page, register.connection)
    _tested(page)


def _named(page: Page, register: Register) -> None:
    page.get_by_label("数据库", exact=True).check()
    seen(page, "register-1-kind")
    press(page, "继续")
    page.locator("#zh").fill("市场主体登记库")
    page.locator("#en").fill("Register of enterprises")
    page.locator("#code").fill(register.source)
    page.locator("#contact").fill("信息中心 0000-1234567")
    seen(page, "register-2-name")
    press(page, "保存并继续")
    fine(page)


def _tested(page: Page) -> None:
    press(page, "保存并继续")
    press(page, "测试连接")
    expect(page.locator("#result")).to_contain_text("连接成功")
    page.get_by_role("link", name="继续", exact=True).click()
    seen(page, "register-6-check")
    press(page, "登记数据源")
    fine(page)
    expect(page.locator(".flash")).to_contain_text("数据源已保存")
    seen(page, "source")


def _connect(page: Page, connection: Mapping[str, str]) -> None:
    for name, value in connection.items():
        box = page.locator(f'[id="connection.{name}"]')
        if name == "dialect":
            box.select_option(value)
        else:
            box.fill(value)
    seen(page, "register-3-connection")
    press(page, "保存并继续")


def publish(page: Page, register: Register, code: str) -> None:
    """From the source to a version that waits for approval."""
    _ask(page, register, code)
    _choose_fields(page, code)
    _share_and_map(page, code)
    _know(page, code)
    _look_at_the_data(page, register)
    press(page, "继续")
    page.locator("#category").fill("基础信息资源/法人")
    page.locator("#keywords").fill("营业执照, 企业")
    page.locator("#contact").fill("信息中心 0000-1234567")
    seen(page, f"{code}-12-catalogue")
    press(page, "保存并继续")
    fine(page)
    seen(page, f"{code}-13-check")
    press(page, "提交审批")
    fine(page)
    expect(page.locator(".flash")).to_contain_text("已提交")


def _ask(page: Page, register: Register, code: str) -> None:
    page.goto(f"/console/owner/publish?source={register.source}")
    press(page, "继续")
    page.locator("#zh").fill(TITLES[code][0])
    page.locator("#en").fill(TITLES[code][1])
    page.locator("#code").fill(code)
    seen(page, f"{code}-02-title")
    press(page, "保存并继续")
    page.locator('[id="operation.statement"]').fill(STATEMENTS[code])
    seen(page, f"{code}-03-operation")
    press(page, "保存并继续")
    fine(page)
    expect(page.locator('[id="uscc.from"]')).to_have_value("party.id_number")
    if code == BY_NAME:
        expect(page.locator('[id="name.from"]')).to_have_value("party.name")
    seen(page, f"{code}-04-params")
    press(page, "保存并继续")
    for name, value in register.values(code).items():
        page.locator(f'[id="value.{name}"]').fill(value)
    press(page, "取样例")
    fine(page)
    expect(page.locator("#result")).to_contain_text("查到 1 行")
    assert register.known["name"] not in page.content()
    seen(page, f"{code}-05-sample")
    page.get_by_role("link", name="继续：选择字段").click()


def _choose_fields(page: Page, code: str) -> None:
    expect(page.locator('[id="f0.kind"]')).to_have_value("uscc")
    expect(page.locator('[id="f0.en"]')).to_have_value("USCC")
    expect(page.locator('[id="f2.kind"]')).to_have_value("date")
    page.locator('[id="f0.required"]').check()
    page.locator('[id="f1.required"]').check()
    if code == BY_USCC:
        page.locator('[id="f5.name"]').fill("province")
        page.locator('[id="f5.en"]').fill("Province")
    seen(page, f"{code}-06-fields")
    press(page, "保存并继续")
    fine(page)
    if code == BY_USCC:
        page.locator('[id="p0.name"]').fill("is_of_zhejiang")
        page.locator('[id="p0.zh"]').fill("是否浙江企业")
        page.locator('[id="p0.en"]').fill("Is of Zhejiang")
        page.locator('[id="p0.field"]').select_option("province")
        page.locator('[id="p0.against"]').fill("浙江省")
    seen(page, f"{code}-07-predicates")
    press(page, "保存并继续")
    fine(page)


def _share_and_map(page: Page, code: str) -> None:
    page.get_by_label("有条件共享", exact=True).first.check()
    page.locator('[id="terms.reason"]').fill("涉及企业信息")
    page.locator('[id="terms.conditions"]').fill("须有在办的办件")
    page.locator('[id="terms.legal_basis"]').fill("政务数据共享条例")
    seen(page, f"{code}-08-sharing")
    press(page, "保存并继续")
    fine(page)
    page.locator("#absent").fill("N/A, 无")
    if code == BY_USCC:
        page.locator("fieldset", has=page.locator('[id="province.from"]')).locator("summary").click()
        page.locator('[id="province.codes"]').fill("浙江=浙江省\n示例省=示例省份")
    seen(page, f"{code}-09-mapping")
    press(page, "保存并继续")
    fine(page)


def _know(page: Page, code: str) -> None:
    """How an answer is known to be right: one record, whose number and name are the party's own."""
    expect(page.locator('[id="echo.uscc"]')).to_have_value("uscc")
    if code == BY_NAME:
        page.locator('[id="echo.name"]').select_option("name")
    page.locator("#identity_name").select_option("name")
    page.locator("#complete").check()
    expect(page.locator("#many")).not_to_be_checked()
    seen(page, f"{code}-10-rules")
    press(page, "保存并继续")
    fine(page)


def _look_at_the_data(page: Page, register: Register) -> None:
    """The whole register as the source lists it, and the same rows of a file: no row is lost."""
    page.locator("#listing").fill(LISTING)
    page.get_by_role("button", name="生成报告").first.click()
    fine(page)
    expect(page.locator("#report")).to_contain_text(f"{register.rows} 行中 {register.rows} 行可用")
    seen(page, "publish-11-quality")
    page.locator("#file").set_input_files(register.file)
    page.get_by_role("button", name="生成报告").last.click()
    fine(page)
    expect(page.locator("#report")).to_contain_text(f"{register.rows} 行中 {register.rows} 行可用")


def try_out(page: Page, register: Register, code: str) -> None:
    """A live test on the page of a version."""
    for name, value in register.values(code).items():
        page.locator(f'[id="value.{name}"]').fill(value)
    press(page, "问一次")
    fine(page)
    expect(page.locator("#result")).to_contain_text("通过")
    assert register.known["name"] not in page.content()
    seen(page, f"{code}-tried")
