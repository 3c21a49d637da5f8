"""The programs to copy, each run against a real hub as the page shows it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hub.web.snippets import LANGUAGES, Filling, snippet
from tests.clients.conftest import SOURCES, Town
from tests.clients.jdk import Jdk
from tests.support import ENTERPRISE, INTAKE, MATTER

SHOWN = Path(__file__).parent.parent.parent / "clients" / "snippets"
NASTY = '\'; touch ran; echo "$(touch ran)`touch ran`" \\u0022 \\ {{hub|sh}} \n}'


def filling(town: Town, **changes: Any) -> Filling:
    given: dict[str, Any] = {
        "hub": town.url,
        "client_id": INTAKE,
        "kid": town.place.signer(INTAKE).kid,
        "interface": town.interface,
        "matter": MATTER,
        "purpose": town.purpose,
        "party": {"role": "applicant", **ENTERPRISE},
        "key_file": str(town.place.home / f"{INTAKE}.pem"),
    }
    return Filling(**given | changes)


def run(language: str, text: str, folder: Path, request: pytest.FixtureRequest) -> subprocess.CompletedProcess[str]:
    if language == "java":
        jdk: Jdk = request.getfixturevalue("jdk")
        (folder / "Query.java").write_text(text, encoding="utf-8")
        jdk.compile(folder / "Query.java")
        return jdk.run("Query", cwd=folder)
    if language == "curl" and shutil.which("curl") is None:
        pytest.skip("no curl at hand")
    (folder / "snippet").write_text(text, encoding="utf-8")
    command = ["bash", "snippet"] if language == "curl" else [sys.executable, "-W", "error", "snippet"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCES), "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_snippet_works_as_it_stands(
    language: Any, town: Town, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    done = run(language, snippet(language, filling(town)), tmp_path, request)
    assert done.returncode == 0, done.stderr
    assert "satisfied" in done.stdout
    assert ENTERPRISE["name"] in done.stdout


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", ["purpose", "matter", "kid", "party"])
def test_no_value_becomes_code(
    language: Any, place: str, town: Town, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    value: Any = {"role": "applicant", "name": NASTY} if place == "party" else NASTY
    done = run(language, snippet(language, filling(town, **{place: value})), tmp_path, request)
    assert done.returncode != 0  # refused by the hub: no such purpose, matter, key or party
    told = done.stdout + done.stderr
    wanted = {
        "purpose": "not-granted",
        "matter": "invalid-request",
        "kid": "invalid-client",
        "party": "invalid-question",
    }
    # curl's snippet writes a kid into JSON as it is: a strange one makes no JSON, which the hub does not take either.
    assert wanted[place] in told, told
    assert not (tmp_path / "ran").exists()


def test_the_snippets_lie_beside_the_clients_and_every_place_is_known(town: Town) -> None:
    for language in LANGUAGES:
        text = snippet(language, filling(town))
        assert (SHOWN / f"{language}.txt").read_text(encoding="utf-8").count("\n") == text.count("\n")
        assert "{{" not in text
    with pytest.raises(AttributeError):
        getattr(filling(town), "secret")  # noqa: B009  # nothing secret can be filled in
