"""What is delivered: a hub without clients, a client without the hub."""

import ast
import re
import subprocess
import sys
import tomllib
import uuid
import zipfile
from pathlib import Path

import yizheng_client
from tests.clients.conftest import ROOT, SOURCES, Town
from tests.support import INTAKE, MATTER

PAGE = ROOT / "docs" / "clients.md"

PACKAGE = SOURCES / "yizheng_client"


def wheel(project: Path, folder: Path) -> list[str]:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built).namelist()


def test_the_hubs_wheel_has_no_clients_and_has_the_programs_to_copy(tmp_path: Path) -> None:
    names = wheel(ROOT, tmp_path)
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "hub", "adapters", "certificates", "signing", "catalog"
    }  # fmt: skip
    assert {"hub/web/snippets/curl.txt", "hub/web/snippets/python.txt", "hub/web/snippets/java.txt"} <= set(names)


def test_the_clients_wheel_is_the_client_alone(tmp_path: Path) -> None:
    names = wheel(ROOT / "clients" / "python", tmp_path)
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"yizheng_client"}
    assert "yizheng_client/py.typed" in names
    (built,) = tmp_path.glob("*.whl")
    program = f"import sys; sys.path.insert(0, {str(built)!r}); import yizheng_client as y; print(y.__file__, 'hub' in sys.modules)"  # noqa: E501
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(str(built))
    assert done.stdout.endswith("False\n")


def test_the_client_imports_its_two_dependencies_and_nothing_of_the_hub() -> None:
    declared = tomllib.loads((ROOT / "clients" / "python" / "pyproject.toml").read_text(encoding="utf-8"))
    allowed = {item.partition(">")[0] for item in declared["project"]["dependencies"]}
    assert allowed == {"httpx2", "cryptography"}
    imported = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            imported |= {name.partition(".")[0] for name in names}
    assert imported - sys.stdlib_module_names == allowed | {"yizheng_client"}


def test_every_public_name_is_exported_and_typed() -> None:
    assert sorted(yizheng_client.__all__) == yizheng_client.__all__
    assert all(hasattr(yizheng_client, name) for name in yizheng_client.__all__)


def test_no_file_of_the_client_is_longer_than_two_screens_of_ideas() -> None:
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "clients" / "java").rglob("*.java")]
    assert [path.name for path in files if path.read_text(encoding="utf-8").count("\n") > 400] == []


def test_the_page_names_calls_that_exist_and_no_other() -> None:
    calls = set(re.findall(r"`hub\.(\w+)\(", PAGE.read_text(encoding="utf-8")))
    public = {name for name in vars(yizheng_client.Client) if not name.startswith("_")}
    assert calls == public - {"close"}


def test_the_pages_python_runs(town: Town, tmp_path: Path) -> None:
    first, second = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (tmp_path / "intake.pem").write_bytes(town.key())
    for shown, here in {
        "https://hub.example": town.url,
        "one-window-intake": INTAKE,
        "food_business_permit": MATTER,
        "2026-000124": str(uuid.uuid4()),
    }.items():
        assert shown in first
        first = first.replace(shown, here)
    kept = "    Path('jwks.json').write_text(hub.jwks().text)\n"
    assert run(first + kept, tmp_path).splitlines()[-1] == "('representative',)"
    (answer,) = tmp_path.glob("*-*.json")
    answer.rename(tmp_path / "answer.json")
    assert run(second, tmp_path).startswith(f"{INTAKE} YZ")


def run(program: str, folder: Path) -> str:
    command = [sys.executable, "-W", "error", "-c", program]
    environment = {"PYTHONPATH": str(SOURCES), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
