"""Receipts held against a log from outside: kept, waiting, missing, changed; by the command, over a line."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from hub.clock import rfc3339, utc_now
from hub.ledger.monitoring import receipts_in
from hub.ledger.receipts import RECEIPT_TYPE
from signing.canonical import canonical
from signing.jose import sign_jws
from signing.keys import SoftwareSigner
from signing.log.checkpoint import Checkpoint, NoteSigner, sign_note
from signing.log.merkle import HashTree, inclusion_proof, leaf_hash
from tests.hub.command import Done, yizheng
from tests.support import Place

LOG, HUB, STRANGER = NoteSigner.generate("log.example"), SoftwareSigner.generate("hub"), SoftwareSigner.generate("hub")


class City:
    """A hub that promises entries, and keeps those that it is told to keep."""

    def __init__(self) -> None:
        self.leaves: dict[str, bytes] = {}
        self.status = 404

    def promise(self, entry: str, *, age: int = 3600, keep: bool = True, signer: Any = HUB, log: str = "") -> str:
        time = rfc3339(utc_now() - timedelta(seconds=age))
        leaf = {"commitment": f"c-{entry}", "id": entry, "time": time}
        if keep:
            self.leaves[entry] = canonical(leaf)
        claims = {"iss": "hub", "log": log or LOG.name, "entry": entry, "time": time, "commitment": f"c-{entry}"}
        return sign_jws(claims, signer=signer, typ=RECEIPT_TYPE)

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        if path == "/.well-known/jwks.json":
            return 200, {"keys": [HUB.public.jwk]}
        entry = path.split("/")[-2]
        if entry not in self.leaves:
            return self.status, {}
        tree = HashTree(leaf_hash(leaf) for leaf in self.leaves.values())
        index = list(self.leaves).index(entry)
        proof = [b64encode(node).decode() for node in inclusion_proof(index, tree.size, tree.node)]
        note = sign_note(Checkpoint(LOG.name, tree.size, tree.root()).body(), LOG)
        return 200, {"leaf": self.leaves[entry].decode(), "index": index, "path": proof, "checkpoint": note}


@pytest.fixture
def city() -> Iterator[tuple[City, str]]:
    found = City()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = found.answer(self.path)
            self.send_response(status)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    yield found, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


async def monitored(tmp_path: Path, url: str, *texts: str) -> Done:
    files = []
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.json").write_text(text)
        files.append(str(tmp_path / f"{number}.json"))
    (tmp_path / "key").write_text(LOG.verifier.text + "\n")
    nowhere = Place(tmp_path / "none", None)
    key = str(tmp_path / "key")
    return await yizheng(nowhere, "ledger", "monitor", *files, "--hub", url, "--key", key, "--patience", "0", "--json")


async def test_receipts_that_were_kept_are_counted_wherever_they_stand(city: tuple[City, str], tmp_path: Path) -> None:
    town, url = city
    tokens = [town.promise(f"e-{number}") for number in range(5)]
    answer = json.dumps({"items": [{"receipt": tokens[0]}, {"receipt": tokens[1]}], "bundle": "eyJhbGciOiJ4In0.e30.AA"})
    done = await monitored(tmp_path, url, answer, "\n".join(tokens[1:]))
    assert done.code == 0
    assert done.json() == {"receipts": 5, "kept": 5, "not_signed_by_this_hub": 0, "others": []}


async def test_one_that_was_not_kept_is_named(city: tuple[City, str], tmp_path: Path) -> None:
    town, url = city
    good = town.promise("e-good")
    waits = town.promise("e-new", age=1, keep=False)
    done = await monitored(tmp_path, url, f"{good}\n{waits}\n")
    assert (done.code, done.json()["others"]) == (2, [{"entry": "e-new", "state": "waits"}])
    gone = town.promise("e-gone", keep=False)
    never = town.promise("e-never", age=-86_400, keep=False)  # promised for tomorrow, and each day for the next
    changed = town.promise("e-changed")
    town.leaves["e-changed"] = town.leaves["e-changed"].replace(b"c-e", b"d-e")
    elsewhere = town.promise("e-other", log="log.example/2")
    forged = town.promise("e-forged", signer=STRANGER)
    done = await monitored(tmp_path, url, f"{good} {waits} {gone} {never} {changed} {elsewhere} {forged}")
    found = {item["entry"]: item["state"] for item in done.json()["others"]}
    town.leaves.pop("e-good")
    twice = await monitored(tmp_path, url, f"{town.promise('e-good', age=1800)} {good}")  # one entry, promised as two
    assert (twice.code, twice.json()["others"]) == (1, [{"entry": "e-good", "state": "changed"}])
    assert done.code == 1
    missing = {"e-gone": "missing", "e-never": "missing"}
    assert found == {"e-new": "waits", "e-changed": "changed", "e-other": "other_log"} | missing
    assert (done.json()["kept"], done.json()["not_signed_by_this_hub"]) == (1, 1)


async def test_a_hub_that_keeps_silent_when_the_time_is_over_is_raised_too(
    city: tuple[City, str], tmp_path: Path
) -> None:
    town, url = city
    gone, new = town.promise("e-gone", keep=False), town.promise("e-new", age=1, keep=False)
    town.status = 500
    done = await monitored(tmp_path, url, new)
    assert (done.code, done.json()["others"]) == (2, [{"entry": "e-new", "state": "unknown"}])
    done = await monitored(tmp_path, url, gone)
    assert (done.code, done.json()["others"]) == (1, [{"entry": "e-gone", "state": "unanswered"}])
    assert (await monitored(tmp_path, "http://127.0.0.1:9", gone)).code == 1  # nobody there at all
    assert (await monitored(tmp_path, url, "nothing here")).code == 64


def test_only_receipts_are_taken_for_receipts() -> None:
    other = sign_jws({"a": 1}, signer=HUB, typ="JWT")
    mine = City().promise("e-1")
    assert receipts_in(f"{other} {mine[:40]}") == ()
    assert receipts_in(f'{other} "{mine}", {mine}') == (mine,)
