"""`yizheng verify`: the call, and the hub's own verdict; without the hub: `verify_offline`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub
from hub.cli.verify_offline import judged_offline
from hub.cli.verify_told import ASK_PROOF, cosigned, verdict_text
from hub.cli.witness_keys import WitnessOption, witness_keys

if TYPE_CHECKING:
    from certificates.verifying.verdict import Verdict
    from hub.runtime import Hub
    from hub.verification.asking import Question

_ACTIONS: Final = {
    "as_of": "2026-05-03, or 2026-05-03T10:00:00+08:00",
    "nonce": "make one of 16 random bytes a time; it has 16 to 256 characters",
    "suites": "ES256, SM2SM3 or RS256",
    "custodies": "hub_held or department_held",
}


def verify(  # options
    file: Annotated[Path, typer.Argument(help="Text, PDF, OFD, JSON, photo; a control code 证照文件或核验码")],
    identifier: Annotated[
        str | None, typer.Option("--identifier", help="What stands beside a control code; both must fit 证照标识")
    ] = None,
    audience: Annotated[
        str | None, typer.Option("--audience", help="Who verifies: the receiver's client_id 接收方")
    ] = None,
    purpose: Annotated[
        str | None, typer.Option("--purpose", help="What a purpose copy has to be for, word for word 用途")
    ] = None,
    nonce: Annotated[
        str | None, typer.Option("--nonce", help="What the presenter was given to sign, with --audience 随机数")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Without the hub, with --trust 离线")] = False,
    trust: Annotated[
        Path | None, typer.Option("--trust", help="Trust and status pack from `export-trust` 信任包")
    ] = None,
    proof: Annotated[Path | None, typer.Option("--proof", help="Proof that came with it 存证证明")] = None,
    witnesses: WitnessOption = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="A civil day or an instant 某日状态")] = None,
    remember: Annotated[
        Path | None, typer.Option("--remember", help="File that remembers how new a list was seen, offline 防以旧充新")
    ] = None,
    max_age: Annotated[
        int | None, typer.Option("--max-status-age", min=0, help="Seconds a status may be old 状态最大时差")
    ] = None,
    no_trial: Annotated[bool, typer.Option("--no-trial", help="Refuse trial authorities 不接受试用机构")] = False,
    suite: Annotated[
        list[str] | None, typer.Option("--suite", help="ES256, SM2SM3, RS256: no other; may be repeated 可接受的算法")
    ] = None,
    custody: Annotated[
        list[str] | None,
        typer.Option("--custody", help="hub_held or department_held: who may hold the key 可接受的密钥保管方"),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify. Exit 0 passed, 1 failed, 2 indeterminate, 64 wrong call. 核验"""
    _belongs(offline=offline, trust=trust, remember=remember, identifier=identifier, witnesses=witnesses, proof=proof)
    from certificates.verifying.verdict import Result

    known = witness_keys(witnesses)
    question = _question(
        {
            "audience": audience,
            "purpose": purpose,
            "nonce": nonce,
            "as_of": as_of,
            "max_status_age_seconds": max_age,
            "accept_trial": not no_trial,
            "suites": suite or None,
            "custodies": custody or None,
        },
        proof,
    )
    data = _read(file)
    by: dict[str, Any] = {}
    if trust is not None:
        verdict, pack = judged_offline(data, trust, question, remember)
        made_at = pack.made_at.isoformat().replace("+00:00", "Z")
        by = {"trust": {"root_fingerprints": list(pack.policy.fingerprints()), "made_at": made_at}}
    else:
        verdict = with_hub(home, lambda hub: _present(hub, data, identifier, question))
    seen = [] if question.proof is None else cosigned(question.proof, known, by)
    roots = [f"  root 根证书 SHA-256 {shown}" for shown in by.get("trust", {}).get("root_fingerprints", ())]
    show(verdict.to_json() | by, as_json=as_json, text="\n".join([verdict_text(verdict), *seen, *roots]))
    codes = {Result.PASSED: Exit.OK, Result.FAILED: Exit.FAILED, Result.INDETERMINATE: Exit.INDETERMINATE}
    raise typer.Exit(codes[verdict.result])


def _belongs(
    *,
    offline: bool,
    trust: Path | None,
    remember: Path | None,
    identifier: str | None,
    witnesses: list[str] | None,
    proof: Path | None,
) -> None:
    """Options that want another, or do not go with one, end the command."""
    if offline != (trust is not None):
        fail("--offline and --trust go together", "get a pack with `yizheng export-trust PACK`", Exit.USAGE)
    if remember is not None and not offline:
        fail("--remember is for --offline: the hub reads its own rows", "add --offline --trust PACK", Exit.USAGE)
    if identifier is not None and offline:
        fail("--identifier stands beside a control code, which only the hub knows", "leave it out", Exit.USAGE)
    if witnesses and proof is None:
        fail("--witness is for the checkpoint in --proof", "add --proof PROOF, or leave it out", Exit.USAGE)


def _question(given: dict[str, Any], proof: Path | None) -> "Question":
    from hub.verification.asking import ASKED, AskedWronglyError, question

    try:
        return question(given, proof=None if proof is None else proof.read_bytes())
    except OSError as error:
        fail(f"{proof}: {error.strerror}", "name a readable file", Exit.USAGE)
    except AskedWronglyError as error:
        option = next(item.option for item in ASKED if item.name == error.name)
        fail(f"{option}: {error.rule}", _ACTIONS.get(error.name, "see `yizheng verify --help`"), Exit.USAGE)


async def _present(hub: "Hub", data: bytes, identifier: str | None, question: "Question") -> "Verdict":
    from hub.verification.presenting import UnreadableError, control_code_in

    if identifier is not None:
        code = control_code_in(data)
        if code is None:
            fail("--identifier stands beside a control code, and FILE has none", "leave it out", Exit.USAGE)
        return await hub.presentation.judge_code(identifier, code, question)
    try:
        return await hub.presentation.present(data, question)
    except UnreadableError as error:
        if error.reason == "proof":
            fail("the proof is of something else, or was changed", ASK_PROOF, Exit.USAGE)
        fail(f"nothing to verify in it: {error.reason}", "give the file itself, or a sharper photo", Exit.USAGE)


def _read(file: Path) -> bytes:
    from certificates.verifying.papers_files import MAX_FILE_BYTES

    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            fail(f"{file} is larger than {MAX_FILE_BYTES} bytes", "one licence a file", Exit.USAGE)
        data = file.read_bytes()
    except OSError as error:
        fail(f"{file}: {error.strerror}", "name a readable file", Exit.USAGE)
    if not data.strip():
        fail(f"{file} is empty", "name a file with a licence or a purpose copy", Exit.USAGE)
    return data
