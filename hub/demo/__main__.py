"""`make demo`: found a throw-away hub, walk a case, then keep serving (or end, with --once)."""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from hub.clock import rfc3339, utc_now
from hub.demo.case import CaseWalk
from hub.demo.client import HubClient
from hub.demo.desks import tell_desks
from hub.demo.steps import StepFailedError, Walk, require
from hub.web.walk import record_walk
from signing.log.checkpoint import NoteVerifier

_START_SECONDS = 30
_TELEPHONE = "0990-0100000"
"""Invented: no number in a city begins with 0."""


def main() -> int:
    """Exit code 0 only if every step held; 2 where the port is taken."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the walk, on any free port")
    parser.add_argument("--port", type=int, default=8700)
    options = parser.parse_args()
    port = _free_port() if options.once else options.port
    if _taken(port):
        print(f"端口 {port} 已被占用：make demo PORT=8701   port {port} is taken: make demo PORT=8701", file=sys.stderr)
        return 2
    for ended in (signal.SIGTERM, signal.SIGHUP):  # else the home and the server would outlive it
        signal.signal(ended, lambda number, _frame: sys.exit(128 + number))
    home = Path(tempfile.mkdtemp(prefix="yizheng-demo-"))
    try:
        return _run(home / "hub", port, once=options.once)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # make and a supervisor may both say it
        shutil.rmtree(home, ignore_errors=True)


def _run(home: Path, port: int, *, once: bool) -> int:
    console = Console(soft_wrap=True)
    walk = Walk(console)
    base = f"http://127.0.0.1:{port}"
    environment = {"YIZHENG_SITE_TELEPHONE": _TELEPHONE, **os.environ, "YIZHENG_HOME": str(home)}
    console.rule("一证 Yizheng — 以一证通办代替层层证明")
    founded: dict[str, Any] = {}
    with ExitStack() as ending:
        try:
            found = partial(_found, environment, base, founded)
            walk.step("建立中枢与示例城市", "Found a hub with the sample city", found)
            server = _serve(environment, port, home)
            ending.callback(_stop, server)
            sample = json.loads((home / "sample" / "sample.json").read_text(encoding="utf-8"))
            system = sample["systems"][0]
            key_file = home / "sample" / system["private_key_file"]
            client = HubClient(base, client_id=system["client_id"], key_file=key_file)
            walk.step("启动服务", "Start the server", lambda: _wait(client, server))
            case = CaseWalk(client, sample, NoteVerifier.from_text(founded["log_verifier"]))
            _walk_case(walk, case, environment, home)
        except StepFailedError:
            console.print("[red]演示未通过 the walk did not hold[/]")
            return 1
        _record(home, walk, case, base)
        console.rule(f"原需 {case.papers_before()} 份材料，仍需 {len(case.answer['still_needed'])} 份")
        if once:
            return 0
        tell_desks(console, base, sample, partial(_call, environment))
        with suppress(KeyboardInterrupt):
            server.wait()
    return 0


def _walk_case(walk: Walk, case: CaseWalk, environment: dict[str, str], home: Path) -> None:
    pack = home / "trust.pack"
    remembered = home / "checkpoint.txt"
    walk.step("系统登录", "Sign in", case.sign_in)
    walk.step("建立办件", "Open a case", case.open)
    walk.step("一次取齐证明", "Pull the evidence", case.pull)
    walk.step("查询部门数据接口", "Ask a department's interface", case.ask_a_source)
    walk.step("重复请求", "Ask again", case.same_again)
    walk.step("先记账，后返回", "Logged before it left", case.in_the_log)
    remembered.write_text(case.checkpoint, encoding="utf-8")
    walk.step("加注件只给一个接收方", "A copy for one receiver", case.copy_for_one_receiver)
    walk.step("给人看的版面", "A page for people", lambda: case.page_for_people(home / "copy.pdf"))
    _call(environment, "export-trust", str(pack))
    walk.step("离线核验", "Verify offline", lambda: case.offline(pack))
    walk.step("冒名查询", "A wrong name", case.wrong_name)
    identifier = case.certificate_to_revoke()
    _call(environment, "certificate", "revoke", identifier, "--reason", "演示撤销", "--legal-basis", "演示")
    walk.step("撤销立即生效", "Revocation acts at once", lambda: case.revoked(identifier))
    walk.step("办结", "Close the case", case.close)
    walk.step("二十年后", "In twenty years", lambda: _in_twenty_years(environment, case, home, pack))
    walk.step("核验整本账", "Verify the whole log", lambda: _ledger(environment, remembered))


def _serve(environment: dict[str, str], port: int, home: Path) -> subprocess.Popen[bytes]:
    with (home / "server.log").open("wb") as log:
        return subprocess.Popen(_yizheng("serve", "--port", str(port)), env=environment, stdout=log, stderr=log)  # noqa: S603


def _found(environment: dict[str, str], base: str, founded: dict[str, Any]) -> tuple[str, str]:
    result = _call(environment, "init", "--sample", "--public-url", base, "--json")
    founded.update(json.loads(result.splitlines()[-1]))
    sample = json.loads(Path(founded["sample"]).read_text(encoding="utf-8"))
    departments, types, matters = len(sample["departments"]), len(sample["certificate_types"]), len(sample["matters"])
    return (
        f"{departments} 个部门、{types} 类证照、{matters} 个事项，300 人与 300 家企业的证照已签发",
        f"{departments} departments, {types} certificate types, {matters} matters; for 300 persons and 300 enterprises",
    )


def _wait(client: HubClient, server: subprocess.Popen[bytes] | None) -> tuple[str, str]:
    deadline = time.monotonic() + _START_SECONDS
    while not client.ready():
        require(server is not None and server.poll() is None, "the server stopped; is the port taken?")
        require(time.monotonic() < deadline, "the server was not ready in time")
        time.sleep(0.05)
    return "存储、状态、账本均就绪", "database, status and ledger are ready"


def _in_twenty_years(environment: dict[str, str], case: CaseWalk, home: Path, pack: Path) -> tuple[str, str]:
    package, roots = home / "archive.zip", home / "roots.pem"
    made = case.archive(package, roots, pack)
    later = rfc3339(utc_now() + timedelta(days=20 * 366))
    _call(environment, "archive", "verify", str(package), "--anchors", str(roots), "--at", later)
    return (
        f"{made[0]}，二十年后的时钟下不经系统也核验通过：{package}",
        f"{made[1]} passes without the hub, by a clock of twenty years from now: {package}",
    )


def _ledger(environment: dict[str, str], remembered: Path) -> tuple[str, str]:
    report = json.loads(_call(environment, "ledger", "verify", "--against", str(remembered), "--json"))
    require(report["intact"] and report["rollback_checked"], f"the log is not intact: {report['findings']}")
    return (
        f"{report['entries']} 条全部核对无误，未被改写、删除或回退",
        f"{report['entries']} entries re-hashed: nothing changed, removed or rolled back",
    )


def _record(home: Path, walk: Walk, case: CaseWalk, base: str) -> None:
    system = case.client.client_id
    curl = (
        f'TOKEN="$(YIZHENG_HOME={home} .venv/bin/yizheng token {system})"\n'
        f'curl -H "Authorization: Bearer $TOKEN" {base}/api/v1/matters'
    )
    record_walk(
        home,
        {
            "caption_zh": "一对夫妻申请公积金贷款，各出示一个证件",
            "caption_en": "A couple asks for a housing-fund loan and shows one ID each",
            "steps": [asdict(step) for step in walk.steps],
            "papers_before": case.papers_before(),
            "papers_asked": len(case.answer["still_needed"]),
            "curl": curl,
        },
    )


def _yizheng(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hub.cli", *arguments]


def _call(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(_yizheng(*arguments), env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    require(done.returncode == 0, f"yizheng {arguments[0]}: {done.stderr.strip()[-500:]}")
    return done.stdout


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _taken(port: int) -> bool:
    """Else the walk would go through somebody else's hub."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
