"""`yizheng ledger monitor`: receipts held against the log, from outside."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.common import Exit, JsonOption, fail, show

if TYPE_CHECKING:
    from hub.ledger.monitoring import Kept
    from hub.outbound import Outbound
    from signing.log.checkpoint import NoteVerifier


def monitor(
    files: Annotated[list[Path], typer.Argument(help="Files with receipts, or with stored answers 回执文件")],
    url: Annotated[str, typer.Option("--hub", help="The hub's address 平台地址")],
    log_key: Annotated[Path, typer.Option("--key", help="The log's key, compared another way 账本公钥文件")],
    within: Annotated[int, typer.Option("--within", min=1, help="Seconds in which an entry is promised 承诺秒数")] = 60,
    as_json: JsonOption = False,
) -> None:
    """Each receipt's entry stands in the log. Exit 0 so, 1 one does not (named), 2 not all are known yet. 核对回执"""
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
        found, foreign = asyncio.run(_monitored(texts, hub, url.rstrip("/"), log, timedelta(seconds=within)))
    except OutboundError as error:
        fail(f"no answer from {url}: {error}", "ask again", Exit.INDETERMINATE)
    if not found and not foreign:
        fail("there is no receipt in these files", "give what the hub answered: it names `receipt`", Exit.USAGE)
    _tell(found, foreign, as_json=as_json)


async def _monitored(
    texts: list[str], hub: "Outbound", url: str, log: "NoteVerifier", within: timedelta
) -> tuple[dict[str, "Kept"], int]:
    """By entry, what became of it; and how many receipts the hub's published keys did not sign."""
    from hub.clock import utc_now
    from hub.ledger.monitoring import kept, opened, receipts_in
    from signing.errors import SigningError

    keys = (await hub.get(f"{url}/.well-known/jwks.json")).get("keys", [])
    found, foreign = {}, 0
    for token in dict.fromkeys(token for text in texts for token in receipts_in(text)):
        try:
            receipt = opened(token, keys)
        except SigningError:
            foreign += 1
            continue
        found[receipt.entry] = await kept(
            receipt,
            lambda entry: hub.get(f"{url}/api/v1/ledger/entries/{entry}/proof"),
            log=log,
            now=utc_now(),
            within=within,
        )
    return found, foreign


def _tell(found: dict[str, "Kept"], foreign: int, *, as_json: bool) -> None:
    from hub.ledger.monitoring import Kept

    broken = {Kept.MISSING, Kept.CHANGED, Kept.OTHER_LOG}
    other = {entry: state for entry, state in found.items() if state is not Kept.KEPT}
    value: dict[str, Any] = {
        "receipts": len(found) + foreign,
        "kept": len(found) - len(other),
        "not_signed_by_this_hub": foreign,
        "others": [{"entry": entry, "state": state.value} for entry, state in other.items()],
    }
    lines = [f"{len(found)} receipts, {len(found) - len(other)} kept 已入账"]
    lines += [f"  {state.value:<10}{entry}" for entry, state in other.items()]
    if foreign:
        lines.append(f"  {foreign} not signed by a key that this hub publishes 签名不符")
    show(value, as_json=as_json, text="\n".join(lines))
    if foreign or any(state in broken for state in other.values()):
        raise typer.Exit(Exit.FAILED)
    if other:
        raise typer.Exit(Exit.INDETERMINATE)
