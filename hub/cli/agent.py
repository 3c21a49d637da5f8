"""`yizheng agent`: the program beside a source in a network that only lets calls out."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, show

if TYPE_CHECKING:
    from hub.agent.config import AgentConfig
    from hub.runtime import Hub

app = typer.Typer(help="Agent beside a source 前置代理", no_args_is_help=True)
ConfigOption = Annotated[Path, typer.Option("--config", help="The agent's YAML 配置文件")]


@app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(help="A new folder 新建的目录")],
    client_id: Annotated[str, typer.Option("--client-id", help="What the hub will know it by 系统标识")] = "amr-agent",
    department: Annotated[str, typer.Option("--department", help="USCC of the source's department 部门代码")] = "",
    as_json: JsonOption = False,
) -> None:
    """Make a key and a commented agent.yaml; print the public key and what must be registered. 初始化前置代理"""
    from hub.agent.errors import AgentError
    from hub.agent.setup import make_folder

    try:
        jwk = make_folder(folder, client_id=client_id, department=department)
    except AgentError as error:
        fail(error.what, "name a folder that does not exist yet", Exit.USAGE)
    shown = json.dumps(jwk, ensure_ascii=False)
    text = "\n".join(
        (
            f"made {folder}: agent.yaml, agent.key.pem (0600), secrets/ (0700), system.yaml",
            "",
            "1. Give system.yaml to the hub's operator, who registers it (yizheng system add system.yaml): it names",
            "   the department and this public key. 请中枢运维登记 system.yaml，其中公钥为：",
            f"   {shown}",
            "2. The department registers the source with kind agent and connection: {agent: CLIENT_ID}.",
            "3. The operator tells you the thumbprint of the hub's key by another way than the network",
            "   (yizheng agent hub-key, on the hub's machine): it stands under hub.keys. 中枢公钥指纹须当面或电话核对",
            "4. Fill in agent.yaml, then: yizheng agent check --config agent.yaml",
        )
    )
    show({"folder": str(folder), "jwk": jwk}, as_json=as_json, text=text)


@app.command("hub-key")
def hub_key(
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """On the hub's machine: the thumbprint that agents pin. 显示中枢公钥指纹"""
    from hub.cli.common import with_hub

    async def work(hub: "Hub") -> str:
        return hub.desk.hub("hub").signer.public.thumbprint

    thumbprint = with_hub(home, work)
    show({"thumbprint": thumbprint}, as_json=as_json, text=thumbprint)


@app.command("run")
def run(config: ConfigOption = Path("agent.yaml")) -> None:
    """Serve the hub's questions until SIGTERM; opens no port. 运行前置代理"""
    from hub.agent.errors import AgentError
    from hub.agent.program import AgentProgram
    from hub.agent.setup import run_until_told
    from hub.logs import configure_logging

    configure_logging()
    loaded = _load(config)

    async def main() -> None:
        await run_until_told(AgentProgram(loaded))

    try:
        asyncio.run(main())
    except AgentError as error:
        fail(error.what, "correct it and run `yizheng agent check`", Exit.USAGE)


@app.command("check")
def check(config: ConfigOption = Path("agent.yaml"), as_json: JsonOption = False) -> None:
    """Reach the hub and the source; exit 1 with what is wrong and who must act. 检查前置代理"""
    from hub.agent.checking import checked

    loaded = _load(config)
    findings = asyncio.run(checked(loaded))
    good = all(item.ok for item in findings)
    lines = [
        f"{'ok  ' if item.ok else 'FAIL'} {item.what}" + (f"  [{item.who}] {item.advice}" if not item.ok else "")
        for item in findings
    ]
    show({"ok": good, "findings": [item.as_json() for item in findings]}, as_json=as_json, text="\n".join(lines))
    raise typer.Exit(Exit.OK if good else Exit.FAILED)


@app.command("status")
def status(
    source: Annotated[str, typer.Argument(help="Code of the source 数据源代码")],
    dead: Annotated[bool, typer.Option("--dead", help="Only deliveries given up 仅列失败的回写")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """On the hub's machine: deliveries of a source's agent, newest first. 查看回写"""
    from hub.cli.acting import acting

    found = acting(home, lambda hub, actor: hub.agents.deliveries.list(actor, source, dead=dead), writes=False)
    shown = [item.as_json() for item in found]
    lines = [
        f"{item['id']}  {item['state']}  {item['attempts']}  {item['operation']}  {item['last_error']}"
        for item in shown
    ]
    show({"deliveries": shown}, as_json=as_json, text="\n".join(lines) or "no deliveries")


@app.command("retry")
def retry(
    source: Annotated[str, typer.Argument(help="Code of the source 数据源代码")],
    delivery: Annotated[str, typer.Argument(help="Its id, from `agent status` 回写编号")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """On the hub's machine: try a delivery that was given up again. 重试回写"""
    from hub.cli.acting import acting

    acting(home, lambda hub, actor: hub.agents.deliveries.retry(actor, source, delivery))
    show({"delivery": delivery, "state": "waiting"}, as_json=as_json, text=f"delivery {delivery} is in line again")


def _load(path: Path) -> "AgentConfig":
    from hub.agent.config import read_config
    from hub.agent.errors import ConfigError

    try:
        return read_config(path)
    except ConfigError as error:
        fail(error.what, "see docs/agent.md", Exit.USAGE)
