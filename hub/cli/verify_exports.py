"""`yizheng export-trust` and `yizheng export-proof`: what goes along, so that others verify by themselves."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from hub.runtime import Hub


def export_trust(
    out: Annotated[Path, typer.Argument(help="File to write 输出文件")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the pack with which anyone verifies offline. 导出信任包"""
    from hub.verification.roots import roots_of

    async def work(hub):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return await hub.verification.trust_pack(), (await hub.verification.policy()).anchors

    pack, anchors = with_hub(home, work)
    out.write_bytes(pack)
    roots = roots_of(anchors)
    told = {
        "file": str(out),
        "root_fingerprints": [root.fingerprint for root in roots],
        "roots": [root.as_json() for root in roots],
    }
    lines = [str(out), *(f"root 根证书 {root.as_text()}" for root in roots)]
    show(told, as_json=as_json, text="\n".join(lines))


def export_proof(
    identifier: Annotated[str, typer.Argument(help="Of the licence 证照标识")],
    out: Annotated[Path, typer.Argument(help="File to write 输出文件")],
    home: HomeOption = None,
) -> None:
    """Write the proof to go with a licence: since when the ledger knows it. 导出存证证明"""

    async def work(hub: "Hub") -> bytes:
        from hub.issuing.status.service import UnknownCertificateError
        from hub.ledger.errors import NotSequencedError

        try:
            return await hub.proofs.prove(identifier, allowed=lambda _: True)
        except UnknownCertificateError:
            fail("no such licence", "see `yizheng certificate show`", Exit.BAD_DATA)
        except NotSequencedError:
            fail("the ledger has not signed for it yet", "try again in a second", Exit.UNAVAILABLE)

    out.write_bytes(with_hub(home, work))
    show({"file": str(out)}, as_json=False, text=str(out))
