"""The rules of the house that no type checker knows: who may import what, who commits, what stands in no file."""

import ast
import re
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx2
import pytest

from hub.problems import problem_types
from tests.support import PUBLIC_URL

ROOT = Path(__file__).parent.parent
PACKAGES = ("hub", "adapters", "certificates", "signing", "catalog")
PAGES = ("/", "/?lang=en", "/verify", "/verify?lang=en", "/docs", "/redoc", "/problems/internal")


@dataclass(frozen=True, slots=True)
class Source:
    """What a file imports, at the top or inside a function, and which methods it calls: `datetime.now`, `?.commit`."""

    path: str
    modules: frozenset[str]
    called: frozenset[str]


@cache
def sources() -> list[Source]:
    """Each file read once: to read them takes longer than all questions to them."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [read(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


def read(path: str, text: str) -> Source:
    modules, called = set(), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules.add(node.module or "")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            called.add(f"{owner.id if isinstance(owner, ast.Name) else '?'}.{node.func.attr}")
    return Source(path, frozenset(modules), frozenset(called))


def importers(name: str) -> set[str]:
    """Files that import a package, at the top or inside a function."""
    return {
        source.path
        for source in sources()
        if any(module == name or module.startswith(f"{name}.") for module in source.modules)
    }


@cache
def repository_texts() -> list[tuple[str, str]]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    texts = []
    for name in listed.stdout.splitlines():
        with suppress(UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            texts.append((name, (ROOT / name).read_text(encoding="utf-8")))
    return texts


def test_imports_point_down() -> None:
    command = [ROOT / ".venv/bin/lint-imports", "--config", "pyproject.toml", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_jose_is_imported_in_one_file() -> None:
    assert importers("jose") == {"signing/jose.py"}


def test_sqlmodel_is_imported_by_tables_and_storage_only() -> None:
    strangers = {path for path in importers("sqlmodel") if Path(path).name not in {"tables.py", "store.py"}}
    assert {path for path in strangers if not path.startswith("hub/storage/")} == set()
    assert "catalog/tables.py" in importers("sqlmodel")


def test_only_storage_commits() -> None:
    committing = {source.path for source in sources() if any(name.endswith(".commit") for name in source.called)}
    assert {path for path in committing if not path.startswith("hub/storage/")} == set()
    assert "hub/storage/database.py" in committing


def test_only_one_file_reads_the_clock() -> None:
    clock = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
    readers = {source.path for source in sources() if source.called & clock}
    assert readers <= {"hub/clock.py"}


def test_no_file_is_longer_than_two_screens_of_ideas() -> None:
    long = {
        name: text.count("\n")
        for name, text in repository_texts()
        if name.endswith(".py") and name.startswith(PACKAGES) and "/migrations/" not in name
    }
    assert {name: lines for name, lines in long.items() if lines > 400} == {}


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_loads_nothing_from_elsewhere(client: httpx2.AsyncClient, path: str) -> None:
    page = await client.get(path)
    assert page.status_code == 200
    # Not every "//": the checkpoint on the start page is base64.
    named = re.findall(r"""(?:https?|wss?)://([\w.:-]+)|(?:src|href|action)=["']?//([\w.:-]+)""", page.text)
    assert {first or second for first, second in named} <= {PUBLIC_URL.removeprefix("http://")}
    assert "default-src 'self'" in page.headers["content-security-policy"]
    loaded = re.findall(r"""(?:src|href)=["'](/[^"'#?]*)""", page.text)
    for asset in {name for name in loaded if name.startswith("/static")}:
        answer = await client.get(asset)
        assert answer.status_code == 200, asset
        if asset.endswith(".css") and not asset.startswith("/static-docs"):
            assert "//" not in re.sub(r"/\*.*?\*/", "", answer.text, flags=re.DOTALL)
            assert "@import" not in answer.text


FORBIDDEN = {
    # Written so that this file does not match itself.
    "a package registry": r"py[p]i\.(?:org|python|tuna|douban)|files\.python[h]osted|registry\.npm[j]s|npm[m]irror",
    "an index option": r"--(?:extra-)?ind[e]x-url[ =]\S|--find-lin[k]s[ =]\S",
    "a machine's path": r"(?<![\w.])/(?:wor[k]|roo[t]|Use[r]s|hom[e])/\w",
    "a private address": r"(?<![\d.])(?:1[0]\.\d{1,3}|192\.16[8])\.\d{1,3}\.\d{1,3}(?![\d.])",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_text_file_names(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = {name: match.group() for name, text in repository_texts() if (match := pattern.search(text))}
    assert found == {}


def test_lock_files_name_no_place_and_hash_everything() -> None:
    locks = sorted((ROOT / "deploy").glob("*.lock"))
    assert [path.name for path in locks] == ["core.lock", "dev.lock"]
    for path in locks:
        text = path.read_text(encoding="utf-8")
        assert "://" not in text
        pins = [block for block in re.split(r"\n(?=[a-z0-9])", "\n" + text) if "==" in block]
        assert len(pins) > 30
        assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin] == []


def test_the_development_lock_keeps_every_version_of_the_core() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "deploy" / name).read_text(encoding="utf-8")
        return set(re.findall(r"^[a-z0-9._-]+(?:\[[a-z,]+\])?==[^ ;\\]+", text, re.MULTILINE))

    assert pins("core.lock") <= pins("dev.lock")


def test_the_pages_made_from_code_are_up_to_date() -> None:
    from deploy.generate_docs import PROBLEMS, pages

    wanted = pages()
    assert {path: (ROOT / path).read_text(encoding="utf-8") for path in wanted} == wanted
    assert {path.relative_to(ROOT) for path in (ROOT / PROBLEMS).glob("*")} == set(wanted)
    assert {f"{kind.slug}.md" for kind in problem_types()} < {path.name for path in wanted}
