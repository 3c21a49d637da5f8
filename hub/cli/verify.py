"""`yizheng verify` and `yizheng export-trust`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from certificates.trust import TrustPack
    from certificates.verifying import Verdict

_MAX_BYTES = 1 << 20


def verify(
    file: Annotated[Path, typer.Argument(help="A licence or purpose copy, as text 证照文件")],
    audience: Annotated[
        str | None, typer.Option("--audience", help="Who verifies: the receiver's client_id 接收方")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Without the hub, with --trust 离线")] = False,
    trust: Annotated[
        Path | None, typer.Option("--trust", help="Trust and status pack from `export-trust` 信任包")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify. Exit 0 passed, 1 failed, 2 indeterminate, 64 wrong call. 核验"""
    if offline != (trust is not None):
        fail("--offline and --trust go together", "get a pack with `yizheng export-trust PACK`", Exit.USAGE)
    token = _read(file)
    by: dict[str, Any] = {}
    if trust is not None:
        verdict, pack = _offline(token, trust, audience)
        made_at = pack.made_at.isoformat().replace("+00:00", "Z")
        by = {"trust": {"root_fingerprints": list(pack.policy.fingerprints()), "made_at": made_at}}
    else:
        verdict = with_hub(home, lambda hub: hub.verification.verify(token, audience=audience))
    from certificates.verifying import Result

    roots = [f"  root 根证书 SHA-256 {shown}" for item in by.values() for shown in item["root_fingerprints"]]
    show(verdict.to_json() | by, as_json=as_json, text="\n".join([_text(verdict), *roots]))
    codes = {Result.PASSED: Exit.OK, Result.FAILED: Exit.FAILED, Result.INDETERMINATE: Exit.INDETERMINATE}
    raise typer.Exit(codes[verdict.result])


def export_trust(
    out: Annotated[Path, typer.Argument(help="File to write 输出文件")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the pack with which anyone verifies offline. 导出信任包"""
    from signing.pki import fingerprint

    async def work(hub):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return await hub.verification.trust_pack(), (await hub.verification.policy()).anchors

    pack, anchors = with_hub(home, work)
    out.write_bytes(pack)
    prints = [fingerprint(anchor) for anchor in anchors]
    show({"file": str(out), "root_fingerprints": prints}, as_json=as_json, text=f"{out}\nroot SHA-256 {prints[0]}")


def _offline(token: bytes, pack_file: Path, audience: str | None) -> "tuple[Verdict, TrustPack]":
    from certificates.errors import TrustPackError
    from certificates.pack_status import PackStatuses
    from certificates.trust import TrustPack
    from certificates.verifying import verify_certificate
    from hub.clock import utc_now

    now = utc_now()
    try:
        pack = TrustPack.read(pack_file.read_bytes(), now=now)
    except OSError as error:
        fail(f"{pack_file}: {error.strerror}", "name a file from `yizheng export-trust`", Exit.USAGE)
    except TrustPackError as error:
        fail(str(error), "get a fresh pack with `yizheng export-trust`", Exit.USAGE)
    statuses = PackStatuses(pack, now=now)
    return verify_certificate(token, trust=pack.policy, statuses=statuses, audience=audience, now=now), pack


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > _MAX_BYTES:
            fail(f"{file} is larger than {_MAX_BYTES} bytes", "one licence a file", Exit.USAGE)
        token = b"".join(file.read_bytes().split())
    except OSError as error:
        fail(f"{file}: {error.strerror}", "name a readable file", Exit.USAGE)
    if not token:
        fail(f"{file} is empty", "name a file with a licence or a purpose copy", Exit.USAGE)
    return token


def _text(verdict: "Verdict") -> str:
    words = {"passed": "passed 通过", "failed": "failed 未通过", "indeterminate": "indeterminate 无法判定"}
    lines = [f"{words[verdict.result.value]}  ({verdict.reason})"]
    if verdict.certificate:
        lines.append(f"  {verdict.certificate.get('type_name')}  {verdict.certificate.get('identifier')}")
        lines.append(
            f"  status 状态 {verdict.status}   signed by 签发 {verdict.signed_by}   custody 密钥保管 {verdict.custody}"
        )
    lines += [
        f"  ({step.step}) {step.name:<12} {step.result.value} {step.reason or ''}".rstrip() for step in verdict.steps
    ]
    lines += [f"  {name}: {value}" for name, value in verdict.claims.items()]
    return "\n".join(lines)
