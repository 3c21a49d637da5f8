"""The manual of the agent, block by block: an old database in a network that only lets calls out, from the empty folder
to the withdrawal, by the command line, with no Redis between the commands and the process that the agent dials.
"""

import asyncio
import json
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hub.clock import utc_now
from tests.agent.network import Network, only_out
from tests.agent.old_database import PORT, known, old_database, size
from tests.agent.running import Beside, client_of, started
from tests.agent.tls_front import tls_front
from tests.agent.tls_serving import make_entrance, write_certificates
from tests.hub.command import Done, yizheng
from tests.support import INTAKE, MATTER, PUBLIC_URL, PURPOSE, Place, free_port, open_case, valid_uscc
from tests.walks.manual import PAGE as AFTERNOON
from tests.walks.manual import ROOT, blocks_of

BY_USCC, BY_NAME = "enterprise_by_uscc", "enterprise_by_name"
SOURCE = "old-register"
PASSWORD = "maria-password"  # the manual's own
STEPS = ["init", "operator", "source", "check", "reach", "publish"]
REQUEST = {
    "system": INTAKE,
    "fields": ["uscc", "name", "established_on"],
    "matters": [MATTER],
    "purpose": PURPOSE,
    "legal_basis": "《政务数据共享条例》第十九条",
    "scene": "窗口受理时核验主体资格",
    "quota_per_day": 500,
    "contact": "政务服务中心信息科",
}

pytestmark = pytest.mark.parametrize("template", ["sqlite"], indirect=True)


@dataclass(frozen=True)
class Department:
    """A reader of the manual with the hub's machine at one hand and the agent's at the other."""

    place: Place
    network: Network
    agent: Beside
    folder: Path
    blocks: list[tuple[str, str]]

    def write_files(self) -> None:
        for language, block in self.blocks:
            if language == "yaml" and block.startswith("# file: "):
                name, _, rest = block.removeprefix("# file: ").partition("\n")
                (self.folder / name).write_text(rest, encoding="utf-8")

    def steps(self) -> dict[str, list[str]]:
        """Commands of each step."""
        found = [block.splitlines() for language, block in self.blocks if language == "sh"]
        return {lines[0].removeprefix("# step: "): lines[1:] for lines in found if lines[0].startswith("# step: ")}

    async def step(self, name: str) -> list[Done]:
        """Run a step at the hub; it must succeed."""
        done = []
        for line in self.steps()[name]:
            done.append(await self.command(*(self.path(word) for word in shlex.split(line)[1:])))
            assert done[-1].code == 0, (line, done[-1], self.agent.log)
        return done

    async def command(self, *words: str) -> Done:
        return await yizheng(self.place, *words)

    def path(self, word: str) -> str:
        return str(self.folder / word) if word.endswith(".yaml") and "/" not in word else word

    def inside(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the manual on the agent's machine."""
        command = [*self.network.inside, sys.executable, "-m", "hub.cli", *shlex.split(line)[1:]]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    def configure(self, hub_url: str, thumbprint: str, files: dict[str, str]) -> None:
        """The manual's `agent.yaml`, with what the manual says about a hub that is dialled at another address."""
        text = (self.folder / "agent.yaml").read_text(encoding="utf-8")
        more = "".join(f"  {name}: {value}\n" for name, value in {"issuer": PUBLIC_URL, **files}.items())
        text = text.replace("  url: https://hub.example.gov.cn\n", f"  url: {hub_url}\n{more}")
        self.agent.config.write_text(text.replace("thumbprint-that-the-operator-told-you", thumbprint), "utf-8")


@contextmanager
def served(place: Place, port: int, address: str) -> Iterator[None]:
    """`yizheng serve`, a process of its own."""
    environment = place.environment() | {"YIZHENG_ALLOWED_HOSTS": address}
    environment = {name: value for name, value in environment.items() if name != "YIZHENG_REDIS_URL"}
    with (place.home / "serve.log").open("wb") as log:
        command = [sys.executable, "-m", "hub.cli", "serve", "--port", str(port)]
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


async def ready(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        with_nothing = None
        try:
            async with client_of(port) as client:
                with_nothing = (await client.get("/health/ready")).status_code
        except httpx2.TransportError:
            pass
        if with_nothing == 200:
            return
        assert time.monotonic() < deadline, "the hub did not start"
        await asyncio.sleep(0.1)


@asynccontextmanager
async def behind_tls(place: Place, network: Network, folder: Path, agent: Path) -> AsyncIterator[tuple[int, str, Any]]:
    """The hub served: its port on this machine, its address for agents, and their certificate files."""
    entrance = make_entrance(network.hub_side)
    port = free_port()
    with served(place, port, network.hub_side):
        await ready(port)
        async with tls_front(entrance, network.hub_side, port, folder) as outside:
            yield port, f"https://{network.hub_side}:{outside}", lambda: write_certificates(agent, entrance)


@pytest.fixture
def department(place: Place, tmp_path: Path) -> Iterator[Department]:
    number, name = known()
    with only_out() as network:
        changes = {
            "/etc/yizheng-agent": str(tmp_path / "agent"),
            "host: 172.20.0.12, port: 3306": f"host: {network.agent_side}, port: {PORT}",
            "172.20.0.12:3306": f"{network.agent_side}:{PORT}",
            "172.20.0.0/16": f"{network.agent_side}/32",
            "91990100MA9000054N": number,
            "示例市某某有限公司": name,
        }
        agent = Beside(tmp_path / "agent")
        blocks = blocks_of(ROOT / "docs" / "agent.md", changes)
        made = Department(place, network, agent, tmp_path, blocks)
        made.write_files()
        makes = next(text for language, text in blocks_of(AFTERNOON, {}) if text.startswith("-- mariadb\n"))
        with old_database(network, [line.rstrip("; ") for line in makes.splitlines()[1:] if line]):
            yield made
        agent.kill()


async def test_the_manual_leads_an_old_database_to_the_end(department: Department, tmp_path: Path) -> None:
    assert list(department.steps()) == STEPS
    place, agent = department.place, department.agent
    departments = next(text for _, text in blocks_of(AFTERNOON, {}) if text.startswith("# file: departments.yaml\n"))
    (tmp_path / "departments.yaml").write_text(departments, encoding="utf-8")
    assert (await department.command("department", "add", str(tmp_path / "departments.yaml"))).code == 0
    async with behind_tls(place, department.network, tmp_path, agent.folder) as (port, url, certificates):
        await department.step("init")
        (tmp_path / "system.yaml").write_bytes((agent.folder / "system.yaml").read_bytes())
        *_, key = await department.step("operator")
        await department.step("source")
        department.configure(url, key.out.strip(), certificates())
        # In a thread: TLS in front is served by this one.
        await asyncio.to_thread(stumbles_before_the_agent_runs, department)
        silent = await department.command("source", "check", SOURCE)
        assert (silent.code, "unreachable_agent_absent" in silent.out) == (1, True)
        assert "systemctl status" in silent.out
        with started(agent, *department.network.inside):
            await connected(department)
            await register_to_live(department)
            async with client_of(port) as client:
                await asked_granted_answered_withdrawn(department, client)
            nothing_gets_in(department.network)
        assert PASSWORD not in agent.log
        assert not any(value in agent.log for value in known())
    absent = await department.command("source", "check", SOURCE)
    assert "unreachable_hub_absent" in absent.out
    assert "cannot be told from here" in absent.out
    assert "yizheng serve" in absent.out


def stumbles_before_the_agent_runs(department: Department) -> None:
    """What a stranger forgets is named, with the file; then all is well."""
    (check,) = department.steps()["check"]
    forgotten = department.inside(check)
    assert forgotten.returncode == 1
    assert "secrets/reader is not there" in forgotten.stdout
    secret = department.agent.folder / "secrets" / "reader"
    secret.write_text(f"{PASSWORD}\n", encoding="utf-8")
    secret.chmod(0o600)
    well = department.inside(check)
    assert (well.returncode, "FAIL" in well.stdout) == (0, False), well.stdout


async def connected(department: Department) -> None:
    """Until the agent has dialled; then the manual's own words say that it is there."""
    deadline = time.monotonic() + 60
    while (await department.command("source", "check", SOURCE)).code != 0:
        assert time.monotonic() < deadline, department.agent.log
    (reached,) = await department.step("reach")
    assert "answers in" in reached.out
    assert "agent: connected, last seen" in reached.out
    shown = (await department.command("source", "show", SOURCE)).json()["agent"]
    assert (shown["present"], shown["refused_by_agent"], shown["deliveries_dead"]) == (True, 0, 0)


async def register_to_live(department: Department) -> None:
    _, quality, *tried, _, _ = await department.step("publish")
    assert quality.out.startswith(f"{size()} rows, {size()} usable")
    assert all("satisfied: 1 rows" in done.out for done in tried)
    assert not any(value in done.out for value in known() for done in tried)


async def asked_granted_answered_withdrawn(department: Department, client: httpx2.AsyncClient) -> None:
    headers = await department.place.headers(client)
    grants = [await granted(department, code) for code in (BY_USCC, BY_NAME)]
    number, name = known()

    async def ask(code: str, **party: str) -> dict[str, Any]:
        applicant = {"role": "applicant", "id_type": "001", "id_number": number, "name": name} | party
        case_no = await open_case(client, headers, parties=[applicant])
        body = {"case_no": case_no, "purpose": PURPOSE}
        found: dict[str, Any] = json.loads(
            (await client.post(f"/api/v1/interfaces/{code}/query", json=body, headers=headers)).content
        )
        return found

    for code in (BY_USCC, BY_NAME):
        found = await ask(code)
        assert found["outcome"] == "satisfied", (found, department.agent.log)
        (record,) = found["records"]
        assert (record["uscc"], record["name"]) == (number, name)
        assert record.keys() == {"uscc", "name", "established_on"}
        assert found["source"]["code"] == SOURCE
        nobody = await ask(code, id_number=valid_uscc("91990100MA7654321"), name="示例市查无此企业有限公司")
        mismatched = await ask(code, name="示例市另一家有限公司")
        assert (nobody["outcome"], nobody["why"]) == (mismatched["outcome"], mismatched["why"])
        assert nobody["outcome"] == "identity_unconfirmed"
    for grant in grants:
        assert (await department.command("grant", "withdraw", grant, "--reason", "试点结束")).code == 0
    assert (await ask(BY_USCC))["why"] in {"no_grant", "grant_withdrawn"}
    for code in (BY_USCC, BY_NAME):
        assert (await department.command("interface", "withdraw", code, "--reason", "试点结束")).code == 0
    assert (await ask(BY_NAME))["status"] == 404


async def granted(department: Department, code: str) -> str:
    until = (utc_now() + timedelta(days=365)).isoformat()
    path = department.folder / f"request-{code}.json"
    path.write_text(json.dumps(REQUEST | {"interface": code, "valid_until": until}), encoding="utf-8")
    filed = await department.command("grant", "request", str(path), "--json")
    assert filed.code == 0, filed
    decided = await department.command("grant", "decide", filed.json()["id"], "approve", "--json")
    assert decided.code == 0, decided
    return str(decided.json()["grant_id"])


def nothing_gets_in(network: Network) -> None:
    """The database listens on every address in there, and cannot be reached from here; the agent listens on none."""
    port = f"{PORT:04X}"
    assert [place.rsplit(":", 1)[1] for place in network.listening()] == [port]
    with pytest.raises(OSError, match="timed out"):
        socket.create_connection((network.agent_side, PORT), timeout=1.5)
