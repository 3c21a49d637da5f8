"""`yizheng ledger`: verify the log, prove an entry, show the checkpoint."""

import json
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub

if TYPE_CHECKING:
    from hub.ledger.proofs import InclusionProof
    from hub.ledger.verify import LedgerReport
    from hub.runtime import Hub

app = typer.Typer(help="The ledger 存证账本", no_args_is_help=True)


@app.command("verify")
def verify(
    home: HomeOption = None,
    against: Annotated[
        Path | None, typer.Option("--against", help="A checkpoint remembered earlier 先前保存的检查点")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Re-hash the whole log. Exit 0 intact, 1 changed, removed, reordered, rolled back, 2 not checkable. 核验账本"""
    remembered = _read(against) if against else None

    async def work(hub: "Hub") -> "LedgerReport":
        from signing.errors import SigningError

        try:
            return await hub.ledger.verify(remembered)
        except SigningError as error:
            fail(f"{against} is no checkpoint of this log ({error.reason})", "", Exit.INDETERMINATE)

    report = with_hub(home, work, started=False)
    rollback = "no rollback 未回退" if report.rollback_checked else "rollback not checked 未检查回退 (use --against)"
    head = f"{report.entries} entries, {report.unsequenced} waiting, root {b64encode(report.root).decode()}"
    if report.intact:
        text = f"intact 完整: {head}; {rollback}"
    else:
        text = "\n".join([f"NOT INTACT 已被改动: {head}", *(f"  - {finding}" for finding in report.findings)])
    value = {
        "intact": report.intact,
        "entries": report.entries,
        "waiting": report.unsequenced,
        "root": b64encode(report.root).decode(),
        "rollback_checked": report.rollback_checked,
        "findings": list(report.findings),
    }
    show(value, as_json=as_json, text=text)
    raise typer.Exit(Exit.OK if report.intact else Exit.FAILED)


@app.command("prove")
def prove(
    entry: Annotated[str, typer.Argument(help="The entry's id, as in its receipt 条目编号")], home: HomeOption = None
) -> None:
    """Prove that an entry is in the signed log (JSON). 证明条目在账本中"""
    from hub.ledger.errors import NotSequencedError
    from hub.ledger.proofs import prove_inclusion

    async def work(hub: "Hub") -> "InclusionProof | None":
        try:
            return await hub.database.read(lambda tx: prove_inclusion(tx, entry))
        except NotSequencedError:
            fail("the entry is not in the tree yet", "ask again in a second", Exit.INDETERMINATE)

    found = with_hub(home, work)
    if found is None:
        fail("there is no such entry", "the id stands in the receipt", Exit.FAILED)
    proof = {
        "entry": found.entry_id,
        "index": found.index,
        "size": found.size,
        "leaf": found.leaf_data.decode(),
        "path": [b64encode(node).decode() for node in found.path],
        "checkpoint": found.note,
    }
    print(json.dumps(proof, ensure_ascii=False))


@app.command("checkpoint")
def checkpoint(home: HomeOption = None) -> None:
    """Print the latest signed checkpoint, to be kept elsewhere. 输出最新检查点"""

    async def work(hub: "Hub") -> str | None:
        return await hub.ledger.checkpoint()

    note = with_hub(home, work)
    if note is None:
        fail("nothing has been signed yet", "run `yizheng serve` once", Exit.INDETERMINATE)
    print(note, end="")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        fail(f"{path}: {error.strerror}", "give a file with a checkpoint", Exit.USAGE)
