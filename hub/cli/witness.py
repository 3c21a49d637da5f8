"""`yizheng witness`: an outside body's own program. It co-signs a hub's log, and warns of a fork. Needs no hub."""

import asyncio
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from hub.cli.common import Exit, JsonOption, fail, show

if TYPE_CHECKING:
    from hub.witness.errors import ForkError
    from hub.witness.folder import WitnessFolder
    from hub.witness.watching import HubLog
    from hub.witness.witness import Witness
    from signing.log.checkpoint import NoteVerifier

app = typer.Typer(help="Witness of a log 账本见证", no_args_is_help=True)
FolderArgument = Annotated[Path, typer.Argument(help="The witness's own folder 见证目录")]
_FORKS: Final = {
    "forked": (
        "账本分叉：同一账本签出了互相矛盾的检查点，其中至少一份是改写过的",
        "FORK: this log signed checkpoints that contradict each other; one of them was rewritten",
    ),
    "shrank": (
        "账本变短：平台给出的检查点比已见证的短（被回退，或有人在途中重放旧检查点）",
        "SHRANK: the hub shows fewer entries than were co-signed (rolled back, or somebody in between replays)",
    ),
    "groundless": (
        "检查点无依据：平台提供的树片算不出它自己签名的根",
        "GROUNDLESS: the hub's tiles do not hash to the root that its log signed",
    ),
}


@app.command("init")
def init(
    folder: FolderArgument,
    name: Annotated[str, typer.Option("--name", help="An address of yours without https:// 见证名称")],
    call: Annotated[str, typer.Option("--call", help="Whom to call about a fork 分叉时联系谁")] = "",
    as_json: JsonOption = False,
) -> None:
    """Make the witness's folder and key; print the public key to be registered. 初始化见证"""
    from hub.witness.errors import FolderError
    from hub.witness.folder import WitnessFolder

    try:
        made = WitnessFolder.make(folder, name, call=call)
    except FolderError as error:
        fail(str(error), "name a new folder, and a name like witness.example.gov.cn/w1", Exit.USAGE)
    key = made.signer.verifier.text
    lines = (
        f"made {folder}: key.pem (0600). Keep a copy of key.pem; never run one key in two places.",
        f"key 公钥  {key}",
        "1. Give this line to the hub's operators, who register it by two persons 交平台两名运维登记:",
        "   yizheng proposal make witness.add witness.json --reason …   {vkey, body, contact}",
        "2. Get the log's key from its operator by another way than the network 账本公钥须另行核对",
        f"3. yizheng witness watch {folder} --hub https://hub.example --log-key LOG_KEY",
    )
    show({"folder": str(folder), "name": name, "key": key}, as_json=as_json, text="\n".join(lines))


@app.command("watch")
def watch(
    folder: FolderArgument,
    url: Annotated[str, typer.Option("--hub", help="The hub's address 平台地址")],
    log_key: Annotated[str, typer.Option("--log-key", help="The log's key, or a file with it 账本公钥")],
    every: Annotated[int, typer.Option("--every", min=1, max=86_400, help="Seconds between looks 间隔秒数")] = 60,
    once: Annotated[bool, typer.Option("--once", help="Look once and end 只看一次")] = False,
    warn_after: Annotated[
        int, typer.Option("--warn-after", min=60, help="Seconds kept out of rounds before it says so 落后报警秒数")
    ] = 900,
    as_json: JsonOption = False,
) -> None:
    """Look, prove, co-sign, hand in. Exit 0 co-signed, 2 no proof was to be had, 3 FORK: evidence kept. 见证"""
    from hub.clock import utc_now
    from hub.witness.kept_out import KeptOut
    from hub.witness.watching import HubLog

    opened, key = _open(folder), _key(log_key)
    try:
        log = HubLog.at(url)
    except ValueError as error:
        fail(str(error), "the address of the hub: https://hub.example", Exit.USAGE)
    kept_out = KeptOut(timedelta(seconds=warn_after))
    kept_out.looked(level=True, now=utc_now())
    while True:
        level = asyncio.run(_look(opened, log, key, once=once, as_json=as_json))
        if once:
            return
        behind = kept_out.looked(level=level, now=utc_now())
        if behind is not None:
            minutes = int(behind.total_seconds() // 60)
            _say(
                f"KEPT OUT 被排除在外: nothing co-signed for {minutes} minutes, and the log goes on; call its operator"
            )
        time.sleep(every)


@app.command("serve")
def serve(
    folder: FolderArgument,
    log_keys: Annotated[list[str], typer.Option("--log-key", help="Key of a log, or a file with it 账本公钥")],
    host: Annotated[str, typer.Option("--host", help="Address to listen on 监听地址")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="Port 端口")] = 8790,
) -> None:
    """Answer C2SP tlog-witness `add-checkpoint`, for logs that call their witnesses. 提供见证服务"""
    import uvicorn

    from hub.witness.serving import application

    keys = [_key(given) for given in log_keys]
    served = application(_witness(_open(folder)), {key.name: key for key in keys})
    print(f"witness at http://{host}:{port}/add-checkpoint for {', '.join(key.name for key in keys)}", flush=True)
    uvicorn.run(served, host=host, port=port, log_level="warning", server_header=False)


async def _look(folder: "WitnessFolder", log: "HubLog", key: "NoteVerifier", *, once: bool, as_json: bool) -> bool:
    """Whether there is nothing newer than what was co-signed, or something new was."""
    from hub.outbound import OutboundError
    from hub.witness.errors import BehindError, FolderError, ForkError, UnprovenError
    from hub.witness.watching import look, newest
    from signing.errors import SigningError

    handed = True
    try:
        found = await look(_witness(folder), log, key=key)
        try:
            await log.hand_in(found.note)
        except OutboundError as error:
            handed = False
            _say(f"co-signed {found.size}, and the hub did not take it ({error}) 平台未接收")
            _say("is this key registered? If it was just now, look again 登记了吗？刚登记的，请再试一次")
    except ForkError as error:
        _forked(folder, key, error)
    except FolderError as error:
        fail(str(error), "a witness that forgot what it signed must not go on", Exit.UNAVAILABLE)
    except (OutboundError, SigningError, UnprovenError, BehindError) as error:
        text = f"nothing co-signed 未见证: {error}"
        if once:
            fail(text, "ask again; over another line if it stays so", Exit.INDETERMINATE)
        _say(text)
        return False
    value = {"entries": found.size, "before": found.before, "handed_in": handed}
    since = "the first 首次" if found.before is None else f"before 此前 {found.before}"
    show(value, as_json=as_json, text=f"{found.size} entries co-signed 已见证 ({since})")
    if once and not handed:
        raise typer.Exit(Exit.INDETERMINATE)
    if once or not handed or found.before is None or found.size > found.before:
        return handed
    try:
        return await newest(log, key=key) <= found.size
    except (OutboundError, SigningError):
        return False


def _forked(folder: "WitnessFolder", key: "NoteVerifier", error: "ForkError") -> NoReturn:
    zh, en = _FORKS[error.reason]
    whom = folder.call or "the hub's operator and its supervisor, by a number of your own 运行单位及其监督部门"
    _say(f"{zh}\n{en}\nlog 账本      {key.name}\nevidence 证据  {error.evidence}: seen.txt, shown.txt, proof.json")
    _say(f"NOT co-signed 未见证. Ask once more over another line, then call 请换线路复查后联系: {whom}")
    raise typer.Exit(Exit.FORKED)


def _open(path: Path) -> "WitnessFolder":
    from hub.witness.errors import FolderError
    from hub.witness.folder import WitnessFolder

    try:
        return WitnessFolder(path)
    except FolderError as error:
        fail(str(error), "make one with `yizheng witness init`", Exit.USAGE)


def _witness(folder: "WitnessFolder") -> "Witness":
    from hub.clock import utc_now
    from hub.witness.witness import Witness

    return Witness(folder, clock=utc_now)


def _key(given: str) -> "NoteVerifier":
    from signing.errors import SigningError
    from signing.log.checkpoint import NoteVerifier

    try:
        text = Path(given).read_text(encoding="utf-8") if "+" not in given else given
        return NoteVerifier.from_text(text.strip())
    except (OSError, ValueError, SigningError) as error:
        fail(
            f"--log-key: no key of a log ({error})",
            "the line of /.well-known/tlog-key, compared another way",
            Exit.USAGE,
        )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
