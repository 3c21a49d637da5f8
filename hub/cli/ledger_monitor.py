"""`yizheng ledger monitor`: receipts held against the log, from outside."""

import asyncio
import time
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hub.cli.common import Exit, JsonOption, fail, show

if TYPE_CHECKING:
    from hub.ledger.monitoring import Kept, Receipt
    from hub.outbound import Outbound
    from signing.log.checkpoint import NoteVerifier

_PAUSE: Final = 2.0


def monitor(
    files: Annotated[list[Path], typer.Argument(help="Files with receipts, or with stored answers 回执文件")],
    url: Annotated[str, typer.Option("--hub", help="The hub's address 平台地址")],
    log_key: Annotated[Path, typer.Option("--key", help="The log's key, compared another way 账本公钥文件")],
    within: Annotated[int, typer.Option("--within", min=1, help="Seconds in which an entry is promised 承诺秒数")] = 60,
    patience: Annotated[
        int, typer.Option("--patience", min=0, max=3600, help="Seconds for which a silent hub is asked again 重试秒数")
    ] = 60,
    as_json: JsonOption = False,
) -> None:
    """Each receipt's entry stands in the log. Exit 0 so, 1 one does not (named), or the hub keeps silent although the
    promised time is over, 2 not all are known yet. 核对回执
    """
    from hub.outbound import Outbound, OutboundError
    from signing.errors import SigningError
    from signing.log.checkpoint import NoteVerifier

    try:
        log = NoteVerifier.from_text(log_key.read_text(encoding="utf-8").strip())
        hub = Outbound(url, plain=True)
        texts = [path.read_text(encoding="utf-8") for path in files]
    except (OSError, ValueError, SigningError) as error:
        fail(f"{error}", "give files with receipts, the hub's address and the log's key", Exit.USAGE)
    try:
        asking = _monitored(texts, hub, url.rstrip("/"), log, timedelta(seconds=within), patience)
        found, foreign = asyncio.run(asking)
    except OutboundError as error:
        fail(f"no answer from {url} for {patience} seconds: {error}", "it promised: call its operator", Exit.FAILED)
    if not found and not foreign:
        fail("there is no receipt in these files", "give what the hub answered: it names `receipt`", Exit.USAGE)
    _tell(found, foreign, as_json=as_json)


async def _monitored(
    texts: list[str], hub: "Outbound", url: str, log: "NoteVerifier", within: timedelta, patience: int
) -> tuple[dict["Receipt", "Kept"], int]:
    """By receipt, what became of it; and how many receipts the hub's published keys did not sign. Who gives no answer
    is asked again, until his time is over. Raises: OutboundError: not even for its keys.
    """
    from hub.ledger.monitoring import Kept, Receipt, opened, receipts_in
    from hub.outbound import OutboundError
    from signing.errors import SigningError

    until = time.monotonic() + patience
    tokens = dict.fromkeys(token for text in texts for token in receipts_in(text))
    while True:
        try:
            keys = (await hub.get(f"{url}/.well-known/jwks.json")).get("keys", [])
            break
        except OutboundError:
            if time.monotonic() >= until:
                raise
        await asyncio.sleep(_PAUSE)
    receipts, foreign = dict[Receipt, None](), 0
    for token in tokens:
        try:
            receipts[opened(token, keys)] = None
        except SigningError:
            foreign += 1
    silent, found = {Kept.UNKNOWN, Kept.UNANSWERED}, dict[Receipt, Kept]()
    while True:
        for receipt in receipts:
            if found.get(receipt, Kept.UNKNOWN) in silent:
                found[receipt] = await _asked(receipt, hub, url, log, within)
        if not silent & set(found.values()) or time.monotonic() >= until:
            return found, foreign
        await asyncio.sleep(_PAUSE)


async def _asked(receipt: "Receipt", hub: "Outbound", url: str, log: "NoteVerifier", within: timedelta) -> "Kept":
    from hub.clock import utc_now
    from hub.ledger.monitoring import kept

    def ask(entry: str) -> Awaitable[Mapping[str, Any]]:
        return hub.get(f"{url}/api/v1/ledger/entries/{entry}/proof")

    return await kept(receipt, ask, log=log, now=utc_now(), within=within)


def _tell(found: dict["Receipt", "Kept"], foreign: int, *, as_json: bool) -> None:
    from hub.ledger.monitoring import Kept

    broken = {Kept.MISSING, Kept.CHANGED, Kept.OTHER_LOG, Kept.UNANSWERED}
    other = [(receipt.entry, state) for receipt, state in found.items() if state is not Kept.KEPT]
    value: dict[str, Any] = {
        "receipts": len(found) + foreign,
        "kept": len(found) - len(other),
        "not_signed_by_this_hub": foreign,
        "others": [{"entry": entry, "state": state.value} for entry, state in other],
    }
    lines = [f"{len(found)} receipts, {len(found) - len(other)} kept 已入账"]
    lines += [f"  {state.value:<10}{entry}" for entry, state in other]
    if foreign:
        lines.append(f"  {foreign} not signed by a key that this hub publishes 签名不符")
    show(value, as_json=as_json, text="\n".join(lines))
    if foreign or any(state in broken for _, state in other):
        raise typer.Exit(Exit.FAILED)
    if other:
        raise typer.Exit(Exit.INDETERMINATE)
