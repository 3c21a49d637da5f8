"""`yizheng serve` and `yizheng check`."""

import json
import os
import socket
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.common import Exit, HomeOption, JsonOption, fail, kept, settings_of, show, with_hub

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from hub.runtime import Hub


def serve(
    home: HomeOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on 监听地址")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port 端口")] = 8700,
    workers: Annotated[int, typer.Option(min=1, help="Processes; more than one needs PostgreSQL and Redis")] = 1,
) -> None:
    """Run the hub. 运行中枢"""
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    with kept():
        from hub.app import create_app
    from hub.exchange.agents.errands import announced
    from hub.logs import configure_logging
    from hub.web.banner import banner

    settings = settings_of(home)
    if not (settings.home / "hub.json").exists():
        fail(f"there is no hub in {settings.home}", "run `yizheng init --sample` first", Exit.USAGE)
    if workers > 1 and not (settings.redis_url and settings.database_url):
        fail(
            "SQLite and the in-process cache, jobs and locks serve one process",
            "run one worker, or set YIZHENG_DATABASE_URL (PostgreSQL) and YIZHENG_REDIS_URL",
            Exit.USAGE,
        )
    if not _free(host, port):
        fail(f"{host}:{port} is taken", "choose another with --port", Exit.USAGE)
    # A hub that must not start says so in one line, before there is a server.
    first_step = with_hub(home, _first_step)
    configure_logging()
    print(banner(settings, host=host, port=port, first_step=first_step), flush=True)
    os.environ["YIZHENG_HOME"] = str(settings.home)  # further processes read it by themselves
    config = uvicorn.Config(
        create_app(settings) if workers == 1 else "hub.cli.serve:application",
        factory=workers > 1,
        workers=workers,
        host=host,
        port=port,
        http="httptools",
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.forwarded_allow_ips),
        forwarded_allow_ips=settings.forwarded_allow_ips or None,
        timeout_graceful_shutdown=10,
    )
    if workers == 1:
        with announced(settings.home, host, port):
            uvicorn.Server(config).run()
    else:
        Multiprocess(config, sockets=[config.bind_socket()]).run()


def application() -> "ASGIApp":
    """The application of one of several processes, from the environment."""
    with kept():
        from hub.app import create_app
    from hub.logs import configure_logging
    from hub.settings import Settings

    configure_logging()
    return create_app(Settings.load())


def check(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Validate settings and open the hub as `serve` would, without serving. 检查配置"""
    settings = settings_of(home)
    if not with_hub(home, lambda hub: hub.cache.reachable()):
        fail(
            "Redis does not answer",
            "look at the server and at YIZHENG_REDIS_URL; the hub serves without it, each process for itself",
            Exit.UNAVAILABLE,
        )
    shown = json.loads(settings.model_dump_json())
    show(
        shown,
        as_json=as_json,
        text="\n".join(f"{name:<28} {value}" for name, value in shown.items()) + "\nall good 检查通过",
    )


async def _first_step(hub: "Hub") -> str | None:
    """How the first operator gets in: at a terminal the link itself, elsewhere the command that prints it.

    What is no terminal is collected and kept, and whoever reads a link there first is the operator.
    """
    if sys.stdout.isatty():
        return await hub.staff.first_link()
    return "yizheng staff invite" if await hub.staff.nobody_yet() else None


def _free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
