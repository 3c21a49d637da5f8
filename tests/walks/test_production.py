"""The production parts as `deploy/` puts them together: linted, and the main job run on exactly those settings.

The images are not started here (see docs/runbooks/production.md for what was run where); commands, environment and
secrets are those of the compose file, on a real PostgreSQL, Redis and S3 server.
"""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from hub.demo.__main__ import _found, _ledger, _walk_case
from hub.demo.case import CaseWalk
from hub.demo.client import HubClient
from hub.demo.steps import Walk
from hub.settings import Settings
from hub.storage.keystore.port import MASTER_KEY_VARIABLE
from signing.canonical import b64u
from signing.log.checkpoint import NoteVerifier
from tests.adapters.s3 import TestBucket, new_bucket
from tests.judges.absence import missing
from tests.support import POSTGRES, REDIS, free_port, new_database

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
EXAMPLE = (DEPLOY / "production.env.example").read_text(encoding="utf-8")
HUBS = ("hub", "worker", "founder")
NAMES = {f"YIZHENG_{name.upper()}" for name in Settings.model_fields} | {MASTER_KEY_VARIABLE}
SECRETS = {f"yizheng_{name}" for name in ("database_url", "redis_url", "objects_url", "master_key")}
PATIENCE = 120
bucket = pytest.fixture(new_bucket)


def example() -> dict[str, str]:
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))


def test_every_variable_is_a_setting_and_every_secret_is_a_file() -> None:
    said = set(re.findall(r"\bYIZHENG_[A-Z_]+(?==| |:)", EXAMPLE + CONTAINERFILE)) - {"YIZHENG_IMAGE"}
    for service in HUBS:
        said |= set(COMPOSE["services"][service]["environment"])
        assert set(COMPOSE["services"][service]["secrets"]) == SECRETS
    assert said - NAMES == set()
    assert {name.upper() for name in SECRETS} < NAMES
    secret_settings = {f"YIZHENG_{name.upper()}" for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)}  # noqa: E501  # fmt: skip
    given = set(example()) | {name for service in HUBS for name in COMPOSE["services"][service]["environment"]}
    assert given & (secret_settings | {MASTER_KEY_VARIABLE}) == set()
    assert all(set(entry) == {"file"} for entry in COMPOSE["secrets"].values())
    used = {name for service in COMPOSE["services"].values() for name in service.get("secrets", ())}
    assert used == set(COMPOSE["secrets"])


def test_no_password_has_a_default_and_no_image_a_tag_of_ours() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    assert re.findall(r"\$\{[A-Z_]+:?-", text) == []
    assert re.findall(r"(?i)(?:password|secret|token)\w*[=:]\s*['\"]?(?!/run/secrets/)[\w$]", _plain(text)) == []
    for name, service in COMPOSE["services"].items():
        assert re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", service["image"]), name


def _plain(text: str) -> str:
    """Without comments, and without the places where secrets are declared as files or given to a service."""
    lines = (line.partition(" #")[0] for line in text.splitlines() if not line.lstrip().startswith("#"))
    kept = [line for line in lines if "{file: secrets/" not in line and "secrets:" not in line]
    return "\n".join(line for line in kept if not re.match(r"\s*- yizheng_", line))


def test_the_hub_runs_without_rights_on_a_root_that_cannot_be_written() -> None:
    for name in HUBS:
        service = COMPOSE["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["user"] == "10001:10001"
        assert "ports" not in service
    assert re.search(r"^USER 10001:10001$", CONTAINERFILE, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE) == ["${BASE}", "${BASE}"]


def test_packages_come_from_the_lock_alone_each_against_its_hash() -> None:
    steps = re.sub(r"\\\n", " ", CONTAINERFILE)
    installs = re.findall(r"pip install ([^&\n]*)", steps)
    assert [sorted(set(install.split()) & {"--require-hashes", "--no-index", "--no-deps"}) for install in installs] == [
        ["--require-hashes"],
        ["--no-deps", "--no-index"],
    ]
    assert "-r deploy/core.lock" in installs[0]
    assert re.findall(r"\b(?:apt|apt-get|curl|wget|git)\b", steps.split("ARG BASE", 1)[1]) == []
    copied = {path for line in re.findall(r"^COPY (?!--from)(.*)$", steps, re.MULTILINE) for path in line.split()[:-1]}
    assert [path for path in sorted(copied) if not (DEPLOY.parent / path).exists()] == []
    assert {"hub", "adapters", "certificates", "signing", "catalog"} < copied


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.redis
def test_the_main_job_runs_on_the_settings_of_the_compose_file(bucket: TestBucket, tmp_path: Path) -> None:
    if POSTGRES is None or REDIS is None:
        missing("no PostgreSQL or Redis: make test starts them")
    port, home = free_port(), tmp_path / "home"
    base = f"http://127.0.0.1:{port}"
    with new_database() as database_url:
        environment = _environment(tmp_path, base)
        addresses = (database_url, REDIS, f"{bucket.address}/{bucket.name}/hub", b64u(secrets.token_bytes(32)))
        for name, value in zip(("database_url", "redis_url", "objects_url", "master_key"), addresses, strict=True):
            (tmp_path / "secrets" / f"yizheng_{name}").write_text(value + "\n")
        founded: dict[str, Any] = {}
        assert COMPOSE["services"]["founder"]["command"] == ["init"]
        _found(environment, base, founded)
        sample = json.loads((home / "sample" / "sample.json").read_text(encoding="utf-8"))
        system = sample["systems"][0]
        key_file = home / "sample" / system["private_key_file"]
        with _running("worker", environment, tmp_path), _running("hub", environment, tmp_path, port=port) as served:
            client = HubClient(base, client_id=system["client_id"], key_file=key_file)
            _until_ready(client, served)
            walk = Walk(Console(quiet=True))
            case = CaseWalk(client, sample, NoteVerifier.from_text(founded["log_verifier"]))
            _walk_case(walk, case, environment, home)
            assert walk.held()
            client.close()
            assert len(_children(served)) >= 2
        _ledger(environment, home / "checkpoint.txt")
    assert not (home / "secrets").exists()
    assert not (home / "objects").exists()
    assert (tmp_path / "witness" / "last-checkpoint.json").exists()
    assert [name for name in S3names(bucket) if name.startswith("hub/status-lists/")]


def S3names(bucket: TestBucket) -> list[str]:  # noqa: N802
    return [str(item.object_name) for item in bucket.client.list_objects(bucket_name=bucket.name, recursive=True)]


def _environment(place: Path, base: str) -> dict[str, str]:
    """What a container gets, its paths and its public address replaced by those of this test."""
    (place / "secrets").mkdir(mode=0o700)
    told = {**example(), **COMPOSE["services"]["hub"]["environment"], "YIZHENG_PUBLIC_URL": base}
    paths = {"/var/lib/yizheng": "home", "/var/lib/yizheng-witness": "witness", "/run/secrets": "secrets"}
    told = {name: str(place / paths[value]) if value in paths else value for name, value in told.items()}
    bare = {name: value for name, value in os.environ.items() if not name.startswith("YIZHENG_")}
    return bare | told


@contextmanager
def _running(
    service: str, environment: dict[str, str], place: Path, *, port: int = 0
) -> Iterator["subprocess.Popen[bytes]"]:
    """The command of a service, its port replaced; stopped as the engine stops it."""
    command = [str(port) if word == "8700" else word for word in COMPOSE["services"][service]["command"]]
    with (place / f"{service}.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "hub.cli", *command], env=environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _until_ready(client: HubClient, served: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE
    while not client.ready():
        assert served.poll() is None, "the hub stopped"
        assert time.monotonic() < deadline, "the hub was not ready in time"
        time.sleep(0.1)


def _children(process: "subprocess.Popen[bytes]") -> list[str]:
    return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
