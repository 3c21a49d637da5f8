"""`yizheng ledger`: verify the log, prove an entry, show the checkpoint."""

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub
from hub.cli.ledger_check import check
from hub.cli.ledger_monitor import monitor

if TYPE_CHECKING:
    from hub.ledger.proofs import InclusionProof
    from hub.ledger.succession import Succession
    from hub.ledger.verify import LedgerReport
    from hub.ledger.witnessing.reading import Cosigned
    from hub.runtime import Hub

app = typer.Typer(help="The ledger 存证账本", no_args_is_help=True)
app.command("monitor")(monitor)
app.command("check")(check)


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

    async def work(hub: "Hub") -> tuple["LedgerReport", "Cosigned | None"]:
        from signing.errors import SigningError

        try:
            report = await hub.ledger.verify(remembered)
        except SigningError as error:
            fail(f"{against} is no checkpoint of this log ({error.reason})", "", Exit.INDETERMINATE)
        return await hub.witnessing.verify(report)

    report, cosigned = with_hub(home, work, started=False)
    rollback = "no rollback 未回退" if report.rollback_checked else "rollback not checked 未检查回退 (use --against)"
    head = f"{report.entries} entries, {report.unsequenced} waiting, root {b64encode(report.root).decode()}"
    names = [witness.name for witness, _ in cosigned.by] if cosigned else []
    if cosigned:
        rollback += f"; first {cosigned.size} co-signed by {len(names)} 见证: {', '.join(names)}"
    else:
        rollback += "; co-signed by nobody 无见证"
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
        "cosigned": {"size": cosigned.size, "by": names} if cosigned else None,
    }
    show(value, as_json=as_json, text=text)
    raise typer.Exit(Exit.OK if report.intact else Exit.FAILED)


@app.command("follow")
def follow(
    url: Annotated[str, typer.Argument(help="The hub's address 平台地址")],
    key: Annotated[Path, typer.Option("--key", help="The log's key, compared another way 账本公钥文件")],
    remember: Annotated[Path, typer.Option("--remember", help="Checkpoint of the last look; kept up 上次的检查点文件")],
    as_json: JsonOption = False,
) -> None:
    """From outside: the log only grew since the last look. Exit 0 so, 1 shrank or forked, 2 not known. 跟踪账本"""
    import asyncio

    from hub.ledger.errors import RewrittenError
    from hub.ledger.following import follow
    from hub.outbound import Outbound, OutboundError
    from signing.errors import SigningError
    from signing.log.checkpoint import NoteVerifier

    remembered = _read(remember) if remember.exists() else None
    try:
        verifier = NoteVerifier.from_text(_read(key).strip())
        hub = Outbound(url, plain=True)
    except (SigningError, ValueError) as error:
        fail(f"{error}", "the key is the line of /.well-known/tlog-key, the address the hub's", Exit.USAGE)
    address = f"{url.rstrip('/')}/api/v1/ledger/consistency"
    try:
        found = asyncio.run(
            follow(lambda size: hub.get(f"{address}?size={size}"), verifier=verifier, remembered=remembered)
        )
    except RewrittenError as error:
        evidence = _evidence(remember, error.note)
        fail(f"the log {error.reason} since {remember}", f"publish both: {remember}, {evidence}", Exit.FAILED)
    except (OutboundError, SigningError, ValueError) as error:
        fail(f"no proof from {url}: {error}", "ask again; keep the checkpoint", Exit.INDETERMINATE)
    waiting = remember.with_name(f"{remember.name}.new")
    waiting.write_text(found.note, encoding="utf-8")
    waiting.replace(remember)
    value = {"entries": found.size, "before": found.before}
    grew = "remembered 已保存" if found.before is None else f"grew from {found.before} 只增不改"
    show(value, as_json=as_json, text=f"{found.size} entries; {grew}")


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


@app.command("succeed")
def succeed(
    reason: Annotated[str, typer.Option("--reason", help="Stands in the successor's first entry 原因")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open a successor log, on a restored store older than its last checkpoint; nothing may serve. 开启后继账本"""

    async def work(hub: "Hub") -> "Succession":
        from hub.assembly.ground import log_key_of, open_keys
        from hub.ledger.succession import succeed

        witness = hub.settings.witness_folder()
        keys = open_keys(hub.settings)
        return await succeed(
            hub.database, keys=keys, log_key=log_key_of(keys), witness=witness, clock=hub.clock, reason=reason
        )

    made = with_hub(home, work, started=False)
    value = {"origin": made.origin, "entries": made.entries, "lost": made.lost, "ended": made.ended}
    lines = [
        f"log       {made.origin}: {made.entries} entries are left, {made.lost} are lost",
        f"ended     {made.ended} in the witness folder: the old log's last checkpoint; keep it",
        "next      yizheng check; then tell auditors the new log key (/.well-known/tlog-key) another way",
    ]
    show(value, as_json=as_json, text="\n".join(lines))


def _evidence(remember: Path, note: str) -> Path:
    """Keep what was refused. An earlier one stays: it may be the one that proves something."""
    found = remember.with_name(f"{remember.name}.refused")
    if found.exists() and found.read_text(encoding="utf-8") != note:
        found = remember.with_name(f"{found.name}-{sha256(note.encode()).hexdigest()[:12]}")
    found.write_text(note, encoding="utf-8")
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        fail(f"{path}: {error.strerror}", "give a file with a checkpoint", Exit.USAGE)
