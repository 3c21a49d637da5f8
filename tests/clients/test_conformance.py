"""The conformance run passes at this hub, and fails at one, or at a receiver, that does not do as it should."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Town
from tests.clients.relay import Relay
from tests.hub.command import yizheng
from tests.support import ENTERPRISE, INTAKE, MATTER, PURPOSE, free_port
from yizheng_client.conformance.__main__ import main
from yizheng_client.conformance.listening import Listening

SECRET = "conformance-secret-0123456789-0123456789"


def arguments(town: Town, folder: Path, *more: str, against: str = "") -> list[str]:
    (folder / "key.pem").write_bytes(town.key())
    case = {
        "matter": MATTER,
        "purpose": PURPOSE,
        "parties": [{"role": "applicant", **ENTERPRISE}],
        "interface": town.interface,
        "expect": {"licence": "satisfied", "representative": "not_granted"},
    }
    (folder / "case.json").write_text(json.dumps(case), "utf-8")
    given = ["--against", against or town.url, "--issuer", town.url, "--client-id", INTAKE, "--log-key", town.log_key]
    given += ["--key", str(folder / "key.pem"), "--case", str(folder / "case.json")]
    return [*given, "--report", str(folder / "report.json"), *more]


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text("utf-8"))
    return found


def failed(found: dict[str, Any]) -> list[str]:
    return [item["id"] for item in found["checks"] if item["state"] == "failed"]


def test_this_hub_conforms_and_no_value_stands_in_the_report(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(arguments(town, tmp_path, "--listen", "localhost:0"))  # by another name than the register's
    printed, found = capsys.readouterr().out, report(tmp_path)
    assert (code, failed(found)) == (0, []), printed
    skipped = {item["id"]: item["detail"] for item in found["checks"] if item["state"] == "skipped"}
    assert set(skipped) <= {"R1"}, skipped
    assert found["counts"]["passed"] >= 18
    lines = [line for line in printed.splitlines() if line.startswith(("ok  ", "skip"))]
    assert len(lines) == len(found["checks"])
    said = printed + json.dumps(found, ensure_ascii=False)
    assert not any(ENTERPRISE[name] in said for name in ("id_number", "name"))


def test_a_hub_whose_answers_were_altered_on_the_way_does_not(town: Town, tmp_path: Path, relay: Relay) -> None:
    def other(body: bytes) -> bytes:
        return body.replace(b'"outcome":"satisfied"', b'"outcome":"no_source"')

    relay.plan = lambda path: other if path.endswith("/evidence") else "pass"
    assert main(arguments(town, tmp_path, "--json", against=relay.url)) == 1
    found = set(failed(report(tmp_path)))
    assert found - {"N1"} == {"E1"}  # this relay passes on no refusal that comes before the body was read


@contextmanager
def receiver(answer: Callable[[dict[str, str], bytes], tuple[int, bytes]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = answer(dict(self.headers.items()), self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hook"
        server.shutdown()


def credulous(_: dict[str, str], body: bytes) -> tuple[int, bytes]:
    return 200, json.dumps({"challenge": json.loads(body).get("challenge")}).encode()


def once(seen: set[str]) -> Callable[[dict[str, str], bytes], tuple[int, bytes]]:
    strict = Listening(SECRET)

    def answer(headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        status, told = strict.hear(headers, body)
        if status == 200 and headers["Webhook-Id"] in seen:
            return 500, b""
        seen.add(headers.get("Webhook-Id", ""))
        return status, told

    return answer


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (Listening(SECRET).hear, []),
        (credulous, ["V2", "V6", "V7", "V8", "V9"]),
        (once(set()), ["V4"]),
        (lambda *_: (204, b""), ["V1", "V2", "V6", "V7", "V8", "V9"]),
    ],
    ids=["strict", "credulous", "breaks on a repeat", "deaf"],
)
def test_a_receiver_is_told_apart_from_one_that_believes_everybody(
    tmp_path: Path, answer: Callable[[dict[str, str], bytes], tuple[int, bytes]], wrong: list[str]
) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n", "utf-8")
    with receiver(answer) as url:
        given = ["--receiver", url, "--secret-file", str(tmp_path / "secret"), "--json"]
        code = main([*given, "--report", str(tmp_path / "report.json")])
    assert (failed(report(tmp_path)), code) == (wrong, 1 if wrong else 0)


async def test_the_hubs_own_command_hands_on_what_it_is_given(town: Town, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET, "utf-8")
    with receiver(Listening(SECRET).hear) as url:
        done = await yizheng(town.place, "conformance", "--receiver", url, "--secret-file", str(tmp_path / "secret"))
    assert (done.code, done.out.splitlines()[-1]) == (0, "9 passed, 0 failed, 0 skipped"), done.err
    assert (await yizheng(town.place, "conformance", "--json")).code == 64


def test_a_call_that_cannot_be_used_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for given in ([], ["--against", "https://hub.example"], ["--receiver", "https://r.example"]):
        assert main(given) == 64
    (tmp_path / "secret").write_text(SECRET, "utf-8")
    nobody = f"http://127.0.0.1:{free_port()}/"
    assert main(["--receiver", nobody, "--secret-file", str(tmp_path / "secret")]) == 69
    (tmp_path / "case.json").write_text("{}", "utf-8")
    assert main(["--against", "http://hub.example", "--sample", "x"]) == 64
    assert "https" in capsys.readouterr().err
    for sample in ("{}", "[]"):
        (tmp_path / "case.json").write_text(sample, "utf-8")
        assert main(["--against", "https://hub.example", "--sample", str(tmp_path / "case.json")]) == 64
    with pytest.raises(SystemExit, match="64"):
        main(["hub"])
