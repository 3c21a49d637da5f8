"""A consumer's steps through his pages: a system with its key, a request, and the program that he copies."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from tests.pages.browser import Site, seen
from tests.support import PUBLIC_URL


@dataclass(frozen=True)
class Wish:
    """What is asked for: an interface, some of its fields, for a matter by its title, for a purpose."""

    code: str
    fields: Sequence[str]
    matter: str
    purpose: str
    quota: str = "100"


def register_system(page: Page, site: Site, code: str) -> tuple[str, str]:
    """A live system with a pair made by the hub; answers client_id and the private key."""
    page.goto(f"{site.url}/console/consumer/systems/new")
    page.get_by_label("中文名称").fill(f"一窗受理{code}")
    page.get_by_label("编码").fill(code)
    page.get_by_role("button", name="登记").click()
    pem = page.locator("#private-key").inner_text()
    seen(page, "consumer-03-key")
    return f"yz_live_{code}", pem


def ask(page: Page, site: Site, wish: Wish) -> str:
    """The question pages to the end; answers the request's id."""
    page.goto(f"{site.url}/console/consumer/interfaces/{wish.code}")
    page.get_by_role("button", name="申请使用").click()
    if page.url.endswith("/system"):
        page.get_by_label("一窗受理").check()
        page.get_by_role("button", name="保存并继续").click()
    for name in wish.fields:
        page.locator(f"input[name=fields][value={name}]").check()
    seen(page, "consumer-04-fields")
    page.get_by_role("button", name="保存并继续").click()
    page.get_by_label(wish.matter).check()
    page.get_by_role("button", name="保存并继续").click()
    page.get_by_label("用途").fill(wish.purpose)
    page.get_by_label("使用依据").fill("居住证暂行条例第九条")
    page.get_by_label("使用场景").fill("窗口受理时核对")
    page.get_by_role("button", name="保存并继续").click()
    page.get_by_label("每日最多查询次数").fill(wish.quota)
    page.get_by_label("使用到哪一天").fill("2028-01-31")
    page.get_by_label("联系处室").fill("治安支队 0990-0100200")
    page.get_by_role("button", name="保存并继续").click()
    seen(page, "consumer-05-check")
    page.get_by_role("button", name="提交申请").click()
    page.wait_for_url("**/console/consumer/requests/*-*")
    return page.url.rpartition("/")[2]


def copied(page: Page, party: Mapping[str, str]) -> str:
    """The curl program of the grant's page, with this party where the page says that one is to be put."""
    script = page.locator("#snippet-curl").inner_text()
    for place, value in (
        ("ID_TYPE", party["id_type"]),
        ("ID_NUMBER", party["id_number"]),
        ("NAME", party["name"]),
    ):
        assert f'"{place}"' in script
        script = script.replace(f'"{place}"', f'"{value}"')
    return script


def run_curl(script: str, folder: Path, site: Site, key: tuple[str, str]) -> dict[str, object]:
    """A copied snippet, run as it stands; only where the hub is served here differs from its public URL."""
    client_id, pem = key
    (folder / f"{client_id}.pem").write_text(pem + "\n")
    placed = script.replace(f"HUB={PUBLIC_URL}", f"HUB={site.url}").replace(
        '"$CLIENT" "$CLIENT" "$HUB"', f'"$CLIENT" "$CLIENT" "{PUBLIC_URL}"'
    )
    assert placed.count(site.url) == 1
    done = subprocess.run(["bash", "-c", placed], cwd=folder, capture_output=True, text=True, check=False)
    said = done.stdout.strip() or done.stderr.strip()  # a problem document goes to the error stream
    found: dict[str, object] = json.loads(said.splitlines()[-1])
    return found
