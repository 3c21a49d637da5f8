"""What `yizheng verify` says: the verdict in lines, and who co-signed the checkpoint of a proof."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from hub.cli.common import Exit, fail
from hub.cli.witness_keys import seen_as_json, seen_as_text

if TYPE_CHECKING:
    from certificates.verifying.verdict import Verdict
    from signing.log.cosignature import WitnessVerifier

ASK_PROOF: Final = "ask the issuer for the proof of this very licence"


def cosigned(proof: bytes, known: "Sequence[WitnessVerifier]", by: dict[str, Any]) -> list[str]:
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
        fail(f"a witness's line in the proof does not hold ({error.reason})", ASK_PROOF, Exit.FAILED)
    by["witnesses"] = seen_as_json(seen)
    return seen_as_text(seen)


def verdict_text(verdict: "Verdict") -> str:
    """For a terminal, the steps among it."""
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
