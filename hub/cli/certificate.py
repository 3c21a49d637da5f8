"""`yizheng certificate`: suspend, resume, revoke; show; export the signed licence."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli import certificate_acts
from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from certificates.stores.version import VersionRecord
    from hub.runtime import Hub

app = typer.Typer(help="Certificates 电子证照", no_args_is_help=True)
certificate_acts.add_to(app)
IdentifierArgument = Annotated[str, typer.Argument(help="GB/T 36904 identifier 证照标识")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; stands in the history and the ledger 原因")]
BasisOption = Annotated[str, typer.Option("--legal-basis", help="Legal basis 法律依据")]


def _change(
    identifier: str, operation: str, reason: str, legal_basis: str, home: Path | None, *, as_json: bool
) -> None:
    from certificates.lifecycle.states import Operation
    from hub.issuing.status.service import UnknownCertificateError

    async def work(hub: "Hub") -> "VersionRecord":
        return await hub.status.change(identifier, Operation(operation), reason=reason, legal_basis=legal_basis)

    try:
        changed = with_hub(home, work, writes=True)
    except UnknownCertificateError:
        fail("there is no such certificate", "check the identifier", Exit.BAD_DATA)
    value = {"identifier": changed.identifier, "status": changed.status}
    show(value, as_json=as_json, text=f"{changed.identifier} is now {changed.status}")


@app.command("revoke")
def revoke(
    identifier: IdentifierArgument,
    reason: ReasonOption,
    legal_basis: BasisOption,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke for good. 撤销"""
    _change(identifier, "revoke", reason, legal_basis, home, as_json=as_json)


@app.command("suspend")
def suspend(
    identifier: IdentifierArgument,
    reason: ReasonOption,
    legal_basis: BasisOption,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Suspend until resumed. 暂扣"""
    _change(identifier, "suspend", reason, legal_basis, home, as_json=as_json)


@app.command("resume")
def resume(
    identifier: IdentifierArgument,
    reason: ReasonOption,
    legal_basis: BasisOption,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lift a suspension. 暂扣发还"""
    _change(identifier, "resume", reason, legal_basis, home, as_json=as_json)


@app.command("find")
def find(
    id_number: Annotated[
        str,
        typer.Option(
            "--id-number", prompt=True, hide_input=True, help="The holder's ID number; better typed than given 证件号码"
        ),
    ],
    id_type: Annotated[str, typer.Option("--id-type", help="111 citizen ID, 001 USCC 证件类型")] = "001",
    as_of: certificate_acts.AsOfOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a holder's certificates, the current ones or as of a day. 按持证主体查询，可截至某日"""
    from hub.issuing.files import identifiers_of

    moment = certificate_acts.moment_asked(as_of)
    found = with_hub(home, lambda hub: identifiers_of(hub, id_type, id_number, as_of=moment))
    lines = [f"{item['identifier']}  {item['status']}" for item in found]
    show({"certificates": found}, as_json=as_json, text="\n".join(lines) or "none 无")


@app.command("export")
def export(
    identifier: IdentifierArgument,
    out: Annotated[Path, typer.Argument(help="File to write, mode 0600 输出文件")],
    wanted: Annotated[str, typer.Option("--format", help="sd-jwt, json, pdf or ofd 格式")] = "sd-jwt",
    home: HomeOption = None,
) -> None:
    """Write a file of the licence with all it shows: for the issuer and the holder only. 导出原件"""
    from hub.issuing.files import read_document
    from hub.issuing.keys.errors import SigningKeyError
    from hub.issuing.renditions.errors import FormatError, NotInForceError, NotRenderedYetError
    from hub.issuing.status.service import UnknownCertificateError
    from hub.storage.files import write_durably

    try:
        token = with_hub(home, lambda hub: read_document(hub, identifier, wanted), writes=True)
    except UnknownCertificateError:
        fail("there is no such certificate", "check the identifier", Exit.BAD_DATA)
    except FormatError:
        fail("this licence has no such format", "use sd-jwt, json, pdf or ofd", Exit.USAGE)
    except NotInForceError as error:
        fail(f"the certificate is {error.status}: no page of it is given out", "export sd-jwt or json", Exit.BAD_DATA)
    except SigningKeyError as error:
        fail(
            str(error), "see `yizheng key list`; for ofd an SM2 key: `yizheng key add … --suite sm2`", Exit.UNAVAILABLE
        )
    except NotRenderedYetError:
        fail("somebody else is making the page", "try again", Exit.UNAVAILABLE)
    write_durably(out, token, mode=0o600)
    print(f"{out}  {len(token)} bytes")


@app.command("restamp")
def restamp(
    within: Annotated[
        int, typer.Option("--within", min=0, max=36500, help="Days until the last stamp ends 天数")
    ] = 365,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many files 最多处理数")] = 1_000_000,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a time-stamp over every stored PDF page that has none, or whose last one ends soon (B-LTA). 续盖时间戳

    Run it now and then; what was done stays done, and another run goes on.
    """
    from datetime import timedelta

    from hub.issuing.stamping.service import StampUnavailableError

    try:
        done = with_hub(
            home, lambda hub: hub.faces.stamps.renew(within=timedelta(days=within), limit=limit), writes=True
        )
    except StampUnavailableError as error:
        fail(f"the time-stamp authority is not available ({error.reason})", "try again later", Exit.UNAVAILABLE)
    value = {"stamped": done.stamped, "failed": done.failed}
    show(value, as_json=as_json, text=f"{done.stamped} files stamped, {done.failed} could not be: see the log")
