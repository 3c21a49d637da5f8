"""The hub that is measured: a small invented town on either database, its open cases, and servers over copies."""

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import structlog

from tests.support import (
    ENTERPRISE,
    INTAKE,
    PURPOSE,
    Place,
    assertion,
    copy_home,
    enterprise_claims,
    issue,
    make_template,
    new_database,
    open_case,
    token_form,
    valid_uscc,
)

_BATCH: Final = 250
_START_SECONDS: Final = 120.0
"""The floor records 200 pulls first, which a busy machine takes its time for."""


@dataclass(frozen=True, slots=True)
class Cases:
    """Numbers of open cases: with a known person, with an unknown one, with a known number under another name."""

    known: tuple[str, ...]
    unknown: tuple[str, ...]
    mismatched: tuple[str, ...]


def enterprise(number: int) -> dict[str, str]:
    """The invented enterprise of this number, as a party of a case."""
    return {
        "id_type": "001",
        "id_number": valid_uscc(f"91990100MA{number:07d}"),
        "name": f"示例市{number}号贸易有限公司",
    }


@contextmanager
def place_for(dialect: str, folder: Path) -> Iterator[Place]:
    """Where a new hub may be founded."""
    if dialect == "sqlite":
        yield Place(folder / "home", None)
        return
    with new_database() as url:
        yield Place(folder / "home", url)


@contextmanager
def copy_of(place: Place, folder: Path) -> Iterator[Place]:
    """A copy of a closed hub, of its own database too."""
    folder.mkdir(parents=True)
    home = copy_home(place, folder)
    if place.database_url is None:
        yield Place(home, None)
        return
    with new_database(place.database_url.rsplit("/", 1)[1]) as url:
        yield Place(home, url)


def people(place: Place, *, certificates: int, cases: int) -> Cases:
    """Found a hub, issue so many licences, open so many cases of each kind, and close it."""
    return asyncio.run(_people(place, certificates, cases))


async def _people(place: Place, certificates: int, cases: int) -> Cases:
    await make_template(place)
    async with place.open() as hub:
        for first in range(0, certificates, _BATCH):
            batch = [enterprise(10 + number) for number in range(first, min(first + _BATCH, certificates))]
            await issue(hub, *(enterprise_claims(name=item["name"], uscc=item["id_number"]) for item in batch))
        async with place.client(hub) as client:
            headers = await place.headers(client)

            async def opened(party: dict[str, str]) -> str:
                return await open_case(client, headers, parties=[{"role": "applicant", **party}])

            step = max(1, certificates // cases)
            chosen = [enterprise(10 + number * step % certificates) for number in range(cases)]
            made = Cases(
                known=tuple([await opened(party) for party in chosen]),
                unknown=tuple([await opened(enterprise(5_000_000 + number)) for number in range(cases)]),
                mismatched=tuple([await opened({**party, "name": ENTERPRISE["name"]}) for party in chosen]),
            )
        await hub.ledger.drain()
    return made


def evidence_body() -> bytes:
    """The request that is measured: one requirement, met by one licence."""
    return json.dumps({"requirements": ["licence"], "purpose": PURPOSE}).encode()


@contextmanager
def process(arguments: list[str], environment: dict[str, str], port: int) -> Iterator[int]:
    """A server in a process of its own, ended afterwards; answers its id. Its log is written to a file."""
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=log) as running,
    ):
        try:
            _await_port(running, port)
            yield running.pid
        except BaseException:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - 3000))
            print(log.read().decode(errors="replace"), file=sys.stderr)
            raise
        finally:
            running.terminate()
            running.wait(20)


@contextmanager
def serving(place: Place, **settings: str) -> Iterator[tuple[int, int, str]]:
    """`yizheng serve` over a place; answers its port, its process id and an access token."""
    port = free_port()
    limits = {"YIZHENG_SYSTEM_REQUESTS_PER_MINUTE": "100000000", "YIZHENG_ACCESS_TOKEN_SECONDS": "3600"}
    command = [str(Path(sys.executable).parent / "yizheng"), "serve", "--port", str(port)]
    with process(command, {**place.environment(), **limits, **settings}, port) as pid:
        form = urlencode(token_form(assertion(place.signer(), INTAKE))).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/oauth/token", form)
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            granted: dict[str, Any] = json.load(answer)
        yield port, pid, granted["access_token"]


def module(name: str, port: int, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Command and environment of a server of this package."""
    return [sys.executable, "-m", f"benchmarks.{name}", str(port), *arguments], dict(os.environ)


def quiet() -> None:
    """Log warnings only: lines of requests made in this process are not what is looked at."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def free_port() -> int:
    """A port nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_port(running: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if running.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"no server: {running.args!r}")
