"""`yizheng verify` and `yizheng export-trust`."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub
from hub.cli.witness_keys import WitnessOption, seen_as_json, seen_as_text, witness_keys

if TYPE_CHECKING:
    from certificates.verifying.known import Known
    from certificates.verifying.pack import TrustPack
    from certificates.verifying.papers import Paper
    from certificates.verifying.verdict import Verdict
    from hub.runtime import Hub
    from hub.verification.asking import Question
    from signing.log.cosignature import WitnessVerifier

_ASK_PROOF: Final = "ask the issuer for the proof of this very licence"
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
    if offline != (trust is not None):
        fail("--offline and --trust go together", "get a pack with `yizheng export-trust PACK`", Exit.USAGE)
    if remember is not None and not offline:
        fail("--remember is for --offline: the hub reads its own rows", "add --offline --trust PACK", Exit.USAGE)
    if identifier is not None and offline:
        fail("--identifier stands beside a control code, which only the hub knows", "leave it out", Exit.USAGE)
    if witnesses and proof is None:
        fail("--witness is for the checkpoint in --proof", "add --proof PROOF, or leave it out", Exit.USAGE)
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
        verdict, pack = _offline(data, trust, question, remember)
        made_at = pack.made_at.isoformat().replace("+00:00", "Z")
        by = {"trust": {"root_fingerprints": list(pack.policy.fingerprints()), "made_at": made_at}}
    else:
        verdict = with_hub(home, lambda hub: _present(hub, data, identifier, question))
    cosigned = [] if question.proof is None else _cosigned(question.proof, known, by)
    roots = [f"  root 根证书 SHA-256 {shown}" for shown in by.get("trust", {}).get("root_fingerprints", ())]
    show(verdict.to_json() | by, as_json=as_json, text="\n".join([_text(verdict), *cosigned, *roots]))
    codes = {Result.PASSED: Exit.OK, Result.FAILED: Exit.FAILED, Result.INDETERMINATE: Exit.INDETERMINATE}
    raise typer.Exit(codes[verdict.result])


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
            fail("the proof is of something else, or was changed", _ASK_PROOF, Exit.USAGE)
        fail(f"nothing to verify in it: {error.reason}", "give the file itself, or a sharper photo", Exit.USAGE)


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


def _offline(data: bytes, pack_file: Path, question: "Question", remember: Path | None) -> "tuple[Verdict, TrustPack]":
    from certificates.errors import TrustPackError
    from certificates.verifying.pack import TrustPack
    from certificates.verifying.pack_status import PackStatuses
    from certificates.verifying.papers_reading import is_picture, read_paper
    from certificates.verifying.procedure import verify_paper
    from hub.clock import utc_now

    now = utc_now()
    if is_picture(data):
        data = _pictured(data)
    try:
        pack = TrustPack.read(pack_file.read_bytes(), now=now)
    except OSError as error:
        fail(f"{pack_file}: {error.strerror}", "name a file from `yizheng export-trust`", Exit.USAGE)
    except TrustPackError as error:
        fail(str(error), "get a fresh pack with `yizheng export-trust`", Exit.USAGE)
    statuses = PackStatuses(pack, now=now, seen=_remembered(remember))
    paper = read_paper(data)
    verdict = verify_paper(
        paper,
        known=None if question.proof is None else _proven(question.proof.strip(), paper, pack, now),
        trust=pack.policy,
        statuses=statuses,
        audience=question.audience,
        now=now,
        rules=question.rules,
        as_of=question.as_of,
    )
    if remember is not None:
        times = {uri: at.isoformat() for uri, at in statuses.newest().items()}
        remember.write_text(json.dumps(times, indent=1) + "\n", encoding="utf-8")
    return verdict, pack


def _pictured(data: bytes) -> bytes:
    """The offline code in a photo of a page."""
    from certificates.offline_code import PREFIX
    from certificates.verifying.papers_reading import read_paper
    from hub.verification.pictures import PictureError, read_codes

    try:
        found = read_codes(data, beginning=PREFIX)
    except PictureError as error:
        fail(f"nothing to verify in it: {error.reason}", "give the file itself, or a sharper photo", Exit.USAGE)
    if not found:
        fail("there is no offline code in it", "go closer; the other QR code of a page is for the hub", Exit.USAGE)
    if len({read_paper(text.encode()).presented() for text in found}) > 1:
        fail("it has offline codes of several pages", "photograph one page at a time", Exit.USAGE)
    return found[0].encode()


def _proven(proof: bytes, paper: "Paper", pack: "TrustPack", now: datetime) -> "Known":
    from certificates.errors import ProofRefusedError
    from certificates.verifying.proof import read_proof

    try:
        return read_proof(proof, trust=pack.policy, now=now).known_of(paper)
    except ProofRefusedError as error:
        fail(str(error), _ASK_PROOF, Exit.USAGE)


def _cosigned(proof: bytes, known: "Sequence[WitnessVerifier]", by: dict[str, Any]) -> list[str]:
    """Who co-signed the checkpoint of a proof that was checked: a line for each, and for programs in `by`. A line of a
    witness whose key was given, that does not hold, is a forgery.
    """
    from certificates.verifying.proof import checkpoint_in
    from hub.ledger.checking import seen_on
    from signing.errors import SigningError
    from signing.log.checkpoint import Checkpoint, note_body

    note = checkpoint_in(proof)
    try:
        seen = seen_on(note, log=Checkpoint.from_body(note_body(note)).origin, witnesses=known)
    except SigningError as error:
        fail(f"a witness's line in the proof does not hold ({error.reason})", _ASK_PROOF, Exit.FAILED)
    by["witnesses"] = seen_as_json(seen)
    return seen_as_text(seen)


def _remembered(file: Path | None) -> dict[str, datetime]:
    if file is None or not file.exists():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {str(uri): datetime.fromisoformat(at) for uri, at in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        # To begin anew unasked would let an old list in.
        fail(f"{file} cannot be read", "put it right, or remove it to begin anew", Exit.USAGE)


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


def _text(verdict: "Verdict") -> str:
    from certificates.verifying.verdict import Format

    words = {"passed": "passed 通过", "failed": "failed 未通过", "indeterminate": "indeterminate 无法判定"}
    lines = [f"{words[verdict.result.value]}  ({verdict.reason})"]
    if verdict.described is not None:
        lines.append(f"  {verdict.kind.value}: no licence 不是证照   signed by 签发 {verdict.signed_by}")
    if verdict.certificate:
        lines.append(f"  {verdict.certificate.get('type_name')}  {verdict.certificate.get('identifier')}")
        lines.append(
            f"  status 状态 {verdict.status}   signed by 签发 {verdict.signed_by}   custody 密钥保管 {verdict.custody}"
        )
        if verdict.status_at is not None:
            old = max(0, int((verdict.checked_at - verdict.status_at).total_seconds() // 60))
            as_of = verdict.status_at.astimezone().isoformat(timespec="seconds")
            lines.append(f"  status as of 状态截至 {as_of}   {old} min old 分钟前")
        trial = "   for trying out 试用" if verdict.trial else ""
        lines.append(f"  {verdict.format} {verdict.suite}   key 密钥 {verdict.key}{trial}")
        lines.append(
            "  the presenter holds its key 出示人持有其密钥"
            if verdict.possession_shown
            else "  not shown: that the presenter may present it 未证明出示人有权出示"
        )
        behalf = (verdict.purpose or {}).get("behalf")
        if isinstance(behalf, dict):
            lines.append(f"  shown for 为谁出示 {behalf.get('principal')}   by 由谁代 {behalf.get('agent')}")
        if verdict.purpose_compared is not None:
            lines.append(
                "  purpose 用途: as asked for 与所填一致"
                if verdict.purpose_compared
                else "  purpose 用途: not compared 未比对"
            )
    lines += [
        f"  ({step.step}) {step.name:<12} {step.result.value} {step.reason or ''}".rstrip() for step in verdict.steps
    ]
    lines += [f"  {name}: {value}" for name, value in verdict.claims.items()]
    if verdict.certificate and verdict.format is Format.OFFLINE_CODE:
        lines.append(
            "  compare with the page: what is not listed, the code does not vouch for 未列出的内容，不由离线码证明"
        )
    # A value with a line break or a terminal's commands in it could write a verdict of its own.
    return "\n".join("".join(sign if sign.isprintable() else " " for sign in line) for line in lines)
