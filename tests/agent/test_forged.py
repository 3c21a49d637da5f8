"""Neither side believes what the other did not sign: a hub without its key, an agent without its own."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from adapters.port import Budget, Context
from hub.agent.wire import Party, Question, sign_answer, sign_question
from hub.clock import new_id, utc_now
from signing.canonical import b64u, canonical
from signing.jose import take_apart
from signing.keys import SoftwareSigner
from tests.agent.conftest import Scene
from tests.agent.running import CLIENT, OPERATION, SOURCE, started, wait_until
from tests.exchange.conftest import row
from tests.support import ENTERPRISE, INTAKE, PUBLIC_URL

pytestmark = pytest.mark.embedded
HUB = SoftwareSigner.generate()
STRANGER = SoftwareSigner.generate()
TO_AGENT = Party(PUBLIC_URL, CLIENT)


@dataclass
class Impostor:
    """What answers at the hub's address: it shows the hub's public key and hands out what it likes."""

    items: list[str]
    port: int = 0
    answers: list[tuple[str, str]] = field(default_factory=list)


def question(**changes: Any) -> Question:
    given: dict[str, Any] = {
        "id": new_id(),
        "source": SOURCE,
        "operation": OPERATION,
        "attempt": 1,
        "params": {"uscc": ENTERPRISE["id_number"]},
        "budget": Budget(),
        "context": Context(),
    }
    return Question(**(given | changes))


def unsigned() -> str:
    head = b64u(canonical({"alg": "none", "typ": "agent-question+jwt", "kid": HUB.kid}))
    return f"{head}.{sign_question(question(), signer=HUB, party=TO_AGENT, now=utc_now()).split('.')[1]}."


def signed(signer: SoftwareSigner = HUB, party: Party = TO_AGENT, hours: int = 0, **changes: Any) -> str:
    return sign_question(question(**changes), signer=signer, party=party, now=utc_now() - timedelta(hours=hours))


@contextlib.contextmanager
def impostor(items: list[str]) -> Iterator[Impostor]:
    state = Impostor(list(items))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self._say({"keys": [HUB.public.jwk, STRANGER.public.jwk]})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/oauth/token":
                self._say({"access_token": "t", "expires_in": 300})
            elif self.path.endswith("/poll"):
                wanted = json.loads(body)["take"]
                if wanted and state.items:
                    self._say({"item": state.items.pop(0)})
                else:
                    time.sleep(0.05)
                    self._say(None)
            else:
                state.answers.append((self.path.rsplit("/", 1)[1], self.headers["agent-answer"]))
                self._say({"accepted": True})

        def _say(self, value: Any) -> None:
            content = b"" if value is None else json.dumps(value).encode()
            self.send_response(204 if value is None else 200)
            if value is not None:
                self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def test_the_agent_answers_only_what_the_pinned_hub_asked_it_now_and_once(scene: Scene) -> None:
    genuine = signed()
    head, body, signature = signed().split(".")
    other = signed(operation="another").split(".")[1]
    forged = {
        "alg": unsigned(),
        "kid": signed(STRANGER),
        "signature": f"{head}.{other}.{signature}",
        "audience": signed(party=Party(PUBLIC_URL, "somebody-else")),
        "issuer": signed(party=Party("https://elsewhere.example", CLIENT)),
        "source": signed(source="another-source"),
        "expired": signed(hours=1),
        "repeated": genuine,
    }
    assert body != other
    with impostor([genuine, *forged.values(), signed(id="0" * 36, operation="another")]) as hub:
        declared = scene.declared | {"concurrency": 1}
        own = declared["hub"] | {"url": f"http://127.0.0.1:{hub.port}", "keys": [HUB.public.thumbprint]}
        scene.agent.write(declared | {"hub": own})
        with started(scene.agent):
            wait_until(lambda: scene.agent.log.count("question_answered") == 2, "no answer")
        assert len(hub.answers) == 2
    lines = [json.loads(line) for line in scene.agent.log.splitlines() if line.startswith("{")]
    refused = [line["reason"] for line in lines if line["event"] == "question_refused"]
    assert refused == ["alg", "kid", "signature", "audience", "issuer", "source", "expired", "repeated"]
    outcomes = [line["outcome"] for line in lines if line["event"] == "question_answered"]
    assert outcomes == ["ok", "definition"]


async def test_a_token_seen_before_a_restart_is_refused_after_it(scene: Scene) -> None:
    genuine = signed()
    for asked in ([genuine], [genuine, signed()]):
        with impostor(asked) as hub:
            own = scene.declared["hub"] | {"url": f"http://127.0.0.1:{hub.port}", "keys": [HUB.public.thumbprint]}
            scene.agent.write(scene.declared | {"hub": own, "concurrency": 1})
            with started(scene.agent):
                wait_until(lambda hub=hub: len(hub.answers) == 1, "the question is not answered")
    assert '"reason": "repeated"' in scene.agent.log


async def test_a_hub_whose_key_is_not_pinned_is_not_answered(scene: Scene) -> None:
    with impostor([signed()]) as hub:
        own = scene.declared["hub"] | {"url": f"http://127.0.0.1:{hub.port}", "keys": ["x" * 43]}
        scene.agent.write(scene.declared | {"hub": own})
        with started(scene.agent):
            wait_until(lambda: '"code": "hub_key"' in scene.agent.log, "it does not say so")
        assert hub.answers == []


def word(signer: SoftwareSigner, subject: str, content: str) -> dict[str, str]:
    party = Party(CLIENT, PUBLIC_URL)
    token = sign_answer(subject, content.encode(), None, signer=signer, party=party, jti=new_id(), now=utc_now())
    return {"token": token, "content": content}


async def test_the_hub_takes_an_answer_from_the_agent_it_asked_and_from_nobody_else(scene: Scene) -> None:
    headers = await scene.agent_headers()
    poll = f"/api/v1/agents/{SOURCE}/poll"
    beat = {"instance": new_id(), "version": "1", "wait_seconds": 0.0}
    assert (await scene.client.post(poll, json=beat, headers=headers)).status_code == 204
    asking = asyncio.create_task(scene.query())
    taken = await scene.client.post(poll, json=beat | {"wait_seconds": 20.0}, headers=headers)
    claims = json.loads(take_apart(taken.json()["item"]).payload)
    path = f"/api/v1/agents/{SOURCE}/answers/{claims['jti']}"
    content = json.dumps({"rows": [], "as_of": None})
    mine = word(scene.agent.signer, claims["jti"], content)
    stranger = await scene.place.headers(scene.client, INTAKE)
    refused = [
        (await scene.client.post(path, json=mine, headers=stranger)).status_code,
        (await scene.client.post(poll, json=beat, headers=stranger)).status_code,
        (await scene.client.post(path, json=word(STRANGER, claims["jti"], content), headers=headers)).status_code,
        (await scene.client.post(path, json=mine | {"content": '{"rows": [{}]}'}, headers=headers)).status_code,
        (await scene.client.post(path, json=word(scene.agent.signer, new_id(), content), headers=headers)).status_code,
    ]
    assert refused == [404, 404, 422, 422, 422]
    assert not asking.done()
    assert (await scene.client.post(path, json=mine, headers=headers)).json() == {"accepted": True}
    assert (await asking)["outcome"] == "declared_none"
    late = await scene.client.post(path, json=mine, headers=headers)
    assert late.json() == {"accepted": False}


@pytest.mark.parametrize("kind", ["long", "too long"])
async def test_a_long_content_comes_as_it_is_and_no_longer_than_the_question_allows(scene: Scene, kind: str) -> None:
    headers = await scene.agent_headers()
    poll = f"/api/v1/agents/{SOURCE}/poll"
    beat = {"instance": new_id(), "version": "1", "wait_seconds": 0.0}
    await scene.client.post(poll, json=beat, headers=headers)
    asking = asyncio.create_task(scene.query())
    taken = await scene.client.post(poll, json=beat | {"wait_seconds": 20.0}, headers=headers)
    claims = json.loads(take_apart(taken.json()["item"]).payload)
    found_row = row(uscc=ENTERPRISE["id_number"], remark="x" * 1_000_000)
    content = json.dumps({"rows": [found_row], "as_of": None}).encode()
    content += b" " * (0 if kind == "long" else 2 * claims["budget"]["max_bytes"])
    token = word(scene.agent.signer, claims["jti"], content.decode())["token"]
    raw = {"Agent-Answer": token, "Content-Type": "application/octet-stream"}
    path = f"/api/v1/agents/{SOURCE}/answers/{claims['jti']}"
    answer = await scene.client.post(path, content=content, headers=headers | raw)
    found = await asking
    if kind == "long":
        assert (answer.json(), found["outcome"]) == ({"accepted": True}, "satisfied")
    else:
        assert (answer.status_code, found["why"]["code"]) == (413, "source_faulty")


@pytest.mark.parametrize("content", ["[]", '{"rows": 1}', "<html>", '{"rows": [1]}', '{"rows": [], "as_of": "x"}'])
async def test_signed_nonsense_is_a_faulty_answer(scene: Scene, content: str) -> None:
    headers = await scene.agent_headers()
    poll = f"/api/v1/agents/{SOURCE}/poll"
    beat = {"instance": new_id(), "version": "1", "wait_seconds": 0.0}
    await scene.client.post(poll, json=beat, headers=headers)
    asking = asyncio.create_task(scene.query())
    taken = await scene.client.post(poll, json=beat | {"wait_seconds": 20.0}, headers=headers)
    claims = json.loads(take_apart(taken.json()["item"]).payload)
    path = f"/api/v1/agents/{SOURCE}/answers/{claims['jti']}"
    await scene.client.post(path, json=word(scene.agent.signer, claims["jti"], content), headers=headers)
    found = await asking
    assert (found["outcome"], found["why"]["code"]) == ("source_unavailable", "source_faulty")
