"""`yizheng key crl`: revocation lists of authorities outside 证书吊销列表."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show
from hub.cli.key_acting import acting

app = typer.Typer(help="Revocation lists of authorities outside 外部证书机构的吊销列表", no_args_is_help=True)
_MOST = 32 * 1024 * 1024
AuthorityArgument = Annotated[
    str, typer.Argument(help="Fingerprint, as in `yizheng key anchors` or `key crl list` 证书机构指纹")
]


@app.command("import")
def take(
    file: Annotated[Path, typer.Argument(help="The list, DER or PEM 吊销列表文件")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a list that a known authority signed; own keys on it are stopped at once. 导入吊销列表"""
    try:
        if file.stat().st_size > _MOST:
            fail(f"{file} is too large", "", Exit.BAD_DATA)
        data = file.read_bytes()
    except OSError:
        fail(f"{file} cannot be read", "", Exit.USAGE)
    taken = acting(home, lambda hub, actor: hub.keyring.crls.take(actor, data))
    lines = [f"{taken.fingerprint}  {taken.number}  {taken.revoked} revoked 已吊销  {'new' if taken.new else 'known'}"]
    lines += [f"{name} stopped: its certificate is revoked 已停用" for name in taken.stopped]
    show(taken.as_json(), as_json=as_json, text="\n".join(lines))


@app.command("list")
def list_lists(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """The newest list of every authority, and how it is had. 吊销列表清单"""
    found = acting(home, lambda hub, actor: hub.keyring.crls.shown(actor), writes=False)
    show({"lists": found}, as_json=as_json, text="\n".join(map(_line, found)))


@app.command("watch")
def watch(
    authority: AuthorityArgument,
    url: Annotated[str, typer.Option("--url", help="http(s)://…; empty ends it 下载地址，置空则停止")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the worker fetch an authority's list every day, from this address alone. 每日自动下载"""
    acting(home, lambda hub, actor: hub.keyring.crls.watch(actor, authority, url))
    show({"authority": authority, "url": url or None}, as_json=as_json, text=f"{authority}  {url or 'no more 已停止'}")


def _line(item: dict[str, Any]) -> str:
    parts = (
        item["authority"], item["number"] or "-", item["next_update"] or "-", "late 已过期" if item["late"] else "",
        item["url"] or "", item["failed"] or "",
    )  # fmt: skip
    return "  ".join(part for part in parts if part)
