"""`yizheng key compromised`, `resume`, `revoking`, `touched`: when a key may be in other hands."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.acting import ReasonOption
from hub.cli.common import Exit, HomeOption, JsonOption, fail, show
from hub.cli.key_acting import KidArgument, acting

if TYPE_CHECKING:
    from hub.access.actors import Actor
    from hub.runtime import Hub

BasisOption = Annotated[str, typer.Option("--legal-basis", help="Legal basis 法律依据")]


def compromised(
    kid: KidArgument,
    since: Annotated[str, typer.Option("--since", help="2026-11-22T08:00:00+08:00 自何时起")],
    reason: ReasonOption,
    legal_basis: BasisOption,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop a key at once, and propose to revoke what it signed since; a second operator confirms. 密钥泄露"""
    payload = {"kid": kid, "since": since, "reason": reason, "legal_basis": legal_basis}
    _propose("key.compromised", payload, reason, home, as_json=as_json)


def resume(kid: KidArgument, reason: ReasonOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Propose to put a stopped key back to work: the suspicion was wrong. 恢复密钥"""
    _propose("key.resume", {"kid": kid}, reason, home, as_json=as_json)


def revoking(kid: KidArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """How far the revoking of what a compromised key signed is. 撤销进度"""
    found = acting(home, lambda hub, actor: hub.keyring.emergency.progress(actor, kid), writes=False)
    text = "\n".join(f"{name}: {value}" for name, value in (found or {}).items()) or "none 无"
    show(found or {}, as_json=as_json, text=text)


def touched(
    kid: KidArgument,
    since: Annotated[str | None, typer.Option("--since", help="Only from this instant on 自何时起")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every licence, page, offline code and seal that this key signed, one a line, as it stands now. 该密钥所签全部"""
    from datetime import datetime

    try:
        moment = datetime.fromisoformat(since).astimezone() if since else None
    except ValueError:
        fail("--since is an instant", "2026-11-22T08:00:00+08:00", Exit.USAGE)

    async def work(hub: "Hub", actor: "Actor") -> int:
        from hub.issuing.touched import Touch

        await hub.keyring.keys.show(actor, kid)
        count = 0
        async for item in await hub.touched.stream(actor, Touch(key=kid)):
            if moment is not None and datetime.fromisoformat(item["made_at"]) < moment:
                continue
            count += 1
            form = item.get("format", "")
            plain = f"{item['identifier']}  {item['what']} {form}".rstrip()
            plain += f"  {item['state']}  {item['status'] or ''}".rstrip() + f"  {item['made_at']}"
            plain += "" if item["guard"] == "ok" else "  row altered 行被改动"
            print(json.dumps(item, ensure_ascii=False) if as_json else plain)
        return count

    print(acting(home, work), file=sys.stderr)


def _propose(action: str, payload: dict[str, Any], reason: str, home: Path | None, *, as_json: bool) -> None:
    found = acting(home, lambda hub, actor: hub.sharing.proposals.propose(actor, action, payload, reason))
    advice = "another operator confirms it in the console; `yizheng proposal list` shows it"
    show(found.as_json(), as_json=as_json, text=f"{found.id} {found.state} {found.action}\n{advice}")
