"""`yizheng worker`: what a server does in the background, without the server."""

import asyncio
import signal
from typing import TYPE_CHECKING

from hub.cli.common import HomeOption, settings_of, with_hub

if TYPE_CHECKING:
    from hub.runtime import Hub


def worker(home: HomeOption = None) -> None:
    """Run jobs, and stand by to sequence the log, until SIGTERM. 后台工作进程"""
    from hub.logs import configure_logging

    configure_logging()
    settings = settings_of(home)

    async def work(hub: "Hub") -> None:
        from hub.runtime import at_work

        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        async with at_work(hub):
            print(f"working 工作中 — {settings.home}", flush=True)
            await ended.wait()

    with_hub(home, work)
