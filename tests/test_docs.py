"""The documentation says what the code does: names, paths and examples are checked against it."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from certificates.definitions.loading import catalogue
from hub.cli.main import app
from hub.collection.reasons import TEXTS
from hub.collection.service import CollectionOrder, CollectionService
from hub.founding import found
from hub.intake.resolver import Outcome
from hub.problems import problem_types
from hub.runtime import open_hub
from hub.settings import Settings
from hub.storage.keystore.port import MASTER_KEY_VARIABLE

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh-CN.md")
PAGES = sorted([*READMES, "CHANGELOG.md", *(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md"))])
TOP = ("hub", "adapters", "certificates", "catalog", "signing", "tests", "benchmarks", "deploy", "docs")


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", read(page), re.DOTALL | re.MULTILINE)


def definition(name: str) -> str:
    return next(text for text in blocks("docs/publisher.md", "yaml") if text.startswith(f"# file: {name}\n"))


def commands(group: Any, *path: str) -> list[str]:
    if not hasattr(group, "commands"):
        return [" ".join(path)]
    return [found for name, command in group.commands.items() for found in commands(command, *path, name)]


@pytest.mark.parametrize("page", READMES)
def test_every_make_target_is_in_the_readme(page: str) -> None:
    targets = re.findall(r"^([a-z-]+):.*##", read("Makefile"), re.MULTILINE)
    text = read(page)
    assert len(targets) > 10
    assert [target for target in targets if f"`make {target}`" not in text] == []


def test_every_command_is_told_and_no_other() -> None:
    exist = set(commands(typer.main.get_command(app)))
    assert _told("docs/commands.md") == exist
    assert all(_told(page) < exist for page in READMES)


def _told(page: str) -> set[str]:
    return set(re.findall(r"^\| `yizheng ([a-z -]+)` \|", read(page), re.MULTILINE))


def test_every_setting_is_in_the_operators_guide_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(YIZHENG_[A-Z_]+)` \| (.+?) \|", read("docs/operator.md"), re.MULTILINE))
    settings = {f"YIZHENG_{name.upper()}": field.default for name, field in Settings.model_fields.items()}
    assert rows.keys() == settings.keys() | {MASTER_KEY_VARIABLE}
    numbers = {name: str(default) for name, default in settings.items() if isinstance(default, int)}
    assert {name: rows[name] for name in numbers} == numbers


def test_every_problem_is_in_the_developers_guide_with_status_and_retry() -> None:
    told: dict[str, tuple[str, str]] = {}
    for slugs, status, retry in re.findall(r"^\| ((?:`[a-z-]+` ?)+)\| (\d{3}) \| (yes|no) \|", read("docs/intake-developer.md"), re.MULTILINE):  # fmt: skip  # noqa: E501
        told |= dict.fromkeys(re.findall(r"[a-z-]+", slugs), (status, retry))
    assert told == {kind.slug: (str(kind.status), "yes" if kind.retryable else "no") for kind in problem_types()}


def test_every_type_that_ships_is_in_the_designers_guide() -> None:
    text = read("docs/certificate-types.md")
    assert [slug for slug in catalogue() if f"| `{slug}` |" not in text] == []


def test_every_outcome_is_in_the_developers_guide() -> None:
    text = read("docs/intake-developer.md")
    assert [outcome.value for outcome in Outcome if f"`{outcome.value}`" not in text] == []


def test_every_reason_for_a_rejected_row_is_in_the_publishers_guide() -> None:
    text = read("docs/publisher.md")
    assert [code for code in TEXTS if f"`{code}`" not in text] == []


def fragments(file: str, callee: str) -> list[str]:
    """The longest constant piece of each first argument of a call in a file."""
    found = []
    for node in ast.walk(ast.parse(read(file))):
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) == callee:
            pieces = [part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
            found.append(max((str(piece) for piece in pieces), key=len, default="").strip(" :;,("))
    return found


@pytest.mark.parametrize(
    ("file", "callee"),
    [
        ("hub/ledger/keeper.py", "LedgerBrokenError"),
        ("hub/ledger/sequencer.py", "LedgerBrokenError"),
        ("hub/ledger/tiles.py", "LedgerBrokenError"),
        ("hub/ledger/sequencer.py", "StandbyError"),
        ("hub/ledger/verify.py", "self._find"),
    ],
)
def test_every_refusal_of_the_ledger_is_in_the_operators_guide(file: str, callee: str) -> None:
    text = read("docs/operator.md")
    said = fragments(file, callee)
    assert said
    assert [piece for piece in said if piece not in text] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_exists(page: str) -> None:
    text = read(page)
    named = {path for path in re.findall(r"`([\w./-]+)`", text) if path.startswith(tuple(f"{top}/" for top in TOP))}
    linked = {
        ((ROOT / page).parent / target.partition("#")[0]).resolve().relative_to(ROOT).as_posix()
        for target in re.findall(r"\]\(([^)\s]+)\)", text)
        if "://" not in target
    }
    assert [path for path in sorted(named | linked) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", ["docs/intake-developer.md", "docs/auditor.md"])
def test_python_examples_compile(page: str) -> None:
    code = blocks(page, "python")
    assert code
    compile("\n".join(code), page, "exec")


async def test_the_publishers_examples_load_and_give_what_the_page_says(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    await found(settings)
    for name in ("mapping.yaml", "permits.csv"):
        text = blocks("docs/publisher.md", "csv")[0] if name.endswith("csv") else definition(name)
        (tmp_path / name).write_text(text, encoding="utf-8")
    async with open_hub(settings) as hub:
        await hub.registry.add_type(read("certificates/types/business_licence.yaml"))
        await hub.registry.add_type(definition("parking_permit.yaml"))
        for department in yaml.safe_load(definition("departments.yaml")):
            await hub.registry.add_department(department)
        await hub.registry.add_system(yaml.safe_load(definition("system.yaml")))
        await hub.registry.add_matter(yaml.safe_load(definition("matter.yaml")))
        for grant in yaml.safe_load(definition("grants.yaml")):
            await hub.registry.add_grant(grant)
        service = CollectionService(
            hub.database, issuing=hub.issuing, types=hub.types, vault=hub.vault, clock=hub.clock
        )
        result = await service.collect(
            CollectionOrder(
                type="parking_permit",
                issuer="11990200MB00000010",
                files=[tmp_path / "permits.csv"],
                mapping=tmp_path / "mapping.yaml",
                report_dir=tmp_path / "report",
            )
        )
    assert json.dumps(result.totals.to_json()) in read("docs/publisher.md")
    rejects = (tmp_path / "report" / "rejects.csv").read_text(encoding="utf-8-sig")
    for line in re.findall(r"^permits\.csv,.*(?=\"P-)", read("docs/publisher.md"), re.MULTILINE):
        assert line in rejects


def test_the_command_line_is_imported_without_the_hub() -> None:
    heavy = ("sqlalchemy", "fastapi", "sqlmodel", "jose", "cryptography", "taskiq", "pydantic", "uvicorn")
    code = f"import hub.cli.main, sys; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--help"], 0), (["verify"], 64), (["verify", "no-such-file"], 64), (["nonsense"], 64)]
)
def test_a_command_ends_with_its_own_exit_code(arguments: list[str], code: int) -> None:
    done = subprocess.run([sys.executable, "-m", "hub.cli", *arguments], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == code
