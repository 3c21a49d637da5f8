"""The commands around the program: making a folder, checking it, what it imports, what it refuses to read."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub.agent.config import FolderSecrets, read_config
from hub.agent.errors import ConfigError
from hub.agent.setup import TEMPLATE
from tests.agent.conftest import Scene
from tests.agent.running import configuration, started, wait_until


def yizheng(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hub.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)


def test_init_makes_a_key_once_that_nobody_else_reads(tmp_path: Path) -> None:
    done = yizheng("agent", "init", str(tmp_path / "new"), "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert "d" not in made["jwk"]
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "new").iterdir()}
    assert modes == {
        "agent.key.pem": "0o600",
        "agent.yaml": "0o600",
        "secrets": "0o700",
        "state": "0o700",
        "system.yaml": "0o644",
    }
    registered = yaml.safe_load((tmp_path / "new" / "system.yaml").read_text(encoding="utf-8"))
    assert registered["keys"] == [made["jwk"]]
    before = (tmp_path / "new" / "agent.key.pem").read_bytes()
    assert yizheng("agent", "init", str(tmp_path / "new")).returncode == 64
    assert (tmp_path / "new" / "agent.key.pem").read_bytes() == before
    assert read_config(tmp_path / "new" / "agent.yaml").source.code == "amr-register"


def test_every_commented_part_of_the_template_is_a_configuration(tmp_path: Path) -> None:
    lines = TEMPLATE.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line.replace("# ", "", 1) if line.lstrip().startswith("# ") else line for line in lines[3:])
    (tmp_path / "agent.yaml").write_text(text, encoding="utf-8")
    config = read_config(tmp_path / "agent.yaml")
    assert config.write_back["permit_issued"]["kind"] == "insert"
    assert config.hub.proxy is not None
    assert config.source.windows


def test_the_program_knows_neither_database_nor_web_server_of_the_hub() -> None:
    code = (
        "import sys, hub.agent.program, hub.agent.checking, hub.agent.setup; "
        "print([m for m in ('fastapi', 'starlette', 'uvicorn', 'sqlmodel', 'sqlalchemy', 'redis', 'hub.settings', "
        "'hub.runtime', 'hub.storage.database') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"hub": {"url": "http://hub.example", "client_id": "a", "keys": ["x" * 43]}}, "/hub/url"),
        ({"hub": {"url": "https://hub.example", "client_id": "a", "keys": []}}, "/hub/keys"),
        ({"concurency": 3}, "/concurency"),
        ({"operations": {"Bad Name": {}}}, "/operations"),
        ({"write_back": {"x": {"kind": "delete"}}}, "/write_back/x"),
        ({"source": {"code": "some", "kind": "agent", "connection": {}}}, "/source/kind"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_named(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    declared = configuration("http://127.0.0.1:1", "x" * 43, {"dialect": "sqlite", "database": "x"}) | changes
    (tmp_path / "agent.yaml").write_text(yaml.safe_dump(declared))
    with pytest.raises(ConfigError, match=named):
        read_config(tmp_path / "agent.yaml")


@pytest.mark.parametrize("statement", ["DELETE FROM enterprises", "SELECT 1; SELECT 2"])
async def test_an_operation_that_does_not_only_read_never_starts(scene: Scene, statement: str) -> None:
    scene.agent.write(scene.declared | {"operations": {"enterprise_by_uscc": {"statement": statement}}})
    done = scene.agent.command("run")
    assert done.returncode == 64
    assert "/operations/enterprise_by_uscc/statement" in done.stderr


def test_a_secret_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    (folder / "password").write_text("geheim\n")
    (folder / "password").chmod(0o644)
    secrets = FolderSecrets(folder)
    with pytest.raises(Exception, match="mode"):
        secrets.secret("password")
    (folder / "password").chmod(0o600)
    assert secrets.secret("password") == "geheim"
    for name in ("../password", ".password", "missing"):
        with pytest.raises(Exception, match="/secrets"):
            secrets.secret(name)
    assert "geheim" not in repr(secrets)


async def test_check_says_what_is_well_and_who_must_act(scene: Scene, tmp_path: Path) -> None:
    well = scene.agent.command("check", "--json")
    assert well.returncode == 0, well.stdout
    assert all(item["ok"] for item in json.loads(well.stdout)["findings"])
    source = scene.declared["source"] | {"connection": {"dialect": "sqlite", "database": str(tmp_path / "none")}}
    scene.agent.write(scene.declared | {"source": source})
    done = scene.agent.command("check", "--json")
    (failed,) = [item for item in json.loads(done.stdout)["findings"] if not item["ok"]]
    assert (done.returncode, failed["who"]) == (1, "source")
    scene.agent.write(scene.declared | {"hub": scene.declared["hub"] | {"client_id": "unregistered"}})
    done = scene.agent.command("check", "--json")
    (failed,) = [item for item in json.loads(done.stdout)["findings"] if not item["ok"]]
    assert (done.returncode, failed["who"]) == (1, "hub")
    assert "Traceback" not in done.stderr


async def test_a_hub_that_is_not_there_is_waited_for(scene: Scene) -> None:
    own = scene.declared["hub"] | {"url": "http://127.0.0.1:1"}
    scene.agent.write(scene.declared | {"hub": own})
    with started(scene.agent):
        wait_until(lambda: scene.agent.log.count('"code": "connect"') > 3, "it gives up or says nothing")
        assert scene.agent.stop() == 0


async def test_the_thumbprint_to_pin_is_shown_on_the_hubs_machine(scene: Scene) -> None:
    done = yizheng("agent", "hub-key", "--json", env=scene.place.environment())
    assert [json.loads(done.stdout)["thumbprint"]] == scene.declared["hub"]["keys"]
