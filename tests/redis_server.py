"""A Redis server of a test's own, to be stopped, killed and flushed."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.support import free_port


class RedisServer:
    """On the loopback, in a folder of its own, keeping nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.client = Redis.from_url(self.url)

    def start(self) -> None:
        command = [
            "redis-server", "--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(self._folder),
            "--save", "", "--appendonly", "no", "--logfile", "server.log",
        ]  # fmt: skip
        self._process = subprocess.Popen(command, cwd=self._folder)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                self.client.ping()
            except RedisError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("Redis does not start")

    def kill(self) -> None:
        """As by a power cut; whoever is connected hears of it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def hang(self) -> None:
        """Connections stay open, nothing answers."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def wake(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def flush(self) -> None:
        self.client.flushall()


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A running one, for the time of the block."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server: make test installs one")
    with tempfile.TemporaryDirectory(prefix="yizheng-redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()
            server.client.close()
