"""`yizheng ledger check`: proofs that somebody was given, checked without a hub."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.common import Exit, JsonOption, fail, show
from hub.cli.witness_keys import WitnessOption, seen_as_json, seen_as_text, witness_keys

if TYPE_CHECKING:
    from hub.ledger.checking import Checked


def check(
    file: Annotated[Path, typer.Argument(help="From /me/accesses.json, or an entry's proof 谁看过的证明文件")],
    log_key: Annotated[Path, typer.Option("--key", help="The log's key, compared another way 账本公钥文件")],
    witnesses: WitnessOption = None,
    as_json: JsonOption = False,
) -> None:
    """Offline: each entry stands in the signed log. Exit 0 so, 1 one does not, 2 one has no proof yet. 离线核对证明"""
    from hub.ledger.checking import MAX_BYTES, check
    from signing.errors import MalformedError, SigningError
    from signing.log.checkpoint import NoteVerifier

    known = witness_keys(witnesses)
    try:
        log = NoteVerifier.from_text(log_key.read_text(encoding="utf-8").strip())
        if file.stat().st_size > MAX_BYTES:
            fail(f"{file} is larger than {MAX_BYTES} bytes", "give the file as it was downloaded", Exit.USAGE)
        data = file.read_bytes()
    except (OSError, ValueError, SigningError) as error:
        fail(f"{error}", "give the file, and the line of /.well-known/tlog-key", Exit.USAGE)
    try:
        found = check(data, log=log, witnesses=known)
    except MalformedError as error:
        fail(f"{file}: no proofs in it ({error.reason})", "give the file as it was downloaded", Exit.USAGE)
    except SigningError as error:
        fail(f"{file}: a checkpoint does not hold ({error.reason})", "is this the key of its log?", Exit.FAILED)
    show(_value(found), as_json=as_json, text=_text(found))
    if found.refused:
        raise typer.Exit(Exit.FAILED)
    if found.waiting:
        raise typer.Exit(Exit.INDETERMINATE)


def _value(found: "Checked") -> dict[str, Any]:
    return {
        "entries": len(found.proven) + len(found.waiting) + len(found.refused),
        "proven": len(found.proven),
        "waiting": list(found.waiting),
        "refused": dict(found.refused),
        "complete": found.complete,
        "checkpoints": [
            {"size": size, "witnesses": seen_as_json(seen)} for size, seen in sorted(found.checkpoints.items())
        ],
    }


def _text(found: "Checked") -> str:
    total = len(found.proven) + len(found.waiting) + len(found.refused)
    lines = [f"{total} entries, {len(found.proven)} proven in the log 已入账"]
    lines += [f"  no proof yet 尚无证明  {entry}" for entry in found.waiting]
    lines += [f"  NOT PROVEN 证明不成立  {entry}  {reason}" for entry, reason in found.refused.items()]
    for size, seen in sorted(found.checkpoints.items()):
        lines += [f"  checkpoint 检查点 {size}", *seen_as_text(seen)]
    if not found.complete:
        lines.append("  older entries are not in this file 更早的记录不在本文件中")
    lines.append("  checked: id and time of each. Not checked: the words beside them 只核对编号和时间，不核对文字")
    return "\n".join("".join(sign if sign.isprintable() else " " for sign in line) for line in lines)
