"""`yizheng key`: keys, certificates over them, and the authorities that are trusted. docs/keys.md has the ceremony."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hub.cli import key_crl, key_emergency, key_signer
from hub.cli.acting import ReasonOption
from hub.cli.common import Exit, HomeOption, JsonOption, fail, show
from hub.cli.key_acting import KidArgument, acting

if TYPE_CHECKING:
    from hub.issuing.keys.room import KeyView

app = typer.Typer(help="Signing keys and their certificates 签名密钥与证书", no_args_is_help=True)
NameArgument = Annotated[
    str, typer.Argument(help="hub, purpose-copy, status, token, issuer/USCC, issuer/USCC/TYPE 密钥名称")
]
SuiteOption = Annotated[str, typer.Option("--suite", help="es256, sm2 or rsa 算法套件")]
BeginsOption = Annotated[
    datetime | None, typer.Option("--begins", help="When the new key begins to sign, UTC 新密钥启用时刻")
]
_MOST: Final = 1 << 20


app.add_typer(key_crl.app, name="crl")
app.command("serve-signer")(key_signer.serve_signer)
app.command("approvals")(key_signer.approvals)
app.command("approve")(key_signer.approve)
app.command("compromised")(key_emergency.compromised)
app.command("resume")(key_emergency.resume)
app.command("revoking")(key_emergency.revoking)
app.command("touched")(key_emergency.touched)


@app.command("list")
def list_keys(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Every key: what it is for, who certified it, until when. 密钥清单"""
    found = acting(home, lambda hub, actor: hub.keyring.keys.list(actor), writes=False)
    show({"keys": [item.as_json() for item in found]}, as_json=as_json, text="\n".join(_line(item) for item in found))


@app.command("show")
def show_key(kid: KidArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """One key. 查看密钥"""
    found = acting(home, lambda hub, actor: hub.keyring.keys.show(actor, kid), writes=False)
    text = "\n".join(f"{name}: {value}" for name, value in found.as_json().items() if value is not None)
    show(found.as_json(), as_json=as_json, text=text)


@app.command("add")
def add(
    name: NameArgument,
    reason: ReasonOption,
    suite: SuiteOption = "es256",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """A key beside: of another suite, or for one certificate type alone. 增设密钥"""
    chosen = _suite(suite)
    _print(acting(home, lambda hub, actor: hub.keyring.keys.add(actor, name, suite=chosen, reason=reason)), as_json)


@app.command("rotate")
def rotate(
    name: NameArgument,
    reason: ReasonOption,
    suite: SuiteOption = "es256",
    begins: BeginsOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """A new key in place of the one in use; what the old one signed goes on verifying. 轮换密钥"""
    chosen, at = _suite(suite), _aware(begins)
    rotated = acting(
        home, lambda hub, actor: hub.keyring.keys.rotate(actor, name, suite=chosen, begins=at, reason=reason)
    )
    _print(rotated, as_json)


@app.command("remote")
def remote(
    name: NameArgument,
    url: Annotated[str, typer.Option("--url", help="https://…, the department's signer 签名服务地址")],
    kid: Annotated[str, typer.Option("--kid", help="Thumbprint of its key, from another way 另行核对的密钥指纹")],
    ca: Annotated[Path, typer.Option("--ca", help="The authority of its server, PEM 服务器证书的颁发机构")],
    certificate: Annotated[Path, typer.Option("--certificate", help="The hub's own, PEM 中枢的客户端证书")],
    private_key: Annotated[Path, typer.Option("--private-key", help="Its key, PEM; kept in the key store 私钥")],
    reason: ReasonOption,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign with a key that the department keeps: its own signer is asked from now on. 接入部门自持密钥"""
    files = [_read(file).decode("utf-8", "replace") for file in (ca, certificate, private_key)]
    attached = acting(
        home, lambda hub, actor: hub.keyring.outside.attach(actor, name, url, files, compared=kid, reason=reason)
    )
    _print(attached, as_json)


@app.command("csr")
def csr(
    name: NameArgument,
    out: Annotated[Path, typer.Argument(help="File to write 证书申请文件")],
    suite: SuiteOption = "es256",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask an authority outside for a certificate: a new key, and the request over it. 生成证书申请"""
    from hub.storage.files import write_durably

    chosen = _suite(suite)
    view, request = acting(home, lambda hub, actor: hub.keyring.outside.request(actor, name, suite=chosen))
    write_durably(out, request, mode=0o644)
    show(view.as_json() | {"request": str(out)}, as_json=as_json, text=f"{_line(view)}\n{out}")


@app.command("import")
def install(
    name: NameArgument,
    chain: Annotated[Path, typer.Argument(help="PEM: the leaf first, then its authorities 证书链文件")],
    suite: SuiteOption = "es256",
    begins: BeginsOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the certificate that an authority outside gave, and sign under it. 导入证书链"""
    data, chosen, at = _read(chain), _suite(suite), _aware(begins)
    _print(
        acting(home, lambda hub, actor: hub.keyring.outside.install(actor, name, data, suite=chosen, begins=at)),
        as_json,
    )


@app.command("anchors")
def anchors(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """The authorities that this hub trusts. 信任的根证书"""
    found = acting(home, lambda hub, actor: hub.keyring.anchors.list(actor), writes=False)
    lines = [
        f"{item.fingerprint}  {'trusted' if item.trusted else 'not trusted'}  {item.subject}  {item.note}"
        for item in found
    ]
    show({"anchors": [item.as_json() for item in found]}, as_json=as_json, text="\n".join(lines))


@app.command("trust")
def trust(
    certificate: Annotated[Path, typer.Argument(help="The authority's own certificate, PEM or DER 根证书文件")],
    fingerprint: Annotated[
        str, typer.Option("--fingerprint", help="SHA-256, from another way than the file 另行核对的指纹")
    ],
    note: Annotated[str, typer.Option("--note", help="With whom it was compared, and how 核对情况")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trust an authority outside. 信任外部根证书"""
    data = _read(certificate)
    named = acting(home, lambda hub, actor: hub.keyring.anchors.trust(actor, data, compared=fingerprint, note=note))
    show({"fingerprint": named, "trusted": True}, as_json=as_json, text=f"{named} trusted")


@app.command("distrust")
def distrust(
    fingerprint: Annotated[str, typer.Argument(help="As in `yizheng key anchors` 指纹")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trust an authority no longer: what leads to it verifies no more. 停止信任根证书"""
    acting(home, lambda hub, actor: hub.keyring.anchors.distrust(actor, fingerprint))
    show({"fingerprint": fingerprint, "trusted": False}, as_json=as_json, text=f"{fingerprint} not trusted")


def _suite(text: str) -> Any:
    from hub.storage.suites import Suite

    try:
        return Suite(text)
    except ValueError:
        fail("no such suite", "es256, sm2 or rsa", Exit.USAGE)


def _aware(begins: datetime | None) -> datetime | None:
    from datetime import UTC

    return begins.replace(tzinfo=UTC) if begins and begins.tzinfo is None else begins


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > _MOST:
            fail(f"{file} is too large", "", Exit.BAD_DATA)
        return file.read_bytes()
    except OSError:
        fail(f"{file} cannot be read", "", Exit.USAGE)


def _line(view: "KeyView") -> str:
    key = view.key
    authority = "built-in 试用" if view.trial else (key.authority or "-")[:23]
    parts = key.kid, key.slot.name, key.slot.suite.value, view.use, key.place.value, authority
    ends = {"soon": ["ends soon 即将到期"], "ended": ["ended 已到期"]}.get(view.ends or "", [])
    return "  ".join((*parts, f"{key.not_after:%Y-%m-%d}", *ends))


def _print(view: "KeyView", as_json: bool) -> None:
    show(view.as_json(), as_json=as_json, text=_line(view))
