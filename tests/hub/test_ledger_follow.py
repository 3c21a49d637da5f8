"""An auditor outside, with the log's key and an old checkpoint: growth is told from rewriting."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from hub.ledger.errors import RewrittenError
from hub.ledger.following import follow
from hub.outbound import OutboundError, _object
from hub.runtime import Hub
from signing.errors import SigningError
from signing.log.checkpoint import Checkpoint, NoteSigner, sign_note
from signing.log.merkle import HashTree, consistency_proof, leaf_hash
from tests.hub.command import yizheng
from tests.hub.logbook import add
from tests.support import Place

SIGNER = NoteSigner.generate("log.example")


class Log:
    """A log that signs whatever it is told to."""

    def __init__(self, *leaves: str) -> None:
        self.tree = HashTree(leaf_hash(leaf.encode()) for leaf in leaves)

    @property
    def note(self) -> str:
        return sign_note(Checkpoint("log.example", self.tree.size, self.tree.root()).body(), SIGNER)

    def answer(self, size: int) -> dict[str, Any]:
        path = consistency_proof(size, self.tree.size, self.tree.node)
        return {"from": size, "path": [b64encode(node).decode() for node in path], "checkpoint": self.note}

    async def ask(self, size: int) -> dict[str, Any]:
        return self.answer(size)


async def test_growth_is_growth_and_all_else_is_evidence() -> None:
    log = Log("a", "b", "c")
    first = await follow(log.ask, verifier=SIGNER.verifier, remembered=None)
    assert (first.size, first.before) == (3, None)
    again = await follow(log.ask, verifier=SIGNER.verifier, remembered=first.note)
    assert (again.size, again.before) == (3, 3)
    grown = await follow(Log(*"abcdefg").ask, verifier=SIGNER.verifier, remembered=first.note)
    assert (grown.size, grown.before) == (7, 3)
    for other, reason in ((Log("a", "b"), "shrank"), (Log("a", "x", "c"), "forked"), (Log(*"axcdefg"), "forked")):
        with pytest.raises(RewrittenError) as told:
            await follow(other.ask, verifier=SIGNER.verifier, remembered=first.note)
        assert (told.value.reason, told.value.note) == (reason, other.note)


async def test_what_another_key_signed_is_no_answer() -> None:
    stranger = NoteSigner.generate("log.example").verifier
    with pytest.raises(SigningError):
        await follow(Log("a").ask, verifier=stranger, remembered=None)
    with pytest.raises(SigningError):
        await follow(Log("a").ask, verifier=SIGNER.verifier, remembered="x\n")

    async def silent(_: int) -> dict[str, Any]:
        return {"checkpoint": None}

    async def odd(size: int) -> dict[str, Any]:
        return Log("a").answer(size) | {"path": [None]}

    for answer in (silent, odd):
        with pytest.raises(ValueError, match="no proof"):
            await follow(answer, verifier=SIGNER.verifier, remembered=None)


def test_an_answer_that_is_nested_without_end_is_none() -> None:
    with pytest.raises(OutboundError, match="not_json"):
        _object(b'{"path":' + b"[" * 100_000)


@pytest.mark.embedded
async def test_the_hubs_own_log_is_followed(hub: Hub, client: httpx2.AsyncClient) -> None:
    from signing.log.checkpoint import NoteVerifier

    async def ask(size: int) -> dict[str, Any]:
        return dict((await client.get("/api/v1/ledger/consistency", params={"size": size})).json())

    await hub.ledger.drain()
    verifier = NoteVerifier.from_text((await client.get("/.well-known/tlog-key")).text.strip())
    first = await follow(ask, verifier=verifier, remembered=None)
    await add(hub, 5)
    await hub.ledger.drain()
    second = await follow(ask, verifier=verifier, remembered=first.note)
    assert (second.before, second.size) == (first.size, first.size + 5)


@pytest.fixture
def served() -> Iterator[tuple[str, dict[str, Log]]]:
    """A log behind an address."""
    logs = {"now": Log(*"abc")}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(parse_qs(urlsplit(self.path).query)["size"][0])
            body = json.dumps(logs["now"].answer(size)).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", logs
    server.shutdown()
    server.server_close()
    thread.join()


def refused_in(folder: Path) -> list[str]:
    return sorted(path.read_text() for path in folder.glob("checkpoint.refused*"))


async def test_the_command_keeps_the_checkpoint_up_and_keeps_the_evidence(
    served: tuple[str, dict[str, Log]], tmp_path: Path
) -> None:
    url, logs = served
    key, kept = tmp_path / "key", tmp_path / "checkpoint"
    key.write_text(SIGNER.verifier.text + "\n")
    arguments = ("ledger", "follow", url, "--key", str(key), "--remember", str(kept), "--json")
    nowhere = Place(tmp_path / "none", None)
    assert (await yizheng(nowhere, *arguments)).json() == {"entries": 3, "before": None}
    logs["now"] = Log(*"abcde")
    assert (await yizheng(nowhere, *arguments)).json() == {"entries": 5, "before": 3}
    assert kept.read_text() == logs["now"].note
    logs["now"] = Log(*"abxdefg")
    done = await yizheng(nowhere, *arguments)
    assert (done.code, done.out) == (1, "")
    assert kept.read_text() == Log(*"abcde").note
    assert (tmp_path / "checkpoint.refused").read_text() == logs["now"].note
    other, logs["now"] = logs["now"].note, Log(*"ab")
    for _ in range(2):
        assert (await yizheng(nowhere, *arguments)).code == 1
    assert refused_in(tmp_path) == sorted([other, logs["now"].note]), "each is kept, and once"
    key.write_text(NoteSigner.generate("log.example").verifier.text)
    assert (await yizheng(nowhere, *arguments)).code == 2
    key.write_text("no key")
    assert (await yizheng(nowhere, *arguments)).code == 64
