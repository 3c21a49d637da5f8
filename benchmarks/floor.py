"""The floor: a pull's signatures, verifications, row reads, row writes and commits, without any of the hub's code.

`python -m benchmarks.floor PORT HOME DATABASE CASE_NO…` opens the hub of HOME once to record what each case's pull
does, closes it, and from then on answers a request for a case by doing that again with the bare driver: the same
statements with fresh ids in the same transactions, as many ES256 signatures and verifications over messages of the same
lengths, and the same answer. It parses nothing, encrypts nothing and decides nothing.

The ledger is numbered in the background as often as the hub does it, because that too is work which pulls cause.
"""

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks.bare import serve
from benchmarks.drivers import Driver, database_of, open_driver
from benchmarks.recording import recorded
from benchmarks.script import Script, departures
from tests.support import Place, pull

DEPARTURES: Final = "floor-departures"  # a file in the home: where the pull has left the list in `script`
SEQUENCE_SECONDS: Final = 0.2  # ledger.service.STEP_SECONDS
_ALGORITHM: Final = ec.ECDSA(SHA256())


class Floor:
    """An ASGI application."""

    def __init__(self, scripts: dict[str, Script], database: str, folder: Path) -> None:
        self._scripts = scripts
        self._database = database
        self._folder = folder
        self._driver: Driver
        self._background: asyncio.Task[None]
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._public = self._key.public_key()
        self._log_key = ed25519.Ed25519PrivateKey.generate()
        self._signatures = {
            message: self._key.sign(message, _ALGORITHM) for script in scripts.values() for message in script.verified
        }

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        while (await receive()).get("more_body"):
            pass
        script = self._scripts[scope["path"].split("/")[4]]
        *before, last = script.fresh()
        for message in script.verified:
            self._public.verify(self._signatures[message], message, _ALGORITHM)
        for commit, calls in before:
            await self._driver.run(calls, commit=commit)
        for message in script.signed:
            self._key.sign(message, _ALGORITHM)
        await self._driver.run(last[1], commit=last[0])
        length = str(len(script.answer)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": script.answer})

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        self._driver = await open_driver(self._database)
        self._background = asyncio.create_task(self._sequence())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._background.cancel()
        await self._driver.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _sequence(self) -> None:
        """ledger.sequencer.Sequencer.step: number what waits; re-read and sign; store the note; keep it in a file."""
        mark = "%s" if self._database.startswith("postgresql") else "?"
        waiting = "SELECT id, recorded_at, commitment FROM ledger_entries WHERE position IS NULL ORDER BY id LIMIT 4096"
        number = f"UPDATE ledger_entries SET position = {mark} WHERE id = {mark}"  # noqa: S608  # a parameter's mark
        touch = "UPDATE ledger_head SET lease_until = lease_until"
        tail = "SELECT id, recorded_at, commitment, position FROM ledger_entries ORDER BY position DESC LIMIT 256"
        highest = await self._driver.run([("SELECT max(position) FROM ledger_entries", (), False)], commit=False)
        size = int(highest[0][0]) + 1
        while True:
            await asyncio.sleep(SEQUENCE_SECONDS)
            rows = await self._driver.run([(waiting, (), False)], commit=False)
            if not rows:
                continue
            positions = [(size + offset, row[0]) for offset, row in enumerate(rows)]
            await self._driver.run([(number, positions, True), (touch, (), False)], commit=True)
            size += len(rows)
            await self._driver.run([(tail, (), False)], commit=False)
            note = self._log_key.sign(os.urandom(120))
            await self._driver.run([(touch, (), False)], commit=True)
            with (self._folder / "floor-checkpoint").open("wb") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())


async def record(place: Place, cases: list[str]) -> dict[str, Script]:
    """What the hub does for each of these cases, once warm."""
    scripts: dict[str, Script] = {}
    async with place.open() as hub, place.client(hub) as client:
        headers = await place.headers(client)
        await pull(client, headers, cases[0], requirements=["licence"])
        since = int(time.time() * 1000)
        for case_no in cases:
            with recorded(hub.database) as recording:
                answer = await pull(client, headers, case_no, requirements=["licence"])
            assert answer.status_code == 200, answer.text
            if not scripts:
                (place.home / DEPARTURES).write_text("; ".join(departures(recording)), encoding="utf-8")
            scripts[case_no] = Script.of(recording, answer.content, since=since)
        await hub.ledger.drain()
    return scripts


if __name__ == "__main__":
    from benchmarks.town import quiet

    quiet()
    port, home, url, *numbers = sys.argv[1:]
    here = Place(Path(home), url or None)
    serve(Floor(asyncio.run(record(here, numbers)), database_of(here.home, here.database_url), here.home), int(port))
