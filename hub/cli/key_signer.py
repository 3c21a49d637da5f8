"""`yizheng key serve-signer`, `approvals`, `approve`: at a department that keeps its issuing key itself."""

import getpass
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub.cli.common import Exit, JsonOption, fail, show

if TYPE_CHECKING:
    from hub.signer.book import Book, Request
    from signing.keys import Signer

FolderOption = Annotated[Path, typer.Option("--folder", help="The signer's own folder: key, book 签名服务目录")]
_KEY: Final = "signer"
_BOOK: Final = "book.sqlite3"


def serve_signer(
    folder: FolderOption,
    certificate: Annotated[Path, typer.Option("--certificate", help="Of this server, PEM 服务器证书")],
    private_key: Annotated[Path, typer.Option("--private-key", help="Its key, PEM 服务器私钥")],
    client_ca: Annotated[Path, typer.Option("--client-ca", help="Whose clients may ask, PEM 客户端证书的颁发机构")],
    types: Annotated[list[str], typer.Option("--type", help="Type codes it signs; others never 可签发的证照类型")],
    approve: Annotated[str, typer.Option("--approve", help="all, or ask: somebody approves each 逐件批准")] = "ask",
    allow: Annotated[
        list[str] | None, typer.Option("--allow", help="certificate-request, rendition 另外允许的对象")
    ] = None,
    suite: Annotated[str, typer.Option("--suite", help="es256, sm2 or rsa: of its key 算法套件")] = "es256",
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port")] = 8743,
) -> None:
    """The department's own signer, for keys that never come to the hub. 部门自持密钥的签名服务"""
    import ssl

    import uvicorn

    from hub.signer.app import SignerDesk, signer_app
    from hub.signer.book import Book
    from hub.signer.judging import KINDS, LICENCE, Policy

    if approve not in {"all", "ask"} or not set(allow or ()) <= set(KINDS):
        fail("no such choice", "--approve all|ask; --allow certificate-request, rendition or other", Exit.USAGE)
    for file in (certificate, private_key, client_ca):
        if not file.is_file():
            fail(f"{file} cannot be read", "", Exit.USAGE)
    signer = _signer(folder, suite)
    policy = Policy(signer.kid, frozenset(types), frozenset({LICENCE, *(allow or ())}))
    desk = SignerDesk(signer, Book(folder / _BOOK), policy, approve_all=approve == "all")
    print(f"{signer.kid}  https://{host}:{port}  approve {approve}", flush=True)
    uvicorn.run(
        signer_app(desk),
        host=host,
        port=port,
        log_level="warning",
        ssl_certfile=str(certificate),
        ssl_keyfile=str(private_key),
        ssl_ca_certs=str(client_ca),
        ssl_cert_reqs=ssl.CERT_REQUIRED,
    )


def approvals(
    folder: FolderOption,
    every: Annotated[bool, typer.Option("--all", help="Everything it was ever asked 全部记录")] = False,
    as_json: JsonOption = False,
) -> None:
    """What waits for approval at this signer, and what it says; or all it was asked. 待批准的签名"""
    from hub.signer.book import Book, seen

    found = Book(_existing(folder)).lines(only_waiting=not every)
    last = [] if every or not found else [f"{len(found)} wait 待批准: key approve ID …, --all {seen(found)}"]
    said: dict[str, object] = {"requests": [item.as_json() for item in found]}
    said |= {} if every else {"seen": seen(found)}
    show(said, as_json=as_json, text="\n".join([line for item in found for line in _lines(item)] + last) or "none 无")


def approve(
    folder: FolderOption,
    ids: Annotated[list[str] | None, typer.Argument(help="As `approvals` lists them 编号")] = None,
    every: Annotated[
        str, typer.Option("--all", help="All of the list that was read, by the name under it, 3-9f3ab2c1d4e5 所阅清单")
    ] = "",
    refuse: Annotated[bool, typer.Option("--refuse", help="Say no instead 不予批准")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Kept in the book 理由")] = "",
    as_json: JsonOption = False,
) -> None:
    """Approve what waits; it is signed when the hub asks again, within a minute. Without ids it shows what waits, and
    asks. 批准签名
    """
    from hub.clock import utc_now
    from hub.signer.book import Book

    book = Book(_existing(folder))
    wanted = ids or _read_list(book, every, refuse=refuse, ask=not as_json)
    decided = book.decide(wanted, approve=not refuse, by=getpass.getuser(), reason=reason, now=utc_now())
    show({"decided": decided, "approved": not refuse}, as_json=as_json, text=f"{decided}")


def _read_list(book: "Book", named: str, *, refuse: bool, ask: bool) -> "list[Request]":
    """The list that somebody has read: what came after it is not on it."""
    from hub.signer.book import seen

    found = book.lines(only_waiting=True)
    if named and named != seen(found):
        fail("what waits is not what was read 清单已有变化", "`yizheng key approvals` shows it", Exit.REFUSED)
    if named or not found:
        return found
    if not (ask and sys.stdin.isatty()):
        fail("say what is decided", "ids, or --all with the name under the list of `key approvals`", Exit.USAGE)
    print("\n".join(line for item in found for line in _lines(item)))
    question = f"{'Refuse 不予批准' if refuse else 'Approve 批准'} {len(found)}?"
    return found if typer.confirm(question) else []


def _lines(item: "Request") -> list[str]:
    head = f"{item.id}  {item.state}  {item.kind}  {item.type_code}  {item.identifier}"
    return [head, *(f"    {_plain(name)}: {_plain(value)}" for name, value in (item.claims or {}).items())]


def _plain(value: object) -> str:
    """Nothing that a terminal would obey, or show in another order than it stands."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _existing(folder: Path) -> Path:
    if not (folder / _BOOK).exists():
        fail(f"there is no signer in {folder}", "name its folder with --folder", Exit.USAGE)
    return folder / _BOOK


def _signer(folder: Path, suite: str) -> "Signer":
    """The key of this folder, one for each suite; made when it is served for the first time."""
    from hub.storage.errors import MissingError
    from hub.storage.keystore.file import KeyFile
    from hub.storage.keystore.port import master_key
    from hub.storage.suites import Suite

    if suite not in set(Suite):
        fail("no such suite", "es256, sm2 or rsa", Exit.USAGE)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = KeyFile(folder / "keystore.json", master_key=master_key(folder, create=True))
    name = _KEY if suite == Suite.ES256 else f"{_KEY}#{suite}"
    try:
        return keys.signer(name)
    except MissingError:
        return keys.create_signer(name, Suite(suite))
